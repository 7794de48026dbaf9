"""The features once more, by brute force: one customer, one cutoff, plain Python over rows.

Written from the texts of the features, without looking at the expressions, so that a slip in one
of the two shows.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pandas as pd

Row = dict[str, Any]
DAY = 86_400.0


def known(
    table: pd.DataFrame, customer: str | None, cutoff: pd.Timestamp, retention: int
) -> list[Row]:
    """The rows that a feature may see, with `ago`, the days between the row and the cutoff."""
    kept = []
    for row in table.to_dict("records"):
        at, learned = row["occurred_at"], row["known_at"]
        if customer is not None and row["customer_id"] != customer:
            continue
        if at < cutoff and learned < cutoff and at >= cutoff - pd.Timedelta(days=retention):
            ago = (cutoff - at).total_seconds() / DAY
            kept.append({k: None if _absent(v) else v for k, v in row.items()} | {"ago": ago})
    return kept


def oracle(
    store: dict[str, pd.DataFrame], customer: str, cutoff: pd.Timestamp, retention: int
) -> dict[str, Any]:
    """The value of each column for one customer; None where it is missing."""
    past = {name: known(table, customer, cutoff, retention) for name, table in store.items()}
    lines = past["order_lines"]
    orders = _orders(lines)
    row: dict[str, Any] = {}
    row |= _order_columns(orders)
    row |= _rhythm_columns(orders)
    row |= _habit_columns(orders)
    row |= _assortment_columns(lines)
    row |= _discount_columns(orders)
    row |= _return_columns(past["returns"], orders)
    last = min((order["ago"] for order in orders), default=math.inf)
    row |= _visit_columns(past["visits"], last, orders)
    row |= _contact_columns(past["contacts"], past["responses"], last, orders)
    row |= _offer_columns(past["offers"], orders)
    row |= _case_columns(past["service_cases"], cutoff)
    row |= _loyalty_columns(past["loyalty"])
    row |= _attribute_columns(past["customers"], cutoff)
    return row


def _orders(lines: list[Row]) -> list[Row]:
    """The orders, oldest first; of one instant by id."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        groups[line["order_id"]].append(line)
    orders = []
    for order_id, own in groups.items():
        if not _counts(own):
            continue
        discounts = [float(line["discount_value"] or 0) for line in own]
        nets = [float(line["net_value"]) for line in own]
        gross = [n + d for n, d in zip(nets, discounts, strict=True)]
        quantities = [line["quantity"] for line in own if line["quantity"] is not None]
        orders.append(
            {
                "id": order_id,
                "at": min(line["occurred_at"] for line in own),
                "ago": max(line["ago"] for line in own),
                "value": sum(nets),
                "discount": sum(discounts),
                "lines": len(own),
                "quantity": sum(quantities) if quantities else None,
                "cut_gross": sum(g for g, d in zip(gross, discounts, strict=True) if d > 0),
                "cut_lines": sum(d > 0 for d in discounts),
                "deep_lines": sum(
                    d > 0 and d >= 0.3 * g - 1e-9 for g, d in zip(gross, discounts, strict=True)
                ),
                "categories": len({line["category"] for line in own} - {None}),
                "channel": own[0]["channel"],
                "voucher": any(line["voucher_code"] for line in own),
                "campaign": any(line["campaign_id"] for line in own),
            }
        )
    orders.sort(key=lambda order: (order["at"], order["id"]))
    for before, order in zip([None, *orders], orders, strict=False):
        gap = None if before is None else (order["at"] - before["at"]).total_seconds() / DAY
        order["gap"] = gap
    return orders


def _counts(lines: list[Row]) -> bool:
    """Whether these lines make an order: one that brought something, refunded later or not."""
    best = max(float(line["net_value"]) for line in lines)
    instants = {line["occurred_at"] for line in lines}
    total = sum(Decimal(str(line["net_value"])) for line in lines)
    return total > 0 or (best > 0 and len(instants) > 1)


def _order_columns(orders: list[Row]) -> dict[str, Any]:
    year = _within(orders, 365)
    quarter = _within(orders, 90)
    row: dict[str, Any] = {
        "days_since_last_order": _least(orders),
        "days_since_first_order": max((o["ago"] for o in orders), default=None),
        "order_days": len({o["at"].date() for o in orders}),
        "order_count": len(orders),
        "order_value": sum(o["value"] for o in orders),
        "order_value_mean_90d": _mean(o["value"] for o in quarter),
        "order_value_mean_365d": _mean(o["value"] for o in year),
        "order_value_max_365d": max((o["value"] for o in year), default=None),
        "order_value_spread_365d": _spread([o["value"] for o in year]),
        "last_order_value": orders[-1]["value"] if orders else None,
        "order_lines_mean_365d": _mean(o["lines"] for o in year),
        "order_quantity_mean_365d": _mean(o["quantity"] for o in year if o["quantity"] is not None),
        "order_categories_mean_90d": _mean(o["categories"] for o in quarter),
        "channel_count_365d": len({o["channel"] for o in year} - {None}),
        "last_order_channel": orders[-1]["channel"] if orders else None,
    }
    pieces = [o for o in year if o["quantity"]]
    row["piece_price_mean_365d"] = _ratio(
        sum(o["value"] for o in pieces), sum(o["quantity"] for o in pieces)
    )
    for window in (7, 30, 60, 90, 180, 365):
        row[f"order_count_{window}d"] = len(_within(orders, window))
    for window in (30, 90, 180, 365):
        row[f"order_value_{window}d"] = sum(o["value"] for o in _within(orders, window))
    row["last_order_value_to_mean"] = _ratio(row["last_order_value"], row["order_value_mean_365d"])
    return row


def _rhythm_columns(orders: list[Row]) -> dict[str, Any]:
    gaps = [o["gap"] for o in orders if o["gap"] is not None]
    now = _least(orders)
    recent = [o["gap"] for o in orders[-3:] if o["gap"] is not None]
    row: dict[str, Any] = {
        "order_gap_median": statistics.median(gaps) if gaps else None,
        "order_gap_mean": _mean(gaps),
        "order_gap_spread": _spread(gaps),
        "order_gap_longest": max(gaps, default=None),
        "order_gap_last": orders[-1]["gap"] if orders else None,
        "order_gap_recent": _mean(recent),
        "longer_gap_share": _ratio(sum(g > now for g in gaps), len(gaps)),
    }
    as_long = [g for g in gaps if g >= now]
    for days in (7, 30):
        ended = [g for g in as_long if g < now + days]
        row[f"gap_end_share_{days}"] = _ratio(len(ended), len(as_long))
        for name, some in (("", orders), ("_180d", _within(orders, 180))):
            waits = [o["gap"] for o in some if o["gap"] is not None] + ([now] if some else [])
            idle = sum(max(wait - days, 0) for wait in waits)
            row[f"idle_share_{days}{name}"] = _ratio(idle, sum(waits)) if waits else None
    for days in (7, 30):
        row[f"order_momentum_{days}"] = sum(0.5 ** (o["ago"] / days) for o in orders)
    row["order_value_momentum_30"] = sum(float(o["value"]) * 0.5 ** (o["ago"] / 30) for o in orders)
    floor = {
        k: None if row[k] is None else max(row[k], 1) for k in row if k.startswith("order_gap")
    }
    row["order_gap_recent_to_median"] = _ratio(row["order_gap_recent"], floor["order_gap_median"])
    row["recency_to_gap_median"] = _ratio(now, floor["order_gap_median"])
    row["recency_to_gap_longest"] = _ratio(now, floor["order_gap_longest"])
    above = None if row["order_gap_mean"] is None else now - row["order_gap_mean"]
    row["overdue_spreads"] = _ratio(above, floor["order_gap_spread"])
    count = {w: len(_within(orders, w)) for w in (30, 60, 90, 180)}
    value = {w: sum(o["value"] for o in _within(orders, w)) for w in (90, 180)}
    row["order_trend_30"] = _ratio(count[30], count[60])
    row["order_trend_90"] = _ratio(count[90], count[180])
    row["order_value_trend_90"] = _ratio(value[90], value[180])
    if orders:
        days = max(orders[0]["ago"], 1)
        row["order_pace"] = (count[90] / min(days, 90)) / (len(orders) / days)
    season = [o for o in orders if 335 < o["ago"] <= 365]
    row["season_order_count"] = len(season)
    row["season_order_value"] = sum(o["value"] for o in season)
    weeks = {int(o["ago"] // 7) for o in orders}
    row["order_weeks_91d"] = len({int(o["ago"] // 7) for o in _within(orders, 91)})
    row["order_weeks_364d"] = len({int(o["ago"] // 7) for o in _within(orders, 364)})
    streak = 0
    while streak in weeks:
        streak += 1
    row["order_week_streak"] = streak
    return row


def _habit_columns(orders: list[Row]) -> dict[str, Any]:
    year = _within(orders, 365)
    hours = [o["at"].hour for o in year]
    weekdays = Counter(o["at"].weekday() for o in year)
    return {
        "weekend_order_share_365d": _share(o["at"].weekday() in (5, 6) for o in year),
        "main_weekday_share_365d": _ratio(max(weekdays.values(), default=0), len(year)),
        "order_hour_median_365d": statistics.median(hours) if hours else None,
        "order_hour_spread_365d": _spread(hours),
        "morning_order_share_365d": _share(hour < 11 for hour in hours),
        "evening_order_share_365d": _share(hour >= 18 for hour in hours),
        "month_start_order_share_365d": _share(o["at"].day <= 10 for o in year),
    }


def _assortment_columns(lines: list[Row]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, name in (("category", "category"), ("product_id", "product")):
        agos: dict[str, list[float]] = defaultdict(list)
        for line in lines:
            if line[column] is not None:
                agos[line[column]].append(line["ago"])
        for window in (30, 90, 365):
            row[f"{name}_count_{window}d"] = sum(min(a) <= window for a in agos.values())
        for window in (30, 90):
            row[f"new_{name}_count_{window}d"] = sum(max(a) <= window for a in agos.values())
        again = {key: max(a) - min(a) >= 1 for key, a in agos.items()}
        if name == "category":
            row |= _category_columns(agos, again)
        else:
            row |= _product_columns(agos, again)
    row["category_breadth_trend"] = _ratio(row["category_count_30d"], row["category_count_365d"])
    return row


def _category_columns(agos: dict[str, list[float]], again: dict[str, bool]) -> dict[str, Any]:
    year = {key: sum(ago <= 365 for ago in a) for key, a in agos.items()}
    total = sum(year.values())
    top = min(year, key=lambda key: (-year[key], key), default=None)
    return {
        "days_since_new_category": min((max(a) for a in agos.values()), default=None),
        "top_category_share": _ratio(max(year.values(), default=0), total),
        "days_since_top_category": None if top is None else min(agos[top]),
        "category_diversity": _ratio(1.0, sum((n / total) ** 2 for n in year.values()))
        if total
        else None,
        "category_return_share": _ratio(sum(again.values()), len(again)),
    }


def _product_columns(agos: dict[str, list[float]], again: dict[str, bool]) -> dict[str, Any]:
    year = [key for key, a in agos.items() if min(a) <= 365]
    due = 0
    for a in (agos[key] for key in agos if again[key]):
        interval = (max(a) - min(a)) / (len(a) - 1)
        due += interval <= min(a) <= 3 * interval
    return {
        "repeat_product_count_90d": sum(again[k] for k, a in agos.items() if min(a) <= 90),
        "repeat_product_count_365d": sum(again[key] for key in year),
        "repeat_product_share_365d": _share(again[key] for key in year),
        "due_product_count": due,
        "due_product_share": _ratio(due, sum(again.values())),
    }


def _discount_columns(orders: list[Row]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    year = _within(orders, 365)
    for window in (90, 365):
        own = _within(orders, window)
        row[f"discounted_order_share_{window}d"] = _share(o["discount"] > 0 for o in own)
        saved = sum(o["discount"] for o in own)
        row[f"discount_share_{window}d"] = _ratio(saved, sum(o["value"] for o in own) + saved)
    saved = sum(o["discount"] for o in year)
    count = sum(o["lines"] for o in year)
    row |= {
        "discount_depth_365d": _ratio(saved, sum(o["cut_gross"] for o in year)),
        "discount_value_365d": saved,
        "discounted_line_share_365d": _ratio(sum(o["cut_lines"] for o in year), count),
        "deep_discount_line_share_365d": _ratio(sum(o["deep_lines"] for o in year), count),
        "full_price_order_count_365d": sum(o["discount"] == 0 for o in year),
        "days_since_full_price_order": _least(o for o in orders if o["discount"] == 0),
        "days_since_discounted_order": _least(o for o in orders if o["discount"] > 0),
        "voucher_order_share_365d": _share(o["voucher"] for o in year),
        "days_since_voucher_order": _least(o for o in orders if o["voucher"]),
        "campaign_order_share_365d": _share(o["campaign"] for o in year),
        "discount_share_trend": _ratio(row["discount_share_90d"], row["discount_share_365d"]),
    }
    if orders:
        last = orders[-1]
        whole = last["value"] + last["discount"]
        row["last_order_discount_share"] = _ratio(last["discount"], whole)
    return row


def _return_columns(returns: list[Row], orders: list[Row]) -> dict[str, Any]:
    year = _within(returns, 365)
    ordered = _within(orders, 365)
    value = sum(float(r["value"]) for r in year)
    returned = len({r["order_id"] for r in year})
    least = _least(returns)
    reasons = [r["reason"] for r in returns if r["ago"] == least]
    return {
        "return_count_365d": len(year),
        "return_value_90d": sum(float(r["value"]) for r in _within(returns, 90)),
        "return_value_365d": value,
        "returned_order_count_365d": returned,
        "days_since_last_return": least,
        "last_return_reason": max(reasons, default=None),
        "return_value_share": _ratio(value, sum(o["value"] for o in ordered)),
        "returned_order_share": _ratio(returned, len(ordered)),
    }


def _visit_columns(visits: list[Row], last: float, orders: list[Row]) -> dict[str, Any]:
    month, quarter = _within(visits, 30), _within(visits, 90)
    carts = [v for v in visits if v["kind"] == "cart"]
    since = [v for v in visits if v["ago"] < last]
    row: dict[str, Any] = {
        "days_since_last_visit": _least(visits),
        "visit_days_30d": len({v["occurred_at"].date() for v in month}),
        "visit_days_90d": len({v["occurred_at"].date() for v in quarter}),
        "session_count_30d": len({v["session_id"] for v in month}),
        "cart_count_7d": len(_within(carts, 7)),
        "cart_count_30d": len(_within(carts, 30)),
        "checkout_count_30d": sum(v["kind"] == "checkout" for v in month),
        "search_count_30d": sum(v["kind"] == "search" for v in month),
        "days_since_last_cart": _least(carts),
        "days_since_open_cart": _least(v for v in since if v["kind"] == "cart"),
        "visits_since_order": len(since),
        "carts_since_order": sum(v["kind"] == "cart" for v in since),
        "app_visit_share_90d": _share(v["channel"] == "app" for v in quarter),
        "visited_product_count_30d": len({v["product_id"] for v in month} - {None}),
        "visited_category_count_30d": len({v["category"] for v in month} - {None}),
        "visit_trend_7": _ratio(len(_within(visits, 7)), len(month)),
    }
    for window in (7, 30, 90):
        row[f"visit_count_{window}d"] = len(_within(visits, window))
    row["visit_days_per_order"] = _ratio(row["visit_days_90d"], len(_within(orders, 90)))
    return row


def _contact_columns(
    contacts: list[Row], responses: list[Row], last: float, orders: list[Row]
) -> dict[str, Any]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for response in responses:
        kinds[response["contact_id"]].add(response["kind"])

    def did(contact: Row, *wanted: str) -> bool:
        return bool(kinds[contact["contact_id"]].intersection(wanted))

    row: dict[str, Any] = {
        "days_since_last_contact": _least(contacts),
        "contacts_since_order": sum(c["ago"] < last for c in contacts),
    }
    count = {w: len(_within(contacts, w)) for w in (7, 30, 90, 365)}
    row |= {f"contact_count_{w}d": n for w, n in count.items()}
    year = _within(contacts, 365)
    for window in (90, 365):
        own = _within(contacts, window)
        row[f"open_share_{window}d"] = _share(did(c, "open", "click", "redeem") for c in own)
        row[f"click_share_{window}d"] = _share(did(c, "click") for c in own)
    opened = _least(c for c in contacts if did(c, "open", "click", "redeem"))
    row |= {
        "contact_campaign_count_365d": len({c["campaign_id"] for c in year} - {None}),
        "contact_pressure_7": _ratio(count[7], count[30]),
        "contact_pressure_30": _ratio(count[30], count[90]),
        "contacts_per_order": _ratio(count[365], len(_within(orders, 365))),
        "redeem_share_365d": _share(did(c, "redeem") for c in year),
        "bounce_share_365d": _share(did(c, "bounce") for c in year),
        "contacts_since_open": sum(opened is None or c["ago"] < opened for c in contacts),
        "open_share_trend": _ratio(row["open_share_90d"], row["open_share_365d"]),
        "redeem_count_365d": sum(r["kind"] == "redeem" for r in _within(responses, 365)),
        "days_since_last_open": _least(
            r for r in responses if r["kind"] in ("open", "click", "redeem")
        ),
        "days_since_last_redeem": _least(r for r in responses if r["kind"] == "redeem"),
        "days_since_unsubscribe": _least(r for r in responses if r["kind"] == "unsubscribe"),
    }
    return row


def _offer_columns(offers: list[Row], orders: list[Row]) -> dict[str, Any]:
    discounts = [o for o in offers if o["discount_rate"]]

    def moved(offer: Row) -> bool:
        waits = [order["at"] - offer["occurred_at"] for order in orders]
        return any(pd.Timedelta(0) <= wait < pd.Timedelta(days=7) for wait in waits)

    year = _within(discounts, 365)
    return {
        **{f"offer_count_{w}d": len(_within(discounts, w)) for w in (30, 90, 365)},
        "days_since_last_offer": _least(discounts),
        "offered_discount_mean_365d": _mean(o["discount_rate"] for o in year),
        "offer_order_share_365d": _share(moved(o) for o in year),
    }


def _case_columns(cases: list[Row], cutoff: pd.Timestamp) -> dict[str, Any]:
    year = _within(cases, 365)

    def done(case: Row) -> bool:
        return case["resolved_at"] is not None and case["resolved_at"] < cutoff

    rated = [c for c in cases if done(c) and c["satisfaction"] is not None]
    newest = _least(rated)
    return {
        "case_count_90d": len(_within(cases, 90)),
        "case_count_365d": len(year),
        "complaint_count_365d": sum(c["kind"] == "complaint" for c in year),
        "days_since_last_case": _least(cases),
        "days_since_last_complaint": _least(c for c in cases if c["kind"] == "complaint"),
        "open_case_count_90d": sum(not done(c) for c in _within(cases, 90)),
        "case_days_mean_365d": _mean(
            (c["resolved_at"] - c["occurred_at"]).total_seconds() / DAY for c in year if done(c)
        ),
        "satisfaction_mean_365d": _mean(c["satisfaction"] for c in _within(rated, 365)),
        "last_satisfaction": min(
            (c["satisfaction"] for c in rated if c["ago"] == newest), default=None
        ),
    }


def _loyalty_columns(events: list[Row]) -> dict[str, Any]:
    def points(kind: str, window: float = math.inf) -> float:
        return sum(e["points"] or 0 for e in _within(events, window) if e["kind"] == kind)

    tiers = [e for e in events if e["tier"] is not None]
    newest = _least(tiers)
    return {
        "days_since_join": max((e["ago"] for e in events if e["kind"] == "join"), default=None),
        "points_earned_90d": points("earn", 90),
        "points_earned_365d": points("earn", 365),
        "points_redeemed_365d": points("redeem", 365),
        "points_balance": points("earn") - points("redeem"),
        "points_redeem_share": _ratio(points("redeem", 365), points("earn", 365)),
        "days_since_points_redeemed": _least(e for e in events if e["kind"] == "redeem"),
        "loyalty_tier": max((e["tier"] for e in tiers if e["ago"] == newest), default=None),
        "days_since_tier": newest,
    }


def _attribute_columns(versions: list[Row], cutoff: pd.Timestamp) -> dict[str, Any]:
    newest = min(versions, key=lambda row: row["ago"], default={})
    row: dict[str, Any] = {}
    for name in ("income", "household_size"):
        row[f"attribute_{name}"] = newest.get(name)
    if newest:
        row["attribute_newsletter"] = "true" if newest["newsletter"] else "false"
        row["attribute_born"] = (cutoff - newest["born"]).total_seconds() / DAY
    return row


def second_hop(
    store: dict[str, pd.DataFrame], customer: str, cutoff: pd.Timestamp, retention: int
) -> dict[str, Any]:
    """The columns that everybody's rows tell, for one customer."""
    lines = known(store["order_lines"], None, cutoff, retention)
    row: dict[str, Any] = {}
    for column in ("product_id", "category"):
        bought: dict[tuple[str, str], list[float]] = defaultdict(list)
        for line in lines:
            if line[column] is not None:
                bought[line[column], line["customer_id"]].append(line["ago"])
        share, days, age = _came_back(bought)
        own = {thing: min(a) for (thing, who), a in bought.items() if who == customer}
        lately = [thing for thing, ago in own.items() if ago <= 90]
        shares = _mean(share[thing] for thing in lately)
        returns = _mean(days[thing] for thing in lately if thing in days)
        if column == "category":
            row["category_buyers_return_share_90d"] = shares
            row["category_return_days_90d"] = returns
            continue
        row["product_return_share_90d"] = shares
        row["product_return_days_90d"] = returns
        row["product_age_90d"] = _mean(age[thing] for thing in lately)
        row["novelty_share_90d"] = _share(age[thing] <= 90 for thing in lately)
        row["product_due_by_others_365d"] = sum(
            days[thing] <= ago <= 2 * days[thing]
            for thing, ago in own.items()
            if ago <= 365 and thing in days
        )
        position = _price_positions(lines)
        row["product_price_position_90d"] = _mean(
            position[thing] for thing in lately if thing in position
        )
    contacts = known(store["contacts"], None, cutoff, retention)
    responses = known(store["responses"], None, cutoff, retention)
    for name, wanted in (("open", {"open", "click", "redeem"}), ("redeem", {"redeem"})):
        hit = {(r["customer_id"], r["contact_id"]) for r in responses if r["kind"] in wanted}
        moved: dict[str, list[bool]] = defaultdict(list)
        for c in contacts:
            if c["campaign_id"] is not None:
                moved[c["campaign_id"]].append((c["customer_id"], c["contact_id"]) in hit)
        row[f"campaign_{name}_rate_365d"] = _mean(
            sum(moved[c["campaign_id"]]) / len(moved[c["campaign_id"]])
            for c in contacts
            if c["customer_id"] == customer and c["campaign_id"] is not None and c["ago"] <= 365
        )
    return row


def _came_back(
    bought: dict[tuple[str, str], list[float]],
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Per thing: the share of buyers who came back, after how many days, and its age."""
    again: dict[str, list[bool]] = defaultdict(list)
    intervals: dict[str, list[float]] = defaultdict(list)
    age: dict[str, float] = defaultdict(float)
    for (thing, _), agos in bought.items():
        back = max(agos) - min(agos) >= 1
        again[thing].append(back)
        age[thing] = max(age[thing], *agos)
        if back:
            intervals[thing].append((max(agos) - min(agos)) / (len(agos) - 1))
    share = {thing: sum(flags) / len(flags) for thing, flags in again.items()}
    return share, {thing: statistics.median(i) for thing, i in intervals.items()}, age


def _price_positions(lines: list[Row]) -> dict[str, float]:
    """Per product, the share of the other products of its category that cost less a piece."""
    value: dict[str, float] = defaultdict(float)
    pieces: dict[str, float] = defaultdict(float)
    category: dict[str, str] = {}
    for line in lines:
        thing = line["product_id"]
        if thing is None:
            continue
        if line["category"] is not None:
            category[thing] = min(category.get(thing, line["category"]), line["category"])
        if line["quantity"]:
            value[thing] += float(line["net_value"])
            pieces[thing] += line["quantity"]
    price = {thing: value[thing] / pieces[thing] for thing in pieces}
    positions = {}
    for thing in price:
        others = [
            price[other]
            for other in price
            if category.get(other) == category.get(thing) and other != thing
        ]
        cheaper = sum(other < price[thing] - 1e-12 for other in others)
        positions[thing] = cheaper / len(others) if others else 0.0
    return positions


def _absent(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _within(rows: Iterable[Row], days: float) -> list[Row]:
    return [row for row in rows if row["ago"] <= days]


def _least(rows: Iterable[Row]) -> float | None:
    return min((row["ago"] for row in rows), default=None)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _share(flags: Iterable[bool]) -> float | None:
    kept = list(flags)
    return _ratio(sum(kept), len(kept))


def _mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return _ratio(sum(kept), len(kept))


def _spread(values: list[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None
