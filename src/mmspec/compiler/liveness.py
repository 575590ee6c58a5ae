"""Which variables are alive where; and those that may be read before they have a value."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from mmspec.compiler import ir
from mmspec.compiler.errors import CompileError, span_of
from mmspec.lang.source import syntax_of


def bits_of(variables: Iterable[ir.Var]) -> int:
    """A set of variables as an integer."""
    found = 0
    for var in variables:
        found |= 1 << var.index
    return found


def kernel_groups(f: ir.Function, kernels: int) -> list[int]:
    """Kernels (as bits) between which this function makes no difference."""
    classes: dict[tuple[int, ...], int] = {}
    masks = sorted(f.masks)
    for k in range(kernels):
        key = tuple(mask >> k & 1 for mask in masks)
        classes[key] = classes.get(key, 0) | 1 << k
    return list(classes.values())


def resolved(term: ir.Terminator, kernel_bit: int) -> tuple[int, ...]:
    """Blocks that can follow, in one kernel."""
    if isinstance(term, ir.Feature):
        return (term.yes if term.mask & kernel_bit else term.no,)
    return ir.successors(term)


def liveness(f: ir.Function, kernel_bit: int) -> list[int]:
    """Live variables at the start of each block, in one kernel."""
    uses: list[int] = []
    kills: list[int] = []
    for block in f.blocks:
        assert block.term is not None
        live = bits_of(ir.term_uses(block.term))
        killed = 0
        for instr in reversed(block.instrs):
            defined = ir.defines(instr)
            if defined is not None:
                live &= ~(1 << defined.index)
                killed |= 1 << defined.index
            live |= bits_of(ir.uses(instr))
        uses.append(live)
        kills.append(killed)
    live_in = list(uses)
    successors = [resolved(b.term, kernel_bit) for b in f.blocks if b.term is not None]
    predecessors: list[list[int]] = [[] for _ in f.blocks]
    for b, following in enumerate(successors):
        for s in following:
            predecessors[s].append(b)
    todo = list(range(len(f.blocks)))
    waiting = set(todo)
    while todo:
        b = todo.pop()
        waiting.discard(b)
        out = 0
        for s in successors[b]:
            out |= live_in[s]
        term = f.blocks[b].term
        if isinstance(term, ir.CallTo) and term.dst is not None:
            out &= ~(1 << term.dst.index)
        new = uses[b] | (out & ~kills[b])
        if new != live_in[b]:
            live_in[b] = new
            for p in predecessors[b]:
                if p not in waiting:
                    waiting.add(p)
                    todo.append(p)
    return live_in


def stack_args(call: ir.CallTo) -> list[ir.Var]:
    """Structs in the caller's frame that a call is given."""
    return [arg for arg in call.args if isinstance(arg, ir.Var) and arg.stack is not None]


def refuse_unassigned(f: ir.Function, kernels: int) -> None:
    """Refuse a local variable that is read on a path on which it was not assigned."""
    early = 0
    for group in kernel_groups(f, kernels):
        early |= liveness(f, group & -group)[0]
    early &= ~bits_of(f.params)
    for var in f.vars:
        if early >> var.index & 1 and not var.temp:
            file = f.text.__code__.co_filename
            node = next(
                n
                for n in ast.walk(syntax_of(f.text))
                if isinstance(n, ast.Name) and n.id == var.name and isinstance(n.ctx, ast.Load)
            )
            raise CompileError(
                span_of(node, file),
                f"`{var.name}` may be used before it is assigned",
                "assign it on every path",
            )
