"""Lowering of expressions: constants, accesses to memory, operators and conditions."""

from __future__ import annotations

import ast
import enum
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from mmspec.compiler import ir
from mmspec.compiler.errors import CompileError, span_of
from mmspec.compiler.values import (
    HIGH,
    LOW,
    ArrayValue,
    Null,
    Value,
    bounds,
    constant,
)
from mmspec.lang import context, primitives
from mmspec.lang.context import Param
from mmspec.lang.ints import BOOL, I32, U16, IntType, smallest
from mmspec.lang.primitives import KernelFunction
from mmspec.lang.program import text_of
from mmspec.lang.source import nodes_of
from mmspec.lang.structs import (
    ArrayOf,
    Embed,
    Field,
    Fn,
    Pool,
    Ref,
    StackRef,
    Struct,
    Type,
    static_pool,
)

if TYPE_CHECKING:
    from mmspec.compiler.frontend import Frontend

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "shr",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Is: "eq",
    ast.IsNot: "ne",
}
_MISSING = object()


class ExpressionLowering:
    """State of lowering one function, and everything about expressions."""

    def __init__(
        self, frontend: Frontend, function: ir.Function, hints: dict[str, Type], unchecked: bool
    ) -> None:
        self.front = frontend
        self.layout = frontend.layout
        self.f = function
        self.text = function.text
        self.file = function.text.__code__.co_filename
        self.globals = function.text.__globals__
        self.hints = hints
        self.atomic = function.atomic
        self.unchecked = unchecked
        self.locals: dict[str, ir.Var] = {}
        self.narrowed: dict[ir.Var, tuple[int, int]] = {}  # loop variables, in their loop
        self.silent = False
        self.testing = False
        self.known: set[ir.Var] = set()
        self.here: ast.AST = ast.Constant(0)
        self.cur: int | None = self.f.new_block()

    # ------------------------------------------------------------------ building

    def refuse(self, node: ast.AST, problem: str, instead: str = "") -> NoReturn:
        """Stop: this is not part of the language."""
        raise CompileError(span_of(node, self.file), problem, instead)

    def emit(self, instr: ir.Instr) -> None:
        """Append an instruction where control is; nothing if it cannot get here."""
        if self.cur is not None:
            self.f.blocks[self.cur].instrs.append(instr)

    def end(self, term: ir.Terminator) -> None:
        """Close the current block."""
        if self.cur is not None:
            self.f.blocks[self.cur].term = term
            self.cur = None

    def go(self, block: int) -> None:
        """Close the current block with a jump."""
        self.end(ir.Jump(block))

    def at(self, block: int) -> None:
        """Continue in `block`."""
        self.cur = block

    def temp(self, kind: Type, name: str = "") -> ir.Var:
        """A new intermediate variable."""
        made = ir.Var(name or f"t{len(self.f.vars)}", kind, len(self.f.vars), temp=True)
        made.made_at = span_of(self.here, self.file)
        self.f.vars.append(made)
        return made

    def fault(self, node: ast.AST, kind: str, text: str) -> ir.Fault:
        """A way to fail at `node`; one for all of a kind on a line, which CPython cannot part."""
        self.f.can_fail = True
        span = span_of(node, self.file)
        for known in self.f.faults:
            if known.kind == kind and known.span.line == span.line:
                return known
        made = ir.Fault(self.f, span, kind, text)
        self.f.faults.append(made)
        return made

    def check(self, value: Value, lo: int, hi: int, node: ast.AST, kind: str, text: str) -> None:
        """Fail at run time unless the value is within bounds."""
        if not self.silent:
            self.emit(ir.Check(value.op, lo, hi, self.fault(node, kind, text)))

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Compute the same again: no checks."""
        before, self.silent = self.silent, True
        try:
            yield
        finally:
            self.silent = before

    def op(self, op: str, a: Value, b: Value, kind: Type) -> Value:
        """Emit an operation on in-range values."""
        if isinstance(a.op, int) and isinstance(b.op, int):
            known = _evaluate(op, a.op, b.op)
            return Value(known, kind, known, known)
        lo, hi = bounds(op, (a.lo, a.hi), (b.lo, b.hi))
        dst = self.temp(kind)
        self.emit(ir.Op(dst, op, a.op, b.op))
        return Value(dst, kind, lo, hi)

    # ------------------------------------------------------------------ constants

    def named(self, node: ast.expr) -> Any:
        """The Python object a global name or `module.name` stands for; `_MISSING` if none."""
        if isinstance(node, ast.Name):
            if node.id in self.locals or node.id in self.text.__code__.co_varnames:
                return _MISSING
            if node.id in self.globals:
                return self.globals[node.id]
            builtins = self.globals["__builtins__"]
            table = builtins if isinstance(builtins, dict) else vars(builtins)
            return table.get(node.id, _MISSING)
        if isinstance(node, ast.Attribute):
            base = self.named(node.value)
            if isinstance(base, type) and issubclass(base, enum.Enum):
                return getattr(base, node.attr, _MISSING)
        return _MISSING

    def fold(self, node: ast.expr) -> int | bool | None:
        """The value of a constant expression; None if it is not one."""
        match node:
            case ast.Constant(value=bool() | int()):
                return typing.cast(int, node.value)
            case ast.Name() | ast.Attribute():
                found = self.named(node)
                if isinstance(found, Param):
                    return int(found)
                return found if isinstance(found, int) else None
            case ast.UnaryOp():
                a = self.fold(node.operand)
                if a is None:
                    return None
                if isinstance(node.op, ast.Not):
                    return not a
                return -a if isinstance(node.op, ast.USub) else ~a
            case ast.BinOp():
                a, b = self.fold(node.left), self.fold(node.right)
                if a is None or b is None or type(node.op) not in _BINARY:
                    return None
                try:
                    return _evaluate(_BINARY[type(node.op)], a, b)
                except (ZeroDivisionError, ValueError, OverflowError):
                    self.refuse(node, "this constant cannot be computed", "change its operands")
            case ast.Compare(ops=[op], comparators=[right]):
                a, b = self.fold(node.left), self.fold(right)
                if a is None or b is None or type(op) not in _COMPARE:
                    return None
                return bool(_evaluate(_COMPARE[type(op)], a, b))
            case ast.Call(func=ast.Name(id="bool" | "int" as name), args=[arg], keywords=[]):
                a = self.fold(arg)
                return None if a is None else (bool(a) if name == "bool" else int(a))
            case ast.Call(func=ast.Name(id="len"), args=[arg], keywords=[]):
                found = self.named(arg)
                return len(found) if isinstance(found, Pool) else None
            case ast.Call(func=ast.Name(), args=[arg], keywords=[]):
                if self.named(node.func) is context.has:
                    mask = self.feature(arg)
                    return None if 0 < mask < self.front.all else mask != 0
            case ast.Call(func=ast.Name(), args=[], keywords=[]):
                if self.named(node.func) is context.asserting:
                    mask = self.front.asserting
                    return None if 0 < mask < self.front.all else mask != 0
        return None

    def feature(self, arg: ast.expr) -> int:
        """Kernels, as bits, that have the change named by `arg`."""
        found = self.named(arg)
        if found is _MISSING:
            self.refuse(arg, "has() takes a change by its name", "import it from mmspec.kernels")
        return self.front.mask(found)

    # ------------------------------------------------------------------ types

    def static_type(self, node: ast.expr) -> Type | Null | ArrayValue | None:
        """The type an expression will have, without lowering it."""
        match node:
            case ast.Name():
                if node.id in self.locals:
                    return self.locals[node.id].type
                found = self.named(node)
                if static_pool(found) is not None:
                    return Ref(type(found))
                if found is None:
                    return Null()
            case ast.Constant(value=None):
                return Null()
            case ast.Attribute():
                field = self.field_of(node)
                if field is not None:
                    if isinstance(field.type, ArrayOf):
                        return ArrayValue(field.type)
                    return Ref(field.type.cls) if isinstance(field.type, Embed) else field.type
            case ast.Subscript():
                if isinstance(self.named(node.value), Pool):
                    return Ref(self.named(node.value).cls)
                base = self.static_type(node.value)
                if isinstance(base, ArrayValue):
                    elem = base.array.elem
                    return Ref(elem.cls) if isinstance(elem, Embed) else elem
            case ast.BinOp(op=ast.Add()):
                left = self.static_type(node.left)
                return left if isinstance(left, Ref) else I32
            case ast.IfExp():
                left = self.static_type(node.body)
                return self.static_type(node.orelse) if isinstance(left, Null) else left
            case ast.Call():
                callee = self.named(node.func)
                if callee is primitives.owner_of:
                    return self._owner_type(node)
                if isinstance(callee, KernelFunction | FunctionType) and callee not in _BUILTINS:
                    return self.front.signature(text_of(callee)).returns
        return I32

    def field_of(self, node: ast.Attribute) -> Field | None:
        """The field an attribute names, if its base is a struct."""
        base = self.static_type(node.value)
        if not isinstance(base, Ref | StackRef):
            return None
        if base.cls is Struct:
            self.refuse(node.value, "this is NULL, always", "point it to a struct first")
        found = base.cls.fields().get(node.attr)
        if found is None:
            names = ", ".join(base.cls.fields())
            self.refuse(node, f"{base} has no field `{node.attr}`", f"it has {names}")
        if isinstance(base, Ref):
            self.layout.add(base.cls)
        return found

    def pure(self, node: ast.expr) -> bool:
        """Whether evaluating it again gives the same and touches no shared memory."""
        if self.fold(node) is not None:
            return True
        match node:
            case ast.Name() | ast.Constant():
                return True
            case ast.Attribute():
                field = self.field_of(node)
                if field is None:
                    return False
                if isinstance(self.static_type(node.value), StackRef):
                    return False
                return (field.is_embedded or isinstance(field.type, ArrayOf)) and self.pure(
                    node.value
                )
            case ast.Subscript():
                if isinstance(self.named(node.value), Pool):
                    return self.pure(node.slice)
                base = self.static_type(node.value)
                return (
                    isinstance(base, ArrayValue)
                    and isinstance(base.array.elem, Embed)
                    and self.pure(node.value)
                    and self.pure(node.slice)
                )
            case ast.BinOp():
                return self.pure(node.left) and self.pure(node.right)
            case ast.UnaryOp():
                return self.pure(node.operand)
            case ast.Call():
                callee = self.named(node.func)
                if callee in (primitives.index_of, primitives.owner_of, primitives.this_task):
                    return all(self.pure(arg) for arg in node.args[:1])
                if isinstance(callee, FunctionType) or (
                    isinstance(callee, KernelFunction)
                    and not callee.atomic
                    and len(callee.texts()) == 1
                ):
                    target = self.front.lower(text_of(callee), self.atomic, self.unchecked)
                    return target.pure and all(self.pure(arg) for arg in node.args)
        return False

    # ------------------------------------------------------------------ values

    def value(self, node: ast.expr) -> Value:
        """Lower an expression to a value."""
        before, self.here = self.here, node
        try:
            return self._value(node)
        finally:
            self.here = before

    def _value(self, node: ast.expr) -> Value:
        known = self.fold(node)
        if known is not None:
            kind = BOOL if isinstance(known, bool) else self._int_type(node, known)
            return constant(int(known), kind)
        match node:
            case ast.Constant(value=None):
                return Value(0, Null())
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp(op=ast.Not()) | ast.BoolOp() | ast.Compare():
                return self.truth(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.IfExp():
                return self._conditional(node)
            case ast.Call(func=ast.Name()) if self.named(node.func) in _FEATURES:
                return self.truth(node)
            case ast.Call():
                return self.call(node)
        self.refuse(
            node,
            f"{_describe(node)} is not part of the specification language",
            _instead_of(node),
        )

    def integer(self, node: ast.expr) -> Value:
        """Lower an expression that must be an integer."""
        found = self.value(node)
        if not found.is_int:
            self.refuse(
                node,
                f"an integer is needed here, this is {found.type}",
                "pointers are only compared, followed and passed on",
            )
        return found

    def _int_type(self, node: ast.expr, known: int) -> IntType:
        kind = smallest(known, known)
        if kind is None:
            self.refuse(node, f"{known} does not fit 64 bits", "use a smaller constant")
        return I32 if kind.size < 4 else kind

    def _name(self, node: ast.Name) -> Value:
        var = self.locals.get(node.id)
        if var is not None:
            return self.of_var(var)
        found = self.named(node)
        if found is None and node.id in self.globals:
            return Value(0, Null())
        behind = static_pool(found)
        if behind is not None:
            return Value(self.layout.pool_start[behind.order] + 1, Ref(type(found)))
        if isinstance(found, KernelFunction | FunctionType) and found in self.front.addressed:
            return Value(self.front.addressed[found], Fn())
        if found is _MISSING:
            if any(
                isinstance(n, ast.Name) and n.id == node.id and isinstance(n.ctx, ast.Store)
                for n in nodes_of(self.node)
            ):
                self.refuse(
                    node, f"`{node.id}` is used before it is assigned", "assign it on every path"
                )
            self.refuse(node, f"`{node.id}` is not defined", "assign it, or import it")
        self.refuse(
            node,
            f"`{node.id}` ({type(found).__name__}) is not a value of the language",
            "values are integers, flags, pointers and functions",
        )

    node: ast.FunctionDef

    def of_var(self, var: ir.Var) -> Value:
        """A variable as a value."""
        if isinstance(var.type, IntType):
            lo, hi = self.narrowed.get(var, (var.type.lo, var.type.hi))
            return Value(var, var.type, lo, hi)
        return Value(var, var.type)

    def nonnull(self, value: Value, node: ast.AST, what: str) -> None:
        """Fail at run time if a pointer is NULL."""
        if isinstance(value.op, int):
            if value.op == 0 and not self.silent:
                self.check(value, 1, HIGH, node, "oops", f"NULL pointer dereference: {what}")
            return
        if value.op in self.known or value.op.stack is not None:
            return
        self.check(value, 1, HIGH, node, "oops", f"NULL pointer dereference: {what}")
        if not self.silent:
            self.known.add(value.op)

    def element(self, field: Field, base: Value, k: Value) -> Value:
        """The struct that is element `k` of an embedding field of `base`."""
        assert isinstance(field.elem, Embed)
        n, start = field.count, self.layout.start[field]
        index = base
        if n != 1:
            zero = self.op("sub", base, constant(1, I32), I32)
            scaled = self.op("mul", zero, constant(n, I32), I32)
            index = self.op("add", self.op("add", scaled, k, I32), constant(1, I32), I32)
        found = self.op("add", index, constant(start, I32), I32) if start else index
        if isinstance(found.op, ir.Var) and found.op.temp:
            found.op.type = Ref(field.elem.cls)
            self.known.add(found.op)
        return Value(found.op, Ref(field.elem.cls))

    def _attribute(self, node: ast.Attribute) -> Value:
        field = self.field_of(node)
        if field is None:
            self.refuse(node, f"`{ast.unparse(node.value)}` is not a struct", "it has no fields")
        if isinstance(self.static_type(node.value), StackRef):
            base = self.value(node.value)
            if isinstance(field.type, ArrayOf):
                return Value(base.op, ArrayValue(field.type), field=field)
            return self.load_frame(field, *self.frame_address(node, field, node.value, None))
        if field.is_embedded and not isinstance(field.type, ArrayOf):
            base = self.value(node.value)
            self.nonnull(base, node, node.attr)
            return self.element(field, base, constant(0, I32))
        if isinstance(field.type, ArrayOf):
            base = self.value(node.value)
            self.nonnull(base, node, node.attr)
            return Value(base.op, ArrayValue(field.type), field=field)
        return self.load(node, field, node.value, None)

    def _subscript(self, node: ast.Subscript) -> Value:
        found = self.named(node.value)
        if isinstance(found, Pool):
            return self._pool_element(node, found)
        base_type = self.static_type(node.value)
        if not isinstance(base_type, ArrayValue) or not isinstance(node.value, ast.Attribute):
            self.refuse(
                node,
                f"`{ast.unparse(node.value)}` is not an array",
                "only array fields and pools have elements",
            )
        field = self.field_of(node.value)
        assert field is not None
        if isinstance(self.static_type(node.value.value), StackRef):
            at = self.frame_address(node, field, node.value.value, node.slice)
            return self.load_frame(field, *at)
        if isinstance(field.elem, Embed):
            base = self.value(node.value)
            k = self.integer(node.slice)
            self.inside(k, field.count, node, str(field))
            return self.element(field, base, k)
        return self.load(node, field, node.value.value, node.slice)

    def inside(self, k: Value, n: int, node: ast.AST, what: str) -> None:
        """Fail at run time unless 0 <= k < n."""
        if k.lo < 0 or k.hi >= n:
            self.check(k, 0, n - 1, node, "oops", f"index outside {what}[{n}]")

    def _pool_element(self, node: ast.Subscript, found: Pool[Any]) -> Value:
        k = self.integer(node.slice)
        n = len(found)
        if k.lo < 0 or k.hi >= n:
            self.check(
                k, 0, n - 1, node, "oops", f"index outside the pool of {n} {found.cls.__name__}"
            )
        start = self.layout.pool_start[found.order]
        made = self.op("add", k, constant(start + 1, I32), I32)
        if isinstance(made.op, ir.Var) and made.op.temp:
            made.op.type = Ref(found.cls)
            self.known.add(made.op)
        return Value(made.op, Ref(found.cls))

    def _binary(self, node: ast.BinOp) -> Value:
        op = _BINARY.get(type(node.op))
        if op is None:
            self.refuse(
                node,
                f"operator in `{ast.unparse(node)}` is not part of the language",
                "there are + - * // % & | ^ << >>",
            )
        left = self.value(node.left)
        if isinstance(left.type, Ref) and op == "add":
            return self._neighbour(node, left)
        right = self.integer(node.right)
        if not left.is_int:
            self.refuse(
                node.left,
                f"an integer is needed here, this is {left.type}",
                "of arithmetic, pointers have `page + n`",
            )
        return self.arithmetic(node, op, left, right)

    def arithmetic(self, node: ast.AST, op: str, left: Value, right: Value) -> Value:
        """An operation whose result must fit 64 bits."""
        if op in ("floordiv", "mod") and (left.lo < 0 or right.lo <= 0):
            self.refuse(
                node,
                "division of a possibly negative number, or by a possibly non-positive one",
                "Python and C round differently: use non-negative types",
            )
        if op in ("shl", "shr") and right.lo < 0:
            self.refuse(node, "shift by a possibly negative number", "use a non-negative type")
        if op == "shl" and right.hi > 63:
            self.refuse(node, "shift by a possibly too large number", "bound it first")
        if op == "shr" and right.hi > 63:
            right = self.op("min", right, constant(63, I32), U16)  # no bit is left by then
        lo, hi = bounds(op, (left.lo, left.hi), (right.lo, right.hi))
        if lo < LOW or hi > HIGH:
            self.refuse(node, "this may exceed 64 bits", "give an operand a narrower type")
        kind = smallest(lo, hi)
        assert kind is not None
        return self.op(op, left, right, kind)

    def _neighbour(self, node: ast.BinOp, left: Value) -> Value:
        assert isinstance(left.type, Ref)
        right = self.integer(node.right)
        self.nonnull(left, node, "pointer arithmetic")
        made = self.op("add", left, right, left.type)
        self.layout.add(left.type.cls)
        count = self.layout.count[left.type.cls]
        self.check(made, 1, count, node, "oops", f"pointer outside the {count} {left.type}")
        if isinstance(made.op, ir.Var):
            self.known.add(made.op)
        return Value(made.op, left.type)

    def _unary(self, node: ast.UnaryOp) -> Value:
        a = self.integer(node.operand)
        if isinstance(node.op, ast.USub):
            return self.arithmetic(node, "sub", constant(0, I32), a)
        if isinstance(node.op, ast.Invert):
            return self.arithmetic(node, "xor", a, constant(-1, I32))
        return a

    def _conditional(self, node: ast.IfExp) -> Value:
        yes, no, after = self.f.new_block(), self.f.new_block(), self.f.new_block()
        self.condition(node.test, yes, no)
        known = set(self.known)
        self.at(yes)
        left = self.value(node.body)
        result = self.temp(I32)
        self.emit(ir.Move(result, left.op))
        self.go(after)
        self.known = set(known)
        self.at(no)
        right = self.value(node.orelse)
        self.emit(ir.Move(result, right.op))
        self.go(after)
        self.known = known
        self.at(after)
        if left.is_int and right.is_int:
            lo, hi = min(left.lo, right.lo), max(left.hi, right.hi)
            kind = BOOL if left.type == right.type == BOOL else smallest(lo, hi)
            assert kind is not None
            result.type = kind
            return Value(result, kind, lo, hi)
        self.no_alias(node.body, left)
        self.no_alias(node.orelse, right)
        pointer = right.type if isinstance(left.type, Null) else left.type
        if isinstance(pointer, Null | ArrayValue | IntType) or pointer is None:
            self.refuse(node, "the two sides have different types", "use an if statement")
        if not (left.fits(pointer) and right.fits(pointer)):
            self.refuse(
                node,
                f"the two sides have different types: {left.type} and {right.type}",
                "use an if statement",
            )
        result.type = pointer
        return Value(result, pointer)

    # ------------------------------------------------------------------ conditions

    def truth(self, node: ast.expr) -> Value:
        """A condition as a truth value."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._compare(node, node.left, node.ops[0], node.comparators[0])
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                if not self._is_truth(part):
                    self.refuse(
                        part,
                        "`and` and `or` give one of their operands, which is no truth value here",
                        "use bool(...) or a comparison",
                    )
        yes, no, after = self.f.new_block(), self.f.new_block(), self.f.new_block()
        result = self.temp(BOOL)
        self.condition(node, yes, no)
        known = set(self.known)
        for block, outcome in ((yes, 1), (no, 0)):
            self.at(block)
            self.emit(ir.Move(result, outcome))
            self.go(after)
        self.known = known
        self.at(after)
        return Value(result, BOOL, 0, 1)

    def _is_truth(self, node: ast.expr) -> bool:
        match node:
            case ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return True
            case ast.BoolOp():
                return all(self._is_truth(part) for part in node.values)
            case ast.Call():
                callee = self.named(node.func)
                if callee in (bool, context.has, context.asserting, primitives.holds):
                    return True
        return self.static_type(node) == BOOL or isinstance(self.fold(node), bool)

    def condition(self, node: ast.expr, yes: int, no: int) -> None:
        """Branch on an expression."""
        known = self.fold(node)
        if known is not None:
            self.go(yes if known else no)
            return
        match node:
            case ast.BoolOp():
                entry = set(self.known)
                for part in node.values[:-1]:
                    rest = self.f.new_block()
                    if isinstance(node.op, ast.And):
                        self.condition(part, rest, no)
                    else:
                        self.condition(part, yes, rest)
                    self.at(rest)
                self.condition(node.values[-1], yes, no)
                self.known = entry
            case ast.UnaryOp(op=ast.Not()):
                self.condition(node.operand, no, yes)
            case ast.Compare() if len(node.ops) > 1:
                self._chained(node, yes, no)
            case ast.Call(func=ast.Name()) if self.named(node.func) in _FEATURES:
                asserts = self.named(node.func) is context.asserting
                mask = self.front.asserting if asserts else self.feature(node.args[0])
                self.f.masks.add(mask)
                self.end(ir.Feature(mask, yes, no))
            case ast.Call(func=ast.Name(id="bool"), args=[arg], keywords=[]) if (
                self.named(node.func) is bool
            ):
                self.condition(arg, yes, no)
            case _:
                found = self.value(node)
                if not (found.is_int or found.is_pointer):
                    self.refuse(node, f"{found.type} is neither true nor false", "compare it")
                self.end(ir.Branch(found.op, yes, no))

    def _chained(self, node: ast.Compare, yes: int, no: int) -> None:
        left: ast.expr = node.left
        entry: set[ir.Var] = set()
        for op, right in zip(node.ops, node.comparators, strict=True):
            if right is not node.comparators[-1] and not self.pure(right):
                self.refuse(
                    right,
                    "the middle of a chained comparison must be a local value",
                    "give it a name first",
                )
            found = self._compare(node, left, op, right)
            if right is node.comparators[0]:
                entry = set(self.known)
            rest = self.f.new_block() if right is not node.comparators[-1] else yes
            self.end(ir.Branch(found.op, rest, no))
            if rest is not yes:
                self.at(rest)
            left = right
        # the rest was evaluated only if the first comparison held
        self.known = entry

    def _compare(self, node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Value:
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(node, left, op, right)
        a, b = self.value(left), self.value(right)
        if a.is_pointer or b.is_pointer:
            if not isinstance(op, ast.Is | ast.IsNot):
                self.refuse(
                    node, "pointers are compared with `is` and `is not`", "not with their values"
                )
            if isinstance(a.type, Null):
                a, b = b, a
            if not isinstance(b.type, Null) and a.type != b.type:
                self.refuse(node, f"{a.type} is never {b.type}", "compare what has one type")
        elif not (a.is_int and b.is_int):
            self.refuse(node, f"cannot compare {a.type} with {b.type}", "compare integers")
        elif isinstance(op, ast.Is | ast.IsNot):
            self.refuse(node, "integers are compared with `==` and `!=`", "not by identity")
        return self.op(_COMPARE[type(op)], a, b, BOOL)

    def _membership(
        self, node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr
    ) -> Value:
        if not isinstance(right, ast.Tuple):
            self.refuse(right, "`in` needs a tuple of constants", "use comparisons")
        a = self.integer(left)
        found: Value = constant(0, BOOL)
        for item in right.elts:
            known = self.fold(item)
            if known is None:
                self.refuse(item, "`in` needs a tuple of constants", "use comparisons")
            same = self.op("eq", a, constant(int(known), I32), BOOL)
            found = self.op("or", found, same, BOOL)
        if isinstance(op, ast.NotIn):
            found = self.op("xor", found, constant(1, BOOL), BOOL)
        return Value(found.op, BOOL, 0, 1)

    # ------------------------------------------------------------------ memory

    def point(
        self,
        node: ast.AST,
        kind: str,
        name: str,
        mover: str,
        held: ir.Var | None = None,
        guarded: bool = False,
        exit: int = -1,
    ) -> ir.Point:
        """A place to stop, before the access that follows."""
        site = ir.Site(self.f, span_of(node, self.file), kind, name, exit)
        if self.cur is not None:
            self.f.sites.append(site)
            self.f.has_points = True
        after = self.f.new_block()
        made = ir.Point(site, after, mover, held, guarded)
        self.end(made)
        self.at(after)
        return made

    def load(
        self, node: ast.expr, field: Field, base_node: ast.expr, k_node: ast.expr | None
    ) -> Value:
        """Read a scalar of a shared struct."""
        base, k = self._address(node, field, base_node, k_node)
        if not self.atomic:
            discipline = field.discipline.kind
            visible = discipline not in ("immutable", "guarded")
            held = None
            if discipline == "written_under":
                held = self._held(node, field, base, shared=True)
            self.point(node, "read", str(field), "visible" if visible else "invisible", held)
            base, k = self._address_again(field, base_node, k_node, base, k)
        if field.discipline.kind == "guarded" and not self.unchecked:
            self._race_check(node, field, base, shared=True)
        elem = field.elem
        assert isinstance(elem, IntType | Ref)
        dst = self.temp(elem)
        dst.read_at = (span_of(node, self.file), "read")
        self.emit(ir.Load(dst, ir.Shared(field, base.op, k.op)))
        return self.of_var(dst)

    def _address(
        self, node: ast.AST, field: Field, base_node: ast.expr, k_node: ast.expr | None
    ) -> tuple[Value, Value]:
        base = self.value(base_node)
        self.nonnull(base, node, field.name)
        k = constant(0, I32)
        if k_node is not None:
            k = self.integer(k_node)
            self.inside(k, field.count, node, str(field))
        return base, k

    def _address_again(
        self,
        field: Field,
        base_node: ast.expr,
        k_node: ast.expr | None,
        base: Value,
        k: Value,
    ) -> tuple[Value, Value]:
        """Recompute what is cheap, so that nothing lives across the point."""
        with self.quietly():
            if self.pure(base_node):
                base = self.value(base_node)
            if k_node is not None and self.pure(k_node):
                k = self.value(k_node)
        return base, k

    def store(
        self,
        node: ast.expr,
        field: Field,
        base_node: ast.expr,
        k_node: ast.expr | None,
        value: Value,
        address: tuple[Value, Value] | None = None,
        commutes: bool = False,
    ) -> None:
        """Write a scalar of a shared struct."""
        discipline = field.discipline.kind
        if discipline == "immutable" and not self.unchecked:
            self.refuse(
                node,
                f"{field} is immutable: only an @initializer may write it",
                "or declare another discipline",
            )
        if discipline == "counter" and not self.unchecked and not (commutes and self.atomic):
            self.refuse(node, f"{field} is a counter", "add to it (+=, -=) in an atomic function")
        known = address is not None
        base, k = address if address is not None else self._address(node, field, base_node, k_node)
        value = self.coerce(value, field.elem, node, str(field))
        if not self.atomic:
            visible = discipline not in ("immutable", "guarded", "counter")
            self.point(node, "write", str(field), "visible" if visible else "invisible")
            if not known or self.pure(base_node):
                base, k = self._address_again(field, base_node, k_node, base, k)
        if discipline in ("guarded", "written_under", "volatile") and not self.unchecked:
            self._race_check(node, field, base, shared=False)
        self.f.writes = True
        self.emit(ir.Store(ir.Shared(field, base.op, k.op), value.op))

    def _race_check(self, node: ast.AST, field: Field, base: Value, shared: bool) -> None:
        held = self._held(node, field, base, shared)
        lock = field.discipline.lock
        fault = self.fault(node, "data race", f"{field} accessed without {lock}")
        self.emit(ir.CheckHeld(held, fault))

    def _held(self, node: ast.AST, field: Field, base: Value, shared: bool) -> ir.Var:
        """Whether the running task holds the lock of `field`."""
        cls: type[Struct] = field.owner
        ref = base
        result = self.temp(BOOL, f"held{len(self.f.vars)}")
        missing = after = -1
        for part in field.discipline.lock.split("."):
            if part == "owner":
                ref, cls = self._owner(self.node, ref, cls)
                continue
            step = cls.fields()[part]
            if isinstance(step.type, Embed):
                ref, cls = self.element(step, ref, constant(0, I32)), step.type.cls
            else:
                assert isinstance(step.type, Ref)
                if step.discipline.kind != "immutable":
                    self.refuse(
                        node,
                        f"{field} has its lock behind {step}, which may come to point elsewhere",
                        f"declare {step} immutable()",
                    )
                dst = self.temp(step.type)
                self.emit(ir.Load(dst, ir.Shared(step, ref.op, 0)))
                if missing < 0:
                    missing, after = self.f.new_block(), self.f.new_block()
                found = self.f.new_block()
                self.end(ir.Branch(dst, found, missing))
                self.at(found)
                ref, cls = self.of_var(dst), step.type.cls
        self.emit(ir.Holds(result, cls, ref.op, shared))
        if missing >= 0:
            self.go(after)
            self.at(missing)
            self.emit(ir.Move(result, 0))
            self.go(after)
            self.at(after)
        return result

    def _home(self, cls: type[Struct]) -> Field | None:
        return self.layout.owner.get(cls)

    def _owner(self, node: ast.AST, ref: Value, cls: type[Struct]) -> tuple[Value, type[Struct]]:
        """The struct that embeds `ref`."""
        home = self._home(cls)
        in_pools = any(p.cls is cls for p in self.layout.pools)
        if home is None or in_pools:
            self.refuse(
                node,
                f"{cls.__name__} has no single struct that embeds it",
                "store a pointer to the owner",
            )
        zero = self.op("sub", ref, constant(self.layout.start[home] + 1, I32), I32)
        n = home.count
        index = self.op("floordiv", zero, constant(n, I32), I32) if n > 1 else zero
        made = self.op("add", index, constant(1, I32), I32)
        if isinstance(made.op, ir.Var) and made.op.temp:
            made.op.type = Ref(home.owner)
            self.known.add(made.op)
        return Value(made.op, Ref(home.owner)), home.owner

    def _owner_type(self, node: ast.Call) -> Type:
        kind = self.static_type(node.args[0])
        home = self._home(kind.cls) if isinstance(kind, Ref) else None
        if home is None:
            self.refuse(
                node,
                f"owner_of({kind}): no single struct embeds it",
                "store a pointer to the owner",
            )
        return Ref(home.owner)

    def owner_call(self, node: ast.Call) -> Value:
        """owner_of(x)."""
        obj = self.value(node.args[0])
        if not isinstance(obj.type, Ref):
            self.refuse(node, f"owner_of() takes a struct, not {obj.type}", "pass a pointer")
        self.nonnull(obj, node, "owner_of")
        return self._owner(node, obj, obj.type.cls)[0]

    def index_call(self, node: ast.Call) -> Value:
        """index_of(x)."""
        obj = self.value(node.args[0])
        if not isinstance(obj.type, Ref):
            self.refuse(node, f"index_of() takes a struct, not {obj.type}", "pass a pointer")
        self.nonnull(obj, node, "index_of")
        cls = obj.type.cls
        homes = [p for p in self.layout.pools if p.cls is cls]
        home = self._home(cls)
        if home is not None and not homes:
            zero = self.op("sub", obj, constant(self.layout.start[home] + 1, I32), I32)
            n = home.count
            made = self.op("mod", zero, constant(n, I32), I32) if n > 1 else constant(0, I32)
            return Value(made.op, I32, 0, n - 1)
        if len(homes) != 1 or cls in self.layout.owner:
            self.refuse(
                node,
                f"{cls.__name__} lives in several places, or in none: its index is ambiguous",
                "store the index in a field",
            )
        start = self.layout.pool_start[homes[0].order]
        made = self.op("sub", obj, constant(start + 1, I32), I32)
        return Value(made.op, I32, 0, len(homes[0]) - 1)

    def frame_address(
        self, node: ast.expr, field: Field, base_node: ast.expr, k_node: ast.expr | None
    ) -> tuple[Value, Value]:
        """The struct on a stack and the element that an expression names."""
        base = self.value(base_node)
        self.nonnull(base, node, field.name)
        if not isinstance(base.op, ir.Var):
            self.refuse(base_node, "this is NULL, always", "point it to a struct first")
        k = constant(0, I32)
        if k_node is not None:
            k = self.integer(k_node)
            self.inside(k, field.count, node, str(field))
        return base, k

    def load_frame(self, field: Field, base: Value, k: Value) -> Value:
        """Read a scalar of a struct on a stack."""
        assert isinstance(base.op, ir.Var)
        elem = field.elem
        assert not isinstance(elem, Embed | ArrayOf)
        dst = self.temp(elem)
        self.emit(ir.Load(dst, ir.OnFrame(field, base.op, k.op)))
        return self.of_var(dst)

    def no_alias(self, node: ast.AST, value: Value) -> None:
        """Refuse a second name for a struct on the stack, which lives as long as its name."""
        if isinstance(value.op, ir.Var) and value.op.stack is not None:
            self.refuse(node, "a struct on the stack has one name", "pass it as an argument")

    # ------------------------------------------------------------------ conversions

    def coerce(self, value: Value, kind: Type, node: ast.AST, what: str) -> Value:
        """A value fit for a place of type `kind`; checked at run time where it must be."""
        if not value.fits(kind):
            self.refuse(node, f"{what} is {kind}, this is {value.type}", "use a value of its type")
        if isinstance(kind, IntType) and (value.lo < kind.lo or value.hi > kind.hi):
            if value.hi < kind.lo or value.lo > kind.hi:
                found = str(value.lo) if value.lo == value.hi else f"{value.lo} to {value.hi}"
                self.refuse(node, f"{what} is {kind}: {found} cannot fit", "give it a wider type")
            self.check(value, kind.lo, kind.hi, node, "overflow", f"does not fit {what}: {kind}")
        return value

    def call(self, node: ast.Call) -> Value:
        """Lower a call; in lower.py."""
        raise NotImplementedError


_BUILTINS: set[Any] = {
    value
    for value in vars(primitives).values()
    if isinstance(value, FunctionType) and value.__module__ == primitives.__name__
} | {context.has, context.asserting}
_FEATURES = (context.has, context.asserting)


def _evaluate(op: str, a: int, b: int) -> int:
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "floordiv":
            return a // b
        case "mod":
            return a % b
        case "and":
            return a & b
        case "or":
            return a | b
        case "xor":
            return a ^ b
        case "shl":
            return a << b
        case "shr":
            return a >> b
        case "min":
            return min(a, b)
        case "max":
            return max(a, b)
        case "eq":
            return int(a == b)
        case "ne":
            return int(a != b)
        case "lt":
            return int(a < b)
        case "le":
            return int(a <= b)
        case "gt":
            return int(a > b)
        case _:
            return int(a >= b)


_INSTEAD: dict[type[ast.AST], str] = {
    ast.Lambda: "pass a function by its name",
    ast.ListComp: "write the loop",
    ast.SetComp: "write the loop",
    ast.DictComp: "write the loop",
    ast.GeneratorExp: "write the loop",
    ast.JoinedStr: "strings stand in assert and bug() only",
    ast.List: "use an array field, or several variables",
    ast.Tuple: "use an array field, or several variables",
    ast.Dict: "use an array field, or several variables",
    ast.Set: "use an array field, or several variables",
    ast.NamedExpr: "assign it in a statement of its own",
    ast.Slice: "use one element at a time",
    ast.Starred: "write every argument",
    ast.Yield: "tasks stop by themselves at each access",
    ast.YieldFrom: "tasks stop by themselves at each access",
    ast.Await: "tasks stop by themselves at each access",
}


def _instead_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        text = isinstance(node.value, str)
        return "strings stand in assert and bug() only" if text else "numbers are integers"
    return _INSTEAD.get(type(node), "see docs/language.md")


def _describe(node: ast.AST) -> str:
    text = ast.unparse(node)
    return f"`{text}`" if len(text) < 40 else f"a {type(node).__name__}"
