"""When a customer orders: weekdays, hours, days of the month. Times are UTC."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio, spread
from neigung.features.sources import ORDERS


@feature(ORDERS, windows=(365,), unit="share", theme="habits", fact="weekday")
def weekend_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders placed on Saturday or Sunday.

    de: Anteil der Bestellungen an Samstagen und Sonntagen.

    reason: {value} of the orders on weekends {window}

    reason de: {value} der Bestellungen am Wochenende {window}

    zero: No orders on weekends {window}

    zero de: Keine Bestellungen am Wochenende {window}

    missing: No orders {window}, so no usual weekday

    missing de: Keine Bestellungen {window}, daher kein üblicher Wochentag
    """
    return ratio((orders.weekday >= 5).sum(where=within), orders.count(where=within))


@feature(ORDERS, windows=(365,), unit="share", theme="habits", fact="weekday")
def main_weekday_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders that fall on the customer's most frequent weekday.

    de: Anteil der Bestellungen am häufigsten Wochentag des Kunden.

    reason: {value} of the orders on the same weekday {window}

    reason de: {value} der Bestellungen am gleichen Wochentag {window}

    missing: No orders {window}, so no usual weekday

    missing de: Keine Bestellungen {window}, daher kein üblicher Wochentag
    """
    per_day = [(orders.weekday == day).sum(where=within) for day in range(7)]
    return ratio(ibis.greatest(*per_day), orders.count(where=within))


@feature(ORDERS, windows=(365,), unit="clock", theme="habits", fact="time_of_day")
def order_hour_median(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Usual hour of the orders (median, UTC).

    de: Übliche Stunde der Bestellungen (Median, UTC).

    reason: Orders {window} usually around {value} (UTC)

    reason de: Bestellungen {window} meist gegen {value} Uhr (UTC)

    missing: No orders {window}, so no usual time of day

    missing de: Keine Bestellungen {window}, daher keine übliche Uhrzeit
    """
    return orders.hour.cast("float64").median(where=within)


@feature(ORDERS, windows=(365,), unit="hours", theme="habits", fact="time_of_day")
def order_hour_spread(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Spread (standard deviation) of the hour of the day of the orders.

    de: Streuung (Standardabweichung) der Uhrzeit der Bestellungen in Stunden.

    reason: Time of day of the orders varies by about {value} {window}

    reason de: Uhrzeit der Bestellungen schwankt {window} um etwa {value}

    zero: Orders always at the same hour {window}

    zero de: Bestellungen {window} immer zur gleichen Stunde

    missing: Too few orders {window} to see how their time of day varies

    missing de: Zu wenige Bestellungen {window}, um Schwankungen der Uhrzeit zu sehen
    """
    return spread(orders.hour, within)


@feature(ORDERS, windows=(365,), unit="share", theme="habits", fact="time_of_day")
def morning_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders placed before 11 am (UTC).

    de: Anteil der Bestellungen vor 11 Uhr (UTC).

    reason: {value} of the orders before 11 am (UTC) {window}

    reason de: {value} der Bestellungen vor 11 Uhr (UTC) {window}

    zero: No orders before 11 am (UTC) {window}

    zero de: Keine Bestellungen vor 11 Uhr (UTC) {window}

    missing: No orders {window}, so no usual time of day

    missing de: Keine Bestellungen {window}, daher keine übliche Uhrzeit
    """
    return ratio((orders.hour < 11).sum(where=within), orders.count(where=within))


@feature(ORDERS, windows=(365,), unit="share", theme="habits", fact="time_of_day")
def evening_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders placed from 6 pm on (UTC).

    de: Anteil der Bestellungen ab 18 Uhr (UTC).

    reason: {value} of the orders from 6 pm on (UTC) {window}

    reason de: {value} der Bestellungen ab 18 Uhr (UTC) {window}

    zero: No orders from 6 pm on (UTC) {window}

    zero de: Keine Bestellungen ab 18 Uhr (UTC) {window}

    missing: No orders {window}, so no usual time of day

    missing de: Keine Bestellungen {window}, daher keine übliche Uhrzeit
    """
    return ratio((orders.hour >= 18).sum(where=within), orders.count(where=within))


@feature(ORDERS, windows=(365,), unit="share", theme="habits", fact="time_of_month")
def month_start_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders placed in the first ten days of a month.

    de: Anteil der Bestellungen in den ersten zehn Tagen eines Monats.

    reason: {value} of the orders in the first ten days of a month {window}

    reason de: {value} der Bestellungen in den ersten zehn Tagen eines Monats {window}

    zero: No orders in the first ten days of a month {window}

    zero de: Keine Bestellungen in den ersten zehn Tagen eines Monats {window}

    missing: No orders {window}, so no usual time of the month

    missing de: Keine Bestellungen {window}, daher keine übliche Zeit im Monat
    """
    return ratio((orders.day_of_month <= 10).sum(where=within), orders.count(where=within))


FEATURES: tuple[Feature, ...] = (
    weekend_order_share,
    main_weekday_share,
    order_hour_median,
    order_hour_spread,
    morning_order_share,
    evening_order_share,
    month_start_order_share,
)
