"""A customer's own rhythm: gaps between orders, how overdue the next one is, trend, season.

The same 40 days without an order are nothing to one customer and goodbye for another; so the
present gap is always set against the customer's own.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio, spread
from neigung.features.sources import COMBINED, ORDER_WEEKS, ORDERS


def at_least_one(days: ir.Value) -> ir.Value:
    """`days`, but no less than one: a divisor that same-day orders cannot make tiny."""
    return ibis.cases((days < 1, 1.0), (days >= 1, days))


@feature(ORDERS, unit="days", theme="rhythm")
def order_gap_median(orders: ir.Table) -> ir.Value:
    """Median of the days between two orders.

    de: Median der Tage zwischen zwei Bestellungen.

    reason: Usually orders every {value}

    reason de: Bestellt sonst alle {value}
    """
    return orders.gap_days.cast("float64").median()


@feature(ORDERS, unit="days", theme="rhythm")
def order_gap_mean(orders: ir.Table) -> ir.Value:
    """Mean of the days between two orders.

    de: Mittel der Tage zwischen zwei Bestellungen.

    reason: {value} between two orders on average

    reason de: Im Mittel {value} zwischen zwei Bestellungen
    """
    return ratio(orders.gap_days.sum(), orders.gap_days.count())


@feature(ORDERS, unit="days", theme="rhythm")
def order_gap_spread(orders: ir.Table) -> ir.Value:
    """Spread (standard deviation) of the days between two orders.

    de: Streuung (Standardabweichung) der Tage zwischen zwei Bestellungen.
    """
    return spread(orders.gap_days)


@feature(ORDERS, unit="days", theme="rhythm")
def order_gap_longest(orders: ir.Table) -> ir.Value:
    """Longest time between two orders, in days.

    de: Längster Abstand zweier Bestellungen in Tagen.

    reason: Longest pause between two orders so far: {value}

    reason de: Längste Pause zwischen zwei Bestellungen bisher: {value}
    """
    return orders.gap_days.max()


@feature(ORDERS, unit="days", theme="rhythm")
def order_gap_last(orders: ir.Table) -> ir.Value:
    """Days between the last two orders.

    de: Tage zwischen den letzten beiden Bestellungen.

    reason: {value} between the last two orders

    reason de: {value} zwischen den letzten beiden Bestellungen
    """
    return orders.gap_days.max(where=orders.newest)


@feature(ORDERS, unit="days", theme="rhythm")
def order_gap_recent(orders: ir.Table) -> ir.Value:
    """Mean of the last three times between two orders, in days.

    de: Mittel der letzten drei Abstände zwischen zwei Bestellungen in Tagen.
    """
    recent = orders.from_newest < 3
    return ratio(orders.gap_days.sum(where=recent), orders.gap_days.count(where=recent))


@feature(COMBINED, of=("order_gap_recent", "order_gap_median"), unit="ratio", theme="rhythm")
def order_gap_recent_to_median(row: ir.Table) -> ir.Value:
    """Last three times between two orders relative to the customer's median (at least one day).

    de: Die letzten drei Abstände zwischen Bestellungen im Verhältnis zum eigenen Median
        (mindestens ein Tag).
    """
    return ratio(row.order_gap_recent, at_least_one(row.order_gap_median))


@feature(COMBINED, of=("days_since_last_order", "order_gap_median"), unit="ratio", theme="rhythm")
def recency_to_gap_median(row: ir.Table) -> ir.Value:
    """Days since the last order relative to the customer's median gap (at least one day).

    de: Tage seit der letzten Bestellung im Verhältnis zum eigenen mittleren Abstand (Median,
        mindestens ein Tag).

    reason: Last order {days_since_last_order} ago, usually every {order_gap_median}

    reason de: Letzte Bestellung vor {days_since_last_order}, sonst alle {order_gap_median}
    """
    return ratio(row.days_since_last_order, at_least_one(row.order_gap_median))


@feature(COMBINED, of=("days_since_last_order", "order_gap_longest"), unit="ratio", theme="rhythm")
def recency_to_gap_longest(row: ir.Table) -> ir.Value:
    """Days since the last order relative to the customer's longest gap (at least one day).

    de: Tage seit der letzten Bestellung im Verhältnis zum bisher längsten eigenen Abstand
        (mindestens ein Tag).

    reason: Last order {days_since_last_order} ago, longest pause so far {order_gap_longest}

    reason de: Letzte Bestellung vor {days_since_last_order}, längste Pause bisher
        {order_gap_longest}
    """
    return ratio(row.days_since_last_order, at_least_one(row.order_gap_longest))


@feature(
    COMBINED,
    of=("days_since_last_order", "order_gap_mean", "order_gap_spread"),
    unit="ratio",
    theme="rhythm",
)
def overdue_spreads(row: ir.Table) -> ir.Value:
    """How far the days since the last order lie above the customer's mean gap, in its
    spreads (at least one day).

    de: Wie weit die Tage seit der letzten Bestellung über dem eigenen mittleren Abstand liegen, in
        Streuungen (mindestens ein Tag).
    """
    return ratio(row.days_since_last_order - row.order_gap_mean, at_least_one(row.order_gap_spread))


@feature(ORDERS, unit="share", theme="rhythm")
def longer_gap_share(orders: ir.Table) -> ir.Value:
    """Share of the customer's own gaps that were longer than the present one.

    de: Anteil der eigenen Abstände zwischen Bestellungen, die länger waren als der jetzige.

    reason: {value} of the earlier pauses were longer than the present one

    reason de: {value} der früheren Pausen waren länger als die jetzige
    """
    longer = orders.gap_days > orders.recency
    return ratio(longer.sum(), orders.gap_days.count())


@feature(ORDERS, unit="share", theme="rhythm")
def gap_end_share_7(orders: ir.Table) -> ir.Value:
    """Of the own gaps at least as long as the present one, the share that ended within 7 days.

    de: Anteil der eigenen Abstände, die mindestens so lang wie der jetzige waren und binnen 7
        Tagen endeten.
    """
    return _ended_within(orders, 7)


@feature(ORDERS, unit="share", theme="rhythm")
def gap_end_share_30(orders: ir.Table) -> ir.Value:
    """Of the own gaps at least as long as the present one, the share that ended within 30 days.

    de: Anteil der eigenen Abstände, die mindestens so lang wie der jetzige waren und binnen 30
        Tagen endeten.
    """
    return _ended_within(orders, 30)


def _ended_within(orders: ir.Table, days: int) -> ir.Value:
    as_long = orders.gap_days >= orders.recency
    ended = as_long & (orders.gap_days < orders.recency + days)
    return ratio(ended.sum(), as_long.sum())


@feature(ORDERS, windows=(180, None), unit="share", theme="rhythm")
def idle_share_7(orders: ir.Table, within: ir.BooleanValue) -> ir.Value:
    """Share of the own time from which no order followed within 7 days.

    de: Anteil der eigenen Zeit, auf die 7 Tage lang keine Bestellung folgte.

    reason: From {value} of the days on, no order followed within a week

    reason de: Auf {value} der Tage folgte eine Woche lang keine Bestellung
    """
    return _idle(orders, within, 7)


@feature(ORDERS, windows=(180, None), unit="share", theme="rhythm")
def idle_share_30(orders: ir.Table, within: ir.BooleanValue) -> ir.Value:
    """Share of the own time from which no order followed within 30 days.

    de: Anteil der eigenen Zeit, auf die 30 Tage lang keine Bestellung folgte.

    reason: From {value} of the days on, no order followed within 30 days

    reason de: Auf {value} der Tage folgte 30 Tage lang keine Bestellung
    """
    return _idle(orders, within, 30)


def _idle(orders: ir.Table, within: ir.BooleanValue, days: int) -> ir.Value:
    """The share that a renewal process would expect, with the present wait as a gap of its own.

    A gap of g days holds max(g - days, 0) days from which the next order is further than `days`
    away (Feller, An Introduction to Probability Theory and Its Applications II, chapter XI).
    """
    idle = ibis.cases((orders.gap_days > days, orders.gap_days - days), else_=0)
    waiting = orders.recency.max(where=within).cast("float64")
    own = orders.gap_days.sum(where=within).cast("float64").coalesce(0.0) + waiting
    still = ibis.cases((waiting > days, waiting - days), else_=0.0)
    return ratio(idle.sum(where=within).cast("float64") + still, own)


@feature(ORDERS, empty=0, unit="ratio", theme="rhythm")
def order_momentum_7(orders: ir.Table) -> ir.Value:
    """Orders weighed by age: every 7 days halve the weight.

    de: Bestellungen, nach Alter gewichtet: alle 7 Tage halbiert sich das Gewicht.
    """
    return _halved(orders, 7).sum()


@feature(ORDERS, empty=0, unit="ratio", theme="rhythm")
def order_momentum_30(orders: ir.Table) -> ir.Value:
    """Orders weighed by age: every 30 days halve the weight.

    de: Bestellungen, nach Alter gewichtet: alle 30 Tage halbiert sich das Gewicht.
    """
    return _halved(orders, 30).sum()


@feature(ORDERS, empty=0, unit="currency", theme="rhythm")
def order_value_momentum_30(orders: ir.Table) -> ir.Value:
    """Value of the orders, weighed by age: every 30 days halve the weight.

    de: Wert der Bestellungen, nach Alter gewichtet: alle 30 Tage halbiert sich das Gewicht.
    """
    return (
        (_halved(orders, 30).cast("float64") * orders.value.cast("float64"))
        .cast("decimal(38, 6)")
        .sum()
    )


def _halved(orders: ir.Table, days: int) -> ir.Value:
    """The weight of each order as an exact number, so that sums do not depend on row order."""
    return (ibis.literal(0.5) ** (orders.days_ago / days)).cast("decimal(18, 9)")


@feature(COMBINED, of=("order_count",), unit="share", theme="rhythm")
def order_trend_30(row: ir.Table) -> ir.Value:
    """Share of the orders of the last 60 days that fall in the last 30 (half: steady).

    de: Anteil der Bestellungen der letzten 60 Tage, der auf die letzten 30 entfällt (Hälfte:
        gleichbleibend).

    reason: {order_count_30d} in the last 30 days, {order_count_60d} in the last 60

    reason de: {order_count_30d} in den letzten 30 Tagen, {order_count_60d} in den letzten 60
    """
    return ratio(row.order_count_30d, row.order_count_60d)


@feature(COMBINED, of=("order_count",), unit="share", theme="rhythm")
def order_trend_90(row: ir.Table) -> ir.Value:
    """Share of the orders of the last 180 days that fall in the last 90 (half: steady).

    de: Anteil der Bestellungen der letzten 180 Tage, der auf die letzten 90 entfällt (Hälfte:
        gleichbleibend).

    reason: {order_count_90d} in the last 90 days, {order_count_180d} in the last 180

    reason de: {order_count_90d} in den letzten 90 Tagen, {order_count_180d} in den letzten 180
    """
    return ratio(row.order_count_90d, row.order_count_180d)


@feature(COMBINED, of=("order_value",), unit="share", theme="rhythm")
def order_value_trend_90(row: ir.Table) -> ir.Value:
    """Share of the order value of the last 180 days that falls in the last 90 (half: steady).

    de: Anteil des Bestellwerts der letzten 180 Tage, der auf die letzten 90 entfällt (Hälfte:
        gleichbleibend).

    reason: Orders worth {order_value_90d} in the last 90 days, {order_value_180d} in the last 180

    reason de: Bestellungen für {order_value_90d} in den letzten 90 Tagen, {order_value_180d} in den
        letzten 180
    """
    return ratio(row.order_value_90d, row.order_value_180d)


@feature(COMBINED, of=("order_count", "days_since_first_order"), unit="ratio", theme="rhythm")
def order_pace(row: ir.Table) -> ir.Value:
    """Orders per day in the last 90 days relative to the whole time as a customer.

    de: Bestellungen je Tag in den letzten 90 Tagen im Verhältnis zur ganzen Zeit als Kunde.
    """
    days = at_least_one(row.days_since_first_order)
    return ratio(row.order_count_90d * days, row.order_count * ibis.ifelse(days < 90, days, 90))


@feature(ORDERS, empty=0, unit="orders", theme="rhythm")
def season_order_count(orders: ir.Table) -> ir.Value:
    """Number of orders one year ago, in the 30 days from the same day on.

    de: Anzahl der Bestellungen vor einem Jahr, in den 30 Tagen ab dem gleichen Tag.

    reason: {value} at this time of year a year ago

    reason de: {value} zur gleichen Zeit im Vorjahr
    """
    return orders.in_season.sum()


@feature(ORDERS, empty=0, unit="currency", theme="rhythm")
def season_order_value(orders: ir.Table) -> ir.Value:
    """Value of the orders one year ago, in the 30 days from the same day on.

    de: Wert der Bestellungen vor einem Jahr, in den 30 Tagen ab dem gleichen Tag.

    reason: Orders worth {value} at this time of year a year ago

    reason de: Bestellungen im Wert von {value} zur gleichen Zeit im Vorjahr
    """
    return orders.value.sum(where=orders.in_season)


@feature(ORDER_WEEKS, windows=(91, 364), empty=0, unit="count", theme="rhythm")
def order_weeks(weeks: ir.Table, within: ir.Value) -> ir.Value:
    """Number of weeks with an order.

    de: Anzahl der Wochen mit einer Bestellung.

    reason: Orders in {value} weeks {window}

    reason de: Bestellungen in {value} Wochen {window}
    """
    return weeks.count(where=within)


@feature(ORDER_WEEKS, empty=0, unit="count", theme="rhythm")
def order_week_streak(weeks: ir.Table) -> ir.Value:
    """Number of weeks in a row with an order, up to now.

    de: Anzahl der Wochen in Folge mit einer Bestellung, bis jetzt.

    reason: {value} weeks in a row with an order

    reason de: {value} Wochen in Folge mit Bestellung
    """
    return (weeks.week == weeks.position).sum()


FEATURES: tuple[Feature, ...] = (
    order_gap_median,
    order_gap_mean,
    order_gap_spread,
    order_gap_longest,
    order_gap_last,
    order_gap_recent,
    order_gap_recent_to_median,
    recency_to_gap_median,
    recency_to_gap_longest,
    overdue_spreads,
    longer_gap_share,
    gap_end_share_7,
    gap_end_share_30,
    idle_share_7,
    idle_share_30,
    order_momentum_7,
    order_momentum_30,
    order_value_momentum_30,
    order_trend_30,
    order_trend_90,
    order_value_trend_90,
    order_pace,
    season_order_count,
    season_order_value,
    order_weeks,
    order_week_streak,
)
