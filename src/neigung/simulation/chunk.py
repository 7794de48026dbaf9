"""One chunk of customers, from their first day to their last, as tables and truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import DAY, Calendar, Floats, Ints
from neigung.simulation.columns import by_owner, ids, pick, times
from neigung.simulation.contacts import (
    UNSUBSCRIBED,
    Contacts,
    consents_table,
    contact_tables,
    join_contacts,
    newsletters,
)
from neigung.simulation.customers import PUT_OFF, Customers, customers_table, draw_customers
from neigung.simulation.offer_tables import offers_tables
from neigung.simulation.offers import (
    STAFF,
    Draw,
    Offers,
    Seen,
    Wave,
    hazards,
    make_offers,
    offer_contacts,
    schedule,
)
from neigung.simulation.orders import (
    Orders,
    draw_lines,
    expected_basket,
    join_orders,
    lines_table,
    order_ids,
    own_orders,
    returns_table,
)
from neigung.simulation.response import Moment, thresholds
from neigung.simulation.retailer import Retailer
from neigung.simulation.service import complaints, loyalty_table, service_table
from neigung.simulation.visits import (
    Visits,
    idle_visits,
    intent_visits,
    join_visits,
    visits_before,
    visits_table,
)

LABEL_DAYS = (150, 90)
"""The two cutoffs of the labels, in days before the end."""

Tables = dict[str, dict[str, pa.Array]]


def simulate_chunk(
    seed: np.random.SeedSequence, first: int, count: int, days: int, shop: Retailer, effect: bool
) -> tuple[Tables, Tables]:
    """The tables of the contract for the customers numbered from `first`, and their truth."""
    calendar = Calendar(days)
    waves = schedule(shop, days)
    # Streams of their own, so that without effect the same customers get the same offers.
    streams = [np.random.default_rng(part) for part in seed.spawn(2 + 2 * len(waves))]
    history = _history(streams[0], streams[2:], count, waves, calendar, shop, effect)
    return _tables(streams[1], history, first, calendar, shop)


@dataclass
class _History:
    """What happened. The first orders and contacts and the first two kinds of visits are those of
    the customers' own accord and the newsletters; the others belong to the waves."""

    who: Customers
    left: Ints
    withdrawn: Ints
    basket: Floats
    orders: list[Orders]
    visits: list[Visits]
    contacts: list[Contacts]
    cases: list[tuple[Ints, Ints]]
    offers: list[Offers]


def _history(
    rng: np.random.Generator,
    streams: list[np.random.Generator],
    count: int,
    waves: list[Wave],
    calendar: Calendar,
    shop: Retailer,
    effect: bool,
) -> _History:
    """All that happens of its own accord, then wave after wave; two streams for each."""
    who = draw_customers(rng, count, shop, calendar)
    draw = Draw(rng, who.joined, waves, shop)
    orders = own_orders(rng, who, shop, calendar, draw.outside)
    left = who.left.copy()
    cases = [complaints(rng, orders, left, shop)]
    letters, withdrawn = newsletters(rng, who, shop, calendar.days * DAY)
    visits = [idle_visits(rng, who, shop, calendar), visits_before(rng, orders, shop)]
    basket = expected_basket(who, shop)
    history = _History(who, left, withdrawn, basket, [orders], visits, [letters], cases, [])
    for wave in waves:
        before, after = streams[2 * wave.number : 2 * wave.number + 2]
        _make_wave(before, after, wave, draw.members(wave), history, calendar, shop, effect)
    # Some left, or did not want letters any more, earlier than was known above.
    history.orders[0] = orders.take(orders.at < left[orders.owner])
    history.contacts[0] = letters.take(letters.at < withdrawn[letters.owner])
    history.visits[:2] = [part.take(part.at < left[part.owner]) for part in visits[:2]]
    return history


def _make_wave(
    before: np.random.Generator,
    after: np.random.Generator,
    wave: Wave,
    members: Ints,
    history: _History,
    calendar: Calendar,
    shop: Retailer,
    effect: bool,
) -> None:
    """One wave and all that follows from it; `before` serves what the offers cannot change."""
    who, left, withdrawn = history.who, history.left, history.withdrawn
    hazard, intent = hazards(before, wave, members, who, shop, calendar)
    there = left[members] > wave.cutoff
    keen = shop.intent_visits * intent * there
    history.visits.append(intent_visits(after, members, wave.cutoff, keen))
    seen = _seen(history, wave.cutoff) if wave.kind == STAFF else None
    recent = _recent(history.contacts, wave.cutoff, len(who))
    moment = Moment(members, hazard, there, recent[members])
    offers, bought = make_offers(
        before, wave, moment, who, withdrawn, history.basket, seen, shop, effect
    )
    history.offers.append(offers)
    history.contacts.append(offer_contacts(offers, calendar.days // 7 + 1, recent))
    start = np.full(len(bought), wave.cutoff)
    history.visits.append(visits_before(after, bought, shop, not_before=start))
    history.cases.append(complaints(after, bought, left, shop))
    history.orders.append(bought)
    _unsubscribe(after, offers, who, withdrawn)


def _seen(history: _History, cutoff: int) -> Seen:
    """What the systems knew of each customer just before `cutoff`."""
    left = history.left
    count = len(left)
    recent = np.zeros(count, np.int64)
    for index, sessions in enumerate(history.visits):
        inside = (sessions.at >= cutoff - 14 * DAY) & (sessions.at < cutoff)
        owner, at = sessions.owner[inside], sessions.at[inside]
        if index < 2:
            owner = owner[at < left[owner]]
        recent += np.bincount(owner, minlength=count)
    last = np.full(count, -10_000 * DAY)
    bought = np.zeros(count, np.int64)
    for index, orders in enumerate(history.orders):
        known = orders.known() < cutoff
        if index == 0:
            known &= orders.at < left[orders.owner]
        owner, at = orders.owner[known], orders.at[known]
        np.maximum.at(last, owner, at)
        bought += np.bincount(owner[at >= cutoff - 365 * DAY], minlength=count)
    return Seen(recent, bought, (cutoff - last) / DAY)


def _recent(sent: list[Contacts], cutoff: int, count: int) -> Ints:
    """Contacts of each customer in the 30 days before `cutoff`."""
    recent = np.zeros(count, np.int64)
    for contacts in sent:
        inside = (contacts.at >= cutoff - 30 * DAY) & (contacts.at < cutoff)
        recent += np.bincount(contacts.owner[inside], minlength=count)
    return recent


def _unsubscribe(rng: np.random.Generator, offers: Offers, who: Customers, withdrawn: Ints) -> None:
    """Offers make some customers withdraw their consent, most of all those they put off."""
    contacted = offers.owner[offers.arm > 0]
    chance = np.where(who.movable[contacted] == PUT_OFF, 0.04, 0.004)
    gone = contacted[rng.random(len(contacted)) < chance]
    withdrawn[gone] = np.minimum(withdrawn[gone], offers.wave.cutoff + UNSUBSCRIBED)


def _tables(
    rng: np.random.Generator, history: _History, first: int, calendar: Calendar, shop: Retailer
) -> tuple[Tables, Tables]:
    who, left, withdrawn = history.who, history.left, history.withdrawn
    end = calendar.days * DAY
    names = ids("c", (np.arange(first, first + len(who)), 8))
    waves = [offers.wave.campaign for offers in history.offers]
    letters = [f"newsletter-{week:03d}" for week in range(calendar.days // 7 + 1)]
    orders = join_orders(history.orders)
    orders = orders.take(by_owner(orders.owner, orders.at))
    orders_ids = order_ids(orders, len(who), first)
    lines = draw_lines(rng, orders, who, shop)
    paid = np.bincount(lines.order, lines.gross - lines.discount, len(orders)).astype(np.int64)
    sessions = join_visits(history.visits)
    sessions = sessions.take((sessions.at >= 0) & (sessions.at < end))
    contacts = join_contacts(history.contacts)

    tables: Tables = {}
    tables["customers"] = customers_table(rng, who, names, end)
    tables["order_lines"] = lines_table(rng, orders, lines, names, orders_ids, waves)
    tables["returns"], sender, sent_at = returns_table(
        rng, orders, lines, names, orders_ids, shop, end
    )
    tables["visits"] = visits_table(rng, sessions, who, names, first, shop)
    tables["contacts"], tables["responses"] = contact_tables(
        rng, contacts, who, left, withdrawn, names, first, [*letters, *waves], shop
    )
    tables["offers"], truth = offers_tables(history.offers, names, first)
    tables["service_cases"] = service_table(rng, who, left, history.cases, names, first, shop, end)
    tables["loyalty"] = loyalty_table(rng, who, orders, paid, names)
    tables["consents"] = consents_table(rng, who, withdrawn, names, end)
    tables["labels"] = _labels(orders, sender, sent_at, names, end)
    return tables, {"offers": truth, "customers": _truth_of(history, names, shop)}


def _labels(
    orders: Orders, sender: Ints, sent_at: Ints, names: pa.Array, end: int
) -> dict[str, pa.Array]:
    """An outcome of the shop's own: whether a buyer sends something back within 60 days."""
    owners, cutoffs, values = [], [], []
    for before in LABEL_DAYS:
        cutoff = end - before * DAY
        bought = np.zeros(len(names), bool)
        bought[orders.owner[(orders.at < cutoff) & (orders.at >= cutoff - 365 * DAY)]] = True
        back = np.zeros(len(names), bool)
        back[sender[(sent_at >= cutoff) & (sent_at < cutoff + 60 * DAY)]] = True
        owners.append(np.flatnonzero(bought))
        cutoffs.append(np.full(bought.sum(), cutoff))
        values.append(back[bought].astype(np.float64))
    return {
        "customer_id": pick(names, np.concatenate(owners)),
        "cutoff": times(np.concatenate(cutoffs)),
        "value": pa.array(np.concatenate(values)),
    }


def _truth_of(history: _History, names: pa.Array, shop: Retailer) -> dict[str, pa.Array]:
    who = history.who
    return {
        "customer_id": names,
        "orders_per_year": pa.array(who.rate),
        "left_at": times(history.left),
        "movable": pick(("immovable", "persuadable", "put off"), who.movable),
        "thrift": pa.array(who.thrift),
        "depth": pa.array(who.depth),
        "strength": pa.array(who.strength),
        "threshold": pa.array(thresholds(who, shop)),
        "basket": pa.array(history.basket),
    }
