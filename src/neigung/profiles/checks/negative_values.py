"""Order lines below zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

COUNTED = "negative_lines"


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    return {COUNTED: (table.net_value < 0).sum()} if name == "order_lines" else {}


def _says(facts: Facts) -> Iterator[Finding]:
    negative = facts.number("order_lines", COUNTED)
    if negative:
        yield Finding(
            "warn",
            "order_lines",
            f"order_lines: {facts.share(negative, 'order_lines')} have a negative net_value. "
            "Goods sent back go into returns.",
        )


CHECK = Check("negative_values", _says, _counts)
