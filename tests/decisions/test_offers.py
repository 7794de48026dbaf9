import numpy as np
import pandas as pd
import pytest

from neigung.decisions.discount import discount_table, expected_cost
from neigung.decisions.expected_orders import ExpectedOrders
from neigung.decisions.offers import OfferPlan, plan_offers
from neigung.errors import InputError, StudyError
from neigung.study import Decision

RATES = {"none": 0.0, "5%": 0.05, "10%": 0.1, "20%": 0.2}
DECISION = Decision(margin_rate=0.35, contact_cost=0.05)


class Model:
    """Expects what the columns of X say, as a fitted model would predict it."""

    def expected(self, X: pd.DataFrame) -> ExpectedOrders:
        effect = X[["effect"]].to_numpy() * [[0, 0.5, 1, 2]]
        chances = np.clip(X[["base"]].to_numpy() + effect, 0, 1)
        table = pd.DataFrame(chances, columns=list(RATES), index=X.index)
        return ExpectedOrders(table, X["basket"].to_numpy(), RATES)


@pytest.fixture(scope="module")
def X() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 5_000
    frame = {
        "base": rng.beta(1, 15, n),
        "effect": rng.gamma(0.5, 0.12, n) - 0.005,
        "basket": rng.lognormal(4, 0.5, n),
    }
    return pd.DataFrame(frame, index=[f"c{i:04d}" for i in range(n)])


def chosen(plan: OfferPlan, what: str) -> float:
    """Sum of a column of each customer's recommended arm."""
    return sum(
        float(part[f"{what}_{arm}"].sum()) for arm, part in plan.frame.groupby("recommended_arm")
    )


def spent(plan: OfferPlan, X: pd.DataFrame, decision: Decision = DECISION) -> float:
    cost = expected_cost(Model().expected(X), decision)
    at = cost.columns.get_indexer(plan.frame["recommended_arm"])
    return float(cost.to_numpy()[np.arange(len(X)), at].sum())


def test_without_a_limit_everybody_gets_the_necessary_discount(X: pd.DataFrame) -> None:
    plan = plan_offers(X, Model(), DECISION)
    pd.testing.assert_frame_equal(plan.frame, discount_table(Model().expected(X), DECISION))
    assert plan.frame["necessary_discount"].equals(
        plan.frame["recommended_arm"].map(RATES).rename("necessary_discount")
    )
    assert plan.summary.customers == 5_000
    assert all(count > 20 for count in plan.summary.offers.values())
    assert plan.summary.gap == 0


@pytest.mark.parametrize("limit", [{}, {"budget": 300.0}, {"revenue_target": 22_000.0}])
def test_the_summary_is_that_of_the_frame(X: pd.DataFrame, limit: dict[str, float]) -> None:
    plan = plan_offers(X, Model(), DECISION, **limit)
    told = plan.summary
    counts = plan.frame["recommended_arm"].value_counts()
    assert dict(told.offers) == {arm: int(counts.get(arm, 0)) for arm in RATES}
    assert told.value == pytest.approx(chosen(plan, "value"))
    assert told.margin == pytest.approx(chosen(plan, "margin"))
    assert told.margin_without == pytest.approx(plan.frame["margin_none"].sum())
    assert told.value_without == pytest.approx(plan.frame["value_none"].sum())
    assert told.gain == pytest.approx(told.margin - told.margin_without)
    assert told.cost == pytest.approx(spent(plan, X))
    assert told.contacts == pytest.approx(0.05 * (5_000 - told.offers["none"]))
    assert told.discounts > 0


def test_a_budget_is_kept_and_earns_more_than_simple_rules(X: pd.DataFrame) -> None:
    free = plan_offers(X, Model(), DECISION)
    budget = 0.3 * free.summary.cost
    plan = plan_offers(X, Model(), DECISION, budget=budget)
    assert spent(plan, X) <= budget * (1 + 1e-12)
    assert plan.summary.cost > 0.999 * budget
    assert plan.summary.relative_gap < 1e-3
    assert plan.summary.multiplier > 0
    assert plan.frame["necessary_discount"].equals(free.frame["necessary_discount"])
    cost = expected_cost(Model().expected(X), DECISION)
    for arm in ("5%", "10%", "20%"):
        for order in (X.index, X.sort_values("base", ascending=False).index):
            served = order[cost.loc[order, arm].cumsum() <= budget]
            gain = (plan.frame[f"margin_{arm}"] - plan.frame["margin_none"])[served].sum()
            assert plan.summary.gain > gain + plan.summary.gap
    assert 0.3 * free.summary.gain < plan.summary.gain < free.summary.gain


def test_a_budget_that_suffices_changes_nothing(X: pd.DataFrame) -> None:
    free = plan_offers(X, Model(), DECISION)
    plan = plan_offers(X, Model(), DECISION, budget=free.summary.cost + 1)
    pd.testing.assert_frame_equal(plan.frame, free.frame)
    assert plan.summary.multiplier == 0


def test_no_money_means_no_offers(X: pd.DataFrame) -> None:
    plan = plan_offers(X, Model(), DECISION, budget=0)
    assert set(plan.frame["recommended_arm"]) == {"none"}
    assert (plan.summary.cost, plan.summary.gain) == (0, 0)
    assert "nobody is offered anything" in plan.summary.text()


def test_a_revenue_target_is_reached_at_least_cost(X: pd.DataFrame) -> None:
    without = plan_offers(X, Model(), DECISION, budget=0).summary.value
    target = 1.1 * without
    plan = plan_offers(X, Model(), DECISION, revenue_target=target)
    assert chosen(plan, "value") >= target * (1 - 1e-12)
    assert plan.summary.relative_gap < 1e-3
    values = discount_table(Model().expected(X), DECISION)
    cost = expected_cost(Model().expected(X), DECISION)
    for arm in ("5%", "10%", "20%"):
        more = (values[f"value_{arm}"] - values["value_none"]).sort_values(ascending=False)
        enough = int(np.searchsorted(more.cumsum(), target - without)) + 1
        if enough <= len(more):
            assert plan.summary.cost < cost.loc[more.index[:enough], arm].sum()


def test_arms_below_the_minimum_margin_are_offered_under_no_limit(X: pd.DataFrame) -> None:
    strict = Decision(margin_rate=0.35, contact_cost=0.05, minimum_margin=0.25)
    limits: list[dict[str, float]] = [{}, {"budget": 1e6}, {"revenue_target": 22_000.0}]
    for limit in limits:
        plan = plan_offers(X, Model(), strict, **limit)
        assert {"none", "5%"} <= set(plan.frame["recommended_arm"]) <= {"none", "5%", "10%"}


def test_a_target_out_of_reach_names_the_highest(X: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="out of reach: the highest reachable is") as error:
        plan_offers(X, Model(), DECISION, revenue_target=1e9)
    highest = float(str(error.value).split("reachable is ")[1].split(". ")[0].replace(",", ""))
    plan = plan_offers(X, Model(), DECISION, revenue_target=highest)
    assert plan.summary.value == pytest.approx(highest, abs=0.02)


def test_what_cannot_be_planned_is_refused(X: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"found both \(5.00 and 7.00\)"):
        plan_offers(X, Model(), DECISION, budget=5, revenue_target=7)
    with pytest.raises(InputError, match="at least one customer"):
        plan_offers(X.head(0), Model(), DECISION)
    with pytest.raises(InputError, match="budget of 0 or more is needed, but found -1"):
        plan_offers(X, Model(), DECISION, budget=-1)
    with pytest.raises(StudyError, match=r"decision\.margin_rate"):
        plan_offers(X, Model(), Decision())
    costs = {"5%": 0.1, "10%": 0.1, "20%": 0.1, "push": 0.1}
    with pytest.raises(StudyError, match="'push' is no arm"):
        plan_offers(X, Model(), Decision(margin_rate=0.35, contact_cost=costs))


def test_the_text_tells_the_numbers(X: pd.DataFrame) -> None:
    text = plan_offers(X, Model(), DECISION, budget=300).summary.text()
    assert text.startswith("5,000 customers: ")
    assert "Budget 300.00: no other choice within it earns more than" in text
    assert "nan" not in text
    target = plan_offers(X, Model(), DECISION, revenue_target=22_000).summary.text()
    assert "Revenue target 22,000.00: no other choice that reaches it" in target
    assert "Budget" not in plan_offers(X, Model(), DECISION).summary.text()
