"""Which customer gets which arm when the budget, or the revenue to reach, is given.

A multiple-choice knapsack: exactly one arm per customer, one constraint over all of them. Its
Lagrangian relaxation has the value of its linear relaxation, and that is solved exactly by
sorting: every customer climbs an efficient frontier of arms, and the steps of all customers are
taken by falling gain per cost (Zemel 1980, "The linear multiple choice knapsack problem",
Operations Research 28(6); Dyer 1984, "An O(n) algorithm for the multiple-choice knapsack linear
program", Mathematical Programming 29; Kellerer, Pferschy and Pisinger 2004, *Knapsack Problems*,
chapter 11). The step at which the money ends gives the multiplier; what is left of the money is
spent step by step further down. With many customers the loss against the optimum is less than one
customer's step, and the bound that the multiplier proves is reported beside the solution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neigung.decisions.frontier import CHUNK, Floats, Ints, Steps
from neigung.errors import InputError

_ROUNDS = 100
"""How often the rest of the money is offered again; two or three rounds are the rule."""

_MOST_RETRIES, _RETRIED_CELLS = 20, 100_000
"""See `_retries`; beyond so many customers x arms there are none."""

_MOVES = 25
"""How many single customers are moved in the end, each one the best of all moves."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """One arm for each customer, and how far from the optimum that can be at most.

    Parameters
    ----------
    choice : (n,) column of the chosen arm; 0 is the control.
    gain : sum of what was maximised (`allocate`), or the revenue reached (`cheapest`).
    cost : sum of the costs.
    bound : no choice can gain more (`allocate`), or cost less (`cheapest`).
    gap : distance to the bound, never below 0, in the unit of the objective.
    relative_gap : gap over the absolute value of the bound; 0 when there is no gap, infinite when
        the bound is 0 and there is one.
    multiplier : worth of the last unit of money, in gain per cost: what a slightly higher budget
        would bring, or the revenue that the dearest step bought per unit of cost. 0 when money is
        no limit (`allocate`), infinite when no money is needed (`cheapest`).
    """

    choice: Ints
    gain: float
    cost: float
    bound: float
    gap: float
    relative_gap: float
    multiplier: float


def allocate(gain: npt.ArrayLike, cost: npt.ArrayLike, budget: float) -> Allocation:
    """The arms with the highest sum of gains whose costs sum to the budget or less.

    Ties go to the cheaper arm, then to the first column and the first row; the sum of costs, summed
    without rounding error, never exceeds the budget.

    Parameters
    ----------
    gain : (n, A) gain of each arm for each customer, control first; `-inf` forbids an arm.
    cost : (n, A) costs in the unit of the budget, none negative; the control costs 0.
    budget : 0 or more, may be infinite.

    Raises
    ------
    InputError : no customers, shapes that differ, missing or negative costs, a control that costs
        something or is forbidden, missing or infinite gains, a budget below zero or missing.

    >>> gain = [[0, 3, 4], [0, 1, 5], [0, -1, -2]]
    >>> cost = [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    >>> plan = allocate(gain, cost, budget=4)
    >>> plan.choice.tolist(), plan.gain, plan.cost, plan.gap
    ([1, 2, 0], 8.0, 4.0, 0.0)
    >>> allocate(gain, cost, budget=-1)
    Traceback (most recent call last):
    neigung.errors.InputError: A budget of 0 or more is needed, but found -1. Give the money to \
spend on discounts and contacts together.
    """
    if not budget >= 0:
        raise InputError(
            f"A budget of 0 or more is needed, but found {budget:g}. Give the money to spend on "
            "discounts and contacts together."
        )
    worth, costs, budget = *_checked(gain, cost, "gains"), float(budget)
    steps = Steps.of(worth, costs)
    taken = _affordable(steps.cost[steps.order], budget)
    while _total(costs, steps.choice(steps.levels(taken))) > budget:
        taken -= 1  # The running sum may be off in its last digit.
    multiplier = float(steps.slope[steps.order[taken]]) if taken < len(steps.order) else 0.0
    candidates = []
    for back in range(min(taken, _retries(worth)) + 1):
        # After a step back, larger moves than the next step are tried first.
        candidate = steps.choice(steps.levels(taken - back))
        if not back:
            candidate = _fill(steps, taken, steps.cost, costs, budget)
        _improve(worth, costs, candidate, budget)
        candidates.append((_total(worth, candidate), -back, candidate))
    choice = max(candidates, key=lambda one: one[:2])[2]
    reached, spent = _total(worth, choice), _total(costs, choice)
    bound = math.fsum(worth.max(axis=1).tolist())
    if multiplier > 0:
        bound = min(bound, _dual(worth, costs, multiplier) + multiplier * budget)
    gap = max(0.0, bound - reached)
    return Allocation(choice, reached, spent, bound, gap, _relative(gap, bound), multiplier)


def cheapest(revenue: npt.ArrayLike, cost: npt.ArrayLike, target: float) -> Allocation:
    """The arms with the lowest sum of costs whose revenues sum to the target or more.

    Parameters
    ----------
    revenue : (n, A) expected revenue of each customer under each arm, control first, so that the
        revenue of customers without an offer counts; `-inf` forbids an arm.
    cost : (n, A) costs, none negative; the control costs 0.
    target : revenue to reach, in all.

    Raises
    ------
    InputError : a target out of reach (the message has the highest reachable) or missing, and the
        errors of `allocate`.

    >>> revenue = [[10, 13, 14], [10, 11, 15], [10, 9, 8]]
    >>> cost = [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    >>> plan = cheapest(revenue, cost, target=33)
    >>> plan.choice.tolist(), plan.gain, plan.cost, plan.gap
    ([1, 0, 0], 33.0, 1.0, 0.0)
    >>> cheapest(revenue, cost, target=40)
    Traceback (most recent call last):
    neigung.errors.InputError: A revenue of 40.00 is out of reach: the highest reachable is 39.00. \
Lower the target to that, or allow larger discounts (decision.minimum_margin).
    """
    worth, costs, target = *_checked(revenue, cost, "revenues"), float(target)
    if math.isnan(target):
        raise InputError("A revenue target needs a number, but found none (NaN). Give the revenue.")
    highest = math.fsum(worth.max(axis=1).tolist())
    if highest < target:
        # Rounded apart, so that the number in the message is itself within reach.
        asked = target if math.isinf(target) else math.ceil(target * 100) / 100
        reachable = math.floor(highest * 100) / 100
        raise InputError(
            f"A revenue of {asked:,.2f} is out of reach: the highest reachable is "
            f"{reachable:,.2f}. Lower the target to that, or allow larger discounts "
            "(decision.minimum_margin)."
        )
    steps = Steps.of(worth, costs)
    free = steps.choice(steps.levels(0))
    missing = target - _total(worth, free)
    if missing <= 0:
        return Allocation(free, _total(worth, free), 0.0, 0.0, 0.0, 0.0, math.inf)
    reached = np.cumsum(steps.gain[steps.order])
    taken = min(int(np.searchsorted(reached, missing)) + 1, len(steps.order))
    while taken and _total(worth, steps.choice(steps.levels(taken - 1))) >= target:
        taken -= 1
    while _total(worth, steps.choice(steps.levels(taken))) < target and taken < len(steps.order):
        taken += 1
    multiplier = float(steps.slope[steps.order[taken - 1]]) if taken else 0.0
    candidates = []
    for back in range(min(taken, _retries(worth) + 1) + 1):
        # The last step may lead too far. Smaller ones come near the target, then of all single
        # moves that reach it the cheapest; or that at once, after some steps back.
        candidate = steps.choice(steps.levels(taken - back))
        if taken and not back:
            candidate = _fill(steps, taken - 1, steps.gain, worth, target)
        _reach(worth, costs, candidate, target)
        if _total(worth, candidate) < target:
            continue
        _improve(-costs, -worth, candidate, -target)
        candidates.append((_total(costs, candidate), back, candidate))
    # Without a candidate, steps too flat for a float64 were left out.
    highest_arms = worth.argmax(axis=1)
    choice = min(candidates, key=lambda one: one[:2])[2] if candidates else highest_arms
    revenue_reached, spent = _total(worth, choice), _total(costs, choice)
    bound = 0.0
    if multiplier > 0:
        bound = max(0.0, target / multiplier - _dual(worth, costs, multiplier) / multiplier)
    if not math.isfinite(bound):
        bound = 0.0
    gap = max(0.0, spent - bound)
    return Allocation(choice, revenue_reached, spent, bound, gap, _relative(gap, bound), multiplier)


def _retries(worth: Floats) -> int:
    """How many of the last steps to take back for a fresh start, each costing a look at all arms.

    One step is much among few customers and nothing among many.
    """
    return min(_MOST_RETRIES, _RETRIED_CELLS // worth.size)


def _fill(steps: Steps, taken: int, sizes: Floats, table: Floats, limit: float) -> Ints:
    """After the first steps take, in their order, further ones that still fit into the limit.

    `sizes` are the steps' costs or gains, `table` those of the arms.
    """
    rest = steps.order[taken:]
    level = steps.levels(taken)
    choice = steps.choice(level)
    for _ in range(_ROUNDS):
        left = limit - _total(table, choice)
        rest = rest[sizes[rest] <= left]
        # A step stands on the one before it.
        next_ones = rest[rest % max(1, steps.width) == level[rest // max(1, steps.width)]]
        count = _affordable(sizes[next_ones], left)
        while count:
            higher = level + steps.advanced(next_ones[:count])
            further = steps.choice(higher)
            if _total(table, further) <= limit:
                break
            count -= 1
        if not count:
            break
        level, choice = higher, further
    return choice


def _affordable(cost: Floats, money: float) -> int:
    """How many of the first costs the money covers."""
    return int(np.searchsorted(np.cumsum(cost), money, side="right"))


def _improve(worth: Floats, costs: Floats, choice: Ints, budget: float) -> None:
    """Move single customers, in place, each time the one whose move gains most within the budget.

    Also to arms below the frontier: they fill what is left of the money.
    """
    for _ in range(_MOVES):
        left = budget - _total(costs, choice)
        best, row, arm = 0.0, -1, -1
        for start, more, needs in _moves(worth, costs, choice):
            more[~(needs <= left)] = -np.inf
            i = int(more.argmax())
            if more.flat[i] > best:
                best = float(more.flat[i])
                row, arm = start + i // worth.shape[1], i % worth.shape[1]
        if row < 0:
            return
        before = choice[row]
        choice[row] = arm
        if _total(costs, choice) > budget:  # By rounding.
            choice[row] = before
            return


def _reach(worth: Floats, costs: Floats, choice: Ints, target: float) -> None:
    """Make, in place, the cheapest move of a single customer that reaches the target, if any."""
    missing = target - _total(worth, choice)
    best, row, arm = math.inf, -1, -1
    for start, more, needs in _moves(worth, costs, choice):
        needs[~(more >= missing)] = np.inf
        i = int(needs.argmin())
        if needs.flat[i] < best:
            best = float(needs.flat[i])
            row, arm = start + i // worth.shape[1], i % worth.shape[1]
    if row >= 0:
        choice[row] = arm


def _moves(worth: Floats, costs: Floats, choice: Ints) -> Iterator[tuple[int, Floats, Floats]]:
    """What each arm would gain and cost more than the chosen one, some customers at a time."""
    for start in range(0, len(choice), CHUNK):
        rows = slice(start, start + CHUNK)
        own = choice[rows, None]
        more = worth[rows] - np.take_along_axis(worth[rows], own, axis=1)
        needs = costs[rows] - np.take_along_axis(costs[rows], own, axis=1)
        yield start, more, needs


def _dual(worth: Floats, costs: Floats, multiplier: float) -> float:
    """The relaxed optimum when a unit of cost is priced at `multiplier` gains."""
    best = []
    with np.errstate(over="ignore"):
        for start in range(0, len(worth), CHUNK):
            rows = slice(start, start + CHUNK)
            best.append((worth[rows] - multiplier * costs[rows]).max(axis=1))
    return math.fsum(np.concatenate(best).tolist())


def _total(values: Floats, choice: Ints) -> float:
    """The sum over the chosen arms, rounded once: no order of the rows changes it."""
    return math.fsum(values[np.arange(len(choice)), choice].tolist())


def _relative(gap: float, bound: float) -> float:
    if not gap:
        return 0.0
    return gap / abs(bound) if bound else math.inf


def _checked(worth: npt.ArrayLike, cost: npt.ArrayLike, what: str) -> tuple[Floats, Floats]:
    """Both tables as float64, forbidden arms with cost 0; raises InputError."""
    values = np.asarray(worth, dtype=np.float64)
    costs = np.asarray(cost, dtype=np.float64)
    if values.ndim != 2 or values.shape != costs.shape or not values.size:
        raise InputError(
            f"An allocation needs {what} and costs of one shape (customers, arms), at least one "
            f"customer and the control, but found {values.shape} and {costs.shape}."
        )
    forbidden = values == -np.inf
    if forbidden.any():
        costs = np.where(forbidden, 0.0, costs)
    if np.isnan(values).any() or (values == np.inf).any():
        raise InputError(
            f"An allocation needs finite {what} (-inf forbids an arm), but found missing or "
            "infinite ones. Check the predictions they were computed from."
        )
    if not ((costs >= 0) & np.isfinite(costs)).all():
        wrong = costs[~((costs >= 0) & np.isfinite(costs))][0]
        raise InputError(
            f"An allocation needs costs of 0 or more, but found {wrong:g}. Check contact_cost, the "
            "discount rates and the predicted baskets."
        )
    if forbidden[:, 0].any() or costs[:, 0].any():
        raise InputError(
            "The control, column 0, must be allowed and cost nothing for every customer: then a "
            "choice without any money exists. Put the control first."
        )
    return values, costs
