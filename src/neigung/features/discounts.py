"""How much of what a customer buys is discounted, and how deeply."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio
from neigung.features.sources import COMBINED, ORDERS

_NEEDS = ("discount_value",)


@feature(ORDERS, windows=(90, 365), unit="share", theme="discounts", needs=_NEEDS)
def discounted_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders with a discount.

    de: Anteil der Bestellungen mit Rabatt.

    reason: {value} of the orders with a discount {window}

    reason de: {value} der Bestellungen mit Rabatt {window}
    """
    return ratio(orders.discounted.sum(where=within), orders.count(where=within))


@feature(ORDERS, windows=(90, 365), unit="share", theme="discounts", needs=_NEEDS)
def discount_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the undiscounted value that was granted as discounts.

    de: Anteil des Werts vor Abzug, der {window} als Rabatt gewährt wurde.

    reason: {value} saved through discounts {window}

    reason de: {value} {window} durch Rabatte gespart
    """
    discount = orders.discount.sum(where=within)
    return ratio(discount, orders.value.sum(where=within) + discount)


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=_NEEDS)
def discount_depth(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean depth of the discounts: discount over the value before discount of discounted lines.

    de: Mittlere Tiefe der Rabatte: Rabatt im Verhältnis zum Wert vor Abzug der rabattierten
        Positionen.

    reason: Discounts of {value} on average {window}

    reason de: Rabatte von im Mittel {value} {window}
    """
    return ratio(orders.discount.sum(where=within), orders.discounted_gross.sum(where=within))


@feature(ORDERS, windows=(365,), empty=0, unit="currency", theme="discounts", needs=_NEEDS)
def discount_value(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the discounts granted.

    de: Wert der gewährten Rabatte.

    reason: Discounts worth {value} {window}

    reason de: Rabatte im Wert von {value} {window}
    """
    return orders.discount.sum(where=within)


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=_NEEDS)
def discounted_line_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the order lines with a discount.

    de: Anteil der Bestellpositionen mit Rabatt.

    reason: {value} of what was bought {window} was discounted

    reason de: {value} der {window} gekauften Positionen waren rabattiert
    """
    return ratio(orders.discounted_lines.sum(where=within), orders.line_count.sum(where=within))


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=_NEEDS)
def deep_discount_line_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the order lines with a discount of at least 30%.

    de: Anteil der Bestellpositionen mit mindestens 30 % Rabatt.

    reason: {value} of what was bought {window} had at least 30% off

    reason de: {value} der {window} gekauften Positionen mit mindestens 30 % Rabatt
    """
    return ratio(orders.deep_lines.sum(where=within), orders.line_count.sum(where=within))


@feature(ORDERS, windows=(365,), empty=0, unit="orders", theme="discounts", needs=_NEEDS)
def full_price_order_count(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Number of orders without any discount.

    de: Anzahl der Bestellungen ganz ohne Rabatt.

    reason: {value} at full price {window}

    reason de: {value} zum vollen Preis {window}
    """
    return (~orders.discounted).sum(where=within)


@feature(ORDERS, unit="days", theme="discounts", needs=_NEEDS)
def days_since_full_price_order(orders: ir.Table) -> ir.Value:
    """Days since the last order without any discount.

    de: Tage seit der letzten Bestellung ganz ohne Rabatt.

    reason: Last order at full price {value} ago

    reason de: Letzte Bestellung zum vollen Preis vor {value}
    """
    return orders.days_ago.min(where=~orders.discounted)


@feature(ORDERS, unit="days", theme="discounts", needs=_NEEDS)
def days_since_discounted_order(orders: ir.Table) -> ir.Value:
    """Days since the last order with a discount.

    de: Tage seit der letzten Bestellung mit Rabatt.

    reason: Last order with a discount {value} ago

    reason de: Letzte Bestellung mit Rabatt vor {value}
    """
    return orders.days_ago.min(where=orders.discounted)


@feature(ORDERS, unit="share", theme="discounts", needs=_NEEDS)
def last_order_discount_share(orders: ir.Table) -> ir.Value:
    """Share of the value before discount that the last order got as discounts.

    de: Rabattanteil der letzten Bestellung am Wert vor Abzug.

    reason: Last order with {value} off

    reason de: Letzte Bestellung mit {value} Rabatt
    """
    discount = orders.discount.sum(where=orders.newest)
    return ratio(discount, orders.value.sum(where=orders.newest) + discount)


@feature(COMBINED, of=("discount_share",), unit="ratio", theme="discounts")
def discount_share_trend(row: ir.Table) -> ir.Value:
    """Discount share of the last 90 days relative to that of the last 365.

    de: Rabattanteil der letzten 90 Tage im Verhältnis zu dem der letzten 365.

    reason: {discount_share_90d} saved in the last 90 days, {discount_share_365d} in the last 365

    reason de: {discount_share_90d} gespart in den letzten 90 Tagen, {discount_share_365d} in den
        letzten 365
    """
    return ratio(row.discount_share_90d, row.discount_share_365d)


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=("voucher_code",))
def voucher_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders with a voucher.

    de: Anteil der Bestellungen mit Gutschein.

    reason: {value} of the orders with a voucher {window}

    reason de: {value} der Bestellungen mit Gutschein {window}
    """
    return ratio(orders.with_voucher.sum(where=within), orders.count(where=within))


@feature(ORDERS, unit="days", theme="discounts", needs=("voucher_code",))
def days_since_voucher_order(orders: ir.Table) -> ir.Value:
    """Days since the last order with a voucher.

    de: Tage seit der letzten Bestellung mit Gutschein.

    reason: Last order with a voucher {value} ago

    reason de: Letzte Bestellung mit Gutschein vor {value}
    """
    return orders.days_ago.min(where=orders.with_voucher)


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=("campaign_id",))
def campaign_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders that came through a campaign.

    de: Anteil der Bestellungen über eine Kampagne.

    reason: {value} of the orders through campaigns {window}

    reason de: {value} der Bestellungen über Kampagnen {window}
    """
    return ratio(orders.with_campaign.sum(where=within), orders.count(where=within))


FEATURES: tuple[Feature, ...] = (
    discounted_order_share,
    discount_share,
    discount_depth,
    discount_value,
    discounted_line_share,
    deep_discount_line_share,
    full_price_order_count,
    days_since_full_price_order,
    days_since_discounted_order,
    last_order_discount_share,
    discount_share_trend,
    voucher_order_share,
    days_since_voucher_order,
    campaign_order_share,
)
