"""How a customer is addressed, how they respond, and when it becomes too much."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import COMBINED, after_last_order, contract_rows
from neigung.profiles.timeline import KEYS, Past


def _contacts(past: Past) -> ir.Table:
    """The past contacts; `after_order` marks those after the customer's last order."""
    return after_last_order(contract_rows(past, "contacts"), past)


def answered(contacts: ir.Table, responses: ir.Table) -> ir.Table:
    """Contacts with what the customer did with them: opened, clicked, redeemed, bounced."""
    ids = (*KEYS, "contact_id")
    per_contact = responses.group_by(*ids).agg(
        **{kind: (responses.kind == kind).any() for kind in ("open", "click", "redeem", "bounce")}
    )
    joined = contacts.left_join(per_contact, ids).drop(*(f"{name}_right" for name in ids))
    # Some mail programs hide the opening; who clicks or redeems has opened.
    redeemed = joined.redeem.fill_null(False)
    clicked = joined.click.fill_null(False)
    opened = joined.open.fill_null(False) | clicked | redeemed
    return joined.mutate(
        opened=opened, clicked=clicked, redeemed=redeemed, bounced=joined.bounce.fill_null(False)
    )


def _answered(past: Past) -> ir.Table:
    """The past contacts with their responses; `unanswered` marks those since the last opened."""
    rows = answered(contract_rows(past, "contacts"), contract_rows(past, "responses"))
    last = rows.days_ago.min(where=rows.opened).over(ibis.window(group_by=KEYS))
    return rows.mutate(unanswered=(rows.days_ago < last).fill_null(True))


CONTACTS = Source("contacts", ("contacts", "order_lines"), _contacts, "contacts")
ANSWERED = Source("contacts with responses", ("contacts", "responses"), _answered, "contacts")
RESPONSES = Source(
    "responses", ("responses",), lambda past: contract_rows(past, "responses"), "contacts"
)


@feature(CONTACTS, windows=(7, 30, 90, 365), empty=0, unit="contacts")
def contact_count(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts.

    de: Anzahl der Kontakte.

    reason: {value} {window}

    reason de: {value} {window}
    """
    return contacts.count(where=within)


@feature(CONTACTS, unit="days")
def days_since_last_contact(contacts: ir.Table) -> ir.Value:
    """Days since the last contact.

    de: Tage seit dem letzten Kontakt.

    reason: Last contact {value} ago

    reason de: Letzter Kontakt vor {value}
    """
    return contacts.days_ago.min()


@feature(CONTACTS, empty=0, unit="contacts")
def contacts_since_order(contacts: ir.Table) -> ir.Value:
    """Number of contacts since the last order.

    de: Anzahl der Kontakte seit der letzten Bestellung.

    reason: {value} since the last order

    reason de: {value} seit der letzten Bestellung
    """
    return contacts.after_order.sum()


@feature(CONTACTS, windows=(365,), empty=0, needs=("campaign_id",))
def contact_campaign_count(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different campaigns the customer was addressed with.

    de: Anzahl der Kampagnen, mit denen der Kunde {window} angesprochen wurde.

    reason: Campaigns that addressed the customer {window}: {value}

    reason de: Kampagnen, die den Kunden {window} ansprachen: {value}
    """
    return contacts.campaign_id.nunique(where=within)


@feature(COMBINED, of=("contact_count",), unit="share", theme="contacts")
def contact_pressure_7(row: ir.Table) -> ir.Value:
    """Share of the contacts of the last 30 days that fall in the last 7.

    de: Anteil der Kontakte der letzten 30 Tage, der auf die letzten 7 entfällt.

    reason: {contact_count_7d} in the last 7 days, {contact_count_30d} in the last 30

    reason de: {contact_count_7d} in den letzten 7 Tagen, {contact_count_30d} in den letzten 30
    """
    return ratio(row.contact_count_7d, row.contact_count_30d)


@feature(COMBINED, of=("contact_count",), unit="share", theme="contacts")
def contact_pressure_30(row: ir.Table) -> ir.Value:
    """Share of the contacts of the last 90 days that fall in the last 30.

    de: Anteil der Kontakte der letzten 90 Tage, der auf die letzten 30 entfällt.

    reason: {contact_count_30d} in the last 30 days, {contact_count_90d} in the last 90

    reason de: {contact_count_30d} in den letzten 30 Tagen, {contact_count_90d} in den letzten 90
    """
    return ratio(row.contact_count_30d, row.contact_count_90d)


@feature(COMBINED, of=("contact_count", "order_count"), unit="ratio", theme="contacts")
def contacts_per_order(row: ir.Table) -> ir.Value:
    """Contacts per order, last 365 days.

    de: Kontakte je Bestellung, letzte 365 Tage.

    reason: Contacts per order in the last 365 days: {value}

    reason de: Kontakte je Bestellung in den letzten 365 Tagen: {value}
    """
    return ratio(row.contact_count_365d, row.order_count_365d)


@feature(ANSWERED, windows=(90, 365), unit="share")
def open_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts opened.

    de: Anteil der geöffneten Kontakte.

    reason: {value} of the contacts {window} were opened

    reason de: {value} der Kontakte {window} wurden geöffnet
    """
    return ratio(contacts.opened.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, windows=(90, 365), unit="share")
def click_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts with a click.

    de: Anteil der Kontakte mit Klick.

    reason: {value} of the contacts {window} were clicked

    reason de: {value} der Kontakte {window} wurden angeklickt
    """
    return ratio(contacts.clicked.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, windows=(365,), unit="share")
def redeem_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts {window} whose offer was redeemed.

    de: Anteil der Kontakte {window}, deren Angebot eingelöst wurde.

    reason: {value} of the contacts {window} led to a redemption

    reason de: {value} der Kontakte {window} führten zu einer Einlösung
    """
    return ratio(contacts.redeemed.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, windows=(365,), unit="share")
def bounce_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts {window} that could not be delivered.

    de: Anteil der unzustellbaren Kontakte.

    reason: {value} of the contacts {window} could not be delivered

    reason de: {value} der Kontakte {window} waren unzustellbar
    """
    return ratio(contacts.bounced.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, empty=0, unit="contacts")
def contacts_since_open(contacts: ir.Table) -> ir.Value:
    """Number of contacts in a row, up to the last, that were not opened.

    de: Anzahl der zuletzt in Folge nicht geöffneten Kontakte.

    reason: Not opened of late: {value}

    reason de: Zuletzt nicht geöffnet: {value}
    """
    return contacts.unanswered.sum()


@feature(COMBINED, of=("open_share",), unit="ratio", theme="contacts")
def open_share_trend(row: ir.Table) -> ir.Value:
    """Share of the contacts opened in the last 90 days relative to the last 365.

    de: Anteil der geöffneten Kontakte der letzten 90 Tage im Verhältnis zu den letzten 365.

    reason: {open_share_90d} opened in the last 90 days, {open_share_365d} in the last 365

    reason de: {open_share_90d} geöffnet in den letzten 90 Tagen, {open_share_365d} in den letzten
        365
    """
    return ratio(row.open_share_90d, row.open_share_365d)


@feature(RESPONSES, unit="days")
def days_since_last_open(responses: ir.Table) -> ir.Value:
    """Days since a contact was last opened, clicked or redeemed.

    de: Tage, seit zuletzt ein Kontakt geöffnet, angeklickt oder eingelöst wurde.

    reason: Last response to a contact {value} ago

    reason de: Letzte Reaktion auf einen Kontakt vor {value}
    """
    return responses.days_ago.min(where=responses.kind.isin(["open", "click", "redeem"]))


@feature(RESPONSES, unit="days")
def days_since_last_redeem(responses: ir.Table) -> ir.Value:
    """Days since an offer was last redeemed.

    de: Tage, seit zuletzt ein Angebot eingelöst wurde.

    reason: Last redeemed an offer {value} ago

    reason de: Zuletzt vor {value} ein Angebot eingelöst
    """
    return responses.days_ago.min(where=responses.kind == "redeem")


@feature(RESPONSES, windows=(365,), empty=0)
def redeem_count(responses: ir.Table, within: ir.Value) -> ir.Value:
    """Number of redemptions.

    de: Anzahl der Einlösungen.

    reason: Offers redeemed {window}: {value}

    reason de: Eingelöste Angebote {window}: {value}
    """
    return (responses.kind == "redeem").sum(where=within)


@feature(RESPONSES, unit="days")
def days_since_unsubscribe(responses: ir.Table) -> ir.Value:
    """Days since the last unsubscription.

    de: Tage seit der letzten Abmeldung.

    reason: Unsubscribed {value} ago

    reason de: Vor {value} abgemeldet
    """
    return responses.days_ago.min(where=responses.kind == "unsubscribe")


FEATURES: tuple[Feature, ...] = (
    contact_count,
    days_since_last_contact,
    contacts_since_order,
    contact_campaign_count,
    contact_pressure_7,
    contact_pressure_30,
    contacts_per_order,
    open_share,
    click_share,
    redeem_share,
    bounce_share,
    contacts_since_open,
    open_share_trend,
    days_since_last_open,
    days_since_last_redeem,
    redeem_count,
    days_since_unsubscribe,
)
