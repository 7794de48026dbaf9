"""Who the customers are: what they show, and what nobody sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import DAY, Bools, Calendar, Floats, Ints
from neigung.simulation.columns import pick, times
from neigung.simulation.retailer import Retailer

AGES = ("18-29", "30-39", "40-49", "50-59", "60+")
SEXES = ("female", "male", "diverse")
ACQUIRED = ("search", "branch", "recommendation", "social")
REGIONS = {
    "Nordrhein-Westfalen": 21.5, "Bayern": 15.8, "Baden-Württemberg": 13.3, "Niedersachsen": 9.6,
    "Hessen": 7.6, "Sachsen": 4.9, "Rheinland-Pfalz": 4.9, "Berlin": 4.4, "Schleswig-Holstein": 3.5,
    "Brandenburg": 3.1, "Sachsen-Anhalt": 2.6, "Thüringen": 2.5, "Hamburg": 2.3,
    "Mecklenburg-Vorpommern": 1.9, "Saarland": 1.2, "Bremen": 0.9,
}  # fmt: skip
CATEGORIES = {
    "Damenmode": (0.17, 32.0), "Herrenmode": (0.12, 34.0), "Kinder": (0.09, 19.0),
    "Schuhe": (0.10, 49.0), "Sport": (0.08, 36.0), "Wohnen": (0.11, 27.0), "Küche": (0.08, 24.0),
    "Bücher": (0.09, 13.0), "Spielwaren": (0.06, 21.0), "Drogerie": (0.07, 9.0),
    "Elektronik": (0.03, 95.0),
}  # fmt: skip
"""Categories with their share of the sales and their typical price in euro."""

IMMOVABLE, PERSUADABLE, PUT_OFF = 0, 1, 2


@dataclass
class Customers:
    """The customers of a chunk; each array has one entry per customer, times are seconds.

    Seen in the tables: joined, first_day, age, region, sex, acquired, app, loyal, marketing
    (consent at the beginning), profiling.
    Latent: rate (orders a year), left (when the customer drops out), thrift (shows in past
    discounts), depth (shows in how deep they were), level (of prices), favourites, store (share
    of orders in a branch), attention (to contacts), movable (IMMOVABLE, ...), strength and
    threshold (of the response; not seen anywhere).
    """

    joined: Ints
    first_day: Ints
    left: Ints
    rate: Floats
    thrift: Floats
    depth: Floats
    level: Floats
    favourites: Ints
    store: Floats
    attention: Floats
    age: Ints
    region: Ints
    sex: Ints
    acquired: Ints
    app: Bools
    loyal: Bools
    marketing: Bools
    profiling: Bools
    movable: Ints
    strength: Floats
    threshold: Floats

    def __len__(self) -> int:
        return len(self.joined)


def draw_customers(
    rng: np.random.Generator, count: int, shop: Retailer, calendar: Calendar
) -> Customers:
    """Draw `count` customers."""
    end = calendar.days
    before = rng.random(count) < shop.known_before
    join_day = rng.integers(0, int(end * shop.join_until), count)
    first_day = np.where(before, 0, join_day)
    joined = np.where(before, -rng.integers(1, 1_200, count), join_day) * DAY
    joined = joined + rng.integers(5 * 3_600, 20 * 3_600, count)
    leaving = rng.gamma(shop.leaving_shape, shop.leaving_per_year / shop.leaving_shape, count)
    stay = rng.exponential(365.0, count) / np.maximum(leaving, 1e-6)
    left = first_day + np.minimum(stay, 4.0 * end).astype(np.int64) + 1

    age = rng.choice(5, count, p=(0.18, 0.24, 0.21, 0.20, 0.17))
    thrift = 0.3 * (1.5 - age) / 1.5 + rng.normal(0, 0.95, count)
    app = rng.random(count) < np.array([0.5, 0.45, 0.35, 0.25, 0.15])[age]
    shares = np.array(list(REGIONS.values()))
    return Customers(
        joined=joined,
        first_day=first_day,
        left=left * DAY,
        rate=rng.gamma(shop.order_shape, shop.orders_per_year / shop.order_shape, count),
        thrift=thrift,
        depth=rng.normal(size=count),
        level=np.exp(rng.normal(-(shop.price_spread**2) / 2, shop.price_spread, count)),
        favourites=rng.choice(
            len(CATEGORIES), (count, 3), p=[share for share, _ in CATEGORIES.values()]
        ),
        store=rng.beta(0.6, 2.0, count),
        attention=rng.beta(2.0, 4.0, count),
        age=age,
        region=rng.choice(len(REGIONS), count, p=shares / shares.sum()),
        sex=rng.choice(4, count, p=(0.48, 0.33, 0.01, 0.18)),
        acquired=rng.choice(4, count, p=(0.45, 0.25, 0.18, 0.12)),
        app=app,
        loyal=rng.random(count) < shop.loyal,
        marketing=rng.random(count) < shop.marketing_consent,
        profiling=rng.random(count) < shop.profiling_consent,
        movable=_movable(rng, thrift, shop),
        strength=np.exp(rng.normal(-(shop.hidden**2) / 2, shop.hidden, count)),
        threshold=rng.normal(size=count),
    )


def immovable_chance(thrift: Floats, shop: Retailer) -> Floats:
    """How likely a customer of this thrift cannot be moved."""
    intercept, slope = shop.immovable
    return 1 / (1 + np.exp(slope * thrift - intercept))


def _movable(rng: np.random.Generator, thrift: Floats, shop: Retailer) -> Ints:
    drawn = rng.random(len(thrift))
    still = drawn < shop.put_off + (1 - shop.put_off) * immovable_chance(thrift, shop)
    return np.where(drawn < shop.put_off, PUT_OFF, np.where(still, IMMOVABLE, PERSUADABLE))


def customers_table(
    rng: np.random.Generator, who: Customers, names: pa.Array, end: int
) -> dict[str, pa.Array]:
    """The dated versions of the attributes; one customer of eight moves house."""
    count = len(who)
    moved = np.flatnonzero(rng.random(count) < 0.125)
    at = np.maximum(who.joined[moved], 0) + rng.integers(1, 500, len(moved)) * DAY
    moved, at = moved[at < end], at[at < end]
    owner = np.concatenate([np.arange(count), moved])
    when = np.concatenate([who.joined, at])
    region = np.concatenate([who.region, rng.integers(0, len(REGIONS), len(moved))])
    late = np.concatenate([np.zeros(count, bool), rng.random(len(moved)) < 0.5])
    order = np.argsort(owner, kind="stable")
    owner, when, region, late = owner[order], when[order], region[order], late[order]
    known = when + rng.integers(1, 30, len(when)) * DAY
    return {
        "customer_id": pick(names, owner),
        "occurred_at": times(when),
        "known_at": times(known, late),
        "region": pick(list(REGIONS), region),
        "age_group": pick(AGES, who.age[owner]),
        "sex": pick([*SEXES, ""], who.sex[owner], who.sex[owner] < 3),
        "acquired_through": pick(ACQUIRED, who.acquired[owner]),
        "uses_app": pa.array(who.app[owner]),
    }
