"""What discounts a customer was offered before, and whether they came for them."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import contract_rows, past_orders
from neigung.profiles.timeline import KEYS, Past, days_between

_NEEDS = ("discount_rate",)
_FINE = "decimal(18, 6)"
_DAYS_TO_ORDER = 7


def _offers(past: Past) -> ir.Table:
    """The past offers of a discount; rows of a control group offered none, so they are no offers.

    `ordered`: whether the customer ordered within a week of the offer, as far as it is known; of
    an offer of the last days this says whether they have ordered so far.
    """
    offers = contract_rows(past, "offers")
    offers = offers.filter((offers.discount_rate > 0).fill_null(False))
    orders = past_orders(past)
    orders = orders.select(*KEYS, ordered_at=orders.occurred_at)
    ids = (*KEYS, "offer_id", "occurred_at")
    after = offers.select(*ids).inner_join(orders, KEYS)
    wait = days_between(after.occurred_at, after.ordered_at)
    after = after.filter(after.ordered_at >= after.occurred_at, wait < _DAYS_TO_ORDER)
    after = after.select(*ids).distinct().mutate(ordered=True)
    joined = offers.left_join(after, ids)
    return joined.select(
        *offers.columns,
        ordered=joined.ordered.fill_null(False),
        rate=joined.discount_rate.cast(_FINE),
    )


OFFERS = Source("offers", ("offers", "order_lines"), _offers, "discounts")


@feature(OFFERS, windows=(30, 90, 365), empty=0, needs=_NEEDS, fact="discount_offers")
def offer_count(offers: ir.Table, within: ir.Value) -> ir.Value:
    """Number of discounts offered.

    de: Anzahl der angebotenen Rabatte.

    reason: Was offered a discount {value} times {window}

    reason de: {window} {value}-mal einen Rabatt angeboten bekommen

    zero: Was offered no discount {window}

    zero de: {window} keinen Rabatt angeboten bekommen
    """
    return offers.count(where=within)


@feature(OFFERS, unit="days", needs=_NEEDS, fact="discount_offers")
def days_since_last_offer(offers: ir.Table) -> ir.Value:
    """Days since a discount was last offered.

    de: Tage, seit zuletzt ein Rabatt angeboten wurde.

    reason: Was last offered a discount {value} ago

    reason de: Zuletzt vor {value} einen Rabatt angeboten bekommen

    missing: No offer of a discount on record

    missing de: Kein Rabattangebot bekannt
    """
    return offers.days_ago.min()


@feature(OFFERS, windows=(365,), unit="share", needs=_NEEDS, fact="offered_discount")
def offered_discount_mean(offers: ir.Table, within: ir.Value) -> ir.Value:
    """Mean discount rate of the discounts offered.

    de: Mittlere Höhe der angebotenen Rabatte.

    reason: Was offered discounts of {value} on average {window}

    reason de: {window} Rabatte von durchschnittlich {value} angeboten bekommen

    missing: No discounts offered {window}, so no usual discount

    missing de: Keine Rabatte {window} angeboten, daher kein üblicher Rabatt
    """
    return ratio(offers.rate.sum(where=within), offers.count(where=within))


@feature(OFFERS, windows=(365,), unit="share", needs=_NEEDS, fact="offer_response")
def offer_order_share(offers: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the discounts offered {window} that an order followed within 7 days.

    de: Anteil der {window} angebotenen Rabatte, auf die binnen 7 Tagen eine Bestellung folgte.

    reason: {value} of the discounts offered {window} were followed by an order within 7 days

    reason de: Auf {value} der {window} angebotenen Rabatte folgte binnen 7 Tagen eine Bestellung

    zero: None of the discounts offered {window} were followed by an order within 7 days

    zero de: Auf keinen der {window} angebotenen Rabatte folgte binnen 7 Tagen eine Bestellung

    missing: No discounts offered {window}, so no orders that followed

    missing de: Keine Rabatte {window} angeboten, daher keine Bestellungen darauf
    """
    return ratio(offers.ordered.sum(where=within), offers.count(where=within))


FEATURES: tuple[Feature, ...] = (
    offer_count,
    days_since_last_offer,
    offered_discount_mean,
    offer_order_share,
)
