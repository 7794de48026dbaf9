"""The simulated retailer's constants, all in one place.

The market is meant to be hard: few order without an offer, discounts move them little, and half
of the spread in their response leaves no trace in behaviour. `tests/simulation` holds the facts;
`benchmarks/simulation.py` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One treatment.

    Attributes:
        name: what the tables call it; the channel, if it is one.
        rate: the discount rate; None for a channel.
        share: of the customers of a randomised wave.
        staff: intercept and slope of the utility with which staff chose it; the slope is on how
            likely a customer looked to buy.
        lift: scale of the gain in order probability, for a channel.
    """

    name: str
    rate: float | None
    share: float
    staff: tuple[float, float] = (0.0, 0.0)
    lift: float = 0.0


@dataclass(frozen=True)
class Retailer:
    """A German web shop with branches: whom it has, how they buy, how they respond.

    Rates are per year unless a name says otherwise; spreads are standard deviations of logs.

    >>> sum(arm.share for arm in Retailer().discounts)
    1.0
    """

    # Customers
    known_before: float = 0.45
    """Share of the customers who had an account before the first day; the others join later."""
    join_until: float = 0.85
    """The part of the whole time in which new customers join."""
    orders_per_year: float = 2.75
    order_shape: float = 2.0
    """Order rates are gamma: this mean and this shape; four of five lie from 1 to 6."""
    leaving_per_year: float = 0.42
    leaving_shape: float = 1.5
    """Customers drop out at gamma-distributed rates of their own, for good."""

    # Orders
    more_lines: float = 0.8
    """An order has one line and a Poisson number of further ones, 6 at most."""
    price_spread: float = 0.35
    """How much the price level differs between customers."""
    favourites: float = 0.7
    """Share of the lines in one of the customer's three favourite categories."""
    promotion: tuple[float, float] = (-1.0, 1.6)
    """Log-odds that a line is bought on promotion: intercept and slope on thrift."""
    depth: float = 0.12
    """The typical public discount; thresholds of customers show in its depth."""
    return_share: float = 0.12
    known_late: float = 0.6
    """Share of the branch orders (and of parcels sent back) that reach the systems late."""

    # Visits
    visits_per_order: float = 0.5
    """Further visits before an order, beside the one in which it is placed."""
    idle_visits: float = 2.5
    """Visits a year that lead to nothing, for a customer of the mean order rate."""
    intent_spread: float = 0.6
    """Intent to buy in the weeks of an offer: multiplies the order rate, shows in visits."""
    intent_visits: float = 0.8
    """Visits in the ten days before an offer, at mean intent."""
    waiting: tuple[float, float] = (-0.8, 1.2)
    """Log-odds that a visit without an order ends with a cart: intercept and slope on thrift."""

    # Contacts and service
    contacts_per_year: float = 9.0
    marketing_consent: float = 0.82
    profiling_consent: float = 0.93
    withdrawals_per_year: float = 0.02
    fatigue: float = 0.15
    """Each contact of the last 30 days lowers attention by this factor's exponent."""
    complaint: float = 0.035
    """Chance of a complaint after an order."""
    pushed_away: float = 0.4
    """Chance that a complaint makes the customer leave for good."""
    questions_per_year: float = 0.05
    loyal: float = 0.4
    """Share of the customers in the loyalty programme."""

    # Offers
    rounds: int = 10
    round_days: int = 28
    tail_days: int = 21
    """A round every 28 days; the last begins this many days before the end."""
    horizon_days: int = 14
    test_share: float = 0.085
    staff_share: float = 0.06
    channel_share: float = 0.045
    """Chance of a customer, in each round, to be drawn for each kind of wave."""
    overlap: float = 0.01
    """Share of a test's customers who also are in the staff wave two days later."""
    settled_days: int = 30
    """Offers go to customers who joined at least so many days before and allow marketing."""

    # Response
    put_off: float = 0.054
    """One in twenty, among those who still allow marketing when an offer comes."""
    immovable: tuple[float, float] = (-0.9, 1.1)
    """Log-odds to be immovable: intercept, and how much thrift lowers it (a third on average)."""
    lift: float = 0.046
    """Scale of the gain in order probability at a discount of 10 %: after all that lowers it,
    1.5 points are left on average."""
    thrift: float = 0.8
    """How strongly thrift, which shows in past discounts, raises the response."""
    hidden: float = 0.4
    """Spread in the response of the movable that nothing shows."""
    threshold: float = 0.10
    threshold_spread: float = 0.35
    """The discount of half the effect: its typical value; its spread, once seen, once hidden."""
    steepness: float = 2.0
    best_hazard: float = 0.07
    hazard_width: float = 1.3
    """Who orders all the time or never is moved less: a bump over the log of the own rate."""
    winback: float = 0.3
    """The response of those who left, relative to the others."""
    annoyance: float = 0.6
    """Share of the order probability that contact costs with those whom it puts off."""
    lowest: float = 0.002
    highest: float = 0.9
    """Order probabilities stay within."""

    discounts: tuple[Arm, ...] = (
        Arm("none", 0.0, 0.36, (0.9, 0.0)),
        Arm("5%", 0.05, 0.16, (0.0, 0.5)),
        Arm("10%", 0.10, 0.20, (0.0, 0.9)),
        Arm("15%", 0.15, 0.14, (-0.3, 1.2)),
        Arm("20%", 0.20, 0.14, (-0.8, 1.5)),
    )
    channels: tuple[Arm, ...] = (
        Arm("none", None, 0.34),
        Arm("email", None, 0.26, lift=0.030),
        Arm("push", None, 0.20, lift=0.070),
        Arm("post", None, 0.20, lift=0.042),
    )
    """Push reaches only those who use the app."""
    staff_floor: float = 0.02
    """Staff leave each arm at least this chance: nobody is without overlap."""
