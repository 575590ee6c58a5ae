"""Recompute intermediate values after a stop instead of keeping them across it.

`page.count = page.count + 1` adds before the stop at the store. The sum would be one more thing in
the state; the value read is enough, and it is also what an execution by CPython can show.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmspec.compiler import ir
from mmspec.lang.structs import Field, StackRef


def recompute(f: ir.Function) -> None:
    """Repeat, in each block that uses it, the computation of a value from another block."""
    made_in: dict[ir.Var, list[tuple[int, ir.Instr]]] = {}
    for b, block in enumerate(f.blocks):
        for instr in block.instrs:
            var = ir.defines(instr)
            if var is not None and var.temp:
                made_in.setdefault(var, []).append((b, instr))
    recipes = {
        var: found[0]
        for var, found in made_in.items()
        if len(found) == 1 and var.read_at is None and _repeatable(found[0][1])
    }
    for b, block in enumerate(f.blocks):
        wanted: list[ir.Instr] = []
        have: set[ir.Var] = set()

        def need(
            var: ir.Var, b: int = b, wanted: list[ir.Instr] = wanted, have: set[ir.Var] = have
        ) -> None:
            if var not in recipes or recipes[var][0] == b or var in have:
                return
            if not _unchanged(f, *recipes[var], b):
                return
            have.add(var)
            instr = recipes[var][1]
            for operand in ir.uses(instr):
                need(operand)
            wanted.append(instr)

        for instr in block.instrs:
            for var in ir.uses(instr):
                need(var)
        assert block.term is not None
        for var in ir.term_uses(block.term):
            need(var)
        if wanted:
            block.instrs[:0] = wanted


def _unchanged(f: ir.Function, made: int, instr: ir.Instr, used: int) -> bool:
    """Whether what was read from a struct on a stack is still there where it is used."""
    if not isinstance(instr, ir.Load):
        return True
    field = instr.location.field
    block = f.blocks[made]
    if _changes(field, block.instrs[block.instrs.index(instr) + 1 :], block.term):
        return False
    following = {b: set(ir.successors(term)) for b, term in _terminated(f)}
    preceding: dict[int, set[int]] = {b: set() for b in following}
    for b, to in following.items():
        for s in to:
            preceding[s].add(b)
    between = _reached(following, made, used) & _reached(preceding, used, made)
    return not any(_changes(field, f.blocks[b].instrs, f.blocks[b].term) for b in between)


def _terminated(f: ir.Function) -> list[tuple[int, ir.Terminator]]:
    return [(b, block.term) for b, block in enumerate(f.blocks) if block.term is not None]


def _reached(edges: dict[int, set[int]], start: int, end: int) -> set[int]:
    """Blocks that can be reached from `start` without passing `start` or `end`."""
    found: set[int] = set()
    todo = [start]
    while todo:
        for to in edges[todo.pop()]:
            if to not in found and to not in (start, end):
                found.add(to)
                todo.append(to)
    return found


def _changes(field: Field, instrs: Sequence[ir.Instr], term: ir.Terminator | None) -> bool:
    """Whether code may write a field of a struct on a stack."""
    for instr in instrs:
        match instr:
            case ir.Store(location=ir.OnFrame(field=written)) if written is field:
                return True
            case ir.NewStruct(var=var) if var.stack is field.owner:
                return True
            case ir.Call(args=args) if _passes(args, field):
                return True
    return isinstance(term, ir.CallTo) and _passes(term.args, field)


def _passes(args: Sequence[ir.Operand], field: Field) -> bool:
    """Whether a struct with the field is among the arguments."""
    return any(
        isinstance(arg, ir.Var) and isinstance(arg.type, StackRef) and arg.type.cls is field.owner
        for arg in args
    )


def _repeatable(instr: ir.Instr) -> bool:
    if isinstance(instr, ir.Op | ir.TaskNumber):
        return True
    if isinstance(instr, ir.Call):
        return instr.function.pure
    return isinstance(instr, ir.Load) and isinstance(instr.location, ir.OnFrame)
