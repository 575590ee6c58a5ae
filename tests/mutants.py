"""Faults put into the compiler on purpose: each has to be noticed by the equality suite.

A mutant replaces one piece of text (the first, and only if it is there) by another.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """name: what is wrong. near: part of the names of cases that are likely to notice."""

    name: str
    file: str
    old: str
    new: str
    near: str = ""


LLVM, FRAMES, LIVE = "compiler/llvm.py", "compiler/frames.py", "compiler/liveness.py"
LOWER, EXPRESSIONS, VALUES = "compiler/lower.py", "compiler/expressions.py", "compiler/values.py"
RECOMPUTE, FRONTEND, LAYOUT = "compiler/recompute.py", "compiler/frontend.py", "lang/structs.py"
STEPS, GUARDS = "compiler/promela_steps.py", "compiler/promela_guards.py"
PLACES, WORDS, PROMELA = "compiler/promela_places.py", "compiler/words.py", "compiler/promela.py"

MUTANTS = [
    # ------------------------------------------------------------------ operations
    Mutant("sub adds", LLVM, '"sub": "sub"', '"sub": "add"', "integers"),
    Mutant(
        "operands swapped",
        LLVM,
        "self.operation(instr.op, self.get(instr.a), self.get(instr.b))",
        "self.operation(instr.op, self.get(instr.b), self.get(instr.a))",
        "integers",
    ),
    Mutant("and is or", LLVM, '"and": "and"', '"and": "or"', "integers"),
    Mutant("logical right shift", LLVM, '"shr": "ashr"', '"shr": "lshr"', "integers-read_wide"),
    Mutant("unsigned less than", LLVM, '"lt": "slt"', '"lt": "ult"', "integers-up+down"),
    Mutant("less or equal", LLVM, '"lt": "slt"', '"lt": "sle"', "control"),
    Mutant(
        "min is max",
        LLVM,
        "{'slt' if op == 'min' else 'sgt'}",
        "{'sgt' if op == 'min' else 'slt'}",
        "integers-negative",
    ),
    Mutant(
        "loads extend no signs",
        LLVM,
        "{'sext' if signed else 'zext'}",
        "{'zext' if signed else 'zext'}",
        "integers-read_bounds",
    ),
    Mutant(
        "loads extend signs always",
        LLVM,
        "{'sext' if signed else 'zext'}",
        "{'sext' if signed else 'sext'}",
        "integers-read_bounds",
    ),
    Mutant(
        "stores are too wide",
        LLVM,
        'self.w(f" store i{size * 8} {value}, ptr {pointer}, align 1")\n\n    def kind',
        'self.w(f" store i{max(size, 2) * 8} " + (value if size > 1 else "0")'
        ' + f", ptr {pointer}, align 1")\n\n    def kind',
        "memory-embed",
    ),
    Mutant(
        "slots lose their upper half",
        LLVM,
        "return found.size, found.signed",
        "return min(found.size, 1), found.signed",
        "integers",
    ),
    Mutant(
        "stored constants have 8 bits",
        LLVM,
        "int(value) & ((1 << bits) - 1)",
        "int(value) & 0xFF",
        "integers-states",
    ),
    # ------------------------------------------------------------------ addresses
    Mutant("references count from 0", LLVM, "base -= stride", "base -= 0", "memory"),
    Mutant(
        "elements ignore their size", LLVM, "if size != 1:", "if size != size:", "memory-numbers"
    ),
    Mutant(
        "stack struct fields overlap",
        FRAMES,
        "position += self.field_size(other)",
        "position += 1",
        "calls-two_structs",
    ),
    Mutant(
        "embedded index without its element",
        EXPRESSIONS,
        'index = self.op("add", self.op("add", scaled, k, I32), constant(1, I32), I32)',
        'index = self.op("add", scaled, constant(1, I32), I32)',
        "memory-embed",
    ),
    Mutant(
        "embedded index without its start",
        EXPRESSIONS,
        'found = self.op("add", index, constant(start, I32), I32) if start else index',
        "found = index",
        "memory-embed",
    ),
    Mutant(
        "pool elements start too late",
        EXPRESSIONS,
        'made = self.op("add", k, constant(start + 1, I32), I32)',
        'made = self.op("add", k, constant(start + 2, I32), I32)',
        "memory",
    ),
    Mutant(
        "statics are the first instance",
        EXPRESSIONS,
        "return Value(self.layout.pool_start[behind.order] + 1, Ref(type(found)))",
        "return Value(1, Ref(type(found)))",
        "memory-embed",
    ),
    Mutant(
        "owner by the wrong stride",
        EXPRESSIONS,
        'index = self.op("floordiv", zero, constant(n, I32), I32) if n > 1 else zero',
        'index = self.op("floordiv", zero, constant(n + 1, I32), I32) if n > 1 else zero',
        "memory-owner",
    ),
    Mutant(
        "index in an array is index in memory",
        EXPRESSIONS,
        'self.op("mod", zero, constant(n, I32), I32) if n > 1',
        'self.op("add", zero, constant(0, I32), I32) if n > 1',
        "memory-owner",
    ),
    # ------------------------------------------------------------------ checks
    Mutant(
        "no overflow checks",
        EXPRESSIONS,
        'self.check(value, kind.lo, kind.hi, node, "overflow"',
        'self.check(value, LOW, HIGH, node, "overflow"',
        "overflow",
    ),
    Mutant(
        "overflow one too late",
        EXPRESSIONS,
        'self.check(value, kind.lo, kind.hi, node, "overflow"',
        'self.check(value, kind.lo, kind.hi + 1, node, "overflow"',
        "overflow",
    ),
    Mutant(
        "negative values are checked as large ones",
        LLVM,
        'self.w(f" {c} = icmp ule i64 {x}, {instr.hi - instr.lo}")',
        'self.w(f" {c} = icmp sle i64 {x}, {instr.hi - instr.lo}")',
        "overflow_down",
    ),
    Mutant(
        "no NULL checks",
        EXPRESSIONS,
        'self.check(value, 1, HIGH, node, "oops", f"NULL pointer dereference: {what}")\n        if',
        "pass\n        if",
        "memory-follow",
    ),
    Mutant(
        "index may equal the size",
        EXPRESSIONS,
        'self.check(k, 0, n - 1, node, "oops", f"index outside {what}[{n}]")',
        'self.check(k, 0, n, node, "oops", f"index outside {what}[{n}]")',
        "memory-reach_out",
    ),
    Mutant(
        "pools without bounds",
        EXPRESSIONS,
        "if k.lo < 0 or k.hi >= n:\n            self.check(\n                k, 0, n - 1",
        "if k.lo < 0 or k.hi >= n:\n            self.check(\n                k, 0, n + 9",
        "memory-reach_out",
    ),
    Mutant(
        "NULL is forgotten after or",
        EXPRESSIONS,
        "self.condition(node.values[-1], yes, no)\n                self.known = entry",
        "self.condition(node.values[-1], yes, no)",
        "expressions-guarded_by_or",
    ),
    Mutant(
        "NULL is forgotten after a chained comparison",
        EXPRESSIONS,
        "        self.known = entry\n\n    def _compare",
        "        pass\n\n    def _compare",
        "expressions-chained_pointer",
    ),
    Mutant(
        "NULL is forgotten after an if",
        LOWER,
        "self.known = set.intersection(*ends) if ends else set()",
        "self.known = set.union(*ends) if ends else set()",
        "memory-early_check",
    ),
    Mutant(
        "a pointer stays known when assigned",
        LOWER,
        "self.known.discard(var)",
        "pass",
        "memory-walk",
    ),
    # ------------------------------------------------------------------ control
    Mutant(
        "and is or in conditions",
        EXPRESSIONS,
        "if isinstance(node.op, ast.And):",
        "if not isinstance(node.op, ast.And):",
        "expressions",
    ),
    Mutant(
        "not is dropped",
        EXPRESSIONS,
        "self.condition(node.operand, no, yes)",
        "self.condition(node.operand, yes, no)",
        "expressions",
    ),
    Mutant(
        "break continues",
        LOWER,
        "self.go(scope.after if isinstance(node, ast.Break) else scope.head)",
        "self.go(scope.head)",
        "control-forever",
    ),
    Mutant(
        "continue breaks",
        LOWER,
        "self.go(scope.after if isinstance(node, ast.Break) else scope.head)",
        "self.go(scope.after)",
        "control-nested",
    ),
    Mutant(
        "continue skips the advance",
        LOWER,
        "scope.head, scope.after = advance, after",
        "scope.head, scope.after = head, after",
        "control-nested",
    ),
    Mutant(
        "break leaves the outer loop",
        LOWER,
        'for scope in reversed(self.scopes):\n            if scope.kind == "loop":',
        'for scope in self.scopes:\n            if scope.kind == "loop":',
        "control-nested",
    ),
    Mutant(
        "descending ranges ascend",
        LOWER,
        '"lt" if step > 0 else "gt"',
        '"lt" if step > 0 else "lt"',
        "control-steps",
    ),
    Mutant(
        "no room for the last value of a loop",
        LOWER,
        "limit.hi - 1 + step",
        "limit.hi",
        "control-large_steps",
    ),
    Mutant(
        "return keeps the inner lock",
        LOWER,
        'for scope in reversed(self.scopes):\n            if scope.kind == "with":',
        'for scope in reversed(self.scopes[:-1]):\n            if scope.kind == "with":',
        "locking-returns_early",
    ),
    Mutant(
        "break keeps the lock",
        LOWER,
        "            self._release(scope, scope.exits[id(node)])\n\n    def _return",
        "            pass\n\n    def _return",
        "locking-leaves",
    ),
    Mutant(
        "result after the release",
        LOWER,
        "self.end(ir.Return(op))",
        "self.end(ir.Return(0))",
        "calls",
    ),
    # ------------------------------------------------------------------ order
    Mutant(
        "augmented: right side first",
        LOWER,
        "        loaded = self.load(target, field, base_node, k_node)\n"
        "        right = self.integer(node.value)\n",
        "        right = self.integer(node.value)\n"
        "        loaded = self.load(target, field, base_node, k_node)\n",
        "expressions-augmented_calls",
    ),
    Mutant(
        "binary: right side first",
        EXPRESSIONS,
        "left = self.value(node.left)\n        if isinstance(left.type, Ref) and op",
        "self.value(node.right)\n        left = self.value(node.left)\n"
        "        if isinstance(left.type, Ref) and op",
        "expressions-reads_in_order",
    ),
    Mutant(
        "address before the value",
        LOWER,
        "        value = self.value(node.value)\n        self._assign_to(target, value)",
        "        if isinstance(target, ast.Attribute) and not self.pure(target.value):\n"
        "            self.value(target.value)\n"
        "        value = self.value(node.value)\n        self._assign_to(target, value)",
        "expressions-value_before_target",
    ),
    Mutant(
        "struct fields read again after calls",
        RECOMPUTE,
        "if not _unchanged(f, *recipes[var], b):",
        "if False:",
        "refusals",
    ),
    # ------------------------------------------------------------------ points
    Mutant(
        "no point before reads",
        EXPRESSIONS,
        'self.point(node, "read", str(field), "visible" if visible else "invisible", held)',
        "pass",
        "counters-racy",
    ),
    Mutant(
        "no point before writes",
        EXPRESSIONS,
        'self.point(node, "write", str(field), "visible" if visible else "invisible")',
        "pass",
        "counters-racy",
    ),
    Mutant(
        "atomic functions are not atomic",
        LOWER,
        "atomic = self.atomic or (isinstance(callee, KernelFunction) and callee.atomic)",
        "atomic = self.atomic",
        "counters-atomic",
    ),
    Mutant(
        "guards are ignored",
        LLVM,
        'self.w(f" br i1 {c}, label %{ok}, label %{no}")\n        self.w(f"{no}:")\n        if',
        'self.w(f" br i1 true, label %{ok}, label %{no}")\n        self.w(f"{no}:")\n        if',
        "counters-locked",
    ),
    Mutant(
        "guards are inverted",
        LLVM,
        'self.w(f" br i1 {c}, label %{ok}, label %{no}")\n        self.w(f"{no}:")\n        if',
        'self.w(f" br i1 {c}, label %{no}, label %{ok}")\n        self.w(f"{no}:")\n        if',
        "counters-locked",
    ),
    Mutant(
        "the guard of the newest text",
        LOWER,
        "guards = [(mask, self.front.guard_of(text)) for mask, text in cases]",
        "guards = [(mask, self.front.guard_of(callee.fn)) for mask, text in cases]",
        "kernels-takes",
    ),
    Mutant("one alternative too few", LLVM, "add i64 %choice, 1", "add i64 %choice, 2", "choose"),
    Mutant("one alternative too many", LLVM, "add i64 %choice, 1", "add i64 %choice, 0", "choose"),
    Mutant(
        "a violation ends the alternatives",
        LLVM,
        '" %so_far = load i32, ptr %rc",',
        'f" %so_far = add i32 0, {STEPPED}",',
        "control-chooses_a_bug",
    ),
    # ------------------------------------------------------------------ frames
    Mutant(
        "frames overlap their callers",
        FRAMES,
        "start[callee] = max(start[callee], position)",
        "start[callee] = max(start[callee], start[f] + 1)",
        "calls-live_across",
    ),
    Mutant(
        "frames after the first caller only",
        FRAMES,
        "start[callee] = max(start[callee], position)",
        "start[callee] = position if start[callee] == self.header else start[callee]",
        "calls-deep",
    ),
    Mutant(
        "no zeroing at points",
        LLVM,
        "self.zero_groups(self.frames.analysis[self.f].zero_at[point])",
        "pass",
        "calls",
    ),
    Mutant(
        "no zeroing before calls",
        LLVM,
        "self.zero_groups(self.frames.analysis[self.f].zero_before[call])",
        "pass",
        "calls",
    ),
    Mutant(
        "no zeroing on return",
        LLVM,
        "for var in self.frames.analysis[self.f].zero_end.get(b, []):",
        "for var in self.frames.analysis[self.f].zero_end.get(-1, []):",
        "calls",
    ),
    Mutant(
        "the place of the return stays",
        LLVM,
        'self.w(f" store i{size * 8} 0, ptr {pointer}, align 1")\n        bits',
        "bits",
        "calls",
    ),
    Mutant(
        "returns to the first caller",
        LLVM,
        "self.store_int(self.frame(callee.return_slot), size, str(call.number))",
        'self.store_int(self.frame(callee.return_slot), size, "1")',
        "calls-several_calls",
    ),
    Mutant(
        "results go nowhere",
        LLVM,
        'self.w(f" store i64 {value}, ptr %rv")',
        'self.w(" store i64 0, ptr %rv")',
        "calls",
    ),
    Mutant(
        "structs passed down are zeroed",
        FRAMES,
        "return live | bits_of(stack_args(call))",
        "return live",
        "calls-passes_down",
    ),
    Mutant(
        "new structs keep old values",
        LLVM,
        "case ir.NewStruct():\n                self.zero(instr.var)",
        "case ir.NewStruct():\n                pass",
        "calls-made_in_loop",
    ),
    Mutant(
        "failed tasks keep their locals",
        LLVM,
        "i64 {self.frames.size}, i1 false)",
        "i64 4, i1 false)",
        "expressions-fails_in_caller",
    ),
    Mutant(
        "failed calls go on",
        LLVM,
        "        if instr.function.can_fail:\n            self._unless_failed()",
        "        if False:\n            self._unless_failed()",
        "expressions-checks",
    ),
    Mutant(
        "failed tasks are finished",
        LLVM,
        "                if f.can_fail:\n                    self._unless_failed()",
        "                if False:\n                    self._unless_failed()",
        "fails_at_once",
    ),
    Mutant(
        "one way to a value is enough",
        FRONTEND,
        "refuse_unassigned(made, len(self.kernels))",
        "pass",
        "refusals",
    ),
    # ------------------------------------------------------------------ locks
    Mutant(
        "the bit of the next lock",
        LLVM,
        "bit = first + int(ref) - 1",
        "bit = first + int(ref)",
        "locking",
    ),
    Mutant(
        "bits of locks by reference",
        LLVM,
        'self.w(f" {b} = add i64 {ref}, {first - 1}")',
        'self.w(f" {b} = add i64 {ref}, {first}")',
        "locking",
    ),
    Mutant(
        "shared locks are exclusive ones",
        LLVM,
        "tables = [self.frames.lock_bit] + ([self.frames.shared_bit] if shared else [])",
        "tables = [self.frames.lock_bit, self.frames.shared_bit]",
        "locking-writes_as_reader",
    ),
    Mutant(
        "released locks stay held",
        LLVM,
        'self.w(f" {x} = xor i64 {byte}, {mask}")',
        'self.w(f" {x} = or i64 {byte}, {mask}")',
        "locking",
    ),
    Mutant(
        "locks may be taken twice",
        LLVM,
        "held = self._holds(instr.cls, ref, shared=True)",
        "held = self._holds(instr.cls, ref, shared=False)",
        "locking-takes_twice",
    ),
    Mutant(
        "ended tasks keep their locks",
        LLVM,
        "            *self._forget_locks(),\n",
        "",
        "locking-ends_with_lock",
    ),
    Mutant(
        "no race checks on reads",
        EXPRESSIONS,
        'if field.discipline.kind == "guarded" and not self.unchecked:\n'
        "            self._race_check(node, field, base, shared=True)",
        'if field.discipline.kind == "never" and not self.unchecked:\n'
        "            self._race_check(node, field, base, shared=True)",
        "locking-reads_without_lock",
    ),
    Mutant(
        "any lock of the type will do",
        EXPRESSIONS,
        "self.emit(ir.Holds(result, cls, ref.op, shared))",
        "self.emit(ir.Holds(result, cls, 1, shared))",
        "locking-wrong_object",
    ),
    Mutant(
        "readers may write",
        EXPRESSIONS,
        "            self._race_check(node, field, base, shared=False)",
        "            self._race_check(node, field, base, shared=True)",
        "locking-writes_as_reader",
    ),
    # ------------------------------------------------------------------ merging
    Mutant(
        "merged: two locks in one step",
        LLVM,
        '"eq i64 {}, 2" if point.mover == "visible" else "ne i64 {}, 0"',
        '"eq i64 {}, 2" if point.mover in ("visible", "acquire") else "ne i64 {}, 0"',
        "roles-crosses",
    ),
    Mutant(
        "merged: two visible accesses",
        LLVM,
        'late = "eq i64 {}, 2"',
        'late = "eq i64 {}, 3"',
        "counters-racy",
    ),
    Mutant(
        "merged: releases are invisible",
        LLVM,
        'if not point.guarded and point.mover != "invisible":',
        'if not point.guarded and point.mover not in ("invisible", "release"):',
        "counters-with_add",
    ),
    Mutant(
        "merged: a choice is visible",
        LLVM,
        "{1 if mover in ('acquire', 'choose') else 2}",
        "{1 if mover == 'acquire' else 2}",
        "control-chooses",
    ),
    Mutant(
        "merged: blocked in the middle",
        LLVM,
        'self.w(f" br i1 {first}, label %blocked, label %{stop}")',
        'self.w(f" br i1 true, label %blocked, label %{stop}")',
        "control-waits",
    ),
    Mutant(
        "merged: locked reads are seen",
        EXPRESSIONS,
        'held = self._held(node, field, base, shared=True)\n            self.point(node, "read"',
        'held = None\n            self.point(node, "read"',
        "locking-reads_seen",
    ),
    Mutant(
        "merged: counters are seen",
        LOWER,
        "mover = movers.pop()",
        'mover = movers.pop().replace("invisible", "visible")',
        "roles-counts",
    ),
    Mutant(
        "merged: dead slots stay",
        FRAMES,
        "dirty = (dirty | live_in[term.to] & slots) if merged else live_in[term.to] & slots",
        "dirty = live_in[term.to] & slots",
        "locking-leaves_loop",
    ),
    # ------------------------------------------------------------------ kernels
    Mutant(
        "features are inverted",
        LLVM,
        'self.w(f" {c} = icmp ne i64 {x}, 0")\n        self.w(f" br i1 {c}, label %{yes}',
        'self.w(f" {c} = icmp eq i64 {x}, 0")\n        self.w(f" br i1 {c}, label %{yes}',
        "kernels",
    ),
    Mutant(
        "features of one kernel only",
        FRONTEND,
        "return sum(1 << k for k, view in enumerate(self.kernels) if change in view.changes)",
        "return sum(1 << k for k, v in enumerate(self.kernels[:1]) if change in v.changes)",
        "kernels",
    ),
    Mutant(
        "the oldest text comes last",
        LOWER,
        "for change, text in reversed(callee.older):",
        "for change, text in callee.older:",
        "kernels-counts",
    ),
    Mutant(
        "the first of the newer texts wins",
        LOWER,
        "for change, text in reversed(callee.newer):",
        "for change, text in callee.newer:",
        "kernels-drops",
    ),
    Mutant(
        "frames are laid out for default sizes",
        "compiler/system.py",
        "with reading(config):\n            self.frames",
        "with reading(Config()):\n            self.frames",
        "sizes",
    ),
    Mutant(
        "kernels share their liveness",
        LIVE,
        "return (term.yes if term.mask & kernel_bit else term.no,)",
        "return (term.yes,)",
        "kernels-branches",
    ),
    Mutant(
        "assertions stay in",
        LOWER,
        "            self.end(ir.Feature(asserting, check, ok))",
        "            self.go(check)",
        "kernels-asserts",
    ),
    # ------------------------------------------------------------------ Promela
    Mutant(
        "promela: points do not zero",
        STEPS,
        "self._zero_groups(self.analysis[f].zero_at[point])",
        "pass",
        "spin",
    ),
    Mutant(
        "promela: calls do not zero",
        STEPS,
        "self._zero_groups(self.analysis[use.f].zero_before[call])",
        "pass",
        "spin",
    ),
    Mutant(
        "promela: one place to return to",
        STEPS,
        "self._set(self.places.return_to(callee).text, str(call.number))",
        'self._set(self.places.return_to(callee).text, "1")',
        "spin",
    ),
    Mutant(
        "promela: failed tasks keep their locals",
        PROMELA,
        "names = locks if line == FORGET_LOCKS else locks + rest",
        "names = locks",
        "spin",
    ),
    Mutant(
        "promela: nothing blocks",
        GUARDS,
        'BLOCKED, ONE = Ways("0", 0), Ways("1", 1)',
        'BLOCKED, ONE = Ways("1", 1), Ways("1", 1)',
        "spin",
    ),
    Mutant(
        "promela: one alternative too many",
        GUARDS,
        "return Ways(str(n), n)",
        "return Ways(str(n + 1), n + 1)",
        "spin",
    ),
    Mutant(
        "promela: merged steps take two locks",
        STEPS,
        'test = "phase == 2" if point.mover == "visible" else "phase != 0"',
        'test = "phase == 2"',
        "spin",
    ),
    Mutant(
        "promela: values read too late",
        STEPS,
        "if array in word.reads:",
        "if array in word.reads and not array:",
        "spin",
    ),
    Mutant(
        "promela: elements without their index",
        PLACES,
        'text = f"{first.text} * {n}" + (f" + {k.text}" if k.known != 0 else "")',
        'text = f"{first.text} * {n}"',
        "spin",
    ),
    Mutant(
        "promela: a u32 is compared as signed",
        WORDS,
        'return f"({a.text} ^ {_MIN_TEXT})"',
        "return a.text",
        "words",
    ),
    Mutant(
        "promela: sums are not checked",
        WORDS,
        "        if b.lo >= 0:\n            self._must_fit(up)",
        "        if b.lo >= 0:\n            pass",
        "words",
    ),
    Mutant(
        "promela: shifts of a u32 keep the sign",
        WORDS,
        'return f"({a.text} >> {b.known}) & {mask}" if b.known else a.text',
        'return f"({a.text} >> {b.known})"',
        "words",
    ),
    Mutant(
        "promela: wide masks are cut off",
        WORDS,
        "                if other.lo < 0:",
        "                if False:",
        "words",
    ),
]
