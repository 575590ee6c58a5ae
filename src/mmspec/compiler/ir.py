"""The intermediate representation: typed control-flow graphs with explicit points.

A point is an instruction: the place where a task stops before something that other tasks can see
or prevent. Every emitter works from the same sites, so a place in a trace means the same thing in
CPython, in native code and in Promela.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from mmspec.lang.ints import IntType
from mmspec.lang.structs import Field, StackRef, Struct, Type


@dataclass(frozen=True)
class Span:
    """A place in a source file; lines from 1, columns from 0."""

    file: str
    line: int
    col: int
    end_line: int
    end_col: int


class Var:
    """A local variable, a parameter or an intermediate value of one function."""

    __slots__ = ("index", "made_at", "name", "read_at", "stack", "temp", "type")

    def __init__(self, name: str, type: Type, index: int, temp: bool = False) -> None:
        self.name = name
        self.type = type
        self.index = index
        #: made by the compiler rather than named in the source
        self.temp = temp
        #: for a value that was read, returned or chosen: where and how (`read`, `result`,
        #: `choose`), so that an execution by CPython can supply it
        self.read_at: tuple[Span, str] | None = None
        self.made_at: Span | None = None
        #: for a struct in this function's frame: its type
        self.stack: Any = None

    def __repr__(self) -> str:
        return f"%{self.name}"


Operand = Var | int


@dataclass(eq=False)
class Site:
    """A place where a task can stand between two steps.

    kind: `entry`, `read`, `write`, `call`, `choose` or `wait`; name: the field or function.
    exit: for the release at the end of a `with`, which of its exits (from 0); else -1.
    """

    function: Function
    span: Span
    kind: str
    name: str
    exit: int = -1
    number: int = 0

    def __repr__(self) -> str:
        return f"{self.function.name}:{self.span.line}:{self.kind} {self.name}"


# ------------------------------------------------------------------------------ locations


@dataclass(frozen=True)
class Shared:
    """A scalar in shared memory: `field` of instance `ref` - 1, element `k`."""

    field: Field
    ref: Operand
    k: Operand


@dataclass(frozen=True)
class OnFrame:
    """A scalar of a struct on a stack. `ref` is the variable that is, or points to, the struct."""

    field: Field
    ref: Var
    k: Operand


Location = Shared | OnFrame


# --------------------------------------------------------------------------- instructions


@dataclass
class Move:
    """dst = src."""

    dst: Var
    src: Operand


@dataclass
class Op:
    """dst = a op b, on 64-bit integers.

    op: add sub mul and or xor; shl shr (by 0 to 63); floordiv mod (of what is not negative); min
    max; eq ne lt le gt ge (0 or 1).
    """

    dst: Var
    op: str
    a: Operand
    b: Operand


@dataclass
class Load:
    """dst = *location."""

    dst: Var
    location: Location


@dataclass
class Store:
    """*location = src."""

    location: Location
    src: Operand


@dataclass
class NewStruct:
    """Zero the struct in this function's frame."""

    var: Var


@dataclass
class Call:
    """dst = function(args): a call without points, part of the step."""

    dst: Var | None
    function: Function
    args: list[Operand]


@dataclass(eq=False)
class Fault:
    """What a failed check means: kind and text of the violation, and where."""

    function: Function
    span: Span
    kind: str
    text: str
    number: int = 0


@dataclass
class Check:
    """Fail unless `a` is in lo..hi (both included)."""

    a: Operand
    lo: int
    hi: int
    fault: Fault


@dataclass
class CheckHeld:
    """Fail unless `held` is non-zero: a guarded access without its lock."""

    held: Var
    fault: Fault


@dataclass
class Hold:
    """Note that this task takes (or gives back) lock `ref` - 1 of type `cls`."""

    cls: type[Struct]
    ref: Operand
    shared: bool
    take: bool
    fault: Fault


@dataclass
class Holds:
    """dst = whether this task holds lock `ref` - 1; with `shared`, in any mode."""

    dst: Var
    cls: type[Struct]
    ref: Operand
    shared: bool


@dataclass
class TaskNumber:
    """dst = the number of the running task."""

    dst: Var


@dataclass
class Choice:
    """dst = the alternative taken in this step, of `n`."""

    dst: Var
    n: Operand


Instr = (
    Move
    | Op
    | Load
    | Store
    | NewStruct
    | Call
    | Check
    | CheckHeld
    | Hold
    | Holds
    | TaskNumber
    | Choice
)


# ---------------------------------------------------------------------------- terminators


@dataclass
class Jump:
    """Go on at block `to`."""

    to: int


@dataclass
class Branch:
    """Go on at `yes` if `cond` is non-zero, else at `no`."""

    cond: Operand
    yes: int
    no: int


@dataclass
class Feature:
    """Go on at `yes` in the kernels of `mask` (bit k: kernel k of the family), else at `no`."""

    mask: int
    yes: int
    no: int


@dataclass(eq=False)
class Point:
    """A task may stop here. What follows, at `to`, is the access that `site` names.

    mover: `visible`, `invisible`, `acquire`, `release`, `choose`, or `pick` (an atomic step that
    chooses); a visible one is invisible when `held` is non-zero. guarded: a `Guard` follows,
    before anything that can be seen.
    """

    site: Site
    to: int
    mover: str
    held: Var | None = None
    guarded: bool = False


@dataclass
class Guard:
    """Go on at `to` if `cond` is non-zero; else the step that starts at `point` is blocked."""

    cond: Operand
    point: Point
    to: int


@dataclass(eq=False)
class CallTo:
    """dst = function(args), for a function with points; go on at `to` after it has returned.

    `number` tells the callers of one function apart, from 1.
    """

    dst: Var | None
    function: Function
    args: list[Operand]
    to: int
    span: Span
    number: int = 0


@dataclass
class Return:
    """Leave the function."""

    value: Operand


@dataclass
class Fail:
    """A violation."""

    fault: Fault


Terminator = Jump | Branch | Feature | Point | Guard | CallTo | Return | Fail


class Block:
    """Straight-line code and how it goes on."""

    __slots__ = ("instrs", "term")

    def __init__(self) -> None:
        self.instrs: list[Instr] = []
        self.term: Terminator | None = None


@dataclass(eq=False)
class Function:
    """One function in one use: normal, or (`atomic`) as part of a single step.

    callers: the calls that return to a stored place; frame data is filled in by `frames.py`.
    """

    name: str
    text: FunctionType
    display: str
    atomic: bool
    params: list[Var] = field(default_factory=list)
    returns: Type | None = None
    blocks: list[Block] = field(default_factory=list)
    vars: list[Var] = field(default_factory=list)
    callees: dict[Function, None] = field(default_factory=dict)
    callers: list[tuple[Function, CallTo]] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    has_points: bool = False
    has_choice: bool = False
    #: whether it changes memory or locks, its own structs apart
    writes: bool = False
    #: whether its result depends on its arguments alone, and computing it changes nothing
    pure: bool = False
    can_fail: bool = False
    #: bits of `Feature` terminators in it: which kernels differ here
    masks: set[int] = field(default_factory=set)
    # filled in by frames.py
    slots: dict[Var, int] = field(default_factory=dict)
    return_slot: int = -1
    end: int = 0

    def __repr__(self) -> str:
        return f"<ir {self.name}>"

    def new_block(self) -> int:
        """Append a block; its number."""
        self.blocks.append(Block())
        return len(self.blocks) - 1


def is_pure(f: Function) -> bool:
    """Whether a function only computes: see `Function.pure`."""
    if f.has_points or f.has_choice or f.writes or f.returns is None:
        return False
    if any(isinstance(var.type, StackRef) for var in f.params):
        return False
    for block in f.blocks:
        for instr in block.instrs:
            match instr:
                case Load(location=Shared()) | CheckHeld() | Hold() | Holds() | Choice():
                    return False
                case Call(function=target) if not target.pure:
                    return False
    return True


def operands(*values: Operand | None) -> Iterator[Var]:
    """Those of the values that are variables."""
    for value in values:
        if isinstance(value, Var):
            yield value


def location_uses(location: Location) -> Iterator[Var]:
    """Variables that an address depends on."""
    yield from operands(location.ref, location.k)


def uses(instr: Instr) -> Iterator[Var]:
    """Variables an instruction reads."""
    match instr:
        case Move():
            yield from operands(instr.src)
        case Op():
            yield from operands(instr.a, instr.b)
        case Load():
            yield from location_uses(instr.location)
        case Store():
            yield from location_uses(instr.location)
            yield from operands(instr.src)
        case Call():
            yield from operands(*instr.args)
        case Check():
            yield from operands(instr.a)
        case CheckHeld():
            yield instr.held
        case Hold() | Holds():
            yield from operands(instr.ref)
        case Choice():
            yield from operands(instr.n)
        case NewStruct() | TaskNumber():
            pass


def defines(instr: Instr) -> Var | None:
    """The variable an instruction sets."""
    match instr:
        case Move() | Op() | Load() | Holds() | TaskNumber() | Choice():
            return instr.dst
        case Call():
            return instr.dst
        case NewStruct():
            return instr.var
        case _:
            return None


def term_uses(term: Terminator) -> Iterator[Var]:
    """Variables a terminator reads at the end of its block."""
    match term:
        case Branch():
            yield from operands(term.cond)
        case Point():
            yield from operands(term.held)
        case Guard():
            yield from operands(term.cond)
        case CallTo():
            yield from operands(*term.args)
        case Return():
            yield from operands(term.value)
        case Jump() | Feature() | Fail():
            pass


def successors(term: Terminator) -> tuple[int, ...]:
    """Blocks that can follow in the same function."""
    match term:
        case Jump() | Point() | Guard() | CallTo():
            return (term.to,)
        case Branch() | Feature():
            return (term.yes, term.no)
        case Return() | Fail():
            return ()


@dataclass
class Module:
    """A whole transition system before layout: functions in the order of their completion.

    entries: one per task program, in the order asked for. sites and faults by number; site 0 is
    unused so that a program counter of 0 means finished.
    """

    functions: list[Function]
    entries: list[Function]
    predicates: list[Function]
    sites: list[Site]
    faults: list[Fault]
    layout: Any
    kernels: int


def scalar_type(kind: Type, layout: Any) -> IntType:
    """The integer that holds a local of this type."""
    found = layout.scalar_type(kind)
    assert isinstance(found, IntType)
    return found
