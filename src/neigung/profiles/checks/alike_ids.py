"""Ids of one table that differ by case or leading zeros alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from neigung.profiles.alike import twins
from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_CAUSE = "ids_of_which_some_may_be_alike"


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    if name != "order_lines":
        return {}
    ids = table.customer_id
    # Without a capital letter and a zero in front all ids that are alike are the same.
    return {_CAUSE: ((ids != ids.lower()) | ids.between("0", "1")).any()}


def _says(facts: Facts) -> Iterator[Finding]:
    if not facts.number("order_lines", _CAUSE):
        return
    found = twins(facts.store.table("order_lines"))
    if found["ids"]:
        yield Finding(
            "warn",
            "order_lines",
            f"order_lines: {found['ids']:,} of {found['of']:,} customer_ids differ from another by "
            f"case or leading zeros alone, such as {found['first']!r} and {found['last']!r}. If "
            "these are one customer, write one of them.",
        )


CHECK = Check("alike_ids", _says, _counts)
