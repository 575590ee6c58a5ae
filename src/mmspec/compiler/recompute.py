"""Recompute intermediate values after a stop instead of keeping them across it.

`page.count = page.count + 1` adds before the stop at the store. The sum would be one more thing in
the state; the value read is enough, and it is also what an execution by CPython can show.
"""

from __future__ import annotations

from mmspec.compiler import ir


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


def _repeatable(instr: ir.Instr) -> bool:
    if isinstance(instr, ir.Op | ir.TaskNumber):
        return True
    return isinstance(instr, ir.Load) and isinstance(instr.location, ir.OnFrame)
