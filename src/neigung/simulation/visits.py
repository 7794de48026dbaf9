"""Visits: those that precede orders, those that show intent, and those that lead to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import DAY, Bools, Calendar, Floats, Ints
from neigung.simulation.columns import by_owner, ids, pick, rank, times
from neigung.simulation.customers import CATEGORIES, Customers
from neigung.simulation.orders import PRODUCTS, Orders, draw_categories, product_ids
from neigung.simulation.retailer import Retailer

KINDS = ("view", "search", "cart", "checkout")
IDLE, INTENT, BEFORE, ORDERING = range(4)
_STEP = 73
"""Seconds between the pages of a visit."""


@dataclass
class Visits:
    """Sessions: whose, when the first page was seen, and what they lead to."""

    owner: Ints
    at: Ints
    purpose: Ints
    pages: Ints

    def take(self, rows: Ints | Bools) -> Visits:
        """These sessions only, in this order."""
        return Visits(self.owner[rows], self.at[rows], self.purpose[rows], self.pages[rows])


def join_visits(parts: list[Visits]) -> Visits:
    """All sessions of the parts."""
    return Visits(
        np.concatenate([part.owner for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.purpose for part in parts]),
        np.concatenate([part.pages for part in parts]),
    )


def _sessions(rng: np.random.Generator, owner: Ints, at: Ints, purpose: int) -> Visits:
    pages = 1 + rng.binomial(3, 0.4 if purpose < ORDERING else 0.7, len(owner))
    if purpose == ORDERING:
        # The last page is the checkout, just before the order.
        at = at - pages * _STEP
    return Visits(owner, at, np.full(len(owner), purpose), pages)


def idle_visits(
    rng: np.random.Generator, who: Customers, shop: Retailer, calendar: Calendar
) -> Visits:
    """Visits that lead to nothing; the busier the buyer, the more of them."""
    last = np.minimum(who.left // DAY, calendar.days)
    keen = 0.4 + 0.6 * who.rate / shop.orders_per_year
    count = rng.poisson(shop.idle_visits / 365 * keen * (last - who.first_day))
    owner = np.repeat(np.arange(len(who)), count)
    at = calendar.instants(rng, who.first_day[owner], last[owner])
    return _sessions(rng, owner, at, IDLE)


def visits_before(
    rng: np.random.Generator, orders: Orders, shop: Retailer, not_before: Ints | None = None
) -> Visits:
    """The visits that lead to these orders.

    With `not_before`, one time per order, all of them come after it: an order that an offer
    brought about casts no shadow on the time before the offer.
    """
    online = np.flatnonzero(orders.channel < 2)
    placing = _sessions(rng, orders.owner[online], orders.at[online], ORDERING)
    more = np.repeat(np.arange(len(orders)), rng.poisson(shop.visits_per_order, len(orders)))
    lag = np.minimum(rng.exponential(3.0, len(more)), 10.0) * DAY + 1_800
    if not_before is not None:
        room = (orders.at - not_before)[more]
        lag = np.where(lag < room, lag, rng.random(len(more)) * room)
    at = orders.at[more] - lag.astype(np.int64)
    earlier = _sessions(rng, orders.owner[more], at, BEFORE)
    return join_visits([placing, earlier])


def intent_visits(rng: np.random.Generator, owner: Ints, cutoff: int, mean: Floats) -> Visits:
    """Visits in the ten days before `cutoff`, as many as intent wants."""
    whose = np.repeat(owner, rng.poisson(mean))
    at = cutoff - rng.integers(600, 10 * DAY, len(whose))
    return _sessions(rng, whose, at, INTENT)


def visits_table(
    rng: np.random.Generator,
    visits: Visits,
    who: Customers,
    names: pa.Array,
    first: int,
    shop: Retailer,
) -> dict[str, pa.Array]:
    """The table visits: one row per page; `visits` may come in any order."""
    visits = visits.take(by_owner(visits.owner, visits.at))
    count = len(visits.owner)
    session = np.repeat(np.arange(count), visits.pages)
    starts = np.cumsum(visits.pages) - visits.pages
    page = np.arange(len(session)) - starts[session]
    left = visits.pages[session] - 1 - page
    purpose = visits.purpose[session]
    drawn = rng.random(len(session), dtype=np.float32)
    searching = np.where(who.thrift > 0.5, 0.5, 0.3).astype(np.float32)
    kind = np.where((page == 0) & (drawn < searching[visits.owner[session]]), 1, 0)
    # The thrifty put things aside and wait for them to become cheaper.
    intercept, slope = shop.waiting
    waits = (1 / (1 + np.exp(-intercept - slope * who.thrift))).astype(np.float32)
    kind[(purpose != ORDERING) & (left == 0) & (drawn > 1 - waits[visits.owner[session]])] = 2
    kind[(purpose == ORDERING) & (left == 1)] = 2
    kind[(purpose == ORDERING) & (left == 0)] = 3
    category = draw_categories(rng, who, visits.owner, shop)
    mobile = who.app[visits.owner] & (rng.random(count) < 0.7)
    product = rng.integers(0, PRODUCTS, len(session))
    session_ids = ids("s", (visits.owner + first, 8), (rank(visits.owner, len(who)), 4))
    themed = kind != 3
    return {
        "customer_id": pick(names, visits.owner[session]),
        "occurred_at": times(visits.at[session] + page * _STEP),
        "kind": pick(KINDS, kind),
        "channel": pick(("web", "app"), mobile[session].astype(np.int32)),
        "category": pick(list(CATEGORIES), category[session], themed),
        "product_id": product_ids(category[session], product, themed & (kind != 1)),
        "session_id": pick(session_ids, session),
    }
