"""The stack that exec is building is left alone by migration, until it is in its place."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14
from mmspec.spec.machine.pgtable import is_swap_pte, pte_pfn, pte_present
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_END
from mmspec.spec.page.exec import (
    LinuxBinprm,
    bprm_mm_init,
    copy_strings,
    exec_mmap,
    setup_arg_pages,
)
from mmspec.spec.page.filemap import lock_page, unlock_page
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL, do_migrate_pages
from mmspec.spec.page.mm import get_page, page_to_nid
from mmspec.spec.page.mm_types import Mm, Page, mem_map, mms
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.rmap import TTU, is_vma_temporary_stack, try_to_unmap
from mmspec.spec.page.swap import put_page
from mmspec.spec.page.syscalls import boot, load
from tests.spec.running import Machine, machine

MIGRATE = TTU.MIGRATION | TTU.IGNORE_MLOCK | TTU.IGNORE_ACCESS
KERNELS = pytest.mark.parametrize("kernel", [v4_13, v4_14], ids=str)


def _begin(made: Machine) -> LinuxBinprm:
    """A process that has come as far as to put its arguments on the temporary stack."""

    def begin() -> LinuxBinprm:
        bprm = LinuxBinprm()
        assert bprm_mm_init(bprm) == 0
        assert copy_strings(bprm, 7) == 0
        return bprm

    made.call(boot)
    return made.call(begin)


def _pte(mm: Mm, from_top: int) -> int:
    """The PTE of the n-th user page from the top, 1 for the last."""
    return pmd_table(mm.pgd.pmd[0].val).pte[4 - from_top].val


def _unmap(page: Page, flags: TTU) -> bool:
    """try_to_unmap() with a reference, which stays."""
    get_page(page)
    lock_page(page)
    unmapped = try_to_unmap(page, flags)
    unlock_page(page)
    return unmapped


@KERNELS
def test_the_stack_has_base_pages_only(kernel: Kernel) -> None:
    with machine(kernel) as made:
        bprm = _begin(made)

        assert is_vma_temporary_stack(bprm.vma)
        assert pte_present(_pte(bprm.mm, 1))


@KERNELS
def test_migration_skips_it_until_exec_is_done(kernel: Kernel) -> None:
    with machine(kernel) as made:
        bprm = _begin(made)
        page = mem_map[pte_pfn(_pte(bprm.mm, 1))]

        assert made.call(do_migrate_pages, bprm.mm, 0, 1, MPOL_MF_MOVE_ALL) == 1
        assert not made.call(_unmap, page, MIGRATE)
        made.call(put_page, page)
        assert pte_present(_pte(bprm.mm, 1))

        made.call(exec_mmap, bprm.mm)
        assert made.call(setup_arg_pages, bprm, PAGE_SIZE) == 0
        assert made.call(do_migrate_pages, bprm.mm, 0, 1, MPOL_MF_MOVE_ALL) == 0
        assert page_to_nid(mem_map[pte_pfn(_pte(bprm.mm, 2))]) == 1


def test_a_freeze_skips_it_as_well() -> None:
    with machine(v4_14) as made:
        bprm = _begin(made)
        page = mem_map[pte_pfn(_pte(bprm.mm, 1))]

        assert not made.call(_unmap, page, TTU.IGNORE_ACCESS | TTU.SPLIT_FREEZE)

        assert pte_present(_pte(bprm.mm, 1))


def test_reclaim_does_not_skip_it() -> None:
    with machine(v4_14) as made:
        bprm = _begin(made)
        page = mem_map[pte_pfn(_pte(bprm.mm, 1))]

        # it is asked for, and refused because it was used lately
        assert not made.call(_unmap, page, TTU(0))
        assert not _pte(bprm.mm, 1) & 0x20


@KERNELS
def test_the_stack_moves_down_with_its_pages(kernel: Kernel) -> None:
    with machine(kernel) as made:
        bprm = _begin(made)
        page = mem_map[pte_pfn(_pte(bprm.mm, 1))]
        made.call(exec_mmap, bprm.mm)

        made.call(setup_arg_pages, bprm, PAGE_SIZE)

        assert (bprm.vma.vm_start, bprm.vma.vm_end) == (
            USER_END - 2 * PAGE_SIZE,
            USER_END - PAGE_SIZE,
        )
        assert _pte(bprm.mm, 1) == 0
        assert mem_map[pte_pfn(_pte(bprm.mm, 2))] is page
        assert not is_vma_temporary_stack(bprm.vma)
        made.call(load, USER_END - 2 * PAGE_SIZE)
        # the reverse map finds it at its new address
        assert made.call(_unmap, page, MIGRATE)
        assert is_swap_pte(_pte(bprm.mm, 2))
        assert mms[0].mm_users == 0
