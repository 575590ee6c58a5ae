"""Lowering of statements and calls: one function text becomes one control-flow graph."""

from __future__ import annotations

import ast
import enum
import functools
import typing
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mmspec.compiler import ir
from mmspec.compiler.errors import TYPES, span_of
from mmspec.compiler.expressions import ExpressionLowering
from mmspec.compiler.values import Null, Retype, Value, constant
from mmspec.lang import primitives
from mmspec.lang.ints import BOOL, I32, U8, U16, IntType, smallest
from mmspec.lang.primitives import (
    ACQUIRE,
    PLAIN,
    UNCHECKED,
    UNLOCKED,
    KernelFunction,
    Locked,
)
from mmspec.lang.program import text_of
from mmspec.lang.source import body_of, leading_wait, nodes_of, syntax_of, wait_condition
from mmspec.lang.structs import (
    ArrayOf,
    Field,
    Fn,
    OnStack,
    Ref,
    StackRef,
    Struct,
    Type,
    enum_type,
    type_of_hint,
)

if TYPE_CHECKING:
    from mmspec.compiler.frontend import Frontend

_AUGMENTED = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "shr",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
}


class _Scope:
    """A loop or a `with` that control may leave early."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.head = self.after = -1
        self.node: ast.With | None = None
        self.give: KernelFunction[..., Any] | None = None
        self.lock_node: ast.expr | None = None
        self.lock: Value | None = None
        self.exits: dict[int, int] = {}


class FunctionLowering(ExpressionLowering):
    """Lowers one function text."""

    def __init__(
        self,
        frontend: Frontend,
        function: ir.Function,
        hints: dict[str, Type],
        unchecked: bool,
    ) -> None:
        super().__init__(frontend, function, hints, unchecked)
        self.node = syntax_of(self.text)
        self.scopes: list[_Scope] = []
        signature = frontend.signature(self.text)
        function.returns = signature.returns
        for name, kind in signature.params:
            var = self.variable(name, kind)
            function.params.append(var)
        self.loop_names: set[str] = set()
        self.results: set[ir.Var] = set()
        self.declared = {p.name for p in function.params} | {
            node.target.id
            for node in nodes_of(self.node)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }

    def variable(self, name: str, kind: Type) -> ir.Var:
        """A new named local."""
        made = ir.Var(name, kind, len(self.f.vars))
        self.f.vars.append(made)
        self.locals[name] = made
        return made

    # ------------------------------------------------------------------ whole functions

    def run(self) -> None:
        """Lower the body."""
        body = body_of(self.node)
        if self.atomic and body and wait_condition(body[0]) is not None:
            body = body[1:]
        self.statements(body)
        if self.cur is not None:
            if self.f.returns is not None and self._reachable():
                self.refuse(
                    self.node,
                    f"{self.f.display}() can end without returning a value",
                    "return one on every path",
                )
            self.end(ir.Return(0))
        self._close()

    def run_condition(self) -> None:
        """Lower only the condition of the leading `wait_until`."""
        condition = wait_condition(body_of(self.node)[0])
        assert condition is not None
        self.f.returns = BOOL
        self.testing = True
        found = self.truth_value(condition)
        self.end(ir.Return(found.op))
        self._close()

    def truth_value(self, node: ast.expr) -> Value:
        """An expression as 0 or 1."""
        yes, no, after = self.f.new_block(), self.f.new_block(), self.f.new_block()
        result = self.temp(BOOL)
        self.condition(node, yes, no)
        for block, outcome in ((yes, 1), (no, 0)):
            self.at(block)
            self.emit(ir.Move(result, outcome))
            self.go(after)
        self.at(after)
        return Value(result, BOOL, 0, 1)

    def _reachable(self) -> bool:
        seen, todo = {0}, [0]
        while todo:
            block = todo.pop()
            if block == self.cur:
                return True
            term = self.f.blocks[block].term
            for to in ir.successors(term) if term is not None else ():
                if to not in seen:
                    seen.add(to)
                    todo.append(to)
        return False

    def _close(self) -> None:
        """Drop blocks that nothing leads to."""
        order: list[int] = []
        seen = {0}
        todo = [0]
        while todo:
            number_of = todo.pop()
            order.append(number_of)
            term = self.f.blocks[number_of].term
            assert term is not None, (self.f.name, number_of)
            for to in reversed(ir.successors(term)):
                if to not in seen:
                    seen.add(to)
                    todo.append(to)
        order.sort()
        number = {old: new for new, old in enumerate(order)}
        self.f.blocks = [self.f.blocks[old] for old in order]
        for block in self.f.blocks:
            term = block.term
            match term:
                case ir.Jump() | ir.Point() | ir.Guard() | ir.CallTo():
                    term.to = number[term.to]
                case ir.Branch() | ir.Feature():
                    term.yes, term.no = number[term.yes], number[term.no]
        live = {block.term.site for block in self.f.blocks if isinstance(block.term, ir.Point)}
        self.f.sites = [site for site in self.f.sites if site in live]

    # ------------------------------------------------------------------ statements

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Lower statements in order; those that control cannot reach are checked and dropped."""
        for statement in body:
            if self.cur is None:
                return
            match statement:
                case ast.Pass():
                    pass
                case ast.Expr():
                    self._expression(statement)
                case ast.Assign():
                    self._assign(statement)
                case ast.AnnAssign():
                    self._annotated(statement)
                case ast.AugAssign():
                    self._augmented(statement)
                case ast.If():
                    self._if(statement)
                case ast.While():
                    self._while(statement)
                case ast.For():
                    self._for(statement)
                case ast.With():
                    self._with(statement)
                case ast.Break() | ast.Continue():
                    self._leave_loop(statement)
                case ast.Return():
                    self._return(statement)
                case ast.Assert():
                    self._assert(statement)
                case _:
                    self._unsupported(statement)

    def _unsupported(self, node: ast.stmt) -> None:
        word = type(node).__name__.lower()
        ways = {
            "try": ("try", "kernel code returns errors: return the error code instead"),
            "raise": ("raise", "kernel code returns errors: return the error code instead"),
            "functiondef": ("def", "define functions at the top of a module"),
            "import": ("import", "import at the top of the module"),
            "importfrom": ("import", "import at the top of the module"),
            "delete": ("del", "let it be: dead variables are zeroed"),
            "global": ("global", "shared data lives in pools and statics"),
            "nonlocal": ("nonlocal", "pass it as a parameter"),
            "match": ("match", "use if and elif"),
            "classdef": ("class", "define structs at the top of a module"),
            "asyncfunctiondef": ("async", "tasks stop by themselves at each access"),
            "asyncwith": ("async", "tasks stop by themselves at each access"),
            "asyncfor": ("async", "tasks stop by themselves at each access"),
            "trystar": ("try", "kernel code returns errors: return the error code instead"),
        }
        name, instead = ways.get(word, (word, "see docs/language.md"))
        span = span_of(node, self.file)
        cut = ir.Span(span.file, span.line, span.col, span.line, span.col + len(name))
        raise self._refusal(cut, f"`{name}` is not part of the specification language", instead)

    def _refusal(self, span: ir.Span, problem: str, instead: str) -> Exception:
        from mmspec.compiler.errors import CompileError

        return CompileError(span, problem, instead)

    def _expression(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return
        condition = wait_condition(node)
        if condition is not None:
            self._wait(node, condition)
            return
        if isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
            self.value(node.value)
        if not isinstance(node.value, ast.Call):
            self.refuse(node, "this expression does nothing", "assign it or drop it")
        if self.named(node.value.func) is primitives.wait_until:
            self.refuse(node, "wait_until() takes a lambda", "wait_until(lambda: not lock.locked)")
        self.call(node.value)

    def _wait(self, node: ast.Expr, condition: ast.expr) -> None:
        if self.atomic:
            self.refuse(
                node,
                "wait_until() must be the first statement of an atomic function",
                "split the function",
            )
        point = self.point(node.value, "wait", "", "visible", guarded=True)
        self.atomic = self.testing = True
        found = self.truth_value(condition)
        self.atomic = self.testing = False
        after = self.f.new_block()
        self.end(ir.Guard(found.op, point, after))
        self.at(after)

    def assign(self, name: str, value: Value, node: ast.AST) -> None:
        """Give a local variable a value."""
        if name in self.loop_names:
            self.refuse(node, f"`{name}` is the variable of this loop", "use another name")
        var = self.locals.get(name)
        if var is None:
            if value.type is None:
                self.refuse(node, "the function called here returns nothing", "drop the assignment")
            kind = self.hints.get(name) or self._local_type(value)
            if kind is None:
                # NULL, of a type that a later assignment will tell
                var = self.variable(name, Ref(Struct))
                var.temp = False
            else:
                var = self.variable(name, kind)
        if isinstance(var.type, Ref) and var.type.cls is Struct and value.type != Null():
            if isinstance(value.type, Ref | StackRef | Fn):
                raise Retype(name, value.type)
            self.refuse(
                node, f"`{name}` is a pointer, this is {value.type}", "a variable has one type"
            )
        if isinstance(var.type, IntType) and isinstance(value.type, IntType):
            if value.lo < var.type.lo or value.hi > var.type.hi:
                self._widen(name, var.type, value, node)
            value = self.coerce(value, var.type, node, f"`{name}`")
        elif not value.fits(var.type):
            self.refuse(
                node, f"`{name}` is {var.type}, this is {value.type}", "a variable has one type"
            )
        if var.stack is not None:
            self.refuse(node, f"`{name}` is a struct on the stack", "assign its fields")
        self.no_alias(node, value)
        self.emit(ir.Move(var, value.op))
        self.known.discard(var)
        if isinstance(value.op, ir.Var) and value.op in self.known:
            self.known.add(var)

    def _local_type(self, value: Value) -> Type | None:
        if isinstance(value.type, IntType):
            if value.type == BOOL:
                return BOOL
            if isinstance(value.op, ir.Var) and not value.op.temp:
                return value.type
            if isinstance(value.op, ir.Var) and (value.op.read_at or value.op in self.results):
                return value.type
            fits = I32.lo <= value.lo and value.hi <= I32.hi
            return I32 if fits else smallest(value.lo, value.hi)
        if isinstance(value.type, Null):
            return None
        if not isinstance(value.type, Ref | StackRef | Fn):
            return None
        return value.type

    def _widen(self, name: str, kind: IntType, value: Value, node: ast.AST) -> None:
        """Lower again with a wider variable if a wider *declared* value comes in."""
        if name in self.declared:
            return
        if kind == BOOL:
            self.refuse(node, f"`{name}` is bool, this is {value.type}", "a variable has one type")
        declared = (
            isinstance(value.op, int)
            or value.op.read_at is not None
            or not value.op.temp
            or value.op in self.results
        )
        if not declared:
            return
        assert isinstance(value.type, IntType)
        wide = smallest(min(kind.lo, value.lo), max(kind.hi, value.hi))
        if wide is not None and wide != kind:
            raise Retype(name, wide)

    def _assign(self, node: ast.Assign) -> None:
        if len(node.targets) != 1 or isinstance(node.targets[0], ast.Tuple):
            self.refuse(node, "one target at a time", "write one assignment for each")
        target = node.targets[0]
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
            made = self.named(node.value.func)
            if isinstance(made, type) and issubclass(made, OnStack):
                self._construct(target, node.value, made)
                return
        value = self.value(node.value)
        self._assign_to(target, value)

    def _assign_to(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name():
                self.assign(target.id, value, target)
            case ast.Attribute():
                field = self.field_of(target)
                if field is None:
                    self._attribute(target)
                assert field is not None
                if field.is_embedded or isinstance(field.type, ArrayOf):
                    self.refuse(
                        target,
                        "this cannot be assigned as a whole",
                        "assign its fields or elements",
                    )
                self._store_to(target, field, target.value, None, value)
            case ast.Subscript(value=ast.Attribute() as array):
                field = self.field_of(array)
                if field is None or not isinstance(field.type, ArrayOf):
                    self._subscript(target)
                assert field is not None
                if field.is_embedded:
                    self.refuse(target, "this cannot be assigned as a whole", "assign its fields")
                self._store_to(target, field, array.value, target.slice, value)
            case _:
                self.refuse(target, "this cannot be assigned to", "assign a variable or a field")

    def _store_to(
        self,
        node: ast.expr,
        field: Field,
        base_node: ast.expr,
        k_node: ast.expr | None,
        value: Value,
    ) -> None:
        if not isinstance(self.static_type(base_node), StackRef):
            self.store(node, field, base_node, k_node, value)
            return
        base, k = self.frame_address(node, field, base_node, k_node)
        self.store_frame(node, field, base, k, value)

    def store_frame(
        self, node: ast.expr, field: Field, base: Value, k: Value, value: Value
    ) -> None:
        """Write a scalar of a struct on a stack."""
        assert isinstance(base.op, ir.Var)
        value = self.coerce(value, field.elem, node, str(field))
        if isinstance(value.type, StackRef):
            self.refuse(node, "a struct on the stack cannot be stored", "pass it as an argument")
        self.f.writes |= base.op.stack is None
        self.emit(ir.Store(ir.OnFrame(field, base.op, k.op), value.op))

    def _annotated(self, node: ast.AnnAssign) -> None:
        if not isinstance(node.target, ast.Name) or node.value is None:
            self.refuse(
                node, "an annotation stands where a local variable gets its value", "n: u8 = 0"
            )
        name = node.target.id
        try:
            namespace = {**self.globals}
            hint = eval(compile(ast.Expression(node.annotation), self.file, "eval"), namespace)
            kind = type_of_hint(hint)
        except (NameError, TypeError) as error:
            self.refuse(node.annotation, str(error), TYPES)
        if kind is None:
            self.refuse(node.annotation, "None is not a type of a variable", TYPES)
        if name in self.locals and self.locals[name].type != kind:
            self.refuse(node, f"`{name}` is {self.locals[name].type}", "a variable has one type")
        if name not in self.locals:
            self.variable(name, kind)
        self.assign(name, self.value(node.value), node)

    def _construct(self, target: ast.Name, node: ast.Call, made: type[OnStack]) -> None:
        """name = Struct(field=value, ...): a struct in this frame."""
        fields = made.fields()
        values: list[tuple[Field, Value, ast.expr]] = []
        if node.args:
            self.refuse(
                node,
                f"{made.__name__} takes its fields by name",
                f"{made.__name__}({', '.join(f'{name}=...' for name in fields)})",
            )
        for keyword in node.keywords:
            field = fields.get(keyword.arg or "")
            if field is None:
                self.refuse(
                    keyword,
                    f"{made.__name__} has no field `{keyword.arg}`",
                    f"it has {', '.join(fields)}",
                )
            value = self.coerce(self.value(keyword.value), field.elem, keyword.value, str(field))
            if isinstance(value.type, StackRef):
                self.refuse(
                    keyword.value,
                    "a struct on the stack cannot be stored",
                    "pass it as an argument",
                )
            values.append((field, value, keyword.value))
        var = self.locals.get(target.id)
        if var is None:
            var = self.variable(target.id, StackRef(made))
            var.stack = made
        elif var.stack is not made:
            self.refuse(target, f"`{target.id}` is {var.type}", "a variable has one type")
        self.emit(ir.NewStruct(var))
        for field, value, _ in values:
            if value.op != 0:
                self.emit(ir.Store(ir.OnFrame(field, var, 0), value.op))

    def _augmented(self, node: ast.AugAssign) -> None:
        op = _AUGMENTED.get(type(node.op))
        if op is None:
            self.refuse(
                node,
                "this operator is not part of the language",
                "there are += -= *= //= %= &= |= ^= <<= >>=",
            )
        target = node.target
        if isinstance(target, ast.Name):
            if target.id not in self.locals:
                self.refuse(
                    target,
                    f"`{target.id}` is used before it is assigned",
                    "assign it on every path",
                )
            left = self.of_var(self.locals[target.id])
            if not left.is_int:
                self.refuse(
                    target,
                    f"an integer is needed here, this is {left.type}",
                    "write the assignment in full",
                )
            right = self.integer(node.value)
            self.assign(target.id, self.arithmetic(node, op, left, right), target)
            return
        k_node = target.slice if isinstance(target, ast.Subscript) else None
        attribute = target.value if isinstance(target, ast.Subscript) else target
        if not isinstance(attribute, ast.Attribute):
            self.refuse(target, "this cannot be assigned to", "assign a variable or a field")
        field = self.field_of(attribute)
        if field is None or field.is_embedded or not isinstance(field.elem, IntType):
            self.refuse(target, "an integer field is needed here", "write the assignment in full")
        if isinstance(self.static_type(attribute.value), StackRef):
            base, k = self.frame_address(target, field, attribute.value, k_node)
            left = self.load_frame(field, base, k)
            right = self.integer(node.value)
            self.store_frame(target, field, base, k, self.arithmetic(node, op, left, right))
            return
        commutes = op in ("add", "sub")
        self._update(node, op, target, field, attribute.value, k_node, commutes)

    def _update(
        self,
        node: ast.AugAssign,
        op: str,
        target: ast.expr,
        field: Field,
        base_node: ast.expr,
        k_node: ast.expr | None,
        commutes: bool,
    ) -> None:
        address = self._address(target, field, base_node, k_node)
        if not self.pure(base_node) or (k_node is not None and not self.pure(k_node)):
            # CPython evaluates the target once: so must we
            loaded = self._load_at(target, field, *address, base_node, k_node)
            right = self.integer(node.value)
            result = self.arithmetic(node, op, loaded, right)
            self.store(target, field, base_node, k_node, result, address, commutes)
            return
        loaded = self.load(target, field, base_node, k_node)
        right = self.integer(node.value)
        result = self.arithmetic(node, op, loaded, right)
        self.store(target, field, base_node, k_node, result, None, commutes)

    def _load_at(
        self,
        node: ast.expr,
        field: Field,
        base: Value,
        k: Value,
        base_node: ast.expr,
        k_node: ast.expr | None,
    ) -> Value:
        discipline = field.discipline.kind
        if not self.atomic:
            held = self._held(node, field, base, True) if discipline == "written_under" else None
            visible = discipline not in ("immutable", "guarded")
            self.point(node, "read", str(field), "visible" if visible else "invisible", held)
        if discipline == "guarded" and not self.unchecked:
            self._race_check(node, field, base, shared=True)
        assert isinstance(field.elem, IntType)
        dst = self.temp(field.elem)
        dst.read_at = (span_of(node, self.file), "read")
        self.emit(ir.Load(dst, ir.Shared(field, base.op, k.op)))
        return self.of_var(dst)

    def _if(self, node: ast.If) -> None:
        yes, no, after = self.f.new_block(), self.f.new_block(), self.f.new_block()
        self.condition(node.test, yes, no)
        entry = set(self.known)
        ends: list[set[ir.Var]] = []
        for block, body in ((yes, node.body), (no, node.orelse)):
            self.at(block)
            self.known = set(entry) | self._implied(node.test, block is yes)
            if self._has_predecessor(block):
                self.statements(body)
            else:
                self.cur = None
            if self.cur is not None:
                ends.append(self.known)
                self.go(after)
        self.known = set.intersection(*ends) if ends else set()
        if ends:
            self.at(after)

    def _implied(self, test: ast.expr, outcome: bool) -> set[ir.Var]:
        """Pointers known not to be NULL when `test` came out as `outcome`."""
        match test:
            case ast.Name(id=name) if outcome and name in self.locals:
                return {self.locals[name]}
            case ast.UnaryOp(op=ast.Not()):
                return self._implied(test.operand, not outcome)
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[right]) if (
                name in self.locals and isinstance(self.static_type(right), Null)
            ):
                if isinstance(op, ast.IsNot if outcome else ast.Is):
                    return {self.locals[name]}
        return set()

    def _has_predecessor(self, block: int) -> bool:
        return any(b.term is not None and block in ir.successors(b.term) for b in self.f.blocks)

    def _while(self, node: ast.While) -> None:
        if node.orelse:
            self.refuse(
                node.orelse[0], "`else` of a loop is not part of the language", "use a variable"
            )
        head, body, after = self.f.new_block(), self.f.new_block(), self.f.new_block()
        self.known -= self._assigned(node)
        entry = set(self.known)
        self.go(head)
        self.at(head)
        self.condition(node.test, body, after)
        scope = _Scope("loop")
        scope.head, scope.after = head, after
        self.scopes.append(scope)
        self.at(body)
        self.statements(node.body)
        self.go(head)
        self.scopes.pop()
        self.known = entry
        self.cur = after if self._has_predecessor(after) else None

    def _assigned(self, node: ast.AST) -> set[ir.Var]:
        return {
            self.locals[n.id]
            for n in nodes_of(node)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id in self.locals
        }

    def _for(self, node: ast.For) -> None:
        if node.orelse:
            self.refuse(
                node.orelse[0], "`else` of a loop is not part of the language", "use a variable"
            )
        call = node.iter
        if not (
            isinstance(call, ast.Call)
            and self.named(call.func) is range
            and isinstance(node.target, ast.Name)
            and 1 <= len(call.args) <= 3
            and not call.keywords
        ):
            self.refuse(node.iter, "only `for i in range(...)`", "walks are `while walk(x):`")
        name = node.target.id
        step = self.fold(call.args[2]) if len(call.args) == 3 else 1
        if step is None or step == 0:
            self.refuse(
                call.args[2],
                "the step of a range must be a constant other than 0",
                "use a while loop",
            )
        if len(call.args) > 1:
            first, last = call.args[0], call.args[1]
        else:
            first, last = ast.copy_location(ast.Constant(0), call), call.args[0]
        for bound in (first, last):
            if not self.pure(bound):
                self.refuse(
                    bound, "a bound of range() must be a local value", "give it a name first"
                )
        changed = {v.name for part in node.body for v in self._assigned(part)}
        for n in ast.walk(last):
            if isinstance(n, ast.Name) and n.id in changed:
                self.refuse(
                    last,
                    f"`{n.id}` changes in the loop: its bound would be ambiguous",
                    "copy it to another name first",
                )
        self._only_inside(node, name)
        start = self.integer(first)
        limit = self.integer(last)
        self._loop_variable(node, name, start, limit, step)
        within = (start.lo, limit.hi - 1) if step > 0 else (limit.lo + 1, start.hi)
        self._for_body(node, name, last, step, within)

    def _only_inside(self, node: ast.For, name: str) -> None:
        """A loop variable has no meaning after its loop."""
        loops = [
            n
            for n in nodes_of(self.node)
            if isinstance(n, ast.For) and isinstance(n.target, ast.Name) and n.target.id == name
        ]
        inside = {id(x) for loop in loops for part in loop.body for x in nodes_of(part)}
        for n in nodes_of(self.node):
            if (
                isinstance(n, ast.Name)
                and n.id == name
                and id(n) not in inside
                and not any(n is loop.target for loop in loops)
            ):
                self.refuse(
                    n,
                    f"`{name}` is a loop variable: outside its loop it has no meaning",
                    "copy it to another name in the loop",
                )

    def _loop_variable(
        self, node: ast.For, name: str, start: Value, limit: Value, step: int
    ) -> None:
        if name in self.loop_names:
            self.refuse(
                node.target, f"`{name}` is the variable of an outer loop", "use another name"
            )
        # the last value is beyond the limit, by less than a step
        if step > 0:
            lo, hi = start.lo, max(start.hi, limit.hi - 1 + step)
        else:
            lo, hi = min(start.lo, limit.lo + 1 + step), start.hi
        kind = I32 if I32.lo <= lo and U16.hi < hi <= I32.hi else smallest(lo, hi)
        if kind is None:
            self.refuse(node.iter, "this range may exceed 64 bits", "give its bounds smaller types")
        var = self.locals.get(name)
        if var is None:
            hinted = self.hints.get(name)
            var = self.variable(name, hinted or kind)
        assert isinstance(var.type, IntType)
        if var.type.lo > kind.lo or var.type.hi < kind.hi:
            wide = smallest(min(kind.lo, var.type.lo), max(kind.hi, var.type.hi))
            assert wide is not None
            raise Retype(name, wide)
        self.emit(ir.Move(var, start.op))

    def _for_body(
        self, node: ast.For, name: str, last: ast.expr, step: int, within: tuple[int, int]
    ) -> None:
        var = self.locals[name]
        head, body, advance = self.f.new_block(), self.f.new_block(), self.f.new_block()
        after = self.f.new_block()
        self.known -= self._assigned(node)
        entry = set(self.known)
        self.go(head)
        self.at(head)
        limit = self.integer(last)
        test = self.op("lt" if step > 0 else "gt", self.of_var(var), limit, BOOL)
        self.end(ir.Branch(test.op, body, after))
        scope = _Scope("loop")
        scope.head, scope.after = advance, after
        self.scopes.append(scope)
        self.loop_names.add(name)
        if within[0] <= within[1]:
            self.narrowed[var] = within
        self.at(body)
        self.statements(node.body)
        self.go(advance)
        self.narrowed.pop(var, None)
        self.loop_names.discard(name)
        self.scopes.pop()
        self.at(advance)
        if self._has_predecessor(advance):
            self.emit(ir.Op(var, "add", var, step))
        self.go(head)
        self.known = entry
        self.at(after)

    # ------------------------------------------------------------------ with

    def _with(self, node: ast.With) -> None:
        if len(node.items) != 1 or node.items[0].optional_vars is not None:
            self.refuse(node, "`with` takes one lock", "write one `with` for each")
        made = node.items[0].context_expr
        kind = self.named(made.func) if isinstance(made, ast.Call) else None
        if not isinstance(made, ast.Call) or not isinstance(kind, Locked) or len(made.args) != 1:
            self.refuse(made, "`with` takes a lock", "declare it with locked_by(take, give)")
        if not self.pure(made.args[0]):
            self.refuse(
                made.args[0], "the lock of a `with` must be a local value", "give it a name first"
            )
        changed = {v.name for part in node.body for v in self._assigned(part)}
        for n in ast.walk(made.args[0]):
            if isinstance(n, ast.Name) and n.id in changed:
                self.refuse(
                    made.args[0],
                    f"`{n.id}` changes in the block",
                    "release what was taken: use another name",
                )
        scope = _Scope("with")
        scope.node, scope.give, scope.lock_node = node, kind.give, made.args[0]
        scope.exits = {id(n): k for k, n in enumerate(_exits(node))}
        self.call_function(node, kind.take, made.args)
        self.scopes.append(scope)
        self.statements(node.body)
        self.scopes.pop()
        if self.cur is not None:
            self._release(scope, len(scope.exits))

    def _release(self, scope: _Scope, number: int) -> None:
        assert scope.node is not None and scope.lock_node is not None
        self.call_function(scope.node, scope.give, [scope.lock_node], number)

    def _leave_loop(self, node: ast.Break | ast.Continue) -> None:
        for scope in reversed(self.scopes):
            if scope.kind == "loop":
                self.go(scope.after if isinstance(node, ast.Break) else scope.head)
                return
            self._release(scope, scope.exits[id(node)])

    def _return(self, node: ast.Return) -> None:
        op: ir.Operand = 0
        returns = self.f.returns
        if node.value is not None and not (
            returns is None and isinstance(node.value, ast.Constant) and node.value.value is None
        ):
            if returns is None:
                self.refuse(node, f"{self.f.display}() returns nothing", "annotate its result")
            found = self.value(node.value)
            if isinstance(found.type, StackRef):
                self.refuse(
                    node, "a struct on the stack cannot be returned", "make it in the caller"
                )
            op = self.coerce(found, returns, node, f"the result of {self.f.display}()").op
        elif returns is not None:
            self.refuse(node, f"{self.f.display}() returns {returns}", "return a value")
        for scope in reversed(self.scopes):
            if scope.kind == "with":
                self._release(scope, scope.exits[id(node)])
        self.end(ir.Return(op))

    def _assert(self, node: ast.Assert) -> None:
        asserting = self.front.asserting
        if asserting == 0:
            return
        text = ast.unparse(node.test)
        if isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str):
            text = node.msg.value
        elif node.msg is not None:
            self.refuse(
                node.msg, "the message of an assertion is a plain string", "write it in full"
            )
        check, ok, bad = self.f.new_block(), self.f.new_block(), self.f.new_block()
        if asserting == self.front.all:
            self.go(check)
        else:
            self.f.masks.add(asserting)
            self.end(ir.Feature(asserting, check, ok))
        self.at(check)
        known = set(self.known)
        self.condition(node.test, ok, bad)
        self.at(bad)
        self.end(ir.Fail(self.fault(node, "VM_BUG_ON", text)))
        self.known = known
        self.cur = ok if self._has_predecessor(ok) else None

    # ------------------------------------------------------------------ calls

    def call(self, node: ast.Call) -> Value:
        """Lower a call of whatever is called."""
        callee = self.named(node.func)
        simple: dict[Any, Callable[[ast.Call], Value]] = {
            primitives.index_of: self.index_call,
            primitives.owner_of: self.owner_call,
            primitives.choose: self._choose,
            primitives.this_task: self._this_task,
            primitives.bug: self._bug,
            primitives.BUG_ON: self._bug_on,
            primitives.acquired: self._acquired,
            primitives.released: self._acquired,
            primitives.holds: self._holds,
        }
        if isinstance(callee, FunctionType) and callee in simple:
            return simple[callee](node)
        if isinstance(callee, KernelFunction | FunctionType):
            if node.keywords:
                self.refuse(node, "arguments are passed by position", "leave out their names")
            return self.call_function(node, callee, node.args)
        if callee in (bool, int) and len(node.args) == 1:
            found = self.integer(node.args[0])
            if callee is int:
                return Value(
                    found.op, I32 if found.type == BOOL else found.type, found.lo, found.hi
                )
            return self.op("ne", found, constant(0, I32), BOOL)
        if callee in (min, max) and len(node.args) == 2:
            a, b = self.integer(node.args[0]), self.integer(node.args[1])
            return self.arithmetic(node, "min" if callee is min else "max", a, b)
        if isinstance(callee, type) and issubclass(callee, enum.IntEnum | enum.IntFlag):
            found = self.integer(node.args[0])
            kind = enum_type(callee)
            found = self.coerce(found, kind, node, callee.__name__)
            return Value(found.op, kind, max(found.lo, kind.lo), min(found.hi, kind.hi))
        if isinstance(callee, type) and issubclass(callee, OnStack):
            self.refuse(
                node,
                f"{callee.__name__}(...) makes a struct on the stack",
                "assign it to a name first",
            )
        if isinstance(self.static_type(node.func), Fn):
            return self._indirect(node)
        self.refuse(
            node.func,
            f"`{ast.unparse(node.func)}` cannot be called here",
            "functions of the specification, bool, int, min, max, enums",
        )

    def call_function(
        self,
        node: ast.AST,
        callee: Any,
        arg_nodes: Sequence[ast.expr],
        exit: int = -1,
    ) -> Value:
        """Call a function by name: evaluate arguments, then every text a kernel may have."""
        text = text_of(callee)
        signature = self.front.signature(text)
        if len(arg_nodes) != len(signature.params):
            names = ", ".join(name for name, _ in signature.params)
            self.refuse(
                node,
                f"{text.__name__}() takes ({names}), {len(arg_nodes)} given",
                "pass every argument",
            )

        def evaluate() -> list[Value]:
            found = []
            for arg, (name, kind) in zip(arg_nodes, signature.params, strict=True):
                what = f"{text.__name__}({name}=)"
                found.append(self.coerce(self.value(arg), kind, arg, what))
            return found

        args = evaluate()
        if isinstance(callee, KernelFunction) and callee.atomic and not self.atomic:
            return self._atomic_call(node, callee, arg_nodes, args, exit)
        return self._texts(node, callee, args)

    def _again(self, arg_nodes: Sequence[ast.expr], args: list[Value]) -> list[Value]:
        """Arguments once more, where that is cheap: then nothing lives across the point."""
        with self.quietly():
            return [
                self.value(node) if self.pure(node) else arg
                for node, arg in zip(arg_nodes, args, strict=True)
            ]

    def _atomic_call(
        self,
        node: ast.AST,
        callee: KernelFunction[..., Any],
        arg_nodes: Sequence[ast.expr],
        args: list[Value],
        exit: int,
    ) -> Value:
        cases = self._cases(callee)
        movers = {callee.mover(text) for _, text in cases}
        guards = [(mask, self.front.guard_of(text)) for mask, text in cases]
        waits = callee.role == ACQUIRE or any(guard is not None for _, guard in guards)
        if len(movers) > 1:
            self.refuse(node, f"only some texts of {callee.__name__}() choose", "all, or none")
        mover = movers.pop()
        if mover == "pick" and callee.role not in (PLAIN, UNLOCKED):
            self.refuse(node, f"a step that chooses has no role: {callee.role}", "use @atomic")
        if waits and mover in ("invisible", "release"):
            self.refuse(node, f"a step with role {callee.role} cannot wait", "use @atomic")
        point = self.point(node, "call", callee.__name__, mover, guarded=waits, exit=exit)
        args = self._again(arg_nodes, args)
        if waits:
            after = self.f.new_block()
            ready = self._ready(guards, [a.op for a in args])
            self.end(ir.Guard(ready, point, after))
            self.at(after)
        return self._texts(node, callee, args)

    def _ready(
        self, guards: Sequence[tuple[int, ir.Function | None]], args: list[ir.Operand]
    ) -> ir.Operand:
        """Whether a step can be taken, in the kernel under check."""
        if all(guard is None for _, guard in guards):
            return 1
        ready = self.temp(BOOL)
        after = self.f.new_block()
        for n, (mask, guard) in enumerate(guards):
            rest = self.f.new_block()
            if n + 1 < len(guards):
                this = self.f.new_block()
                self.f.masks.add(mask)
                self.end(ir.Feature(mask, this, rest))
                self.at(this)
            if guard is None:
                self.emit(ir.Move(ready, 1))
            else:
                self.emit(ir.Call(ready, guard, list(args)))
                self.f.callees[guard] = None
                self.f.can_fail |= guard.can_fail
            self.go(after)
            self.at(rest)
        self.at(after)
        return ready

    def _cases(self, callee: KernelFunction[..., Any]) -> list[tuple[int, FunctionType]]:
        """The text that each kernel of the family has, with the kernels as bits."""
        cases: list[tuple[int, FunctionType]] = []
        left = self.front.all
        for change, text in reversed(callee.newer):
            having = left & self.front.mask(change)
            if having:
                cases.append((having, text))
                left &= ~having
        for change, text in reversed(callee.older):
            without = left & ~self.front.mask(change)
            if without:
                cases.append((without, text))
                left &= ~without
        if left:
            cases.append((left, callee.fn))
        newest = self.front.signature(callee.fn)
        for _, text in cases:
            if self.front.signature(text) != newest:
                self.refuse(
                    syntax_of(text),
                    f"{text.__name__}() and {callee.__name__}() have different parameters or "
                    "results",
                    "older texts are called in the same way",
                )
        return cases

    def _texts(self, node: ast.AST, callee: Any, args: list[Value]) -> Value:
        """Call the text that each kernel of the family has."""
        if not isinstance(callee, KernelFunction) or len(callee.texts()) == 1:
            return self._direct(node, callee, text_of(callee), args)
        cases = self._cases(callee)
        if len(cases) == 1:
            return self._direct(node, callee, cases[0][1], args)
        return self._dispatch(
            node,
            [
                (mask, functools.partial(self._direct, node, callee, text, args))
                for mask, text in cases
            ],
            text_of(callee),
        )

    def _dispatch(
        self,
        node: ast.AST,
        cases: Sequence[tuple[int, Callable[[], Value]]],
        text: FunctionType,
    ) -> Value:
        returns = self.front.signature(text).returns
        result = self.temp(returns if returns is not None else I32)
        result.read_at = (span_of(node, self.file), "result")
        after = self.f.new_block()
        known = set(self.known)
        for n, (mask, act) in enumerate(cases):
            if n + 1 < len(cases):
                this, rest = self.f.new_block(), self.f.new_block()
                self.f.masks.add(mask)
                self.end(ir.Feature(mask, this, rest))
                self.at(this)
            found = act()
            self.emit(ir.Move(result, found.op))
            self.go(after)
            if n + 1 < len(cases):
                self.at(rest)
        self.known = known
        self.at(after)
        return self._result(result, returns)

    def _result(self, var: ir.Var, returns: Type | None) -> Value:
        if returns is None:
            return Value(0, None)
        self.results.add(var)
        return self.of_var(var)

    def _direct(self, node: ast.AST, callee: Any, text: FunctionType, args: list[Value]) -> Value:
        role = callee.role if isinstance(callee, KernelFunction) else "plain"
        atomic = self.atomic or (isinstance(callee, KernelFunction) and callee.atomic)
        if self.atomic and leading_wait(text) is not None:
            self.refuse(
                node, f"{text.__name__}() waits, inside an atomic step", "call it before the step"
            )
        unchecked = self.unchecked or role in UNCHECKED
        target = self.front.lower(text, atomic, unchecked)
        if self.testing and target.writes:
            self.refuse(
                node,
                f"a condition to wait for changes memory: {text.__name__}() does",
                "test only",
            )
        self.f.writes |= target.writes
        if self.atomic and target.has_choice:
            self._chooses(node)
        self.f.callees[target] = None
        returns = target.returns
        dst = self.temp(returns) if returns is not None else None
        ops = [arg.op for arg in args]
        if target.has_points:
            after = self.f.new_block()
            made = ir.CallTo(dst, target, ops, after, span_of(node, self.file))
            self.end(made)
            self.at(after)
            self.f.has_points = True
            if dst is not None:
                dst.read_at = (span_of(node, self.file), "result")
        else:
            self.f.can_fail |= target.can_fail
            self.emit(ir.Call(dst, target, ops))
        if dst is None:
            return Value(0, None)
        return self._result(dst, returns)

    def _indirect(self, node: ast.Call) -> Value:
        """A call through a function pointer: one of the functions whose name is a value."""
        pointer = self.value(node.func)
        args = [self.value(arg) for arg in node.args]
        candidates = self.front.candidates(args)
        returns = self._result_of_pointer(node, args, candidates)
        candidates = [
            fn for fn in candidates if self.front.signature(text_of(fn)).returns == returns
        ]
        self.nonnull(pointer, node, ast.unparse(node.func))
        result = self.temp(returns if returns is not None else I32)
        result.read_at = (span_of(node, self.file), "result")
        after = self.f.new_block()
        known = set(self.known)
        for fn in candidates:
            this, rest = self.f.new_block(), self.f.new_block()
            same = self.op("eq", pointer, constant(self.front.addressed[fn], I32), BOOL)
            self.end(ir.Branch(same.op, this, rest))
            self.at(this)
            params = self.front.signature(text_of(fn)).params
            checked = [
                self.coerce(arg, kind, arg_node, f"{fn.__name__}({name}=)")
                for arg, arg_node, (name, kind) in zip(args, node.args, params, strict=True)
            ]
            if isinstance(fn, KernelFunction) and fn.atomic and not self.atomic:
                found = self._atomic_call(node, fn, node.args, checked, -1)
            else:
                found = self._texts(node, fn, checked)
            self.emit(ir.Move(result, found.op))
            self.go(after)
            self.at(rest)
            self.known = set(known)
        self.end(ir.Fail(self.fault(node, "oops", "call through a wild function pointer")))
        self.known = known
        self.cur = after if candidates else None
        return self._result(result, returns)

    def _result_of_pointer(
        self, node: ast.Call, args: Sequence[Value], candidates: Sequence[Any]
    ) -> Type | None:
        """The result type of a call through a pointer: as annotated, or as all candidates have."""
        hint: Any = None
        if isinstance(node.func, ast.Attribute):
            field = self.field_of(node.func)
            assert field is not None
            hint = typing.get_type_hints(field.owner, include_extras=True)[field.name]
        elif isinstance(node.func, ast.Name):
            hint = typing.get_type_hints(self.text, include_extras=True).get(node.func.id)
        if typing.get_args(hint):
            wanted, returns = typing.get_args(hint)
            kinds = [type_of_hint(kind) for kind in wanted]
            fits = len(kinds) == len(args) and all(
                kind is not None and arg.fits(kind) for arg, kind in zip(args, kinds, strict=True)
            )
            if not fits:
                shown = ", ".join(str(kind) for kind in kinds)
                self.refuse(node, f"this function takes ({shown})", "pass every argument")
            return type_of_hint(returns)
        found = {self.front.signature(text_of(fn)).returns for fn in candidates}
        if len(found) != 1:
            self.refuse(
                node,
                "what this function gives is not known",
                "call it through a parameter or a field with a type",
            )
        return found.pop()

    # ------------------------------------------------------------------ builtins

    def _choose(self, node: ast.Call) -> Value:
        if len(node.args) != 1 or node.keywords:
            self.refuse(node, "choose() takes the number of alternatives", "choose(2)")
        if self.atomic:
            self._chooses(node)
            n = self.integer(node.args[0])
        else:
            known = self.fold(node.args[0])
            if known is None:
                self.refuse(
                    node,
                    "the number of alternatives must be a constant here",
                    "choose in an atomic function",
                )
            n = constant(int(known), I32)
        if n.hi > 255 or n.lo < 0:
            self.refuse(
                node, "choose() takes a number from 1 to 255", "use an unsigned type of one byte"
            )
        if not self.atomic:
            self.point(node, "choose", "", "choose")
        if n.lo < 1:
            self.check(n, 1, 255, node, "choice", "choose(0): there is no alternative")
        dst = self.temp(U8)
        dst.read_at = (span_of(node, self.file), "choose")
        self.emit(ir.Choice(dst, n.op))
        return Value(dst, U8, 0, max(0, n.hi - 1))

    def _chooses(self, node: ast.AST) -> None:
        """Note the choice of an atomic step; there can be one, made once."""
        if self.testing:
            self.refuse(node, "choose() in a condition to wait for", "choose after the wait")
        if self.f.has_choice or any(scope.kind == "loop" for scope in self.scopes):
            self.refuse(node, "one choose() in an atomic step", "split the function")
        self.f.has_choice = True

    def _this_task(self, node: ast.Call) -> Value:
        dst = self.temp(I32)
        self.emit(ir.TaskNumber(dst))
        return Value(dst, I32, 0, 255)

    def _bug(self, node: ast.Call) -> Value:
        if len(node.args) < 2:
            self.refuse(node, "bug() takes a kind and a text", 'bug("Bad page state", "...")')
        words = []
        for arg in node.args[:2]:
            if not (isinstance(arg, ast.Constant) and isinstance(arg.value, str)):
                self.refuse(
                    arg, "kind and text of bug() are plain strings", "give values as details"
                )
            words.append(arg.value)
        for arg in node.args[2:]:
            if not self.pure(arg):
                self.refuse(arg, "details of bug() are local values", "give it a name first")
        self.end(ir.Fail(self.fault(node, words[0], words[1])))
        return Value(0, None)

    def _bug_on(self, node: ast.Call) -> Value:
        if len(node.args) != 1:
            self.refuse(node, "BUG_ON() takes a condition", "BUG_ON(page.count == 0)")
        found = self.value(node.args[0])
        if not (found.is_int or found.is_pointer):
            self.refuse(node, f"{found.type} is neither true nor false", "compare it")
        ok, bad = self.f.new_block(), self.f.new_block()
        self.end(ir.Branch(found.op, bad, ok))
        self.at(bad)
        text = f"BUG_ON({ast.unparse(node.args[0])})"
        self.end(ir.Fail(self.fault(node, "BUG_ON", text)))
        self.at(ok)
        return Value(0, None)

    def _lock_argument(self, node: ast.Call) -> tuple[Value, bool]:
        shared = False
        for keyword in node.keywords:
            known = self.fold(keyword.value)
            if keyword.arg != "shared" or known is None:
                self.refuse(keyword, "shared= takes True or False", "acquired(lock, shared=True)")
            shared = bool(known)
        if len(node.args) != 1:
            self.refuse(node, "this takes one lock", "acquired(lock)")
        lock = self.value(node.args[0])
        if not isinstance(lock.type, Ref):
            self.refuse(
                node.args[0], f"a lock is a struct, this is {lock.type}", "embed one: SpinLock"
            )
        self.nonnull(lock, node, "lock")
        return lock, shared

    def _acquired(self, node: ast.Call) -> Value:
        lock, shared = self._lock_argument(node)
        assert isinstance(lock.type, Ref)
        take = self.named(node.func) is primitives.acquired
        text = "taken again by the task that holds it" if take else "released, but not held"
        fault = self.fault(node, "locking", text)
        self.f.writes = True
        if self.testing:
            self.refuse(node, "a condition to wait for takes or releases a lock", "test only")
        self.emit(ir.Hold(lock.type.cls, lock.op, shared, take, fault))
        return Value(0, None)

    def _holds(self, node: ast.Call) -> Value:
        lock, shared = self._lock_argument(node)
        assert isinstance(lock.type, Ref)
        dst = self.temp(BOOL)
        self.emit(ir.Holds(dst, lock.type.cls, lock.op, shared))
        return Value(dst, BOOL, 0, 1)


def _exits(node: ast.With) -> list[ast.stmt]:
    """Statements that leave the block early, in source order."""
    found: list[ast.stmt] = []

    def visit(body: Sequence[ast.stmt], in_loop: bool) -> None:
        for statement in body:
            if isinstance(statement, ast.Return) or (
                isinstance(statement, ast.Break | ast.Continue) and not in_loop
            ):
                found.append(statement)
            deeper = in_loop or isinstance(statement, ast.For | ast.While)
            for part in ("body", "orelse"):
                visit(getattr(statement, part, []), deeper)

    visit(node.body, False)
    return found
