"""Every exhibit: without its fix the fault is found, with it every state is explored."""

from __future__ import annotations

import functools

import pytest
from click.testing import CliRunner

from mmspec import museum
from mmspec.checker import Checker, Target
from mmspec.cli.museums import museum_command
from mmspec.kernels import Kernel
from mmspec.kernels.changes import MIGRATED_THP_MLOCKED_IF_PMD_ONLY
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.museum import Bug
from mmspec.museum.checking import OPTIONS, Seen, Shown, ask_several, show
from mmspec.properties import SPECIAL
from mmspec.properties.marks import (
    no_huge_page_that_PTEs_map_is_mlocked,
    no_page_is_left_on_the_first_node,
    what_broke_is_given_up,
    what_has_a_copy_is_not_lost,
    what_is_mapped_is_up_to_date,
)
from mmspec.scenarios import moves_locked

BUGS = museum.bugs()


@functools.cache
def shown() -> dict[str, Shown]:
    return show(BUGS)


KERNELS = (v4_13, v4_14, v4_14_fixed)


@functools.cache
def asked() -> dict[Kernel, dict[str, Seen]]:
    return dict(zip(KERNELS, ask_several(BUGS, KERNELS), strict=True))


def test_searches_have_one_thread_so_that_they_explore_the_same_states() -> None:
    assert OPTIONS.workers == 1


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_reverting_the_fix_brings_the_bug_back(bug: Bug) -> None:
    found = shown()[bug.name].without

    if bug.not_here:
        assert found.is_exhausted
    else:
        assert found.violation is not None
        assert found.violation.broken is bug.violates
        assert not found.missing
        assert found.steps == bug.steps
    assert found.result.states == bug.states


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_with_the_fix_everything_is_explored_and_nothing_violated(bug: Bug) -> None:
    kept = shown()[bug.name].with_it

    assert kept.is_exhausted
    assert kept.result.states == bug.exhausted


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_an_exhibit_tells_what_it_was(bug: Bug) -> None:
    assert bug.title and len(bug.prose.splitlines()) > 2
    assert bug.key_steps or bug.not_here
    assert bug.reached
    assert bug.fixed.commit or bug.fixed.release == "ours"


def test_every_property_that_scenarios_ask_for_can_fail() -> None:
    broken = {bug.violates for bug in BUGS if shown()[bug.name].is_found}
    found = {
        case.violation.broken
        for made in shown().values()
        for case in made.without.result.cases
        if case.violation is not None
    }

    assert set(SPECIAL.values()) - broken - found == {
        no_huge_page_that_PTEs_map_is_mlocked,
        # of mutants: tests/properties/test_can_fail.py
        no_page_is_left_on_the_first_node,
        what_broke_is_given_up,
        what_has_a_copy_is_not_lost,
        what_is_mapped_is_up_to_date,
    }


def test_an_mlocked_page_that_PTEs_map_is_noticed_without_assertions() -> None:
    kernel = v4_14_fixed.without(MIGRATED_THP_MLOCKED_IF_PMD_ONLY).without_debug()
    found = Checker(moves_locked.SCENARIO, [Target(kernel)]).run()[0].shortest

    assert found is not None and found.violation is not None
    assert found.violation.broken is no_huge_page_that_PTEs_map_is_mlocked


def test_a_kernel_that_has_fixes_has_none_of_their_faults() -> None:
    fixed = {bug.name for bug in BUGS if bug.fixed in v4_14_fixed}
    seen = asked()[v4_14_fixed]

    assert not [name for name in fixed if seen[name].violation is not None]


def test_v4_14_has_what_was_fixed_after_it_and_not_what_was_fixed_before() -> None:
    has = {name for name, one in asked()[v4_14].items() if one.is_the_bug}
    later = {
        bug.name
        for bug in BUGS
        if bug.fixed not in v4_14 and not bug.introduced and not bug.not_here
    }
    # takes an architecture without THP migration
    later.remove("base_page_prepared_as_thp")
    # take the copy-on-write of v5.9
    later -= {"pinned_page_hinted", "pinned_page_swapped_out", "pinned_page_write_protected"}
    # are looked at with write protection, but do not need it
    later |= {"uffd_fills_migration_pmd", "uffd_fills_where_no_table_is"}

    assert has == later


def test_v4_13_has_no_fault_of_what_it_does_not_do() -> None:
    has = {name for name, one in asked()[v4_13].items() if one.is_the_bug}

    assert has == {
        "batched_flush_forgotten",
        "broken_head_taken_for_all",
        "broken_page_is_being_written",
        "broken_page_split_meanwhile",
        "dirty_lost_in_pmd_split",
        "dontneed_misses_numa_migration",
        "garbage_swapped_in",
        "huge_dirty_cow",
        "lazyfree_page_in_swap_cache",
        "moved_thp_freed_before_it_is_held",
        "munlocked_thp_pmd_is_split",
        "new_page_locked_by_failure",
        "pagemap_skips_thrown_away_pmd",
        "pinned_lazyfree_page_dropped",
        "pinned_page_reused_by_parent",
        "pinned_page_shared_by_fork",
        "pinned_thp_shared_by_fork",
        "pinned_while_forking",
        "pmd_split_makes_ptes_clean",
        "scan_takes_huge_pmd_for_bad",
        "second_failure_keeps_its_reference",
        "second_failure_told_of_success",
        "smaps_reads_mapcount_of_migration_entry",
        "soft_offline_loses_the_tail",
        "split_misses_zapped_pte",
        "split_tail_found_too_early",
        "store_dropped_after_pmd_split",
        "table_collapsed_under_dump",
        "thp_never_merged",
        "thp_reused_while_frozen",
        "thp_reused_while_pmd_is_split",
        "thp_split_by_hotremove",
        "thp_split_by_move_pages",
        "uffd_fills_where_no_table_is",
        "unmap_stops_at_a_sum_of_counts",
        "unsplit_page_no_longer_broken",
        "use_forgotten_by_page_idle",
        "walk_reuses_first_pmd",
    }


def test_the_table_ends_in_how_many_were_found_and_exhausted() -> None:
    all_ = len(BUGS)
    found = sum(not bug.not_here for bug in BUGS)

    ran = CliRunner().invoke(museum_command, [])

    assert ran.exit_code == 0
    assert ran.output.splitlines()[-1].startswith(
        f"museum: found {found} of {all_}, exhausted {all_} of {all_}, infeasible {all_ - found}, "
    )
