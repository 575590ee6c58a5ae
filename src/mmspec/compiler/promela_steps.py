"""The body of one step in Promela: the code from one stop to the next, as statements of a d_step.

Functions without points are expanded where they are called. An intermediate value is written out
where it is used, unless a variable in it is assigned before that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mmspec.compiler import ir
from mmspec.compiler.promela_places import Places
from mmspec.compiler.words import MAX, MIN, Arithmetic, Word, const
from mmspec.lang.structs import Struct

#: Stand for statements that zero what a task has; filled in when all of it is known.
FORGET_LOCKS, FORGET_ALL = "@locks@", "@all@"

#: Where a function may return to: a call, or the end of the task.
Callers = dict[ir.Function, list[tuple[ir.Function, ir.CallTo] | None]]

#: A value whose text is longer is given a name if it is used twice.
_SHORT = 24
_NAME = re.compile(r"[A-Za-z_]\w*")
_JUMP = re.compile(r"\bgoto (\w+)")
_GOTO = re.compile(r"goto (?P<to>\w+);")
_ELSE = re.compile(r"if :: (?P<test>.*) :: else -> goto (?P<to>\w+) fi;")
#: Tests within tests.
_DEPTH = 40


@dataclass(eq=False)
class _Use:
    """A function in the step. For one without points: its arguments, and where its call goes on."""

    f: ir.Function
    arguments: dict[ir.Var, Word] = field(default_factory=dict)
    after: _Target | None = None
    into: ir.Var | None = None


@dataclass(frozen=True)
class _Target:
    """A place in the code: an instruction of a block."""

    use: _Use
    block: int
    instr: int = 0


@dataclass
class _Line:
    """A statement. sets: the variable it does nothing but set, if no state has it."""

    text: str
    sets: str = ""
    label: str = ""


@dataclass
class Body:
    """A finished step. entered: functions it runs through."""

    lines: list[str]
    entered: set[ir.Function]


class StepWriter:
    """Writes the step that starts at one site."""

    def __init__(
        self, places: Places, kernel: int, task: int, callers: Callers, assertions: bool
    ) -> None:
        self.places = places
        self.merged = places.system.merged
        self.analysis = places.system.frames.analysis
        self.kernel = kernel
        self.task = task
        self.callers = callers
        self.assertions = assertions
        self.lines: list[_Line] = []
        self.labels: dict[_Target, str] = {}
        self.written: set[_Target] = set()
        self.todo: list[_Target] = []
        self.uses: dict[ir.Function, _Use] = {}
        self.entered: set[ir.Function] = set()
        self.once: dict[ir.Function, dict[ir.Var, int]] = {}
        #: values of the present block that are not written down yet
        self.pending: dict[ir.Var, Word] = {}
        self.use: _Use
        self.prefix = ""
        self.choice = const(0)
        self.following: ir.Instr | None = None
        self.first: ir.Point | None = None
        #: whether every way through the step has done something visible
        self.visible = False

    def write(self, site: ir.Site, point: ir.Point | None, choice: Word) -> Body:
        """The statements after the guard. `point` is where `site` is, unless it is an entry."""
        self.prefix = f"s{site.number}"
        self.choice = choice
        self.first = point
        if self.merged:
            mover = point.mover if point is not None else "entry"
            self.visible = mover in ("visible", "release", "pick")
            self._phase(1 if mover == "choose" else 0)
        self._chain(_Target(self._of(site.function), point.to if point is not None else 0))
        while self.todo:
            target = self.todo.pop(0)
            if target not in self.written:
                self._chain(target)
        self._write_failed()
        return Body(_tidy(self.lines, f"{self.prefix}_end"), self.entered)

    # ------------------------------------------------------------------ text

    def _put(self, text: str, sets: str = "") -> None:
        self.lines.append(_Line(text, sets))

    def _label(self, target: _Target) -> str:
        if target not in self.labels:
            self.labels[target] = f"{self.prefix}_{len(self.labels) + 1}"
        return self.labels[target]

    def _goto(self, target: _Target) -> str:
        self.todo.append(target)
        return f"goto {self._label(target)}"

    def _set(self, name: str, text: str, hidden: bool = False) -> None:
        if name != text:
            self._settle(name)
            self._put(f"{name} = {text};", name if hidden else "")

    def _settle(self, name: str) -> None:
        """Write down the values that read a variable before it changes."""
        array = name.partition("[")[0]
        for var, word in list(self.pending.items()):
            if array in word.reads:
                self.pending[var] = self._keep(var, word)

    def _keep(self, var: ir.Var, word: Word) -> Word:
        """Give a value a name."""
        kept, kind = self.places.hidden(var), self.places.kind(var)
        arithmetic = Arithmetic()
        text = arithmetic.fit(word, kind)
        self._want(arithmetic)
        self._put(f"{kept} = {text};", kept)
        return Word(kept, kind.lo, kind.hi, 0, frozenset((kept,)), True)

    def _want(self, arithmetic: Arithmetic) -> None:
        for condition in arithmetic.wanted + arithmetic.fits:
            self._put(f"assert({condition}); /* 32 bits suffice */")
        arithmetic.wanted.clear()
        arithmetic.fits.clear()

    def _of(self, f: ir.Function) -> _Use:
        self.entered.add(f)
        return self.uses.setdefault(f, _Use(f))

    # ------------------------------------------------------------------ variables

    def _set_once(self, f: ir.Function) -> dict[ir.Var, int]:
        """Variables set once and read only in the same block, with how often they are read."""
        if f in self.once:
            return self.once[f]
        blocks: dict[ir.Var, set[int]] = {}
        reads: dict[ir.Var, int] = {}
        sets: dict[ir.Var, int] = {}
        for b, block in enumerate(f.blocks):
            assert block.term is not None
            for var in (v for i in block.instrs for v in ir.uses(i)):
                blocks.setdefault(var, set()).add(b)
                reads[var] = reads.get(var, 0) + 1
            for var in ir.term_uses(block.term):
                blocks.setdefault(var, set()).add(b)
                reads[var] = reads.get(var, 0) + 1
            made = [ir.defines(i) for i in block.instrs]
            if isinstance(block.term, ir.CallTo):
                # what a call gives is set in another block
                made += [block.term.dst] * 2
            for dst in made:
                if dst is not None:
                    blocks.setdefault(dst, set()).add(b)
                    sets[dst] = sets.get(dst, 0) + 1
        self.once[f] = {
            var: reads.get(var, 0)
            for var, n in sets.items()
            if n == 1 and len(blocks[var]) == 1 and var not in f.slots and var not in f.params
        }
        return self.once[f]

    def _get(self, operand: ir.Operand) -> Word:
        if isinstance(operand, int):
            return const(operand)
        if operand.stack is not None:
            return self.places.struct(operand)
        for known in (self.pending, self.use.arguments):
            if operand in known:
                return known[operand]
        slot = operand in self.places.home[operand].slots
        text = self.places.slot(operand).text if slot else self.places.hidden(operand)
        kind = self.places.kind(operand)
        return Word(text, kind.lo, kind.hi, 0, frozenset((text,)), True)

    def _define(self, var: ir.Var, word: Word) -> None:
        """Give a variable a value, now or where it is used."""
        reads = self._set_once(self.places.home[var]).get(var)
        if reads is None:
            self._assign(var, word)
        elif reads:
            long = reads > 1 and len(word.text) > _SHORT
            self.pending[var] = self._keep(var, word) if long else word

    def _assign(self, var: ir.Var, word: Word) -> None:
        arithmetic = Arithmetic()
        text = arithmetic.fit(word, self.places.kind(var))
        self._want(arithmetic)
        self.pending.pop(var, None)
        if var in self.places.home[var].slots:
            self._set(self.places.slot(var).text, text)
        else:
            self._set(self.places.hidden(var), text, hidden=True)

    def _zero(self, var: ir.Var) -> None:
        if var.stack is None:
            self._set(self.places.slot(var).text, "0")
            return
        for place, k in self.places.struct_elements(var):
            self._set(place.at(const(k)).text, "0")

    def _zero_groups(self, groups: Sequence[tuple[int, list[ir.Var]]]) -> None:
        for mask, variables in groups:
            if mask >> self.kernel & 1:
                for var in variables:
                    self._zero(var)

    # ------------------------------------------------------------------ blocks

    def _chain(self, target: _Target) -> None:
        """Write code from `target` on, until it joins what is written or the step ends."""
        following: _Target | None = target
        while following is not None:
            if following in self.written:
                self._put(f"goto {self._label(following)};")
                return
            self.written.add(following)
            self.lines.append(_Line("", label=self._label(following)))
            self.pending = {}
            self.use = following.use
            following = self._block(following)

    def _block(self, target: _Target) -> _Target | None:
        block = target.use.f.blocks[target.block]
        for i in range(target.instr, len(block.instrs)):
            instr = block.instrs[i]
            self.following = block.instrs[i + 1] if i + 1 < len(block.instrs) else None
            if not isinstance(instr, ir.Call):
                self._instruction(instr)
            elif not self._needless(block, instr):
                if not _flat(instr.function):
                    after = _Target(target.use, target.block, i + 1)
                    return self._expand(instr, after)
                self._write_out(instr)
        assert block.term is not None
        return self._terminator(target.use, target.block, block.term)

    def _needless(self, block: ir.Block, instr: ir.Call) -> bool:
        """Whether a call only says what the guard of the step has said already."""
        return (
            isinstance(block.term, ir.Guard)
            and self._is_settled(block.term)
            and block.term.cond is instr.dst
            and not instr.function.can_fail
        )

    def _is_settled(self, guard: ir.Guard) -> bool:
        """Whether a guard is the step's own; merged steps can come to it again, in a loop."""
        return guard.point is self.first and not self.merged

    def _write_out(self, instr: ir.Call) -> None:
        """Write the one block of a function here."""
        f = instr.function
        self.entered.add(f)
        assigned = {ir.defines(i) for i in f.blocks[0].instrs}
        for var, arg in zip(f.params, [self._get(a) for a in instr.args], strict=True):
            if var in assigned:
                self._assign(var, arg)
            else:
                self.pending[var] = arg
        for i, inner in enumerate(f.blocks[0].instrs):
            self.following = None
            if i + 1 < len(f.blocks[0].instrs):
                self.following = f.blocks[0].instrs[i + 1]
            if isinstance(inner, ir.Call):
                self._write_out(inner)
            else:
                self._instruction(inner)
        end = f.blocks[0].term
        assert isinstance(end, ir.Return)
        value = self._get(end.value)
        if instr.dst is not None:
            zeroed = self.analysis[f].zero_end.get(0, [])
            self._define(instr.dst, self._result(value) if zeroed else value)
        for var in self.analysis[f].zero_end.get(0, []):
            self._zero(var)
        for var in f.params:
            self.pending.pop(var, None)

    def _expand(self, instr: ir.Call, after: _Target) -> _Target:
        """Write a function of several blocks here; the call goes on at `after`."""
        f = instr.function
        self.entered.add(f)
        assigned = {ir.defines(i) for block in f.blocks for i in block.instrs}
        use = _Use(f, {}, after, instr.dst)
        for var, arg in zip(f.params, [self._get(a) for a in instr.args], strict=True):
            if var not in assigned and (arg.atom or arg.known is not None):
                use.arguments[var] = arg
            else:
                self._assign(var, arg)
        for var, word in self.pending.items():
            self._keep(var, word)
        return _Target(use, 0)

    def _instruction(self, instr: ir.Instr) -> None:
        places, arithmetic = self.places, Arithmetic()
        match instr:
            case ir.Move():
                self._define(instr.dst, self._get(instr.src))
            case ir.Op():
                a, b = self._get(instr.a), self._get(instr.b)
                word = arithmetic.operation(instr.op, a, b, places.kind(instr.dst))
                check = self.following
                if isinstance(check, ir.Check) and check.a is instr.dst and _small(check):
                    # what is too large for 32 bits fails this check as well
                    fits, arithmetic.fits = arithmetic.fits, []
                    self._want(arithmetic)
                    self._require(" && ".join(fits), check.fault)
                self._want(arithmetic)
                self._define(instr.dst, word)
            case ir.Load():
                self._define(instr.dst, self._element(instr.location))
            case ir.Store():
                into = self._element(instr.location)
                kind = places.layout.scalar_type(instr.location.field.elem)
                text = arithmetic.fit(self._get(instr.src), kind)
                self._want(arithmetic)
                self._set(into.text, text)
            case ir.NewStruct():
                self._zero(instr.var)
            case ir.Check():
                value = self._get(instr.a)
                test = arithmetic.within(value, instr.lo, instr.hi)
                if instr.lo == 1 and value.lo == 0 and test not in ("", "false"):
                    test = f"{value.text} != 0"
                self._require(test, instr.fault)
            case ir.CheckHeld():
                held = self._get(instr.held)
                known = {None: held.text, 0: "false"}.get(held.known, "")
                self._require(known, instr.fault)
            case ir.Hold():
                self._hold(instr)
            case ir.Holds():
                word = self._held(instr.cls, self._get(instr.ref), instr.shared)
                self._define(instr.dst, word)
            case ir.TaskNumber():
                self._define(instr.dst, const(self.task))
            case ir.Choice():
                self._define(instr.dst, self.choice)

    def _element(self, location: ir.Location) -> Word:
        return self.places.element(location, self._get(location.ref), self._get(location.k))

    def _require(self, test: str, fault: ir.Fault) -> None:
        if test == "false":
            self._fail(fault)
        elif test:
            fails, failed = self._fault(fault)
            self._put(f"if :: {test} :: else -> {fails} goto {self.prefix}_failed fi; {failed}")

    def _fail(self, fault: ir.Fault) -> None:
        self._put(" ".join(self._fault(fault)))
        self._put(f"goto {self.prefix}_failed;")

    def _fault(self, fault: ir.Fault) -> tuple[str, str]:
        """Statements for a violation, and a comment."""
        check = "assert(false); " if self.assertions else ""
        where = f"{fault.kind}: {fault.text}".replace("*/", "* /")
        return f"{check}pc = {-fault.number};", f"/* {where} */"

    # ------------------------------------------------------------------ locks

    def _held(self, cls: type[Struct], ref: Word, shared: bool) -> Word:
        found = const(0)
        for place in self.places.held_tables(cls, shared):
            one = place.at(ref.plus(-1))
            both = f"({found.text} || {one.text})"
            found = one if found.known == 0 else Word(both, 0, 1, 0, found.reads | one.reads)
        return found

    def _hold(self, instr: ir.Hold) -> None:
        ref = self._get(instr.ref)
        mine = self.places.held(instr.cls, instr.shared).at(ref.plus(-1)).text
        test = f"!{self._held(instr.cls, ref, True).text}" if instr.take else mine
        self._require(test, instr.fault)
        self._set(mine, "1" if instr.take else "0")

    # ------------------------------------------------------------------ terminators

    def _terminator(self, use: _Use, b: int, term: ir.Terminator) -> _Target | None:
        match term:
            case ir.Jump():
                return _Target(use, term.to)
            case ir.Feature():
                return _Target(use, term.yes if term.mask >> self.kernel & 1 else term.no)
            case ir.Branch():
                cond = self._get(term.cond)
                if cond.known is not None:
                    return _Target(use, term.yes if cond.known else term.no)
                self._put(f"if :: {cond.text} :: else -> {self._goto(_Target(use, term.no))} fi;")
                return _Target(use, term.yes)
            case ir.Point():
                return self._point(use, term)
            case ir.Guard():
                return self._guard(use, term)
            case ir.CallTo():
                return self._call_to(use, term)
            case ir.Return():
                return self._return(use, b, term)
            case ir.Fail():
                self._fail(term.fault)
        return None

    def _end(self) -> None:
        self._put(f"goto {self.prefix}_end;")

    def _stop(self, f: ir.Function, point: ir.Point) -> None:
        self._zero_groups(self.analysis[f].zero_at[point])
        self._put(f"pc = {point.site.number};")
        self._end()

    def _aside(self, f: ir.Function, point: ir.Point, test: str) -> None:
        """Stop at a point if `test` holds."""
        before = dict(self.pending)
        self._put(f"if :: {test} ->")
        self._stop(f, point)
        self._put(":: else fi;")
        # what was written down there is not known here
        self.pending = before

    def _phase(self, n: int) -> None:
        self._put(f"{self.places.scratch('phase')} = {n};", "phase")

    def _advance(self, mover: str) -> None:
        """Note what kind of access the step has done."""
        if mover in ("acquire", "choose"):
            self._phase(1)
        elif mover != "invisible":
            self._phase(2)

    def _point(self, use: _Use, point: ir.Point) -> _Target | None:
        if not self.merged:
            self._stop(use.f, point)
            return None
        held = self._get(point.held).text if point.held is not None else ""
        if point.mover in ("visible", "acquire", "choose", "pick"):
            test = "phase == 2" if point.mover == "visible" else "phase != 0"
            if self.visible:
                test = ""
            if held and held.isdigit():
                held, test = ("", test) if held == "0" else ("1", "false")
            elif held:
                test = f"!{held} && {test}" if test else f"!{held}"
            if not test:
                self._stop(use.f, point)
                return None
            if test != "false":
                self._aside(use.f, point, test)
        if not point.guarded and not self.visible:
            if not held:
                self._advance(point.mover)
            elif held != "1":
                self._put(f"phase = ({held} -> phase : 2);", "phase")
        return _Target(use, point.to)

    def _guard(self, use: _Use, guard: ir.Guard) -> _Target | None:
        if not self._is_settled(guard):
            cond = self._get(guard.cond)
            if cond.known == 0:
                self._stop(use.f, guard.point)
                return None
            if cond.known is None:
                self._aside(use.f, guard.point, f"!{cond.text}")
        if self.merged and not self.visible:
            self._advance(guard.point.mover)
        return _Target(use, guard.to)

    def _call_to(self, use: _Use, call: ir.CallTo) -> _Target:
        callee = call.function
        for var, arg in zip(callee.params, [self._get(a) for a in call.args], strict=True):
            self._assign(var, arg)
        self._zero_groups(self.analysis[use.f].zero_before[call])
        if len(self.callers[callee]) > 1:
            self._set(self.places.return_to(callee).text, str(call.number))
        return _Target(self._of(callee), 0)

    def _result(self, value: Word) -> Word:
        """A result, before the variables it is made of are zeroed."""
        if value.known is not None:
            return value
        name = self.places.scratch("result")
        self._set(name, value.text, hidden=True)
        return Word(name, value.lo, value.hi, 0, frozenset((name,)), True)

    def _return(self, use: _Use, b: int, term: ir.Return) -> _Target | None:
        value = self._get(term.value)
        zeroed = self.analysis[use.f].zero_end.get(b, [])
        callers = self.callers[use.f] if use.after is None else []
        if zeroed or len(callers) > 1:
            value = self._result(value)
        for var in zeroed:
            self._zero(var)
        if use.after is not None:
            if use.into is not None:
                self._assign(use.into, value)
            return use.after
        if len(callers) == 1:
            return self._land(callers[0], value)
        # one test after the other: Spin goes back to an `if` of several options, and hidden
        # variables are not what they were then
        place = self.places.return_to(use.f).text
        for caller in callers:
            self._put(f"if :: {place} == {caller[1].number if caller else 0} ->")
            self._put(f"{place} = 0;")
            following = self._land(caller, value)
            if following is not None:
                self._put(f"{self._goto(following)};")
            self._put(":: else fi;")
        self._put("assert(false); /* no such call */")
        self._end()
        return None

    def _land(self, caller: tuple[ir.Function, ir.CallTo] | None, value: Word) -> _Target | None:
        """Go on in the caller, or end the task."""
        if caller is None:
            self._put("pc = 0;")
            self._put(FORGET_LOCKS)
            self._end()
            return None
        f, call = caller
        if call.dst is not None:
            self._assign(call.dst, value)
        return _Target(self._of(f), call.to)

    # ------------------------------------------------------------------ violations

    def _write_failed(self) -> None:
        failed = f"{self.prefix}_failed"
        if not any(failed in line.text for line in self.lines):
            return
        self.lines.append(_Line("", label=failed))
        self._put(FORGET_ALL)
        self._end()


def _small(check: ir.Check) -> bool:
    return check.lo >= MIN and check.hi <= MAX


def _flat(f: ir.Function) -> bool:
    """Whether a function is one block, and so are the functions it calls."""
    return (
        len(f.blocks) == 1
        and isinstance(f.blocks[0].term, ir.Return)
        and all(_flat(i.function) for i in f.blocks[0].instrs if isinstance(i, ir.Call))
    )


def _tidy(lines: list[_Line], end: str) -> list[str]:
    """The text, without labels nobody goes to, values nobody reads and jumps to jumps."""
    done = False
    names: dict[str, int] = {}
    while not done:
        kept = _threaded([*lines, _Line("", label=end)])[:-1]
        names = {}
        for line in kept:
            text = line.text.partition("/*")[0]
            if line.sets:
                text = text.partition("=")[2]
            for name in _NAME.findall(text):
                names[name] = names.get(name, 0) + 1
        kept = [
            line
            for line in kept
            if (not line.sets or names.get(line.sets)) and (not line.label or line.label in names)
        ]
        done, lines = len(kept) == len(lines), kept
    lines = _nested(lines, end)
    out: list[str] = []
    label = ""
    for line in lines:
        if line.label:
            label = f"{line.label}: "
        elif label and line.text in (FORGET_LOCKS, FORGET_ALL):
            out += [f"{label}skip;", line.text]
            label = ""
        else:
            out.append(label + line.text)
            label = ""
    if end in names:
        out.append(f"{end}: skip")
    return out


def _threaded(lines: list[_Line]) -> list[_Line]:
    """The lines with every jump to where it leads in the end. Spin limits the length of a step."""
    leads: dict[str, str] = {}
    for line, following in pairwise(lines):
        if line.label:
            jump = _GOTO.fullmatch(following.text)
            leads[line.label] = following.label or (jump[1] if jump else line.label)

    def final(match: re.Match[str]) -> str:
        label, seen = match[1], set[str]()
        while label not in seen:
            seen.add(label)
            label = leads.get(label, label)
        return f"goto {label}"

    out: list[_Line] = []
    for line in lines:
        text = _JUMP.sub(final, line.text)
        jump = _GOTO.fullmatch(text)
        if jump and out and _GOTO.fullmatch(out[-1].text):
            continue  # nobody comes here
        if line.label and out and out[-1].text == f"goto {line.label};":
            out.pop()
        out.append(_Line(text, line.sets, line.label))
    return out


def _only_jump(line: _Line) -> re.Match[str] | None:
    """A statement that does nothing but jump, always or unless a test holds."""
    return _GOTO.fullmatch(line.text) or _ELSE.fullmatch(line.text)


def _nested(lines: list[_Line], end: str) -> list[_Line]:
    """The lines with code that one jump leads to in the place of that jump.

    Spin takes a time that grows with labels times statements.
    """
    chunks: dict[str, list[_Line]] = {}
    chunk = chunks.setdefault("", [])
    for before, line in pairwise([_Line(""), *lines, _Line(f"goto {end};")]):
        if line.label and _GOTO.fullmatch(before.text):
            chunk = chunks.setdefault(line.label, [])
        chunk.append(line)
    jumps = Counter(label for line in lines for label in _JUMP.findall(line.text))
    single = (_only_jump(line) for line in lines)
    alone = {jump["to"] for jump in single if jump and jumps[jump["to"]] == 1} & chunks.keys()
    out: list[_Line] = []
    todo = [label for label in chunks if label not in alone]

    def emit(chunk: list[_Line], depth: int) -> None:
        for line in chunk:
            jump = _only_jump(line)
            if jump is None or jump["to"] not in alone:
                out.append(line)
                continue
            if depth == _DEPTH:
                todo.append(jump["to"])
                out.append(line)
                continue
            test = line.text.startswith("if")
            if test:
                out.append(_Line(f"if :: {jump['test']} :: else ->"))
            emit(chunks[jump["to"]][1:], depth + test)
            if test:
                out.append(_Line("fi;"))

    for label in todo:
        emit(chunks[label], 0)
    if out[-1].text == f"goto {end};":
        out.pop()
    return out
