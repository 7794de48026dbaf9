"""Service cases, some of which push customers away, and the loyalty programme."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import DAY, HOUR, Ints
from neigung.simulation.columns import by_owner, ids, pick, rank, times
from neigung.simulation.customers import Customers
from neigung.simulation.orders import Orders
from neigung.simulation.retailer import Retailer

KINDS = ("question", "complaint")
TIERS = ("basic", "silver", "gold")


def complaints(
    rng: np.random.Generator, orders: Orders, left: Ints, shop: Retailer
) -> tuple[Ints, Ints]:
    """Complaints about orders: whose and when. `left` moves up for those they push away."""
    orders = orders.take(orders.at < left[orders.owner])
    rows = np.flatnonzero(rng.random(len(orders)) < shop.complaint)
    owner = orders.owner[rows]
    at = orders.at[rows] + rng.integers(8 * HOUR, 7 * DAY, len(rows))
    gone = rng.random(len(rows)) < shop.pushed_away
    when = at + rng.integers(0, 14 * DAY, len(rows))
    np.minimum.at(left, owner[gone], when[gone])
    # Who left before, because of an earlier complaint, did not place the order at all.
    still = orders.at[rows] < left[owner]
    return owner[still], at[still]


def service_table(
    rng: np.random.Generator,
    who: Customers,
    left: Ints,
    cases: list[tuple[Ints, Ints]],
    names: pa.Array,
    first: int,
    shop: Retailer,
    end: int,
) -> dict[str, pa.Array]:
    """The table service_cases: complaints and questions."""
    start = np.maximum(who.joined, 0)
    years = np.maximum(np.minimum(left, end) - start, 0) / (365 * DAY)
    asked = np.repeat(np.arange(len(who)), rng.poisson(shop.questions_per_year * years))
    span = (np.minimum(left, end) - start)[asked]
    when = start[asked] + (rng.random(len(asked)) * span).astype(np.int64)
    owner = np.concatenate([asked, *(owner for owner, _ in cases)])
    at = np.concatenate([when, *(at for _, at in cases)])
    complaint = np.arange(len(owner)) >= len(asked)
    keep = at < end
    owner, at, complaint = owner[keep], at[keep], complaint[keep]
    order = by_owner(owner, at)
    owner, at, complaint = owner[order], at[order], complaint[order]
    count = len(owner)
    resolved = at + rng.integers(HOUR, 8 * DAY, count) * np.where(complaint, 2, 1)
    done = (resolved < end) & (rng.random(count) < 0.93)
    mood = np.clip(np.rint(rng.normal(np.where(complaint, 2.3, 3.9), 1.0)), 1, 5)
    rated = done & (rng.random(count) < 0.5)
    return {
        "customer_id": pick(names, owner),
        "occurred_at": times(at),
        "case_id": ids("x", (owner + first, 8), (rank(owner, len(who)), 4)),
        "kind": pick(KINDS, complaint.astype(np.int32)),
        "channel": pick(("email", "phone", "chat"), rng.integers(0, 3, count)),
        "resolved_at": times(resolved, done),
        "satisfaction": pa.array(mood, mask=~rated),
    }


def loyalty_table(
    rng: np.random.Generator,
    who: Customers,
    orders: Orders,
    cents: Ints,
    names: pa.Array,
) -> dict[str, pa.Array]:
    """The table loyalty: joining, points for each order, tiers, points redeemed.

    `orders` are sorted by customer and time; `cents` is what was paid for each.
    """
    members = np.flatnonzero(who.loyal)
    mine = np.flatnonzero(who.loyal[orders.owner])
    owner, at, points = orders.owner[mine], orders.at[mine] + 60, cents[mine] // 100
    before = rank(owner, len(who))
    silver, gold = before == 2, before == 6
    redeemed = (before % 4 == 3) & (rng.random(len(mine)) < 0.6)

    whose = np.concatenate([members, owner, owner[silver], owner[gold], owner[redeemed]])
    sizes = [len(members), len(owner), silver.sum(), gold.sum(), redeemed.sum()]
    kind = np.repeat([0, 2, 1, 1, 3], sizes)
    tier = np.repeat([0, 0, 1, 2, 0], sizes)
    # A tier is reached with an order, points are redeemed while placing one.
    when = np.concatenate(
        [who.joined[members] + 30, at, at[silver] + 1, at[gold] + 1, at[redeemed] - 60]
    )
    amount = np.zeros(len(whose))
    amount[kind == 2] = points
    amount[kind == 3] = points[redeemed] // 2 + 20
    order = np.argsort(whose, kind="stable")
    whose, when, kind, tier, amount = (
        whose[order],
        when[order],
        kind[order],
        tier[order],
        amount[order],
    )
    return {
        "customer_id": pick(names, whose),
        "occurred_at": times(when),
        "kind": pick(("join", "tier", "earn", "redeem"), kind),
        "points": pa.array(amount, mask=kind < 2),
        "tier": pick(TIERS, tier, kind < 2),
    }
