"""Folded text means what the text means in that kernel."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import Any

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.fold import folded, functions
from mmspec.kernels.releases import RELEASES
from mmspec.lang.context import Config, has, reading
from mmspec.lang.primitives import KernelFunction
from mmspec.lang.source import syntax_of
from mmspec.scenarios.seed import ROWS

KERNELS = {**RELEASES, **{row.name: row.kernel for row in ROWS}}


class Folding(ast.NodeTransformer):
    """The same by syntax trees, without any text."""

    def __init__(self, text: FunctionType, kernel: Kernel) -> None:
        self.names = text.__globals__
        self.kernel = kernel

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and self.names.get(node.func.id) is has:
            assert isinstance(node.args[0], ast.Name)
            return ast.Constant(self.names[node.args[0].id] in self.kernel.changes)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and _known(node.operand):
            return ast.Constant(not node.operand.value)  # type: ignore[attr-defined]
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        stop = isinstance(node.op, ast.Or)
        if any(_known(v) and v.value is stop for v in node.values):  # type: ignore[attr-defined]
            return ast.Constant(stop)
        left = [v for v in node.values if not _known(v)]
        if not left:
            return ast.Constant(not stop)
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if _known(node.test):
            return node.body if node.test.value else node.orelse  # type: ignore[attr-defined]
        return node

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        if _known(node.test):
            chosen = node.body if node.test.value else node.orelse  # type: ignore[attr-defined]
            return chosen or None
        return node


def _known(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, bool)
        and not hasattr(node, "lineno")
    )


def expected(fn: Any, kernel: Kernel) -> str:
    with reading(Config(), kernel.changes):
        text = fn.select() if isinstance(fn, KernelFunction) else fn
    node = ast.parse(ast.unparse(syntax_of(text))).body[0]
    for each in ast.walk(node):
        # constants of the text are not results of folding
        if not isinstance(each, ast.Constant):
            continue
        each.lineno = 1
    made = Folding(text, kernel).visit(node)
    made.decorator_list = []
    for each in ast.walk(made):
        body = getattr(each, "body", None)
        if isinstance(body, list) and not body:
            body.append(ast.Pass())
    return ast.unparse(ast.fix_missing_locations(made))


@pytest.mark.parametrize("name", KERNELS)
def test_folding_text_is_folding_the_tree(name: str) -> None:
    kernel = KERNELS[name]
    for fn in functions().values():
        assert ast.unparse(ast.parse(folded(fn, kernel))) == expected(fn, kernel)


def test_comments_of_the_branch_that_is_left_stay() -> None:
    fn = functions()["try_to_unmap_one"]

    text = folded(fn, RELEASES["v4.13"])

    assert "# munlock has nothing to gain" in text
