"""What a customer buys: how broadly, how faithfully, and what is new to them."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio
from neigung.features.sources import CATEGORIES, COMBINED, PRODUCTS

_CATEGORY = ("category",)
_PRODUCT = ("product_id",)


@feature(
    CATEGORIES, windows=(30, 90, 365), empty=0, unit="categories", needs=_CATEGORY, fact="variety"
)
def category_count(categories: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different categories bought.

    de: Anzahl der {window} gekauften Kategorien.

    reason: Bought from {value} {window}

    reason de: Aus {value} {window} gekauft

    zero: Bought from no category {window}

    zero de: Aus keiner Kategorie {window} gekauft
    """
    return categories.count(where=within)


@feature(
    CATEGORIES,
    windows=(30, 90),
    empty=0,
    unit="categories",
    needs=_CATEGORY,
    clock="first_days_ago",
    fact="novelty",
)
def new_category_count(categories: ir.Table, within: ir.Value) -> ir.Value:
    """Number of categories bought for the first time.

    de: Anzahl der {window} erstmals gekauften Kategorien.

    reason: {value} tried for the first time {window}

    reason de: {value} {window} erstmals ausprobiert

    zero: No new category tried {window}

    zero de: Keine neue Kategorie {window} ausprobiert
    """
    return categories.count(where=within)


@feature(CATEGORIES, unit="days", needs=_CATEGORY, fact="novelty")
def days_since_new_category(categories: ir.Table) -> ir.Value:
    """Days since a category was last bought for the first time.

    de: Tage, seit zuletzt eine Kategorie zum ersten Mal gekauft wurde.

    reason: Last tried a new category {value} ago

    reason de: Zuletzt vor {value} eine neue Kategorie ausprobiert

    missing: No new category on record

    missing de: Keine neue Kategorie bekannt
    """
    return categories.first_days_ago.min()


@feature(CATEGORIES, unit="share", needs=_CATEGORY, fact="variety")
def top_category_share(categories: ir.Table) -> ir.Value:
    """Share of the favourite category in the order lines of the last 365 days.

    de: Anteil der Lieblingskategorie an den Bestellpositionen der letzten 365 Tage.

    reason: {value} of the items bought in the last 365 days come from the favourite category

    reason de: {value} der Artikel der letzten 365 Tage stammen aus der Lieblingskategorie

    missing: Bought from no category in the last 365 days

    missing de: Aus keiner Kategorie in den letzten 365 Tagen gekauft
    """
    return ratio(categories.lines_365.max(), categories.lines_365.sum())


@feature(CATEGORIES, unit="days", needs=_CATEGORY, fact="favourite_category")
def days_since_top_category(categories: ir.Table) -> ir.Value:
    """Days since the favourite category (most lines in 365 days) was last bought.

    de: Tage seit dem letzten Kauf aus der Lieblingskategorie (meiste Positionen in 365 Tagen).

    reason: Last bought from the favourite category {value} ago

    reason de: Aus der Lieblingskategorie zuletzt vor {value} gekauft

    missing: No favourite category known

    missing de: Keine Lieblingskategorie bekannt
    """
    return categories.days_ago.min(where=categories.top)


@feature(CATEGORIES, unit="categories", needs=_CATEGORY, fact="variety")
def category_diversity(categories: ir.Table) -> ir.Value:
    """Number of categories that the purchases of the last 365 days spread over (effective number).

    de: Anzahl der Kategorien, auf die sich die Einkäufe der letzten 365 Tage verteilen (effektive
        Zahl).

    reason: Purchases of the last 365 days spread over about {value}

    reason de: Einkäufe der letzten 365 Tage verteilen sich auf etwa {value}

    missing: Bought from no category in the last 365 days

    missing de: Aus keiner Kategorie in den letzten 365 Tagen gekauft
    """
    lines = categories.lines_365.cast("int64")
    return ratio(lines.sum().cast("float64") * lines.sum(), (lines * lines).sum())


@feature(CATEGORIES, unit="share", needs=_CATEGORY, fact="repeat_buying")
def category_return_share(categories: ir.Table) -> ir.Value:
    """Share of the customer's categories that were bought again on a later day.

    de: Anteil der Kategorien, aus denen an einem späteren Tag erneut gekauft wurde.

    reason: Came back to {value} of the categories tried

    reason de: Zu {value} der probierten Kategorien zurückgekehrt

    zero: Came back to none of the categories tried

    zero de: Zu keiner der probierten Kategorien zurückgekehrt

    missing: No repeat purchases known, as no category is on record

    missing de: Keine Wiederkäufe bekannt, da keine Kategorie bekannt ist
    """
    return ratio(categories.again.sum(), categories.count())


@feature(COMBINED, of=("category_count",), unit="share", theme="assortment", fact="variety")
def category_breadth_trend(row: ir.Table) -> ir.Value:
    """Categories of the last 30 days relative to those of the last 365.

    de: Kategorien der letzten 30 Tage im Verhältnis zu denen der letzten 365.

    reason: In the last 30 days bought from {value} of the categories of the last 365

    reason de: In den letzten 30 Tagen aus {value} der Kategorien der letzten 365 gekauft

    zero: In the last 30 days bought from none of the categories of the last 365

    zero de: In den letzten 30 Tagen aus keiner der Kategorien der letzten 365 gekauft

    missing: Bought from no category in the last 365 days

    missing de: Aus keiner Kategorie in den letzten 365 Tagen gekauft
    """
    return ratio(row.category_count_30d, row.category_count_365d)


@feature(PRODUCTS, windows=(30, 90, 365), empty=0, unit="products", needs=_PRODUCT, fact="variety")
def product_count(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different products bought.

    de: Anzahl der {window} gekauften Produkte.

    reason: {value} bought {window}

    reason de: {value} {window} gekauft
    """
    return products.count(where=within)


@feature(
    PRODUCTS,
    windows=(30, 90),
    empty=0,
    unit="products",
    needs=_PRODUCT,
    clock="first_days_ago",
    fact="novelty",
)
def new_product_count(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of products bought for the first time.

    de: Anzahl der {window} erstmals gekauften Produkte.

    reason: {value} bought for the first time {window}

    reason de: {value} {window} erstmals gekauft
    """
    return products.count(where=within)


@feature(
    PRODUCTS, windows=(90, 365), empty=0, unit="products", needs=_PRODUCT, fact="repeat_buying"
)
def repeat_product_count(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of products bought {window} that had been bought on an earlier day already.

    de: Anzahl der {window} gekauften Produkte, die schon an einem früheren Tag gekauft wurden.

    reason: {value} bought again {window}

    reason de: {value} {window} erneut gekauft
    """
    return products.again.sum(where=within)


@feature(PRODUCTS, windows=(365,), unit="share", needs=_PRODUCT, fact="repeat_buying")
def repeat_product_share(products: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the products bought {window} that had been bought on an earlier day already.

    de: Anteil der {window} gekauften Produkte, die schon an einem früheren Tag gekauft wurden.

    reason: {value} of the products bought {window} had been bought before

    reason de: {value} der {window} gekauften Produkte wurden schon früher gekauft

    zero: None of the products bought {window} had been bought before

    zero de: Keines der {window} gekauften Produkte wurde schon früher gekauft

    missing: No products bought {window}, so no repeat purchases

    missing de: Keine Produkte {window} gekauft, daher keine Wiederkäufe
    """
    return ratio(products.again.sum(where=within), products.count(where=within))


@feature(PRODUCTS, empty=0, unit="products", needs=_PRODUCT, fact="due_products")
def due_product_count(products: ir.Table) -> ir.Value:
    """Number of regularly bought products that are due again by the customer's own rhythm.

    de: Anzahl der regelmäßig gekauften Produkte, die nach eigenem Rhythmus wieder fällig sind.

    reason: {value} due again by the customer's own rhythm

    reason de: {value} nach eigenem Rhythmus wieder fällig
    """
    return (products.again & _due(products)).sum()


@feature(PRODUCTS, unit="share", needs=_PRODUCT, fact="due_products")
def due_product_share(products: ir.Table) -> ir.Value:
    """Share of the regularly bought products that are due again by the customer's own rhythm.

    de: Anteil der regelmäßig gekauften Produkte, die nach eigenem Rhythmus wieder fällig sind.

    reason: {value} of the regularly bought products due again

    reason de: {value} der regelmäßig gekauften Produkte wieder fällig

    zero: None of the regularly bought products due again

    zero de: Keines der regelmäßig gekauften Produkte wieder fällig

    missing: No regularly bought products on record

    missing de: Keine regelmäßig gekauften Produkte bekannt
    """
    return ratio((products.again & _due(products)).sum(), products.again.sum())


def _due(products: ir.Table) -> ir.BooleanValue:
    """Whether the last purchase is at least one mean interval ago, and not more than three."""
    waited = products.days_ago * (products.lines - 1)
    taken = products.first_days_ago - products.days_ago
    return (waited >= taken) & (waited <= taken * 3)


FEATURES: tuple[Feature, ...] = (
    category_count,
    new_category_count,
    days_since_new_category,
    top_category_share,
    days_since_top_category,
    category_diversity,
    category_return_share,
    category_breadth_trend,
    product_count,
    new_product_count,
    repeat_product_count,
    repeat_product_share,
    due_product_count,
    due_product_share,
)
