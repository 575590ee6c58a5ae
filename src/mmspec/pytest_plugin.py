"""Checks as tests: a fixture, a mark, and traces replayed as tests.

To have it, write `pytest_plugins = ["mmspec.pytest_plugin"]` into conftest.py. (It does not come by
itself: pytest would then rewrite the assertions of the specification, which are the kernel's.)

    @pytest.mark.mmspec("seed", kernel="v4.14 fixed")
    def test_it_holds(mmspec_check):
        mmspec_check()

`mmspec_check` fails with the report, CPU columns included, unless the verdict is the expected one.
`--mmspec-workers N` sets the threads; `--mmspec-replay FILE` adds a test that fails as long as the
trace still ends in its violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mmspec import Kernel, Result, Scenario

Check = Callable[..., "Result"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Command line options."""
    group = parser.getgroup("mmspec")
    group.addoption(
        "--mmspec-workers", type=int, default=1, metavar="N", help="threads of each search"
    )
    group.addoption(
        "--mmspec-replay",
        action="append",
        default=[],
        metavar="FILE",
        help="also replay this trace; fails while it still ends in its violation",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers",
        "mmspec(scenario, kernel=..., cases=(), expect='holds'): what mmspec_check() checks",
    )


@pytest.fixture
def mmspec_check(request: pytest.FixtureRequest) -> Check:
    """Check a scenario on a kernel; what is not given comes from the mark.

    mmspec_check(scenario, kernel, cases=(), expect="holds", options=None) -> Result. The test fails
    with the report if the verdict is not `expect`.
    """
    mark = request.node.get_closest_marker("mmspec")
    given: dict[str, Any] = dict(mark.kwargs) if mark else {}
    if mark and mark.args:
        given["scenario"] = mark.args[0]
    workers = request.config.getoption("--mmspec-workers")

    def run(
        scenario: Scenario | str | None = None, kernel: Kernel | str | None = None, **more: Any
    ) -> Result:
        __tracebackhide__ = True
        wanted = {**given, **more}
        if scenario is not None:
            wanted["scenario"] = scenario
        if kernel is not None:
            wanted["kernel"] = kernel
        return _run(workers, **wanted)

    return run


def _run(
    workers: int,
    *,
    scenario: Scenario | str,
    kernel: Kernel | str = "v4.14",
    cases: Sequence[str] = (),
    expect: str = "holds",
    options: Any = None,
) -> Result:
    __tracebackhide__ = True
    import mmspec

    asked = mmspec.scenario(scenario) if isinstance(scenario, str) else scenario
    made = asked.kernel(kernel) if isinstance(kernel, str) else kernel
    chosen = options if options is not None else mmspec.Options(workers=workers)
    result = mmspec.check(asked, made, chosen, cases=cases)
    if result.verdict.value != expect:
        report = mmspec.report_of(result, chosen)
        pytest.fail(f"expected: {expect}\n\n{report}", pytrace=False)
    return result


# ---------------------------------------------------------------------------------- replays


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the traces that are to be replayed."""
    for name in config.getoption("--mmspec-replay"):
        items.append(Replay.from_parent(session, name=f"replay {name}", trace=Path(name)))


class Replay(pytest.Item):
    """A trace as a test."""

    def __init__(self, *, trace: Path, **more: Any) -> None:
        super().__init__(**more)
        self.trace = trace

    def runtest(self) -> None:
        """Execute the trace; fail with the report if it still ends in its violation."""
        from mmspec.report.execution import Disagreement, confirm
        from mmspec.report.terminal import report
        from mmspec.report.trace import load

        found = load(self.trace)
        try:
            execution = confirm(
                found.case, found.config, found.target, found.violation, merged=found.merged
            )
        except Disagreement:
            return
        lines = report(execution, found.case, found.config, found.violation)
        pytest.fail("\n".join(lines), pytrace=False)

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """The report, or what is wrong with the file."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What the test is called."""
        return self.trace, None, self.name


def pytest_report_header(config: pytest.Config) -> Iterator[str] | list[str]:
    """Name the traces."""
    traces = config.getoption("--mmspec-replay")
    return [f"mmspec: replaying {', '.join(traces)}"] if traces else []
