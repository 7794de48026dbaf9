"""The checks as a table for the docs, written from what they are judged by."""

from __future__ import annotations

from neigung.judgement.check import Check
from neigung.judgement.checks import CHECKS

_HEADINGS = ("Check", "Of", "With care", "Bad", "Why", "Source")


def kinds_of(check: Check) -> tuple[str, ...]:
    """The kinds of model that have a check."""
    return tuple(kind for kind, checks in CHECKS.items() if check in checks)


def checks_table() -> str:
    """All checks of all kinds as a Markdown table, one row each, ending with a newline.

    >>> print(checks_table().splitlines()[0])
    | Check | Of | With care | Bad | Why | Source |
    """
    every = list(dict.fromkeys(check for checks in CHECKS.values() for check in checks))
    rows = [
        (
            f"`{check.code}`: {check.title}",
            " and ".join(kinds_of(check)) if len(kinds_of(check)) < len(CHECKS) else "all",
            check.care or "–",
            check.bad or "–",
            check.why,
            check.source or "–",
        )
        for check in every
    ]
    lines = [_HEADINGS, ("---",) * len(_HEADINGS), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in lines)
