"""One kernel's source: has() decided, branches of other kernels left out, comments kept."""

from __future__ import annotations

import ast
import difflib
import importlib
import pkgutil
import textwrap
from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any

from mmspec.kernels.change import Kernel
from mmspec.kernels.known import unknown
from mmspec.lang.context import Config, has, reading
from mmspec.lang.primitives import KernelFunction
from mmspec.lang.source import source_file, syntax_of

_INDENT = 4


def functions() -> dict[str, Any]:
    """Every function of the specification by name, where it is defined."""
    import mmspec.spec

    found: dict[str, Any] = {}
    for info in pkgutil.walk_packages(mmspec.spec.__path__, "mmspec.spec."):
        module = importlib.import_module(info.name)
        older = {
            t for v in vars(module).values() if isinstance(v, KernelFunction) for _, t in v.older
        }
        for name, value in vars(module).items():
            text = value.fn if isinstance(value, KernelFunction) else value
            if isinstance(text, FunctionType) and text.__module__ == info.name:
                if text not in older and not (isinstance(value, FunctionType) and value in older):
                    found.setdefault(name, value)
    return found


def function_named(name: str) -> Any:
    """A function of the specification; UnknownName if there is none."""
    known = functions()
    if name not in known:
        raise unknown("function", name, known, "mmspec list functions")
    return known[name]


def folded(fn: Any, kernel: Kernel) -> str:
    """The text of a function as one kernel has it."""
    with reading(Config(), kernel.changes):
        text = fn.select() if isinstance(fn, KernelFunction) else fn
    assert isinstance(text, FunctionType)
    return _Folder(text, kernel).text()


def heading(fn: Any, kernel: Kernel) -> str:
    """What the text restates, as a comment; empty for what is not the kernel's."""
    if not isinstance(fn, KernelFunction):
        return ""
    with reading(Config(), kernel.changes):
        text = fn.select()
    file, at = fn.restates.get(text, (fn.file, fn.at))
    return f"# {file}, as of {at or 'before'}" if file else ""


def difference(a: Kernel, b: Kernel, names: Sequence[str] = ()) -> Iterator[str]:
    """Lines of a unified diff from one kernel's text to another's."""
    known = {name: function_named(name) for name in names} if names else functions()
    for name, fn in known.items():
        old, new = folded(fn, a).splitlines(), folded(fn, b).splitlines()
        if old != new:
            place = heading(fn, b).removeprefix("# ").split(",")[0]
            where = f"{place}:{name}" if place else name
            yield from difflib.unified_diff(
                old, new, f"{where}  {a}", f"{where}  {b}", lineterm="", n=3
            )


class _Folder:
    def __init__(self, text: FunctionType, kernel: Kernel) -> None:
        self.fn = text
        self.kernel = kernel
        self.lines = source_file(text.__code__.co_filename).lines
        self.node = syntax_of(text)

    def text(self) -> str:
        node = self.node
        first = node.body[0].lineno
        while self._is_loose(first - 1) and first - 1 > node.lineno:
            first -= 1
        header = self.lines[node.lineno - 1 : first - 1]
        made = [*header, *self._block(node.body, first, 0)]
        return textwrap.dedent("\n".join(made)).rstrip() + "\n"

    # ------------------------------------------------------------------ statements

    def _is_loose(self, line: int) -> bool:
        """Whether a line (from 1) is blank or a comment."""
        text = self.lines[line - 1].strip()
        return not text or text.startswith("#")

    def _shifted(self, lines: Sequence[str], shift: int) -> list[str]:
        return [line[shift:] if line[:shift].isspace() else line for line in lines]

    def _block(self, body: Sequence[ast.stmt], first: int, shift: int) -> list[str]:
        """Statements, with what stands between them, from line `first` on."""
        made: list[str] = []
        for statement in body:
            start = min(
                [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]
            )
            inside = self._statement(statement, shift)
            if inside is not None:
                between = self._shifted(self.lines[first - 1 : start - 1], shift)
                while not made and between and not between[0].strip():
                    between.pop(0)
                made += between + inside
            first = (statement.end_lineno or start) + 1
        if not any(line.strip() and not line.strip().startswith("#") for line in made):
            indent = " " * (body[0].col_offset - shift)
            made.append(f"{indent}pass")
        return made

    def _statement(self, node: ast.stmt, shift: int) -> list[str] | None:
        """The lines of a statement; None if nothing of it is left."""
        if isinstance(node, ast.If):
            return self._if(node, shift, "if")
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            return self._edited(node.lineno, node.end_lineno or node.lineno, node, shift)
        start = self._body_start(node, body)
        made = self._edited(node.lineno, start - 1, node, shift)
        return made + self._block(body, start, shift)

    def _body_start(self, node: ast.stmt, body: Sequence[ast.stmt]) -> int:
        """The first line below the header, comments included."""
        first = body[0].lineno
        while first - 1 > node.lineno and self._is_loose(first - 1):
            first -= 1
        return first

    def _if(self, node: ast.If, shift: int, word: str) -> list[str] | None:
        value = self._value(node.test)
        start = self._body_start(node, node.body)
        if value is True and word == "if":
            return self._block(node.body, start, shift + _INDENT)
        if value is False:
            return self._otherwise(node, shift, word)
        if value is True:
            made = [" " * (node.col_offset - shift) + "else:"]
            return made + self._block(node.body, start, shift)
        made = self._edited(node.lineno, start - 1, node, shift)
        indent = len(made[0]) - len(made[0].lstrip())
        made[0] = made[0][:indent] + word + made[0][indent:].removeprefix("el").removeprefix("if")
        made += self._block(node.body, start, shift)
        rest = self._otherwise(node, shift, "elif")
        return made + (rest or [])

    def _otherwise(self, node: ast.If, shift: int, word: str) -> list[str] | None:
        """What follows when the condition is false. word: how another condition begins."""
        if not node.orelse:
            return None
        first = node.orelse[0]
        is_elif = isinstance(first, ast.If) and self.lines[first.lineno - 1].lstrip().startswith(
            "elif"
        )
        if is_elif:
            assert isinstance(first, ast.If)
            return self._if(first, shift, word)
        start = self._body_start(first, node.orelse)
        line = (node.body[-1].end_lineno or 0) + 1
        while self.lines[line - 1].strip() != "else:":
            line += 1
        start = line + 1
        if word == "if":
            return self._block(node.orelse, start, shift + _INDENT)
        return [self.lines[line - 1][shift:], *self._block(node.orelse, start, shift)]

    # ------------------------------------------------------------------ expressions

    def _edited(self, first: int, last: int, node: ast.AST, shift: int) -> list[str]:
        """Lines `first` to `last` with the conditions in them folded."""
        lines = self.lines[first - 1 : last]
        edits = sorted(self._edits(node), reverse=True)
        for (line, col), (end_line, end_col), text in edits:
            if not first <= line <= last:
                continue
            head = lines[line - first].encode()[:col].decode()
            tail = lines[end_line - first].encode()[end_col:].decode()
            lines[line - first : end_line - first + 1] = [head + text + tail]
        return self._shifted(lines, shift)

    def _edits(self, node: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int], str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                continue
            if isinstance(child, ast.expr) and self._foldable(child):
                start = child.lineno, child.col_offset
                end = child.end_lineno or 0, child.end_col_offset or 0
                yield start, end, self._text(child)
            else:
                yield from self._edits(child)

    def _foldable(self, node: ast.expr) -> bool:
        """Whether the expression is decided by has(), or built of parts that are."""
        if self._is_has(node):
            return True
        match node:
            case ast.BoolOp(values=values):
                return any(map(self._foldable, values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._foldable(operand)
            case ast.IfExp(test=test):
                return self._foldable(test)
        return False

    def _is_has(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and self.fn.__globals__.get(node.func.id) is has
        )

    def _value(self, node: ast.expr) -> bool | None:
        """The expression's value if has() alone decides it."""
        if self._is_has(node):
            assert isinstance(node, ast.Call) and isinstance(node.args[0], ast.Name)
            return self.fn.__globals__[node.args[0].id] in self.kernel.changes
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self._value(operand)
                return None if inner is None else not inner
            case ast.BoolOp(op=op, values=values):
                stop = isinstance(op, ast.Or)
                found = [self._value(v) for v in values]
                if stop in found:
                    return stop
                return None if None in found else not stop
        return None

    def _text(self, node: ast.expr) -> str:
        """The expression with what is decided left out."""
        value = self._value(node)
        if value is not None:
            return str(value)
        match node:
            case ast.BoolOp(op=op, values=values):
                left = [v for v in values if self._value(v) is None]
                inner = [self._operand(v, op) if len(left) > 1 else self._text(v) for v in left]
                return (" or " if isinstance(op, ast.Or) else " and ").join(inner)
            case ast.UnaryOp(op=ast.Not(), operand=operand) if self._foldable(operand):
                text = self._text(operand)
                return f"not ({text})" if isinstance(operand, ast.BoolOp) else f"not {text}"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                chosen = self._value(test)
                if chosen is not None:
                    return self._text(body if chosen else orelse)
                parts = self._text(body), self._text(test), self._text(orelse)
                return f"{parts[0]} if {parts[1]} else {parts[2]}"
        source = ast.get_source_segment(source_file(self.fn.__code__.co_filename).text, node)
        return source or ast.unparse(node)

    def _operand(self, node: ast.expr, op: ast.boolop) -> str:
        text = self._text(node)
        if isinstance(node, ast.BoolOp) and type(node.op) is not type(op):
            left = sum(self._value(v) is None for v in node.values)
            return f"({text})" if left > 1 else text
        return f"({text})" if isinstance(node, ast.IfExp) else text
