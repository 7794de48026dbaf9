"""Returns of orders that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.alike import spelled_otherwise
from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    orphans = returns_without_order(facts) if facts.tables else None
    if orphans:
        alike = spelled_otherwise(
            facts.store.table("returns"), facts.store.table("order_lines"), "order_id"
        )
        advice = alike or "Check the order ids."
        yield Finding(
            "warn",
            "returns",
            f"returns: {facts.share(orphans, 'returns')} name an order that is not in "
            f"order_lines. {advice}",
        )


def returns_without_order(facts: Facts) -> int | None:
    """How many rows of returns there are without their order; None without returns."""
    if "returns" not in facts.store:
        return None
    returns, lines = facts.store.table("returns"), facts.store.table("order_lines")
    return int(returns.anti_join(lines, "order_id").count().to_pyarrow().as_py())


CHECK = Check("returns_without_order", _says)
