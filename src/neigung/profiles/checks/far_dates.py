"""Tables that reach far beyond the last order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_FAR = timedelta(days=366)


def _says(facts: Facts) -> Iterator[Finding]:
    _, last = facts.store.span()
    for table in facts.tables.values():
        if table.name != "order_lines" and table.last - last > _FAR:
            yield Finding(
                "warn",
                table.name,
                f"{table.name}: rows reach {table.last:%Y-%m-%d}, long after the last order. "
                "Check for made-up dates.",
            )


CHECK = Check("far_dates", _says)
