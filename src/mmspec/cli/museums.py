"""`mmspec museum`: faults of Linux's history, without their fixes and with them."""

from __future__ import annotations

import textwrap

import click

from mmspec.checker import Verdict
from mmspec.cli.options import coloured
from mmspec.cli.reading import kernel_of
from mmspec.kernels import Kernel
from mmspec.kernels.known import change_named
from mmspec.museum import Bug, bug_named, bugs
from mmspec.museum.checking import Seen, Shown, ask, show
from mmspec.report import terminal
from mmspec.report.columns import WIDTH


@click.command("museum")
@click.argument("name", required=False)
@click.option("-k", "--kernel", metavar="KERNEL", help="Which of them does this kernel have?")
@click.option("--with", "more", multiple=True, metavar="CHANGE", help="Put it into that kernel.")
@click.option("--without", "less", multiple=True, metavar="CHANGE", help="Take it out of it.")
def museum_command(
    name: str | None, kernel: str | None, more: tuple[str, ...], less: tuple[str, ...]
) -> None:
    """Faults of Linux's history, each found without its fix and gone with it.

    With the NAME of an exhibit: what it was, and the shortest trace of it. With --kernel: which of
    them a kernel has. To see each alone, the kernel is given the fixes of the others, as far as it
    has what they need. Exit codes: 0, or 1 if an exhibit is not what it says (with --kernel: if the
    kernel has one), 2 if that is not known.

    \b
      mmspec museum
      mmspec museum pmd_dirty_lost
      mmspec museum --kernel v4.14
      mmspec museum --kernel v4.14 --without SWP_SOFT_DIRTY_IN_BIT_1
    """
    if kernel is None and (more or less):
        raise click.UsageError("--with and --without need --kernel")
    chosen = [bug_named(name)] if name is not None else list(bugs())
    if kernel is not None:
        made = kernel_of(kernel)
        made = made.without(*map(change_named, less)) if less else made
        _ask(chosen, made.with_(*map(change_named, more)) if more else made)
    elif name is not None:
        _tell(chosen[0])
    else:
        _show(chosen)


# ------------------------------------------------------------------------------- all exhibits


def _show(chosen: list[Bug]) -> None:
    shown = show(chosen)
    wide = max(len(bug.name) for bug in chosen)
    click.echo(
        f"{'exhibit':{wide}}  {'fix':12}  {'without it':>10}  {'steps':>5}  {'states':>7}  "
        f"{'with it':>9}  {'states':>7}  {'s':>4}  violates"
    )
    for made in shown.values():
        click.echo(_line(made, wide))
    for made in shown.values():
        for text in _complaints(made):
            click.echo(text)
    found = sum(made.is_found for made in shown.values())
    exhausted = sum(made.with_it.is_exhausted for made in shown.values())
    infeasible = sum(made.is_infeasible for made in shown.values())
    seconds = sum(made.seconds for made in shown.values())
    click.echo(
        f"museum: found {found} of {len(shown)}, exhausted {exhausted} of {len(shown)}, "
        f"infeasible {infeasible}, {seconds:.1f} s"
    )
    raise click.exceptions.Exit(0 if all(made.is_as_it_says for made in shown.values()) else 1)


def _line(made: Shown, wide: int) -> str:
    bug, out, with_it = made.bug, made.without, made.with_it
    word = "found" if made.is_found else "infeasible" if made.is_infeasible else "NOT FOUND"
    rest = "exhausted" if with_it.is_exhausted else "NOT"
    steps = f"{out.steps:,}" if out.steps else ""
    broken = bug.violates.name if not bug.not_here else ""
    return (
        f"{bug.name:{wide}}  {bug.commit:12}  {word:>10}  {steps:>5}  "
        f"{out.result.states:>7,}  {rest:>9}  {with_it.result.states:>7,}  {made.seconds:>4.1f}  "
        f"{broken}"
    ).rstrip()


def _complaints(made: Shown) -> list[str]:
    """What is not as an exhibit says."""
    bug, found = made.bug, []
    out = made.without.violation
    if not bug.not_here and not made.is_found:
        what = f"violates {out.name}: {out.text}" if out is not None else "nothing is violated"
        found.append(f"{bug.name}: without the fix {what}")
    if made.without.missing and out is not None:
        found.append(f"{bug.name}: the trace does not show {made.without.missing[0]!r}")
    if not made.with_it.is_exhausted:
        kept = made.with_it.violation
        what = f"violates {kept.name}: {kept.text}" if kept is not None else "is not exhausted"
        if made.with_it.missing and kept is None:
            what = f"does not reach {', '.join(made.with_it.missing)}"
        found.append(f"{bug.name}: with the fix it {what}")
    return found


# -------------------------------------------------------------------------------- one exhibit


def _tell(bug: Bug) -> None:
    made = show([bug])[bug.name]
    click.echo(f"{bug.name}: {bug.commit} ({bug.fixed.release})")
    click.echo(f'"{bug.fixed.subject}"\n')
    click.echo(bug.prose.strip() + "\n")
    if bug.not_here:
        click.echo("\n".join(textwrap.wrap(bug.not_here, WIDTH)) + "\n")
    for n, step in enumerate(bug.key_steps, 1):
        click.echo(f"{n:2}. {step}")
    if bug.key_steps:
        click.echo()
    click.echo(terminal.report_of(made.without.result))
    click.echo()
    click.echo(f"with the fix: {terminal.report_of(made.with_it.result).splitlines()[-1]}")
    for text in _complaints(made):
        click.echo(text)
    raise click.exceptions.Exit(0 if made.is_as_it_says else 1)


# --------------------------------------------------------------------------------- one kernel


def _ask(chosen: list[Bug], kernel: Kernel) -> None:
    click.echo(f"kernel: {kernel}, with fixes of the other exhibits")
    seen = ask(chosen, kernel)
    wide = max(len(bug.name) for bug in chosen)
    verdicts = set()
    for one in seen.values():
        verdict, text = _answer(one, kernel)
        verdicts.add(verdict)
        shown = coloured(verdict, f"{_WORDS[verdict]:8}")
        click.echo(f"{one.bug.name:{wide}}  {shown}  {text}".rstrip())
    count = {verdict: 0 for verdict in Verdict}
    for one in seen.values():
        count[_answer(one, kernel)[0]] += 1
    click.echo(
        f"museum: {kernel} has {count[Verdict.VIOLATED]}, has not {count[Verdict.HOLDS]}, "
        f"not known {count[Verdict.UNDETERMINED]}"
    )
    code = 1 if Verdict.VIOLATED in verdicts else 2 if Verdict.UNDETERMINED in verdicts else 0
    raise click.exceptions.Exit(code)


_WORDS = {Verdict.VIOLATED: "has it", Verdict.HOLDS: "has not", Verdict.UNDETERMINED: "unknown"}


def _answer(seen: Seen, kernel: Kernel) -> tuple[Verdict, str]:
    """Whether a kernel has a fault, and how that is known."""
    bug, result = seen.bug, seen.result
    states = f"{result.states:,} states"
    if seen.is_the_bug:
        return Verdict.VIOLATED, f"after {seen.steps:,} steps: {bug.violates.sentence}"
    if seen.violation is not None:
        found = seen.violation
        if found.broken is bug.violates:
            return Verdict.VIOLATED, f"after {seen.steps:,} steps, in another way: {found.text}"
        return Verdict.UNDETERMINED, f"something else is found: {found.text}"
    if result.verdict is Verdict.HOLDS:
        why = f"it has {bug.fixed}" if bug.fixed in kernel else "without the fix"
        return Verdict.HOLDS, f"{why}; exhausted, {states}"
    return Verdict.UNDETERMINED, f"not exhausted: {states}"
