"""A customer's own rhythm: gaps between orders, how overdue the next one is, idle times.

The same 40 days without an order are nothing to one customer and goodbye for another; so the
present gap is always set against the customer's own.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio, spread
from neigung.features.sources import COMBINED, ORDERS


def at_least_one(days: ir.Value) -> ir.Value:
    """`days`, but no less than one: a divisor that same-day orders cannot make tiny."""
    return ibis.cases((days < 1, 1.0), (days >= 1, days))


@feature(ORDERS, unit="days", theme="rhythm", fact="order_frequency")
def order_gap_median(orders: ir.Table) -> ir.Value:
    """Median of the days between two orders.

    de: Median der Tage zwischen zwei Bestellungen.

    reason: Usually orders every {value}

    reason de: Bestellt meist alle {value}

    missing: No second order on record

    missing de: Keine zweite Bestellung bekannt
    """
    return orders.gap_days.cast("float64").median()


@feature(ORDERS, unit="days", theme="rhythm", fact="order_frequency")
def order_gap_mean(orders: ir.Table) -> ir.Value:
    """Mean of the days between two orders.

    de: Mittel der Tage zwischen zwei Bestellungen.

    reason: {value} between two orders on average

    reason de: Im Schnitt {value} zwischen zwei Bestellungen

    zero: Orders so far all on the same day

    zero de: Bestellungen bisher alle am gleichen Tag

    missing: No second order on record

    missing de: Keine zweite Bestellung bekannt
    """
    return ratio(orders.gap_days.sum(), orders.gap_days.count())


@feature(ORDERS, unit="days", theme="rhythm", fact="regularity")
def order_gap_spread(orders: ir.Table) -> ir.Value:
    """Spread (standard deviation) of the days between two orders.

    de: Streuung (Standardabweichung) der Tage zwischen zwei Bestellungen.

    reason: Time between orders varies by about {value}

    reason de: Abstände zwischen Bestellungen schwanken um etwa {value}

    zero: Time between orders always the same

    zero de: Abstände zwischen Bestellungen immer gleich

    missing: Too few orders to see how regular they are

    missing de: Zu wenige Bestellungen, um Regelmäßigkeit zu erkennen
    """
    return spread(orders.gap_days)


@feature(ORDERS, unit="days", theme="rhythm", fact="regularity")
def order_gap_longest(orders: ir.Table) -> ir.Value:
    """Longest time between two orders, in days.

    de: Längster Abstand zweier Bestellungen in Tagen.

    reason: Longest pause between two orders so far: {value}

    reason de: Bisher längste Pause zwischen zwei Bestellungen: {value}

    zero: No pause between orders so far

    zero de: Bisher keine Pause zwischen Bestellungen

    missing: No pause between orders on record

    missing de: Keine Pause zwischen Bestellungen bekannt
    """
    return orders.gap_days.max()


@feature(ORDERS, unit="days", theme="rhythm", fact="order_frequency")
def order_gap_last(orders: ir.Table) -> ir.Value:
    """Days between the last two orders.

    de: Tage zwischen den letzten beiden Bestellungen.

    reason: {value} between the last two orders

    reason de: {value} zwischen den letzten beiden Bestellungen

    zero: Last two orders on the same day

    zero de: Die letzten beiden Bestellungen am gleichen Tag

    missing: No second order on record

    missing de: Keine zweite Bestellung bekannt
    """
    return orders.gap_days.max(where=orders.newest)


@feature(ORDERS, unit="days", theme="rhythm", fact="order_frequency")
def order_gap_recent(orders: ir.Table) -> ir.Value:
    """Mean of the last three times between two orders, in days.

    de: Mittel der letzten drei Abstände zwischen zwei Bestellungen in Tagen.

    reason: Lately orders every {value}

    reason de: Zuletzt alle {value} bestellt

    missing: No second order on record

    missing de: Keine zweite Bestellung bekannt
    """
    recent = orders.from_newest < 3
    return ratio(orders.gap_days.sum(where=recent), orders.gap_days.count(where=recent))


@feature(
    COMBINED,
    of=("order_gap_recent", "order_gap_median"),
    unit="ratio",
    theme="rhythm",
    fact="order_trend",
)
def order_gap_recent_to_median(row: ir.Table) -> ir.Value:
    """Last three times between two orders relative to the customer's median (at least one day).

    de: Die letzten drei Abstände zwischen Bestellungen im Verhältnis zum eigenen Median (mindestens
        ein Tag).

    reason: Lately pauses {value} times as long as the customer's usual ones

    reason de: Zuletzt {value}-mal so lange zwischen Bestellungen wie sonst

    zero: Lately no pause between orders

    zero de: Zuletzt keine Pause zwischen Bestellungen

    missing: Too few orders to see a trend

    missing de: Zu wenige Bestellungen, um einen Trend zu erkennen
    """
    return ratio(row.order_gap_recent, at_least_one(row.order_gap_median))


@feature(
    COMBINED,
    of=("days_since_last_order", "order_gap_median"),
    unit="ratio",
    theme="rhythm",
    fact="recency",
)
def recency_to_gap_median(row: ir.Table) -> ir.Value:
    """Days since the last order relative to the customer's usual gap.

    de: Tage seit der letzten Bestellung im Verhältnis zum üblichen eigenen Abstand.

    reason: Last order {days_since_last_order} ago, {value} times as long as the customer's usual
        pause

    reason de: Letzte Bestellung vor {days_since_last_order}, {value}-mal so lange wie sonst
        zwischen zwei Bestellungen

    missing: Last order {days_since_last_order} ago, no earlier one on record

    missing de: Letzte Bestellung vor {days_since_last_order}, keine frühere bekannt
    """
    return ratio(row.days_since_last_order, at_least_one(row.order_gap_median))


@feature(
    COMBINED,
    of=("days_since_last_order", "order_gap_longest"),
    unit="ratio",
    theme="rhythm",
    fact="recency",
)
def recency_to_gap_longest(row: ir.Table) -> ir.Value:
    """Days since the last order relative to the customer's longest gap.

    de: Tage seit der letzten Bestellung im Verhältnis zum längsten eigenen Abstand.

    reason: Last order {days_since_last_order} ago, {value} times as long as the longest pause so
        far

    reason de: Letzte Bestellung vor {days_since_last_order}, {value}-mal so lange wie die bisher
        längste Pause

    missing: Last order {days_since_last_order} ago, no earlier one on record

    missing de: Letzte Bestellung vor {days_since_last_order}, keine frühere bekannt
    """
    return ratio(row.days_since_last_order, at_least_one(row.order_gap_longest))


@feature(
    COMBINED,
    of=("days_since_last_order", "order_gap_mean", "order_gap_spread"),
    unit="ratio",
    theme="rhythm",
    fact="recency",
)
def overdue_spreads(row: ir.Table) -> ir.Value:
    """How overdue the next order is, in the customer's own usual variation.

    de: Wie überfällig die nächste Bestellung ist, gemessen an den eigenen Schwankungen.

    reason: Last order {days_since_last_order} ago, on average {order_gap_mean} between two orders

    reason de: Letzte Bestellung vor {days_since_last_order}, im Schnitt {order_gap_mean} zwischen
        zwei Bestellungen

    missing: Last order {days_since_last_order} ago, too few earlier ones to compare with

    missing de: Letzte Bestellung vor {days_since_last_order}, zu wenige frühere zum Vergleich
    """
    return ratio(row.days_since_last_order - row.order_gap_mean, at_least_one(row.order_gap_spread))


@feature(ORDERS, unit="share", theme="rhythm", fact="recency")
def longer_gap_share(orders: ir.Table) -> ir.Value:
    """Share of the customer's own gaps that were longer than the present one.

    de: Anteil der eigenen Abstände zwischen Bestellungen, die länger waren als der jetzige.

    reason: {value} of the earlier pauses between orders were longer than the present one

    reason de: {value} der früheren Pausen zwischen Bestellungen waren länger als die jetzige

    zero: None of the earlier pauses between orders were longer than the present one

    zero de: Keine der früheren Pausen zwischen Bestellungen war länger als die jetzige

    missing: No earlier pause between orders to compare the present one with

    missing de: Keine frühere Pause zwischen Bestellungen zum Vergleich
    """
    longer = orders.gap_days > orders.recency
    return ratio(longer.sum(), orders.gap_days.count())


@feature(ORDERS, unit="share", theme="rhythm", fact="recency")
def gap_end_share_7(orders: ir.Table) -> ir.Value:
    """How often an order followed within 7 days after a pause as long as the present one.

    de: Wie oft nach so langer Pause wie jetzt binnen 7 Tagen eine Bestellung folgte.

    reason: After pauses as long as now, an order followed within 7 days in {value} of the cases

    reason de: Nach so langen Pausen wie jetzt folgte in {value} der Fälle binnen 7 Tagen eine
        Bestellung

    zero: After pauses as long as now, an order followed within 7 days in none of the cases

    zero de: Nach so langen Pausen wie jetzt folgte in keinem der Fälle binnen 7 Tagen eine
        Bestellung

    missing: No earlier pause between orders was as long as the present one

    missing de: Keine frühere Pause zwischen Bestellungen war so lang wie die jetzige
    """
    return _ended_within(orders, 7)


@feature(ORDERS, unit="share", theme="rhythm", fact="recency")
def gap_end_share_30(orders: ir.Table) -> ir.Value:
    """How often an order followed within 30 days after a pause as long as the present one.

    de: Wie oft nach so langer Pause wie jetzt binnen 30 Tagen eine Bestellung folgte.

    reason: After pauses as long as now, an order followed within 30 days in {value} of the cases

    reason de: Nach so langen Pausen wie jetzt folgte in {value} der Fälle binnen 30 Tagen eine
        Bestellung

    zero: After pauses as long as now, an order followed within 30 days in none of the cases

    zero de: Nach so langen Pausen wie jetzt folgte in keinem der Fälle binnen 30 Tagen eine
        Bestellung

    missing: No earlier pause between orders was as long as the present one

    missing de: Keine frühere Pause zwischen Bestellungen war so lang wie die jetzige
    """
    return _ended_within(orders, 30)


def _ended_within(orders: ir.Table, days: int) -> ir.Value:
    as_long = orders.gap_days >= orders.recency
    ended = as_long & (orders.gap_days < orders.recency + days)
    return ratio(ended.sum(), as_long.sum())


@feature(ORDERS, windows=(180, None), unit="share", theme="rhythm", fact="order_frequency")
def idle_share_7(orders: ir.Table, within: ir.BooleanValue) -> ir.Value:
    """Share of the time {window} when the next order was more than 7 days away.

    de: Anteil der Zeit {window}, in der die nächste Bestellung mehr als 7 Tage entfernt war.

    reason: For {value} of the time {window} the next order was more than 7 days away

    reason de: In {value} der Zeit {window} war die nächste Bestellung mehr als 7 Tage entfernt

    missing: Time between orders {window} unknown

    missing de: Zeit zwischen Bestellungen {window} unbekannt
    """
    return _idle(orders, within, 7)


@feature(ORDERS, windows=(180, None), unit="share", theme="rhythm", fact="order_frequency")
def idle_share_30(orders: ir.Table, within: ir.BooleanValue) -> ir.Value:
    """Share of the time {window} when the next order was more than 30 days away.

    de: Anteil der Zeit {window}, in der die nächste Bestellung mehr als 30 Tage entfernt war.

    reason: For {value} of the time {window} the next order was more than 30 days away

    reason de: In {value} der Zeit {window} war die nächste Bestellung mehr als 30 Tage entfernt

    missing: Time between orders {window} unknown

    missing de: Zeit zwischen Bestellungen {window} unbekannt
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
)
