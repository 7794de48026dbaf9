"""What an offer does to a customer: the order probabilities under each arm, the truth itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neigung.simulation.clock import Bools, Floats, Ints
from neigung.simulation.contacts import attention
from neigung.simulation.customers import PERSUADABLE, PUT_OFF, Customers, immovable_chance
from neigung.simulation.retailer import Arm, Retailer

SEGMENTS = ("lost cause", "sure thing", "persuadable", "put off")
SURE = 0.06
"""From this order probability on, who cannot be moved is a sure thing, below a lost cause."""

_HERMITE = np.polynomial.hermite_e.hermegauss(9)


@dataclass(frozen=True)
class Moment:
    """The state of customers at one offer; one entry per offered customer.

    who: indices of the customers. hazard: expected orders within the horizon if still there.
    there: whether the customer has not left. recent: contacts in the last 30 days.
    """

    who: Ints
    hazard: Floats
    there: Bools
    recent: Ints


def without_offer(moment: Moment, shop: Retailer) -> Floats:
    """The probability to order within the horizon when nothing is offered."""
    chance = 1 - np.exp(-moment.hazard * moment.there)
    base: Floats = np.clip(chance, shop.lowest, shop.highest)
    return base


def probabilities(
    moment: Moment, customers: Customers, arms: tuple[Arm, ...], shop: Retailer, effect: bool
) -> tuple[Floats, Floats]:
    """Order probabilities under each arm (n, arms), control first; and the traceable response.

    The traceable response is the mean gain under the reference arm (the one nearest to 10 %, or
    the first channel) of all customers who behave alike: what no behaviour can tell apart is
    averaged over.
    """
    base = without_offer(moment, shop)
    chances = np.repeat(base[:, None], len(arms), axis=1)
    traceable = np.zeros(len(base))
    if not effect:
        return chances, traceable
    rows = moment.who
    movable = customers.movable[rows]
    thrift = customers.thrift[rows]
    reach = _reach(moment, shop)
    reference = _reference(arms)
    for number, arm in enumerate(arms):
        if number == 0:
            continue
        if arm.rate is None:
            liking = _liking(customers, rows, arm.name)
            seen = arm.lift * reach * liking
            gain = seen * customers.strength[rows]
            known = seen
        else:
            seen = shop.lift * reach * np.exp(shop.thrift * thrift - shop.thrift**2 / 2)
            half = _threshold(customers.depth[rows], customers.threshold[rows], shop)
            gain = seen * customers.strength[rows] * _dose(arm.rate, half, shop)
            known = seen * _mean_dose(arm.rate, customers.depth[rows], shop)
        loss = shop.annoyance * base * (0.5 if arm.name == "post" else 1.0)
        change = np.where(movable == PERSUADABLE, gain, np.where(movable == PUT_OFF, -loss, 0.0))
        chances[:, number] = np.minimum(base + change, np.maximum(base, shop.highest))
        if number == reference:
            moved = (1 - shop.put_off) * (1 - immovable_chance(thrift, shop))
            traceable = moved * known - shop.put_off * loss
    return chances, traceable


def segments(moment: Moment, customers: Customers, base: Floats, effect: bool) -> Ints:
    """The segment of each customer at this offer, an index of SEGMENTS."""
    stays = (base >= SURE).astype(np.int64)
    if not effect:
        return stays
    movable = customers.movable[moment.who]
    return np.where(movable == PERSUADABLE, 2, np.where(movable == PUT_OFF, 3, stays))


def _reference(arms: tuple[Arm, ...]) -> int:
    rates = [1.0 if arm.rate is None else abs(arm.rate - 0.10) for arm in arms[1:]]
    return 1 + int(np.argmin(rates))


def _reach(moment: Moment, shop: Retailer) -> Floats:
    """How far an offer gets: less with the very loyal, the dormant, those who left, the tired."""
    bump = np.exp(-0.5 * (np.log(moment.hazard / shop.best_hazard) / shop.hazard_width) ** 2)
    reach: Floats = (
        bump * np.where(moment.there, 1.0, shop.winback) * attention(moment.recent, shop)
    )
    return reach


def thresholds(customers: Customers, shop: Retailer) -> Floats:
    """The discount at which half of the full effect is reached, for each customer."""
    return _threshold(customers.depth, customers.threshold, shop)


def _threshold(depth: Floats, hidden: Floats | float, shop: Retailer) -> Floats:
    spread = shop.threshold_spread
    half: Floats = shop.threshold * np.exp(spread * depth + spread * hidden)
    return half


def _dose(rate: float, half: Floats, shop: Retailer) -> Floats:
    """The share of the full effect that a rate has, 1 at 10 % for the typical customer."""
    typical = shop.threshold**shop.steepness
    own = half**shop.steepness
    reached = rate**shop.steepness
    full = 0.1**shop.steepness
    dose: Floats = reached / (reached + own) * (full + typical) / full
    return dose


def _mean_dose(rate: float, depth: Floats, shop: Retailer) -> Floats:
    nodes, weights = _HERMITE
    total = np.zeros(len(depth))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        total += weight * _dose(rate, _threshold(depth, float(node), shop), shop)
    return total


def _liking(customers: Customers, rows: Ints, channel: str) -> Floats:
    """How much a customer is reached through a channel; what shows: opens, app, age."""
    if channel == "push":
        return np.where(customers.app[rows], 1.0, 0.0)
    if channel == "post":
        return np.array([0.5, 0.7, 0.9, 1.2, 1.7])[customers.age[rows]]
    return 3.0 * customers.attention[rows]
