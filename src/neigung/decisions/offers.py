"""Whom to offer what: the necessary discount, or the best use of a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.decisions.allocation import Allocation, allocate, cheapest
from neigung.decisions.discount import (
    allowed_arms,
    closed_offers,
    contact_costs,
    discount_table,
    expected_cost,
)
from neigung.decisions.expected_orders import ExpectedOrders
from neigung.errors import InputError
from neigung.study import Decision


class ExpectsOrders(Protocol):
    """What is needed of a model: the expected orders under every arm."""

    def expected(self, X: Any) -> ExpectedOrders:
        """See `OfferModel.expected`."""
        ...


@dataclass(frozen=True)
class OfferSummary:
    """What a plan of offers is expected to cost and to earn, in money.

    Parameters
    ----------
    offers : number of customers for the control and each arm.
    discounts, contacts : the cost: discounts given and contacts made.
    value, margin : net revenue and margin of all customers, contacts paid.
    value_without, margin_without : the same if nobody got an offer.
    budget, revenue_target : the limit asked for, if any.
    gap, relative_gap : the optimum earns at most `gap` more (budget) or costs at most `gap` less
        (revenue target).
    closed : the arms that are never offered, as they leave less than the minimum margin.
    multiplier : with a budget, the margin that one more unit of it would earn, itself paid; with
        a revenue target, the revenue that the dearest unit of money brought.
    """

    offers: Mapping[str, int]
    discounts: float
    contacts: float
    value: float
    margin: float
    value_without: float
    margin_without: float
    budget: float | None = None
    revenue_target: float | None = None
    gap: float = 0.0
    relative_gap: float = 0.0
    multiplier: float = 0.0
    closed: tuple[str, ...] = ()

    @property
    def customers(self) -> int:
        """How many customers the plan is for."""
        return sum(self.offers.values())

    @property
    def cost(self) -> float:
        """What the plan takes out of a budget: discounts and contacts."""
        return self.discounts + self.contacts

    @property
    def gain(self) -> float:
        """Expected margin above that of offering nobody anything."""
        return self.margin - self.margin_without

    def text(self) -> str:
        """A few lines for the terminal."""
        counts = list(self.offers.items())
        control = counts[0][1]
        offered = ", ".join(f"{count:,} {arm}" for arm, count in counts[1:] if count)
        lines = [
            f"{self.customers:,} customers: {control:,} without an offer"
            + (f", offered: {offered}" if offered else ", nobody is offered anything"),
            f"Expected cost {self.cost:,.2f}: discounts {self.discounts:,.2f}, "
            f"contacts {self.contacts:,.2f}",
            f"Expected revenue {self.value:,.2f}, without any offer {self.value_without:,.2f}",
            f"Expected margin {self.margin:,.2f}, without any offer {self.margin_without:,.2f}: "
            f"the offers earn {self.gain:+,.2f}",
        ]
        if self.closed:
            lines.append(
                f"Never offered, as they leave less than the minimum margin: "
                f"{', '.join(self.closed)}"
            )
        if self.budget is not None:
            lines.append(
                f"Budget {self.budget:,.2f}: no other choice within it earns more than "
                f"{self.gap:,.2f} above this ({self.relative_gap:.2g} of what offers can earn); "
                f"one more unit of budget would earn {self.multiplier:,.2f}"
            )
        if self.revenue_target is not None:
            lines.append(
                f"Revenue target {self.revenue_target:,.2f}: no other choice that reaches it costs "
                f"more than {self.gap:,.2f} less ({self.relative_gap:.2g} of the lowest cost)"
            )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class OfferPlan:
    """One row per customer (see `plan_offers`), and what it comes to."""

    frame: pd.DataFrame
    summary: OfferSummary


def plan_offers(
    X: Sized,
    model: ExpectsOrders,
    decision: Decision,
    *,
    budget: float | None = None,
    revenue_target: float | None = None,
) -> OfferPlan:
    """Which customer should be offered what.

    Without a limit everybody gets the necessary discount. With a `budget` the offers with the
    highest expected margin whose expected cost (discounts given and contacts) stays within it;
    with a `revenue_target` the cheapest offers with which the expected net revenue of all these
    customers, those without an offer included, reaches it. Arms that leave less than the minimum
    margin are never offered.

    Parameters
    ----------
    X : (n, p) the model's features, one row per customer, as the model takes them.
    model : a fitted OfferModel.
    decision : margin rate, contact costs and minimum margin of the study.

    Returns the plan, its frame with the index of what the model expects (X's own, if it has one)
    and, for the control and each arm,
    `probability_<arm>`, `value_<arm>` and `margin_<arm>`; then `necessary_discount`, the rate that
    pays best for this customer whatever the limit, and `recommended_arm`, the choice under it.

    Raises
    ------
    InputError : no customers, both limits, a budget below zero, a revenue out of reach.
    StudyError : the decision lacks the margin rate or does not fit the arms.

    >>> from neigung.decisions.discount import example
    >>> expected, decision = example()
    >>> class Model:
    ...     def expected(self, X):
    ...         return expected
    >>> plan = plan_offers(pd.DataFrame(index=[0, 1]), Model(), decision)
    >>> plan.frame["recommended_arm"].tolist(), round(plan.summary.gain, 2)
    (['none', '10%'], 2.05)
    >>> print(plan_offers(pd.DataFrame(index=[0, 1]), Model(), decision, budget=1).summary.text())
    2 customers: 2 without an offer, nobody is offered anything
    Expected cost 0.00: discounts 0.00, contacts 0.00
    Expected revenue 31.00, without any offer 31.00
    Expected margin 10.85, without any offer 10.85: the offers earn +0.00
    Budget 1.00: no other choice within it earns more than 1.86 above this (1 of what offers can \
earn); one more unit of budget would earn 1.86
    """
    check_limits(budget, revenue_target)
    if not len(X):
        raise InputError("Offers need at least one customer, but found none.")
    expected = model.expected(X)
    frame = discount_table(expected, decision)
    arms = expected.names
    names = np.array(arms, dtype=object)
    margin = np.column_stack([frame[f"margin_{arm}"] for arm in arms])
    value = np.column_stack([frame[f"value_{arm}"] for arm in arms])
    cost = expected_cost(expected, decision).to_numpy()
    closed = closed_offers(expected, decision)
    limit: dict[str, Any] = {}
    found: Allocation | None = None
    if budget is not None:
        found = allocate(_only(margin - margin[:, :1], closed), cost, budget)
        limit = {"budget": budget}
    elif revenue_target is not None:
        found = cheapest(_only(value, closed), cost, revenue_target)
        limit = {"revenue_target": revenue_target}
    if found is None:
        choice = pd.Categorical(frame["recommended_arm"], categories=list(arms)).codes.astype(
            np.intp
        )
    else:
        choice = found.choice
        frame["recommended_arm"] = names[choice]
        limit |= {
            "gap": found.gap,
            "relative_gap": found.relative_gap,
            "multiplier": found.multiplier,
        }
    rows = np.arange(len(X))
    counts = np.bincount(choice, minlength=len(arms)).tolist()
    charges = contact_costs(decision, expected)
    contacts = sum(charges[arm] * count for arm, count in zip(arms, counts, strict=True))
    summary = OfferSummary(
        offers=dict(zip(arms, counts, strict=True)),
        discounts=max(0.0, float(cost[rows, choice].sum()) - contacts),
        contacts=contacts,
        value=float(value[rows, choice].sum()),
        margin=float(margin[rows, choice].sum()),
        value_without=float(value[:, 0].sum()),
        margin_without=float(margin[:, 0].sum()),
        closed=tuple(arm for arm in arms if arm not in allowed_arms(expected, decision)),
        **limit,
    )
    return OfferPlan(frame, summary)


def check_limits(budget: float | None, revenue_target: float | None) -> None:
    """Raise InputError for both limits at once, a budget below zero, or one that is no number."""
    if budget is not None and revenue_target is not None:
        raise InputError(
            "A budget or a revenue target can be given, but found both "
            f"({budget:,.2f} and {revenue_target:,.2f}). Leave one out."
        )
    for name, limit in (("budget", budget), ("revenue target", revenue_target)):
        if limit is not None and not 0 <= limit < float("inf"):
            raise InputError(
                f"A {name} of 0 or more is needed, but found {limit}. Give an amount of money."
            )


def _only(table: npt.NDArray[np.float64], closed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The table with what is never offered forbidden."""
    return np.where(closed, -np.inf, table) if closed.any() else table
