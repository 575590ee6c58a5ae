"""Random programs of the language: text of a module with two tasks and some helpers.

The programs are within the language, and every loop ends; faults (overflow, oops, a failed
assertion) are welcome. A program is drawn by a `draw(n)` function, which gives a number below n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Draw = Callable[[int], int]

HEADER = """
from collections.abc import Callable
from mmspec.lang import *
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_locked, spin_unlock


class Inner(Struct):
    v: u8
    s: i8


class Obj(Struct):
    a: u8
    b: i16
    flag: bool
    next: "Obj"
    inner: Inner = embedded()
    row: Array[u8] = array(2)
    lock: SpinLock = embedded()
    safe: u8 = guarded("lock")
    seen: u8 = written_under("lock")
    const: u8 = immutable()


class Local(OnStack):
    n: u8
    m: i16
    obj: Obj
    row: Array[u8] = array(2)


class Work(OnStack):
    act: Callable[[Obj, u8], u8]


objs = pool(Obj, 2)
top: Obj = static(Obj)


@initializer
def fill(o: Obj, n: u8) -> None:
    o.const = n
    o.safe = n


@atomic
def add(o: Obj, n: u8) -> u8:
    o.a += n
    return o.a


@atomic
def claim(o: Obj) -> bool:
    wait_until(lambda: o.a < 4)
    if o.flag:
        return False
    o.flag = True
    return True


def count(o: Obj, n: u8) -> u8:
    o.a += n
    return o.a


def mark(o: Obj, n: u8) -> u8:
    if o.flag:
        return n
    o.flag = True
    return 0


def apply(w: Work, o: Obj) -> u8:
    return w.act(o, 1)


@atomic
def pick(n: u8) -> u8:
    return choose((n & 1) + 1)


def start() -> None:
    objs[0].next = objs[1]
    objs[1].a = 2
    objs[0].b = -1
    fill(objs[1], 1)
"""

INTS = ("u8", "i8", "u16", "i16", "i32")


@dataclass
class Program:
    """A module being written. Variables of the function in progress by kind."""

    draw: Draw
    size: int = 4
    lines: list[str] = field(default_factory=list)
    ints: list[str] = field(default_factory=list)
    bools: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    locals: list[str] = field(default_factory=list)
    fixed: set[str] = field(default_factory=set)
    helpers: list[tuple[str, str]] = field(default_factory=list)
    budget: int = 0
    names: int = 0
    loops: int = 0
    result: bool = False

    def text(self) -> str:
        """A whole module: helpers first, so that there is no recursion."""
        self.lines = [HEADER]
        for k in range(self.draw(3)):
            kind = ("n: u8", "o: Obj", "w: Local")[self.draw(3)]
            self._function(f"helper{k}", kind, self.size)
            self.helpers.append((f"helper{k}", kind))
        for k in range(2):
            self._function(f"task{k}", "", self.size + self.draw(3))
        return "\n".join(self.lines) + "\n"

    def _function(self, name: str, parameter: str, budget: int) -> None:
        self.ints, self.bools, self.objects, self.locals = [], [], [], []
        self.fixed, self.loops, self.result = set(), 0, bool(parameter)
        self.budget = budget
        variable = parameter.partition(":")[0]
        if parameter.endswith("u8"):
            self.ints.append(variable)
        elif parameter.endswith("Obj"):
            self.objects.append(variable)
        elif parameter:
            self.locals.append(variable)
        result = "u8" if parameter else "None"
        self.lines.append(f"\n\ndef {name}({parameter}) -> {result}:")
        self._body(1)
        if parameter:
            self.lines.append(f"    return {self._value(True)}")

    def _new(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def _body(self, depth: int) -> None:
        before = len(self.lines)
        for _ in range(1 + self.draw(3)):
            if self.budget <= 0:
                break
            self.budget -= 1
            self._statement("    " * depth, depth)
        if len(self.lines) == before:
            self.lines.append("    " * depth + "pass")

    def _block(self, depth: int) -> None:
        """A body of its own: what it assigns first is not known after it."""
        kept = [list(v) for v in (self.ints, self.bools, self.objects, self.locals)]
        self._body(depth)
        self.ints, self.bools, self.objects, self.locals = kept

    # ------------------------------------------------------------------ statements

    def _statement(self, pad: str, depth: int) -> None:
        kinds = [
            self._store,
            self._store,
            self._let,
            self._let,
            self._augmented,
            self._reassign,
            self._if,
            self._for,
            self._while,
            self._with,
            self._lock,
            self._call,
            self._struct,
            self._assert,
            self._leave,
        ]
        kinds[self.draw(len(kinds))](pad, depth)

    def _store(self, pad: str, depth: int) -> None:
        targets = [
            (f"{self._object()}.a", False),
            (f"{self._object()}.b", False),
            (f"{self._object()}.inner.s", False),
            (f"{self._object()}.row[{self._small()}]", False),
            (f"{self._object()}.next", True),
        ]
        for name in self.locals:
            targets += [(f"{name}.n", False), (f"{name}.row[{self._small()}]", False)]
            targets += [(f"{name}.obj", True)]
        target, pointer = targets[self.draw(len(targets))]
        self.lines.append(f"{pad}{target} = {self._pointer() if pointer else self._simple()}")

    def _let(self, pad: str, depth: int) -> None:
        name = self._new()
        match self.draw(6):
            case 0:
                self.lines.append(f"{pad}{name} = {self._condition()}")
                self.bools.append(name)
            case 1:
                self.lines.append(f"{pad}{name} = {self._pointer()}")
                self.objects.append(name)
            case 2:
                kind = INTS[self.draw(len(INTS))]
                self.lines.append(f"{pad}{name}: {kind} = {self._value()}")
                self.ints.append(name)
            case 3:
                self.lines.append(f"{pad}{name} = {self._result()}")
                self.ints.append(name)
            case _:
                self.lines.append(f"{pad}{name} = {self._value()}")
                self.ints.append(name)

    def _augmented(self, pad: str, depth: int) -> None:
        op = ("+", "-", "*", "|", "&", "^")[self.draw(6)]
        targets = [f"{self._object()}.a", f"{self._object()}.row[{self._small()}]"]
        targets += [f"{self._object()}.inner.v"]
        targets += [name for name in self.ints if name not in self.fixed]
        for name in self.locals:
            targets += [f"{name}.n", f"{name}.m", f"{name}.row[{self._small()}]"]
        target = targets[self.draw(len(targets))]
        self.lines.append(f"{pad}{target} {op}= {self._value(True)}")

    def _reassign(self, pad: str, depth: int) -> None:
        free = [name for name in self.ints if name not in self.fixed]
        if not free:
            self._let(pad, depth)
            return
        self.lines.append(f"{pad}{free[self.draw(len(free))]} = {self._value()}")

    def _if(self, pad: str, depth: int) -> None:
        self.lines.append(f"{pad}if {self._condition()}:")
        self._block(depth + 1)
        if self.draw(2):
            self.lines.append(f"{pad}else:")
            self._block(depth + 1)

    def _for(self, pad: str, depth: int) -> None:
        if self.loops > 1:
            self._store(pad, depth)
            return
        name = self._new()
        bounds = ("2", "1, 3", "2, -1, -1", "0, 4, 3", "len(objs)")[self.draw(5)]
        self.lines.append(f"{pad}for {name} in range({bounds}):")
        self.loops += 1
        kept = list(self.ints)
        self.ints.append(name)
        self.fixed.add(name)
        self._block(depth + 1)
        self.ints = kept
        self.loops -= 1

    def _while(self, pad: str, depth: int) -> None:
        """A loop with a counter of its own, so that it ends."""
        if self.loops > 1:
            self._store(pad, depth)
            return
        name = self._new()
        self.lines.append(f"{pad}{name} = 0")
        self.fixed.add(name)
        self.ints.append(name)
        self.lines.append(f"{pad}while {name} < 2 and {self._condition()}:")
        self.lines.append(f"{pad}    {name} += 1")
        self.loops += 1
        self._block(depth + 1)
        self.loops -= 1

    def _with(self, pad: str, depth: int) -> None:
        o = ("objs[0]", "top")[self.draw(2)]
        self.lines.append(f"{pad}with spin_locked({o}.lock):")
        self.lines.append(f"{pad}    {o}.safe = {self._simple()}")
        self._block(depth + 1)
        if self.draw(2):
            self.lines.append(f"{pad}    {o}.seen = {o}.safe & 3")

    def _lock(self, pad: str, depth: int) -> None:
        o = ("objs[0]", "objs[1]")[self.draw(2)]
        self.lines.append(f"{pad}spin_lock({o}.lock)")
        self.lines.append(f"{pad}{o}.{('safe', 'seen')[self.draw(2)]} += 1")
        if self.draw(8):
            self.lines.append(f"{pad}spin_unlock({o}.lock)")

    def _call(self, pad: str, depth: int) -> None:
        match self.draw(4):
            case 0:
                self.lines.append(f"{pad}add({self._object()}, {self._small()})")
            case 1:
                self.lines.append(f"{pad}claim({self._object()})")
            case 2:
                self.lines.append(f"{pad}wait_until(lambda: {self._quiet_condition()})")
            case _:
                self.lines.append(f"{pad}{self._result()}")

    def _struct(self, pad: str, depth: int) -> None:
        name = self._new()
        if self.draw(3) == 0:
            act = ("count", "mark", "add", "NULL")[self.draw(4)]
            self.lines.append(f"{pad}{name} = Work(act={act})")
            self.names += 1
            self.lines.append(f"{pad}v{self.names} = apply({name}, {self._object()})")
            self.ints.append(f"v{self.names}")
            return
        given = (f"n={self._small()}", f"obj={self._object()}", "m=-1")[: self.draw(4)]
        self.lines.append(f"{pad}{name} = Local({', '.join(given)})")
        self.locals.append(name)

    def _assert(self, pad: str, depth: int) -> None:
        if self.draw(4) == 0:
            self.lines.append(f"{pad}assert {self._condition()}")
        else:
            self._store(pad, depth)

    def _leave(self, pad: str, depth: int) -> None:
        """Out of the loop, if in one, or of the function."""
        ways = ["break", "continue"] if self.loops else []
        ways.append(f"return {self._simple()}" if self.result else "return")
        self.lines.append(f"{pad}if {self._condition()}:")
        self.lines.append(f"{pad}    {ways[self.draw(len(ways))]}")

    # ------------------------------------------------------------------ expressions

    def _object(self) -> str:
        known = ["objs[0]", "objs[1]", "top", *self.objects]
        return known[self.draw(len(known))]

    def _pointer(self) -> str:
        match self.draw(8):
            case 0:
                return f"{self._object()}.next"
            case 1:
                return "NULL"
            case 2 if self.ints:
                return f"objs[{self.ints[self.draw(len(self.ints))]}]"
            case 3:
                return "objs[0] + 1"
            case 4 if self.locals:
                return f"{self.locals[self.draw(len(self.locals))]}.obj"
            case _:
                return self._object()

    def _small(self) -> str:
        known = ["0", "1", *self.ints]
        return known[self.draw(len(known))]

    def _simple(self) -> str:
        """A value that can be stored: nothing that CPython would hold across the stop."""
        match self.draw(4):
            case 0:
                return self._field()
            case 1:
                return f"{self._small()} + {self.draw(3)}"
            case 2:
                return f"{self._field()} ^ {self.draw(4)}"
            case _:
                return self._small()

    def _field(self) -> str:
        fields = ("a", "b", "inner.v", "inner.s", "const", "seen")
        return f"{self._object()}.{fields[self.draw(len(fields))]}"

    def _value(self, simple: bool = False) -> str:
        match self.draw(3 if simple else 7):
            case 0:
                return self._small()
            case 1:
                return self._field()
            case 2:
                return f"({self._field()} + {self._small()})"
            case 3:
                op = ("+", "-", "*", "&", "|")[self.draw(5)]
                return f"{self._field()} {op} {self._field()}"
            case 4:
                return f"({self._small()} if {self._condition()} else {self._small()})"
            case 5:
                return f"{('min', 'max')[self.draw(2)]}({self._field()}, {self._small()})"
            case _:
                names = [f"{n}.{f}" for n in self.locals for f in ("n", "m", "row[1]")]
                return names[self.draw(len(names))] if names else self._small()

    def _result(self) -> str:
        """A call that gives a number."""
        usable = [
            (name, kind) for name, kind in self.helpers if not kind.endswith("Local") or self.locals
        ]
        if not usable or self.draw(3) == 0:
            return (
                f"add({self._object()}, {self._small()})",
                f"pick({self.draw(2)})",
                "choose(2)",
            )[self.draw(3)]
        name, kind = usable[self.draw(len(usable))]
        if kind.endswith("u8"):
            return f"{name}({self._small()})"
        if kind.endswith("Obj"):
            return f"{name}({self._object()})"
        return f"{name}({self.locals[self.draw(len(self.locals))]})"

    def _quiet_condition(self) -> str:
        sign = ("==", "!=", "<", "<=", ">", ">=")[self.draw(6)]
        return f"{self._object()}.a {sign} {self.draw(4)}"

    def _condition(self) -> str:
        match self.draw(8):
            case 0 if self.bools:
                return self.bools[self.draw(len(self.bools))]
            case 1:
                return f"{self._object()} is not None"
            case 2:
                return f"not {self._field()} > {self._small()}"
            case 3:
                return f"({self._field()} > 0 and {self._quiet_condition()})"
            case 4:
                return f"({self._quiet_condition()} or {self._object()}.next is None)"
            case 5:
                return f"{self._field()} in (0, 2)"
            case 6:
                return f"-1 < {self._small()} <= {self._field()}"
            case _:
                return self._quiet_condition()
