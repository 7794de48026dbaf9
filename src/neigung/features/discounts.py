"""How much of what a customer buys is discounted, and how deeply."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio
from neigung.features.sources import COMBINED, ORDERS

_NEEDS = ("discount_value",)


@feature(
    ORDERS, windows=(90, 365), unit="share", theme="discounts", needs=_NEEDS, fact="discount_use"
)
def discounted_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders with a discount.

    de: Anteil der Bestellungen mit Rabatt.

    reason: {value} of the orders with a discount {window}

    reason de: {value} der Bestellungen mit Rabatt {window}

    zero: No orders with a discount {window}

    zero de: Keine Bestellungen mit Rabatt {window}

    missing: No orders {window}, so no discounts

    missing de: Keine Bestellungen {window}, daher keine Rabatte
    """
    return ratio(orders.discounted.sum(where=within), orders.count(where=within))


@feature(
    ORDERS, windows=(90, 365), unit="share", theme="discounts", needs=_NEEDS, fact="discount_use"
)
def discount_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the undiscounted value that was granted as discounts.

    de: Anteil des Werts vor Abzug, der {window} als Rabatt gewährt wurde.

    reason: {value} saved through discounts {window}

    reason de: {value} {window} durch Rabatte gespart

    zero: Nothing saved through discounts {window}

    zero de: Nichts {window} durch Rabatte gespart

    missing: No paid orders {window}, so no discounts

    missing de: Keine bezahlten Bestellungen {window}, daher keine Rabatte
    """
    discount = orders.discount.sum(where=within)
    return ratio(discount, orders.value.sum(where=within) + discount)


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=_NEEDS)
def discount_depth(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Mean depth of the discounts: discount over the value before discount of discounted lines.

    de: Mittlere Tiefe der Rabatte: Rabatt im Verhältnis zum Wert vor Abzug der rabattierten
        Positionen.

    reason: Discounts of {value} on average {window}

    reason de: Rabatte von durchschnittlich {value} {window}

    missing: Nothing bought at a discount {window}

    missing de: Nichts {window} mit Rabatt gekauft
    """
    return ratio(orders.discount.sum(where=within), orders.discounted_gross.sum(where=within))


@feature(
    ORDERS,
    windows=(365,),
    empty=0,
    unit="currency",
    theme="discounts",
    needs=_NEEDS,
    fact="discount_use",
)
def discount_value(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Value of the discounts granted.

    de: Wert der gewährten Rabatte.

    reason: Discounts worth {value} {window}

    reason de: Rabatte im Wert von {value} {window}

    zero: No discounts received {window}

    zero de: Keine Rabatte {window} erhalten
    """
    return orders.discount.sum(where=within)


@feature(ORDERS, windows=(365,), unit="share", theme="discounts", needs=_NEEDS, fact="discount_use")
def discounted_line_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the order lines with a discount.

    de: Anteil der Bestellpositionen mit Rabatt.

    reason: {value} of the items bought {window} were discounted

    reason de: {value} der {window} gekauften Artikel waren reduziert

    zero: None of the items bought {window} were discounted

    zero de: Keiner der {window} gekauften Artikel war reduziert

    missing: No orders {window}, so no discounts

    missing de: Keine Bestellungen {window}, daher keine Rabatte
    """
    return ratio(orders.discounted_lines.sum(where=within), orders.line_count.sum(where=within))


@feature(
    ORDERS, windows=(365,), unit="share", theme="discounts", needs=_NEEDS, fact="discount_depth"
)
def deep_discount_line_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the order lines with a discount of at least 30%.

    de: Anteil der Bestellpositionen mit mindestens 30 % Rabatt.

    reason: {value} of the items bought {window} had at least 30% off

    reason de: {value} der {window} gekauften Artikel waren um mindestens 30 % reduziert

    zero: None of the items bought {window} had at least 30% off

    zero de: Keiner der {window} gekauften Artikel war um mindestens 30 % reduziert

    missing: No orders {window}, so no deep discounts

    missing de: Keine Bestellungen {window}, daher keine hohen Rabatte
    """
    return ratio(orders.deep_lines.sum(where=within), orders.line_count.sum(where=within))


@feature(
    ORDERS,
    windows=(365,),
    empty=0,
    unit="orders",
    theme="discounts",
    needs=_NEEDS,
    fact="discount_use",
)
def full_price_order_count(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Number of orders without any discount.

    de: Anzahl der Bestellungen ganz ohne Rabatt.

    reason: {value} at full price {window}

    reason de: {value} zum vollen Preis {window}
    """
    return (~orders.discounted).sum(where=within)


@feature(ORDERS, unit="days", theme="discounts", needs=_NEEDS, fact="discount_use")
def days_since_full_price_order(orders: ir.Table) -> ir.Value:
    """Days since the last order without any discount.

    de: Tage seit der letzten Bestellung ganz ohne Rabatt.

    reason: Last order at full price {value} ago

    reason de: Letzte Bestellung zum vollen Preis vor {value}

    missing: No order at full price on record

    missing de: Keine Bestellung zum vollen Preis bekannt
    """
    return orders.days_ago.min(where=~orders.discounted)


@feature(ORDERS, unit="days", theme="discounts", needs=_NEEDS, fact="discount_use")
def days_since_discounted_order(orders: ir.Table) -> ir.Value:
    """Days since the last order with a discount.

    de: Tage seit der letzten Bestellung mit Rabatt.

    reason: Last order with a discount {value} ago

    reason de: Letzte Bestellung mit Rabatt vor {value}

    missing: No order with a discount on record

    missing de: Keine Bestellung mit Rabatt bekannt
    """
    return orders.days_ago.min(where=orders.discounted)


@feature(ORDERS, unit="share", theme="discounts", needs=_NEEDS, fact="discount_use")
def last_order_discount_share(orders: ir.Table) -> ir.Value:
    """Share of the value before discount that the last order got as discounts.

    de: Rabattanteil der letzten Bestellung am Wert vor Abzug.

    reason: Last order with {value} off

    reason de: Letzte Bestellung mit {value} Rabatt

    zero: Last order without a discount

    zero de: Letzte Bestellung ohne Rabatt

    missing: Discount of the last order unknown

    missing de: Rabatt der letzten Bestellung unbekannt
    """
    discount = orders.discount.sum(where=orders.newest)
    return ratio(discount, orders.value.sum(where=orders.newest) + discount)


@feature(COMBINED, of=("discount_share",), unit="ratio", theme="discounts", fact="discount_use")
def discount_share_trend(row: ir.Table) -> ir.Value:
    """Discount share of the last 90 days relative to that of the last 365.

    de: Rabattanteil der letzten 90 Tage im Verhältnis zu dem der letzten 365.

    reason: {discount_share_90d} saved through discounts in the last 90 days, {discount_share_365d}
        in the last 365

    reason de: {discount_share_90d} in den letzten 90 Tagen durch Rabatte gespart,
        {discount_share_365d} in den letzten 365

    zero: Nothing saved through discounts in the last 90 days, {discount_share_365d} in the last 365

    zero de: Nichts in den letzten 90 Tagen durch Rabatte gespart, {discount_share_365d} in den
        letzten 365

    missing: Too few discounts to compare the last 90 days with the last 365

    missing de: Zu wenige Rabatte, um die letzten 90 Tage mit den letzten 365 zu vergleichen
    """
    return ratio(row.discount_share_90d, row.discount_share_365d)


@feature(
    ORDERS,
    windows=(365,),
    unit="share",
    theme="discounts",
    needs=("voucher_code",),
    fact="vouchers",
)
def voucher_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders with a voucher.

    de: Anteil der Bestellungen mit Gutschein.

    reason: {value} of the orders with a voucher {window}

    reason de: {value} der Bestellungen mit Gutschein {window}

    zero: No orders with a voucher {window}

    zero de: Keine Bestellungen mit Gutschein {window}

    missing: No orders {window}, so no vouchers

    missing de: Keine Bestellungen {window}, daher keine Gutscheine
    """
    return ratio(orders.with_voucher.sum(where=within), orders.count(where=within))


@feature(ORDERS, unit="days", theme="discounts", needs=("voucher_code",), fact="vouchers")
def days_since_voucher_order(orders: ir.Table) -> ir.Value:
    """Days since the last order with a voucher.

    de: Tage seit der letzten Bestellung mit Gutschein.

    reason: Last order with a voucher {value} ago

    reason de: Letzte Bestellung mit Gutschein vor {value}

    missing: No order with a voucher on record

    missing de: Keine Bestellung mit Gutschein bekannt
    """
    return orders.days_ago.min(where=orders.with_voucher)


@feature(
    ORDERS,
    windows=(365,),
    unit="share",
    theme="discounts",
    needs=("campaign_id",),
    fact="campaign_orders",
)
def campaign_order_share(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the orders that came through a campaign.

    de: Anteil der Bestellungen über eine Kampagne.

    reason: {value} of the orders through campaigns {window}

    reason de: {value} der Bestellungen über Kampagnen {window}

    zero: No orders through campaigns {window}

    zero de: Keine Bestellungen über Kampagnen {window}

    missing: No orders {window}, so none through campaigns

    missing de: Keine Bestellungen {window}, daher keine über Kampagnen
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
