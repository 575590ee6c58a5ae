"""Faults put into the specification on purpose: each has to be noticed by a general scenario.

A mutant is a one-line change of one function, as data (`table.py`). All of them are compiled with
the specification as one family of kernels: a mutated text is that of kernels with a `Change` of the
mutant's own, as in `examples/my_change.py`. `python -m tests.spec_mutants` tries them.
"""

from __future__ import annotations
import __future__

import ast
import functools
import hashlib
import importlib
import pkgutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import mmspec.spec
from mmspec.kernels import Change, Kernel
from mmspec.kernels.releases import v4_14_fixed
from mmspec.lang.primitives import KernelFunction, changed_files
from mmspec.lang.source import source_file, syntax_of


@dataclass(frozen=True)
class Mutant:
    """One text with one line changed.

    function: the text's name; an older text has one of its own. old: a part of it that occurs
    once; new: what stands there instead. what: what is wrong now. kernel: where it is tried.
    survives: why no scenario can notice it.
    """

    function: str
    old: str
    new: str
    what: str
    kernel: Kernel = v4_14_fixed
    survives: str = ""

    @property
    def name(self) -> str:
        """The function, and what is wrong with it."""
        return f"{self.function}: {self.what}"


@dataclass(frozen=True)
class _Place:
    """A text of the specification, and what it is called through."""

    text: FunctionType
    module: ModuleType
    called: KernelFunction[..., Any] | FunctionType


@functools.cache
def _places() -> dict[str, _Place]:
    """Every text of the specification's functions by name."""
    found: dict[str, _Place] = {}
    for info in pkgutil.walk_packages(mmspec.spec.__path__, "mmspec.spec."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            texts = value.texts() if isinstance(value, KernelFunction) else [value]
            for text in texts:
                if isinstance(text, FunctionType) and text.__module__ == info.name:
                    if text.__name__ not in found or isinstance(value, KernelFunction):
                        found[text.__name__] = _Place(text, module, value)
    return found


def source_of(function: str) -> str:
    """The text of a function of the specification, without its decorators."""
    text = _places()[function].text
    node = syntax_of(text)
    lines = source_file(text.__code__.co_filename).lines[node.lineno - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines))


def mutated(mutant: Mutant) -> str:
    """The text of the mutant's function with its line changed."""
    source = source_of(mutant.function)
    if source.count(mutant.old) != 1:
        times = source.count(mutant.old)
        raise ValueError(f"{mutant.name}: its text occurs {times} times: it has changed")
    made = source.replace(mutant.old, mutant.new)
    ast.parse(made)
    return made


def _texts(mutants: Sequence[Mutant]) -> list[FunctionType]:
    """The mutated functions: in a file, where the compiler looks for them."""
    sources = [mutated(mutant) for mutant in mutants]
    text = "\n\n".join(["from __future__ import annotations", *sources]) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"mmspec-mutants-{digest}.py"
    path.write_text(text)
    changed_files.add(str(path))
    definitions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    made = []
    for mutant, definition in zip(mutants, definitions, strict=True):
        code = compile(
            ast.Module([definition], []), str(path), "exec", __future__.annotations.compiler_flag
        )
        defined: dict[str, Any] = {}
        exec(code, vars(_places()[mutant.function].module), defined)
        made.append(defined[definition.name])
    return made


def _rebind(old: object, new: object) -> None:
    """Have every module call another object."""
    for name, module in list(sys.modules.items()):
        if name.startswith("mmspec."):
            for key, value in list(vars(module).items()):
                if value is old:
                    setattr(module, key, new)


@contextmanager
def installed(mutants: Sequence[Mutant]) -> Iterator[list[Change]]:
    """Have the specification know mutants: for each a change, whose kernels have its text."""
    changes = [Change(mutant.what, name=f"MUTANT_{n}") for n, mutant in enumerate(mutants)]
    wrapped: dict[FunctionType, KernelFunction[..., Any]] = {}
    touched: list[KernelFunction[..., Any]] = []
    try:
        for mutant, text, change in zip(mutants, _texts(mutants), changes, strict=True):
            called = _places()[mutant.function].called
            if isinstance(called, FunctionType):
                if called not in wrapped:
                    wrapped[called] = KernelFunction(called)
                    _rebind(called, wrapped[called])
                called = wrapped[called]
            called.newer.append((change, text))
            touched.append(called)
        yield changes
    finally:
        for called in touched:
            called.newer.pop()
        for plain, called in wrapped.items():
            _rebind(called, plain)
