"""Days on which nothing happened."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_LONG_GAP_DAYS = 7


def _says(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables.values():
        span = (table.last.date() - table.first.date()).days + 1
        if table.name not in ("order_lines", "visits") or table.days_without_rows >= span / 2:
            continue
        for gap in table.longest_gaps:
            if gap.days >= _LONG_GAP_DAYS:
                yield Finding(
                    "warn",
                    table.name,
                    f"{table.name}: no row on the {gap.days} days from {gap.first} to {gap.last}. "
                    "Unless the shop was closed, load these days again.",
                )


CHECK = Check("gaps", _says)
