"""From a compiled system to Promela, so that Spin can search it too.

The model has one process for each task and one `d_step` (an atomic sequence, if that would be too
long) for each place where the task can stand:
Spin stores exactly the states that we do, and takes exactly our transitions (it counts the initial
state as one more). The emitter for native code is not involved, only the intermediate
representation and the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmspec.compiler import ir
from mmspec.compiler.promela_guards import Alternatives, Ways
from mmspec.compiler.promela_places import Places, PromelaError
from mmspec.compiler.promela_steps import FORGET_ALL, FORGET_LOCKS, Body, Callers, StepWriter
from mmspec.compiler.system import System, TaskView
from mmspec.compiler.words import MAX, MIN, Word, const
from mmspec.lang.context import reading
from mmspec.lang.ints import U32
from mmspec.lang.structs import OnStack

__all__ = ["PromelaError", "export"]

#: Statements and options that Spin is given in one d_step: it takes about 2,000 jumps in one.
_D_STEP = 1000


def export(system: System, initial: bytes, kernel: int = 0, *, assertions: bool = False) -> str:
    """The Promela model of what can happen after `initial`, in one kernel.

    A violation is a state, as it is for us; with `assertions` it is an error for Spin as well.
    PromelaError if a guard or a value in `initial` has no counterpart.
    """
    with reading(system.config):
        return _Model(system, initial, kernel, assertions).text()


@dataclass
class _Slice:
    """What one task can still execute. callers: calls that return, or None at the task's end."""

    sites: dict[ir.Site, ir.Point | None] = field(default_factory=dict)
    callers: Callers = field(default_factory=dict)


class _Model:
    def __init__(self, system: System, initial: bytes, kernel: int, assertions: bool) -> None:
        self.system = system
        self.initial = initial
        self.kernel = kernel
        self.assertions = assertions
        self.places = Places(system)
        self.points = {
            block.term.site: block.term
            for f in system.module.functions
            for block in f.blocks
            if isinstance(block.term, ir.Point)
        }

    def text(self) -> str:
        """The whole model."""
        count = self.system.tasks_of(self.initial)
        tasks = [self._task(number) for number in range(count)]
        memory = self.system.memory(self.initial)
        values: dict[str, list[int]] = {text: [] for text in self.places.declared.shared}
        names = {place.field: text for text, place in self.places.declared.shared.items()}
        for (f, _, _), value in zip(self.system.layout.scalars(), memory, strict=True):
            if f in names:
                values[names[f]].append(self._checked(value, names[f], f.elem))
        lines = [*self._header(count), ""]
        lines += [f"hidden int {name};" for name in sorted(self.places.declared.hidden)]
        lines += [
            f"{place.declaration(values[text])};"
            for text, place in self.places.declared.shared.items()
        ]
        return "\n".join([*lines, *tasks]) + "\n"

    def _header(self, count: int) -> list[str]:
        system = self.system
        mode = "steps merged" if system.merged else "one step for each access"
        names = ", ".join(e.display for e in system.module.entries)
        sizes = ", ".join(f"{k} = {v}" for k, v in system.config.sizes.items())
        return [
            "/* Exported by mmspec: a state of this model is a state of mmspec's search.",
            f" * Programs: {names}; {count} tasks; {mode}.",
            *([f" * Sizes: {sizes}."] if sizes else []),
            " * pc: where a task stands before its next step; 0: finished; -n: failed by fault n.",
            " * Pointers are index plus one, 0 is NULL. Hidden variables do not outlive a step.",
            " * Spin must not drop variables that are only written: spin -a -o1 -o2 -o3, then",
            " * gcc -DSAFETY -DNOREDUCE -DNOFAIR pan.c. It counts a transition to the first state.",
            " */",
        ]

    # ------------------------------------------------------------------ one task

    def _task(self, number: int) -> str:
        view = self.system.task(self.initial, number, self.kernel)
        self.places.declared.local = {}
        steps: list[str] = []
        bodies: list[tuple[ir.Site, Ways, Body]] = []
        found = self._slice(view)
        writers = Alternatives(self.places, self.kernel, number)
        for site, point in sorted(found.sites.items(), key=lambda item: item[0].number):
            ways = writers.of(site, point)
            writer = StepWriter(self.places, self.kernel, number, found.callers, self.assertions)
            choice = const(0)
            if ways.most > 1:
                text = self.places.scratch("choice")
                choice = Word(text, 0, ways.most - 1, 0, frozenset((text,)), True)
            body = writer.write(site, point, choice)
            bodies.append((site, ways, body))
        for site, ways, body in bodies:
            lines = self._forgotten(body.lines, body.entered | self._above(site, found))
            steps += [f"/* {_shown(site)} */", *_option(site, ways, lines)]
        pc = self.system.program_counter(self.initial, number)
        if view.fault is not None:
            pc = -view.fault.number
        values = self._values(view)
        declared = [
            f"  {place.declaration(values.get(text, [0] * place.size))};"
            for text, place in self.places.declared.local.items()
        ]
        if not steps:
            steps = [":: false"]
        return "\n".join(
            [
                "",
                f"active proctype task{number}() {{",
                f"  short pc = {pc if pc >= 0 else f'({pc})'};",
                *declared,
                "end:",
                "  do",
                *(_indented(line) for line in steps),
                "  od",
                "}",
            ]
        )

    def _slice(self, view: TaskView) -> _Slice:
        found = _Slice()
        todo: list[tuple[ir.Function, int]] = []
        seen: set[tuple[ir.Function, int]] = set()

        def visit(f: ir.Function, block: int) -> None:
            if (f, block) not in seen:
                seen.add((f, block))
                todo.append((f, block))

        def returns(f: ir.Function, to: tuple[ir.Function, ir.CallTo] | None) -> None:
            known = found.callers.setdefault(f, [])
            if to not in known:
                known.append(to)

        outer: tuple[ir.Function, ir.CallTo] | None = None
        for frame in view.frames:
            returns(frame.function, outer)
            if frame.call is not None:
                outer = (frame.function, frame.call)
                visit(frame.function, frame.call.to)
            elif frame.site is not None:
                point = self.points.get(frame.site)
                found.sites[frame.site] = point
                visit(frame.function, point.to if point is not None else 0)
        while todo:
            f, b = todo.pop()
            term = f.blocks[b].term
            match term:
                case ir.Feature():
                    visit(f, term.yes if term.mask >> self.kernel & 1 else term.no)
                case ir.CallTo():
                    returns(term.function, (f, term))
                    visit(term.function, 0)
                    visit(f, term.to)
                case ir.Point():
                    stops = term.guarded or term.mover not in ("invisible", "release")
                    if stops or not self.system.merged:
                        found.sites[term.site] = term
                    visit(f, term.to)
                case ir.Jump() | ir.Branch() | ir.Guard():
                    for to in ir.successors(term):
                        visit(f, to)
        return found

    def _above(self, site: ir.Site, found: _Slice) -> set[ir.Function]:
        """Functions that can be active when a task stands at a site."""
        above = {site.function}
        todo = [site.function]
        while todo:
            for caller in found.callers.get(todo.pop(), []):
                if caller is not None and caller[0] not in above:
                    above.add(caller[0])
                    todo.append(caller[0])
        return above

    def _forgotten(self, lines: list[str], functions: set[ir.Function]) -> list[str]:
        """The lines with statements that zero the task's record, or its locks."""
        local = self.places.declared.local.values()
        locks = [e for p in local if p.lock is not None for e in p.elements]
        stacks = {var.stack for f in functions for var in f.vars if var.stack is not None}
        rest = [
            e
            for p in local
            if p.owner in functions or (p.field is not None and p.field.owner in stacks)
            for e in p.elements
        ]
        out: list[str] = []
        for line in lines:
            if line in (FORGET_LOCKS, FORGET_ALL):
                names = locks if line == FORGET_LOCKS else locks + rest
                out += [
                    " ".join(f"{name} = 0;" for name in names[k : k + 4])
                    for k in range(0, len(names), 4)
                ]
            else:
                out.append(line)
        return out

    # ------------------------------------------------------------------ the initial state

    def _checked(self, value: int, text: str, kind: Any) -> int:
        if not (MIN <= value <= MAX or (kind == U32 and value <= U32.hi)):
            raise PromelaError(f"{text} is {value}: more than the 32 bits of a Promela int")
        return value

    def _values(self, view: TaskView) -> dict[str, list[int]]:
        """Values of a task's variables, by name of the variable."""
        values: dict[str, list[int]] = {}
        structs: dict[tuple[type[OnStack], int], int] = {}
        for frame in view.frames:
            for var in frame.live:
                if var.stack is not None:
                    at = frame.function.slots[var]
                    structs[var.stack, at] = self.places.stack_vars[var.stack].index(var) + 1
        callee: ir.Function | None = None
        for frame in reversed(view.frames):
            if callee is not None and frame.call is not None:
                name = self._find(callee, None)
                if name:
                    values[name] = [frame.call.number]
            callee = frame.function
            for var, value in frame.live.items():
                if var.stack is not None:
                    self._struct_values(var, value, values)
                    continue
                name = self._find(frame.function, var)
                if name:
                    stack = getattr(var.type, "cls", None)
                    number = structs.get((stack, value), value) if stack else value
                    values[name] = [self._checked(number, name, var.type)]
        for lock, shared in view.held:
            for text, place in self.places.declared.local.items():
                if place.lock == (type(lock), shared):
                    values.setdefault(text, [0] * place.size)[lock._mmspec_index] = 1
        return values

    def _find(self, f: ir.Function, var: ir.Var | None) -> str:
        for text, place in self.places.declared.local.items():
            if place.owner is f and place.var is var:
                return text
        return ""

    def _struct_values(
        self, var: ir.Var, value: dict[str, Any], values: dict[str, list[int]]
    ) -> None:
        assert var.stack is not None
        number = self.places.stack_vars[var.stack].index(var)
        fields = var.stack.fields()
        for text, place in self.places.declared.local.items():
            if place.field is not None and place.field.owner is var.stack:
                item = value[place.field.name]
                n = fields[place.field.name].count
                into = values.setdefault(text, [0] * place.size)
                into[number * n : number * n + n] = item if isinstance(item, list) else [item]


def _option(site: ir.Site, ways: Ways, lines: list[str]) -> list[str]:
    """One option of a process: the step that starts at a site."""
    guard = f"pc == {site.number}" + (f" && {ways.text}" if ways.known is None else "")
    # within an atomic sequence no states are stored: it is the same, and costs Spin more
    long = sum(line.count(";") + line.count("::") for line in lines) > _D_STEP
    if ways.most < 2:
        return [f":: {'atomic' if long else 'd_step'} {{ {guard} ->", *lines, "}"]
    # the choice is no state of its own: it belongs to the same atomic sequence
    tests = [f":: {k} < {ways.text} -> choice = {k}" for k in range(1, ways.most)]
    chosen = ["if :: choice = 0", *tests, "fi;"]
    step = lines if long else ["d_step {", *lines, "}"]
    return [f":: atomic {{ {guard} ->", *chosen, *step, "}"]


def _shown(site: ir.Site) -> str:
    what = " ".join(word for word in (site.kind, site.name) if word)
    return f"{site.function.display}:{site.span.line} {what}"


def _indented(line: str) -> str:
    depth = 1 if line.startswith(("::", "/*", "}")) else 2
    if line.startswith(":: else"):
        depth = 2
    return "  " * depth + line
