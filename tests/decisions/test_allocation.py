import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.decisions.allocation import Allocation, allocate, cheapest
from neigung.errors import InputError

Floats = npt.NDArray[np.float64]

NUMBERS = st.one_of(
    st.integers(-6, 12).map(float),
    st.floats(-6, 12, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-6),
)


@st.composite
def instances(draw: st.DrawFn) -> tuple[Floats, Floats, float]:
    """Few customers and arms; gains with forbidden arms, costs with zeros, a share of all money."""
    n, arms = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    shape = st.lists(NUMBERS, min_size=n * arms, max_size=n * arms)
    gain = np.array(draw(shape)).reshape(n, arms)
    cost = np.abs(np.array(draw(shape)).reshape(n, arms))
    cost[:, 0] = 0
    forbidden = np.array(draw(st.lists(st.integers(0, 5), min_size=n * arms, max_size=n * arms)))
    gain[:, 1:][forbidden.reshape(n, arms)[:, 1:] == 0] = -np.inf
    return gain, cost, draw(st.floats(0, 1))


def everything(table: Floats) -> Floats:
    """The sums of all choices there are, in one fixed order."""
    n, arms = table.shape
    choices = np.array(list(itertools.product(range(arms), repeat=n)))
    return np.asarray(table[np.arange(n), choices].sum(axis=1))


def exact(table: Floats, plan: Allocation) -> float:
    return math.fsum(table[np.arange(len(table)), plan.choice])


@settings(max_examples=300, deadline=None)
@given(instances())
def test_budget_is_kept_and_the_optimum_lies_within_the_gap(
    instance: tuple[Floats, Floats, float],
) -> None:
    gain, cost, share = instance
    budget = share * cost.sum()
    plan = allocate(gain, cost, budget)
    assert exact(cost, plan) == plan.cost <= budget
    assert exact(gain, plan) == plan.gain > -np.inf
    best = everything(gain)[everything(cost) <= budget + 1e-12].max()
    assert plan.gain - 1e-9 <= best <= plan.bound + 1e-9
    assert plan.gap == pytest.approx(plan.bound - plan.gain, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(instances())
def test_target_is_reached_and_the_cheapest_lies_within_the_gap(
    instance: tuple[Floats, Floats, float],
) -> None:
    revenue, cost, share = instance
    low, high = revenue[:, 0].sum(), math.fsum(revenue.max(axis=1))
    target = min(low + share * (high - low), high)
    plan = cheapest(revenue, cost, target)
    assert exact(revenue, plan) == plan.gain >= target
    least = everything(cost)[everything(revenue) >= target - 1e-12].min()
    assert plan.bound - 1e-9 <= least <= plan.cost + 1e-9
    assert plan.gap == pytest.approx(plan.cost - plan.bound, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(instances())
def test_one_customer_gets_the_optimum(instance: tuple[Floats, Floats, float]) -> None:
    gain, cost, share = instance
    gain, cost = gain[:1], cost[:1]
    budget = share * cost.sum()
    assert allocate(gain, cost, budget).gain == gain[0, cost[0] <= budget].max()
    target = gain[0, 0] + share * (gain.max() - gain[0, 0])
    target = min(target, gain.max())
    assert cheapest(gain, cost, target).cost == cost[0, gain[0] >= target].min()


def retail(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Margins above the control's, costs and revenues of four discounts."""
    rng = np.random.default_rng(seed)
    rates = np.array([0, 0.05, 0.1, 0.15, 0.2])
    chance = rng.beta(1, 15, (n, 1)) + rng.gamma(0.5, 0.03, (n, 1)) * np.array(
        [0, 0.6, 1, 1.3, 1.5]
    )
    chance, basket = np.clip(chance, 0, 1), rng.lognormal(4, 0.6, (n, 1))
    contact = np.where(rates > 0, 0.05, 0.0)
    margin = chance * basket * (0.35 - rates) - contact
    return margin - margin[:, :1], chance * basket * rates + contact, chance * basket * (1 - rates)


def milp(objective: Floats, limited: Floats, low: float, high: float) -> float:
    """The optimum by HiGHS: least sum of `objective` with the sum of `limited` in low..high."""
    from scipy.optimize import Bounds, LinearConstraint
    from scipy.optimize import milp as solve
    from scipy.sparse import coo_array

    n, arms = objective.shape
    one = coo_array((np.ones(n * arms), (np.repeat(np.arange(n), arms), np.arange(n * arms))))
    found = solve(
        objective.ravel(),
        integrality=np.ones(n * arms),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(one.tocsr(), 1, 1),
            LinearConstraint(limited.ravel()[None], low, high),
        ],
        options={"mip_rel_gap": 1e-9},
    )
    assert found.success
    return float(found.fun)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
def test_agrees_with_an_exact_solver(share: float) -> None:
    gain, cost, revenue = retail(300, seed=3)
    budget = share * cost[np.arange(300), gain.argmax(axis=1)].sum()
    plan = allocate(gain, cost, budget)
    best = -milp(-gain, cost, -np.inf, budget)
    assert plan.gain <= best + 1e-6 <= plan.bound + 2e-6
    assert plan.gain >= 0.99 * best
    low, high = revenue[:, 0].sum(), revenue.max(axis=1).sum()
    target = low + share * (high - low)
    cheap = cheapest(revenue, cost, target)
    least = milp(cost, revenue, target, np.inf)
    assert cheap.bound - 1e-6 <= least <= cheap.cost + 1e-6
    assert cheap.cost <= 1.01 * least


def test_many_customers_leave_almost_no_gap() -> None:
    gain, cost, revenue = retail(50_000, seed=1)
    budget = 0.3 * cost[np.arange(len(gain)), gain.argmax(axis=1)].sum()
    plan = allocate(gain, cost, budget)
    assert 0 <= plan.relative_gap < 1e-5
    assert budget - plan.cost < cost.max()
    target = revenue[:, 0].sum() * 1.1
    assert 0 <= cheapest(revenue, cost, target).relative_gap < 1e-5


def test_multiplier_is_the_worth_of_more_money() -> None:
    gain, cost, _ = retail(20_000, seed=2)
    budget = 0.3 * cost[np.arange(len(gain)), gain.argmax(axis=1)].sum()
    plan, more = allocate(gain, cost, budget), allocate(gain, cost, budget + 50)
    assert (more.gain - plan.gain) / 50 == pytest.approx(plan.multiplier, rel=0.05)


def test_more_money_never_earns_less_than_its_bound_allows() -> None:
    gain, cost, _ = retail(2_000, seed=4)
    plans = [allocate(gain, cost, budget) for budget in np.linspace(0, 400, 15)]
    for poor, rich in itertools.pairwise(plans):
        assert rich.gain >= poor.gain - poor.gap - rich.gap
        assert rich.multiplier <= poor.multiplier


def test_enough_money_gives_everybody_the_best_arm() -> None:
    gain, cost, _ = retail(500, seed=5)
    for budget in (cost.sum(), math.inf):
        plan = allocate(gain, cost, budget)
        assert plan.choice.tolist() == gain.argmax(axis=1).tolist()
        assert (plan.gap, plan.multiplier) == (0.0, 0.0)


def test_no_money_leaves_the_control_and_what_is_free() -> None:
    gain = np.array([[0.0, 5, 1], [0, 5, -1], [0, 2, 3]])
    cost = np.array([[0.0, 1, 0], [0, 1, 0], [0, 0, 0]])
    plan = allocate(gain, cost, 0)
    assert plan.choice.tolist() == [2, 0, 2]
    assert (plan.gain, plan.cost) == (4.0, 0.0)


def test_ties_go_to_the_control() -> None:
    assert allocate(np.zeros((3, 4)), np.zeros((3, 4)), 10).choice.tolist() == [0, 0, 0]
    assert allocate(np.zeros((3, 2)), np.array([[0.0, 1]] * 3), 10).choice.tolist() == [0, 0, 0]


def test_a_target_reached_without_offers_costs_nothing() -> None:
    plan = cheapest([[5.0, 9]], [[0.0, 1]], target=5)
    assert (plan.choice.tolist(), plan.cost, plan.gap) == ([0], 0.0, 0.0)
    assert plan.multiplier == math.inf


def test_the_highest_reachable_revenue_of_the_message_can_be_reached() -> None:
    _, cost, revenue = retail(300, seed=6)
    with pytest.raises(InputError, match="out of reach") as error:
        cheapest(revenue, cost, math.inf)
    highest = float(str(error.value).split("reachable is ")[1].split(". ")[0].replace(",", ""))
    assert revenue.max(axis=1).sum() - highest < 0.02
    assert cheapest(revenue, cost, highest).gain >= highest


def test_forbidden_arms_are_not_chosen_and_may_lack_a_cost() -> None:
    gain, cost = np.array([[0.0, -np.inf, 1]] * 4), np.array([[0.0, np.nan, 1]] * 4)
    assert allocate(gain, cost, 3).choice.tolist() == [2, 2, 2, 0]
    assert cheapest(gain, cost, 2).choice.sum() == 4


def test_extreme_magnitudes_stay_feasible() -> None:
    rng = np.random.default_rng(7)
    gain = np.hstack([np.zeros((200, 1)), 10.0 ** rng.uniform(-300, 12, (200, 3))])
    cost = np.hstack([np.zeros((200, 1)), 10.0 ** rng.uniform(-300, 12, (200, 3))])
    for budget in (0.0, 1e-200, 1.0, 1e11, 1e300):
        plan = allocate(gain, cost, budget)
        assert exact(cost, plan) <= budget
        assert plan.gain <= plan.bound * (1 + 1e-12) < math.inf
    for target in (1e-200, 1.0, 1e11):
        cheap = cheapest(gain, cost, target)
        assert exact(gain, cheap) >= target
        assert 0 <= cheap.bound <= cheap.cost * (1 + 1e-9)


def test_a_gain_too_flat_for_a_ratio_is_still_reached() -> None:
    gain, cost = [[0.0, 1e-300]], [[0.0, 1e30]]
    plan = cheapest(gain, cost, target=1e-301)
    assert (plan.choice.tolist(), plan.cost, plan.bound) == ([1], 1e30, 0.0)
    assert allocate(gain, cost, 1e31).gain == 1e-300


GOOD = [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("gain", "cost", "budget", "message"),
    [
        (GOOD, GOOD, -0.01, "A budget of 0 or more is needed, but found -0.01"),
        (GOOD, GOOD, math.nan, "found nan"),
        (np.empty((0, 3)), np.empty((0, 3)), 1, r"at least one customer.*found \(0, 3\)"),
        (GOOD, [[0.0, 1.0, 2.0]], 1, r"one shape.*\(1, 2\) and \(1, 3\)"),
        ([0.0, 1.0], [0.0, 1.0], 1, "one shape"),
        (GOOD, [[0.0, -1.0]], 1, "costs of 0 or more, but found -1"),
        (GOOD, [[0.0, math.nan]], 1, "costs of 0 or more, but found nan"),
        ([[0.0, math.nan]], GOOD, 1, "finite gains"),
        ([[0.0, math.inf]], GOOD, 1, "finite gains"),
        (GOOD, [[1.0, 1.0]], 1, "control, column 0"),
        ([[-math.inf, 1.0]], GOOD, 1, "control, column 0"),
    ],
)
def test_impossible_budgets_are_refused(
    gain: npt.ArrayLike, cost: npt.ArrayLike, budget: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        allocate(gain, cost, budget)


def test_impossible_targets_are_refused() -> None:
    with pytest.raises(InputError, match=r"12.00 is out of reach: the highest reachable is 4.00"):
        cheapest([[1.0, 2], [1, 2]], [[0.0, 1], [0, 1]], target=12)
    with pytest.raises(InputError, match="NaN"):
        cheapest(GOOD, GOOD, math.nan)
    with pytest.raises(InputError, match="finite revenues"):
        cheapest([[0.0, math.nan]], GOOD, 1)
