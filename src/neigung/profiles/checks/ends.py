"""Times at which nothing can have happened, and orders far from all others.

Where the data end decides every `latest` cutoff; a time before the shop, or one that has not come
yet, takes its row out of features and targets without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts, example
from neigung.profiles.ends import ZONES
from neigung.profiles.quality_report import Finding, Severity

EARLIEST = datetime(1980, 1, 1)
"""No export of a shop holds anything older; defaults and misread years are."""

_BIRTH_OF_DEFAULTS = datetime(1900, 1, 2)
"""Attributes of customers may be dated decades ago, but not earlier than this."""

_FAR = timedelta(days=366)

_TIMES = ("occurred_at", "known_at", "resolved_at", "cutoff")

_MUCH = 20  # one row in so many is no single slip

_LENIENT = ("customers", "consents")
"""Tables in which a row without a known date is often given one that is no date."""


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    counts: dict[str, ir.Value] = {}
    for column in _TIMES:
        if column in table.columns and not (name == "labels" and column != "cutoff"):
            # A row that happened at a wrong time is told once, though it was known then.
            other = table.known_at != table.occurred_at if column == "known_at" else None
            counts[f"first {column}"] = table[column].min(where=other)
            counts[f"last {column}"] = table[column].max(where=other)
    return counts


def _says(facts: Facts) -> Iterator[Finding]:
    ends = facts.store.ends()
    now = facts.now + ZONES
    if ends.last > now:  # most orders are ahead, as in a simulated shop: then it is their clock
        yield Finding(
            "warn",
            "order_lines",
            f"order_lines: {facts.share(ends.ahead, 'order_lines')} lie after the present instant, "
            f"the last on {ends.latest:%Y-%m-%d}. Unless the shop is simulated, check the clock of "
            "this machine, and whether days and months of dates were exchanged.",
        )
        now = ends.latest + ZONES
    yield from _orders(facts, now)
    for name, counted in facts.numbers.items():
        for column in _TIMES:
            if counted.get(f"first {column}") is None:
                continue
            first, last = counted[f"first {column}"], counted[f"last {column}"]
            if first < _earliest(name) and column != "known_at":
                yield _impossible(facts, name, column, early=True, bound=_earliest(name))
            if last > now and (name, column) != ("order_lines", "occurred_at"):
                yield _impossible(facts, name, column, early=False, bound=now)
        yield from _beyond_orders(facts, name, min(ends.last + _FAR, now))


def _earliest(table: str) -> datetime:
    return _BIRTH_OF_DEFAULTS if table == "customers" else EARLIEST


def _orders(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Order lines ahead of the clock or far from all others."""
    ends = facts.store.ends()
    at = facts.store.table("order_lines").occurred_at
    if ends.behind:
        ahead = f", {ends.ahead:,} of them after the present instant" if ends.ahead else ""
        yield Finding(
            _where_it_matters(facts),
            "order_lines",
            f"order_lines: {facts.share(ends.behind, 'order_lines')} are dated long after all "
            f"others, which end on {ends.last:%Y-%m-%d}{ahead}{_one(facts, at > _time(ends.last))}."
            " Mend or leave out such rows, give the cutoff as a date (in the study's `cutoffs` or "
            "as `--cutoff`), or say that they are right (`trust_dates: true` under `cutoffs`).",
        )
    elif ends.fresh:
        yield Finding(
            "warn",
            "order_lines",
            f"order_lines: the newest, of {ends.last:%Y-%m-%d}, are few and lie behind a long gap. "
            "Unless the shop has just opened again, load the days before.",
        )
    if ends.before and ends.earliest >= EARLIEST:
        yield Finding(
            "warn",
            "order_lines",
            f"order_lines: {facts.share(ends.before, 'order_lines')} are dated long before all "
            f"others, which begin on {ends.first:%Y-%m-%d}{_one(facts, at < _time(ends.first))}. "
            "Check for tests and made-up dates.",
        )


def _where_it_matters(facts: Facts) -> Severity:
    return "refused" if facts.latest and not facts.trusted else "warn"


def _impossible(facts: Facts, name: str, column: str, early: bool, bound: datetime) -> Finding:
    table = facts.store.table(name)
    where = table[column] < _time(bound) if early else table[column] > _time(bound)
    if column == "known_at":
        where = where & (table.known_at != table.occurred_at)
    rows = int(where.sum().to_pyarrow().as_py())
    if early:
        what = f"lie before {bound:%Y}, when there was nothing to record"
        advice = (
            "Such are defaults, and years of two digits; write dates as 2024-12-31 and leave out "
            "what is unknown"
        )
    else:
        what, advice = "have not come yet", "Mend or leave out such rows"
    keys = _one(facts, where, name, column)
    text = f"{name}: {facts.share(rows, name)} have a time in {column} that is none: they {what}"
    return Finding(_severity(facts, name, column, rows), name, f"{text}{keys}. {advice}.")


def _severity(facts: Facts, name: str, column: str, rows: int) -> Severity:
    if facts.trusted or name in _LENIENT or column == "resolved_at":
        return "warn"
    if name == "order_lines":
        return "refused"
    if name == "labels":
        return "bad"  # who learns from them refuses them
    return "refused" if rows * _MUCH > facts.rows[name] else "warn"


def _beyond_orders(facts: Facts, name: str, bound: datetime) -> Iterator[Finding]:
    """A table that ends long after the orders, as when these were not exported whole."""
    table = facts.tables.get(name)
    now = facts.now + ZONES
    if table is not None and name != "order_lines" and bound < table.last <= now:
        yield Finding(
            "warn",
            name,
            f"{name}: rows reach {table.last:%Y-%m-%d}, long after the last order. Check for "
            "made-up dates, and that all orders were exported.",
        )


def _time(instant: datetime) -> ir.Value:
    return ibis.literal(instant, "timestamp(6)")


def _one(
    facts: Facts, where: ir.BooleanValue, name: str = "order_lines", column: str = "occurred_at"
) -> str:
    """`, for example customer 7, order 12, 2034-06-30`."""
    table = facts.store.table(name)
    keys = [key for key in ("customer_id", "order_id") if key in table.columns]
    found = example(table, where, *keys, column)
    if found is None:
        return ""
    told = [f"{key.removesuffix('_id')} {found[key]}" for key in keys]
    return f", for example {', '.join(told)}, {found[column].date().isoformat()}"


CHECK = Check("ends", _says, _counts, refuses=True)
