"""Attributes of customers that hold what happened after they count as known.

A customers table as of today, without dates, often has the number of orders, their sum or the day
of the last one: the outcome itself. A row that counts as known before its customer's last order,
and yet agrees with all of the customer's orders, was written after them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from neigung.language import Message
from neigung.profiles.timeline import days_between

RESERVED = ("customer_id", "occurred_at", "known_at")

AGREES = 0.9
"""From this share of the rows on, an attribute is said to be what it agrees with."""

MOVES_WITH = 0.98
"""The same of a correlation: counted a day later, or without returns, totals differ a little."""

FEWEST_ROWS = 20
"""With fewer rows, agreement may be chance."""

LATER = 0.05
"""The share of dates that must lie after their rows; below, somebody mistyped."""

_SAID = {
    "orders": "the number of all orders of the customer",
    "lines": "the number of all order lines of the customer",
    "value": "the sum of all orders of the customer",
    "last": "the day of the customer's last order",
}


@dataclass(frozen=True)
class Hindsight:
    """An attribute that was written after its rows count as known.

    Args:
        column: As the customers table names it.
        share: Of the rows looked at, those of which it is seen.
        rows: How many were looked at.
        what: What it holds, in words.
        example: One row of it, in words.
    """

    column: str
    share: float
    rows: int
    what: str
    example: str

    @property
    def text(self) -> Message:
        """In one sentence: what, how often, and an example."""
        return Message(
            "{column} holds {what} in {share:.0%} of {rows:,} rows that count as known before it "
            "(such as {example})",
            **vars(self),
        )


def hindsight(tables: Mapping[str, ir.Table]) -> tuple[Hindsight, ...]:
    """The attributes that hold what only came later; two queries, a third only for examples.

    Numbers are compared with the customer's number of orders and of lines, their sum and the age of
    the last order, all as of the end of the data; dates with the day of the last order. A date is
    also of later where it lies after its row and nearly none lies after the end of the data, as a
    date that is planned ahead does.
    """
    if "customers" not in tables:
        return ()
    rows, numbers, dates = _compared(tables)
    if not numbers and not dates:
        return ()
    counts: dict[str, ir.Value] = {"rows": rows.count()}
    for name in numbers:
        counts |= _agreement(rows, name)
    for name in dates:
        counts |= _lateness(rows, name)
    found = rows.aggregate(**counts).to_pyarrow().to_pylist()[0]
    told = [_of_number(rows, name, found) for name in numbers]
    told += [_of_date(rows, name, found) for name in dates]
    return tuple(one for one in told if one is not None)


def _compared(tables: Mapping[str, ir.Table]) -> tuple[ir.Table, list[str], list[str]]:
    """Rows of customers that had an order before and after, with what all their orders say."""
    customers, lines = tables["customers"], tables["order_lines"]
    numbers, dates = [], []
    for name, kind in customers.schema().items():
        if name in RESERVED:
            continue
        if kind.is_date() or kind.is_timestamp():
            dates.append(name)
        elif kind.is_numeric() and not kind.is_boolean():
            numbers.append(name)
    orders = lines.group_by("customer_id").agg(
        _orders=lines.order_id.nunique().cast("float64"),
        _lines=lines.count().cast("float64"),
        _value=lines.net_value.cast("float64").sum(),
        _last=lines.occurred_at.max(),
        _first=lines.occurred_at.min(),
    )
    end = lines.aggregate(_end=lines.occurred_at.max())
    # Beside what is said of orders, a shop's own columns may have any name.
    own = {_own(name): customers[name] for name in (*numbers, *dates)}
    customers = customers.select("customer_id", "occurred_at", **own)
    rows = customers.inner_join(orders, "customer_id").cross_join(end)
    days = rows._last.cast("timestamp(6)").epoch_seconds().cast("float64") / 86_400
    rows = rows.mutate(_day=days)
    return rows.filter(rows.occurred_at < rows._last, rows._first < rows._last), numbers, dates


def _own(name: str) -> str:
    return f"own {name}"


def _agreement(rows: ir.Table, name: str) -> dict[str, ir.Value]:
    value = rows[_own(name)].cast("float64")
    there = value.notnull()
    counts: dict[str, ir.Value] = {f"{name} there": there.sum()}
    for what in ("orders", "lines", "value"):
        total = rows[f"_{what}"]
        near = (value - total).abs() <= 0.005 + 1e-6 * total.abs()
        counts[f"{name} {what}"] = (near & there).sum()
        counts[f"{name} with {what}"] = value.corr(total, where=there, how="pop")
    counts[f"{name} with last"] = value.corr(rows._day, where=there, how="pop")
    return counts


def _lateness(rows: ir.Table, name: str) -> dict[str, ir.Value]:
    at = rows[_own(name)].cast("timestamp(6)")
    return {
        f"{name} there": at.notnull().sum(),
        f"{name} last": (at.date() == rows._last.date()).sum(),
        f"{name} later": (days_between(rows.occurred_at, at) > 1).sum(),
        f"{name} planned": (days_between(rows._end, at) > 1).sum(),
    }


def _of_number(rows: ir.Table, name: str, found: Mapping[str, Any]) -> Hindsight | None:
    there = found[f"{name} there"] or 0
    if there < FEWEST_ROWS:
        return None
    for what in ("orders", "lines", "value"):
        share = (found[f"{name} {what}"] or 0) / there
        if share >= AGREES:
            near = (rows[_own(name)].cast("float64") - rows[f"_{what}"]).abs() <= 0.005
            return Hindsight(name, share, there, _SAID[what], _example(rows, near, name))
    for what in _SAID:
        strength = found[f"{name} with {what}"]
        if strength is not None and abs(strength) >= MOVES_WITH:
            moved = f"what follows {_SAID[what]} (correlation {strength:.3f})"
            return Hindsight(
                name, 1.0, there, moved, _example(rows, rows[_own(name)].notnull(), name)
            )
    return None


def _of_date(rows: ir.Table, name: str, found: Mapping[str, Any]) -> Hindsight | None:
    there = found[f"{name} there"] or 0
    if there < FEWEST_ROWS:
        return None
    at = rows[_own(name)].cast("timestamp(6)")
    if found[f"{name} last"] / there >= AGREES:
        same = at.date() == rows._last.date()
        return Hindsight(
            name, found[f"{name} last"] / there, there, _SAID["last"], _example(rows, same, name)
        )
    later, planned = found[f"{name} later"] or 0, found[f"{name} planned"] or 0
    if later / there >= LATER and planned <= 0.01 * later:
        after = days_between(rows.occurred_at, at) > 1
        what = "a later day"
        return Hindsight(name, later / there, there, what, _example(rows, after, name))
    return None


def _example(rows: ir.Table, where: ir.BooleanValue, name: str) -> str:
    # Without a customer, as it goes into reports.
    chosen = rows.filter(where).select("occurred_at", _value=rows[_own(name)])
    chosen = chosen.order_by("occurred_at", "_value").limit(1)
    [row] = chosen.to_pyarrow().to_pylist()
    value = row["_value"]
    shown = f"{value:%Y-%m-%d}" if isinstance(value, dt.date) else f"{float(value):g}"
    return f"{shown} in a row known from {row['occurred_at']:%Y-%m-%d}"
