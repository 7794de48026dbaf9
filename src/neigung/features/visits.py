"""What a customer does in the shop before ordering: visits, searches, carts."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import COMBINED, after_last_order, contract_rows
from neigung.profiles.timeline import Past


def _visits(past: Past) -> ir.Table:
    """The past visits; `after_order` marks those after the customer's last order."""
    return after_last_order(contract_rows(past, "visits"), past)


VISITS = Source("visits", ("visits", "order_lines"), _visits, "visits")


@feature(VISITS, unit="days", fact="visit_recency")
def days_since_last_visit(visits: ir.Table) -> ir.Value:
    """Days since the last visit.

    de: Tage seit dem letzten Besuch.

    reason: Last visit {value} ago

    reason de: Letzter Besuch vor {value}

    missing: No visit on record

    missing de: Kein Besuch bekannt
    """
    return visits.days_ago.min()


@feature(VISITS, windows=(7, 30, 90), empty=0, unit="visits", fact="visits")
def visit_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of clicks in the shop (views, searches, carts, …).

    de: Anzahl der Klicks im Shop (Ansichten, Suchen, Warenkörbe, …).

    reason: {value} {window}

    reason de: {value} {window}
    """
    return visits.count(where=within)


@feature(VISITS, windows=(30, 90), empty=0, unit="days", fact="visits")
def visit_days(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different days with a visit.

    de: Anzahl der verschiedenen Tage mit einem Besuch.

    reason: Visits on {value} {window}

    reason de: Besuche an {value} {window}

    zero: No visits {window}

    zero de: Keine Besuche {window}
    """
    return visits.occurred_at.date().nunique(where=within)


@feature(VISITS, windows=(30,), empty=0, needs=("session_id",), fact="visits")
def session_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of visits to the shop (sessions).

    de: Anzahl der Besuche im Shop (Sitzungen).

    reason: Visits to the shop {window}: {value}

    reason de: Besuche im Shop {window}: {value}

    zero: No visits to the shop {window}

    zero de: Keine Besuche im Shop {window}
    """
    return visits.session_id.nunique(where=within)


@feature(VISITS, windows=(7, 30), empty=0, fact="cart")
def cart_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of times something was put into the cart.

    de: Wie oft {window} etwas in den Warenkorb gelegt wurde.

    reason: Put something into the cart {value} times {window}

    reason de: {window} {value}-mal etwas in den Warenkorb gelegt

    zero: Put nothing into the cart {window}

    zero de: {window} nichts in den Warenkorb gelegt
    """
    return (visits.kind == "cart").sum(where=within)


@feature(VISITS, windows=(30,), empty=0, fact="cart")
def checkout_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of checkouts begun.

    de: Anzahl der begonnenen Bestellvorgänge.

    reason: Went to the checkout {value} times {window}

    reason de: {window} {value}-mal zur Kasse gegangen

    zero: Never went to the checkout {window}

    zero de: {window} nie zur Kasse gegangen
    """
    return (visits.kind == "checkout").sum(where=within)


@feature(VISITS, windows=(30,), empty=0, fact="browsing")
def search_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of searches.

    de: Anzahl der Suchen.

    reason: Searched the shop {value} times {window}

    reason de: {window} {value}-mal im Shop gesucht

    zero: Never searched the shop {window}

    zero de: {window} nie im Shop gesucht
    """
    return (visits.kind == "search").sum(where=within)


@feature(VISITS, unit="days", fact="cart")
def days_since_last_cart(visits: ir.Table) -> ir.Value:
    """Days since something was last put into the cart.

    de: Tage, seit zuletzt etwas in den Warenkorb gelegt wurde.

    reason: Last put something into the cart {value} ago

    reason de: Zuletzt vor {value} etwas in den Warenkorb gelegt

    missing: No cart on record

    missing de: Kein Warenkorb bekannt
    """
    return visits.days_ago.min(where=visits.kind == "cart")


@feature(VISITS, unit="days", fact="cart")
def days_since_open_cart(visits: ir.Table) -> ir.Value:
    """Days since the last cart that no order followed; missing where one did.

    de: Tage seit dem letzten Warenkorb, auf den keine Bestellung folgte; sonst leer.

    reason: Last put something into the cart {value} ago, no order since

    reason de: Zuletzt vor {value} etwas in den Warenkorb gelegt, seither keine Bestellung

    missing: No cart since the last order

    missing de: Kein Warenkorb seit der letzten Bestellung
    """
    return visits.days_ago.min(where=visits.after_order & (visits.kind == "cart"))


@feature(VISITS, empty=0, unit="visits", fact="visits")
def visits_since_order(visits: ir.Table) -> ir.Value:
    """Number of clicks in the shop since the last order.

    de: Anzahl der Klicks im Shop seit der letzten Bestellung.

    reason: {value} since the last order

    reason de: {value} seit der letzten Bestellung
    """
    return visits.after_order.sum()


@feature(VISITS, empty=0, fact="cart")
def carts_since_order(visits: ir.Table) -> ir.Value:
    """Number of times something was put into the cart since the last order.

    de: Wie oft seit der letzten Bestellung etwas in den Warenkorb gelegt wurde.

    reason: Put something into the cart {value} times since the last order

    reason de: Seit der letzten Bestellung {value}-mal etwas in den Warenkorb gelegt

    zero: Put nothing into the cart since the last order

    zero de: Seit der letzten Bestellung nichts in den Warenkorb gelegt
    """
    return (visits.after_order & (visits.kind == "cart")).sum()


@feature(VISITS, windows=(90,), unit="share", needs=("channel",), fact="app_use")
def app_visit_share(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the clicks in the shop made in the app.

    de: Anteil der Klicks im Shop {window}, die in der App erfolgten.

    reason: {value} of the clicks in the shop {window} were made in the app

    reason de: {value} der Klicks im Shop {window} erfolgten in der App

    zero: No clicks in the app {window}

    zero de: Keine Klicks in der App {window}

    missing: No visits {window}, so none in the app

    missing de: Keine Besuche {window}, daher keine in der App
    """
    return ratio((visits.channel == "app").sum(where=within), visits.count(where=within))


@feature(VISITS, windows=(30,), empty=0, unit="products", needs=("product_id",), fact="browsing")
def visited_product_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different products looked at.

    de: Anzahl der {window} angesehenen Produkte.

    reason: Looked at {value} {window}

    reason de: {value} {window} angesehen
    """
    return visits.product_id.nunique(where=within)


@feature(VISITS, windows=(30,), empty=0, unit="categories", needs=("category",), fact="browsing")
def visited_category_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different categories looked at.

    de: Anzahl der {window} angesehenen Kategorien.

    reason: Looked at {value} {window}

    reason de: {value} {window} angesehen
    """
    return visits.category.nunique(where=within)


@feature(COMBINED, of=("visit_count",), unit="share", theme="visits", fact="visits")
def visit_trend_7(row: ir.Table) -> ir.Value:
    """Share of the clicks in the shop of the last 30 days that fall in the last 7.

    de: Anteil der Klicks im Shop der letzten 30 Tage, der auf die letzten 7 entfällt.

    reason: {value} of the clicks in the shop of the last 30 days fell in the last 7

    reason de: {value} der Klicks im Shop der letzten 30 Tage entfallen auf die letzten 7

    zero: None of the clicks in the shop of the last 30 days fell in the last 7

    zero de: Keiner der Klicks im Shop der letzten 30 Tage entfällt auf die letzten 7

    missing: No visits in the last 30 days

    missing de: Keine Besuche in den letzten 30 Tagen
    """
    return ratio(row.visit_count_7d, row.visit_count_30d)


@feature(COMBINED, of=("visit_days", "order_count"), unit="ratio", theme="visits", fact="visits")
def visit_days_per_order(row: ir.Table) -> ir.Value:
    """Days with a visit per order, last 90 days.

    de: Tage mit Besuch je Bestellung, letzte 90 Tage.

    reason: Days with a visit per order in the last 90 days: {value}

    reason de: Besuchstage je Bestellung in den letzten 90 Tagen: {value}

    zero: No visits in the last 90 days

    zero de: Keine Besuche in den letzten 90 Tagen

    missing: No orders in the last 90 days, so no visits per order

    missing de: Keine Bestellungen in den letzten 90 Tagen, daher keine Besuche je Bestellung
    """
    return ratio(row.visit_days_90d, row.order_count_90d)


FEATURES: tuple[Feature, ...] = (
    days_since_last_visit,
    visit_count,
    visit_days,
    session_count,
    cart_count,
    checkout_count,
    search_count,
    days_since_last_cart,
    days_since_open_cart,
    visits_since_order,
    carts_since_order,
    app_visit_share,
    visited_product_count,
    visited_category_count,
    visit_trend_7,
    visit_days_per_order,
)
