"""The forms in which a trace can be told, by the ending of a file's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmspec.lang.context import ModelError
from mmspec.report.ftrace import ftrace
from mmspec.report.history import History
from mmspec.report.html import html
from mmspec.report.itf import itf
from mmspec.report.junit import junit
from mmspec.report.ktap import ktap
from mmspec.report.mermaid import mermaid
from mmspec.report.reproducer import reproducer
from mmspec.report.sarif import sarif
from mmspec.report.text import text


@dataclass(frozen=True)
class Format:
    """name: for --format. ending: of files. about: what it is."""

    name: str
    ending: str
    about: str
    make: Callable[[History], str]


FORMATS = (
    Format("text", ".txt", "plain text of 72 columns, for a mail", text),
    Format("html", ".html", "a page to step through, in one file", html),
    Format("itf", ".json", "states, for TLA+ tools (Informal Trace Format)", itf),
    Format("ftrace", ".ftrace", "a kernel trace, for Perfetto", ftrace),
    Format("sarif", ".sarif", "a result with thread flows, for editors and code scanning", sarif),
    Format("junit", ".xml", "a failed test, for continuous integration", junit),
    Format("mermaid", ".mmd", "a sequence diagram, for Markdown", mermaid),
    Format("ktap", ".ktap", "a failed test, as kselftests print it", ktap),
    Format("c", ".c", "a program to try on a real kernel", reproducer),
)


class UnknownFormat(ModelError):
    """A file whose ending says nothing."""


def format_of(path: Path) -> Format:
    """The format that a file's name asks for; UnknownFormat names those there are."""
    for made in FORMATS:
        if path.suffix.lower() == made.ending:
            return made
    endings = ", ".join(made.ending for made in FORMATS)
    what = f"`{path.suffix}`" if path.suffix else "a name without ending"
    raise UnknownFormat(f"{path}: no report has {what}: use one of {endings}")
