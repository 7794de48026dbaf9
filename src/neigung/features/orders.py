"""How recently, how often and for how much a customer orders."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio, spread
from neigung.features.sources import COMBINED, ORDERS


@feature(ORDERS, unit="days", fact="recency")
def days_since_last_order(orders: ir.Table) -> ir.Value:
    """Days since the last order.

    de: Tage seit der letzten Bestellung.

    reason: Last order {value} ago

    reason de: Letzte Bestellung vor {value}

    missing: No order on record

    missing de: Keine Bestellung bekannt
    """
    return orders.days_ago.min()


@feature(ORDERS, unit="days", fact="tenure")
def days_since_first_order(orders: ir.Table) -> ir.Value:
    """Days since the first order.

    de: Tage seit der ersten Bestellung.

    reason: First order {value} ago

    reason de: Erste Bestellung vor {value}

    missing: No first order on record

    missing de: Keine erste Bestellung bekannt
    """
    return orders.days_ago.max()


@feature(ORDERS, empty=0, unit="days", fact="order_frequency")
def order_days(orders: ir.Table) -> ir.Value:
    """Number of different days with an order.

    de: Anzahl der verschiedenen Tage mit einer Bestellung.

    reason: Ordered on {value} so far

    reason de: Bisher an {value} bestellt

    zero: No orders so far

    zero de: Bisher keine Bestellungen
    """
    return orders.occurred_at.date().nunique()


@feature(
    ORDERS, windows=(7, 30, 60, 90, 180, 365, None), empty=0, unit="orders", fact="order_frequency"
)
def order_count(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Number of orders.

    de: Anzahl der Bestellungen.

    reason: {value} {window}

    reason de: {value} {window}
    """
    return orders.count(where=within)


@feature(ORDERS, windows=(30, 90, 180, 365, None), empty=0, unit="currency", fact="spending")
def order_value(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the orders after discounts.

    de: Wert der Bestellungen nach Abzug der Rabatte.

    reason: Orders worth {value} {window}

    reason de: Bestellungen im Wert von {value} {window}

    zero: No paid orders {window}

    zero de: Keine bezahlten Bestellungen {window}
    """
    return orders.value.sum(where=within)


@feature(ORDERS, windows=(90, 365), unit="currency", fact="order_size")
def order_value_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean value of an order.

    de: Mittlerer Wert einer Bestellung.

    reason: {value} per order on average {window}

    reason de: Im Schnitt {value} je Bestellung {window}

    missing: No orders {window}, so no order value

    missing de: Keine Bestellungen {window}, daher kein Bestellwert
    """
    return ratio(orders.value.sum(where=within), orders.value.count(where=within))


@feature(ORDERS, windows=(365,), unit="currency", fact="order_size")
def order_value_max(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the largest order.

    de: Wert der größten Bestellung.

    reason: Largest order worth {value} {window}

    reason de: Größte Bestellung im Wert von {value} {window}

    missing: No orders {window}, so no order value

    missing de: Keine Bestellungen {window}, daher kein Bestellwert
    """
    return orders.value.max(where=within)


@feature(ORDERS, windows=(365,), unit="currency", fact="order_size")
def order_value_spread(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Spread (standard deviation) of the order values.

    de: Streuung (Standardabweichung) der Bestellwerte.

    reason: Order values vary by about {value} {window}

    reason de: Bestellwerte schwanken {window} um etwa {value}

    missing: Too few orders {window} to see how their values vary

    missing de: Zu wenige Bestellungen {window}, um Schwankungen im Wert zu sehen
    """
    return spread(orders.value, within)


@feature(ORDERS, unit="currency", fact="order_size")
def last_order_value(orders: ir.Table) -> ir.Value:
    """Value of the last order.

    de: Wert der letzten Bestellung.

    reason: Last order worth {value}

    reason de: Letzte Bestellung im Wert von {value}

    missing: Value of the last order unknown

    missing de: Wert der letzten Bestellung unbekannt
    """
    return orders.value.max(where=orders.newest)


@feature(COMBINED, of=("last_order_value", "order_value_mean"), unit="ratio", fact="order_size")
def last_order_value_to_mean(row: ir.Table) -> ir.Value:
    """Value of the last order relative to the customer's mean of the last 365 days.

    de: Wert der letzten Bestellung im Verhältnis zum eigenen Mittel der letzten 365 Tage.

    reason: Last order worth {last_order_value}, on average {order_value_mean_365d} in the last 365
        days

    reason de: Letzte Bestellung im Wert von {last_order_value}, im Schnitt {order_value_mean_365d}
        in den letzten 365 Tagen

    missing: Value of the last order unknown

    missing de: Wert der letzten Bestellung unbekannt
    """
    return ratio(row.last_order_value, row.order_value_mean_365d)


@feature(ORDERS, windows=(365,), unit="ratio", fact="basket")
def order_lines_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean number of lines of an order.

    de: Mittlere Zahl der Positionen je Bestellung.

    reason: Items per order {window}: {value} on average

    reason de: Artikel je Bestellung {window}: im Schnitt {value}

    missing: No orders {window}, so no items

    missing de: Keine Bestellungen {window}, daher keine Artikel
    """
    return ratio(orders.line_count.sum(where=within), orders.line_count.count(where=within))


@feature(ORDERS, windows=(365,), unit="ratio", needs=("quantity",), fact="basket")
def order_quantity_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean number of pieces of an order.

    de: Mittlere Stückzahl je Bestellung.

    reason: Pieces per order {window}: {value} on average

    reason de: Stückzahl je Bestellung {window}: im Schnitt {value}

    missing: Number of pieces per order {window} unknown

    missing de: Stückzahl je Bestellung {window} unbekannt
    """
    return ratio(orders.quantity.sum(where=within), orders.quantity.count(where=within))


@feature(ORDERS, windows=(365,), unit="currency", needs=("quantity",), fact="price_level")
def piece_price_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean price paid per piece.

    de: Mittlerer bezahlter Preis je Stück.

    reason: {value} paid per piece on average {window}

    reason de: Im Schnitt {value} je Stück bezahlt {window}

    missing: Price paid per piece {window} unknown

    missing de: Preis je Stück {window} unbekannt
    """
    counted = within & (orders.quantity > 0)
    return ratio(orders.value.sum(where=counted), orders.quantity.sum(where=counted))


@feature(ORDERS, windows=(90,), unit="ratio", needs=("category",), fact="basket")
def order_categories_mean(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean number of categories of an order.

    de: Mittlere Zahl der Kategorien je Bestellung.

    reason: Categories per order {window}: {value} on average

    reason de: Kategorien je Bestellung {window}: im Schnitt {value}

    missing: No orders {window}, so no categories

    missing de: Keine Bestellungen {window}, daher keine Kategorien
    """
    return ratio(orders.category_count.sum(where=within), orders.category_count.count(where=within))


@feature(ORDERS, windows=(365,), empty=0, unit="count", needs=("channel",), fact="channel")
def channel_count(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Number of channels that the customer ordered through.

    de: Anzahl der Kanäle, über die {window} bestellt wurde.

    reason: Order channels used {window}: {value}

    reason de: Genutzte Bestellkanäle {window}: {value}

    zero: No order channel known {window}

    zero de: Kein Bestellkanal {window} bekannt
    """
    return orders.channel.nunique(where=within)


@feature(ORDERS, needs=("channel",), kind="category", fact="channel")
def last_order_channel(orders: ir.Table) -> ir.Value:
    """Channel of the last order.

    de: Kanal der letzten Bestellung.

    reason: Last order through the channel “{value}”

    reason de: Letzte Bestellung über den Kanal „{value}“

    missing: Channel of the last order unknown

    missing de: Kanal der letzten Bestellung unbekannt
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
