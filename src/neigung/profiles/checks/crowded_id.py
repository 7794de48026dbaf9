"""One id under which the orders of many are booked, such as a till's or that of guests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_TOP, _CUSTOMERS = "most_frequent_customer", "customers_with_orders"

_FEWEST_CUSTOMERS = 20
"""Of fewer one may well have most of the orders."""

_STAND_INS = (
    *("0", "-1", "99999", "999999", "9999999", "guest", "gast", "anonymous", "anonym"),
    *(
        "none",
        "unknown",
        "unbekannt",
        "test",
        "dummy",
        "default",
        "cash",
        "walkin",
        "walk-in",
        "pos",
    ),
)
"""Ids that often stand for nobody in particular."""

_SHARE_OF_STAND_IN, _SHARE, _LARGE_SHARE = 0.01, 0.05, 0.2
_TIMES_THE_MEAN, _TIMES_OF_STAND_IN = 100, 10


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    if name != "order_lines":
        return {}
    return {_TOP: table.customer_id.mode(), _CUSTOMERS: table.customer_id.nunique()}


def _says(facts: Facts) -> Iterator[Finding]:
    customers = facts.number("order_lines", _CUSTOMERS)
    if customers < _FEWEST_CUSTOMERS:
        return
    top, lines = facts.numbers["order_lines"][_TOP], facts.store.table("order_lines")
    rows = int(lines.filter(lines.customer_id == top).count().to_pyarrow().as_py())
    share, times = rows / facts.rows["order_lines"], rows * customers / facts.rows["order_lines"]
    stand_in = top.lower() in _STAND_INS and share >= _SHARE_OF_STAND_IN
    stand_in = stand_in and times >= _TIMES_OF_STAND_IN
    if share >= _LARGE_SHARE or (share >= _SHARE and times >= _TIMES_THE_MEAN) or stand_in:
        yield Finding(
            "bad",
            "order_lines",
            f"order_lines: {facts.share(rows, 'order_lines')} belong to the one customer_id "
            f"{top!r}, {times:,.0f} times the mean of {customers:,} customers. If it stands for "
            "guests, a till or tests, leave these rows out.",
        )


CHECK = Check("crowded_id", _says, _counts)
