"""A page that a device reads is copied while a userfaultfd changes its protection."""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_WP_FLUSHES_BEFORE_COPY, USERFAULTFD_WP
from mmspec.kernels.releases import v4_14_sole_reference
from mmspec.lang import Config
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.memory import wp_page_copy
from mmspec.spec.page.mm_types import VM_UFFD_WP
from mmspec.spec.page.syscalls import (
    boot,
    load,
    mmap,
    pin_user_page,
    share_mm,
    store,
    uffd_register,
    uffd_writeprotect,
    unpin,
)


def read_by_device() -> None:
    """A page in a process of three threads, which a device reads; its stores may be asked for."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    uffd_register(USER_BASE, VM_UFFD_WP)
    share_mm(1)
    share_mm(2)
    pin_user_page(USER_BASE, False)


def use() -> None:
    """Store to the page, and look whether it is there; the device is done."""
    store(USER_BASE, 2)
    load(USER_BASE)
    unpin(False)


def unprotect() -> None:
    """Permit stores, which were permitted before."""
    uffd_writeprotect(USER_BASE, PAGE_SIZE, False)


def pin() -> None:
    """Let another device store to the page, which does not."""
    if pin_user_page(USER_BASE, True):
        unpin(False)


_v5_9 = v4_14_sole_reference.with_(USERFAULTFD_WP)

SCENARIO = Scenario(
    name="protected_copied",
    title="a page is copied while a userfaultfd changes its protection",
    cases=(Case("read_by_device/use/unprotect/pin", read_by_device, (use, unprotect, pin)),),
    rows=(
        Row("sole reference", _v5_9, "with v5.7's write protection and v5.9's copy-on-write"),
        Row("fixed", _v5_9.with_(UFFD_WP_FLUSHES_BEFORE_COPY), "as of v5.12"),
    ),
    config=Config.of(
        order=1,
        frames=8,
        tasks=3,
        mms=1,
        vmas=1,
        anon_vmas=1,
        avcs=1,
        tables=2,
        userfaultfds=1,
        pins=1,
    ),
    witnesses=(Witness("a page is copied", wp_page_copy),),
    explanation=__doc__,
)
