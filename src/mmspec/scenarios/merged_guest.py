"""KSM merges the memory of a guest while the guest uses it: what it was made for."""

from __future__ import annotations

from mmspec.scenarios.merged import SCENARIO as MERGED
from mmspec.scenarios.merged import alike, merge
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.ksmd import replace_page
from mmspec.spec.page.kvm_mmu import tdp_page_fault
from mmspec.spec.page.syscalls import guest_load, guest_store, ksmd, kvm_create, load

# ------------------------------------------------------------------------------------- set-ups


def guest_alike() -> None:
    """Two base pages of equal content, which a guest has stored to."""
    alike()
    kvm_create()
    guest_store(USER_BASE, 1)
    guest_store(USER_BASE + PAGE_SIZE, 1)


def guest_joined() -> None:
    """The same, which ksmd has merged."""
    guest_alike()
    ksmd()


# --------------------------------------------------------------------------------------- tasks


def run() -> None:
    """The guest stores to the first page, and looks at both; and the process does."""
    guest_store(USER_BASE, 2)
    guest_load(USER_BASE)
    guest_load(USER_BASE + PAGE_SIZE)
    load(USER_BASE)


def read() -> None:
    """The guest looks at both."""
    guest_load(USER_BASE)
    guest_load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="merged_guest",
    title="pages of equal content are merged while a guest uses them",
    cases=crossed((guest_alike, guest_joined), (run, read), (merge,)),
    rows=USUAL_ROWS,
    config=MERGED.config.with_(guests=1),
    witnesses=(
        Witness("a page is replaced by a merged one", replace_page),
        Witness("a guest faults", tdp_page_fault),
    ),
    explanation=__doc__,
)
