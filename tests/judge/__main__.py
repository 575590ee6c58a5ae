"""`python -m tests.judge`: judge every diagram of the collection, and print a table."""

from __future__ import annotations

import sys
import time

from tests.judge.collection import all_judged


def main() -> int:
    """Print the table; 1 if one was judged wrong."""
    started = time.monotonic()
    right = total = 0
    print(f"{'diagram':40} {'kernel':26} {'expected':12} {'found':12} {'nodes':>9} {'s':>5}")
    for found in all_judged():
        item, answer = found.item, found.judgement.answer
        total += 1
        right += found.is_right
        mark = "" if found.is_right else "  WRONG"
        print(
            f"{item.path.stem:40} {item.label:26} {item.expected.value:12} {answer.value:12} "
            f"{found.judgement.nodes:>9,} {found.seconds:>5.1f}{mark}",
            flush=True,
        )
        if not found.is_right and "-v" in sys.argv:
            made = found.judgement
            print("      ", made.why, made.diagram.unread, made.obstacle)
    print(f"judge: right {right} of {total}, {time.monotonic() - started:.0f} s")
    return 0 if right == total else 1


if __name__ == "__main__":
    sys.exit(main())
