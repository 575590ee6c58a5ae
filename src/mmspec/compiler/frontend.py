"""From functions to control-flow graphs: the driver, and what it knows about the whole program."""

from __future__ import annotations

import ast
import functools
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from mmspec.compiler import ir
from mmspec.compiler.conventions import KernelView
from mmspec.compiler.errors import TYPES, CompileError, span_of
from mmspec.compiler.liveness import refuse_unassigned
from mmspec.compiler.lower import FunctionLowering
from mmspec.compiler.recompute import recompute
from mmspec.compiler.values import Retype, Value
from mmspec.lang.context import Config, reading
from mmspec.lang.primitives import KernelFunction
from mmspec.lang.program import discover, text_of
from mmspec.lang.source import leading_wait, nodes_of, syntax_of
from mmspec.lang.structs import Layout, Type, type_of_hint


@dataclass(frozen=True)
class Signature:
    """Types of a function's parameters and result."""

    params: tuple[tuple[str, Type], ...]
    returns: Type | None


class Frontend:
    """Lowers every function that the entries of a program reach.

    kernels: the family to compile for; a change that all or none of them have is folded.
    """

    def __init__(self, config: Config, kernels: Sequence[KernelView]) -> None:
        self.config = config
        self.kernels = tuple(kernels)
        self.all = (1 << len(self.kernels)) - 1
        self.sites: list[ir.Site] = []
        self.faults: list[ir.Fault] = []
        self.fault_numbers: dict[tuple[FunctionType, str, int], int] = {}
        self.functions: dict[tuple[FunctionType, bool, bool], ir.Function] = {}
        self.guards: dict[FunctionType, ir.Function] = {}
        self.order: list[ir.Function] = []
        self.signatures: dict[FunctionType, Signature] = {}
        self.in_progress: list[FunctionType] = []
        self.addressed: dict[Any, int] = {}
        self.layout: Layout
        self.names: set[str] = set()

    def compile(
        self,
        entries: Sequence[Callable[[], None]],
        predicates: Sequence[Callable[[], bool]] = (),
    ) -> ir.Module:
        """Lower task programs, and predicates over shared memory."""
        program = discover([*entries, *predicates])
        with reading(self.config):
            self.layout = Layout(program.pools)
            for fn in program.functions:
                for found in _functions_as_values(fn):
                    self.addressed.setdefault(found, len(self.addressed) + 1)
            lowered: dict[FunctionType, ir.Function] = {}
            for entry in entries:
                text = text_of(entry)
                if text not in lowered:
                    made = self.lower(text, atomic=False)
                    if made.params or made.returns is not None:
                        node = syntax_of(text)
                        raise CompileError(
                            span_of(node, text.__code__.co_filename),
                            f"task {text.__name__}() takes parameters or returns a value",
                            "a task is `def task() -> None`",
                        )
                    lowered[text] = made
            tests = [self.lower(text_of(p), atomic=True, unchecked=True) for p in predicates]
        module = ir.Module(
            self.order,
            [lowered[text_of(entry)] for entry in entries],
            tests,
            self.sites,
            self.faults,
            self.layout,
            len(self.kernels),
        )
        self._sites_of_entries(module)
        return module

    def _sites_of_entries(self, module: ir.Module) -> None:
        for entry in dict.fromkeys(module.entries):
            node = syntax_of(entry.text)
            span = span_of(node, entry.text.__code__.co_filename)
            site = ir.Site(entry, span, "entry", entry.display)
            entry.sites.append(site)
            self.sites.append(site)
            site.number = len(self.sites)

    # -------------------------------------------------------------------- functions

    def lower(self, text: FunctionType, atomic: bool, unchecked: bool = False) -> ir.Function:
        """The graph of one function text; made on first use."""
        key = (text, atomic, unchecked)
        if key in self.functions:
            return self.functions[key]
        if text in self.in_progress:
            chain = " -> ".join(fn.__name__ for fn in [*self.in_progress, text])
            raise CompileError(
                span_of(syntax_of(text), text.__code__.co_filename),
                f"recursion: {chain}",
                "frames are static: use a loop",
            )
        self.in_progress.append(text)
        hints: dict[str, Type] = {}
        name = self._name(text, atomic)
        while True:
            made = ir.Function(name, text, text.__name__, atomic)
            try:
                FunctionLowering(self, made, hints, unchecked).run()
                break
            except Retype as retype:
                hints[retype.name] = retype.type
        self.in_progress.pop()
        self.functions[key] = made
        self._finish(made)
        return made

    def _finish(self, made: ir.Function) -> None:
        made.pure = ir.is_pure(made)
        recompute(made)
        for site in made.sites:
            self.sites.append(site)
            site.number = len(self.sites)
        for fault in made.faults:
            key = (made.text, fault.kind, fault.span.line)
            if key not in self.fault_numbers:
                self.faults.append(fault)
                self.fault_numbers[key] = len(self.faults)
            fault.number = self.fault_numbers[key]
        refuse_unassigned(made, len(self.kernels))
        self.order.append(made)

    def guard_of(self, text: FunctionType) -> ir.Function | None:
        """The condition of the `wait_until` that opens an atomic function, as a function."""
        if leading_wait(text) is None:
            return None
        if text not in self.guards:
            made = ir.Function(self._name(text, True) + "_ready", text, text.__name__, True)
            FunctionLowering(self, made, {}, False).run_condition()
            self.guards[text] = made
            self._finish(made)
        return self.guards[text]

    def _name(self, text: FunctionType, atomic: bool) -> str:
        base = text.__name__ + ("_atomic" if atomic else "")
        name, n = base, 1
        while name in self.names:
            n += 1
            name = f"{base}_{n}"
        self.names.add(name)
        return name

    def signature(self, text: FunctionType) -> Signature:
        """Parameter and result types, from the annotations."""
        found = self.signatures.get(text)
        if found is not None:
            return found
        node = syntax_of(text)
        file = text.__code__.co_filename
        try:
            hints = typing.get_type_hints(text, include_extras=True)
        except NameError as error:
            raise CompileError(
                span_of(node, file), f"annotation: {error}", "import it, or define it"
            ) from None
        params: list[tuple[str, Type]] = []
        for arg in node.args.args:
            kind = None
            if arg.arg in hints:
                try:
                    kind = type_of_hint(hints[arg.arg])
                except TypeError as error:
                    raise CompileError(span_of(arg, file), str(error), TYPES) from None
            if kind is None:
                raise CompileError(
                    span_of(arg, file), f"parameter `{arg.arg}` has no type", "annotate it"
                )
            params.append((arg.arg, kind))
        extra = node.args.kwonlyargs or node.args.posonlyargs
        if extra or node.args.vararg or node.args.kwarg or node.args.defaults:
            raise CompileError(
                span_of(node.args.args[0] if node.args.args else node, file),
                "parameters are positional and have no defaults",
                "pass every argument",
            )
        if "return" not in hints:
            raise CompileError(span_of(node, file), "the result has no type", "write `-> None`")
        try:
            returns = type_of_hint(hints["return"])
        except TypeError as error:
            raise CompileError(span_of(node.returns or node, file), str(error), TYPES) from None
        found = Signature(tuple(params), returns)
        self.signatures[text] = found
        return found

    def candidates(self, args: Sequence[Value]) -> list[Any]:
        """Functions whose name is used as a value and that accept `args`."""
        found = []
        for fn in self.addressed:
            params = self.signature(text_of(fn)).params
            if len(params) == len(args) and all(
                arg.fits(kind) for arg, (_, kind) in zip(args, params, strict=True)
            ):
                found.append(fn)
        return found

    # -------------------------------------------------------------------- kernels

    def mask(self, change: Any) -> int:
        """Which kernels of the family have `change`, as bits."""
        return sum(1 << k for k, view in enumerate(self.kernels) if change in view.changes)

    @property
    def asserting(self) -> int:
        """Which kernels of the family check `assert`, as bits."""
        return sum(1 << k for k, view in enumerate(self.kernels) if view.asserts)


def _functions_as_values(text: FunctionType) -> list[Any]:
    """Functions that `text` names other than to call them."""
    values = (text.__globals__.get(name) for name in _names_as_values(text))
    return [value for value in values if isinstance(value, KernelFunction | FunctionType)]


@functools.cache
def _names_as_values(text: FunctionType) -> tuple[str, ...]:
    called = set()
    found = []
    for node in (n for part in syntax_of(text).body for n in nodes_of(part)):
        if isinstance(node, ast.Call):
            called.add(id(node.func))
        elif isinstance(node, ast.Name) and id(node) not in called:
            found.append(node.id)
    return tuple(found)
