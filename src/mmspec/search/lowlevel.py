"""A tiny subset of Python for the search loops: every value is an unsigned 64-bit word.

Functions of `engine.py` are written in it and compiled by the same LLVM as the models, so that a
search needs no C compiler. Statements: assignment, `+=` and the like, `if`, `while`, `break`,
`continue`, `return`, calls. Memory is reached through the functions below; addresses are words.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from mmspec.lang.context import ModelError


def _native(*_: int) -> int:
    raise ModelError("this function exists only in compiled code")


def ld16(address: int) -> int:
    """The 16-bit word at `address`."""
    return _native(address)


def ld32(address: int) -> int:
    """The 32-bit word at `address`."""
    return _native(address)


def ld64(address: int) -> int:
    """The 64-bit word at `address`."""
    return _native(address)


def st32(address: int, value: int) -> None:
    """Store the low 32 bits of `value`."""
    _native(address, value)


def st64(address: int, value: int) -> None:
    """Store a word."""
    _native(address, value)


def acquire64(address: int) -> int:
    """Load a word that another thread may publish; what it published before is visible."""
    return _native(address)


def cas64(address: int, expected: int, value: int) -> int:
    """Replace `expected` by `value` atomically; the word found there."""
    return _native(address, expected, value)


def add64(address: int, value: int) -> int:
    """Add atomically; the word found there."""
    return _native(address, value)


def or64(address: int, value: int) -> int:
    """Set bits atomically; the word found there."""
    return _native(address, value)


def prefetch(address: int) -> None:
    """Ask for a cache line soon to be used."""
    _native(address)


def copy(to: int, source: int, size: int) -> None:
    """Copy bytes that do not overlap."""
    _native(to, source, size)


def clear(address: int, size: int) -> None:
    """Zero bytes."""
    _native(address, size)


def mum(a: int, b: int) -> int:
    """Both halves of the 128-bit product, combined by exclusive or."""
    return _native(a, b)


def call3(function: int, a: int, b: int, c: int) -> int:
    """Call a function of three words that returns one."""
    return _native(function, a, b, c)


def call4(function: int, a: int, b: int, c: int, d: int) -> int:
    """Call a function of four words that returns a 32-bit number."""
    return _native(function, a, b, c, d)


_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "lshr",
    ast.FloorDiv: "udiv",
    ast.Mod: "urem",
}
_COMPARE = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "ult",
    ast.LtE: "ule",
    ast.Gt: "ugt",
    ast.GtE: "uge",
}
_DECLARATIONS = """\
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


class _Compiler:
    """Compiles one function to LLVM text."""

    def __init__(self, fn: Callable[..., Any], constants: Mapping[str, Any], exported: bool):
        source = inspect.getsource(fn)
        tree = ast.parse(source).body[0]
        assert isinstance(tree, ast.FunctionDef)
        self.name = tree.name
        self.line = fn.__code__.co_firstlineno - 1
        self.constants = constants
        self.out: list[str] = []
        self.n = 0
        self.homes: dict[str, str] = {}
        self.loops: list[tuple[str, str]] = []
        self.closed = False
        args = [a.arg for a in tree.args.args]
        for arg in args:
            self.home(arg)
        self.body(tree.body)
        if not self.closed:
            self.w("ret i64 0")
        linkage = "" if exported else "internal "
        head = ", ".join(f"i64 %a.{arg}" for arg in args)
        self.text = "\n".join(
            [
                f"define {linkage}i64 @{self.name}({head}) {{",
                "entry:",
                *(f" {home} = alloca i64" for home in self.homes.values()),
                *(f" store i64 %a.{arg}, ptr {self.homes[arg]}" for arg in args),
                *self.out,
                "}",
            ]
        )

    def refuse(self, node: ast.AST) -> NoReturn:
        line = self.line + getattr(node, "lineno", 0)
        raise ModelError(f"{self.name}:{line}: not in the low-level subset: {ast.unparse(node)}")

    def w(self, line: str) -> None:
        self.out.append(" " + line)

    def reg(self) -> str:
        self.n += 1
        return f"%t{self.n}"

    def label(self) -> str:
        self.n += 1
        return f"L{self.n}"

    def place(self, label: str) -> None:
        self.out.append(f"{label}:")
        self.closed = False

    def branch(self, label: str) -> None:
        if not self.closed:
            self.w(f"br label %{label}")
        self.closed = True

    def home(self, name: str) -> str:
        return self.homes.setdefault(name, f"%v.{name}")

    def body(self, statements: Sequence[ast.stmt]) -> None:
        for node in statements:
            if self.closed:
                return
            match node:
                case ast.Expr(value=ast.Constant()):
                    pass
                case ast.Expr():
                    self.value(node.value)
                case ast.Assign(targets=[ast.Name(id=name)]):
                    self.w(f"store i64 {self.value(node.value)}, ptr {self.home(name)}")
                case ast.AugAssign(target=ast.Name(id=name)):
                    left = ast.Name(name, ast.Load())
                    found = self.value(ast.BinOp(left, node.op, node.value))
                    self.w(f"store i64 {found}, ptr {self.home(name)}")
                case ast.Return():
                    found = self.value(node.value) if node.value is not None else "0"
                    self.w(f"ret i64 {found}")
                    self.closed = True
                case ast.If():
                    self.if_(node)
                case ast.While():
                    self.while_(node)
                case ast.Break():
                    self.branch(self.loops[-1][1])
                case ast.Continue():
                    self.branch(self.loops[-1][0])
                case ast.Pass():
                    pass
                case _:
                    self.refuse(node)

    def if_(self, node: ast.If) -> None:
        yes, no, after = self.label(), self.label(), self.label()
        self.condition(node.test, yes, no)
        for label, statements in ((yes, node.body), (no, node.orelse)):
            self.place(label)
            self.body(statements)
            self.branch(after)
        self.place(after)

    def while_(self, node: ast.While) -> None:
        head, inside, after = self.label(), self.label(), self.label()
        self.branch(head)
        self.place(head)
        self.condition(node.test, inside, after)
        self.loops.append((head, after))
        self.place(inside)
        self.body(node.body)
        self.branch(head)
        self.loops.pop()
        self.place(after)

    def condition(self, node: ast.expr, yes: str, no: str) -> None:
        if isinstance(node, ast.BoolOp):
            for part in node.values[:-1]:
                rest = self.label()
                if isinstance(node.op, ast.And):
                    self.condition(part, rest, no)
                else:
                    self.condition(part, yes, rest)
                self.place(rest)
            self.condition(node.values[-1], yes, no)
            return
        c = self.reg()
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            a, b = self.value(node.left), self.value(node.comparators[0])
            self.w(f"{c} = icmp {_COMPARE[type(node.ops[0])]} i64 {a}, {b}")
        else:
            self.w(f"{c} = icmp ne i64 {self.value(node)}, 0")
        self.w(f"br i1 {c}, label %{yes}, label %{no}")
        self.closed = True

    def value(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=bool() | int() as number):
                return str(int(number))
            case ast.Name(id=name) if name in self.homes:
                r = self.reg()
                self.w(f"{r} = load i64, ptr {self.homes[name]}")
                return r
            case ast.Name(id=name) if isinstance(self.constants.get(name), int):
                return str(self.constants[name])
            case ast.BinOp():
                a, b = self.value(node.left), self.value(node.right)
                r = self.reg()
                self.w(f"{r} = {_BINARY[type(node.op)]} i64 {a}, {b}")
                return r
            case ast.Call(func=ast.Name(id=name)):
                return self.call(name, [self.value(arg) for arg in node.args])
        self.refuse(node)

    def pointer(self, address: str) -> str:
        r = self.reg()
        self.w(f"{r} = inttoptr i64 {address} to ptr")
        return r

    def call(self, name: str, args: list[str]) -> str:
        r = self.reg()
        match name:
            case "ld16" | "ld32":
                x = self.reg()
                bits = name[2:]
                self.w(f"{x} = load i{bits}, ptr {self.pointer(args[0])}, align 1")
                self.w(f"{r} = zext i{bits} {x} to i64")
            case "ld64":
                self.w(f"{r} = load i64, ptr {self.pointer(args[0])}, align 1")
            case "st32":
                x = self.reg()
                self.w(f"{x} = trunc i64 {args[1]} to i32")
                self.w(f"store i32 {x}, ptr {self.pointer(args[0])}, align 1")
                return "0"
            case "st64":
                self.w(f"store i64 {args[1]}, ptr {self.pointer(args[0])}, align 1")
                return "0"
            case "acquire64":
                self.w(f"{r} = load atomic i64, ptr {self.pointer(args[0])} acquire, align 8")
            case "cas64":
                x, p = self.reg(), self.pointer(args[0])
                self.w(f"{x} = cmpxchg ptr {p}, i64 {args[1]}, i64 {args[2]} acq_rel acquire")
                self.w(f"{r} = extractvalue {{i64, i1}} {x}, 0")
            case "add64" | "or64":
                p = self.pointer(args[0])
                self.w(f"{r} = atomicrmw {name[:-2]} ptr {p}, i64 {args[1]} monotonic")
            case "prefetch":
                p = self.pointer(args[0])
                self.w(f"call void @llvm.prefetch.p0(ptr {p}, i32 1, i32 3, i32 1)")
                return "0"
            case "copy":
                p, q = self.pointer(args[0]), self.pointer(args[1])
                self.w(
                    f"call void @llvm.memcpy.p0.p0.i64(ptr {p}, ptr {q}, i64 {args[2]}, i1 false)"
                )
                return "0"
            case "clear":
                p = self.pointer(args[0])
                self.w(f"call void @llvm.memset.p0.i64(ptr {p}, i8 0, i64 {args[1]}, i1 false)")
                return "0"
            case "mum":
                a, b, c, h, low, high = (self.reg() for _ in range(6))
                self.w(f"{a} = zext i64 {args[0]} to i128")
                self.w(f"{b} = zext i64 {args[1]} to i128")
                self.w(f"{c} = mul i128 {a}, {b}")
                self.w(f"{h} = lshr i128 {c}, 64")
                self.w(f"{low} = trunc i128 {c} to i64")
                self.w(f"{high} = trunc i128 {h} to i64")
                self.w(f"{r} = xor i64 {low}, {high}")
            case "call3":
                p, a, b = (self.pointer(arg) for arg in args[:3])
                self.w(f"{r} = call i64 {p}(ptr {a}, ptr {b}, i64 {args[3]})")
            case "call4":
                p, a = (self.pointer(arg) for arg in args[:2])
                x = self.reg()
                rest = ", ".join(f"i64 {arg}" for arg in args[2:])
                self.w(f"{x} = call i32 {p}(ptr {a}, {rest})")
                self.w(f"{r} = zext i32 {x} to i64")
            case _:
                self.w(f"{r} = call i64 @{name}({', '.join('i64 ' + arg for arg in args)})")
        return r


def compile_functions(
    functions: Sequence[Callable[..., Any]], exported: Sequence[Callable[..., Any]]
) -> str:
    """LLVM text of `functions`; those in `exported` can be called from outside."""
    parts = [_DECLARATIONS]
    for fn in functions:
        parts.append(_Compiler(fn, fn.__globals__, fn in exported).text)
    return "\n".join(parts)
