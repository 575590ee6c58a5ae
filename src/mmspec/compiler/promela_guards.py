"""In how many ways a step can be taken, as a Promela expression over the state.

Promela wants the guard of a step before the step; here it may stand behind other code (the entry
of a task that begins by taking a lock) and in functions of its own. So the code up to the guard,
or the choice, is executed with expressions for values.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmspec.compiler import ir
from mmspec.compiler.promela_places import Places, PromelaError
from mmspec.compiler.words import Arithmetic, Word, const
from mmspec.lang.structs import Struct

_BUDGET = 4000


@dataclass(frozen=True)
class Ways:
    """Number of alternatives: an expression, and its maximum. Zero means blocked."""

    text: str
    most: int

    @property
    def known(self) -> int | None:
        """The number, if it is the same in every state."""
        return int(self.text) if self.text.isdigit() else None


BLOCKED, ONE = Ways("0", 0), Ways("1", 1)


@dataclass(frozen=True)
class _Active:
    """A function being executed. back: the call in its caller (block, instruction, variable)."""

    f: ir.Function
    values: dict[ir.Var, Word]
    back: tuple[int, int, ir.Var | None] | None


_Written = tuple[tuple[str, Word, Word], ...]


class Alternatives:
    """Evaluates steps of one task in one kernel."""

    def __init__(self, places: Places, kernel: int, task: int) -> None:
        self.places = places
        self.merged = places.system.merged
        self.kernel = kernel
        self.task = task
        self.budget = _BUDGET
        self.site: ir.Site

    def of(self, site: ir.Site, point: ir.Point | None) -> Ways:
        """The step that starts at `site`, which is `point` unless it is an entry."""
        self.site = site
        self.budget = _BUDGET
        start = point.to if point is not None else 0
        if point is not None and not (point.guarded or point.mover in ("choose", "pick")):
            return ONE
        if not self._can_block(site, start):
            return ONE
        settled = point is not None and point.mover == "pick" and not point.guarded
        return self._run((_Active(site.function, {}, None),), start, 0, (), settled)

    def _can_block(self, site: ir.Site, start: int) -> bool:
        """Whether a guard or a choice may come before anything that settles the step."""
        todo = [(site.function, start)]
        seen = set(todo)
        while todo:
            f, b = todo.pop()
            term = f.blocks[b].term
            following: list[tuple[ir.Function, int]] = []
            for instr in f.blocks[b].instrs:
                if isinstance(instr, ir.Choice):
                    return True
                if isinstance(instr, ir.Call):
                    following.append((instr.function, 0))
            match term:
                case ir.Guard():
                    return True
                case ir.Point():
                    if self._passes(term):
                        following.append((f, term.to))
                case ir.CallTo():
                    following += [(term.function, 0), (f, term.to)]
                case ir.Feature():
                    following.append((f, term.yes if term.mask >> self.kernel & 1 else term.no))
                case ir.Jump() | ir.Branch():
                    following += [(f, to) for to in ir.successors(term)]
            for item in following:
                if item not in seen:
                    seen.add(item)
                    todo.append(item)
        return False

    def _passes(self, point: ir.Point) -> bool:
        """Whether the step may get beyond a point with nothing visible done."""
        if not self.merged:
            return False
        return (
            point.guarded
            or point.mover in ("invisible", "choose", "pick")
            or point.held is not None
        )

    # ------------------------------------------------------------------ execution

    def _run(
        self, stack: tuple[_Active, ...], b: int, i: int, written: _Written, settled: bool
    ) -> Ways:
        """Ways from instruction `i` of block `b`.

        settled: the step cannot be blocked any more, but may yet choose.
        """
        while True:
            self.budget -= 1
            if self.budget < 0:
                raise PromelaError(f"what blocks the step at {self.site!r} is too long to write")
            block = stack[-1].f.blocks[b]
            while i < len(block.instrs):
                instr = block.instrs[i]
                i += 1
                if isinstance(instr, ir.Call):
                    args = [self._get(stack[-1], arg) for arg in instr.args]
                    inner = dict(zip(instr.function.params, args, strict=True))
                    stack = (*stack, _Active(instr.function, inner, (b, i, instr.dst)))
                    b, i = 0, 0
                    block = instr.function.blocks[0]
                    continue
                if isinstance(instr, ir.Choice):
                    n = self._get(stack[-1], instr.n).known
                    if n is None:
                        most = self._get(stack[-1], instr.n).hi
                        return Ways(self._get(stack[-1], instr.n).text, most)
                    return Ways(str(n), n)
                made = self._instruction(stack[-1], instr, written)
                if isinstance(made, _Tested):
                    rest = made.otherwise
                    if made.condition == "":
                        continue
                    if made.condition == "false":
                        return rest
                    return _either(made.condition, self._fork(stack, b, i, written, settled), rest)
                if isinstance(made, tuple):
                    written = made
            term = block.term
            assert term is not None
            match term:
                case ir.Jump():
                    b, i = term.to, 0
                case ir.Feature():
                    b, i = (term.yes if term.mask >> self.kernel & 1 else term.no), 0
                case ir.Branch():
                    cond = self._get(stack[-1], term.cond)
                    if cond.known is not None:
                        b, i = (term.yes if cond.known else term.no), 0
                        continue
                    return _either(
                        cond.text,
                        self._fork(stack, term.yes, 0, written, settled),
                        self._fork(stack, term.no, 0, written, settled),
                    )
                case ir.Point():
                    if settled or not self._passes(term):
                        return ONE
                    settled = term.mover == "pick" and not term.guarded
                    if term.held is not None:
                        held = self._get(stack[-1], term.held)
                        if held.known == 0:
                            return ONE
                        if held.known is None:
                            return _either(
                                held.text, self._fork(stack, term.to, 0, written, settled), ONE
                            )
                    b, i = term.to, 0
                case ir.Guard():
                    cond = self._get(stack[-1], term.cond)
                    if cond.known == 0:
                        return BLOCKED
                    rest = ONE
                    if term.point.mover == "pick":
                        rest = self._fork(stack, term.to, 0, written, True)
                    return rest if cond.known else _either(cond.text, rest, BLOCKED)
                case ir.CallTo():
                    args = [self._get(stack[-1], arg) for arg in term.args]
                    inner = dict(zip(term.function.params, args, strict=True))
                    stack = (*stack, _Active(term.function, inner, (term.to, 0, term.dst)))
                    b, i = 0, 0
                case ir.Return():
                    value = self._get(stack[-1], term.value)
                    back = stack[-1].back
                    if back is None:
                        return ONE
                    stack = stack[:-1]
                    b, i, dst = back
                    if dst is not None:
                        stack[-1].values[dst] = value
                case ir.Fail():
                    return ONE

    def _fork(
        self, stack: tuple[_Active, ...], b: int, i: int, written: _Written, settled: bool
    ) -> Ways:
        copied = tuple(_Active(a.f, dict(a.values), a.back) for a in stack)
        return self._run(copied, b, i, written, settled)

    def _get(self, active: _Active, operand: ir.Operand) -> Word:
        if isinstance(operand, int):
            return const(operand)
        if operand in active.values:
            return active.values[operand]
        if operand.stack is not None:
            return self.places.struct(operand)
        if operand in active.f.slots and active.back is None:
            return self.places.slot(operand).at(const(0))
        raise PromelaError(f"{operand!r} has no value at {self.site!r}")

    def _instruction(
        self, active: _Active, instr: ir.Instr, written: _Written
    ) -> _Tested | _Written | None:
        places, values = self.places, active.values
        arithmetic = Arithmetic()
        made: Word
        match instr:
            case ir.Move():
                values[instr.dst] = self._get(active, instr.src)
            case ir.Op():
                a, b = self._get(active, instr.a), self._get(active, instr.b)
                values[instr.dst] = arithmetic.operation(instr.op, a, b, places.kind(instr.dst))
            case ir.Load():
                values[instr.dst] = self._read(self._element(active, instr.location), written)
            case ir.Store():
                into = self._element(active, instr.location)
                return (*written, (into.base, into, self._get(active, instr.src)))
            case ir.NewStruct():
                zeroed = tuple(
                    (e.base, e, const(0))
                    for p, k in places.struct_elements(instr.var)
                    for e in (p.at(const(k)),)
                )
                return (*written, *zeroed)
            case ir.Check():
                value = self._get(active, instr.a)
                return _Tested(arithmetic.within(value, instr.lo, instr.hi), ONE)
            case ir.CheckHeld():
                held = self._get(active, instr.held)
                if held.known is None:
                    return _Tested(held.text, ONE)
                return _Tested("" if held.known else "false", ONE)
            case ir.Hold():
                ref = self._get(active, instr.ref)
                held = self._held(instr.cls, ref, True, written)
                into = places.held(instr.cls, instr.shared).at(ref.plus(-1))
                known = held.known
                if known is None or bool(known) == instr.take:
                    # taken or given back wrongly: a violation is a step as well
                    raise PromelaError(f"locks change before the guard of {self.site!r}")
                return (*written, (into.base, into, const(int(instr.take))))
            case ir.Holds():
                made = self._held(instr.cls, self._get(active, instr.ref), instr.shared, written)
                values[instr.dst] = made
            case ir.TaskNumber():
                values[instr.dst] = const(self.task)
        if arithmetic.wanted or arithmetic.fits:
            return _Tested(" && ".join(arithmetic.wanted + arithmetic.fits), ONE)
        return None

    def _held(self, cls: type[Struct], ref: Word, shared: bool, written: _Written) -> Word:
        found = const(0)
        for place in self.places.held_tables(cls, shared):
            untouched = const(0) if self.site.kind == "entry" else None
            one = self._read(place.at(ref.plus(-1)), written, untouched)
            if one.known:
                return const(1)
            if one.known is None:
                both = f"({found.text} || {one.text})"
                found = one if found.known == 0 else Word(both, 0, 1, 0, found.reads | one.reads)
        return found

    def _element(self, active: _Active, location: ir.Location) -> Word:
        ref, k = self._get(active, location.ref), self._get(active, location.k)
        return self.places.element(location, ref, k)

    def _read(self, element: Word, written: _Written, untouched: Word | None = None) -> Word:
        """A scalar, after what the step has written; `untouched` unless the step wrote it."""
        array, _, index = element.base.partition("[")
        for n in range(len(written) - 1, -1, -1):
            text, _, value = written[n]
            other, _, where = text.partition("[")
            if other != array:
                continue
            if where == index:
                return value
            if index.rstrip("]").isdigit() and where.rstrip("]").isdigit():
                continue
            below = self._read(element, written[:n], untouched)
            same = f"{index[:-1]} == {where[:-1]}"
            merged = f"({same} -> {value.text} : {below.text})"
            return Word(merged, element.lo, element.hi, 0, element.reads | value.reads)
        return element if untouched is None else untouched


@dataclass(frozen=True)
class _Tested:
    """Go on if the condition holds (an empty one does, `false` does not)."""

    condition: str
    otherwise: Ways


def _either(condition: str, yes: Ways, no: Ways) -> Ways:
    if yes == no:
        return yes
    if (yes, no) == (ONE, BLOCKED):
        return Ways(condition, 1)
    if (yes, no) == (BLOCKED, ONE):
        return Ways(f"!{condition}" if condition.startswith("(") else f"!({condition})", 1)
    return Ways(f"({condition} -> {yes.text} : {no.text})", max(yes.most, no.most))
