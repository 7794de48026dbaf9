"""Where a customer is heading: momentum, trend, pace, the season a year ago, weeks in a row."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio
from neigung.features.rhythm import at_least_one
from neigung.features.sources import COMBINED, ORDER_WEEKS, ORDERS


@feature(ORDERS, empty=0, unit="ratio", theme="rhythm", fact="order_frequency")
def order_momentum_7(orders: ir.Table) -> ir.Value:
    """Current order activity (an order counts half after 7 days).

    de: Aktuelle Bestellaktivität (eine Bestellung zählt nach 7 Tagen halb).

    reason: Order activity of the last weeks: {value}, an order counting half after 7 days

    reason de: Bestellaktivität der letzten Wochen: {value}, wobei eine Bestellung nach 7 Tagen halb
        zählt

    zero: No order activity in the last weeks

    zero de: Keine Bestellaktivität in den letzten Wochen
    """
    return _halved(orders, 7).sum()


@feature(ORDERS, empty=0, unit="ratio", theme="rhythm", fact="order_frequency")
def order_momentum_30(orders: ir.Table) -> ir.Value:
    """Current order activity (an order counts half after 30 days).

    de: Aktuelle Bestellaktivität (eine Bestellung zählt nach 30 Tagen halb).

    reason: Order activity of the last months: {value}, an order counting half after 30 days

    reason de: Bestellaktivität der letzten Monate: {value}, wobei eine Bestellung nach 30 Tagen
        halb zählt

    zero: No order activity in the last months

    zero de: Keine Bestellaktivität in den letzten Monaten
    """
    return _halved(orders, 30).sum()


@feature(ORDERS, empty=0, unit="currency", theme="rhythm", fact="spending")
def order_value_momentum_30(orders: ir.Table) -> ir.Value:
    """Current order value (an order counts half after 30 days).

    de: Aktueller Bestellwert (eine Bestellung zählt nach 30 Tagen halb).

    reason: Order value of the last months: {value}, an order counting half after 30 days

    reason de: Bestellwert der letzten Monate: {value}, wobei eine Bestellung nach 30 Tagen halb
        zählt

    zero: No order value in the last months

    zero de: Kein Bestellwert in den letzten Monaten
    """
    return (
        (_halved(orders, 30).cast("float64") * orders.value.cast("float64"))
        .cast("decimal(38, 6)")
        .sum()
    )


def _halved(orders: ir.Table, days: int) -> ir.Value:
    """The weight of each order as an exact number, so that sums do not depend on row order."""
    return (ibis.literal(0.5) ** (orders.days_ago / days)).cast("decimal(18, 9)")


@feature(COMBINED, of=("order_count",), unit="share", theme="rhythm", fact="order_trend")
def order_trend_30(row: ir.Table) -> ir.Value:
    """Share of the orders of the last 60 days that fall in the last 30 (half: steady).

    de: Anteil der Bestellungen der letzten 60 Tage, der auf die letzten 30 entfällt (Hälfte:
        gleichbleibend).

    reason: {value} of the orders of the last 60 days fell in the last 30

    reason de: {value} der Bestellungen der letzten 60 Tage entfallen auf die letzten 30

    zero: None of the orders of the last 60 days fell in the last 30

    zero de: Keine der Bestellungen der letzten 60 Tage entfällt auf die letzten 30

    missing: No orders in the last 60 days, so no trend

    missing de: Keine Bestellungen in den letzten 60 Tagen, daher kein Trend
    """
    return ratio(row.order_count_30d, row.order_count_60d)


@feature(COMBINED, of=("order_count",), unit="share", theme="rhythm", fact="order_trend")
def order_trend_90(row: ir.Table) -> ir.Value:
    """Share of the orders of the last 180 days that fall in the last 90 (half: steady).

    de: Anteil der Bestellungen der letzten 180 Tage, der auf die letzten 90 entfällt (Hälfte:
        gleichbleibend).

    reason: {value} of the orders of the last 180 days fell in the last 90

    reason de: {value} der Bestellungen der letzten 180 Tage entfallen auf die letzten 90

    zero: None of the orders of the last 180 days fell in the last 90

    zero de: Keine der Bestellungen der letzten 180 Tage entfällt auf die letzten 90

    missing: No orders in the last 180 days, so no trend

    missing de: Keine Bestellungen in den letzten 180 Tagen, daher kein Trend
    """
    return ratio(row.order_count_90d, row.order_count_180d)


@feature(COMBINED, of=("order_value",), unit="share", theme="rhythm", fact="order_trend")
def order_value_trend_90(row: ir.Table) -> ir.Value:
    """Share of the order value of the last 180 days that falls in the last 90 (half: steady).

    de: Anteil des Bestellwerts der letzten 180 Tage, der auf die letzten 90 entfällt (Hälfte:
        gleichbleibend).

    reason: {value} of the order value of the last 180 days fell in the last 90

    reason de: {value} des Bestellwerts der letzten 180 Tage entfallen auf die letzten 90

    zero: None of the order value of the last 180 days fell in the last 90

    zero de: Nichts vom Bestellwert der letzten 180 Tage entfällt auf die letzten 90

    missing: No paid orders in the last 180 days, so no trend

    missing de: Keine bezahlten Bestellungen in den letzten 180 Tagen, daher kein Trend
    """
    return ratio(row.order_value_90d, row.order_value_180d)


@feature(
    COMBINED,
    of=("order_count", "days_since_first_order"),
    unit="ratio",
    theme="rhythm",
    fact="order_trend",
)
def order_pace(row: ir.Table) -> ir.Value:
    """Orders per day in the last 90 days relative to the whole time as a customer.

    de: Bestellungen je Tag in den letzten 90 Tagen im Verhältnis zur ganzen Zeit als Kunde.

    reason: Ordered {value} times as often in the last 90 days as otherwise

    reason de: In den letzten 90 Tagen {value}-mal so oft bestellt wie sonst

    zero: Ordered before but not in the last 90 days

    zero de: Früher bestellt, aber nicht in den letzten 90 Tagen

    missing: Usual order pace unknown

    missing de: Übliches Bestelltempo unbekannt
    """
    days = at_least_one(row.days_since_first_order)
    return ratio(row.order_count_90d * days, row.order_count * ibis.ifelse(days < 90, days, 90))


@feature(ORDERS, empty=0, unit="orders", theme="rhythm", fact="season")
def season_order_count(orders: ir.Table) -> ir.Value:
    """Number of orders one year ago, in the 30 days from the same day on.

    de: Anzahl der Bestellungen vor einem Jahr, in den 30 Tagen ab dem gleichen Tag.

    reason: {value} at this time last year

    reason de: {value} zur gleichen Zeit im Vorjahr
    """
    return orders.in_season.sum()


@feature(ORDERS, empty=0, unit="currency", theme="rhythm", fact="season")
def season_order_value(orders: ir.Table) -> ir.Value:
    """Value of the orders one year ago, in the 30 days from the same day on.

    de: Wert der Bestellungen vor einem Jahr, in den 30 Tagen ab dem gleichen Tag.

    reason: Orders worth {value} at this time last year

    reason de: Bestellungen im Wert von {value} zur gleichen Zeit im Vorjahr

    zero: No paid orders at this time last year

    zero de: Keine bezahlten Bestellungen zur gleichen Zeit im Vorjahr
    """
    return orders.value.sum(where=orders.in_season)


@feature(
    ORDER_WEEKS, windows=(91, 364), empty=0, unit="count", theme="rhythm", fact="order_frequency"
)
def order_weeks(weeks: ir.Table, within: ir.Value) -> ir.Value:
    """Number of weeks with an order.

    de: Anzahl der Wochen mit einer Bestellung.

    reason: Weeks with an order {window}: {value}

    reason de: Wochen mit Bestellung {window}: {value}

    zero: No week with an order {window}

    zero de: Keine Woche mit Bestellung {window}
    """
    return weeks.count(where=within)


@feature(ORDER_WEEKS, empty=0, unit="count", theme="rhythm", fact="order_frequency")
def order_week_streak(weeks: ir.Table) -> ir.Value:
    """Number of weeks in a row with an order, up to now.

    de: Anzahl der Wochen in Folge mit einer Bestellung, bis jetzt.

    reason: Weeks in a row with an order up to now: {value}

    reason de: Wochen in Folge mit Bestellung bis jetzt: {value}

    zero: No order in the last week

    zero de: Keine Bestellung in der letzten Woche
    """
    return (weeks.week == weeks.position).sum()


FEATURES: tuple[Feature, ...] = (
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
