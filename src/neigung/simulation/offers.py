"""Offers: waves in time, whom they reach, who gets which arm, and who then orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neigung.simulation.clock import DAY, HOUR, Bools, Calendar, Floats, Ints, time_of_day
from neigung.simulation.contacts import CHANNELS as CONTACT_CHANNELS
from neigung.simulation.contacts import NEVER, Contacts
from neigung.simulation.customers import Customers
from neigung.simulation.orders import UNOFFERED, Orders, order_channels
from neigung.simulation.response import Moment, probabilities, segments
from neigung.simulation.retailer import Arm, Retailer

TEST, STAFF, CHANNEL = range(3)
_NAMES = ("discount-test", "discount-staff", "channel-test")
_HOUR = 8 * HOUR
_SETTLE = 600
"""No order within ten minutes after an offer, so that its visit comes after the offer too."""


@dataclass(frozen=True)
class Wave:
    """Offers made at one instant: `cutoff`, in seconds; `number` among all waves."""

    number: int
    round: int
    kind: int
    cutoff: int
    campaign: str
    arms: tuple[Arm, ...]


def schedule(shop: Retailer, days: int) -> list[Wave]:
    """The waves that fit into so many days: a test, two days later staff, then channels.

    >>> [wave.campaign for wave in schedule(Retailer(), 730)][:3]
    ['discount-test-01', 'discount-staff-01', 'channel-test-01']
    """
    rounds = min(shop.rounds, max((days - shop.tail_days - 90) // shop.round_days + 1, 1))
    first = days - shop.tail_days - (rounds - 1) * shop.round_days
    return [
        Wave(
            number=3 * turn + kind,
            round=turn,
            kind=kind,
            cutoff=(first + turn * shop.round_days + 2 * kind) * DAY + _HOUR,
            campaign=f"{_NAMES[kind]}-{turn + 1:02d}",
            arms=shop.channels if kind == CHANNEL else shop.discounts,
        )
        for turn in range(rounds)
        for kind in (TEST, STAFF, CHANNEL)
    ]


class Draw:
    """Who is drawn for which wave, before anything else is known of the customers.

    In each round a customer is in one wave at most, but for a few of a test's customers whom
    staff also reach two days later: their two horizons overlap.
    """

    def __init__(
        self, rng: np.random.Generator, joined: Ints, waves: list[Wave], shop: Retailer
    ) -> None:
        self.waves = waves
        self.shop = shop
        rounds = waves[-1].round + 1
        drawn = rng.random((rounds, len(joined)), dtype=np.float32)
        for turn in range(rounds):
            # Nobody is drawn who has only just joined.
            drawn[turn, joined > waves[3 * turn].cutoff - shop.settled_days * DAY] = 1.0
        edges = np.cumsum([shop.test_share, shop.staff_share, shop.channel_share])
        self._kind = np.searchsorted(edges, drawn, side="right").astype(np.int8)
        self._twice = (self._kind == TEST) & (drawn < shop.test_share * shop.overlap)

    def members(self, wave: Wave) -> Ints:
        """The customers drawn for a wave."""
        kind, twice = self._kind[wave.round], self._twice[wave.round]
        if wave.kind == STAFF:
            return np.flatnonzero((kind == STAFF) | twice)
        return np.flatnonzero(kind == wave.kind)

    def outside(self, owner: Ints, at: Ints) -> Bools:
        """Which of these moments lie in no horizon of a wave that the customer is drawn for."""
        shop, first = self.shop, self.waves[0].cutoff
        turn, into = np.divmod(at - first, shop.round_days * DAY)
        inside = (turn >= 0) & (turn < len(self._kind))
        turn = np.clip(turn, 0, len(self._kind) - 1)
        kind = self._kind[turn, owner].astype(np.int64)
        start = 2 * DAY * kind
        length = np.where(self._twice[turn, owner], shop.horizon_days + 2, shop.horizon_days) * DAY
        inside &= (kind < 3) & (into >= start) & (into < start + length)
        return ~inside


@dataclass
class Offers:
    """The offers of one wave with their truth; one entry per offered customer."""

    wave: Wave
    owner: Ints
    arm: Ints
    assignment: Floats
    chances: Floats
    basket: Floats
    segment: Ints
    traceable: Floats
    ordered_at: Ints


@dataclass(frozen=True)
class Seen:
    """What staff can see of all customers just before a wave."""

    visits: Ints
    orders: Ints
    days_since_order: Floats


def make_offers(
    rng: np.random.Generator,
    wave: Wave,
    moment: Moment,
    who: Customers,
    withdrawn: Ints,
    basket: Floats,
    seen: Seen | None,
    shop: Retailer,
    effect: bool,
) -> tuple[Offers, Orders]:
    """The offers of a wave, and the orders of its members within the horizon.

    Each member has one uniform number u and orders if u < p(arm): the same customer under
    another arm would have used the same u. Who does not allow marketing is offered nothing and
    orders as without an offer.
    """
    members = moment.who
    chances, traceable = probabilities(moment, who, wave.arms, shop, effect)
    reachable = withdrawn[members] > wave.cutoff
    if seen is not None:
        shares = staff_choice(seen, members, wave.arms, shop)
    else:
        shares = np.tile([arm.share for arm in wave.arms], (len(members), 1))
    drawn = rng.random(len(members))
    arm = (drawn[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    arm[~reachable] = 0
    rows = np.arange(len(members))
    luck = rng.random(len(members))
    orders_now = luck < chances[rows, arm]
    at = _moments(rng, wave, len(members), shop)
    buyer = np.flatnonzero(orders_now)
    rate = np.array([arm.rate or 0.0 for arm in wave.arms])[arm]
    channel = order_channels(rng, who, members[buyer])
    number = np.where(reachable[buyer], wave.number, UNOFFERED)
    orders = Orders(members[buyer], at[buyer], channel, rate[buyer], number)
    segment = segments(moment, who, chances[:, 0], effect)
    offers = Offers(
        wave=wave,
        owner=members,
        arm=arm,
        assignment=shares[rows, arm],
        chances=chances,
        basket=basket[members],
        segment=segment,
        traceable=traceable,
        ordered_at=np.where(orders_now, at, NEVER),
    )
    return _of(offers, reachable), orders


def _of(offers: Offers, rows: Bools) -> Offers:
    return Offers(
        offers.wave, offers.owner[rows], offers.arm[rows], offers.assignment[rows],
        offers.chances[rows], offers.basket[rows], offers.segment[rows],
        offers.traceable[rows], offers.ordered_at[rows],
    )  # fmt: skip


def _moments(rng: np.random.Generator, wave: Wave, count: int, shop: Retailer) -> Ints:
    """When an order in the horizon falls: any day, at the hours when people buy."""
    into = (time_of_day(rng, count) - _HOUR) % DAY
    return wave.cutoff + rng.integers(0, shop.horizon_days, count) * DAY + np.maximum(into, _SETTLE)


def hazards(
    rng: np.random.Generator,
    wave: Wave,
    members: Ints,
    who: Customers,
    shop: Retailer,
    calendar: Calendar,
) -> tuple[Floats, Floats]:
    """Expected orders of each member within the horizon, and the intent that is part of them."""
    spread = shop.intent_spread
    intent = np.exp(rng.normal(-(spread**2) / 2, spread, len(members)))
    day = wave.cutoff // DAY
    season = calendar.weight[day : day + shop.horizon_days].sum()
    hazard: Floats = who.rate[members] / 365 * season * intent
    return np.maximum(hazard, 1e-6), intent


def staff_choice(seen: Seen, members: Ints, arms: tuple[Arm, ...], shop: Retailer) -> Floats:
    """How likely staff gave each arm: the likelier a customer looks to buy, the more discount.

    They look at the visits of the last two weeks, the days since the last order and the orders
    of the last year, all as the systems knew them.
    """
    looks = (
        0.9 * np.log1p(seen.visits[members])
        + 1.2 * np.exp(-seen.days_since_order[members] / 90)
        + 0.5 * np.log1p(seen.orders[members])
        - 1.0
    )
    utility = np.array([arm.staff for arm in arms])
    weight = np.exp(utility[:, 0] + looks[:, None] * utility[:, 1])
    share = weight / weight.sum(axis=1, keepdims=True)
    floor = shop.staff_floor
    chosen: Floats = floor + (1 - floor * len(arms)) * share
    return chosen


def offer_contacts(offers: Offers, first_campaign: int, recent: Ints) -> Contacts:
    """The contacts that carried the offers; the control got none."""
    rows = np.flatnonzero(offers.arm > 0)
    names = [arm.name for arm in offers.wave.arms]
    channel = np.array(
        [CONTACT_CHANNELS.index(name) if name in CONTACT_CHANNELS else 0 for name in names]
    )
    rates = np.array([arm.rate or 0.0 for arm in offers.wave.arms])
    used = np.where(rates[offers.arm[rows]] > 0, offers.ordered_at[rows], NEVER)
    owner = offers.owner[rows]
    return Contacts(
        owner,
        np.full(len(rows), offers.wave.cutoff),
        channel[offers.arm[rows]],
        np.full(len(rows), first_campaign + offers.wave.number),
        used,
        recent[owner],
    )
