"""What a customer buys: how broadly, how faithfully, and what is new to them."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.features.feature import Feature, feature, ratio
from neigung.features.sources import CATEGORIES, COMBINED, PRODUCTS

_CATEGORY = ("category",)
_PRODUCT = ("product_id",)


@feature(CATEGORIES, windows=(30, 90, 365), empty=0, unit="categories", needs=_CATEGORY)
def category_count(categories: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different categories bought.

    de: Anzahl der {window} gekauften Kategorien.

    reason: Bought from {value} {window}

    reason de: {value} {window} gekauft
    """
    return categories.count(where=within)


@feature(
    CATEGORIES,
    windows=(30, 90),
    empty=0,
    unit="categories",
    needs=_CATEGORY,
    clock="first_days_ago",
)
def new_category_count(categories: ir.Table, within: ir.Value) -> ir.Value:
    """Number of categories bought for the first time.

    de: Anzahl der {window} erstmals gekauften Kategorien.

    reason: {value} bought for the first time {window}

    reason de: {value} {window} erstmals gekauft
    """
    return categories.count(where=within)


@feature(CATEGORIES, unit="days", needs=_CATEGORY)
def days_since_new_category(categories: ir.Table) -> ir.Value:
    """Days since a category was last bought for the first time.

    de: Tage, seit zuletzt eine Kategorie zum ersten Mal gekauft wurde.

    reason: Tried a new category {value} ago

    reason de: Zuletzt vor {value} eine neue Kategorie gekauft
    """
    return categories.first_days_ago.min()


@feature(CATEGORIES, unit="share", needs=_CATEGORY)
def top_category_share(categories: ir.Table) -> ir.Value:
    """Share of the favourite category in the order lines of the last 365 days.

    de: Anteil der Lieblingskategorie an den Bestellpositionen der letzten 365 Tage.

    reason: {value} of the order lines of the last 365 days come from the favourite category

    reason de: {value} der Positionen der letzten 365 Tage entfallen auf die Lieblingskategorie
    """
    return ratio(categories.lines_365.max(), categories.lines_365.sum())


@feature(CATEGORIES, unit="days", needs=_CATEGORY)
def days_since_top_category(categories: ir.Table) -> ir.Value:
    """Days since the favourite category (most lines in 365 days) was last bought.

    de: Tage seit dem letzten Kauf aus der Lieblingskategorie (meiste Positionen in 365 Tagen).

    reason: Favourite category last bought {value} ago

    reason de: Lieblingskategorie zuletzt vor {value} gekauft
    """
    return categories.days_ago.min(where=categories.top)


@feature(CATEGORIES, unit="ratio", needs=_CATEGORY)
def category_diversity(categories: ir.Table) -> ir.Value:
    """Breadth of the categories bought in the last 365 days (effective number).

    de: Breite der Kategorien in den letzten 365 Tagen (effektive Zahl).

    reason: Breadth of the categories bought in the last 365 days: {value} (1: only one
        category)

    reason de: Breite der Kategorien in den letzten 365 Tagen: {value} (1: nur eine Kategorie)
    """
    lines = categories.lines_365.cast("int64")
    return ratio(lines.sum().cast("float64") * lines.sum(), (lines * lines).sum())


@feature(CATEGORIES, unit="share", needs=_CATEGORY)
def category_return_share(categories: ir.Table) -> ir.Value:
    """Share of the customer's categories that were bought again on a later day.

    de: Anteil der Kategorien, aus denen an einem späteren Tag erneut gekauft wurde.

    reason: Came back to {value} of the categories tried

    reason de: Zu {value} der probierten Kategorien zurückgekehrt
    """
    return ratio(categories.again.sum(), categories.count())


@feature(COMBINED, of=("category_count",), unit="share", theme="assortment")
def category_breadth_trend(row: ir.Table) -> ir.Value:
    """Categories of the last 30 days relative to those of the last 365.

    de: Kategorien der letzten 30 Tage im Verhältnis zu denen der letzten 365.

    reason: {category_count_30d} in the last 30 days, {category_count_365d} in the last 365

    reason de: {category_count_30d} in den letzten 30 Tagen, {category_count_365d} in den letzten
        365
    """
    return ratio(row.category_count_30d, row.category_count_365d)


@feature(PRODUCTS, windows=(30, 90, 365), empty=0, unit="products", needs=_PRODUCT)
def product_count(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different products bought.

    de: Anzahl der {window} gekauften Produkte.

    reason: Bought {value} {window}

    reason de: {value} {window} gekauft
    """
    return products.count(where=within)


@feature(
    PRODUCTS, windows=(30, 90), empty=0, unit="products", needs=_PRODUCT, clock="first_days_ago"
)
def new_product_count(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of products bought for the first time.

    de: Anzahl der {window} erstmals gekauften Produkte.

    reason: {value} bought for the first time {window}

    reason de: {value} {window} erstmals gekauft
    """
    return products.count(where=within)


@feature(PRODUCTS, windows=(90, 365), empty=0, unit="products", needs=_PRODUCT)
def repeat_product_count(products: ir.Table, within: ir.Value) -> ir.Value:
    """Number of products bought {window} that had been bought on an earlier day already.

    de: Anzahl der {window} gekauften Produkte, die schon an einem früheren Tag gekauft wurden.

    reason: {value} bought again {window}

    reason de: {value} {window} erneut gekauft
    """
    return products.again.sum(where=within)


@feature(PRODUCTS, windows=(365,), unit="share", needs=_PRODUCT)
def repeat_product_share(products: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the products bought {window} that had been bought on an earlier day already.

    de: Anteil der {window} gekauften Produkte, die schon an einem früheren Tag gekauft wurden.

    reason: {value} of the products bought {window} had been bought before

    reason de: {value} der {window} gekauften Produkte wurden schon früher gekauft
    """
    return ratio(products.again.sum(where=within), products.count(where=within))


@feature(PRODUCTS, empty=0, unit="products", needs=_PRODUCT)
def due_product_count(products: ir.Table) -> ir.Value:
    """Number of regularly bought products that are due again by the customer's own rhythm.

    de: Anzahl der regelmäßig gekauften Produkte, die nach eigenem Rhythmus wieder fällig sind.

    reason: {value} due again by the customer's own rhythm

    reason de: {value} nach eigenem Rhythmus wieder fällig
    """
    return (products.again & _due(products)).sum()


@feature(PRODUCTS, unit="share", needs=_PRODUCT)
def due_product_share(products: ir.Table) -> ir.Value:
    """Share of the regularly bought products that are due again by the customer's own rhythm.

    de: Anteil der regelmäßig gekauften Produkte, die nach eigenem Rhythmus wieder fällig sind.

    reason: {value} of the regularly bought products due again

    reason de: {value} der regelmäßig gekauften Produkte wieder fällig
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
