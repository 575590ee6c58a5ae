"""The assertions of the restated functions are there, and can be told apart."""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

import pytest

import mmspec.spec.page
from tests.spec_mutants import source_of

#: What is to be asserted, in which function, and by which part of its text.
ASSERTED = (
    # splitting
    ("a head is frozen", "freeze_page", '"VM_BUG_ON_PAGE(!PageHead(page))"'),
    ("freezing succeeds", "freeze_page", '"VM_BUG_ON_PAGE(!unmap_success)"'),
    ("freezing leaves no mapping", "freeze_page", "VM_WARN_ON_ONCE_PAGE(page_mapped(page), page)"),
    ("what is split is locked", "split_huge_page_to_list", '"VM_BUG_ON_PAGE(!PageLocked(page))"'),
    (
        "what is split is a compound",
        "split_huge_page_to_list",
        '"VM_BUG_ON_PAGE(!PageCompound(page))"',
    ),
    ("no PMD maps it then", "split_huge_page_to_list", '"VM_BUG_ON_PAGE(compound_mapcount(head))"'),
    ("nothing maps it then", "split_huge_page_to_list", '"kernel BUG: total_mapcount(head) > 0"'),
    (
        "no PTE maps a tail",
        "__split_huge_page_tail",
        '"VM_BUG_ON_PAGE(page_tail->_mapcount != -1)"',
    ),
    (
        "a tail has no references",
        "__split_huge_page_tail",
        '"VM_BUG_ON_PAGE(page_ref_count(page_tail) != 0)"',
    ),
    ("a tail has TAIL_MAPPING", "set_tail_mapping", "page_tail->mapping != TAIL_MAPPING)"),
    (
        "what is split off is held",
        "memory_failure",
        '"VM_BUG_ON_PAGE(!page_count(p), p)"',
    ),
    ("a head is taken apart", "ClearPageCompound", "BUG_ON(head.flags & PG_head == 0)"),
    ("who has a locked anon_vma walks it", "rmap_walk_anon", '"VM_BUG_ON_PAGE(!anon_vma)"'),
    # splitting PMDs
    (
        "a PMD's address is aligned",
        "__split_huge_pmd_locked",
        '"VM_BUG_ON(haddr & ~HPAGE_PMD_MASK)"',
    ),
    (
        "it begins in the VMA",
        "__split_huge_pmd_locked",
        '"VM_BUG_ON_VMA(vma->vm_start > haddr)"',
    ),
    (
        "it ends in the VMA",
        "__split_huge_pmd_locked",
        '"VM_BUG_ON_VMA(vma->vm_end < haddr + SIZE)"',
    ),
    (
        "it is huge, or a migration entry",
        "__split_huge_pmd_locked",
        '"VM_BUG_ON(!is_pmd_migration_entry(*pmd) && !pmd_trans_huge(*pmd))"',
    ),
    ("its page has references", "__split_huge_pmd_locked", '"VM_BUG_ON_PAGE(!page_count(page))"'),
    ("the slots of a deposited table are none", "init_pte", "BUG_ON(not pte_none(pte.val))"),
    ("to freeze, the page is known", "__split_huge_pmd", '"VM_BUG_ON(freeze && !page)"'),
    (
        "a part of a PMD is zapped with mmap_sem",
        "zap_pmd_range",
        '"VM_BUG_ON_VMA(!rwsem_is_locked(&tlb->mm->mmap_sem))"',
    ),
    # unmapping
    ("PMDs have been split", "try_to_unmap_one", '"VM_BUG_ON_PAGE(!pvmw.pte): unexpected'),
    (
        "a huge page is converted whole",
        "try_to_unmap_one",
        '"VM_BUG_ON_PAGE(!PageTransCompound(page))"',
    ),
    (
        "what is swapped is in the swap cache",
        "try_to_unmap_one",
        "WARN_ON_ONCE(PageSwapBacked(page) != PageSwapCache(page))",
    ),
    ("a page is looked for in its VMA", "_assert_in_vma", "start >= vma->vm_end)"),
    # migration entries
    ("the page of a new entry is locked", "make_migration_entry", "BUG_ON(not PageLocked(page))"),
    ("the page of an entry is locked", "migration_entry_to_page", "BUG_ON(not PageLocked(page))"),
    ("no tail is restored", "remove_migration_pte", '"VM_BUG_ON_PAGE(PageTail(page))"'),
    (
        "a huge page is restored whole",
        "remove_migration_pte",
        '"VM_BUG_ON_PAGE(!PageTransCompound(page))"',
    ),
    ("what moves is locked", "move_to_new_page", '"VM_BUG_ON_PAGE(!PageLocked(page))"'),
    ("where it moves is locked", "move_to_new_page", '"VM_BUG_ON_PAGE(!PageLocked(newpage))"'),
    (
        "what is mapped has an anon_vma",
        "__unmap_and_move",
        '"VM_BUG_ON_PAGE(PageAnon(page) && !PageKsm(page) && !anon_vma)"',
    ),
    ("no active page is unevictable", "migrate_page_states", '"VM_BUG_ON_PAGE(PageUnevictable('),
    (
        "something is to be moved",
        "do_migrate_pages",
        '"VM_BUG_ON(!(flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)))"',
    ),
    # zap, fork, faults
    ("a zapped PMD was counted", "zap_huge_pmd", '"VM_BUG_ON_PAGE(page_mapcount(page) < 0)"'),
    ("a PMD maps a head", "zap_huge_pmd", '"VM_BUG_ON_PAGE(!PageHead(page))"'),
    (
        "a PMD that is not present is a migration entry: zap",
        "zap_huge_pmd",
        '"VM_BUG_ON(!is_pmd_migration_entry(orig_pmd))"',
    ),
    (
        "the same: MADV_FREE",
        "madvise_free_huge_pmd",
        '"VM_BUG_ON(!is_pmd_migration_entry(orig_pmd))"',
    ),
    ("the same: fork", "copy_huge_pmd", '"VM_BUG_ON(!is_pmd_migration_entry(pmd))"'),
    ("the same: fault", "__handle_mm_fault", '"VM_BUG_ON(!is_pmd_migration_entry(orig_pmd))"'),
    ("a child inherits a head", "copy_huge_pmd", '"VM_BUG_ON_PAGE(!PageHead(src_page))"'),
    (
        "a huge PMD is copied whole",
        "copy_pmd_range",
        '"VM_BUG_ON_VMA(next - addr != HPAGE_PMD_SIZE)"',
    ),
    ("a new huge page is a compound", "_assert_compound", '"VM_BUG_ON_PAGE(!PageCompound(page))"'),
    ("what is mapped belongs to an anon_vma", "_assert_anon_vma", "VM_BUG_ON_VMA(!vma->anon_vma)"),
    ("a huge page is copied from its head", "do_huge_pmd_wp_page", "!PageHead(page))"),
    (
        "a huge page is copied to base pages from its head",
        "do_huge_pmd_wp_page_fallback",
        '"VM_BUG_ON_PAGE(!PageHead(page))"',
    ),
    (
        "what is cleared and flushed is huge",
        "pmdp_huge_clear_flush",
        '"VM_BUG_ON(!pmd_trans_huge(*pmdp) && !pmd_devmap(*pmdp))"',
    ),
    ("a page is reused with its lock", "reuse_swap_page", '"VM_BUG_ON_PAGE(!PageLocked(page))"'),
    ("a range is not empty", "zap_pmd_range", "BUG_ON(start >= end)"),
    # the reverse map
    ("a mapping is added with the page lock", "do_page_add_anon_rmap", "!PageLocked(page))"),
    (
        "another mapping is by the same anon_vmas",
        "__page_check_anon_rmap",
        '"BUG_ON(page_anon_vma(page)->root != vma->anon_vma->root)"',
    ),
    (
        "and at the same offset",
        "__page_check_anon_rmap",
        '"BUG_ON(page_to_pgoff(page) != linear_page_index(vma, address))"',
    ),
    ("what is mapped has an anon_vma", "__page_set_anon_rmap", "BUG_ON(anon_vma is NULL)"),
    ("a new mapping is in its VMA", "page_add_new_anon_rmap", "address < vma->vm_start)"),
    (
        "a new mapping is in its VMA, not behind",
        "page_add_new_anon_rmap",
        "address >= vma->vm_end)",
    ),
    (
        "only huge pages have compound mappings",
        "page_add_new_anon_rmap",
        '"VM_BUG_ON_PAGE(!PageTransHuge(page))"',
    ),
    ("an anon_vma is moved to with the page lock", "page_move_anon_rmap", "!PageLocked(page))"),
    ("there is one to move to", "page_move_anon_rmap", '"VM_BUG_ON_VMA(!anon_vma)"'),
    (
        "a huge page that is taken for another is a head",
        "page_remove_file_rmap",
        '"VM_BUG_ON_PAGE(compound && !PageHead(page))"',
    ),
    (
        "an anon_vma is freed without references",
        "kmem_cache_free_anon_vma",
        "&anon_vma->refcount))",
    ),
    ("an anon_vma is unlinked without children", "_warn_if_used", "VM_WARN_ON(anon_vma->degree)"),
    ("anon_vmas of a VMA have one root", "lock_anon_vma_root", "WARN_ON_ONCE(root)"),
    # pages
    ("nobody counts mappings of a tail", "total_mapcount", '"VM_BUG_ON_PAGE(PageTail(page))"'),
    ("nobody asks a tail whether it is huge", "PageTransHuge", '"VM_BUG_ON_PAGE(PageTail(page))"'),
    ("only compounds have PMD mappings", "compound_mapcount", '"VM_BUG_ON_PAGE(!PageCompound('),
    ("PG_double_map is set for a head", "TestSetPageDoubleMap", "VM_BUG_ON_PAGE(!PageHead(page))"),
    ("and cleared", "TestClearPageDoubleMap", "VM_BUG_ON_PAGE(!PageHead(page))"),
    ("there is a reference to be dropped", "put_page_testzero", "page_ref_count(page) == 0)"),
    ("there is a reference to be added to", "_get_page", "page_ref_count(page) <= 0)"),
    ("what is unlocked is locked", "_unlock_page", '"VM_BUG_ON_PAGE(!PageLocked(page))"'),
    ("a head is freed", "free_pages_prepare", '"VM_BUG_ON_PAGE(PageTail(page))"'),
    ("as it was allocated", "free_pages_prepare", "compound_order(page) != order)"),
    ("what is isolated has references", "isolate_lru_page", '"VM_BUG_ON_PAGE(!page_count(page))"'),
    ("what is put back is not on the LRU", "putback_lru_page", '"VM_BUG_ON_PAGE(PageLRU(page))"'),
    ("what is added is not on the LRU", "lru_cache_add", '"VM_BUG_ON_PAGE(PageLRU(page))"'),
    ("what is taken off is on the LRU", "__page_cache_release", "VM_BUG_ON_PAGE(!PageLRU(page))"),
    (
        "only huge pages are queued",
        "deferred_split_huge_page",
        "VM_BUG_ON_PAGE(!PageTransHuge(page))",
    ),
    ("a PMD table is freed with no deposit", "mm_free", '"VM_BUG_ON_PAGE(page->pmd_huge_pte)"'),
    # mlock
    ("what is mlocked is locked", "mlock_vma_page", "BUG_ON(not PageLocked(page))"),
    ("it is no tail", "mlock_vma_page", '"VM_BUG_ON_PAGE(PageTail(page))"'),
    (
        "PTEs do not map it",
        "mlock_vma_page",
        '"VM_BUG_ON_PAGE(PageCompound(page) && PageDoubleMap(page))"',
    ),
    ("what is munlocked is locked", "munlock_vma_page", "BUG_ON(not PageLocked(page))"),
    ("a followed PMD maps a head", "follow_trans_huge_pmd", '"VM_BUG_ON_PAGE(!PageHead(page))"'),
)

#: What functions that are restated assert in the kernel, and not here.
LEFT_OUT = {
    "VM_BUG_ON_PAGE(PageHuge(page))": "hugetlb is no part of the specification",
    "VM_BUG_ON_PAGE(is_huge_zero_page(page))": "nor is the huge zero page",
    "VM_BUG_ON_PAGE(PageSlab(page))": "nor are slabs",
    "VM_BUG_ON_PAGE(!PageIsolated(page))": "nor are movable pages of drivers",
    "assert_spin_locked(pmd_lockptr(mm, pmdp))": "pmd_huge_pte is guarded(): a data race",
    "VM_BUG_ON(tlb->batch.nr > max)": "a batch is an array: an index outside it is an oops",
    "VM_BUG_ON_PAGE(PageActive(page) && PageUnevictable(page))": "no page is active here",
    "VM_BUG_ON_MM(!rwsem_is_locked(&mm->mmap_sem))": "a list of VMAs is read with it, or raced",
}


@pytest.mark.parametrize(("what", "function", "text"), ASSERTED, ids=lambda it: str(it)[:40])
def test_it_is_asserted(what: str, function: str, text: str) -> None:
    assert text in source_of(function), what


def _assertions() -> list[tuple[str, str]]:
    """Every `assert` of the specification: its function, and its text."""
    found = []
    for info in pkgutil.iter_modules(mmspec.spec.page.__path__):
        path = Path(mmspec.spec.page.__path__[0]) / f"{info.name}.py"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Assert):
                        assert isinstance(inner.msg, ast.Constant), node.name
                        found.append((node.name, str(inner.msg.value)))
    return found


#: The kernel asserts the same twice in these functions.
TWICE = {
    ("do_page_add_anon_rmap", "VM_BUG_ON_PAGE(!PageLocked(page))"),
}


def test_the_text_of_an_assertion_says_which_of_its_function_it_is() -> None:
    texts = [one for one in _assertions() if one not in TWICE]

    assert sorted(texts) == sorted(set(texts))


def test_what_is_left_out_is_not_there() -> None:
    texts = {text for _, text in _assertions()}

    assert not texts & set(LEFT_OUT)
