"""A lock left out is reported as a data race, with both stacks."""

from __future__ import annotations

from mmspec.checker import Options, Verdict, check
from mmspec.kernels import Change
from mmspec.properties.in_step import no_data_race
from mmspec.report.terminal import report_of
from mmspec.scenarios import scenario_named
from mmspec.spec.machine.sizes import HPAGE_PMD_ORDER
from mmspec.spec.page.deferred_list import list_del, list_empty, page_deferred_list
from mmspec.spec.page.mm_types import Page, pgdat
from mmspec.spec.page.page_alloc import free_pages_ok
from mmspec.spec.page.swap import free_transhuge_page

NO_LOCK = Change("free_transhuge_page() without the lock of the split queue", name="NO_LOCK")


@free_transhuge_page.changed(NO_LOCK)
def free_transhuge_page_racily(page: Page) -> None:
    if not list_empty(page_deferred_list(page)):
        pgdat.split_queue_len -= 1
        list_del(page_deferred_list(page))
    free_pages_ok(page, HPAGE_PMD_ORDER)


def test_an_access_without_its_lock_is_a_data_race_with_two_stacks() -> None:
    seed = scenario_named("seed")
    kernel = seed.kernel("v4.14 fixed").with_(NO_LOCK)
    result = check(seed, kernel, Options(), cases=["small/bind/write"])
    found = result.shortest

    assert result.verdict is Verdict.VIOLATED
    assert found is not None and found.violation is not None
    assert found.violation.broken is no_data_race
    report = report_of(result)
    assert "BUG: KCSAN: data-race in free_transhuge_page / " in report
    assert "Pglist.split_queue_len accessed without split_queue_lock" in report
    assert "access by task0 on cpu 0:" in report
    assert "meanwhile task1 on cpu 1:" in report
    assert max(map(len, report.splitlines()[3:])) <= 72


def test_with_the_lock_there_is_none() -> None:
    seed = scenario_named("seed")
    result = check(seed, seed.kernel("v4.14 fixed"), cases=["small/bind/write"])

    assert result.verdict is Verdict.HOLDS
