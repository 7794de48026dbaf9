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


@feature(VISITS, unit="days")
def days_since_last_visit(visits: ir.Table) -> ir.Value:
    """Days since the last visit.

    de: Tage seit dem letzten Besuch.

    reason: Last visit {value} ago

    reason de: Letzter Besuch vor {value}
    """
    return visits.days_ago.min()


@feature(VISITS, windows=(7, 30, 90), empty=0, unit="visits")
def visit_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of steps in the shop (views, searches, carts, …).

    de: Anzahl der Schritte im Shop (Ansichten, Suchen, Warenkörbe, …).

    reason: {value} {window}

    reason de: {value} {window}
    """
    return visits.count(where=within)


@feature(VISITS, windows=(30, 90), empty=0, unit="days")
def visit_days(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different days with a visit.

    de: Anzahl der verschiedenen Tage mit einem Besuch.

    reason: Visits on {value} {window}

    reason de: Besuche an {value} {window}
    """
    return visits.occurred_at.date().nunique(where=within)


@feature(VISITS, windows=(30,), empty=0, needs=("session_id",))
def session_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of sessions.

    de: Anzahl der Sitzungen.

    reason: Sessions {window}: {value}

    reason de: Sitzungen {window}: {value}
    """
    return visits.session_id.nunique(where=within)


@feature(VISITS, windows=(7, 30), empty=0)
def cart_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of times something was put into the cart.

    de: Wie oft {window} etwas in den Warenkorb gelegt wurde.

    reason: Times something was put into the cart {window}: {value}

    reason de: In den Warenkorb gelegt {window}: {value}-mal
    """
    return (visits.kind == "cart").sum(where=within)


@feature(VISITS, windows=(30,), empty=0)
def checkout_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of checkouts begun.

    de: Anzahl der begonnenen Bestellvorgänge.

    reason: Checkouts begun {window}: {value}

    reason de: Begonnene Bestellvorgänge {window}: {value}
    """
    return (visits.kind == "checkout").sum(where=within)


@feature(VISITS, windows=(30,), empty=0)
def search_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of searches.

    de: Anzahl der Suchen.

    reason: Searches {window}: {value}

    reason de: Suchen {window}: {value}
    """
    return (visits.kind == "search").sum(where=within)


@feature(VISITS, unit="days")
def days_since_last_cart(visits: ir.Table) -> ir.Value:
    """Days since something was last put into the cart.

    de: Tage, seit zuletzt etwas in den Warenkorb gelegt wurde.

    reason: Last put something into the cart {value} ago

    reason de: Zuletzt vor {value} etwas in den Warenkorb gelegt
    """
    return visits.days_ago.min(where=visits.kind == "cart")


@feature(VISITS, unit="days")
def days_since_open_cart(visits: ir.Table) -> ir.Value:
    """Days since the last cart that no order followed; missing where one did.

    de: Tage seit dem letzten Warenkorb, auf den keine Bestellung folgte; sonst leer.

    reason: Last put something into the cart {value} ago, no order since

    reason de: Zuletzt vor {value} etwas in den Warenkorb gelegt, seither keine Bestellung
    """
    return visits.days_ago.min(where=visits.after_order & (visits.kind == "cart"))


@feature(VISITS, empty=0, unit="visits")
def visits_since_order(visits: ir.Table) -> ir.Value:
    """Number of steps in the shop since the last order.

    de: Anzahl der Schritte im Shop seit der letzten Bestellung.

    reason: {value} since the last order

    reason de: {value} seit der letzten Bestellung
    """
    return visits.after_order.sum()


@feature(VISITS, empty=0)
def carts_since_order(visits: ir.Table) -> ir.Value:
    """Number of times something was put into the cart since the last order.

    de: Wie oft seit der letzten Bestellung etwas in den Warenkorb gelegt wurde.

    reason: Times something was put into the cart since the last order: {value}

    reason de: Seit der letzten Bestellung {value}-mal etwas in den Warenkorb gelegt
    """
    return (visits.after_order & (visits.kind == "cart")).sum()


@feature(VISITS, windows=(90,), unit="share", needs=("channel",))
def app_visit_share(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the steps in the shop made in the app.

    de: Anteil der Schritte im Shop {window}, die in der App erfolgten.

    reason: {value} of the steps in the shop {window} were made in the app

    reason de: {value} der Schritte im Shop {window} erfolgten in der App
    """
    return ratio((visits.channel == "app").sum(where=within), visits.count(where=within))


@feature(VISITS, windows=(30,), empty=0, unit="products", needs=("product_id",))
def visited_product_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different products looked at.

    de: Anzahl der {window} angesehenen Produkte.

    reason: Looked at {value} {window}

    reason de: {value} {window} angesehen
    """
    return visits.product_id.nunique(where=within)


@feature(VISITS, windows=(30,), empty=0, unit="categories", needs=("category",))
def visited_category_count(visits: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different categories looked at.

    de: Anzahl der {window} angesehenen Kategorien.

    reason: Looked at {value} {window}

    reason de: {value} {window} angesehen
    """
    return visits.category.nunique(where=within)


@feature(COMBINED, of=("visit_count",), unit="share", theme="visits")
def visit_trend_7(row: ir.Table) -> ir.Value:
    """Share of the steps in the shop of the last 30 days that fall in the last 7.

    de: Anteil der Schritte im Shop der letzten 30 Tage, der auf die letzten 7 entfällt.

    reason: {visit_count_7d} in the last 7 days, {visit_count_30d} in the last 30

    reason de: {visit_count_7d} in den letzten 7 Tagen, {visit_count_30d} in den letzten 30
    """
    return ratio(row.visit_count_7d, row.visit_count_30d)


@feature(COMBINED, of=("visit_days", "order_count"), unit="ratio", theme="visits")
def visit_days_per_order(row: ir.Table) -> ir.Value:
    """Days with a visit per order, last 90 days.

    de: Tage mit Besuch je Bestellung, letzte 90 Tage.

    reason: Days with a visit per order in the last 90 days: {value}

    reason de: Besuchstage je Bestellung in den letzten 90 Tagen: {value}
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
