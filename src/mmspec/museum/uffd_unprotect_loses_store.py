"""A store is lost between userfaultfd's change of a page's protection and its flush.

To unprotect a page that is not protected takes its write bit away: the next fault is to find out
whether it may be writable. Until the flush another processor still stores by its old translation.
Whoever faults meanwhile may copy the page, since v5.9 for any reference that a device has, and maps
the copy: what was stored after it had been made is gone. The fix flushes before it copies.
"""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_WP_FLUSHES_BEFORE_COPY, USERFAULTFD_WP
from mmspec.kernels.releases import v4_14_sole_reference
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.protected_copied import SCENARIO
from mmspec.spec.page.memory import wp_page_copy

BUG = Bug(
    fixed=UFFD_WP_FLUSHES_BEFORE_COPY,
    kernel=v4_14_sole_reference.with_(USERFAULTFD_WP, UFFD_WP_FLUSHES_BEFORE_COPY),
    scenario=SCENARIO,
    cases=("read_by_device/use/unprotect/pin",),
    violates=no_store_is_lost,
    key_steps=(
        "unprotect: change_pte_range: writes val",
        "pin: wp_page_copy",
        "use: cpu_store: writes data",
        "pin: ptep_clear_flush",
        "use: cpu_load",
    ),
    steps=47,
    states=6_076,
    exhausted=19_036,
    reached=(wp_page_copy,),
    introduced=USERFAULTFD_WP,
)
