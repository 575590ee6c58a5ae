"""Write down what exhibits' searches give: steps and states, in their modules and in the docs.

`python -m tests.museum.record [NAME ...]`. An exhibit that is not what it says is left as it is,
and complained about: figures are recorded of what was found and of what was exhausted, only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import mmspec.museum
from mmspec.museum import Bug, bug_named, bugs
from mmspec.museum.checking import Shown, show

MODULES = Path(mmspec.museum.__file__).parent
TABLE = Path(__file__).parents[2] / "docs" / "museum.md"
HEADING = "| exhibit | fixed by | in | scenario | steps | found in | gone in |"


def figures(made: Shown) -> dict[str, int]:
    """What a module's fields of these names are to be."""
    return {
        "steps": made.without.steps,
        "states": made.without.result.states,
        "exhausted": made.with_it.result.states,
    }


def recorded(text: str, values: dict[str, int]) -> str:
    """A module's text with other figures."""
    for name, value in values.items():
        text = re.sub(rf"(?m)^    {name}=[\d_]+,", f"    {name}={value:_},", text)
    return text


def row(bug: Bug, values: dict[str, int]) -> str:
    """An exhibit's line in the documentation."""
    steps = f"{values['steps']:,}" if values["steps"] else "-"
    return (
        f"| `{bug.name}` | {bug.commit} | {bug.fixed.release} | {bug.scenario.name} "
        f"| {steps} | {values['states']:,} | {values['exhausted']:,} |"
    )


def as_recorded(bug: Bug) -> dict[str, int]:
    """The figures that a module has now."""
    return {"steps": bug.steps, "states": bug.states, "exhausted": bug.exhausted}


def table(text: str, rows: Sequence[str]) -> str:
    """The documentation's text with other rows in its table."""
    begin = text.index(HEADING)
    head = text[begin:].splitlines()[:2]
    end = text.index("\n\n", begin)
    return text[:begin] + "\n".join([*head, *rows]) + text[end:]


def main(names: Sequence[str]) -> int:
    """Look at exhibits, and write down what they give; 1 if one is not what it says."""
    shown = show([bug_named(name) for name in names] if names else bugs())
    wrong = [name for name, made in shown.items() if not made.is_as_it_says]
    rows = []
    for bug in bugs():
        values = as_recorded(bug)
        if bug.name in shown and bug.name not in wrong:
            values = figures(shown[bug.name])
            path = MODULES / f"{bug.name}.py"
            text = path.read_text()
            made = recorded(text, values)
            if made != text:
                print(f"{bug.name}: {as_recorded(bug)} -> {values}")
                path.write_text(made)
        rows.append(row(bug, values))
    TABLE.write_text(table(TABLE.read_text(), rows))
    for name in wrong:
        print(f"{name} is not what it says: see `mmspec museum {name}`")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
