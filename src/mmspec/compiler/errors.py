"""Refusals: what is not part of the language, where it stands, and what to write instead."""

from __future__ import annotations

import ast
from pathlib import Path

from mmspec.compiler.ir import Span
from mmspec.lang.context import ModelError

#: What may stand in an annotation.
TYPES = "types are bool, int, u8 to i64, enums, structs and Callable[...]"


def span_of(node: ast.AST, file: str) -> Span:
    """Where a syntax node stands."""
    return Span(
        file,
        getattr(node, "lineno", 1),
        getattr(node, "col_offset", 0),
        getattr(node, "end_lineno", 1),
        getattr(node, "end_col_offset", 0),
    )


def _shown(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


class CompileError(ModelError):
    """The text at `span` is not part of the specification language.

    Its string is the message as people see it: place, source line, caret, way out.
    """

    def __init__(self, span: Span, problem: str, instead: str = "") -> None:
        self.span = span
        self.problem = problem
        self.instead = instead
        try:
            line = Path(span.file).read_text(encoding="utf-8").splitlines()[span.line - 1]
        except (OSError, IndexError):
            line = ""
        end = span.end_col if span.end_line == span.line else len(line)
        mark = "^" + "~" * max(0, end - span.col - 1)
        head = f"{_shown(span.file)}:{span.line}:{span.col + 1}: {problem}"
        number = f"{span.line:5d} | "
        shown = f"\n{number}{line}\n{' ' * 5} | {' ' * span.col}{mark}"
        super().__init__(head + shown + (f" {instead}" if instead else ""))
