"""The second hop: what everybody's history says of the products, categories and campaigns that a
customer met. Only rows from before the cutoff count, of customers whom the legal basis covers."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.contacts import answered
from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import CATEGORIES, EXACT, PRODUCTS, contract_rows
from neigung.profiles.timeline import KEYS, Past

_FINE = "decimal(18, 6)"
_PRODUCT = ("order_lines.product_id",)
_CATEGORY = ("order_lines.category",)
_CAMPAIGN = ("contacts.campaign_id",)


def _bought(past: Past, column: str) -> ir.Table:
    """Per cutoff, customer and product (or category), everybody's purchases in short."""
    lines = contract_rows(past, "order_lines", of_everyone=True)
    lines = lines.filter(lines[column].notnull())
    paid = (lines.quantity > 0).fill_null(False)
    bought = lines.group_by(*KEYS, column).agg(
        first=lines.days_ago.max(),
        last=lines.days_ago.min(),
        lines=lines.count(),
        value=ibis.ifelse(paid, lines.net_value, 0).sum(),
        pieces=ibis.ifelse(paid, lines.quantity.try_cast(EXACT), 0).sum(),
        of_category=lines.category.min(),
    )
    interval = (bought["first"] - bought["last"]) / (bought.lines - 1).nullif(0)
    return bought.mutate(
        back=bought["first"] - bought["last"] >= 1,
        interval=interval,
    )


def _facts(past: Past, column: str) -> ir.Table:
    """Per cutoff and product (or category): how many of its buyers came back, how soon."""
    bought = _bought(past, column)
    facts = bought.group_by("cutoff", column).agg(
        return_share=ratio(bought.back.sum(), bought.count()).cast(_FINE),
        return_days=bought.interval.median(where=bought.back).cast(_FINE),
        sold_for=bought["first"].max().cast(_FINE),
        price=ratio(bought.value.sum(), bought.pieces.sum()),
        of_category=bought.of_category.min(),
    )
    in_category = ibis.window(group_by=["cutoff", "of_category"], order_by=facts.price)
    priced = facts.price.notnull() & facts.of_category.notnull()
    position = ibis.percent_rank().over(in_category).cast(_FINE)
    return facts.mutate(price_position=ibis.cases((priced, position)))


def _met_products(past: Past) -> ir.Table:
    """The products a customer bought, with what is known of them."""
    assert PRODUCTS.build is not None
    facts = past.shared("products", lambda: _facts(past, "product_id"))
    return PRODUCTS.build(past).left_join(facts, ["cutoff", "product_id"])


def _met_categories(past: Past) -> ir.Table:
    """The categories a customer bought, with what is known of them."""
    assert CATEGORIES.build is not None
    facts = past.shared("categories", lambda: _facts(past, "category"))
    return CATEGORIES.build(past).left_join(facts, ["cutoff", "category"])


def _moved(past: Past) -> ir.Table:
    """Per cutoff and campaign: which shares of its contacts were opened and redeemed."""
    everybody = answered(
        contract_rows(past, "contacts", of_everyone=True),
        contract_rows(past, "responses", of_everyone=True),
    )
    return everybody.group_by("cutoff", "campaign_id").agg(
        open_rate=ratio(everybody.opened.sum(), everybody.count()).cast(_FINE),
        redeem_rate=ratio(everybody.redeemed.sum(), everybody.count()).cast(_FINE),
    )


def _met_campaigns(past: Past) -> ir.Table:
    """A customer's contacts, with the share of all its contacts that the campaign moved."""
    facts = past.shared("campaigns", lambda: _moved(past))
    return contract_rows(past, "contacts").left_join(facts, ["cutoff", "campaign_id"])


MET_PRODUCTS = Source(
    "products and their buyers", ("order_lines",), _met_products, "second hop", of_everyone=True
)
MET_CATEGORIES = Source(
    "categories and their buyers", ("order_lines",), _met_categories, "second hop", of_everyone=True
)
MET_CAMPAIGNS = Source(
    "campaigns and their contacts",
    ("contacts", "responses"),
    _met_campaigns,
    "second hop",
    of_everyone=True,
)


def _mean(values: ir.Value, within: ir.Value) -> ir.Value:
    return ratio(values.sum(where=within), values.count(where=within))


@feature(MET_PRODUCTS, windows=(90,), unit="share", needs=_PRODUCT, fact="others_repeat")
def product_return_share(products: ir.Table, within: ir.Value) -> ir.Value:
    """Mean share of their buyers who came back for the products that the customer bought.

    de: Mittlerer Anteil der Käufer, die erneut zu den Produkten griffen, die der Kunde {window}
        kaufte.

    reason: On average {value} of the buyers of the products bought {window} came back for them

    reason de: Im Schnitt griffen {value} der Käufer der {window} gekauften Produkte erneut zu

    zero: None of the buyers of the products bought {window} came back for them

    zero de: Keiner der Käufer der {window} gekauften Produkte griff erneut zu

    missing: No products bought {window}, so none that others bought again

    missing de: Keine Produkte {window} gekauft, daher keine, zu denen andere erneut griffen
    """
    return _mean(products.return_share, within)


@feature(MET_PRODUCTS, windows=(90,), unit="days", needs=_PRODUCT, fact="others_repeat")
def product_return_days(products: ir.Table, within: ir.Value) -> ir.Value:
    """Mean of the days after which buyers come back for the products that the customer bought.

    de: Mittel der Tage, nach denen Käufer erneut zu den Produkten greifen, die der Kunde {window}
        kaufte.

    reason: Buyers of the products bought {window} come back for them after {value} on average

    reason de: Käufer der {window} gekauften Produkte greifen im Schnitt nach {value} erneut zu

    missing: Unknown when buyers of the products bought {window} come back for them

    missing de: Unbekannt, wann Käufer der {window} gekauften Produkte erneut zugreifen
    """
    return _mean(products.return_days, within)


@feature(MET_PRODUCTS, windows=(365,), empty=0, unit="count", needs=_PRODUCT, fact="due_products")
def product_due_by_others(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of products bought {window} that other buyers would have bought again by now.

    de: Anzahl der {window} gekauften Produkte, die andere Käufer inzwischen erneut gekauft hätten.

    reason: Products that others would have bought again by now: {value}

    reason de: Produkte, die andere inzwischen erneut gekauft hätten: {value}

    zero: No products that others would have bought again by now

    zero de: Keine Produkte, die andere inzwischen erneut gekauft hätten
    """
    waited = products.days_ago.cast(_FINE)
    due = (waited >= products.return_days) & (waited <= products.return_days * 2)
    return due.sum(where=within)


@feature(
    MET_PRODUCTS,
    windows=(90,),
    unit="share",
    needs=(*_PRODUCT, "category", "quantity"),
    fact="price_level",
)
def product_price_position(products: ir.Table, within: ir.Value) -> ir.Value:
    """Mean price position of the products bought {window} in their category (0 lowest, 1 highest).

    de: Mittlere Preislage der {window} gekauften Produkte in ihrer Kategorie (0 niedrigste, 1
        höchste).

    reason: Products bought {window} cost more than {value} of the products of their category on
        average

    reason de: Die {window} gekauften Produkte sind im Schnitt teurer als {value} der Produkte ihrer
        Kategorie

    missing: Price level of the products bought {window} unknown

    missing de: Preislage der {window} gekauften Produkte unbekannt
    """
    return _mean(products.price_position, within)


@feature(MET_PRODUCTS, windows=(90,), unit="days", needs=_PRODUCT)
def product_age(products: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days since the products bought {window} were first sold.

    de: Mittlere Zahl der Tage, seit die {window} gekauften Produkte erstmals verkauft wurden.

    reason: Products bought {window} have been on sale for {value} on average

    reason de: Die {window} gekauften Produkte sind im Schnitt seit {value} im Verkauf

    missing: No products bought {window}, so neither new nor old ones

    missing de: Keine Produkte {window} gekauft, daher weder neue noch alte
    """
    return _mean(products.sold_for, within)


@feature(MET_PRODUCTS, windows=(90,), unit="share", needs=_PRODUCT, fact="product_age")
def novelty_share(products: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the products bought {window} that were first sold no more than 90 days ago.

    de: Anteil der {window} gekauften Produkte, die erst seit höchstens 90 Tagen verkauft werden.

    reason: {value} of the products bought {window} were new in the shop

    reason de: {value} der {window} gekauften Produkte waren neu im Sortiment

    zero: None of the products bought {window} were new in the shop

    zero de: Keines der {window} gekauften Produkte war neu im Sortiment

    missing: No products bought {window}, so neither new nor old ones

    missing de: Keine Produkte {window} gekauft, daher weder neue noch alte
    """
    return ratio((products.sold_for <= 90).sum(where=within), products.count(where=within))


@feature(MET_CATEGORIES, windows=(90,), unit="share", needs=_CATEGORY, fact="others_repeat")
def category_buyers_return_share(categories: ir.Table, within: ir.Value) -> ir.Value:
    """Mean share of their buyers who came back to the categories that the customer bought.

    de: Mittlerer Anteil der Käufer, die zu den Kategorien zurückkehrten, aus denen der Kunde
        {window} kaufte.

    reason: On average {value} of the buyers of the categories bought from {window} came back to
        them

    reason de: Im Schnitt kehrten {value} der Käufer zu den {window} gekauften Kategorien zurück

    zero: None of the buyers of the categories bought from {window} came back to them

    zero de: Keiner der Käufer kehrte zu den {window} gekauften Kategorien zurück

    missing: Bought from no category {window}, so from none that others came back to

    missing de: Aus keiner Kategorie {window} gekauft, daher aus keiner, zu der andere zurückkehrten
    """
    return _mean(categories.return_share, within)


@feature(MET_CATEGORIES, windows=(90,), unit="days", needs=_CATEGORY, fact="others_repeat")
def category_return_days(categories: ir.Table, within: ir.Value) -> ir.Value:
    """Mean of the days after which buyers come back to the categories that the customer bought.

    de: Mittel der Tage, nach denen Käufer zu den Kategorien zurückkehren, aus denen der Kunde
        {window} kaufte.

    reason: Buyers of the categories bought from {window} come back after {value} on average

    reason de: Käufer der {window} gekauften Kategorien kehren im Schnitt nach {value} zurück

    missing: Unknown when buyers of the categories bought from {window} come back

    missing de: Unbekannt, wann Käufer der {window} gekauften Kategorien zurückkehren
    """
    return _mean(categories.return_days, within)


@feature(MET_CAMPAIGNS, windows=(365,), unit="share", needs=_CAMPAIGN, fact="campaign_strength")
def campaign_open_rate(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Mean open rate, over all their contacts, of the campaigns that addressed the customer.

    de: Mittlere Öffnungsrate aller Kontakte der Kampagnen, die den Kunden {window} ansprachen.

    reason: {value} of all messages of the campaigns to this customer were opened

    reason de: {value} aller Nachrichten aus den Kampagnen an diesen Kunden wurden geöffnet

    zero: None of the messages of the campaigns to this customer were opened

    zero de: Keine der Nachrichten aus den Kampagnen an diesen Kunden wurde geöffnet

    missing: No campaign to this customer {window}

    missing de: Keine Kampagne an diesen Kunden {window}
    """
    return _mean(contacts.open_rate, within)


@feature(MET_CAMPAIGNS, windows=(365,), unit="share", needs=_CAMPAIGN, fact="campaign_strength")
def campaign_redeem_rate(contacts: ir.Table, within: ir.Value) -> ir.Value:
    """Mean redemption rate, over all their contacts, of the campaigns that addressed the customer.

    de: Mittlere Einlösungsrate aller Kontakte der Kampagnen, die den Kunden {window} ansprachen.

    reason: {value} of all messages of the campaigns to this customer were redeemed

    reason de: {value} aller Nachrichten aus den Kampagnen an diesen Kunden wurden eingelöst

    zero: None of the messages of the campaigns to this customer were redeemed

    zero de: Keine der Nachrichten aus den Kampagnen an diesen Kunden wurde eingelöst

    missing: No campaign to this customer {window}

    missing de: Keine Kampagne an diesen Kunden {window}
    """
    return _mean(contacts.redeem_rate, within)


FEATURES: tuple[Feature, ...] = (
    product_return_share,
    product_return_days,
    product_due_by_others,
    product_price_position,
    product_age,
    novelty_share,
    category_buyers_return_share,
    category_return_days,
    campaign_open_rate,
    campaign_redeem_rate,
)
