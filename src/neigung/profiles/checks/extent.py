"""How much there is: no fault, but what everybody looks at first."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    lines = facts.tables.get("order_lines")
    if lines is None:
        return
    first, last = facts.store.span()
    days = (last.date() - first.date()).days + 1
    yield Finding(
        "ok",
        "order_lines",
        f"{lines.customers:,} customers with {lines.rows:,} order lines on {days:,} days from "
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d}.",
    )


CHECK = Check("extent", _says)
