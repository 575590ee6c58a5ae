"""The text behind the functions: syntax trees, found again from function objects."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from mmspec.lang.context import ModelError

_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)


class SourceFile:
    """A file of the specification: its lines and its functions."""

    def __init__(self, path: str) -> None:
        self.path = path
        text = Path(path).read_text(encoding="utf-8")
        self.text = text
        self.lines = text.splitlines()
        self.tree = ast.parse(text, path)
        self.functions: dict[int, ast.FunctionDef] = {}
        # not ast.walk(): there are no functions in expressions
        blocks: list[ast.AST] = [self.tree]
        while blocks:
            block = blocks.pop()
            if isinstance(block, ast.FunctionDef):
                first = block.decorator_list[0].lineno if block.decorator_list else block.lineno
                self.functions[first] = block
            blocks += [n for n in ast.iter_child_nodes(block) if isinstance(n, _BLOCKS)]


@functools.cache
def source_file(path: str) -> SourceFile:
    """The parsed file at `path`."""
    try:
        return SourceFile(path)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None


def syntax_of(fn: FunctionType) -> ast.FunctionDef:
    """The definition of a function."""
    found = source_file(fn.__code__.co_filename).functions.get(fn.__code__.co_firstlineno)
    if found is None:
        raise ModelError(f"no source for {fn.__name__}: define it in a file, with `def`")
    return found


@functools.cache
def nodes_of(node: ast.AST) -> tuple[ast.AST, ...]:
    """A node and all below it: what ast.walk() yields, kept."""
    return tuple(ast.walk(node))


def body_of(node: ast.FunctionDef) -> list[ast.stmt]:
    """The statements of a function after its docstring."""
    body = node.body
    if (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        return body[1:]
    return body


def wait_condition(statement: ast.stmt) -> ast.expr | None:
    """The condition if the statement is `wait_until(lambda: condition)`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="wait_until"), args=[ast.Lambda() as made])):
            return made.body
    return None


@functools.cache
def leading_wait(fn: FunctionType) -> CodeType | None:
    """The condition of a `wait_until` that opens the function, as code; None if there is none."""
    if "wait_until" not in fn.__code__.co_names:
        # as most: to parse their files would take longer than a whole replay
        return None
    body = body_of(syntax_of(fn))
    condition = wait_condition(body[0]) if body else None
    if condition is None:
        return None
    return compile(ast.Expression(condition), fn.__code__.co_filename, "eval")


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


@functools.cache
def _stripped_file(path: str) -> dict[tuple[str, int], CodeType]:
    code = compile(source_file(path).text, path, "exec", dont_inherit=True, optimize=1)
    return {(c.co_name, c.co_firstlineno): c for c in _codes(code)}


def without_assertions(fn: FunctionType) -> CodeType:
    """The function's code as `python -O` would compile it."""
    code = fn.__code__
    return _stripped_file(code.co_filename)[code.co_name, code.co_firstlineno]
