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


@feature(CONTACTS, windows=(7, 30, 90, 365), empty=0, unit="contacts", fact="contacts")
def contact_count(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Number of contacts.

    de: Anzahl der Kontakte.

    reason: Contacted by the shop {value} times {window}

    reason de: {window} {value}-mal vom Shop angesprochen

    zero: Not contacted by the shop {window}

    zero de: {window} nicht vom Shop angesprochen
    """
    return contacts.count(where=within)


@feature(CONTACTS, unit="days", fact="contact_recency")
def days_since_last_contact(contacts: ir.Table) -> ir.Value:
    """Days since the last contact.

    de: Tage seit dem letzten Kontakt.

    reason: Last contacted by the shop {value} ago

    reason de: Zuletzt vor {value} vom Shop angesprochen

    missing: No contact by the shop on record

    missing de: Kein Kontakt durch den Shop bekannt
    """
    return contacts.days_ago.min()


@feature(CONTACTS, empty=0, unit="contacts", fact="contacts")
def contacts_since_order(contacts: ir.Table) -> ir.Value:
    """Number of contacts since the last order.

    de: Anzahl der Kontakte seit der letzten Bestellung.

    reason: Contacted by the shop {value} times since the last order

    reason de: Seit der letzten Bestellung {value}-mal vom Shop angesprochen

    zero: Not contacted by the shop since the last order

    zero de: Seit der letzten Bestellung nicht vom Shop angesprochen
    """
    return contacts.after_order.sum()


@feature(CONTACTS, windows=(365,), empty=0, needs=("campaign_id",), fact="contacts")
def contact_campaign_count(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different campaigns the customer was addressed with.

    de: Anzahl der Kampagnen, mit denen der Kunde {window} angesprochen wurde.

    reason: Campaigns that addressed the customer {window}: {value}

    reason de: Kampagnen an diesen Kunden {window}: {value}

    zero: Addressed by no campaign {window}

    zero de: {window} von keiner Kampagne angesprochen
    """
    return contacts.campaign_id.nunique(where=within)


@feature(COMBINED, of=("contact_count",), unit="share", theme="contacts", fact="contacts")
def contact_pressure_7(row: ir.Table) -> ir.Value:
    """Share of the contacts of the last 30 days that fall in the last 7.

    de: Anteil der Kontakte der letzten 30 Tage, der auf die letzten 7 entfällt.

    reason: {value} of the contacts by the shop in the last 30 days fell in the last 7

    reason de: {value} der Kontakte durch den Shop in den letzten 30 Tagen entfallen auf die letzten
        7

    zero: None of the contacts by the shop in the last 30 days fell in the last 7

    zero de: Keiner der Kontakte durch den Shop in den letzten 30 Tagen entfällt auf die letzten 7

    missing: Not contacted by the shop in the last 30 days

    missing de: In den letzten 30 Tagen nicht vom Shop angesprochen
    """
    return ratio(row.contact_count_7d, row.contact_count_30d)


@feature(COMBINED, of=("contact_count",), unit="share", theme="contacts", fact="contacts")
def contact_pressure_30(row: ir.Table) -> ir.Value:
    """Share of the contacts of the last 90 days that fall in the last 30.

    de: Anteil der Kontakte der letzten 90 Tage, der auf die letzten 30 entfällt.

    reason: {value} of the contacts by the shop in the last 90 days fell in the last 30

    reason de: {value} der Kontakte durch den Shop in den letzten 90 Tagen entfallen auf die letzten
        30

    zero: None of the contacts by the shop in the last 90 days fell in the last 30

    zero de: Keiner der Kontakte durch den Shop in den letzten 90 Tagen entfällt auf die letzten 30

    missing: Not contacted by the shop in the last 90 days

    missing de: In den letzten 90 Tagen nicht vom Shop angesprochen
    """
    return ratio(row.contact_count_30d, row.contact_count_90d)


@feature(
    COMBINED, of=("contact_count", "order_count"), unit="ratio", theme="contacts", fact="contacts"
)
def contacts_per_order(row: ir.Table) -> ir.Value:
    """Contacts per order, last 365 days.

    de: Kontakte je Bestellung, letzte 365 Tage.

    reason: Contacts by the shop per order in the last 365 days: {value}

    reason de: Kontakte durch den Shop je Bestellung in den letzten 365 Tagen: {value}

    zero: Not contacted by the shop in the last 365 days

    zero de: In den letzten 365 Tagen nicht vom Shop angesprochen

    missing: No orders in the last 365 days, so no contacts per order

    missing de: Keine Bestellungen in den letzten 365 Tagen, daher keine Kontakte je Bestellung
    """
    return ratio(row.contact_count_365d, row.order_count_365d)


@feature(ANSWERED, windows=(90, 365), unit="share", fact="response")
def open_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts opened.

    de: Anteil der geöffneten Kontakte.

    reason: Opened {value} of the shop's messages {window}

    reason de: {value} der Nachrichten des Shops {window} geöffnet

    zero: Opened none of the shop's messages {window}

    zero de: Keine der Nachrichten des Shops {window} geöffnet

    missing: No messages from the shop {window}, so none opened

    missing de: Keine Nachrichten des Shops {window}, daher keine geöffnet
    """
    return ratio(contacts.opened.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, windows=(90, 365), unit="share", fact="response")
def click_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts with a click.

    de: Anteil der Kontakte mit Klick.

    reason: Clicked on {value} of the shop's messages {window}

    reason de: {value} der Nachrichten des Shops {window} angeklickt

    zero: Clicked on none of the shop's messages {window}

    zero de: Keine der Nachrichten des Shops {window} angeklickt

    missing: No messages from the shop {window}, so none opened

    missing de: Keine Nachrichten des Shops {window}, daher keine geöffnet
    """
    return ratio(contacts.clicked.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, windows=(365,), unit="share", fact="redemptions")
def redeem_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts {window} whose offer was redeemed.

    de: Anteil der Kontakte {window}, deren Angebot eingelöst wurde.

    reason: Redeemed the offers of {value} of the shop's messages {window}

    reason de: Angebote aus {value} der Nachrichten des Shops {window} eingelöst

    zero: Redeemed no offers of the shop's messages {window}

    zero de: Keine Angebote aus Nachrichten des Shops {window} eingelöst

    missing: No messages from the shop {window}, so no offers redeemed

    missing de: Keine Nachrichten des Shops {window}, daher keine Angebote eingelöst
    """
    return ratio(contacts.redeemed.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, windows=(365,), unit="share", fact="delivery")
def bounce_share(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the contacts {window} that could not be delivered.

    de: Anteil der unzustellbaren Kontakte.

    reason: {value} of the shop's messages {window} could not be delivered

    reason de: {value} der Nachrichten des Shops {window} waren unzustellbar

    zero: None of the shop's messages {window} were undeliverable

    zero de: Keine der Nachrichten des Shops {window} war unzustellbar

    missing: No messages from the shop {window}, so none to deliver

    missing de: Keine Nachrichten des Shops {window}, daher keine zuzustellen
    """
    return ratio(contacts.bounced.sum(where=within), contacts.count(where=within))


@feature(ANSWERED, empty=0, unit="count", fact="response")
def contacts_since_open(contacts: ir.Table) -> ir.Value:
    """Number of contacts in a row, up to the last, that were not opened.

    de: Anzahl der zuletzt in Folge nicht geöffneten Kontakte.

    reason: Unopened messages of the shop in a row, up to the last: {value}

    reason de: Ungeöffnete Nachrichten des Shops in Folge bis zur letzten: {value}

    zero: No unopened messages of the shop lately

    zero de: Zuletzt keine ungeöffneten Nachrichten des Shops
    """
    return contacts.unanswered.sum()


@feature(COMBINED, of=("open_share",), unit="ratio", theme="contacts", fact="response")
def open_share_trend(row: ir.Table) -> ir.Value:
    """Share of the contacts opened in the last 90 days relative to the last 365.

    de: Anteil der geöffneten Kontakte der letzten 90 Tage im Verhältnis zu den letzten 365.

    reason: Opened {open_share_90d} of the shop's messages in the last 90 days, {open_share_365d} in
        the last 365

    reason de: {open_share_90d} der Nachrichten des Shops in den letzten 90 Tagen geöffnet,
        {open_share_365d} in den letzten 365

    zero: Opened none of the shop's messages in the last 90 days, {open_share_365d} in the last 365

    zero de: Keine der Nachrichten des Shops in den letzten 90 Tagen geöffnet, {open_share_365d} in
        den letzten 365

    missing: Too few opened messages to compare the last 90 days with the last 365

    missing de: Zu wenige geöffnete Nachrichten, um die letzten 90 Tage mit den letzten 365 zu
        vergleichen
    """
    return ratio(row.open_share_90d, row.open_share_365d)


@feature(RESPONSES, unit="days", fact="response")
def days_since_last_open(responses: ir.Table) -> ir.Value:
    """Days since a contact was last opened, clicked or redeemed.

    de: Tage, seit zuletzt ein Kontakt geöffnet, angeklickt oder eingelöst wurde.

    reason: Last responded to a message of the shop {value} ago

    reason de: Zuletzt vor {value} auf eine Nachricht des Shops reagiert

    missing: No response to a message of the shop on record

    missing de: Keine Reaktion auf eine Nachricht des Shops bekannt
    """
    return responses.days_ago.min(where=responses.kind.isin(["open", "click", "redeem"]))


@feature(RESPONSES, unit="days", fact="redemptions")
def days_since_last_redeem(responses: ir.Table) -> ir.Value:
    """Days since an offer was last redeemed.

    de: Tage, seit zuletzt ein Angebot eingelöst wurde.

    reason: Last redeemed an offer {value} ago

    reason de: Zuletzt vor {value} ein Angebot eingelöst

    missing: No redeemed offer on record

    missing de: Kein eingelöstes Angebot bekannt
    """
    return responses.days_ago.min(where=responses.kind == "redeem")


@feature(RESPONSES, windows=(365,), empty=0, fact="redemptions")
def redeem_count(responses: ir.Table, within: ir.Value) -> ir.Value:
    """Number of redemptions.

    de: Anzahl der Einlösungen.

    reason: Offers redeemed {window}: {value}

    reason de: Eingelöste Angebote {window}: {value}

    zero: No offers redeemed {window}

    zero de: Keine Angebote {window} eingelöst
    """
    return (responses.kind == "redeem").sum(where=within)


@feature(RESPONSES, unit="days", fact="unsubscribed")
def days_since_unsubscribe(responses: ir.Table) -> ir.Value:
    """Days since the last unsubscription.

    de: Tage seit der letzten Abmeldung.

    reason: Unsubscribed from messages {value} ago

    reason de: Vor {value} von Nachrichten abgemeldet

    missing: Never unsubscribed from messages, as far as is known

    missing de: Keine Abmeldung von Nachrichten bekannt
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
