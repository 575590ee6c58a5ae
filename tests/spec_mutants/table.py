"""The mutants of the specification, by file of mm/."""

from __future__ import annotations

from mmspec.kernels.changes import MIGRATION_WAIT_TAKES_NO_REFERENCE
from mmspec.kernels.releases import v4_14_fixed
from tests.spec_mutants import Mutant

#: Later kernels wait for a migration without holding the page.
WAITS_WITH_A_REFERENCE = v4_14_fixed.without(MIGRATION_WAIT_TAKES_NO_REFERENCE)

MUTANTS = (
    # ---------------------------------------------------------------- machine/locks.py
    Mutant(
        "spin_lock",
        "wait_until(lambda: not lock.locked)",
        "wait_until(lambda: True)",
        "does not wait",
    ),
    Mutant(
        "down_write",
        "not sem.writer and not sem.readers",
        "not sem.writer",
        "does not wait for readers",
    ),
    Mutant("down_read", "not sem.writer", "True", "does not wait for a writer"),
    Mutant(
        "tried_down_write",
        "not sem.writer and not sem.readers",
        "not sem.writer",
        "does not wait for readers",
    ),
    Mutant(
        "tried_down_read",
        "wait_until(lambda: not sem.writer)",
        "wait_until(lambda: True)",
        "does not wait for a writer",
    ),
    Mutant(
        "tried_down_read_trylock",
        "    if sem.writer:\n        return False\n",
        "",
        "takes what is taken",
        survives="a step under a lock is taken for one that nobody disturbs",
    ),
    # -------------------------------------------------------------- machine/pgtable.py
    Mutant(
        "pte_present", "(_PAGE_PRESENT | _PAGE_PROTNONE)", "_PAGE_DIRTY", "says whether it is dirty"
    ),
    Mutant("pmd_present", " | _PAGE_PSE", "", "forgets PMDs that are being invalidated"),
    Mutant(
        "is_swap_pte",
        "not pte_none(pte) and not pte_present(pte)",
        "not pte_present(pte)",
        "takes none for an entry",
    ),
    Mutant(
        "pmd_mknotpresent",
        "return pmd & ~(_PAGE_PRESENT | _PAGE_PROTNONE)",
        "return pmd & ~_PAGE_PROTNONE",
        "leaves it present",
    ),
    Mutant("pmd_wrprotect", "~_PAGE_RW", "~_PAGE_DIRTY", "leaves it writable"),
    Mutant("pte_wrprotect", "~_PAGE_RW", "~_PAGE_DIRTY", "leaves it writable"),
    Mutant(
        "is_write_migration_entry",
        "== SWP_MIGRATION_WRITE",
        "!= SWP_MIGRATION_WRITE",
        "says the opposite",
    ),
    Mutant(
        "make_migration_entry_read",
        "SWP_MIGRATION_READ <<",
        "SWP_MIGRATION_WRITE <<",
        "makes it writable",
    ),
    Mutant(
        "is_migration_entry",
        " or swp_type(entry) == SWP_MIGRATION_WRITE",
        "",
        "forgets writable ones",
    ),
    Mutant(
        "pte_to_swp_entry",
        "SWP_OFFSET_FIRST_BIT & SWP_OFFSET_MASK",
        "SWP_OFFSET_FIRST_BIT & 1",
        "loses bits of the offset",
    ),
    Mutant("pte_swp_mksoft_dirty", "pte | _page_swp_soft_dirty()", "pte", "does nothing"),
    # ----------------------------------------------------------------------- cpu.py
    Mutant("_used", "_PAGE_ACCESSED | _PAGE_DIRTY", "_PAGE_ACCESSED", "a store sets no dirty bit"),
    # -------------------------------------------------------------------- filemap.py
    Mutant(
        "_lock_page",
        "wait_until(lambda: not page.flags & PG_locked)",
        "wait_until(lambda: True)",
        "does not wait",
    ),
    Mutant(
        "_trylock_page",
        "    if page.flags & PG_locked:\n        return False\n",
        "",
        "takes what is taken",
    ),
    Mutant("lock_page", "compound_head(page)", "page", "takes a tail's"),
    # ------------------------------------------------------------------------- mm.py
    Mutant(
        "page_ref_freeze",
        "page._refcount != count",
        "page._refcount < count",
        "freezes with a reference too many",
    ),
    Mutant(
        "get_page_unless_zero",
        "    if page._refcount == 0:\n        return False\n",
        "",
        "takes one of what is free",
    ),
    Mutant(
        "put_page_testzero",
        "return page._refcount == 0",
        "return page._refcount == 1",
        "says so too early",
    ),
    Mutant("get_page", "_get_page(compound_head(page))", "_get_page(page)", "takes a tail's"),
    Mutant(
        "compound_mapcount_dec",
        "return (page + 1).mapping < 0",
        "return (page + 1).mapping <= 0",
        "says so too early",
    ),
    Mutant(
        "compound_mapcount_inc_and_test",
        ".mapping == 0",
        ".mapping >= 0",
        "every mapping is the first",
    ),
    Mutant(
        "mapcount_inc_and_test",
        "page._mapcount == 0",
        "page._mapcount >= 0",
        "every mapping is the first",
    ),
    Mutant(
        "mapcount_add_negative", "page._mapcount < 0", "page._mapcount <= 0", "says so too early"
    ),
    Mutant(
        "page_mapcount",
        "count -= 1",
        "count -= 0",
        "ignores PG_double_map",
        survives="asked whether it is 1, and nothing here has it for both reasons",
    ),
    Mutant("page_mapcount", "count += compound_mapcount(head)", "count += 0", "ignores PMDs"),
    Mutant(
        "total_mapcount", "count -= HPAGE_PMD_NR", "count -= 1", "takes one off for PG_double_map"
    ),
    Mutant("total_mapcount", "range(HPAGE_PMD_NR)", "range(1, HPAGE_PMD_NR)", "forgets the head"),
    Mutant(
        "page_mapped",
        "compound_mapcount(head) > 0",
        "compound_mapcount(head) > 1",
        "ignores a single PMD",
    ),
    Mutant(
        "page_mapped",
        "range(HPAGE_PMD_NR)",
        "range(1)",
        "looks at the head only",
        survives="takes a huge page of which only tails are mapped",
    ),
    Mutant("hpage_nr_pages", "return HPAGE_PMD_NR", "return 1", "counts a huge page for one"),
    Mutant(
        "page_to_pgoff", "(index_of(page) - index_of(head))", "0", "a tail is where its head is"
    ),
    # -------------------------------------------------------------------- pgtable.py
    Mutant(
        "pmd_none_or_trans_huge_or_clear_bad",
        " or not pmd_present(val)",
        "",
        "takes a migration entry for a bad PMD",
    ),
    Mutant("flush_tlb_range", "cpus[cpu].small[k] = 0", "pass", "leaves small translations"),
    Mutant("flush_tlb_range", "cpus[cpu].huge[k] = 0", "pass", "leaves huge translations"),
    Mutant("flush_tlb_mm", "cpus[cpu].huge[k] = 0", "pass", "leaves huge translations"),
    Mutant("flush_tlb_mm", "cpus[cpu].small[k] = 0", "pass", "leaves small translations"),
    Mutant(
        "ptep_clear_flush",
        "pte_accessible(vma.vm_mm, was)",
        "not pte_accessible(vma.vm_mm, was)",
        "flushes when it need not",
    ),
    Mutant(
        "pmdp_huge_clear_flush", "    flush_pmd_tlb_range(vma, address)\n", "", "does not flush"
    ),
    Mutant("pmdp_invalidate", "    flush_pmd_tlb_range(vma, address)\n", "", "does not flush"),
    Mutant(
        "pmdp_establish_not_present",
        "pmd.val = pmd_mknotpresent(was)",
        "pmd.val = 0",
        "leaves none",
    ),
    Mutant(
        "ptep_set_wrprotect",
        "pte.val = pte_wrprotect(pte.val)",
        "pte.val = pte.val",
        "does nothing",
    ),
    Mutant(
        "pmdp_set_wrprotect",
        "pmd.val = pmd_wrprotect(pmd.val)",
        "pmd.val = pmd.val",
        "does nothing",
    ),
    Mutant(
        "__pmd_trans_huge_lock", "    spin_unlock(ptl)\n", "", "keeps the lock of what is not huge"
    ),
    Mutant(
        "pgtable_trans_huge_withdraw",
        "pgd.pmd_huge_pte = table.next",
        "pgd.pmd_huge_pte = table",
        "leaves the table",
    ),
    Mutant(
        "pgtable_trans_huge_deposit",
        "pgd.pmd_huge_pte = table",
        "pgd.pmd_huge_pte = NULL",
        "loses the table",
    ),
    Mutant("maybe_mkwrite", "return pte_mkwrite(pte)", "return pte", "makes nothing writable"),
    # ------------------------------------------------------------- page_vma_mapped.py
    Mutant("check_pte", "pfn < first + nr", "pfn <= first + nr", "finds the page behind it, too"),
    Mutant("check_pte", "nr = hpage_nr_pages(pvmw.page)", "nr = 1", "finds heads only"),
    Mutant(
        "check_pte",
        "        if not is_migration_entry(entry):\n            return False\n",
        "",
        "takes any entry",
    ),
    Mutant(
        "map_pte",
        "not is_swap_pte(pteval)",
        "is_swap_pte(pteval)",
        "passes entries by",
        survives="who looks for entries asks with PVMW_SYNC, and takes the lock first",
    ),
    Mutant(
        "_check_pmd",
        "    spin_unlock(pvmw.ptl)\n    pvmw.ptl = NULL\n    return NEXT",
        "    pvmw.ptl = NULL\n    return NEXT",
        "keeps the PMD's lock",
    ),
    Mutant(
        "_check_pmd",
        "        if pvmw.flags & PVMW_MIGRATION:\n            return NOT_FOUND\n",
        "",
        "finds a huge PMD where an entry is looked for",
    ),
    Mutant(
        "_check_pmd",
        "migration_entry_to_pfn(entry) == page_to_pfn(pvmw.page)",
        "True",
        "finds another page's entry",
        survives="takes two huge pages of one anon_vma that move at once",
    ),
    Mutant(
        "_enter",
        "                page_vma_mapped_walk_done(pvmw)\n",
        "                pass\n",
        "keeps the lock of what it has not found",
    ),
    Mutant(
        "_seek",
        "    if not PageTransHuge(pvmw.page):\n        page_vma_mapped_walk_done(pvmw)\n"
        "        return NOT_FOUND\n",
        "",
        "goes on behind a base page",
        survives="the next address is the end of a base page: the result is the same",
    ),
    Mutant(
        "_seek",
        "        if pvmw.address >= pvmw.vma.vm_end or pvmw.address >= last:\n"
        "            page_vma_mapped_walk_done(pvmw)\n",
        "        if pvmw.address >= pvmw.vma.vm_end or pvmw.address >= last:\n",
        "ends with the lock held",
    ),
    Mutant(
        "_seek",
        "pvmw.address >= last",
        "pvmw.address + PAGE_SIZE >= last",
        "ends before the last page",
    ),
    Mutant(
        "page_vma_mapped_walk",
        "        page_vma_mapped_walk_done(pvmw)\n",
        "",
        "keeps the PMD's lock",
    ),
    # --------------------------------------------------------------------- rmap.c
    Mutant(
        "anon_vma_inc_not_zero",
        "    if anon_vma.refcount == 0:\n        return False\n",
        "",
        "takes one of what is freed",
    ),
    Mutant(
        "anon_vma_interval_tree_insert",
        "<= pgoff",
        "< pgoff",
        "puts a child's VMA before its parent's",
    ),
    Mutant("anon_vma_prepare", "anon_vma.degree += 1", "anon_vma.degree += 0", "counts no VMA"),
    Mutant("anon_vma_fork", "parent.degree += 1", "parent.degree += 0", "counts no child"),
    Mutant(
        "anon_vma_fork", "get_anon_vma(anon_vma.root)", "pass", "takes no reference on the root"
    ),
    Mutant(
        "anon_vma_fork",
        "anon_vma_set_parent(anon_vma, parent)",
        "pass",
        "makes the child's a root of its own",
    ),
    Mutant("anon_vma_clone", "anon_vma_chain_link(dst, avc, anon_vma)", "pass", "links nothing"),
    Mutant("unlink_anon_vmas", "        put_anon_vma(avc.anon_vma)\n", "", "keeps the references"),
    Mutant("unlink_anon_vmas", "anon_vma.parent.degree -= 1", "pass", "the parent keeps its child"),
    Mutant(
        "page_get_anon_vma",
        "    # still mapped: then the reference was taken in time\n    if not page_mapped(page):",
        "    if False:",
        "does not look again",
        survives="takes an anon_vma that is freed and used again by others",
    ),
    Mutant(
        "page_lock_anon_vma_read",
        "        if not page_mapped(page):\n            tried_up_read(root.rwsem)\n"
        "            rcu_read_unlock()\n            return NULL\n",
        "",
        "does not look again",
        survives="takes an anon_vma that is freed and used again by others",
    ),
    Mutant(
        "page_lock_anon_vma_read",
        "            tried_up_read(root.rwsem)\n",
        "",
        "keeps the lock of what is not mapped",
    ),
    Mutant(
        "__page_set_anon_rmap",
        "anon_vma = anon_vma.root",
        "anon_vma = anon_vma",
        "a page is the child's",
    ),
    Mutant(
        "__page_set_anon_rmap",
        "page.index = linear_page_index(vma, address)",
        "page.index = 0",
        "says nothing of where",
    ),
    Mutant(
        "page_add_new_anon_rmap",
        "mod_node_page_state(NR_ANON_MAPPED, nr)",
        "mod_node_page_state(NR_ANON_MAPPED, 1)",
        "counts one page mapped",
    ),
    Mutant(
        "page_add_new_anon_rmap",
        "compound_mapcount_inc_and_test(page)",
        "mapcount_inc(page)",
        "counts a PMD as a PTE",
    ),
    Mutant(
        "do_page_add_anon_rmap",
        "mod_node_page_state(NR_ANON_THPS, 1)",
        "mod_node_page_state(NR_ANON_THPS, 0)",
        "counts no huge page",
    ),
    Mutant(
        "page_dup_rmap",
        "        compound_mapcount_inc_and_test(page)",
        "        pass",
        "does not count a PMD",
    ),
    Mutant("page_dup_rmap", "        mapcount_inc(page)", "        pass", "does not count a PTE"),
    Mutant(
        "page_move_anon_rmap",
        "_set_mapping(head, anon_vma)",
        "_set_mapping(page, anon_vma)",
        "writes a tail's mapping",
        survives="takes a tail of a shared huge page that is left to one process",
    ),
    Mutant(
        "page_remove_anon_compound_rmap",
        "TestClearPageDoubleMap(page)",
        "PageDoubleMap(page)",
        "leaves PG_double_map",
    ),
    Mutant(
        "page_remove_anon_compound_rmap",
        "mod_node_page_state(NR_ANON_THPS, -1)",
        "mod_node_page_state(NR_ANON_THPS, 0)",
        "leaves the huge page counted",
    ),
    Mutant(
        "page_remove_anon_compound_rmap",
        "        deferred_split_huge_page(page)",
        "        pass",
        "queues nothing",
    ),
    Mutant(
        "page_remove_rmap",
        "mod_node_page_state(NR_ANON_MAPPED, -1)",
        "mod_node_page_state(NR_ANON_MAPPED, 0)",
        "leaves the page counted",
    ),
    Mutant(
        "page_remove_rmap",
        "        deferred_split_huge_page(compound_head(page))",
        "        pass",
        "queues nothing",
    ),
    Mutant(
        "rmap_walk_anon",
        "        avc = avc.rb_next\n",
        "        avc = NULL\n",
        "visits the first VMA only",
    ),
    Mutant(
        "rmap_walk_anon", "        anon_vma_unlock_read(anon_vma)", "        pass", "keeps the lock"
    ),
    Mutant(
        "rmap_walk_anon",
        "pgoff_start < last",
        "pgoff_start <= last",
        "visits a VMA that ends before",
        survives="takes two VMAs of one anon_vma, side by side",
    ),
    Mutant(
        "try_to_unmap_one",
        "flags & freeze != 0, page)",
        "False, page)",
        "splits PMDs to mappings",
    ),
    Mutant(
        "try_to_unmap_one",
        "pteval = ptep_clear_flush(vma, pvmw.address, pvmw.pte)",
        "pteval = ptep_get_and_clear(pvmw.pte)",
        "does not flush",
    ),
    Mutant(
        "try_to_unmap_one",
        "        if pte_dirty(pteval):\n            set_page_dirty(page)\n",
        "",
        "loses the dirty bit",
    ),
    Mutant(
        "try_to_unmap_one",
        "make_migration_entry(subpage, pte_write(pteval))",
        "make_migration_entry(page, pte_write(pteval))",
        "entries name the head",
    ),
    Mutant(
        "try_to_unmap_one",
        "make_migration_entry(subpage, pte_write(pteval))",
        "make_migration_entry(subpage, True)",
        "makes entries writable",
    ),
    Mutant(
        "try_to_unmap_one",
        "        page_remove_rmap(subpage, False)\n",
        "        page_remove_rmap(page, False)\n",
        "takes the mapping off the head",
    ),
    Mutant(
        "try_to_unmap_one",
        "        page_remove_rmap(subpage, False)\n        put_page(page)",
        "        put_page(page)",
        "leaves the mapping counted",
    ),
    Mutant(
        "try_to_unmap_one",
        "        page_remove_rmap(subpage, False)\n        put_page(page)",
        "        page_remove_rmap(subpage, False)",
        "keeps the reference",
    ),
    Mutant(
        "try_to_unmap",
        "return page_mapcount(page) == 0",
        "return True",
        "always succeeds",
        survives="what is still mapped has references, which others look at",
    ),
    # ----------------------------------------------------------------- huge_memory.c
    Mutant(
        "__do_huge_pmd_anonymous_page",
        "    if not pmd_none(pmdval):",
        "    if False:",
        "maps over what is there",
    ),
    Mutant(
        "__do_huge_pmd_anonymous_page",
        "        pte_free(pgtable)\n        put_page(page)\n        return 0",
        "        put_page(page)\n        return 0",
        "leaks the table",
    ),
    Mutant(
        "__do_huge_pmd_anonymous_page",
        "MM_ANONPAGES, HPAGE_PMD_NR",
        "MM_ANONPAGES, 1",
        "counts one page resident",
    ),
    Mutant(
        "__do_huge_pmd_anonymous_page",
        "    pgtable_trans_huge_deposit(vmf.pmd, pgtable)\n",
        "",
        "deposits no table",
    ),
    Mutant(
        "__do_huge_pmd_anonymous_page", "    clear_huge_page(page)\n", "", "does not clear the page"
    ),
    Mutant("huge_pmd_set_accessed", "pmdval == orig_pmd", "True", "does not look again"),
    Mutant("do_huge_pmd_wp_page", "    if reuse:", "    if True:", "reuses what is shared"),
    Mutant(
        "do_huge_pmd_wp_page",
        "        get_page(page)\n        spin_unlock(vmf.ptl)\n\n    new_page",
        "        spin_unlock(vmf.ptl)\n\n    new_page",
        "copies without a reference",
    ),
    Mutant(
        "do_huge_pmd_wp_page",
        "    pmdp_huge_clear_flush(vma, haddr, vmf.pmd)\n",
        "",
        "neither clears nor flushes",
    ),
    Mutant(
        "do_huge_pmd_wp_page",
        "        page_remove_rmap(page, True)\n        put_page(page)\n",
        "        page_remove_rmap(page, True)\n",
        "keeps a reference",
    ),
    Mutant(
        "do_huge_pmd_wp_page",
        "        page_remove_rmap(page, True)\n        put_page(page)\n",
        "        put_page(page)\n",
        "leaves the mapping counted",
    ),
    Mutant(
        "do_huge_pmd_wp_page",
        "copy_highpage(new_page + i, page + i)",
        "copy_highpage(new_page + i, page)",
        "copies the head again and again",
    ),
    Mutant("copy_huge_pmd", "pmdp_set_wrprotect(src_pmd)", "pass", "leaves the parent writable"),
    Mutant("copy_huge_pmd", "        get_page(src_page)\n", "", "takes no reference"),
    Mutant("copy_huge_pmd", "        page_dup_rmap(src_page, True)\n", "", "counts no mapping"),
    Mutant(
        "copy_huge_pmd", "pmd_mkold(pmd_wrprotect(pmd))", "pmd_mkold(pmd)", "the child may write"
    ),
    Mutant(
        "copy_huge_pmd",
        "            set_pmd_at(src_pmd, pmd)\n",
        "",
        "leaves the parent's entry writable",
    ),
    Mutant(
        "copy_huge_pmd",
        "        pte_free(pgtable)\n    elif",
        "        pass\n    elif",
        "leaks the table",
    ),
    Mutant("zap_deposited_table", "    pte_free(pgtable)\n", "", "leaks the table"),
    Mutant(
        "zap_huge_pmd",
        "        page_remove_rmap(page, True)\n        assert",
        "        assert",
        "leaves the mapping counted",
    ),
    Mutant(
        "zap_huge_pmd",
        "flush_needed = False",
        "flush_needed = True",
        "drops a reference for an entry",
    ),
    Mutant(
        "zap_huge_pmd",
        "            zap_deposited_table(mm, pmd)\n        add_mm",
        "            pass\n        add_mm",
        "leaves the deposited table",
    ),
    Mutant(
        "zap_huge_pmd",
        "        add_mm_counter(mm, MM_ANONPAGES, -HPAGE_PMD_NR)\n",
        "        pass\n",
        "leaves the pages counted",
    ),
    Mutant("madvise_free_huge_pmd", "page_mapcount(page) != 1 or ", "", "frees what others map"),
    Mutant(
        "madvise_free_huge_pmd",
        "pmd_mkclean(pmd_mkold(orig_pmd))",
        "pmd_mkold(orig_pmd)",
        "leaves it dirty",
        survives="the page is kept where it may be dropped",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "page_ref_add(page, HPAGE_PMD_NR - 1)",
        "page_ref_add(page, HPAGE_PMD_NR)",
        "takes a reference too many",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "            if not write:\n                entry = pte_wrprotect(entry)\n",
        "",
        "makes PTEs writable",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "            SetPageDirty(page + i)",
        "            pass",
        "loses the dirty bit",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "            mapcount_inc(page + i)\n\n",
        "            pass\n\n",
        "counts no PTE",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "compound_mapcount(page) > 1",
        "compound_mapcount(page) > 2",
        "does not set PG_double_map",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "            mod_node_page_state(NR_ANON_THPS, -1)\n",
        "",
        "leaves the huge page counted",
    ),
    Mutant(
        "__split_huge_pmd_locked",
        "            page_remove_rmap(page + i, False)\n            put_page(page + i)",
        "            put_page(page + i)",
        "leaves frozen mappings counted",
    ),
    Mutant(
        "__split_huge_pmd", "not pmd_page_is(pmdval, page)", "False", "splits another page's PMD"
    ),
    Mutant(
        "__split_huge_pmd", "        unlock_page(locked)", "        pass", "keeps the page lock"
    ),
    Mutant("__split_huge_pmd", "            get_page(huge)\n", "", "sleeps without a reference"),
    Mutant(
        "freeze_page",
        "        ttu_flags |= TTU_SPLIT_HUGE_PMD",
        "        pass",
        "does not split PMDs",
    ),
    Mutant("unfreeze_page", "range(HPAGE_PMD_NR)", "range(1, HPAGE_PMD_NR)", "forgets the head"),
    Mutant("_copy_flags", "        | PG_locked\n", "", "tails are not locked"),
    Mutant("_copy_flags", "        | PG_dirty\n", "", "tails are clean"),
    Mutant("set_tail_mapping", "head.index + nr", "head.index", "tails are where the head is"),
    Mutant(
        "__split_huge_page_tail",
        "    set_page_flags(tail, PG_lru)",
        "    pass",
        "tails are not on the LRU",
    ),
    Mutant("set_tail_mapping", "    tail.mapping = head.mapping\n", "", "tails have no mapping"),
    Mutant(
        "__split_huge_page",
        "        put_page(subpage)",
        "        pass",
        "keeps references of tails",
    ),
    Mutant("__split_huge_page", "        unlock_page(subpage)\n", "", "leaves tails locked"),
    Mutant("__split_huge_page", "    unfreeze_page(head)\n", "", "puts no mapping back"),
    Mutant(
        "can_split_huge_page",
        "- extra_pins - 1",
        "- extra_pins",
        "expects no reference of the caller's",
    ),
    Mutant(
        "split_huge_page_to_list",
        "mapcount == 0 and page_ref_freeze(head, 1 + extra_pins)",
        "page_ref_freeze(head, 1 + extra_pins)",
        "does not ask whether it is mapped",
        survives="each mapping holds a reference: freezing fails",
    ),
    Mutant(
        "split_huge_page_to_list",
        "                list_del(page_deferred_list(head))\n",
        "",
        "leaves it queued",
    ),
    Mutant(
        "split_huge_page_to_list",
        "                pgdat.split_queue_len -= 1\n",
        "",
        "leaves it counted as queued",
    ),
    Mutant(
        "split_huge_page_to_list",
        "            unfreeze_page(head)\n    anon_vma_unlock_write",
        "    anon_vma_unlock_write",
        "puts no mapping back when it fails",
    ),
    Mutant("split_huge_page_to_list", "    put_anon_vma(anon_vma)\n", "", "keeps the anon_vma"),
    Mutant(
        "deferred_split_huge_page",
        "    if list_empty(page_deferred_list(page)):",
        "    if True:",
        "queues what is queued",
    ),
    Mutant(
        "set_pmd_migration_entry",
        "    if pmd_dirty(pmdval):\n        set_page_dirty(page)\n",
        "",
        "loses the dirty bit",
    ),
    Mutant(
        "set_pmd_migration_entry",
        "    page_remove_rmap(page, True)\n",
        "",
        "leaves the mapping counted",
    ),
    Mutant("set_pmd_migration_entry", "    put_page(page)", "    pass", "keeps the reference"),
    Mutant(
        "set_pmd_migration_entry",
        "pmd_write(pmdval)",
        "False",
        "makes the entry read-only",
        survives="the next store faults, and finds it to be its own",
    ),
    Mutant("remove_migration_pmd", "    get_page(new)\n", "", "takes no reference"),
    Mutant(
        "remove_migration_pmd",
        "        pmde = maybe_mkwrite(pmde, vma)",
        "        pass",
        "maps it read-only",
        survives="the next store faults, and finds it to be its own",
    ),
    Mutant(
        "remove_migration_pmd",
        "    if is_write_migration_entry(entry):",
        "    if True:",
        "maps it writable",
    ),
    Mutant(
        "remove_migration_pmd",
        "    page_add_anon_rmap(new, vma, haddr, True)\n",
        "",
        "counts no mapping",
    ),
    # -------------------------------------------------------------------- migrate.c
    Mutant(
        "remove_migration_pte",
        "(linear_page_index(vma, pvmw.address) - index)",
        "0",
        "maps the head everywhere",
    ),
    Mutant("remove_migration_pte", "        get_page(new)\n", "", "takes no reference"),
    Mutant(
        "remove_migration_pte",
        "        page_add_anon_rmap(new, vma, pvmw.address, False)\n",
        "",
        "counts no mapping",
    ),
    Mutant(
        "remove_migration_pte",
        "        if is_write_migration_entry(entry):",
        "        if True:",
        "maps it writable",
    ),
    Mutant("remove_migration_pte", "pte = pte_mksoft_dirty(pte)", "pass", "loses soft-dirty"),
    Mutant(
        "migration_entry_wait",
        "                wait_on_page_locked(page)\n",
        "",
        "does not wait",
        kernel=WAITS_WITH_A_REFERENCE,
        survives="the fault is taken again, as often as it takes",
    ),
    Mutant(
        "migration_entry_wait",
        "                put_page(page)\n",
        "",
        "keeps the reference",
        kernel=WAITS_WITH_A_REFERENCE,
    ),
    Mutant(
        "pmd_migration_entry_wait",
        "            put_page(page)\n",
        "",
        "keeps the reference",
        kernel=WAITS_WITH_A_REFERENCE,
    ),
    Mutant(
        "pmd_migration_entry_wait",
        "            spin_unlock(ptl)\n            wait",
        "            wait",
        "waits with the PMD's lock held",
        kernel=WAITS_WITH_A_REFERENCE,
    ),
    Mutant(
        "migrate_page_move_mapping",
        "page_count(page) != expected_count",
        "page_count(page) < expected_count",
        "moves what others refer to",
    ),
    Mutant("migrate_page_move_mapping", "    newpage.index = page.index\n", "", "loses the offset"),
    Mutant(
        "migrate_page_states", "    newpage.flags |= page.flags & copied\n", "", "loses the flags"
    ),
    Mutant(
        "migrate_page_copy",
        "copy_moved_highpage(newpage + i, page + i)",
        "copy_moved_highpage(newpage + i, page)",
        "copies the head again and again",
    ),
    Mutant(
        "__unmap_and_move",
        "            if not page_mapped(page):\n",
        "            if True:\n",
        "moves what is still mapped",
        survives="each mapping holds a reference: the page is not moved",
    ),
    Mutant(
        "__unmap_and_move",
        "remove_migration_ptes(page, newpage, False)",
        "remove_migration_ptes(page, page, False)",
        "maps the old page again",
    ),
    Mutant(
        "__unmap_and_move", "            unlock_page(newpage)\n", "", "leaves the new page locked"
    ),
    Mutant(
        "__unmap_and_move",
        "            put_anon_vma(anon_vma)\n",
        "            pass\n",
        "keeps the anon_vma",
    ),
    Mutant(
        "__unmap_and_move",
        "        putback_lru_page(newpage)",
        "        pass",
        "does not put the new page on the LRU",
    ),
    Mutant(
        "unmap_and_move",
        "    put_page(page)\n    return rc",
        "    return rc",
        "keeps the isolation's reference",
    ),
    Mutant(
        "unmap_and_move",
        "                putback_lru_page(page)\n            put_page(newpage)",
        "                pass\n            put_page(newpage)",
        "leaves a page isolated",
        survives="with these fixes nothing fails in another way than -EAGAIN",
    ),
    Mutant("_nr_isolated", "return hpage_nr_pages(page)", "return 1", "counts a huge page for one"),
    Mutant(
        "putback_movable_pages",
        "            putback_lru_page(page)",
        "            pass",
        "leaves pages isolated",
    ),
    # --------------------------------------------------------------------- memory.c
    Mutant(
        "pte_alloc", "        new = NULL\n", "        pass\n", "frees the table it has attached"
    ),
    Mutant("pte_alloc", "    if pmd_none(pmdval):\n", "    if True:\n", "does not look again"),
    Mutant(
        "do_anonymous_page",
        "    if pte_none(pteval):\n        add_mm",
        "    if True:\n        add_mm",
        "maps over what is there",
    ),
    Mutant("do_anonymous_page", "    clear_highpage(page)\n", "", "does not clear the page"),
    Mutant(
        "wp_page_copy", "    if pteval == vmf.orig_pte:\n", "    if True:\n", "does not look again"
    ),
    Mutant(
        "wp_page_copy",
        "        ptep_clear_flush(vma, vmf.address, vmf.pte)\n",
        "",
        "neither clears nor flushes",
    ),
    Mutant(
        "wp_page_copy",
        "        page_remove_rmap(old_page, False)\n",
        "",
        "leaves the mapping counted",
    ),
    Mutant(
        "wp_page_copy",
        "            unlock_page(old_page)\n        put_page(old_page)",
        "            unlock_page(old_page)",
        "keeps a reference",
    ),
    Mutant(
        "do_wp_page_by_mappings",
        "    if reuse_swap_page(page, mappings):\n",
        "    if True:\n",
        "reuses what is shared",
    ),
    Mutant(
        "do_wp_page_by_mappings",
        "        pteval = vmf.pte.val\n        if pteval != vmf.orig_pte:",
        "        if False:",
        "does not look again",
    ),
    Mutant(
        "do_wp_page_by_mappings",
        "    unlock_page(page)\n    get_page(page)\n    spin_unlock(vmf.ptl)\n    return",
        "    unlock_page(page)\n    spin_unlock(vmf.ptl)\n    return",
        "copies without a reference",
    ),
    Mutant(
        "handle_pte_fault",
        "    if pteval == vmf.orig_pte:\n",
        "    if True:\n",
        "does not look again",
    ),
    Mutant(
        "__handle_mm_fault",
        "not pmd_write(orig_pmd)",
        "False",
        "serves no store to a read-only page",
    ),
    Mutant("copy_one_pte", "    ptep_set_wrprotect(src_pte)\n", "", "leaves the parent writable"),
    Mutant("copy_one_pte", "page_dup_rmap(page, False)", "pass", "counts no mapping"),
    Mutant("copy_one_pte", "get_page(page)", "pass", "takes no reference"),
    Mutant(
        "copy_one_pte",
        "                set_pte_at(src_pte, pte)\n",
        "",
        "leaves the parent's entry writable",
    ),
    Mutant(
        "copy_pte_range", "spin_lock(src_table.ptl)", "pass", "does not lock the parent's table"
    ),
    Mutant(
        "copy_pmd_range",
        "    if ret != 0 and not",
        "    if not",
        "copies what was shared whole",
    ),
    Mutant(
        "zap_pte_range",
        "                add_mm_counter(mm, MM_ANONPAGES, -1)\n                # cleared",
        "                # cleared",
        "leaves the page counted",
    ),
    Mutant("zap_pte_range", "page_remove_rmap(page, False)", "pass", "leaves the mapping counted"),
    Mutant(
        "zap_pte_range",
        "force_flush = __tlb_remove_page(tlb, page)",
        "force_flush = False",
        "keeps the reference",
    ),
    Mutant(
        "zap_pte_range",
        "                    migration_entry_to_page(entry)\n"
        "                    add_mm_counter(mm, MM_ANONPAGES, -1)",
        "                    migration_entry_to_page(entry)",
        "leaves an entry counted",
    ),
    Mutant(
        "zap_pmd_range",
        "following - address != HPAGE_PMD_SIZE",
        "False",
        "zaps a huge page for a part of it",
    ),
    # ----------------------------------------------------------------- mmu_gather
    Mutant(
        "tlb_flush_mmu",
        "    tlb_flush_mmu_tlbonly(tlb)\n    tlb_flush_mmu_free(tlb)",
        "    tlb_flush_mmu_free(tlb)\n    tlb_flush_mmu_tlbonly(tlb)",
        "frees, then flushes",
    ),
    Mutant(
        "tlb_flush_mmu_tlbonly",
        "flush_tlb_range(tlb.mm, tlb.start, tlb.end)",
        "pass",
        "flushes nothing",
    ),
    # ------------------------------------------------------------------- swap.c, mlock.c
    Mutant(
        "__page_cache_release",
        "PG_lru | PG_active | PG_unevictable",
        "PG_active | PG_unevictable",
        "leaves it on the LRU",
    ),
    Mutant(
        "free_transhuge_page",
        "        list_del(page_deferred_list(page))\n",
        "",
        "leaves it queued",
    ),
    Mutant(
        "free_transhuge_page",
        "        pgdat.split_queue_len -= 1\n",
        "",
        "leaves it counted as queued",
    ),
    Mutant("put_page", "put_page_testzero(head)", "put_page_testzero(page)", "drops a tail's"),
    Mutant("isolate_lru_page", "            get_page(page)\n", "", "takes no reference"),
    Mutant(
        "isolate_lru_page",
        "        if PageLRU(page):\n            get_page",
        "        if True:\n            get_page",
        "does not look again",
    ),
    Mutant("putback_lru_page", "    put_page(page)", "    pass", "keeps the reference"),
    Mutant(
        "putback_lru_page",
        "    lru_cache_add(page)\n    put_page(page)",
        "    put_page(page)\n    lru_cache_add(page)",
        "drops its reference first",
    ),
    Mutant("clear_page_mlock", "-hpage_nr_pages(page)", "-1", "counts a huge page for one"),
    Mutant("mlock_vma_page", "hpage_nr_pages(page)", "1", "counts a huge page for one"),
    # --------------------------------------------------------------------- swapfile.c
    Mutant(
        "page_trans_huge_mapcount",
        "        most -= 1\n",
        "        most -= 2\n",
        "takes off two for PG_double_map",
    ),
    Mutant("page_trans_huge_mapcount", "return most + compound", "return most", "ignores PMDs"),
    Mutant("reuse_swap_page", "<= 1", "<= 2", "reuses what two map"),
    # -------------------------------------------------------------------- mempolicy.c
    Mutant(
        "queue_pages_pmd",
        "    spin_unlock(ptl)\n    return True",
        "    return True",
        "keeps the PMD's lock",
    ),
    Mutant("queue_pages_pte_range", "not pte_present(pteval)", "False", "queues entries"),
    Mutant(
        "migrate_page_add",
        "mod_node_page_state(NR_ISOLATED_ANON, hpage_nr_pages(head))",
        "mod_node_page_state(NR_ISOLATED_ANON, 1)",
        "counts a huge page for one",
    ),
    Mutant("queue_pages_required", "== (qp.flags", "!= (qp.flags", "wants the others"),
    Mutant("do_mbind", "    up_write(mm.mmap_sem)\n", "", "keeps mmap_sem"),
    Mutant(
        "do_migrate_pages",
        "            putback_movable_pages(pagelist)",
        "            pass",
        "leaves pages isolated",
    ),
    # ------------------------------------------------------------------------- mmap.c
    Mutant("free_pte_range", "    pmd_clear(pmd)\n", "", "leaves the table attached"),
    Mutant("free_pgtables", "    unlink_anon_vmas(vma)\n", "", "the reverse map keeps the VMA"),
    Mutant("free_pte_range", "add_nr_ptes(tlb.mm, -1)", "pass", "leaves the table counted"),
    Mutant(
        "unmap_region",
        "    zap_pmd_range(tlb, vma, vma.vm_start, vma.vm_end)\n",
        "",
        "unmaps nothing",
    ),
    Mutant("dup_mmap", "    flush_tlb_mm(oldmm)\n", "", "does not flush"),
    Mutant(
        "dup_mmap",
        "        if anon_vma_fork(tmp, mpnt):",
        "        if False:",
        "the reverse map does not know the child",
    ),
    Mutant(
        "dup_mmap",
        "retval = copy_page_range(tmp, mpnt)",
        "retval = 0",
        "copies nothing",
    ),
    # --------------------------------------------------------------------- task_mmu.c
    Mutant(
        "clear_soft_dirty_pmd",
        "        pmdp_invalidate(vma, address, pmd)\n",
        "",
        "does not invalidate first",
    ),
    Mutant(
        "clear_soft_dirty_pmd",
        "pmd_clear_soft_dirty(pmd_wrprotect(pmdval))",
        "pmd_clear_soft_dirty(pmdval)",
        "lets stores go unnoticed",
        survives="no property says that stores after clear_refs are noticed",
    ),
    Mutant(
        "clear_refs_write",
        "    flush_tlb_mm(mm)\n",
        "",
        "does not flush",
        survives="no property says that stores after clear_refs are noticed",
    ),
    # --------------------------------------------------------------------- mprotect.c
    Mutant(
        "change_protection",
        "        flush_tlb_range(mm, start, end)\n",
        "        pass\n",
        "does not flush",
    ),
    Mutant(
        "change_pte_range",
        "            pages += 1\n        else:",
        "        else:",
        "counts no PTE",
    ),
    Mutant(
        "change_pte_range",
        "pte_modify(ptent, newprot)",
        "ptent",
        "leaves PTEs as they are",
    ),
    Mutant(
        "change_pte_range",
        "make_migration_entry_read(entry)",
        "entry",
        "leaves entries writable",
        survives="who makes it a mapping again asks the VMA as well",
    ),
    Mutant(
        "change_pmd_range",
        "following - address != HPAGE_PMD_SIZE",
        "True",
        "splits every huge PMD",
    ),
    Mutant(
        "mprotect_fixup",
        "    vma.vm_page_prot = vm_get_page_prot(newflags)\n",
        "",
        "leaves what new PTEs permit",
    ),
    # --------------------------------------------------------------------- swap
    Mutant("do_swap_page", "    swap_free(entry)\n", "", "keeps the slot"),
    Mutant(
        "do_swap_page",
        " or slot != entry",
        "",
        "does not ask where the page is by now",
        survives="takes a page that is swapped out again, to another slot",
    ),
    Mutant(
        "do_swap_page",
        "    if pteval != vmf.orig_pte:",
        "    if False:",
        "does not look again",
    ),
    Mutant(
        "do_swap_page",
        "        if reuse_swap_page(page, mappings):",
        "        if True:",
        "reuses what is shared",
    ),
    Mutant("copy_one_pte", "swap_duplicate(entry)", "pass", "does not count a swap entry"),
    # --------------------------------------------------------------------- huge_zero_page.py
    Mutant("mm_put_huge_zero_page", "put_huge_zero_page()", "pass", "does nothing"),
    Mutant(
        "_inc_not_zero",
        "    if huge_zero.refcount == 0:\n        return False\n",
        "",
        "takes one of what there is not",
    ),
    Mutant(
        "get_huge_zero_page",
        "huge_zero.refcount = 2",
        "huge_zero.refcount = 1",
        "leaves the shrinker none",
    ),
    Mutant("_freeze_refcount", "!= 1", "> 2", "frees what is used"),
    # --------------------------------------------------------------------- kvm
    Mutant(
        "tdp_page_fault",
        "    if not mmu_notifier_retry(kvm):",
        "    if True:",
        "maps what may have changed",
    ),
    Mutant(
        "mmu_notifier_retry",
        "kvm.mmu_notifier_count != 0 or ",
        "",
        "does not ask whether something changes now",
    ),
    Mutant(
        "mmu_notifier_retry",
        "kvm.mmu_notifier_count != 0 or kvm.mmu_notifier_seq",
        "kvm.mmu_notifier_count != 0",
        "does not ask whether something has changed",
    ),
    # ---------------------------------------------------------------------------- ksm.c
    Mutant(
        "_write_protect_pte",
        "pte_mkclean(pte_wrprotect(entry))",
        "pte_mkclean(entry)",
        "leaves it writable",
    ),
    Mutant("try_to_merge_one_page", "elif pages_identical(page, kpage):", "else:", "compares once"),
    Mutant(
        "replace_page", "    if pteval != orig_pte:\n", "    if False:\n", "does not look again"
    ),
    Mutant("replace_page", "    get_page(kpage)\n", "", "takes no reference"),
    Mutant(
        "try_to_merge_two_pages",
        "            break_cow(rmap_item)\n",
        "            pass\n",
        "leaves what it could not merge",
    ),
    Mutant(
        "get_ksm_page",
        "        if stable_node.kpfn == kpfn:\n",
        "        if True:\n",
        "does not ask whether the page has moved",
    ),
    Mutant(
        "ksm_migrate_page",
        "        stable_node.kpfn = page_to_pfn(newpage)\n",
        "",
        "does not say where the page is",
    ),
    Mutant("__ksm_exit", "== LEFT", "> LEFT", "does not wait for ksmd"),
    Mutant(
        "rmap_walk_ksm",
        "search_new_forks = True",
        "return",
        "does not look for forks",
    ),
    Mutant(
        "do_page_add_anon_rmap",
        "    if NR_STABLE_NODES and PageKsm(page):\n        return\n",
        "",
        "takes a merged page for another",
    ),
    Mutant(
        "ksm_might_need_to_copy",
        "            if page.index == linear_page_index(vma, address):\n",
        "            if True:\n",
        "shares what was merged",
    ),
    # --------------------------------------------------------------------- page_alloc.c
    Mutant(
        "_take",
        "        check_new_page(p)\n",
        "",
        "does not look at what it takes",
        survives="a check",
    ),
    Mutant("prep_transhuge_page", "INIT_LIST_HEAD(page)", "pass", "leaves no empty list_head"),
    Mutant(
        "prep_compound_page",
        "(page + 1).mapping = -1",
        "(page + 1).mapping = 0",
        "counts a PMD that is not there",
    ),
    Mutant(
        "free_pages_prepare",
        "(page + 1).flags &= ~PG_double_map",
        "pass",
        "leaves PG_double_map",
        survives="it is cleared with the last PMD, before the page can be freed",
    ),
    Mutant("free_pages_prepare", "            tail.compound_head = 0\n", "", "leaves tails tails"),
    Mutant("_may_be_taken", " or page.flags & PG_hwpoison", "", "gives out broken frames"),
    Mutant("replace_page", "    page_remove_rmap(page, False)\n", "", "leaves the old one mapped"),
    Mutant("replace_page", "    ptep_clear_flush(vma, address, ptep)\n", "", "flushes nothing"),
    Mutant("break_cow", "    put_anon_vma(rmap_item.anon_vma)\n", "", "keeps the anon_vma"),
    Mutant(
        "try_to_merge_with_ksm_page",
        "        get_anon_vma(anon_vma)\n",
        "",
        "does not hold the anon_vma",
    ),
    Mutant(
        "_write_protect_pte",
        "    if mappings + 1 + swapped != page_count(page):\n",
        "    if False:\n",
        "does not count references",
    ),
    Mutant(
        "remove_rmap_item_from_tree",
        "            hlist_del(stable_node, rmap_item)\n",
        "",
        "leaves the item with its node",
    ),
    Mutant("reuse_swap_page", "PageKsm(page)", "PageLocked(page) > 1", "reuses merged pages"),
    Mutant("apply_mlockall_flags", " | flags", "", "locks nothing"),
    # --------------------------------------------------------------------- memory-failure.c
    Mutant(
        "get_hwpoison_page", "if head is compound_head(page):", "if True:", "does not look again"
    ),
    Mutant(
        "get_hwpoison_page",
        "    if PageTransHuge(head) and not PageAnon(head):\n"
        "        # being allocated or freed\n"
        "        return False\n",
        "",
        "takes pages that are being made",
        survives="what is on no LRU is left alone anyway",
    ),
    Mutant(
        "memory_failure",
        "            put_page(p)\n            return -EBUSY",
        "            return -EBUSY",
        "keeps a huge page that it could not split",
    ),
    Mutant(
        "memory_failure",
        "            unlock_page(p)\n            return -EBUSY\n        # torn",
        "            return -EBUSY\n        # torn",
        "keeps the lock of what it could not unmap",
    ),
    Mutant(
        "memory_failure",
        "        unlock_page(p)\n        assert",
        "        assert",
        "keeps it locked",
    ),
    Mutant(
        "hwpoison_user_mappings",
        "unmap_success = try_to_unmap(hpage, ttu)",
        "unmap_success = True",
        "unmaps nothing",
    ),
    Mutant(
        "hwpoison_user_mappings",
        "        ttu |= TTU_IGNORE_HWPOISON\n",
        "        ttu |= TTU_IGNORE_ACCESS\n",
        "puts poison entries where the slot may be as good",
    ),
    Mutant("delete_from_lru_cache", "        put_page(p)\n", "", "keeps a reference"),
    Mutant(
        "delete_from_lru_cache", "isolate_lru_page(p) == 0", "PageLRU(p)", "leaves it on the LRU"
    ),
    Mutant(
        "me_swapcache_clean",
        "    delete_from_swap_cache(p)\n",
        "",
        "leaves it in the swap cache",
    ),
    Mutant(
        "me_swapcache_dirty",
        "    clear_page_flags(p, PG_uptodate)\n",
        "",
        "leaves it up to date",
        survives="who maps it had a reference before, and so it has not been given up",
    ),
    Mutant(
        "page_action", "    if count > 0:\n", "    if count > 1:\n", "minds only two who have it"
    ),
    Mutant(
        "do_swap_page",
        "MEMORY_FAILURE and not PageUptodate(page)",
        "MEMORY_FAILURE > 1",
        "maps what has broken since",
    ),
    Mutant(
        "do_swap_page",
        "MEMORY_FAILURE and PageHWPoison(page)",
        "MEMORY_FAILURE > 1",
        "does not look whether it is broken",
        survives="it is not up to date either",
    ),
    Mutant(
        "copy_one_pte",
        "        set_pte_at(dst_pte, pte)\n        return 0\n    page",
        "        return 0\n    page",
        "copies no entry",
    ),
    Mutant(
        "zap_pte_range",
        "                pte_clear_not_present_full(mm, address, pte)\n",
        "",
        "leaves entries",
    ),
)
