"""Orders whose ids or amounts cannot be what they say.

A receipt number that starts again each day, year or till makes one order of several; a line that
repeats the order's total counts it several times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding
from neigung.profiles.timeline import days_between

_APART, _FAR_APART = 30, 180
"""Days between the lines of one order: some parts ship so late, but no more than one in a hundred
orders; and none ships half a year later."""

_ONE_IN = 100

_FEWEST = 3


def _says(facts: Facts) -> Iterator[Finding]:
    orders = _orders(facts.store.table("order_lines"))
    found = _row(
        orders.aggregate(
            orders=orders.count(),
            ids=orders.order_id.nunique(),
            apart=(orders.days > _APART).sum(),
            far_apart=(orders.days > _FAR_APART).sum(),
            unlike=orders.unlike.sum(),
            alike=orders.alike.sum(),
            amounts=orders.high.nunique(where=orders.alike),
        )
    )
    yield from _reused(orders, found)
    if found["ids"] < found["orders"]:
        yield from _shared(orders, found["orders"])
    yield from _repeated(orders, found)


def _orders(lines: ir.Table) -> ir.Table:
    """The orders with how many days apart their lines lie, and whether these have one amount.

    `unlike`: it has several lines that are not all of one product; `alike`: whose amounts are one.
    """
    several = lines.count() > 1
    if "product_id" in lines.columns:
        several = lines.product_id.min() != lines.product_id.max()
    orders = lines.group_by("customer_id", "order_id").agg(
        first=lines.occurred_at.min(),
        last=lines.occurred_at.max(),
        low=lines.net_value.min(),
        high=lines.net_value.max(),
        unlike=several.fill_null(False),
    )
    return orders.mutate(
        days=days_between(orders.first, orders.last),
        alike=orders.unlike & (orders.low == orders.high) & (orders.high > 0),
    )


def _reused(orders: ir.Table, found: dict[str, Any]) -> Iterator[Finding]:
    days = _FAR_APART if found["far_apart"] else _APART
    count = found["far_apart"] or found["apart"]
    if not count or (days == _APART and (count < _FEWEST or count * _ONE_IN < found["orders"])):
        return
    one = _first(orders.filter(orders.days > days), "customer_id", "order_id", "first", "last")
    between = f"{one['first']:%Y-%m-%d} and {one['last']:%Y-%m-%d}"
    yield Finding(
        "warn",
        "order_lines",
        f"order_lines: {_share(count, found['orders'])} have lines more than {days} days apart, "
        f"for example customer {one['customer_id']}, order {one['order_id']}, {between}. "
        "Such are several orders taken for one, where numbers start "
        "again each day, year or till; make order_id unique, such as date and number together.",
    )


def _shared(orders: ir.Table, whole: int) -> Iterator[Finding]:
    by_instant = orders.group_by("order_id", "first").agg(
        one=orders.customer_id.min(), other=orders.customer_id.max()
    )
    shared = by_instant.filter(by_instant.one != by_instant.other)
    count = int(shared.count().to_pyarrow().as_py())
    if count:
        row = _first(shared, "order_id", "first", "one", "other")
        yield Finding(
            "warn",
            "order_lines",
            f"order_lines: {_share(count, whole)} belong to "
            f"several customers at one instant, for example order {row['order_id']} of "
            f"{row['first']:%Y-%m-%d %H:%M} to {row['one']} and {row['other']}. An order is of one "
            "customer; check the customer ids, or make order_id unique.",
        )


def _repeated(orders: ir.Table, found: dict[str, Any]) -> Iterator[Finding]:
    alike, unlike = found["alike"] or 0, found["unlike"] or 0
    # In a shop of few prices, too, amounts are alike, but then they are of few sizes.
    if alike < _FEWEST or alike * 2 <= unlike or found["amounts"] < min(10, alike * 0.6):
        return
    one = _first(orders.filter(orders.alike), "customer_id", "order_id", "high")
    yield Finding(
        "warn",
        "order_lines",
        f"order_lines: {alike:,} of {unlike:,} orders with several lines have the same net_value "
        f"on each of them, for example customer {one['customer_id']}, order {one['order_id']}, "
        f"{one['high']:.2f}. If that is the order's total, its value is counted several times: "
        "give each line its own amount, or the total to the first line and 0 to the others.",
    )


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} orders ({part / whole:.1%})"


def _first(table: ir.Table, *columns: str) -> dict[str, Any]:
    return _row(table.select(*columns).order_by(list(columns)).limit(1))


def _row(table: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row


CHECK = Check("orders", _says)
