"""Where data begin and end: where nearly all rows do, not where the one first or last row stands.

One order whose date was mistyped would else move the cutoff of everybody. Of 50 rows a day up to
2024-06-30 and one of 2024-12-15, that one is far: few rows behind a gap that is long beside all
gaps that the shop had before. Not so the first days of a shop that was closed for months, as they
hold as many rows as its other days, and not rows of these days, which may be just that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir

LONG_GAP = dt.timedelta(days=60)
"""A gap of less makes no row doubtful."""

_TIMES_USUAL = 4
"""A gap is long beside a shop's other gaps when it is so many times the longest of them."""

_FEWEST, _ONE_IN, _SMALL_SHOP = 20, 1_000, 20
"""Few rows are at most twenty, or one in a thousand, and never more than one in twenty."""

_FEW_BUYERS, _LIKE_OTHER_DAYS = 3, 0.25
"""More buyers than a few, and this share of those of a usual day, show a shop at work."""

_FRESH = dt.timedelta(days=14)
"""Rows no older than this may be the first of a shop that opens again."""

ZONES = dt.timedelta(days=1)
"""How far a time without a zone may lie ahead of UTC, and clocks differ."""


class Day(NamedTuple):
    """The first and the last instant of a day, its rows and how many customers they are of."""

    first: dt.datetime
    last: dt.datetime
    rows: int
    buyers: int


def present() -> dt.datetime:
    """The present instant, UTC without a zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Ends:
    """Where rows begin and end.

    Parameters
    ----------
    first, last : the instants between which nearly all rows lie.
    earliest, latest : the instants of the first and the last row of all.
    before, behind : how many rows lie before `first` and after `last`.
    ahead : how many rows lie after the present instant.
    fresh : a few rows of these days lie behind a long gap, and count nevertheless.
    """

    first: dt.datetime
    last: dt.datetime
    earliest: dt.datetime
    latest: dt.datetime
    before: int = 0
    behind: int = 0
    ahead: int = 0
    fresh: bool = False

    def span(self, trusted: bool = False) -> tuple[dt.datetime, dt.datetime]:
        """From when to when rows reach; `trusted`: all of them, however far they lie."""
        return (self.earliest, self.latest) if trusted else (self.first, self.last)


def ends_of(table: ir.Table, now: dt.datetime) -> Ends:
    """The ends of a table with `customer_id` and `occurred_at`, both filled.

    Where neither end looks doubtful the rows are not counted by day.
    """
    at = table.occurred_at
    found = _row(table.aggregate(rows=table.count(), first=at.min(), last=at.max()))
    rows, first, last = found["rows"], found["first"], found["last"]
    near = _row(
        table.aggregate(
            head=_within(at, first, _later(first, LONG_GAP)),
            tail=_within(at, _earlier(last, LONG_GAP), last),
        )
    )
    # Whoever is far lies behind a long gap, so that no more rows than those are near the end.
    if min(near.values()) > few(rows) and last <= now + ZONES:
        return Ends(first, last, first, last)
    days = table.group_by(day=at.date()).aggregate(
        first=at.min(), last=at.max(), rows=table.count(), buyers=table.customer_id.nunique()
    )
    listed = days.order_by("day").drop("day").to_pyarrow().to_pylist()
    return ends_of_days([Day(**day) for day in listed], now)


def few(rows: int) -> int:
    """How many of so many rows are so few that they may be wrong.

    >>> few(30), few(1_000), few(1_000_000)
    (1, 20, 1000)
    """
    return min(max(_FEWEST, rows // _ONE_IN), rows // _SMALL_SHOP)


def ends_of_days(days: Sequence[Day], now: dt.datetime) -> Ends:
    """The ends of rows counted by day, oldest first.

    >>> mornings = [dt.datetime(2024, 1, 1) + dt.timedelta(days=n) for n in range(180)]
    >>> days = [Day(morning, morning, 50, 20) for morning in mornings]
    >>> typed = dt.datetime(2024, 12, 15)
    >>> found = ends_of_days([*days, Day(typed, typed, 3, 1)], now=dt.datetime(2026, 1, 1))
    >>> f"{found.last:%Y-%m-%d}", found.behind
    ('2024-06-28', 3)
    """
    earliest, latest = days[0].first, days[-1].last
    rows = sum(day.rows for day in days)
    ahead = sum(day.rows for day in days if day.first > now + ZONES)
    last = len(days) - 1
    # Where most rows are ahead of the clock, as in a simulated shop, the clock says nothing.
    if 0 < ahead <= rows / 2 and not _goes_on(days, now):
        last = max(number for number, day in enumerate(days) if day.first <= now + ZONES)
    first, last, fresh = _without_far(days[: last + 1], few(rows), now)
    return Ends(
        first=days[first].first,
        last=days[last].last,
        earliest=earliest,
        latest=latest,
        before=sum(day.rows for day in days[:first]),
        behind=sum(day.rows for day in days[last + 1 :]),
        ahead=ahead,
        fresh=fresh,
    )


def _goes_on(days: Sequence[Day], now: dt.datetime) -> bool:
    """Whether there are as many rows a day after the present instant as there were before it."""
    then = [day for day in days if day.first > now + ZONES]
    before = [day for day in days if day.first <= now + ZONES]

    def pace(some: Sequence[Day]) -> float:
        return sum(day.rows for day in some) / ((some[-1].last - some[0].first).days + 1)

    late = (then[0].first - now) > LONG_GAP or len(then) <= _FEWEST
    return not late and pace(then) >= pace(before) / 2


def _without_far(days: Sequence[Day], most: int, now: dt.datetime) -> tuple[int, int, bool]:
    """The numbers of the first and the last day that are not far, and whether few fresh ones are.

    `most`: how many rows may be few.
    """
    gaps = [late.first - early.last for early, late in pairwise(days)]
    head, tail = _few_days(days, most), _few_days(days[::-1], most)
    core = gaps[head : len(gaps) - tail]
    if not core:
        return 0, len(days) - 1, False
    long = max(LONG_GAP, _TIMES_USUAL * max(core))
    usual = sorted(day.buyers for day in days[head : len(days) - tail])
    least = _LIKE_OTHER_DAYS * usual[len(usual) // 2]

    def at_work(some: Sequence[Day]) -> bool:
        buyers = sum(day.buyers for day in some)
        return buyers > _FEW_BUYERS and buyers / len(some) >= least

    first = max((n for n in range(1, head + 1) if gaps[n - 1] > long), default=0)
    behind = [
        n
        for n in range(len(days) - tail, len(days))
        if gaps[n - 1] > long and not at_work(days[n:])
    ]
    if not behind:
        return first, len(days) - 1, False
    if now - _FRESH <= days[-1].last <= now + ZONES:
        return first, len(days) - 1, True
    return first, behind[0] - 1, False


def _few_days(days: Sequence[Day], most: int) -> int:
    """How many of the first days have, together, few rows."""
    rows = 0
    for number, day in enumerate(days):
        rows += day.rows
        if rows > most:
            return number
    return 0


def _within(times: ir.Column, start: dt.datetime, end: dt.datetime) -> ir.Value:
    low, high = (ibis.literal(one, "timestamp(6)") for one in (start, end))
    return ((times >= low) & (times <= high)).sum()


def _later(instant: dt.datetime, by: dt.timedelta) -> dt.datetime:
    return instant + by if dt.datetime.max - by > instant else dt.datetime.max


def _earlier(instant: dt.datetime, by: dt.timedelta) -> dt.datetime:
    return instant - by if dt.datetime.min + by < instant else dt.datetime.min


def _row(table: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row
