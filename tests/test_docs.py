"""The examples of the documentation are programs, and mean the same in all executions."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.equality import differences, native
from tests.models.case import Case, family
from tests.modules import load_module

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    text = (DOCS / "language.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    helpers = (
        "def unmaps() -> None:\n    n = unmap(mem_map[0])\n    mem_map[1].flags = n\n\n\n"
        "def takes_turn() -> None:\n    take_turn(7)\n\n\n"
        "def opens() -> None:\n    open_account(2)\n"
    )
    path = tmp_path_factory.mktemp("docs") / "language.py"
    return load_module(path, "\n".join(blocks) + "\n\n" + helpers)


TASKS = [
    ("lost_update", "lost_update"),
    ("no_lost_update", "no_lost_update"),
    ("no_lost_update", "takes_turn"),
    ("walk_list", "lost_update"),
    ("unmaps", "unmaps"),
    ("visit", "lost_update"),
    ("opens", "withdraw", "withdraw"),
]


@pytest.mark.parametrize("names", TASKS, ids="+".join)
@pytest.mark.parametrize("kernel", [0, 1])
def test_examples_mean_the_same_in_all_executions(
    names: tuple[str, ...], kernel: int, language: ModuleType
) -> None:
    tasks = [getattr(language, name) for name in names]
    kernels = family((), (language.FAST,))
    plain = Case(tasks, kernels=kernels, kernel=kernel)
    full, merged = (native(plain, mode) for mode in (False, True))
    case = Case(
        tasks, full.counts, merged.counts, sorted(full.faults), kernels=kernels, kernel=kernel
    )

    found = list(differences(case))

    assert found == []


def test_the_update_is_lost(language: ModuleType) -> None:
    run = native(Case([language.lost_update] * 2), merged=True)

    assert len(run.ends) == 2


def test_every_name_of_the_language_is_described() -> None:
    import mmspec.lang

    text = (DOCS / "language.md").read_text()
    missing = [name for name in mmspec.lang.__all__ if not re.search(rf"\b{name}\b", text)]

    assert missing == []
