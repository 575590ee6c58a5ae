"""Static frames: which variables outlive a step, where they lie, and when they are zeroed.

There is no recursion, so every function has a fixed place in its task's record, after those of
all its callers; functions that are never active together share it. Whatever is dead at a stop is
zero there, so that equal states are equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mmspec.compiler import ir
from mmspec.compiler.conventions import PC_BYTES
from mmspec.compiler.errors import CompileError
from mmspec.compiler.liveness import bits_of, kernel_groups, liveness, resolved, stack_args
from mmspec.lang.structs import ArrayOf, Embed, Field, OnStack, Struct


@dataclass
class Analysis:
    """What liveness says about one function.

    live: variables (as bits) alive at each stop, by kernel. zero_at, zero_before, zero_end:
    slots that may hold a dead value at a point, before a call and on return, as (kernels as
    bits, variables).
    """

    live: dict[ir.Point, list[int]] = field(default_factory=dict)
    across: dict[ir.CallTo, list[int]] = field(default_factory=dict)
    zero_at: dict[ir.Point, list[tuple[int, list[ir.Var]]]] = field(default_factory=dict)
    zero_before: dict[ir.CallTo, list[tuple[int, list[ir.Var]]]] = field(default_factory=dict)
    zero_end: dict[int, list[ir.Var]] = field(default_factory=dict)


class Frames:
    """Places of all variables that need one, for one module.

    A task's record is: program counter, locks held (exclusive, then shared), frames.
    size: bytes of a record, a multiple of 8.
    """

    def __init__(self, module: ir.Module, merged: bool, *, zeroing: bool = True) -> None:
        self.module = module
        self.merged = merged
        self.zeroing = zeroing
        self.layout = module.layout
        self.analysis: dict[ir.Function, Analysis] = {}
        self.offset: dict[tuple[ir.Function, ir.Var], int] = {}
        self.lock_bit: dict[type[Struct], int] = {}
        self.shared_bit: dict[type[Struct], int] = {}
        self._number_calls()
        self._number_locks()
        for f in module.functions:
            self.analysis[f] = _analyse(f, module.kernels, merged, zeroing)
            self._refuse_hidden(f)
        self._place()

    # ------------------------------------------------------------------ places

    def _number_calls(self) -> None:
        for f in self.module.functions:
            f.callers.clear()
        for f in self.module.functions:
            for block in f.blocks:
                if isinstance(block.term, ir.CallTo):
                    block.term.function.callers.append((f, block.term))
                    block.term.number = len(block.term.function.callers)

    def _number_locks(self) -> None:
        exclusive: dict[type[Struct], None] = {}
        shared: dict[type[Struct], None] = {}
        for f in self.module.functions:
            for block in f.blocks:
                for instr in block.instrs:
                    if isinstance(instr, ir.Hold):
                        (shared if instr.shared else exclusive)[instr.cls] = None
        bit = 0
        for cls in exclusive:
            self.lock_bit[cls] = bit
            bit += self.layout.count[cls]
        for cls in shared:
            self.shared_bit[cls] = bit
            bit += self.layout.count[cls]
        self.held_bits = bit
        self.held_offset = PC_BYTES
        self.held_bytes = (bit + 7) // 8
        self.header = PC_BYTES + max(self.held_bytes, 2)

    def struct_size(self, cls: type[OnStack]) -> int:
        """Bytes of a struct on a stack."""
        return sum(self.field_size(f) for f in cls.fields().values())

    def field_size(self, f: Field) -> int:
        """Bytes of one field of a struct on a stack."""
        assert not isinstance(f.elem, Embed | ArrayOf)
        return int(self.layout.scalar_type(f.elem).size) * f.count

    def field_offset(self, f: Field) -> int:
        """Where a field lies in its struct."""
        position = 0
        for other in f.owner.fields().values():
            if other == f:
                return position
            position += self.field_size(other)
        raise KeyError(f)

    def size_of(self, var: ir.Var) -> int:
        """Bytes a variable takes in a frame."""
        if var.stack is not None:
            return self.struct_size(var.stack)
        return int(self.layout.scalar_type(var.type).size)

    def _place(self) -> None:
        start: dict[ir.Function, int] = {f: self.header for f in self.module.functions}
        top = self.header
        for f in reversed(self.module.functions):
            position = start[f]
            f.return_slot = position
            if f.has_points and f.callers:
                position += 1 if len(f.callers) < 256 else 2
            f.slots = {}
            for var in self._slots(f):
                f.slots[var] = position
                position += self.size_of(var)
            f.end = position
            top = max(top, position)
            for callee in f.callees:
                start[callee] = max(start[callee], position)
        self.size = (top + 7) // 8 * 8

    def _refuse_hidden(self, f: ir.Function) -> None:
        """Refuse values that CPython would hold, unseen, while another task runs."""
        analysis = self.analysis[f]
        held = 0
        for sets in (*analysis.live.values(), *analysis.across.values()):
            for live in sets:
                held |= live
        for var in f.vars:
            if held >> var.index & 1 and var.temp and var.read_at is None:
                assert var.made_at is not None
                raise CompileError(
                    var.made_at,
                    "this value is held while other tasks can run",
                    "give it a name first",
                )

    def _slots(self, f: ir.Function) -> list[ir.Var]:
        found = 0
        analysis = self.analysis[f]
        for sets in (*analysis.live.values(), *analysis.across.values()):
            for live in sets:
                found |= live
        return [var for var in f.vars if found >> var.index & 1 or var.stack is not None]


# --------------------------------------------------------------------------------- analysis


def _analyse(f: ir.Function, kernels: int, merged: bool, zeroing: bool) -> Analysis:
    found = Analysis()
    groups = kernel_groups(f, kernels)
    points = [b.term for b in f.blocks if isinstance(b.term, ir.Point)]
    calls = [b.term for b in f.blocks if isinstance(b.term, ir.CallTo)]
    for point in points:
        found.live[point] = [0] * kernels
        found.zero_at[point] = []
    for call in calls:
        found.across[call] = [0] * kernels
        found.zero_before[call] = []
    per_group = []
    for group in groups:
        live_in = liveness(f, group & -group)
        for point in points:
            for k in range(kernels):
                if group >> k & 1:
                    found.live[point][k] = live_in[point.to]
        for call in calls:
            across = _across(call, live_in)
            for k in range(kernels):
                if group >> k & 1:
                    found.across[call][k] = across
        per_group.append((group, live_in))
    if not zeroing:
        return found
    slots = 0
    for sets in (*found.live.values(), *found.across.values()):
        for live in sets:
            slots |= live
    slots |= bits_of(v for v in f.vars if v.stack is not None)
    ends: dict[int, int] = {}
    for group, live_in in per_group:
        _dirty(f, group, live_in, slots, merged, found, ends)
    found.zero_end = {
        block: [v for v in f.vars if dirty >> v.index & 1] for block, dirty in ends.items()
    }
    return found


def _across(call: ir.CallTo, live_in: list[int]) -> int:
    live = live_in[call.to]
    if call.dst is not None:
        live &= ~(1 << call.dst.index)
    return live | bits_of(stack_args(call))


def _dirty(
    f: ir.Function,
    group: int,
    live_in: list[int],
    slots: int,
    merged: bool,
    found: Analysis,
    ends: dict[int, int],
) -> None:
    """Find, for one group of kernels, slots that may be non-zero though dead."""
    entry = bits_of(f.params) & slots
    state: dict[int, int] = {0: entry}
    todo = [0]
    while todo:
        b = todo.pop()
        dirty = _after_block(f, b, state[b], slots)
        term = f.blocks[b].term
        assert term is not None
        if isinstance(term, ir.Point):
            dirty = (dirty | live_in[term.to] & slots) if merged else live_in[term.to] & slots
        elif isinstance(term, ir.CallTo):
            dirty = _across(term, live_in) & slots
            if term.dst is not None:
                dirty |= 1 << term.dst.index & slots
        for s in resolved(term, group & -group):
            if s not in state or state[s] | dirty != state[s]:
                state[s] = state.get(s, 0) | dirty
                todo.append(s)
    for b in sorted(state):
        dirty = _after_block(f, b, state[b], slots)
        term = f.blocks[b].term
        if isinstance(term, ir.Point):
            _add(found.zero_at[term], group, dirty & ~live_in[term.to], f)
        elif isinstance(term, ir.CallTo):
            _add(found.zero_before[term], group, dirty & ~_across(term, live_in), f)
        elif isinstance(term, ir.Return):
            ends[b] = ends.get(b, 0) | dirty


def _after_block(f: ir.Function, b: int, dirty: int, slots: int) -> int:
    for instr in f.blocks[b].instrs:
        defined = ir.defines(instr)
        if defined is not None:
            dirty |= 1 << defined.index
    return dirty & slots


def _add(into: list[tuple[int, list[ir.Var]]], group: int, dead: int, f: ir.Function) -> None:
    if dead:
        into.append((group, [v for v in f.vars if dead >> v.index & 1]))
