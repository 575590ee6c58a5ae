"""Traces of four kinds of violations, found once, and told."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmspec.cli import main
from mmspec.report.history import History, Seen, Step, tell
from mmspec.report.trace import Trace, load

READERS = Path(__file__).parent / "readers" / "node_modules"
_KERNEL_ONLY = ("--no-debug-vm", "--as-the-kernel")
#: What `mmspec check seed` is asked for, by the name of a trace.
_FOUND_BY = {
    "bug": ("-k", "V-A", *_KERNEL_ONLY),
    "deadlock": ("-k", "V-1", *_KERNEL_ONLY, "--case", "small/bind/write"),
    "exit": ("-k", "V-C", *_KERNEL_ONLY),
    "race": (
        *("-k", "v4.13 fixed", "--without", "THP_WP_UNDER_PAGE_LOCK"),
        *("--property", "memory_holds_what_was_stored"),
    ),
}
NAMES = tuple(_FOUND_BY)
#: What must nowhere be taken for markup, for code, or for the end of something.
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=hacked=2>{{7*7}}\"'`;*/#|%"


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A trace's file by its name; it is searched for when it is first asked for."""
    where = tmp_path_factory.mktemp("traces")

    def find(name: str) -> Path:
        path = where / f"{name}.json"
        if not path.exists():
            quiet = contextlib.redirect_stdout(io.StringIO())
            with quiet, pytest.raises(SystemExit):
                main(["check", "seed", *_FOUND_BY[name], "-o", str(where / name)])
            (found,) = (where / name).glob("*.json")
            shutil.move(found, path)
        return path

    return find


@pytest.fixture(scope="session")
def told(traces: Callable[[str], Path]) -> Callable[[str], History]:
    """A trace, told, by its name."""
    known: dict[str, History] = {}

    def find(name: str) -> History:
        if name not in known:
            known[name] = tell(load(traces(name)), f"traces/{name}.json")
        return known[name]

    return find


@pytest.fixture(params=NAMES)
def history(request: pytest.FixtureRequest, told: Callable[[str], History]) -> History:
    """Each of them."""
    return told(request.param)


@pytest.fixture
def hostile(told: Callable[[str], History]) -> History:
    """A trace in which every name is an attack."""
    made = told("bug")

    def bad(step: Step) -> Step:
        return dataclasses.replace(step, seen=tuple(map(evil, step.seen)), begins=HOSTILE)

    def evil(seen: Seen) -> Seen:
        before = None if seen.before is None else f"{HOSTILE} {seen.before}"
        return dataclasses.replace(seen, name=f"page 0 {HOSTILE}", value=HOSTILE, before=before)

    def program(fn: Any) -> Any:
        code = fn.__code__
        found = types.FunctionType(code, fn.__globals__, HOSTILE)
        found.__doc__ = HOSTILE
        return found

    trace = made.trace
    case = dataclasses.replace(
        trace.case,
        name=HOSTILE,
        set_up=program(trace.case.set_up),
        tasks=tuple(map(program, trace.case.tasks)),
    )
    scenario = dataclasses.replace(trace.scenario, name=HOSTILE, title=HOSTILE, rows=())
    kernel = dataclasses.replace(trace.target.kernel, name=HOSTILE)
    target = dataclasses.replace(trace.target, kernel=kernel)
    ending = dataclasses.replace(
        made.ending,
        sentence=HOSTILE,
        headline=HOSTILE,
        splat=(HOSTILE,),
        disagree=((HOSTILE, HOSTILE),),
    )
    worse: Trace = dataclasses.replace(trace, scenario=scenario, case=case, target=target)
    return dataclasses.replace(
        made, trace=worse, file=HOSTILE, ending=ending, steps=tuple(map(bad, made.steps))
    )


# ---------------------------------------------------------------------------------- browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests are skipped without it."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="pip install selenium")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1440,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield found
    found.quit()
