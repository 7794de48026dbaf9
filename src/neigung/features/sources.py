"""The rows that features aggregate: the contract's tables, and what is derived from them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Source
from neigung.profiles.contract import TABLES
from neigung.profiles.timeline import KEYS, Past, counts, days_between, of_order

EXACT = "decimal(18, 3)"
"""Quantities and points as exact numbers: their sums do not depend on the order of rows."""

DAYS = "decimal(18, 6)"
"""Days as exact numbers, to a tenth of a second."""

_WIDE = "decimal(38, 4)"

WHOLE_ORDERS, SPLIT_LINES = "whole_orders", "split_lines"
"""The names of tables that many cutoffs share; see `whole_orders`."""


def contract_rows(past: Past, table: str, of_everyone: bool = False) -> ir.Table:
    """The past rows of a table with exactly the columns of the contract, `cutoff` and `days_ago`.

    Optional columns that the store lacks stand as missing values: features on such a column name
    it in `needs` and are left out; this keeps the source whole. The store's own columns are left
    out, because they might be called like a derived one ("Discount" and "discount" are the same
    to the engine).
    """
    rows = past.everyone(table) if of_everyone else past.rows(table)
    columns = _contract_columns(rows, table)
    return rows.select(**columns, cutoff=rows.cutoff, days_ago=rows.days_ago)


def _contract_columns(rows: ir.Table, table: str) -> dict[str, ir.Value]:
    return {
        column.name: rows[column.name] if column.name in rows.columns else ibis.null(column.dtype)
        for column in TABLES[table].columns
    }


def order_lines(past: Past) -> ir.Table:
    """The past order lines with all their optional columns, and whether they were discounted."""
    return _with_discounts(contract_rows(past, "order_lines"))


def _with_discounts(lines: ir.Table) -> ir.Table:
    discount = lines.discount_value.coalesce(0)
    gross = lines.net_value.cast(_WIDE) + discount
    return lines.mutate(
        discount=discount,
        discounted=discount > 0,
        discounted_gross=ibis.ifelse(discount > 0, gross, 0),
        deeply_discounted=(discount > 0) & (discount.cast(_WIDE) * 10 >= gross * 3),
    )


def _all_columns(past: Past) -> ir.Table:
    """The past order lines as they are, the store's own columns included, for users' features."""
    return past.rows("order_lines")


def after_last_order(rows: ir.Table, past: Past) -> ir.Table:
    """`rows` with `after_order`: whether they came after the customer's last order."""
    orders = past_orders(past)
    last = orders.group_by(*KEYS).agg(last_order_days_ago=orders.days_ago.min())
    joined = rows.left_join(last, KEYS).drop(*(f"{key}_right" for key in KEYS))
    after = joined.days_ago < joined.last_order_days_ago
    return joined.mutate(after_order=after.fill_null(True)).drop("last_order_days_ago")


def whole_orders(lines: ir.Table, zero_orders: bool = False) -> ir.Table:
    """The orders that count whose lines all happened at one instant and became known at one.

    Such an order is past as a whole or not at all, so that it is the same at every cutoff. A past
    that has them as the table `WHOLE_ORDERS`, and the lines of all others as `SPLIT_LINES`, makes
    its orders of these.
    """
    lines = _with_discounts(lines.select(**_contract_columns(lines, "order_lines")))
    orders = lines.group_by("customer_id", "order_id").agg(
        **of_order(lines),
        known_at=lines.known_at.min(),
        known_by=lines.known_at.max(),
        **_summed(lines),
        category_count=lines.category.nunique(),
    )
    at_once = (orders.occurred_at == orders.ended_at) & (orders.known_at == orders.known_by)
    orders = orders.filter(at_once, counts(orders, zero_orders))
    return orders.drop("known_by", "ended_at", "best")


def _summed(lines: ir.Table) -> dict[str, ir.Value]:
    """What an order is, of its lines."""
    return {
        "discount": lines.discount.sum(),
        "line_count": lines.count(),
        "quantity": lines.quantity.try_cast(EXACT).sum(),
        "discounted_gross": lines.discounted_gross.sum(),
        "discounted_lines": lines.discounted.sum(),
        "deep_lines": lines.deeply_discounted.sum(),
        "channel": lines.channel.min(),
        "with_voucher": lines.voucher_code.notnull().any(),
        "with_campaign": lines.campaign_id.notnull().any(),
    }


def _grouped(lines: ir.Table, past: Past) -> ir.Table:
    """The orders that past lines make, with whether each `counts`."""
    values = {
        **of_order(lines),
        **_summed(lines),
        # A distinct count within each order is the dearest part of this query, so not for all.
        "category_count": ibis.cases((_of_90_days(lines), lines.category)).nunique(),
    }
    orders = past.grouped(lines, values, by=["order_id"])
    orders = orders.mutate(
        days_ago=days_between(orders.occurred_at, orders.cutoff),
        counts=counts(orders, past.zero_orders),
    )
    return orders.drop("ended_at", "best")


def _of_90_days(rows: ir.Table) -> ir.BooleanValue:
    # Of the times themselves, as an age would have to be computed for each of the lines.
    return rows.occurred_at >= rows.cutoff - ibis.interval(days=90)


def past_orders(past: Past) -> ir.Table:
    """The past orders that count, by the lines that are past."""
    orders = _made(past)
    return orders.filter(orders.counts)


def _made(past: Past) -> ir.Table:
    """The past orders; of those that are there already, and of the lines of the others."""
    if WHOLE_ORDERS not in past:
        return _grouped(order_lines(past), past)
    whole = past.rows(WHOLE_ORDERS)
    whole = whole.mutate(
        category_count=ibis.ifelse(_of_90_days(whole), whole.category_count, 0),
        counts=ibis.literal(True),
    )
    split = past.rows(SPLIT_LINES)
    columns = _contract_columns(split, "order_lines")
    lines = split.select(**columns, cutoff=split.cutoff, days_ago=split.days_ago)
    orders = _grouped(_with_discounts(lines), past)
    names = orders.columns
    return orders.select(*names).union(whole.select(*names))


def _orders(past: Past) -> ir.Table:
    """One row per order that counts, with the days since the customer's order before.

    `occurred_at` is that of the first line. Orders of the same instant are told apart by their
    id, so that the result does not depend on the order of rows; `from_newest` counts them back
    from 0. `recency` is the days since the customer's last order.
    """
    orders = _described(past_orders(past))
    # One window for all three, so that the orders are sorted once.
    back = ibis.window(group_by=KEYS, order_by=[orders.occurred_at.desc(), orders.order_id.desc()])
    gap = days_between(orders.occurred_at.lead().over(back), orders.occurred_at)
    orders = orders.mutate(
        gap_days=gap.cast(DAYS),
        from_newest=ibis.row_number().over(back),
        recency=orders.days_ago.min().over(back).cast(DAYS),
    )
    return orders.mutate(newest=orders.from_newest == 0)


def _orders_lately(past: Past, days: int) -> ir.Table:
    """The orders whose first line is no older, made of the lines that are no older.

    An order that also has an older line is an older order, whatever came to it since. For that the
    older lines are looked at, but only for their order.
    """
    days += 1  # an age is a rounded number, so that it may tell a row of a bound to either side
    orders = _made(past.lately(days))
    lines = SPLIT_LINES if WHOLE_ORDERS in past else "order_lines"
    # Which of them count is asked last, as their ids are read twice.
    orders = past.without_older(orders, lines, ("order_id",), days)
    return _described(orders.filter(orders.counts))


def _described(orders: ir.Table) -> ir.Table:
    """The orders with what is known of each by itself."""
    return orders.mutate(
        discounted=orders.discount > 0,
        in_season=(orders.days_ago > 335) & (orders.days_ago <= 365),
        weekday=orders.occurred_at.day_of_week.index(),
        hour=orders.occurred_at.hour(),
        day_of_month=orders.occurred_at.day(),
        week=(orders.days_ago / 7).floor().cast("int32"),
    )


def _order_weeks(past: Past) -> ir.Table:
    """One row per customer and week with an order; week 0 is the last 7 days.

    `position` numbers the weeks from 0, so that in an unbroken row of weeks it equals `week`.
    """
    orders = _orders(past)
    weeks = orders.group_by(*KEYS, "week").agg(days_ago=orders.days_ago.min())
    in_turn = ibis.window(group_by=KEYS, order_by=weeks.week)
    return weeks.mutate(position=ibis.row_number().over(in_turn))


def owned(lines: ir.Table, column: str) -> ir.Table:
    """One row per customer and product, or category: how often, how lately, since when.

    Rows without the product or category are left out. `again`: bought at least a day apart.
    """
    lines = lines.filter(lines[column].notnull())
    rows = lines.group_by(*KEYS, column).agg(
        days_ago=lines.days_ago.min(),
        first_days_ago=lines.days_ago.max(),
        lines=lines.count(),
        lines_365=lines.count(where=lines.days_ago <= 365),
    )
    return rows.mutate(again=rows.first_days_ago - rows.days_ago >= 1)


def _products(past: Past) -> ir.Table:
    return owned(order_lines(past), "product_id")


def _categories(past: Past) -> ir.Table:
    """The categories of a customer; `top` is the one with most lines in 365 days, then by name."""
    rows = owned(order_lines(past), "category")
    by_use = ibis.window(group_by=KEYS, order_by=[rows.lines_365.desc(), rows.category])
    return rows.mutate(top=ibis.row_number().over(by_use) == 0)


ORDER_LINES = Source(
    "order_lines",
    ("order_lines",),
    _all_columns,
    "assortment",
    lately=lambda past, days: _all_columns(past.lately(days + 1)),
)
ORDERS = Source("orders", ("order_lines",), _orders, "orders", lately=_orders_lately)
PRODUCTS = Source("products", ("order_lines",), _products, "assortment")
CATEGORIES = Source("categories", ("order_lines",), _categories, "assortment")
ORDER_WEEKS = Source("order_weeks", ("order_lines",), _order_weeks, "rhythm")
COMBINED = Source("combined", (), None, "orders")
