"""Orders of their own accord, what is in an order, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import DAY, HOUR, Bools, Calendar, Floats, Ints
from neigung.simulation.columns import ids, money, pick, rank, times
from neigung.simulation.customers import CATEGORIES, Customers
from neigung.simulation.retailer import Retailer

FIRST_MONTHS = 90
"""Days; before them nobody is offered anything."""
PRODUCTS = 40
"""Products of a category."""
CHANNELS = ("web", "app", "store")
REASONS = ("size", "quality", "not as shown", "changed mind", "too late")
_QUANTITIES = (0.85, 0.12, 0.03)
_MOST_LINES = 6
OWN, UNOFFERED = -1, -2
"""Orders outside of all waves, and those of customers drawn for a wave but not offered anything."""


@dataclass
class Orders:
    """Orders: whose, when, which channel, the discount rate, and the wave (or OWN).

    In a wave the rate is that of the offer and counts for the whole order; otherwise it is that of
    public promotions and counts for the lines that are on promotion.
    """

    owner: Ints
    at: Ints
    channel: Ints
    rate: Floats
    wave: Ints

    def __len__(self) -> int:
        return len(self.owner)

    def take(self, rows: Ints | Bools) -> Orders:
        """These orders only, in this order."""
        return Orders(
            self.owner[rows], self.at[rows], self.channel[rows], self.rate[rows], self.wave[rows]
        )

    def known(self) -> Ints:
        """When the systems learn of each order: at once, or up to days later from a branch.

        It follows from the order's own time, so that all who ask get the same answer.
        """
        late = (self.channel == 2) & (_mixed(self.at, self.owner) % 10 < 6)
        delay = (4 + _mixed(self.owner, self.at) % 68) * HOUR
        return np.where(late, self.at + delay, self.at)


def _mixed(one: Ints, other: Ints) -> Ints:
    return (one * 2_654_435_761 + other * 40_503 + 12_345) >> 7


def join_orders(parts: list[Orders]) -> Orders:
    """All orders of the parts, one part after the other."""
    return Orders(
        np.concatenate([part.owner for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.channel for part in parts]),
        np.concatenate([part.rate for part in parts]),
        np.concatenate([part.wave for part in parts]),
    )


def own_orders(
    rng: np.random.Generator,
    who: Customers,
    shop: Retailer,
    calendar: Calendar,
    allowed: Callable[[Ints, Ints], Bools],
) -> Orders:
    """The orders that customers place of their own accord until they leave.

    `allowed` says for owners and times which of them are: an offer decides about its own horizon.
    """
    last = np.minimum(who.left // DAY, calendar.days)
    expected = who.rate / 365 * calendar.busy_days(who.first_day, last)
    owner = np.repeat(np.arange(len(who)), rng.poisson(expected))
    at = calendar.instants(rng, who.first_day[owner], last[owner])
    at = np.maximum(at, who.joined[owner] + 60)
    free = allowed(owner, at)
    owner, at = owner[free], at[free]
    # Who joins does so with an order; who was there before bought at least once in the first
    # months, else the shop would not know the customer any more.
    new = np.flatnonzero(who.joined >= 0)
    silent = (who.joined < 0) & (np.bincount(owner, minlength=len(who)) == 0)
    kept = np.flatnonzero(silent)
    early = calendar.instants(rng, who.first_day[kept], np.minimum(last[kept], FIRST_MONTHS))
    owner = np.concatenate([owner, new, kept])
    at = np.concatenate([at, who.joined[new] + 60, early])
    orders = Orders(
        owner, at, order_channels(rng, who, owner), np.zeros(len(owner)), np.full(len(owner), OWN)
    )
    noise = rng.normal(0, 0.2, len(owner))
    depth = shop.depth * np.exp(shop.threshold_spread * who.depth[owner] + noise)
    orders.rate = np.clip(np.rint(depth * 40), 2, 20) / 40
    return orders


def order_channels(rng: np.random.Generator, who: Customers, owner: Ints) -> Ints:
    """The channel of each order, an index of CHANNELS."""
    drawn = rng.random(len(owner))
    mobile = who.app[owner] & (rng.random(len(owner)) < 0.7)
    channel: Ints = np.where(drawn < who.store[owner], 2, np.where(mobile, 1, 0))
    return channel


def prices() -> Ints:
    """The price of each product in cents, categories by products; the same for every seed."""
    quantile = (np.arange(PRODUCTS) + 0.5) / PRODUCTS
    spread = np.exp(0.9 * (quantile - 0.5) * 2)
    typical = np.array([price for _, price in CATEGORIES.values()])
    cents: Ints = np.rint(typical[:, None] * spread / spread.mean() * 100 - 1).astype(np.int64)
    return cents


def expected_basket(who: Customers, shop: Retailer) -> Floats:
    """The mean value of a customer's order before any discount, in euro."""
    from math import exp, factorial

    chances = [
        exp(-shop.more_lines) * shop.more_lines**k / factorial(k) for k in range(_MOST_LINES - 1)
    ]
    lines = 1 + sum(k * c for k, c in enumerate(chances)) + (_MOST_LINES - 1) * (1 - sum(chances))
    quantity = float(np.dot(_QUANTITIES, np.arange(1, len(_QUANTITIES) + 1)))
    typical = prices().mean(axis=1) / 100
    shares = np.array([share for share, _ in CATEGORIES.values()])
    mix = shop.favourites * typical[who.favourites].mean(axis=1)
    mix = mix + (1 - shop.favourites) * float(typical @ shares)
    value: Floats = who.level * mix * lines * quantity
    return value


@dataclass
class Lines:
    """Order lines: the order's index, category, product, quantity, cents before discount."""

    order: Ints
    category: Ints
    product: Ints
    quantity: Ints
    gross: Ints
    discount: Ints


def draw_lines(rng: np.random.Generator, orders: Orders, who: Customers, shop: Retailer) -> Lines:
    """What each order holds."""
    count = 1 + np.minimum(rng.poisson(shop.more_lines, len(orders)), _MOST_LINES - 1)
    order = np.repeat(np.arange(len(orders)), count)
    owner = orders.owner[order]
    category = draw_categories(rng, who, owner, shop)
    # No product stands twice in an order.
    place = np.arange(len(order)) - (np.cumsum(count) - count)[order]
    product = (rng.integers(0, PRODUCTS, len(orders))[order] + 7 * place) % PRODUCTS
    quantity = 1 + np.searchsorted(np.cumsum(_QUANTITIES)[:-1], rng.random(len(order)), "right")
    unit = np.rint(prices()[category, product] * who.level[owner]).astype(np.int64)
    gross = unit * quantity
    intercept, slope = shop.promotion
    promoted = rng.random(len(order)) < 1 / (1 + np.exp(-intercept - slope * who.thrift[owner]))
    reduced = promoted | (orders.wave[order] != OWN)
    discount = np.rint(gross * np.where(reduced, orders.rate[order], 0.0)).astype(np.int64)
    return Lines(order, category, product, quantity, gross, discount)


def draw_categories(rng: np.random.Generator, who: Customers, owner: Ints, shop: Retailer) -> Ints:
    """A category for each owner: often a favourite, else any by its share of the sales."""
    shares = np.cumsum([share for share, _ in CATEGORIES.values()])
    drawn = rng.random(len(owner))
    favourite = who.favourites[owner, rng.integers(0, 3, len(owner))]
    rest = (drawn - shop.favourites) / (1 - shop.favourites)
    other = np.searchsorted(shares[:-1], rest, "right")
    return np.where(drawn < shop.favourites, favourite, other)


def order_ids(orders: Orders, owners: int, first: int) -> pa.Array:
    """Ids of orders that are sorted by owner and time."""
    return ids("o", (orders.owner + first, 8), (rank(orders.owner, owners), 4))


def lines_table(
    rng: np.random.Generator,
    orders: Orders,
    lines: Lines,
    names: pa.Array,
    orders_ids: pa.Array,
    campaigns: list[str],
) -> dict[str, pa.Array]:
    """The table order_lines."""
    order = lines.order
    known = orders.known()
    offered = (orders.wave >= 0) & (orders.rate > 0)
    code = offered | (rng.random(len(orders)) < 0.4)
    voucher = code[order] & (lines.discount > 0)
    percent = np.rint(orders.rate * 100).astype(np.int64)
    return {
        "customer_id": pick(names, orders.owner[order]),
        "occurred_at": times(orders.at[order]),
        "known_at": times(known[order], (known > orders.at)[order]),
        "order_id": pick(orders_ids, order),
        "net_value": money(lines.gross - lines.discount),
        "discount_value": money(lines.discount),
        "quantity": pa.array(lines.quantity.astype(np.float64)),
        "product_id": product_ids(lines.category, lines.product),
        "category": pick(list(CATEGORIES), lines.category),
        "channel": pick(CHANNELS, orders.channel[order]),
        "campaign_id": pick(campaigns, orders.wave[order], offered[order]),
        "voucher_code": pick(VOUCHERS, percent[order], voucher),
    }


VOUCHERS = tuple(f"SPAR{percent}" for percent in range(101))


def product_ids(category: Ints, product: Ints, where: Bools | None = None) -> pa.Array:
    """Ids of products."""
    all_products = [f"p{number:04d}" for number in range(len(CATEGORIES) * PRODUCTS)]
    return pick(all_products, category * PRODUCTS + product, where)


def returns_table(
    rng: np.random.Generator,
    orders: Orders,
    lines: Lines,
    names: pa.Array,
    orders_ids: pa.Array,
    shop: Retailer,
    end: int,
) -> tuple[dict[str, pa.Array], Ints, Ints]:
    """The table returns, and whose they are and when."""
    fashion = np.array([1.8, 1.5, 0.8, 2.0, 0.9, 0.6, 0.5, 0.1, 0.4, 0.1, 0.7])
    back = rng.random(len(lines.order)) < shop.return_share * fashion[lines.category]
    row = np.flatnonzero(back)
    order = lines.order[row]
    at = orders.at[order] + rng.integers(2 * DAY, 24 * DAY, len(row))
    row, order, at = row[at < end], order[at < end], at[at < end]
    late = rng.random(len(row)) < shop.known_late
    known = at + rng.integers(6 * HOUR, 6 * DAY, len(row))
    table = {
        "customer_id": pick(names, orders.owner[order]),
        "occurred_at": times(at),
        "known_at": times(known, late),
        "order_id": pick(orders_ids, order),
        "value": money(lines.gross[row] - lines.discount[row]),
        "product_id": product_ids(lines.category[row], lines.product[row]),
        "reason": pick(REASONS, rng.integers(0, 5, len(row)), rng.random(len(row)) < 0.8),
    }
    return table, orders.owner[order], at
