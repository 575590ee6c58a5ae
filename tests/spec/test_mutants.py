"""The mutants of the specification: their texts are there, and a sample is noticed.

`make spec-mutants` tries all.
"""

from __future__ import annotations

import pytest

from tests.spec_mutants import Mutant, mutated, source_of
from tests.spec_mutants.table import MUTANTS
from tests.spec_mutants.trying import try_together

#: Some that one scenario notices, each in another way.
SAMPLE = (
    "_lock_page: does not wait",
    "page_dup_rmap: does not count a PMD",
    "__split_huge_pmd_locked: makes PTEs writable",
    "tlb_flush_mmu: frees, then flushes",
    "do_huge_pmd_wp_page: copies without a reference",
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_text_is_there_once(mutant: Mutant) -> None:
    assert mutated(mutant) != source_of(mutant.function)


def test_names_tell_mutants_apart() -> None:
    names = [mutant.name for mutant in MUTANTS]

    assert len(set(names)) == len(names)


def test_a_sample_is_noticed() -> None:
    numbers = [n for n, mutant in enumerate(MUTANTS) if mutant.name in SAMPLE]

    outcomes = try_together(numbers, "splits")

    assert len(outcomes) == len(SAMPLE)
    assert all(outcome.steps > 0 for outcome in outcomes)
    assert len({outcome.by for outcome in outcomes}) > 3
