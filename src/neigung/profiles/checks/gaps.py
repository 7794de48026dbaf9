"""Days on which nothing happened."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding, Gap

_LONG_GAP_DAYS = 7

_TIMES_USUAL = 4
"""A shop with empty days is silent; it is when it is silent for so much longer than usual."""


def _says(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables.values():
        if table.name not in ("order_lines", "visits"):
            continue
        long = max(_LONG_GAP_DAYS, _TIMES_USUAL * table.usual_gap_days)
        within = [gap for gap in table.longest_gaps if not _beyond(facts, table.name, gap)]
        for gap in within:
            if gap.days >= long:
                yield Finding(
                    "warn",
                    table.name,
                    f"{table.name}: no row on the {gap.days} days from {gap.first} to {gap.last}. "
                    "Unless the shop was closed, load these days again.",
                )


def _beyond(facts: Facts, name: str, gap: Gap) -> bool:
    """Whether the gap lies between nearly all orders and what `ends` tells of."""
    first, last = facts.store.span()
    return name == "order_lines" and (gap.last < first.date() or gap.first > last.date())


CHECK = Check("gaps", _says)
