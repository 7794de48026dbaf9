"""The one gate between past and future.

Features get a `Past`, targets get a `Future`; nothing gets both. With the cutoff 2011-06-01, a
retention of 365 days and a horizon of 30 days, an order of

* 2011-05-31, booked the same day, is past: a feature may see it,
* 2011-05-31, booked on 2011-06-02, is past that nobody knew: neither sees it,
* 2010-05-01 is past, but longer ago than the retention: neither sees it,
* 2011-06-01 00:00 to 2011-06-30 24:00 is future: the target sees it.

An order is the lines of one customer that share an `order_id`. It counts once, at its first line,
and only with a positive total (see `counts`): a line that ships on 2011-06-02 of an order of
2011-05-30 is future, but no new order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import ibis
import ibis.expr.types as ir

from neigung.errors import FeatureError

KEYS = ("customer_id", "cutoff")

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Past:
    """What was known before the cutoffs of a spine, and no older than the retention.

    Parameters
    ----------
    tables : the tables of a profile store by name, as `Profiles.tables` holds them.
    spine : table with `customer_id` and `cutoff`.
    retention_days : how far back rows may be used.
    covered : table with `customer_id` and `cutoff` of everybody whose rows may be used, or None
        where the legal basis covers all; limits what `everyone` returns.
    own_rows_only : refuse `everyone`, which costs all customers' rows once for each cutoff and
        is out of reach when each of thousands of offers has a cutoff of its own.
    held : what everybody's rows said at an earlier time, by the name under which `shared` is asked
        for it, without `cutoff`. Given where the tables hold only the rows of a few customers:
        `everyone` is refused then, too.
    everybodys : the tables that `everyone` reads, where `tables` hold the rows of a sample only.
    cutoff : the only cutoff of the spine, where a query is made for it alone; an engine then passes
        over files of other times.
    complete_days : the spine of the one cutoff holds everybody with an order line of so many days,
        or of nearly as many; None where it leaves some out.
    zero_orders : whether an order of 0.00 counts.
    asked : filled by `shared`: what a feature asked for, so that it can be held.
    """

    tables: Mapping[str, ir.Table]
    spine: ir.Table
    retention_days: int
    covered: ir.Table | None = None
    own_rows_only: bool = False
    held: Mapping[str, ir.Table] | None = None
    everybodys: Mapping[str, ir.Table] | None = None
    cutoff: dt.datetime | None = None
    complete_days: int | None = None
    zero_orders: bool = False
    asked: dict[str, ir.Table] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __contains__(self, name: str) -> bool:
        return name in self.tables

    def rows(self, name: str) -> ir.Table:
        """The past rows of the spine's customers, with `cutoff` and `days_ago` (a float).

        Where the spine is complete there may be order lines of some others, whose oldest day is
        only in part within it: whoever joins with the spine drops them.
        """
        rows = self._of_time(self.tables[name])
        orders_at_one_cutoff = name == "order_lines" and self.cutoff is not None
        if orders_at_one_cutoff and self.retention_days <= (self.complete_days or 0):
            return self._before(rows)  # nobody else has such rows, so that a join would be in vain
        return self._before(rows.join(self.spine.select(*KEYS), "customer_id"))

    def lately(self, days: int) -> Past:
        """The same past, with only the rows of the last days before each cutoff."""
        return replace(self, retention_days=min(days, self.retention_days))

    def grouped(
        self, rows: ir.Table, values: Mapping[str, ir.Value], by: Sequence[str] = ()
    ) -> ir.Table:
        """Aggregates of past rows for each customer and cutoff, and for what else to group `by`.

        The only cutoff is put beside them: to group by what is always alike costs a twentieth of
        the time.
        """
        if self.cutoff is None:
            return rows.group_by(*KEYS, *by).agg(**values)
        found = rows.group_by("customer_id", *by).agg(**values)
        found = found.mutate(cutoff=ibis.literal(self.cutoff, "timestamp(6)"))
        return found.select(*KEYS, *by, *values)

    def without_older(self, rows: ir.Table, name: str, ids: tuple[str, ...], days: int) -> ir.Table:
        """`rows` without those to which a past row older than so many days belongs.

        It belongs to the rows of its customer that have the same `ids`.
        """
        ids = ("customer_id", *ids)
        # The table is not joined with the spine for that, as nearly all its rows would be in vain.
        older = self._of_time(self.tables[name])
        if self.cutoff is not None:
            bound = self.cutoff - dt.timedelta(days=days)
            older = older.filter(older.occurred_at < ibis.literal(bound, "timestamp(6)"))
        older = older.select(*ids, "occurred_at", "known_at")
        asked = rows.select(*KEYS, *ids[1:])
        found = self._before(older.inner_join(asked, ids))
        found = found.filter(found.occurred_at < found.cutoff - ibis.interval(days=days))
        same = ids if self.cutoff is not None else (*KEYS, *ids[1:])
        return rows.anti_join(found.select(*same), list(same))

    def everyone(self, name: str) -> ir.Table:
        """The past rows of all covered customers, once for each cutoff, with `days_ago`.

        Raises FeatureError where only a customer's own rows may be read.
        """
        if self.held is not None:
            raise FeatureError(
                f"Only the rows of the customers asked about are here, but a feature's source asks "
                f"for everyone's rows of {name}. Let the source read them through `past.shared`, "
                "so that what they say can be held, or leave its features out of the study."
            )
        if self.own_rows_only:
            raise FeatureError(
                f"With so many cutoffs only a customer's own rows of {name} can be read, but a "
                "feature's source asks for everyone's. Give the source of_everyone=True, so that "
                "its features are left out here."
            )
        table = self._of_time((self.everybodys or self.tables)[name])
        if self.covered is not None:
            cutoffs = self.spine.select("cutoff").distinct()
            covered = self.covered.semi_join(cutoffs, "cutoff").select(*KEYS)
            return self._before(table.join(covered, "customer_id"))
        return self._before(table.cross_join(self.spine.select("cutoff").distinct()))

    def shared(self, name: str, build: Callable[[], ir.Table]) -> ir.Table:
        """What everybody's rows say, such as how many of its buyers came back for each product.

        Parameters
        ----------
        name : under which it is held; one name, one meaning.
        build : makes the table of `everyone`'s rows; it has `cutoff`, and a row stands for
            something other than a customer (a product, a campaign), never for a person.

        Returns `build()`; where the past was given what is held, that instead, for each cutoff of
        the spine. Raises FeatureError when it is not among what is held, and when the table is
        not such a one.
        """
        if self.held is None:
            table = self.asked[name] = build()
            if "cutoff" not in table.columns or "customer_id" in table.columns:
                raise FeatureError(
                    f"'{name}', which a feature's source shares between customers, needs the "
                    f"column cutoff and none of customer_id, found {', '.join(table.columns)}. "
                    "Group by cutoff and by what the rows stand for, such as a product."
                )
            return table
        if name not in self.held:
            raise FeatureError(
                f"'{name}', which a feature's source shares between customers, is needed, but only "
                f"{', '.join(self.held) or 'nothing'} is held. Write the snapshot again with this "
                "study."
            )
        return self.held[name].cross_join(self.spine.select("cutoff").distinct())

    def _before(self, rows: ir.Table) -> ir.Table:
        if self.cutoff is not None:
            rows = rows.mutate(cutoff=ibis.literal(self.cutoff, "timestamp(6)"))
        return past_rows(rows, self.retention_days)

    def _of_time(self, table: ir.Table) -> ir.Table:
        if self.cutoff is None:
            return table
        end = ibis.literal(self.cutoff, "timestamp(6)")
        begin = ibis.literal(self.cutoff - dt.timedelta(days=self.retention_days), "timestamp(6)")
        return table.filter(table.occurred_at < end, table.occurred_at >= begin)


@dataclass(frozen=True)
class Future:
    """What happened from the cutoffs of a spine until the end of the horizon.

    Parameters
    ----------
    tables : the tables of a profile store by name.
    spine : table with `customer_id` and `cutoff`; further columns are carried along.
    horizon_days : how long after the cutoff is watched.
    zero_orders : whether an order of 0.00 counts.
    older : the order lines among which those are found that came before the cutoff, of orders that
        go on within the horizon; `tables` hold them unless they are given. They tell that an order
        is not new, and nothing else is read of them.
    """

    tables: Mapping[str, ir.Table]
    spine: ir.Table
    horizon_days: int
    zero_orders: bool = False
    older: ir.Table | None = None

    def rows(self, name: str) -> ir.Table:
        """The rows of the spine's customers within the horizon, with `cutoff`."""
        rows = self.tables[name].join(self.spine.select(*KEYS), "customer_id")
        return rows.filter(
            rows.occurred_at >= rows.cutoff,
            rows.occurred_at < rows.cutoff + ibis.interval(days=self.horizon_days),
        )

    def new_order_lines(self) -> ir.Table:
        """The order lines within the horizon of orders that begin in it, with `cutoff`."""
        lines = self.rows("order_lines")
        ids = ("customer_id", "order_id")
        older = self.tables["order_lines"] if self.older is None else self.older
        older = older.select(*ids, began_at=older.occurred_at)
        begun = older.inner_join(lines.select(*KEYS, "order_id").distinct(), ids)
        begun = begun.filter(begun.began_at < begun.cutoff).select(*KEYS, "order_id")
        return lines.anti_join(begun, (*KEYS, "order_id"))


def of_order(lines: ir.Table) -> dict[str, ir.Value]:
    """The aggregates of an order's lines that `counts` reads; `occurred_at` is its first."""
    return {
        "occurred_at": lines.occurred_at.min(),
        "ended_at": lines.occurred_at.max(),
        "value": lines.net_value.sum(),
        "best": lines.net_value.max(),
    }


def counts(orders: ir.Table, zero_orders: bool) -> ir.BooleanValue:
    """Which of the orders count: their total is positive, or 0.00 where that counts, too.

    Goods sent back are no orders, so what has less than that is none; but neither do they undo an
    order. One that was paid for and refunded later, in lines of its own, still counts.
    """
    if zero_orders:
        total, once = orders.value >= 0, orders.best >= 0
    else:
        total, once = orders.value > 0, orders.best > 0
    return total | (once & (orders.ended_at > orders.occurred_at))


def past_rows(rows: ir.Table, retention_days: int) -> ir.Table:
    """Rows that are past at their `cutoff`, with `days_ago`."""
    known = known_before(rows)
    kept = known.filter(known.occurred_at >= known.cutoff - ibis.interval(days=retention_days))
    return kept.mutate(days_ago=days_between(kept.occurred_at, kept.cutoff))


def known_before(rows: ir.Table) -> ir.Table:
    """Rows that had happened and were known before their `cutoff`, of whatever age.

    Consents are read with this: a withdrawal holds for longer than the retention.
    """
    return rows.filter(rows.occurred_at < rows.cutoff, rows.known_at < rows.cutoff)


def days_between(start: ir.Value, end: ir.Value) -> ir.Value:
    """Days from one timestamp to another, as a float."""
    seconds = end.epoch_seconds().cast("float64") - start.epoch_seconds().cast("float64")
    return seconds / SECONDS_PER_DAY


def is_over(cutoff: dt.datetime, horizon_days: int, by: dt.datetime) -> bool:
    """Whether the outcome of a cutoff is complete at another instant.

    A training cutoff `c` is allowed for a test cutoff `t` only if this holds.

    >>> is_over(dt.datetime(2011, 5, 2), 30, by=dt.datetime(2011, 6, 1))
    True
    >>> is_over(dt.datetime(2011, 5, 3), 30, by=dt.datetime(2011, 6, 1))
    False
    """
    return cutoff + dt.timedelta(days=horizon_days) <= by


def latest_cutoff(last_instant: dt.datetime, horizon_days: int) -> dt.datetime:
    """The newest midnight whose horizon the data cover.

    The day of the last row does not count: it may still be incomplete.

    >>> latest_cutoff(dt.datetime(2011, 12, 9, 12, 50), 30)
    datetime.datetime(2011, 11, 9, 0, 0)
    """
    return dt.datetime.combine(last_instant.date(), dt.time()) - dt.timedelta(days=horizon_days)


def every(last: dt.datetime, days: int, count: int) -> list[dt.datetime]:
    """`count` cutoffs, `days` apart, oldest first.

    >>> [f"{c:%m-%d}" for c in every(dt.datetime(2011, 6, 1), days=30, count=3)]
    ['04-02', '05-02', '06-01']
    """
    return [last - dt.timedelta(days=days * back) for back in reversed(range(count))]
