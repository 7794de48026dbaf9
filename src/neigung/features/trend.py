"""Where a customer is heading: momentum, trend, pace, the season a year ago, weeks in a row."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio
from neigung.features.rhythm import at_least_one
from neigung.features.sources import COMBINED, ORDER_WEEKS, ORDERS


@feature(ORDERS, empty=0, unit="ratio", theme="rhythm")
def order_momentum_7(orders: ir.Table) -> ir.Value:
    """Current order activity (an order counts half after 7 days).

    de: Aktuelle Bestellaktivität (eine Bestellung zählt nach 7 Tagen halb).
    """
    return _halved(orders, 7).sum()


@feature(ORDERS, empty=0, unit="ratio", theme="rhythm")
def order_momentum_30(orders: ir.Table) -> ir.Value:
    """Current order activity (an order counts half after 30 days).

    de: Aktuelle Bestellaktivität (eine Bestellung zählt nach 30 Tagen halb).
    """
    return _halved(orders, 30).sum()


@feature(ORDERS, empty=0, unit="currency", theme="rhythm")
def order_value_momentum_30(orders: ir.Table) -> ir.Value:
    """Current order value (an order counts half after 30 days).

    de: Aktueller Bestellwert (eine Bestellung zählt nach 30 Tagen halb).
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

    reason: Order pace of the last 90 days: {value} times the usual

    reason de: Bestelltempo der letzten 90 Tage: das {value}-Fache des üblichen
    """
    days = at_least_one(row.days_since_first_order)
    return ratio(row.order_count_90d * days, row.order_count * ibis.ifelse(days < 90, days, 90))


@feature(ORDERS, empty=0, unit="orders", theme="rhythm")
def season_order_count(orders: ir.Table) -> ir.Value:
    """Number of orders one year ago, in the 30 days from the same day on.

    de: Anzahl der Bestellungen vor einem Jahr, in den 30 Tagen ab dem gleichen Tag.

    reason: {value} at this time last year

    reason de: {value} zur gleichen Zeit im Vorjahr
    """
    return orders.in_season.sum()


@feature(ORDERS, empty=0, unit="currency", theme="rhythm")
def season_order_value(orders: ir.Table) -> ir.Value:
    """Value of the orders one year ago, in the 30 days from the same day on.

    de: Wert der Bestellungen vor einem Jahr, in den 30 Tagen ab dem gleichen Tag.

    reason: Orders worth {value} at this time last year

    reason de: Bestellungen im Wert von {value} zur gleichen Zeit im Vorjahr
    """
    return orders.value.sum(where=orders.in_season)


@feature(ORDER_WEEKS, windows=(91, 364), empty=0, unit="count", theme="rhythm")
def order_weeks(weeks: ir.Table, within: ir.Value) -> ir.Value:
    """Number of weeks with an order.

    de: Anzahl der Wochen mit einer Bestellung.

    reason: Weeks with an order {window}: {value}

    reason de: Wochen mit Bestellung {window}: {value}
    """
    return weeks.count(where=within)


@feature(ORDER_WEEKS, empty=0, unit="count", theme="rhythm")
def order_week_streak(weeks: ir.Table) -> ir.Value:
    """Number of weeks in a row with an order, up to now.

    de: Anzahl der Wochen in Folge mit einer Bestellung, bis jetzt.

    reason: Weeks in a row with an order up to now: {value}

    reason de: Wochen in Folge mit Bestellung bis jetzt: {value}
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
