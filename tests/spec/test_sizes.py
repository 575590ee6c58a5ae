"""Constants that depend on sizes follow the sizes: they are not computed when a module is read."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import mmspec.museum
import mmspec.scenarios
import mmspec.spec
from mmspec.lang.context import Param


def _modules() -> Iterator[ModuleType]:
    for package in (mmspec.spec, mmspec.scenarios, mmspec.museum):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(info.name)


def frozen(module: ModuleType, text: str) -> list[str]:
    """What a module binds to a number that it has computed from sizes."""
    found = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(
            node.value, ast.BinOp | ast.UnaryOp
        ):
            used = [n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)]
            if any(isinstance(getattr(module, name, None), Param) for name in used):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("module", list(_modules()), ids=lambda module: module.__name__)
def test_no_size_is_frozen(module: ModuleType) -> None:
    assert frozen(module, inspect.getsource(module)) == []


def test_a_frozen_size_would_be_found() -> None:
    module = ModuleType("frozen")
    module.__dict__["HPAGE"] = Param(lambda: 4, "order")

    assert frozen(module, "X = HPAGE * 2\nY = 3 * 2\n") == ["X = HPAGE * 2"]
