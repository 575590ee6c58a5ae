"""Every property can fail: for each there is a one-line change of the specification that breaks it.

It is what the shortest trace breaks, but for the few that others would notice first: those are
looked at alone.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from mmspec.checker import Checker, Options, Target, Violation
from mmspec.museum import bugs
from mmspec.properties import PROPERTIES, SPECIAL
from mmspec.scenarios import scenario_named
from tests.spec_mutants import Mutant, installed
from tests.spec_mutants.table import MUTANTS

DOCS = Path(__file__).parents[2] / "docs" / "properties.md"

#: A property, where it is broken, and by which mutant.
BROKEN = {
    "what_is_mapped_is_up_to_date": (
        "poisoned",
        "base/write/reclaim/fail_head",
        "do_swap_page: maps what has broken since",
    ),
    "what_broke_is_given_up": (
        "poisoned_alone",
        "back/fail_head",
        "me_swapcache_clean: leaves it in the swap cache",
    ),
    "what_has_a_copy_is_not_lost": (
        "poisoned_copied",
        "back/fail_head",
        "hwpoison_user_mappings: puts poison entries where the slot may be as good",
    ),
    "no_page_is_left_on_the_first_node": (
        "merged_moved",
        "joined_family/move",
        "rmap_walk_ksm: does not look for forks",
    ),
    "no_assertion_fails": ("splits", "huge/split/split", "_lock_page: does not wait"),
    "no_warning_is_printed": (
        "alone",
        "huge/split",
        "unlink_anon_vmas: the parent keeps its child",
    ),
    "no_BUG_is_hit": (
        "moves_shared",
        "inherited/move/zap_part_and_write",
        "check_pte: finds the page behind it, too",
    ),
    "the_kernel_does_not_oops": ("splits", "huge/zap_part/write", "spin_lock: does not wait"),
    "no_list_is_corrupted": (
        "alone",
        "huge/move",
        "prep_transhuge_page: leaves no empty list_head",
    ),
    "no_page_is_freed_in_a_bad_state": (
        "alone",
        "huge/split",
        "remove_migration_pte: takes no reference",
    ),
    "page_tables_hold_only_what_they_may": (
        "splits",
        "huge/split/unmap",
        "unmap_region: unmaps nothing",
    ),
    "rss_is_zero_at_exit": ("alone", "huge/split", "zap_pte_range: leaves the page counted"),
    "page_tables_are_all_freed_at_exit": (
        "alone",
        "huge/split",
        "free_pte_range: leaves the table counted",
    ),
    "no_store_is_lost": (
        "seed",
        "small/split/write",
        "do_anonymous_page: maps over what is there",
    ),
    "the_reverse_map_finds_every_mapping": (
        "swapped",
        "out_shared/write/write",
        "__page_set_anon_rmap: a page is the child's",
    ),
    "no_data_race": (
        "base_pages",
        "page/inherit/write_here",
        "copy_pte_range: does not lock the parent's table",
    ),
    "locks_are_used_as_locks": ("alone", "huge/move", "rmap_walk_anon: keeps the lock"),
    "no_merged_page_is_writable": (
        "merged",
        "alike/write/merge",
        "_write_protect_pte: leaves it writable",
    ),
    "migration_entries_name_locked_pages": (
        "alone",
        "huge/split",
        "__split_huge_page: puts no mapping back",
    ),
    "no_processor_reaches_a_freed_page_through_its_TLB": (
        "splits",
        "huge/split/unmap",
        "tlb_flush_mmu: frees, then flushes",
    ),
    "no_processor_reaches_a_page_that_has_moved": (
        "moves",
        "huge/move/zap",
        "migrate_page_move_mapping: moves what others refer to",
    ),
    "no_page_that_others_map_is_writable": (
        "splits",
        "family/zap_part/write",
        "__split_huge_pmd_locked: makes PTEs writable",
    ),
    "only_huge_pages_wait_to_be_split": (
        "seed",
        "small/split/zap",
        "free_transhuge_page: leaves it queued",
    ),
    "swap_counts_equal_the_entries": ("swapped", "out/write/read", "do_swap_page: keeps the slot"),
    "nobody_is_left_with_the_huge_zero_page": (
        "zero_pages",
        "zero/shrink/zap",
        "mm_put_huge_zero_page: does nothing",
    ),
    "no_guest_reaches_a_freed_page": (
        "guests",
        "guest/zap/run",
        "tdp_page_fault: maps what may have changed",
    ),
    "nobody_reaches_a_page_that_was_given_up": (
        "poisoned",
        "base/fail_head/discard",
        "page_action: minds only two who have it",
    ),
    "no_processor_can_store_where_the_VMA_forbids_it": (
        "base_pages",
        "page/protect_here/write_here",
        "change_protection: does not flush",
    ),
    "no_free_page_is_on_the_LRU": ("alone", "huge/move", "free_pages_prepare: sets PG_lru"),
    "mapcount_equals_the_mappings": (
        "alone",
        "huge/move",
        "set_pmd_migration_entry: leaves the mapping counted",
    ),
    "refcount_equals_the_references": (
        "alone",
        "huge/split",
        "__split_huge_pmd_locked: takes a reference too many",
    ),
    "rss_equals_what_page_tables_hold": (
        "moves",
        "huge/move/zap",
        "zap_huge_pmd: leaves the pages counted",
    ),
    "every_huge_PMD_has_a_deposited_table": (
        "splits",
        "huge/split/unmap",
        "free_pte_range: leaves the table attached",
    ),
    "memory_holds_what_was_stored": (
        "splits",
        "family/zap_part/write",
        "do_huge_pmd_wp_page: copies the head again and again",
    ),
    "no_lock_is_left_taken": ("alone", "huge/bind", "do_mbind: keeps mmap_sem"),
    "no_page_is_leaked": ("alone", "huge/move", "__unmap_and_move: keeps the anon_vma"),
    "statistics_return_to_zero": ("alone", "huge/move", "_nr_isolated: counts a huge page for one"),
    "no_deadlock": ("alone", "huge/move", "page_vma_mapped_walk: keeps the PMD's lock"),
    "what_was_stored_to_is_soft_dirty": (
        "alone",
        "huge/split",
        "remove_migration_pte: loses soft-dirty",
    ),
    "what_was_stored_to_is_dirty": (
        "alone",
        "huge/move",
        "set_pmd_migration_entry: loses the dirty bit",
    ),
}

#: Those that others would notice first.
ALONE = {
    "no_swap_entry_is_freed_twice": (
        "swapped",
        "base/reclaim/inherit",
        "copy_one_pte: does not count a swap entry",
    ),
    "no_processor_uses_a_freed_page": (
        "base_pages",
        "page/move/write_here",
        "try_to_unmap_one: does not flush",
    ),
    "no_migration_entry_remains": (
        "alone",
        "huge/split",
        "__split_huge_page: puts no mapping back",
    ),
}

#: Those that are broken by exhibits of the museum.
BY_EXHIBITS = {
    "pages_of_equal_content_are_merged",
    "huge_pages_stay_huge",
    "memory_that_is_taken_is_empty",
    "mlocked_pages_are_counted",
    "mlocked_pages_are_in_locked_mappings",
    "no_process_reads_what_another_stored",
    "no_store_to_a_protected_page_goes_unreported",
    "nobody_waits_for_a_freed_page",
    "pages_of_locked_mappings_are_mlocked",
    "the_swap_cache_knows_its_pages",
    "what_readers_are_told_is_so",
    "what_was_thrown_away_is_given_up",
    "zero_pages_are_zero",
    "no_huge_page_is_left",
    "poison_entries_name_broken_frames",
    "nobody_sleeps_under_a_page_table_lock",
    "pages_are_on_the_nodes_they_are_bound_to",
    "no_page_is_freed_while_mapped",
    "partly_mapped_huge_pages_are_queued",
    "what_was_thrown_away_is_gone",
    "what_was_stored_to_is_mapped_dirty_and_young",
    "what_was_stored_to_is_not_idle",
}
#: See tests/museum.
WITHOUT_ASSERTIONS = {"no_huge_page_that_PTEs_map_is_mlocked"}

#: What is no likely slip.
MADE_UP = (
    Mutant(
        "free_pages_prepare",
        "    page.flags &= ~PAGE_FLAGS_CHECK_AT_PREP\n",
        "    page.flags = 1 << 5\n",
        "sets PG_lru",
    ),
)


def _found(
    scenario: str, broken: dict[str, tuple[str, str]], only: str = ""
) -> dict[str, Violation]:
    """What is violated in cases of a scenario, each with a mutant, by name of what should be."""
    mutants = [
        next(mutant for mutant in (*MUTANTS, *MADE_UP) if mutant.name == name)
        for _, name in broken.values()
    ]
    known = scenario_named(scenario)
    found = {}
    with installed(mutants) as changes:
        targets = [
            Target(m.kernel.with_(change)) for m, change in zip(mutants, changes, strict=True)
        ]
        checker = Checker(known, targets, Options(properties=(only,) if only else ()))
        for n, (name, (case, _)) in enumerate(broken.items()):
            violation = checker.run_case(known.case(case), n).violation
            if violation is not None:
                found[name] = violation
    return found


@functools.cache
def found(scenario: str) -> dict[str, Violation]:
    broken = {p: (case, mutant) for p, (name, case, mutant) in BROKEN.items() if name == scenario}
    return _found(scenario, broken)


@pytest.mark.parametrize("name", BROKEN)
def test_the_property_can_fail(name: str) -> None:
    violation = found(BROKEN[name][0])[name]

    assert violation.name == name


@pytest.mark.parametrize("name", ALONE)
def test_the_property_can_fail_if_nothing_else_is_looked_at(name: str) -> None:
    scenario, case, mutant = ALONE[name]

    assert _found(scenario, {name: (case, mutant)}, only=name)[name].name == name


def test_exhibits_break_others() -> None:
    assert {bug.violates.name for bug in bugs()} >= BY_EXHIBITS


def test_the_documentation_has_every_property() -> None:
    text = DOCS.read_text()

    assert [name for name in {**PROPERTIES, **SPECIAL} if f"`{name}`" not in text] == []


def test_no_property_is_missing() -> None:
    shown = {*BROKEN, *ALONE, *BY_EXHIBITS, *WITHOUT_ASSERTIONS}

    assert shown == {*PROPERTIES, *SPECIAL, "no_deadlock"}
