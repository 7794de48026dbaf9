"""The necessary discount: what each arm is expected to earn, and where more stops to pay.

Worked example, the one of the module `offers` too: two customers, a shop whose margin is 35 % of
the undiscounted price, contacts that cost 0.10. The first customer buys anyway, the second needs
10 %; 20 % would win some more orders, but gives away more than they bring.

>>> expected, decision = example()
>>> expected.probability
   none   5%  10%   20%
0  0.30  0.3  0.3  0.30
1  0.01  0.0  0.1  0.12
>>> expected_margin(expected, decision).round(2)
    none   5%  10%  20%
0  10.50  8.9  7.4  4.4
1   0.35 -0.1  2.4  1.7
>>> table = discount_table(expected, decision)
>>> table[["recommended_arm", "necessary_discount"]]
  recommended_arm  necessary_discount
0            none                 0.0
1             10%                 0.1
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.decisions.expected_orders import ExpectedOrders
from neigung.errors import InputError, StudyError
from neigung.study import Decision

_SLACK = 1e-9
"""Rates are decimals that binary numbers only come near: 0.35 - 0.15 falls short of 0.2."""


def expected_value(expected: ExpectedOrders) -> pd.DataFrame:
    """Expected net revenue (n, control + arms) in money: probability x basket x (1 - rate)."""
    return expected.value()


def expected_margin(expected: ExpectedOrders, decision: Decision) -> pd.DataFrame:
    """Expected margin (n, control + arms) in money, contact paid.

    Probability x (basket x (margin_rate - rate) - amount), less the arm's contact cost; contacting
    costs whether an order comes or not, the discount only with the order. What `decision.cost` says
    of an arm counts before the rate that its offers had.

    Raises StudyError when `decision.margin_rate` is missing or the contact costs do not fit the
    arms.
    """
    costs = contact_costs(decision, expected)
    margin = expected.at_cost(decision.cost).margin(_margin_rate(decision))
    paid = margin.to_numpy() - np.array([costs[arm] for arm in expected.names])
    return pd.DataFrame(paid, index=margin.index, columns=margin.columns)


def expected_cost(expected: ExpectedOrders, decision: Decision) -> pd.DataFrame:
    """What an arm is expected to take out of a budget (n, control + arms), in money.

    The contact cost, and the discount given: (rate x basket + amount) x probability. Discounts that
    orders carry without an offer are not paid by the budget.

    Raises StudyError when the contact costs do not fit the arms.
    """
    costs = contact_costs(decision, expected)
    expected = expected.at_cost(decision.cost)
    given = expected.probability.mul(expected.basket, axis=0)
    rates = [expected.rates[arm] for arm in expected.names]
    off = expected.probability.mul([expected.amounts.get(a, 0.0) for a in expected.names], axis=1)
    paid = given.mul(rates, axis=1).add([costs[arm] for arm in expected.names], axis=1)
    return paid + off


def contact_costs(decision: Decision, expected: ExpectedOrders) -> dict[str, float]:
    """What contacting a customer costs under each arm; the control costs nothing.

    Raises StudyError when `decision.contact_cost` names an arm that does not exist, leaves one
    out, or charges the control.

    >>> expected, _ = example()
    >>> contact_costs(Decision(contact_cost={"5%": 0.1, "10 %": 0.1, "20%": 0.1}), expected)
    Traceback (most recent call last):
    neigung.errors.StudyError: decision.contact_cost must have each arm (5%, 10%, 20%), but 10% is \
missing and '10 %' is no arm. Mend the names, or give one number for all arms.
    """
    cost, arms = decision.contact_cost, expected.arms
    if not isinstance(cost, Mapping):
        return {expected.control: 0.0, **{arm: float(cost) for arm in arms}}
    missing = [arm for arm in arms if arm not in cost]
    unknown = [repr(name) for name in cost if name not in arms and name != expected.control]
    problems = []
    if missing:
        problems.append(f"{', '.join(missing)} {_is(missing)} missing")
    if unknown:
        problems.append(f"{', '.join(unknown)} {_is(unknown)} no arm{'s' * (len(unknown) > 1)}")
    if cost.get(expected.control):
        problems.append(f"the control {expected.control} costs nothing by definition")
    if problems:
        raise StudyError(
            f"decision.contact_cost must have each arm ({', '.join(arms)}), but "
            f"{' and '.join(problems)}. Mend the names, or give one number for all arms."
        )
    return {expected.control: 0.0, **{arm: float(cost[arm]) for arm in arms}}


def allowed_arms(expected: ExpectedOrders, decision: Decision) -> tuple[str, ...]:
    """The control, and the arms whose discount leaves at least `decision.minimum_margin` somewhere.

    Where an arm takes an amount off each order, that depends on the customer's basket.

    Raises StudyError when `decision.margin_rate` is missing.

    >>> expected, _ = example()
    >>> allowed_arms(expected, Decision(margin_rate=0.35, minimum_margin=0.2))
    ('none', '5%', '10%')
    """
    closed = closed_offers(expected, decision)
    names = enumerate(expected.names)
    return tuple(arm for k, arm in names if k == 0 or not closed[:, k].all())


def closed_offers(expected: ExpectedOrders, decision: Decision) -> npt.NDArray[np.bool_]:
    """Which offers leave less than `decision.minimum_margin` (n, control + arms).

    Raises StudyError when `decision.margin_rate` is missing.
    """
    return _closed(expected.at_cost(decision.cost), decision)


def _closed(expected: ExpectedOrders, decision: Decision) -> npt.NDArray[np.bool_]:
    floor = decision.minimum_margin - _SLACK
    closed = _margin_rate(decision) - expected.given() < floor
    closed[:, 0] = False
    return np.asarray(closed)


def necessary_discount(
    margins: pd.DataFrame, rates: Mapping[str, float], allowed: Iterable[str] | None = None
) -> pd.Series[str]:
    """For each customer the arm of the smallest discount after which more no longer pays (n,).

    Arms in rising order of their rate, the control first, arms of equal rate in the frame's order:
    the answer is the first arm whose expected margin m is not beaten by any later one. That is
    the first arm with the highest margin: call it b. Nothing beats b, so the answer k is not later
    than b. As no arm after k beats it, m(b) <= m(k), so k has the highest margin too; b is the
    first one of those, hence k = b. Looking only one arm ahead would stop too soon where 5 % moves
    nobody and 10 % many.

    For arms without rates, such as channels, all rates are 0 and the rule gives the arm with the
    highest expected margin, the control when none earns more than it.

    Parameters
    ----------
    margins : (n, control + arms) expected margins, the control first.
    rates : discount rate of each arm, see `ExpectedOrders`.
    allowed : the arms to choose from; default all. The control is always allowed.

    Returns the names of the arms, with the frame's index.

    Raises InputError when an arm has no rate.

    >>> margins = pd.DataFrame({"none": [1.0, 1, 1], "5%": [0.9, 1, 0.9], "10%": [1.2, 1, 0.8]})
    >>> necessary_discount(margins, {"none": 0, "5%": 0.05, "10%": 0.10}).tolist()
    ['10%', 'none', 'none']
    """
    unrated = [str(arm) for arm in margins if arm not in rates]
    if unrated:
        raise InputError(
            f"Every arm needs its discount rate, but {', '.join(unrated)} {_is(unrated)} without. "
            "Give 0 for arms that are no discounts."
        )
    control = margins.columns[0]
    others = margins.columns[1:] if allowed is None else [a for a in margins if a in set(allowed)]
    rising = sorted((arm for arm in others if arm != control), key=lambda arm: rates[arm])
    arms = [control, *rising]
    names = np.array(arms, dtype=object)
    everything = list(margins)
    positions = np.array([everything.index(arm) for arm in arms])
    chosen = names[margins.to_numpy()[:, positions].argmax(axis=1)]
    return pd.Series(chosen, index=margins.index, dtype=object, name="recommended_arm")


def recommended_arms(expected: ExpectedOrders, decision: Decision) -> pd.Series[str]:
    """The necessary discount of each customer (n,), among the arms that the decision allows.

    Raises StudyError, see `expected_margin`.

    >>> expected, decision = example()
    >>> recommended_arms(expected, decision).tolist()
    ['none', '10%']
    """
    margins = expected_margin(expected, decision)
    return _necessary(margins, expected, decision)


def discount_table(expected: ExpectedOrders, decision: Decision) -> pd.DataFrame:
    """One row per customer: what to expect of each arm, and the necessary discount.

    Columns: `probability_<arm>`, `value_<arm>` and `margin_<arm>` for the control and every arm
    (also those never offered), `necessary_discount` (the rate of the recommended arm, 0 for none)
    and `recommended_arm`. The index is that of `expected.probability`.

    Raises StudyError, see `expected_margin`.
    """
    expected = expected.at_cost(decision.cost)
    margins = expected_margin(expected, decision)
    arms = _necessary(margins, expected, decision)
    parts = {"probability": expected.probability, "value": expected.value(), "margin": margins}
    columns = {
        f"{what}_{arm}": table[arm].to_numpy() for what, table in parts.items() for arm in table
    }
    position = pd.Index(expected.names).get_indexer(pd.Index(arms))
    columns["necessary_discount"] = expected.given()[np.arange(len(arms)), position]
    columns["recommended_arm"] = arms.to_numpy()
    return pd.DataFrame(columns, index=expected.probability.index)


def _necessary(
    margins: pd.DataFrame, expected: ExpectedOrders, decision: Decision
) -> pd.Series[str]:
    """`necessary_discount` among the offers that leave enough margin."""
    expected = expected.at_cost(decision.cost)
    open_margins = margins.mask(_closed(expected, decision), -np.inf)
    return necessary_discount(open_margins, expected.rates)


def example() -> tuple[ExpectedOrders, Decision]:
    """The worked example of the docstrings: two customers, a basket of 100, three discounts."""
    probability = pd.DataFrame(
        {"none": [0.3, 0.01], "5%": [0.3, 0.0], "10%": [0.3, 0.1], "20%": [0.3, 0.12]}
    )
    rates = {"none": 0.0, "5%": 0.05, "10%": 0.1, "20%": 0.2}
    expected = ExpectedOrders(probability, np.array([100.0, 100.0]), rates)
    return expected, Decision(margin_rate=0.35, contact_cost=0.1)


def _margin_rate(decision: Decision) -> float:
    if decision.margin_rate is None:
        raise StudyError(
            "The necessary discount needs decision.margin_rate, the margin as a share of the "
            "undiscounted price, but the study has none. Add it, such as margin_rate: 0.35."
        )
    return decision.margin_rate


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
