"""From the intermediate representation to LLVM IR, as text.

`step(state, task, choice, kernel)` lets one task take one step in place. Functions with points are
laid out inside it, one copy each; the others become functions of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmspec.compiler import ir
from mmspec.compiler.conventions import BLOCKED, FAILED, MORE, STEPPED, VIOLATED
from mmspec.compiler.frames import Frames
from mmspec.lang.structs import Struct

_PLAIN_OPS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "shl": "shl",
    "shr": "ashr",
    "floordiv": "udiv",
    "mod": "urem",
}
_COMPARISONS = {"eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}

PARAMS = "ptr %s, ptr %f, i64 %task, i64 %kernel, i64 %choice, ptr %rc"
PASSED = PARAMS


class Emitter:
    """Text of one module. merged: leave out the stops that merging makes needless."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.module = frames.module
        self.layout = frames.layout
        self.merged = frames.merged
        self.out: list[str] = []
        self.n = 0
        self.allocas: list[str] = []
        self.home: dict[ir.Var, str] = {}
        self.ssa: dict[ir.Var, str] = {}
        self.single: set[ir.Var] = set()
        self.inside_step = False
        self.f: ir.Function

    # ------------------------------------------------------------------ whole module

    def text(self, groups: Sequence[Sequence[ir.Function]]) -> str:
        """The module; group k of predicates becomes `predicates_k(state, scratch, kernel)`."""
        parts = [
            "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
            self._fail_function(),
        ]
        for f in self.module.functions:
            if not f.has_points:
                parts.append(self._plain_function(f))
        parts.append(self._step())
        for k, group in enumerate(groups):
            parts.append(self._predicates(k, group))
        return "\n".join(parts) + "\n"

    def _fail_function(self) -> str:
        return (
            "define internal void @fail(ptr %f, i16 %fault) {\n"
            f" call void @llvm.memset.p0.i64(ptr %f, i8 0, i64 {self.frames.size}, i1 false)\n"
            f" store i16 {FAILED - 0x10000}, ptr %f, align 1\n"
            " %p = getelementptr i8, ptr %f, i64 2\n"
            " store i16 %fault, ptr %p, align 1\n"
            " ret void\n}"
        )

    def _begin(self) -> None:
        self.out = []
        self.allocas = []
        self.home = {}
        self.ssa = {}

    def _plain_function(self, f: ir.Function) -> str:
        self._begin()
        self.inside_step = False
        self._enter(f)
        for var in f.params:
            self.put(var, f"%a{var.index}")
        self.w(f" br label %{f.name}.b0")
        self._blocks(f)
        args = "".join(f", i64 %a{var.index}" for var in f.params)
        return "\n".join(
            [
                f"define internal i64 @{f.name}({PARAMS}{args}) {{",
                "entry:",
                *self.allocas,
                *self.out,
                "}",
            ]
        )

    def _step(self) -> str:
        self._begin()
        self.inside_step = True
        resumes: list[str] = []
        for f in self.module.functions:
            if not f.has_points:
                continue
            self._enter(f)
            self._blocks(f)
            self._landing(f)
            for site in f.sites:
                resumes.append(f"i16 {site.number}, label %resume{site.number}")
        for f in dict.fromkeys(self.module.entries):
            site = next(s for s in f.sites if s.kind == "entry")
            if not f.has_points:
                resumes.append(f"i16 {site.number}, label %resume{site.number}")
            self.w(f"resume{site.number}:")
            if f.has_points:
                self.w(f" br label %{f.name}.b0")
            else:
                self.w(f" call i64 @{f.name}({PASSED})")
                if f.can_fail:
                    self._unless_failed()
                self.w(" br label %finished")
        size, base = self.frames.size, self.layout.size
        head = [
            "define i32 @step(ptr %s, i64 %task, i64 %choice, i64 %kernel) {",
            "entry:",
            " %rv = alloca i64",
            " %rc = alloca i32",
            " %phase = alloca i64",
            *self.allocas,
            f" store i32 {STEPPED}, ptr %rc",
            " store i64 0, ptr %phase",
            f" %o1 = mul i64 %task, {size}",
            f" %o2 = add i64 %o1, {base}",
            " %f = getelementptr i8, ptr %s, i64 %o2",
            " %pc = load i16, ptr %f, align 1",
            f" switch i16 %pc, label %blocked [{' '.join(resumes)}]",
            "blocked:",
            f" ret i32 {BLOCKED}",
            "violated:",
            " %so_far = load i32, ptr %rc",
            f" %bad = or i32 %so_far, {VIOLATED}",
            " ret i32 %bad",
            "stopped:",
            " %result = load i32, ptr %rc",
            " ret i32 %result",
            "finished:",
            " store i16 0, ptr %f, align 1",
            *self._forget_locks(),
            " br label %stopped",
        ]
        return "\n".join(head + self.out + ["}"])

    def _forget_locks(self) -> list[str]:
        """What a task still holds at its end says nothing about the state."""
        if not self.frames.held_bytes:
            return []
        n = self.frames.held_bytes
        return [
            f" %hp = getelementptr i8, ptr %f, i64 {self.frames.held_offset}",
            f" call void @llvm.memset.p0.i64(ptr %hp, i8 0, i64 {n}, i1 false)",
        ]

    def _predicates(self, k: int, group: Sequence[ir.Function]) -> str:
        lines = [f"define i64 @predicates_{k}(ptr %s, ptr %f, i64 %kernel) {{", "entry:"]
        total = "0"
        for n, f in enumerate(group):
            passed = "ptr %s, ptr %f, i64 0, i64 %kernel, i64 0, ptr null"
            lines.append(f" %r{n} = call i64 @{f.name}({passed})")
            lines.append(f" %m{n} = shl i64 %r{n}, {n}")
            lines.append(f" %t{n} = or i64 {total}, %m{n}")
            total = f"%t{n}"
        lines.append(f" ret i64 {total}")
        lines.append("}")
        return "\n".join(lines)

    # ------------------------------------------------------------------ text

    def w(self, line: str) -> None:
        """Append a line."""
        self.out.append(line)

    def reg(self) -> str:
        """A new register name."""
        self.n += 1
        return f"%x{self.n}"

    def label(self) -> str:
        """A new label."""
        self.n += 1
        return f"l{self.n}"

    # ------------------------------------------------------------------ variables

    def _enter(self, f: ir.Function) -> None:
        self.f = f
        defs: dict[ir.Var, list[int]] = {}
        reads: dict[ir.Var, set[int]] = {}
        for b, block in enumerate(f.blocks):
            assert block.term is not None
            for instr in block.instrs:
                for var in ir.uses(instr):
                    reads.setdefault(var, set()).add(b)
                made = ir.defines(instr)
                if made is not None:
                    defs.setdefault(made, []).append(b)
            for var in ir.term_uses(block.term):
                reads.setdefault(var, set()).add(b)
            if isinstance(block.term, ir.CallTo) and block.term.dst is not None:
                defs.setdefault(block.term.dst, []).extend([-1, -1])
        self.single = {
            var
            for var, where in defs.items()
            if len(where) == 1 and reads.get(var, set()) <= {where[0]} and var not in f.slots
        }

    def frame(self, offset: int) -> str:
        """Address of a byte of the task's record."""
        p = self.reg()
        self.w(f" {p} = getelementptr i8, ptr %f, i64 {offset}")
        return p

    def load_int(self, pointer: str, size: int, signed: bool) -> str:
        """Load an integer of `size` bytes, extended to 64 bits."""
        x = self.reg()
        self.w(f" {x} = load i{size * 8}, ptr {pointer}, align 1")
        if size == 8:
            return x
        y = self.reg()
        self.w(f" {y} = {'sext' if signed else 'zext'} i{size * 8} {x} to i64")
        return y

    def store_int(self, pointer: str, size: int, value: str) -> None:
        """Store the low `size` bytes of a 64-bit value."""
        if size < 8 and not value.startswith("%"):
            bits = size * 8
            value = str(_signed(int(value) & ((1 << bits) - 1), bits))
            self.w(f" store i{bits} {value}, ptr {pointer}, align 1")
            return
        if size < 8:
            x = self.reg()
            self.w(f" {x} = trunc i64 {value} to i{size * 8}")
            value = x
        self.w(f" store i{size * 8} {value}, ptr {pointer}, align 1")

    def kind(self, var: ir.Var) -> tuple[int, bool]:
        """Size and signedness of a variable."""
        found = self.layout.scalar_type(var.type)
        return found.size, found.signed

    def get(self, operand: ir.Operand) -> str:
        """A 64-bit value."""
        if isinstance(operand, int):
            return str(operand)
        if operand.stack is not None:
            return str(self.f.slots[operand])
        if operand in self.ssa:
            return self.ssa[operand]
        if operand in self.f.slots:
            return self.load_int(self.frame(self.f.slots[operand]), *self.kind(operand))
        x = self.reg()
        self.w(f" {x} = load i64, ptr {self._home(operand)}")
        return x

    def put(self, var: ir.Var, value: str) -> None:
        """Set a variable."""
        if var in self.single:
            self.ssa[var] = value
        elif var in self.f.slots:
            self.store_int(self.frame(self.f.slots[var]), self.kind(var)[0], value)
        else:
            self.w(f" store i64 {value}, ptr {self._home(var)}")

    def _home(self, var: ir.Var) -> str:
        if var not in self.home:
            self.home[var] = f"%h{len(self.home)}"
            self.allocas.append(f" {self.home[var]} = alloca i64")
        return self.home[var]

    def zero(self, var: ir.Var) -> None:
        """Zero a slot."""
        size = self.frames.size_of(var)
        pointer = self.frame(self.f.slots[var])
        if size <= 8 and size in (1, 2, 4, 8):
            self.w(f" store i{size * 8} 0, ptr {pointer}, align 1")
        elif size:
            self.w(f" call void @llvm.memset.p0.i64(ptr {pointer}, i8 0, i64 {size}, i1 false)")

    def zero_groups(self, groups: Sequence[tuple[int, list[ir.Var]]]) -> None:
        """Zero what is dead, in the kernels where it is."""
        everywhere = (1 << self.module.kernels) - 1
        masks: dict[ir.Var, int] = {}
        for mask, variables in groups:
            for var in variables:
                masks[var] = masks.get(var, 0) | mask
        for var, mask in masks.items():
            if mask == everywhere:
                self.zero(var)
        for mask in dict.fromkeys(m for m in masks.values() if m != everywhere):
            yes, after = self.label(), self.label()
            self.branch_on_kernel(mask, yes, after)
            self.w(f"{yes}:")
            for var, m in masks.items():
                if m == mask:
                    self.zero(var)
            self.w(f" br label %{after}")
            self.w(f"{after}:")

    def branch_on_kernel(self, mask: int, yes: str, no: str) -> None:
        """Branch on whether the kernel under check is one of `mask`."""
        x, c = self.reg(), self.reg()
        self.w(f" {x} = and i64 %kernel, {mask}")
        self.w(f" {c} = icmp ne i64 {x}, 0")
        self.w(f" br i1 {c}, label %{yes}, label %{no}")

    # ------------------------------------------------------------------ blocks

    def _blocks(self, f: ir.Function) -> None:
        for b, block in enumerate(f.blocks):
            self.w(f"{f.name}.b{b}:")
            for instr in block.instrs:
                self.instruction(instr)
            assert block.term is not None
            self.terminator(b, block.term)

    def instruction(self, instr: ir.Instr) -> None:
        """Emit one instruction."""
        match instr:
            case ir.Move():
                self.put(instr.dst, self.get(instr.src))
            case ir.Op():
                self.put(instr.dst, self.operation(instr.op, self.get(instr.a), self.get(instr.b)))
            case ir.Load():
                pointer, size, signed = self.address(instr.location)
                self.put(instr.dst, self.load_int(pointer, size, signed))
            case ir.Store():
                value = self.get(instr.src)
                pointer, size, _ = self.address(instr.location)
                self.store_int(pointer, size, value)
            case ir.NewStruct():
                self.zero(instr.var)
            case ir.Call():
                self._call(instr)
            case ir.Check():
                self._check(instr)
            case ir.CheckHeld():
                self._require(self._truth(self.get(instr.held)), instr.fault)
            case ir.Hold():
                self._hold(instr)
            case ir.Holds():
                self.put(instr.dst, self._holds(instr.cls, self.get(instr.ref), instr.shared))
            case ir.TaskNumber():
                self.put(instr.dst, "%task")
            case ir.Choice():
                self._choice(instr)

    def operation(self, op: str, a: str, b: str) -> str:
        """An arithmetic operation or comparison on 64-bit values."""
        x = self.reg()
        if op in _PLAIN_OPS:
            self.w(f" {x} = {_PLAIN_OPS[op]} i64 {a}, {b}")
            return x
        c = self.reg()
        if op in ("min", "max"):
            self.w(f" {c} = icmp {'slt' if op == 'min' else 'sgt'} i64 {a}, {b}")
            self.w(f" {x} = select i1 {c}, i64 {a}, i64 {b}")
            return x
        self.w(f" {c} = icmp {_COMPARISONS[op]} i64 {a}, {b}")
        self.w(f" {x} = zext i1 {c} to i64")
        return x

    def address(self, location: ir.Location) -> tuple[str, int, bool]:
        """Pointer, size and signedness of a scalar."""
        field = location.field
        kind = self.layout.scalar(field)
        size = kind.size
        if isinstance(location, ir.Shared):
            cls = field.owner
            base = self.layout.base[cls] + self.layout.offset[field]
            offset = self._scaled(location.ref, self.layout.stride[cls], base, minus_one=True)
            offset = self._plus(offset, location.k, size)
            p = self.reg()
            self.w(f" {p} = getelementptr i8, ptr %s, i64 {offset}")
            return p, size, kind.signed
        offset = self._plus(
            self._scaled(location.ref, 1, self.frames.field_offset(field), minus_one=False),
            location.k,
            size,
        )
        p = self.reg()
        self.w(f" {p} = getelementptr i8, ptr %f, i64 {offset}")
        return p, size, kind.signed

    def _scaled(self, ref: ir.Operand, stride: int, base: int, minus_one: bool) -> str:
        if minus_one:
            base -= stride
        if isinstance(ref, int):
            return str(base + ref * stride)
        x = self.get(ref)
        if not x.startswith("%"):
            return str(base + int(x) * stride)
        if stride != 1:
            y = self.reg()
            self.w(f" {y} = mul i64 {x}, {stride}")
            x = y
        if base:
            y = self.reg()
            self.w(f" {y} = add i64 {x}, {base}")
            x = y
        return x

    def _plus(self, offset: str, k: ir.Operand, size: int) -> str:
        if isinstance(k, int):
            if k == 0:
                return offset
            if not offset.startswith("%"):
                return str(int(offset) + k * size)
            x = str(k * size)
        else:
            x = self.get(k)
            if size != 1:
                y = self.reg()
                self.w(f" {y} = mul i64 {x}, {size}")
                x = y
        y = self.reg()
        self.w(f" {y} = add i64 {offset}, {x}")
        return y

    def _call(self, instr: ir.Call) -> None:
        args = "".join(f", i64 {self.get(arg)}" for arg in instr.args)
        x = self.reg()
        self.w(f" {x} = call i64 @{instr.function.name}({PASSED}{args})")
        if instr.function.can_fail:
            self._unless_failed()
        if instr.dst is not None:
            self.put(instr.dst, x)

    def _unless_failed(self) -> None:
        """Go on after a call only if it has not failed."""
        pc, bad, ok = self.reg(), self.reg(), self.label()
        self.w(f" {pc} = load i16, ptr %f, align 1")
        self.w(f" {bad} = icmp eq i16 {pc}, {FAILED - 0x10000}")
        if self.inside_step:
            self.w(f" br i1 {bad}, label %violated, label %{ok}")
        else:
            stop = self.label()
            self.w(f" br i1 {bad}, label %{stop}, label %{ok}")
            self.w(f"{stop}:")
            self.w(" ret i64 0")
        self.w(f"{ok}:")

    def fail(self, fault: ir.Fault) -> None:
        """End the step with a violation."""
        self.w(f" call void @fail(ptr %f, i16 {_signed(fault.number, 16)})")
        self.w(" br label %violated" if self.inside_step else " ret i64 0")

    def _truth(self, value: str) -> str:
        c = self.reg()
        self.w(f" {c} = icmp ne i64 {value}, 0")
        return c

    def _require(self, condition: str, fault: ir.Fault) -> None:
        ok, bad = self.label(), self.label()
        self.w(f" br i1 {condition}, label %{ok}, label %{bad}")
        self.w(f"{bad}:")
        self.fail(fault)
        self.w(f"{ok}:")

    def _check(self, instr: ir.Check) -> None:
        value = self.get(instr.a)
        c = self.reg()
        if instr.lo == 1 and instr.hi == (1 << 63) - 1:
            self.w(f" {c} = icmp ne i64 {value}, 0")
        else:
            x = self.reg()
            self.w(f" {x} = sub i64 {value}, {instr.lo}")
            self.w(f" {c} = icmp ule i64 {x}, {instr.hi - instr.lo}")
        self._require(c, instr.fault)

    def _choice(self, instr: ir.Choice) -> None:
        x, c, y = self.reg(), self.reg(), self.reg()
        self.w(f" {x} = add i64 %choice, 1")
        self.w(f" {c} = icmp slt i64 {x}, {self.get(instr.n)}")
        self.w(f" {y} = select i1 {c}, i32 {STEPPED | MORE}, i32 {STEPPED}")
        self.w(f" store i32 {y}, ptr %rc")
        self.put(instr.dst, "%choice")

    # ------------------------------------------------------------------ locks

    def _lock_place(self, first: int, ref: str) -> tuple[str, str]:
        """Pointer to the byte and the mask of a lock's bit; `ref` is the index plus one."""
        if not ref.startswith("%"):
            bit = first + int(ref) - 1
            return self.frame(self.frames.held_offset + bit // 8), str(1 << bit % 8)
        b, byte, at, p, low, mask = (self.reg() for _ in range(6))
        self.w(f" {b} = add i64 {ref}, {first - 1}")
        self.w(f" {byte} = lshr i64 {b}, 3")
        self.w(f" {at} = add i64 {byte}, {self.frames.held_offset}")
        self.w(f" {p} = getelementptr i8, ptr %f, i64 {at}")
        self.w(f" {low} = and i64 {b}, 7")
        self.w(f" {mask} = shl i64 1, {low}")
        return p, mask

    def _bit(self, first: int, ref: str) -> tuple[str, str, str, str]:
        """(pointer, byte, mask, bit) of a lock."""
        p, mask = self._lock_place(first, ref)
        byte = self.load_int(p, 1, False)
        bit = self.reg()
        self.w(f" {bit} = and i64 {byte}, {mask}")
        return p, byte, mask, bit

    def _holds(self, cls: type[Struct], ref: str, shared: bool) -> str:
        found = "0"
        tables = [self.frames.lock_bit] + ([self.frames.shared_bit] if shared else [])
        for table in tables:
            if cls in table:
                _, _, _, bit = self._bit(table[cls], ref)
                x = self.reg()
                self.w(f" {x} = or i64 {found}, {bit}")
                found = x
        c, y = self.reg(), self.reg()
        self.w(f" {c} = icmp ne i64 {found}, 0")
        self.w(f" {y} = zext i1 {c} to i64")
        return y

    def _hold(self, instr: ir.Hold) -> None:
        ref = self.get(instr.ref)
        table = self.frames.shared_bit if instr.shared else self.frames.lock_bit
        if instr.take:
            held = self._holds(instr.cls, ref, shared=True)
            c = self.reg()
            self.w(f" {c} = icmp eq i64 {held}, 0")
            self._require(c, instr.fault)
            p, byte, mask, _ = self._bit(table[instr.cls], ref)
            x = self.reg()
            self.w(f" {x} = or i64 {byte}, {mask}")
            self.store_int(p, 1, x)
            return
        p, byte, mask, bit = self._bit(table[instr.cls], ref)
        self._require(self._truth(bit), instr.fault)
        x = self.reg()
        self.w(f" {x} = xor i64 {byte}, {mask}")
        self.store_int(p, 1, x)

    # ------------------------------------------------------------------ terminators

    def terminator(self, b: int, term: ir.Terminator) -> None:
        """Emit the end of a block."""
        name = self.f.name
        match term:
            case ir.Jump():
                self.w(f" br label %{name}.b{term.to}")
            case ir.Branch():
                c = self._truth(self.get(term.cond))
                self.w(f" br i1 {c}, label %{name}.b{term.yes}, label %{name}.b{term.no}")
            case ir.Feature():
                self.branch_on_kernel(term.mask, f"{name}.b{term.yes}", f"{name}.b{term.no}")
            case ir.Point():
                self._point(term)
            case ir.Guard():
                self._guard(term)
            case ir.CallTo():
                self._call_to(term)
            case ir.Return():
                self._return(b, term)
            case ir.Fail():
                self.fail(term.fault)

    def _stop(self, point: ir.Point) -> None:
        self.zero_groups(self.frames.analysis[self.f].zero_at[point])
        self.w(f" store i16 {_signed(point.site.number, 16)}, ptr %f, align 1")
        self.w(" br label %stopped")

    def _set_phase(self, mover: str) -> None:
        self.w(f" store i64 {1 if mover in ('acquire', 'choose') else 2}, ptr %phase")

    def _point(self, point: ir.Point) -> None:
        to = f"{self.f.name}.b{point.to}"
        n = point.site.number
        if not self.merged:
            self._stop(point)
            self.w(f"resume{n}:")
            self.w(f" br label %{to}")
            return
        stop, go = self.label(), self.label()
        if point.mover in ("visible", "acquire", "choose", "pick"):
            c = self.reg()
            if point.held is not None:
                free = self._truth(self.get(point.held))
                test = self.label()
                skip = self.label()
                self.w(f" br i1 {free}, label %{skip}, label %{test}")
                self.w(f"{skip}:")
                self.w(f" br label %{to}")
                self.w(f"{test}:")
            x = self.reg()
            self.w(f" {x} = load i64, ptr %phase")
            late = "eq i64 {}, 2" if point.mover == "visible" else "ne i64 {}, 0"
            self.w(f" {c} = icmp {late.format(x)}")
            self.w(f" br i1 {c}, label %{stop}, label %{go}")
            self.w(f"{stop}:")
            self._stop(point)
        else:
            self.w(f" br label %{go}")
        self.w(f"resume{n}:")
        self.w(f" br label %{go}")
        self.w(f"{go}:")
        if not point.guarded and point.mover != "invisible":
            self._set_phase(point.mover)
        self.w(f" br label %{to}")

    def _guard(self, guard: ir.Guard) -> None:
        c = self._truth(self.get(guard.cond))
        ok, no = self.label(), self.label()
        self.w(f" br i1 {c}, label %{ok}, label %{no}")
        self.w(f"{no}:")
        if self.merged:
            x, first, stop = self.reg(), self.reg(), self.label()
            self.w(f" {x} = load i64, ptr %phase")
            self.w(f" {first} = icmp eq i64 {x}, 0")
            self.w(f" br i1 {first}, label %blocked, label %{stop}")
            self.w(f"{stop}:")
            self._stop(guard.point)
        else:
            self.w(" br label %blocked")
        self.w(f"{ok}:")
        if self.merged:
            self._set_phase(guard.point.mover)
        self.w(f" br label %{self.f.name}.b{guard.to}")

    def _call_to(self, call: ir.CallTo) -> None:
        callee = call.function
        values = [self.get(arg) for arg in call.args]
        self.zero_groups(self.frames.analysis[self.f].zero_before[call])
        caller, single, ssa = self.f, self.single, self.ssa
        self.f, self.single, self.ssa = callee, set(), {}
        for var, value in zip(callee.params, values, strict=True):
            self.put(var, value)
        self.f, self.single, self.ssa = caller, single, ssa
        size = 1 if len(callee.callers) < 256 else 2
        self.store_int(self.frame(callee.return_slot), size, str(call.number))
        self.w(f" br label %{callee.name}.b0")

    def _return(self, b: int, term: ir.Return) -> None:
        value = self.get(term.value)
        for var in self.frames.analysis[self.f].zero_end.get(b, []):
            self.zero(var)
        if not self.f.has_points:
            self.w(f" ret i64 {value}")
            return
        if not self.f.callers:
            self.w(" br label %finished")
            return
        self.w(f" store i64 {value}, ptr %rv")
        self.w(f" br label %{self.f.name}.return")

    def _landing(self, f: ir.Function) -> None:
        """Where calls of `f` come back to."""
        if not f.callers:
            return
        self.w(f"{f.name}.return:")
        size = 1 if len(f.callers) < 256 else 2
        pointer = self.frame(f.return_slot)
        x = self.reg()
        self.w(f" {x} = load i{size * 8}, ptr {pointer}, align 1")
        self.w(f" store i{size * 8} 0, ptr {pointer}, align 1")
        bits = size * 8
        cases = " ".join(
            f"i{bits} {_signed(call.number, bits)}, label %{f.name}.r{call.number}"
            for _, call in f.callers
        )
        finished = f in self.module.entries
        if finished:
            self.w(f" switch i{bits} {x}, label %finished [{cases}]")
        else:
            self.w(f" switch i{bits} {x}, label %blocked [{cases}]")
        for caller, call in f.callers:
            self.w(f"{f.name}.r{call.number}:")
            self.f = caller
            if call.dst is not None:
                v = self.reg()
                self.w(f" {v} = load i64, ptr %rv")
                saved, self.single = self.single, set()
                self.put(call.dst, v)
                self.single = saved
            self.w(f" br label %{caller.name}.b{call.to}")
        self.f = f


def _signed(n: int, bits: int) -> int:
    """An unsigned number as LLVM prefers to read it."""
    return n - (1 << bits) if n >> (bits - 1) else n
