"""A fault waits for its userfaultfd where a huge page is only being moved.

Before it sleeps, a fault that a process is to serve looks whether that has been done meanwhile. It
took whatever is not present for missing, also the migration entry of a huge page, and nobody would
wake it. The fix says that this may not be a problem in practice.
"""

from __future__ import annotations

from mmspec.kernels.changes import USERFAULT_WAITS_ONLY_FOR_NONE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.filled import SCENARIO
from mmspec.spec.page.userfaultfd import mcopy_atomic_pte

BUG = Bug(
    fixed=USERFAULT_WAITS_ONLY_FOR_NONE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("missing/write/serve/move",),
    violates=the_kernel_does_not_oops,
    key_steps=(),
    steps=0,
    states=17_769,
    exhausted=17_769,
    reached=(mcopy_atomic_pte,),
    not_here=(
        "where missing pages are left to a userfaultfd no fault maps a huge page, and UFFDIO_COPY "
        "maps base pages only"
    ),
)
