"""Overflows of local variables, parameters and results, found while CPython executes.

Fields check what is stored in them; a Python variable takes any integer. A trace function looks at
the variables after each line, so that a value that does not fit is the violation that the compiled
code reports, at the same place.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from mmspec.compiler import ir
from mmspec.lang.ints import IntType
from mmspec.lang.structs import type_of_hint
from mmspec.lang.world import Violation

Tracer = Callable[[FrameType, str, Any], Any]


class Ranges:
    """A trace function for `sys.settrace`. codes: of the specification's functions.

    An exception takes a trace function out of service: install it again for each step.
    """

    def __init__(self, functions: list[ir.Function], codes: set[CodeType]) -> None:
        self.codes = codes
        self.types: dict[tuple[str, int], dict[str, IntType]] = {}
        self.results: dict[tuple[str, int], IntType] = {}
        self.lines: dict[FrameType, int] = {}
        for f in functions:
            key = f.text.__code__.co_name, f.text.__code__.co_firstlineno
            types = self.types.setdefault(key, {})
            for var in f.vars:
                if not var.temp and isinstance(var.type, IntType):
                    types[var.name] = var.type
            # not `f.returns`: the condition of an atomic function has the same text
            kind = type_of_hint(typing.get_type_hints(f.text, include_extras=True)["return"])
            if isinstance(kind, IntType):
                self.results[key] = kind

    def __call__(self, frame: FrameType, event: str, value: Any) -> Tracer | None:
        """Called for each event in any frame."""
        code = frame.f_code
        if code not in self.codes:
            return None
        if event == "call":
            self.lines[frame] = frame.f_lineno
            caller = frame.f_back
            while caller is not None and caller.f_code not in self.codes:
                caller = caller.f_back
            if caller is not None:
                self._check(frame, caller.f_code.co_name, caller.f_lineno)
        elif event == "exception":
            self.lines.pop(frame, None)
        elif frame in self.lines:
            self._check(frame, code.co_name, self.lines[frame])
            self.lines[frame] = frame.f_lineno
            if event == "return":
                del self.lines[frame]
                kind = self.results.get((code.co_name, code.co_firstlineno))
                assert kind is None or value is not None
                if kind is not None and not kind.lo <= int(value) <= kind.hi:
                    self._fail(f"the result {int(value)}", kind, code.co_name, frame.f_lineno)
        return self

    def _check(self, frame: FrameType, name: str, line: int) -> None:
        code = frame.f_code
        types = self.types.get((code.co_name, code.co_firstlineno), {})
        for variable, value in frame.f_locals.items():
            kind = types.get(variable)
            if kind is not None and isinstance(value, int) and not kind.lo <= value <= kind.hi:
                self._fail(f"{variable} = {int(value)}", kind, name, line)

    def _fail(self, what: str, kind: IntType, name: str, line: int) -> None:
        violation = Violation("overflow", f"{what} does not fit {kind}")
        violation.place = (name, line)
        raise violation
