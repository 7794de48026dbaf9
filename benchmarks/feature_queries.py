"""The aggregates of the feature benchmark, as an expert writes them in SQL and in pandas.

Names are those of neigung's features; an order has the time of its first line, a window of 30 days
what is at most 30 days old, and nothing counts that was not known before the cutoff.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Aggregates:
    """Names of columns, and the query for one cutoff: `files` and `cutoff` are filled in."""

    names: tuple[str, ...]
    sql: str


YEAR = Aggregates(
    (
        "order_count_7d",
        "order_count_30d",
        "order_count_60d",
        "order_count_90d",
        "order_count_180d",
        "order_count_365d",
        "order_value_30d",
        "order_value_90d",
        "order_value_180d",
        "order_value_365d",
        "order_value_mean_90d",
        "order_value_mean_365d",
        "order_value_max_365d",
        "order_value_spread_365d",
        "order_lines_mean_365d",
        "order_quantity_mean_365d",
        "piece_price_mean_365d",
        "order_categories_mean_90d",
        "channel_count_365d",
        "discounted_order_share_90d",
        "discounted_order_share_365d",
        "discount_share_90d",
        "discount_share_365d",
        "discount_value_365d",
        "discount_depth_365d",
        "discounted_line_share_365d",
        "deep_discount_line_share_365d",
        "full_price_order_count_365d",
        "weekend_order_share_365d",
        "evening_order_share_365d",
    ),
    """
    WITH lines AS (
        SELECT *, discount_value > 0 AS discounted
        FROM read_parquet('{files}')
        WHERE occurred_at < TIMESTAMP '{cutoff}' AND known_at < TIMESTAMP '{cutoff}'
          AND occurred_at >= TIMESTAMP '{cutoff}' - INTERVAL 365 DAY
    ), orders AS (
        SELECT customer_id, order_id,
            min(occurred_at) AS ordered,
            sum(net_value) AS value,
            sum(discount_value) AS discount,
            sum(net_value + discount_value) FILTER (discounted) AS discounted_gross,
            count(*) AS lines,
            count(*) FILTER (discounted) AS discounted_lines,
            count(*) FILTER (discounted AND discount_value * 10
                             >= (net_value + discount_value) * 3) AS deep_lines,
            sum(quantity) AS quantity,
            min(channel) AS channel,
            count(DISTINCT category) FILTER (
                occurred_at >= TIMESTAMP '{cutoff}' - INTERVAL 90 DAY) AS categories
        FROM lines GROUP BY customer_id, order_id
    ), windows AS (
        SELECT *, ordered >= TIMESTAMP '{cutoff}' - INTERVAL 7 DAY AS d7,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 30 DAY AS d30,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 60 DAY AS d60,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 90 DAY AS d90,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 180 DAY AS d180
        FROM orders
    )
    SELECT customer_id,
        count(*) FILTER (d7) AS order_count_7d,
        count(*) FILTER (d30) AS order_count_30d,
        count(*) FILTER (d60) AS order_count_60d,
        count(*) FILTER (d90) AS order_count_90d,
        count(*) FILTER (d180) AS order_count_180d,
        count(*) AS order_count_365d,
        coalesce(sum(value) FILTER (d30), 0)::DOUBLE AS order_value_30d,
        coalesce(sum(value) FILTER (d90), 0)::DOUBLE AS order_value_90d,
        coalesce(sum(value) FILTER (d180), 0)::DOUBLE AS order_value_180d,
        sum(value)::DOUBLE AS order_value_365d,
        (sum(value) FILTER (d90))::DOUBLE / count(*) FILTER (d90) AS order_value_mean_90d,
        sum(value)::DOUBLE / count(*) AS order_value_mean_365d,
        max(value)::DOUBLE AS order_value_max_365d,
        stddev_samp(value) AS order_value_spread_365d,
        sum(lines) / count(*) AS order_lines_mean_365d,
        sum(quantity) / count(*) AS order_quantity_mean_365d,
        sum(value)::DOUBLE / sum(quantity) AS piece_price_mean_365d,
        sum(categories) FILTER (d90) / count(*) FILTER (d90) AS order_categories_mean_90d,
        count(DISTINCT channel) AS channel_count_365d,
        count(*) FILTER (d90 AND discount > 0) / count(*) FILTER (d90)
            AS discounted_order_share_90d,
        count(*) FILTER (discount > 0) / count(*) AS discounted_order_share_365d,
        (sum(discount) FILTER (d90))::DOUBLE / (sum(value + discount) FILTER (d90))::DOUBLE
            AS discount_share_90d,
        sum(discount)::DOUBLE / sum(value + discount)::DOUBLE AS discount_share_365d,
        sum(discount)::DOUBLE AS discount_value_365d,
        sum(discount)::DOUBLE / sum(discounted_gross)::DOUBLE AS discount_depth_365d,
        sum(discounted_lines) / sum(lines) AS discounted_line_share_365d,
        sum(deep_lines) / sum(lines) AS deep_discount_line_share_365d,
        count(*) FILTER (discount = 0) AS full_price_order_count_365d,
        count(*) FILTER (isodow(ordered) >= 6) / count(*) AS weekend_order_share_365d,
        count(*) FILTER (hour(ordered) >= 18) / count(*) AS evening_order_share_365d
    FROM windows GROUP BY customer_id
    """,
)

PAST = Aggregates(
    (
        "days_since_last_order",
        "days_since_first_order",
        "order_days",
        "order_count_7d",
        "order_count_30d",
        "order_count_60d",
        "order_count_90d",
        "order_count_180d",
        "order_count_365d",
        "order_count",
        "order_value_30d",
        "order_value_90d",
        "order_value_180d",
        "order_value_365d",
        "order_value",
        "order_value_mean_90d",
        "order_value_mean_365d",
        "order_value_max_365d",
        "order_value_spread_365d",
        "last_order_value",
        "order_lines_mean_365d",
        "order_quantity_mean_365d",
        "piece_price_mean_365d",
        "order_categories_mean_90d",
        "channel_count_365d",
        "last_order_channel",
        "discounted_order_share_90d",
        "discounted_order_share_365d",
        "discount_share_90d",
        "discount_share_365d",
    ),
    """
    WITH orders AS (
        SELECT customer_id, order_id,
            min(occurred_at) AS ordered,
            sum(net_value) AS value,
            sum(discount_value) AS discount,
            count(*) AS lines,
            sum(quantity) AS quantity,
            min(channel) AS channel,
            count(DISTINCT category) FILTER (
                occurred_at >= TIMESTAMP '{cutoff}' - INTERVAL 90 DAY) AS categories
        FROM read_parquet('{files}')
        WHERE occurred_at < TIMESTAMP '{cutoff}' AND known_at < TIMESTAMP '{cutoff}'
          AND occurred_at >= TIMESTAMP '{cutoff}' - INTERVAL 1095 DAY
        GROUP BY customer_id, order_id
    ), windows AS (
        SELECT *, ordered >= TIMESTAMP '{cutoff}' - INTERVAL 7 DAY AS d7,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 30 DAY AS d30,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 60 DAY AS d60,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 90 DAY AS d90,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 180 DAY AS d180,
            ordered >= TIMESTAMP '{cutoff}' - INTERVAL 365 DAY AS d365
        FROM orders
    )
    SELECT customer_id,
        epoch(TIMESTAMP '{cutoff}' - max(ordered)) / 86400 AS days_since_last_order,
        epoch(TIMESTAMP '{cutoff}' - min(ordered)) / 86400 AS days_since_first_order,
        count(DISTINCT ordered::DATE) AS order_days,
        count(*) FILTER (d7) AS order_count_7d,
        count(*) FILTER (d30) AS order_count_30d,
        count(*) FILTER (d60) AS order_count_60d,
        count(*) FILTER (d90) AS order_count_90d,
        count(*) FILTER (d180) AS order_count_180d,
        count(*) FILTER (d365) AS order_count_365d,
        count(*) AS order_count,
        coalesce(sum(value) FILTER (d30), 0)::DOUBLE AS order_value_30d,
        coalesce(sum(value) FILTER (d90), 0)::DOUBLE AS order_value_90d,
        coalesce(sum(value) FILTER (d180), 0)::DOUBLE AS order_value_180d,
        coalesce(sum(value) FILTER (d365), 0)::DOUBLE AS order_value_365d,
        sum(value)::DOUBLE AS order_value,
        (sum(value) FILTER (d90))::DOUBLE / count(*) FILTER (d90) AS order_value_mean_90d,
        (sum(value) FILTER (d365))::DOUBLE / count(*) FILTER (d365) AS order_value_mean_365d,
        (max(value) FILTER (d365))::DOUBLE AS order_value_max_365d,
        stddev_samp(value) FILTER (d365) AS order_value_spread_365d,
        arg_max(value, (ordered, order_id))::DOUBLE AS last_order_value,
        sum(lines) FILTER (d365) / count(*) FILTER (d365) AS order_lines_mean_365d,
        sum(quantity) FILTER (d365) / count(*) FILTER (d365) AS order_quantity_mean_365d,
        (sum(value) FILTER (d365))::DOUBLE / sum(quantity) FILTER (d365) AS piece_price_mean_365d,
        sum(categories) FILTER (d90) / count(*) FILTER (d90) AS order_categories_mean_90d,
        count(DISTINCT channel) FILTER (d365) AS channel_count_365d,
        arg_max(channel, (ordered, order_id)) AS last_order_channel,
        count(*) FILTER (d90 AND discount > 0) / count(*) FILTER (d90)
            AS discounted_order_share_90d,
        count(*) FILTER (d365 AND discount > 0) / count(*) FILTER (d365)
            AS discounted_order_share_365d,
        (sum(discount) FILTER (d90))::DOUBLE / (sum(value + discount) FILTER (d90))::DOUBLE
            AS discount_share_90d,
        (sum(discount) FILTER (d365))::DOUBLE / (sum(value + discount) FILTER (d365))::DOUBLE
            AS discount_share_365d
    FROM windows GROUP BY customer_id
    """,
)

EXACT_YEAR = Aggregates(
    YEAR.names,
    YEAR.sql.replace(
        "    ), windows AS (",
        """    ), begun_before AS (
        SELECT customer_id, order_id FROM read_parquet('{files}')
        SEMI JOIN orders USING (customer_id, order_id)
        WHERE occurred_at < TIMESTAMP '{cutoff}' - INTERVAL 365 DAY
          AND occurred_at >= TIMESTAMP '{cutoff}' - INTERVAL 1095 DAY
          AND known_at < TIMESTAMP '{cutoff}'
    ), windows AS (""",
    ).replace(
        "FROM orders\n    )\n",
        "FROM orders ANTI JOIN begun_before USING (customer_id, order_id)\n    )\n",
    ),
)
"""As `YEAR` for any store: an order whose first line is older than the year is older as a whole.

The plain query counts it with the lines that it has within the year, so that it is right only where
the lines of an order come together.
"""

SETS = {"year": YEAR, "past": PAST}


def in_pandas(folder: Path, cutoff: dt.datetime) -> pd.DataFrame:
    """`YEAR` at one cutoff, from a folder of Parquet files."""
    begin = cutoff - dt.timedelta(days=365)
    bounds = [
        ("occurred_at", ">=", begin),
        ("occurred_at", "<", cutoff),
        ("known_at", "<", cutoff),
    ]
    names = [
        "customer_id", "order_id", "occurred_at", "net_value", "discount_value", "quantity",
        "category", "channel",
    ]  # fmt: skip
    lines = pd.read_parquet(folder, columns=names, filters=bounds)
    lines["net_value"] = lines["net_value"].astype("float64")
    lines["discount_value"] = lines["discount_value"].astype("float64")
    gross = lines["net_value"] + lines["discount_value"]
    discounted = lines["discount_value"] > 0
    lines["discounted"] = discounted
    lines["discounted_gross"] = gross.where(discounted, 0.0)
    # A cent is the smallest step, so that a tenth of it tells equal from smaller.
    lines["deep"] = discounted & (lines["discount_value"] * 10 >= gross * 3 - 0.001)
    orders = lines.groupby(["customer_id", "order_id"], sort=False).agg(
        at=("occurred_at", "min"),
        value=("net_value", "sum"),
        discount=("discount_value", "sum"),
        discounted_gross=("discounted_gross", "sum"),
        lines=("net_value", "size"),
        discounted_lines=("discounted", "sum"),
        deep_lines=("deep", "sum"),
        quantity=("quantity", "sum"),
        channel=("channel", "min"),
    )
    recent = lines[lines["occurred_at"] >= cutoff - dt.timedelta(days=90)]
    pairs = recent[["customer_id", "order_id", "category"]].drop_duplicates()
    categories = pairs.groupby(["customer_id", "order_id"], sort=False).size()
    orders["categories"] = categories.reindex(orders.index).fillna(0)
    orders = orders.reset_index("customer_id")
    everybody = orders.groupby("customer_id", sort=False)
    found = pd.DataFrame(index=everybody.size().index)
    by_window = {}
    for days in (7, 30, 60, 90, 180, 365):
        within = orders[orders["at"] >= cutoff - dt.timedelta(days=days)]
        by_window[days] = groups = within.groupby("customer_id", sort=False)
        found[f"order_count_{days}d"] = groups.size()
        if days in (30, 90, 180, 365):
            found[f"order_value_{days}d"] = groups["value"].sum()
        if days in (90, 365):
            discount, value = groups["discount"].sum(), groups["value"].sum()
            found[f"order_value_mean_{days}d"] = value / groups.size()
            with_discount = within[within["discount"] > 0].groupby("customer_id").size()
            share = with_discount.reindex(value.index).fillna(0) / groups.size()
            found[f"discounted_order_share_{days}d"] = share
            found[f"discount_share_{days}d"] = discount / (value + discount)
    for name in found:
        if name.startswith("order_count_") or name in YEAR.names[6:10]:
            found[name] = found[name].fillna(0)
    size = everybody.size()
    sums = everybody[["value", "quantity", "lines", "discount", "discounted_gross",
                      "discounted_lines", "deep_lines"]].sum()  # fmt: skip
    found["order_value_max_365d"] = everybody["value"].max()
    found["order_value_spread_365d"] = everybody["value"].std()
    found["order_lines_mean_365d"] = sums["lines"] / size
    found["order_quantity_mean_365d"] = sums["quantity"] / size
    found["piece_price_mean_365d"] = sums["value"] / sums["quantity"]
    found["order_categories_mean_90d"] = by_window[90]["categories"].mean()
    found["channel_count_365d"] = everybody["channel"].nunique()
    found["discount_value_365d"] = sums["discount"]
    found["discount_depth_365d"] = sums["discount"] / sums["discounted_gross"].replace(0, np.nan)
    found["discounted_line_share_365d"] = sums["discounted_lines"] / sums["lines"]
    found["deep_discount_line_share_365d"] = sums["deep_lines"] / sums["lines"]
    whole = orders["discount"] == 0
    for name, chosen in (
        ("full_price_order_count_365d", whole),
        ("weekend_order_share_365d", orders["at"].dt.dayofweek >= 5),
        ("evening_order_share_365d", orders["at"].dt.hour >= 18),
    ):
        number = orders[chosen].groupby("customer_id").size().reindex(found.index).fillna(0)
        found[name] = number / size if name.endswith("share_365d") else number
    return found[list(YEAR.names)].reset_index()
