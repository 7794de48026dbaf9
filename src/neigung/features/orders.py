"""How recently, how often and for how much a customer orders."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio, spread
from neigung.features.sources import COMBINED, ORDERS


@feature(ORDERS, unit="days")
def days_since_last_order(orders: ir.Table) -> ir.Value:
    """Days since the last order.

    de: Tage seit der letzten Bestellung.

    reason: Last order {value} ago, usually every {order_gap_median}

    reason de: Letzte Bestellung vor {value}, sonst alle {order_gap_median}
    """
    return orders.days_ago.min()


@feature(ORDERS, unit="days")
def days_since_first_order(orders: ir.Table) -> ir.Value:
    """Days since the first order.

    de: Tage seit der ersten Bestellung.

    reason: First order {value} ago

    reason de: Erste Bestellung vor {value}
    """
    return orders.days_ago.max()


@feature(ORDERS, empty=0, unit="days")
def order_days(orders: ir.Table) -> ir.Value:
    """Number of different days with an order.

    de: Anzahl der verschiedenen Tage mit einer Bestellung.

    reason: Ordered on {value} so far

    reason de: Bisher an {value} bestellt
    """
    return orders.occurred_at.date().nunique()


@feature(ORDERS, windows=(7, 30, 60, 90, 180, 365, None), empty=0, unit="orders")
def order_count(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Number of orders.

    de: Anzahl der Bestellungen.

    reason: {value} placed {window}

    reason de: {value} {window} aufgegeben
    """
    return orders.count(where=within)


@feature(ORDERS, windows=(30, 90, 180, 365, None), empty=0, unit="currency")
def order_value(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the orders after discounts.

    de: Wert der Bestellungen nach Abzug der Rabatte.

    reason: Orders worth {value} {window}

    reason de: Bestellungen im Wert von {value} {window}
    """
    return orders.value.sum(where=within)


@feature(ORDERS, windows=(90, 365), unit="currency")
def order_value_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean value of an order.

    de: Mittlerer Wert einer Bestellung.

    reason: Mean order value of {value} {window}

    reason de: Mittlerer Bestellwert von {value} {window}
    """
    return ratio(orders.value.sum(where=within), orders.value.count(where=within))


@feature(ORDERS, windows=(365,), unit="currency")
def order_value_max(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the largest order.

    de: Wert der größten Bestellung.

    reason: Largest order of {value} {window}

    reason de: Größte Bestellung von {value} {window}
    """
    return orders.value.max(where=within)


@feature(ORDERS, windows=(365,), unit="currency")
def order_value_spread(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Spread (standard deviation) of the order values.

    de: Streuung (Standardabweichung) der Bestellwerte.

    reason: Order values vary by about {value} {window}

    reason de: Bestellwerte schwanken {window} um etwa {value}
    """
    return spread(orders.value, within)


@feature(ORDERS, unit="currency")
def last_order_value(orders: ir.Table) -> ir.Value:
    """Value of the last order.

    de: Wert der letzten Bestellung.

    reason: Last order worth {value}

    reason de: Letzte Bestellung im Wert von {value}
    """
    return orders.value.max(where=orders.newest)


@feature(COMBINED, of=("last_order_value", "order_value_mean"), unit="ratio")
def last_order_value_to_mean(row: ir.Table) -> ir.Value:
    """Value of the last order relative to the customer's mean of the last 365 days.

    de: Wert der letzten Bestellung im Verhältnis zum eigenen Mittel der letzten 365 Tage.

    reason: Last order worth {last_order_value}, the mean of the last 365 days is
        {order_value_mean_365d}

    reason de: Letzte Bestellung im Wert von {last_order_value}, im Mittel der letzten 365 Tage
        {order_value_mean_365d}
    """
    return ratio(row.last_order_value, row.order_value_mean_365d)


@feature(ORDERS, windows=(365,), unit="ratio")
def order_lines_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean number of lines of an order.

    de: Mittlere Zahl der Positionen je Bestellung.

    reason: Lines per order {window}: {value} on average

    reason de: Positionen je Bestellung {window}: im Mittel {value}
    """
    return ratio(orders.line_count.sum(where=within), orders.line_count.count(where=within))


@feature(ORDERS, windows=(365,), unit="ratio", needs=("quantity",))
def order_quantity_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean number of pieces of an order.

    de: Mittlere Stückzahl je Bestellung.

    reason: Pieces per order {window}: {value} on average

    reason de: Stückzahl je Bestellung {window}: im Mittel {value}
    """
    return ratio(orders.quantity.sum(where=within), orders.quantity.count(where=within))


@feature(ORDERS, windows=(365,), unit="currency", needs=("quantity",))
def piece_price_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean price paid per piece.

    de: Mittlerer bezahlter Preis je Stück.

    reason: Price paid per piece {window}: {value} on average

    reason de: Bezahlter Preis je Stück {window}: im Mittel {value}
    """
    counted = within & (orders.quantity > 0)
    return ratio(orders.value.sum(where=counted), orders.quantity.sum(where=counted))


@feature(ORDERS, windows=(90,), unit="ratio", needs=("category",))
def order_categories_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean number of categories of an order.

    de: Mittlere Zahl der Kategorien je Bestellung.

    reason: Categories per order {window}: {value} on average

    reason de: Kategorien je Bestellung {window}: im Mittel {value}
    """
    return ratio(orders.category_count.sum(where=within), orders.category_count.count(where=within))


@feature(ORDERS, windows=(365,), empty=0, unit="count", needs=("channel",))
def channel_count(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Number of channels that the customer ordered through.

    de: Anzahl der Kanäle, über die {window} bestellt wurde.

    reason: Channels ordered through {window}: {value}

    reason de: Für Bestellungen genutzte Kanäle {window}: {value}
    """
    return orders.channel.nunique(where=within)


@feature(ORDERS, needs=("channel",), kind="category")
def last_order_channel(orders: ir.Table) -> ir.Value:
    """Channel of the last order.

    de: Kanal der letzten Bestellung.

    reason: Last order through the channel “{value}”

    reason de: Letzte Bestellung über den Kanal „{value}“
    """
    return orders.channel.max(where=orders.newest)


FEATURES: tuple[Feature, ...] = (
    days_since_last_order,
    days_since_first_order,
    order_days,
    order_count,
    order_value,
    order_value_mean,
    order_value_max,
    order_value_spread,
    last_order_value,
    last_order_value_to_mean,
    order_lines_mean,
    order_quantity_mean,
    piece_price_mean,
    order_categories_mean,
    channel_count,
    last_order_channel,
)
