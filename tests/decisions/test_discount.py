from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.decisions.discount import (
    allowed_arms,
    contact_costs,
    discount_table,
    expected_cost,
    expected_margin,
    expected_value,
    necessary_discount,
    recommended_arms,
)
from neigung.decisions.expected_orders import ExpectedOrders
from neigung.errors import InputError, StudyError
from neigung.study import Decision

RATES = {"none": 0.0, "5%": 0.05, "10%": 0.1, "20%": 0.2}
DECISION = Decision(margin_rate=0.35, contact_cost=0.1)


def orders(rows: list[list[float]], basket: Any = 100.0, **more: Any) -> ExpectedOrders:
    table = pd.DataFrame(rows, columns=list(RATES))
    return ExpectedOrders(table, np.broadcast_to(basket, len(rows)).astype(float), RATES, **more)


def test_money_by_hand() -> None:
    expected = orders([[0.1, 0.2, 0.3, 0.4]], basket=50)
    assert expected_value(expected).iloc[0].tolist() == pytest.approx([5, 9.5, 13.5, 16])
    margins = expected_margin(expected, DECISION).iloc[0]
    assert margins.tolist() == pytest.approx([1.75, 2.9, 3.65, 2.9])
    costs = expected_cost(expected, DECISION).iloc[0]
    assert costs.tolist() == pytest.approx([0, 0.6, 1.6, 4.1])


def test_costs_of_goods_contacts_and_discounts_add_up_to_the_value() -> None:
    rng = np.random.default_rng(0)
    expected = orders(rng.random((50, 4)).tolist(), basket=rng.gamma(2, 30, 50))
    before_discount = expected.probability.mul(expected.basket, axis=0)
    goods = before_discount * (1 - 0.35)
    left = before_discount - goods - expected_cost(expected, DECISION)
    np.testing.assert_allclose(expected_margin(expected, DECISION), left, atol=1e-9)


def test_discounts_that_orders_carry_anyway_lower_their_worth_but_cost_no_budget() -> None:
    rows = [[0.1, 0.2, 0.3, 0.4]]
    plain, sale = orders(rows), orders(rows, ambient=0.1)
    assert expected_value(sale).iloc[0].tolist() == pytest.approx([9, 17, 24, 28])
    assert expected_margin(sale, DECISION).iloc[0].tolist() == pytest.approx([2.5, 3.9, 4.4, 1.9])
    pd.testing.assert_frame_equal(expected_cost(plain, DECISION), expected_cost(sale, DECISION))


@pytest.mark.parametrize(
    ("probability", "arm"),
    [
        ([0.3, 0.3, 0.3, 0.3], "none"),  # sure thing
        ([0.01, 0.01, 0.01, 0.01], "none"),  # lost cause
        ([0.01, 0.10, 0.11, 0.12], "5%"),
        ([0.01, 0.01, 0.10, 0.11], "10%"),  # 5 % moves nobody: one step ahead is not enough
        ([0.01, 0.02, 0.03, 0.30], "20%"),
        ([0.30, 0.20, 0.20, 0.20], "none"),  # put off
    ],
)
def test_the_necessary_discount_by_hand(probability: list[float], arm: str) -> None:
    assert recommended_arms(orders([probability]), DECISION).tolist() == [arm]


MARGINS = st.lists(st.integers(-3, 3).map(float), min_size=4, max_size=4)


@settings(max_examples=200, deadline=None)
@given(MARGINS, st.permutations(["5%", "10%", "20%"]), st.sets(st.sampled_from(list(RATES))))
def test_it_is_the_first_arm_that_no_larger_one_beats(
    margins: list[float], order: list[str], allowed: set[str]
) -> None:
    frame = pd.DataFrame([margins], columns=["none", *order], index=["c1"])
    open_arms = sorted({"none", *allowed}, key=RATES.__getitem__)
    expected = next(
        arm
        for position, arm in enumerate(open_arms)
        if all(frame.loc["c1", arm] >= frame.loc["c1", later] for later in open_arms[position:])
    )
    found = necessary_discount(frame, RATES, allowed)
    assert found.to_dict() == {"c1": expected}


def test_channels_are_chosen_by_margin_and_nobody_is_contacted_in_vain() -> None:
    channels = {"none": 0.0, "email": 0.0, "post": 0.0}
    chances = pd.DataFrame(
        {"none": [0.1] * 3, "email": [0.1, 0.12, 0.12], "post": [0.1, 0.12, 0.2]}
    )
    expected = ExpectedOrders(chances, np.full(3, 100.0), channels)
    decision = Decision(margin_rate=0.4, contact_cost={"email": 0.01, "post": 0.8})
    assert recommended_arms(expected, decision).tolist() == ["none", "email", "post"]
    free = Decision(margin_rate=0.4)
    assert recommended_arms(expected, free).tolist() == ["none", "email", "post"]


def test_arms_that_leave_too_little_are_never_offered() -> None:
    expected = orders([[0.01, 0.02, 0.03, 0.9]])
    strict = Decision(margin_rate=0.35, minimum_margin=0.25)
    assert allowed_arms(expected, strict) == ("none", "5%", "10%")
    table = discount_table(expected, strict)
    assert table["recommended_arm"].tolist() == ["10%"]
    assert table["margin_20%"].tolist() == pytest.approx([0.9 * 100 * 0.15])
    assert allowed_arms(expected, Decision(margin_rate=0.05, minimum_margin=0.2)) == ("none",)


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_a_minimum_margin_that_is_met_exactly_is_met(rate: float) -> None:
    # 0.35 - 0.15 and its like are no exact binary numbers.
    decision = Decision(margin_rate=0.35, minimum_margin=round(0.35 - rate, 2))
    assert f"{rate:.0%}" in allowed_arms(orders([[0.1] * 4]), decision)


def test_the_table_has_a_row_per_customer_and_every_arm() -> None:
    chances = pd.DataFrame([[0.1, 0.2, 0.3, 0.4]] * 2, columns=list(RATES), index=["b", "a"])
    table = discount_table(ExpectedOrders(chances, np.array([10.0, 0.0]), RATES), DECISION)
    assert list(table) == [
        *(f"{what}_{arm}" for what in ("probability", "value", "margin") for arm in RATES),
        "necessary_discount",
        "recommended_arm",
    ]
    assert table.index.tolist() == ["b", "a"]
    assert table["necessary_discount"].tolist() == [0.1, 0.0]


def test_names_of_arms_may_be_anything() -> None:
    names = ["keine Aktion", "10 % Rabatt / Post", "_", "margin"]
    rates = dict(zip(names, (0.0, 0.1, 0.2, 0.3), strict=True))
    chances = pd.DataFrame([[0.1, 0.5, 0.6, 0.7]], columns=names)
    table = discount_table(ExpectedOrders(chances, np.array([10.0]), rates), DECISION)
    assert table["recommended_arm"].tolist() == ["10 % Rabatt / Post"]
    assert {"margin_margin", "value__", "probability_keine Aktion"} <= set(table)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ({"5%": 0.1, "10%": 0.1}, "20% is missing"),
        ({"5%": 0.1, "10%": 0.1, "20%": 0.1, "30%": 0.1}, "'30%' is no arm"),
        ({"push": 0.1, "post": 1}, r"5%, 10%, 20% are missing and 'push', 'post' are no arms"),
        ({"none": 1, "5%": 0.1, "10%": 0.1, "20%": 0.1}, "control none costs nothing"),
    ],
)
def test_contact_costs_must_fit_the_arms(cost: dict[str, float], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        contact_costs(Decision(contact_cost=cost), orders([[0.1] * 4]))


def test_contact_costs_by_arm_and_for_all() -> None:
    expected = orders([[0.1] * 4])
    each = {"none": 0.0, "5%": 0.1, "10%": 0.2, "20%": 0.3}
    assert contact_costs(Decision(contact_cost=each), expected) == each
    assert contact_costs(Decision(contact_cost=2), expected)["none"] == 0.0
    assert contact_costs(Decision(contact_cost=2), expected)["20%"] == 2.0


def test_without_a_margin_rate_there_is_no_necessary_discount() -> None:
    expected = orders([[0.1] * 4])
    for work in (expected_margin, allowed_arms, recommended_arms, discount_table):
        with pytest.raises(StudyError, match=r"decision\.margin_rate"):
            work(expected, Decision())  # type: ignore[operator]


def test_an_arm_without_a_rate_is_refused() -> None:
    with pytest.raises(InputError, match="push is without"):
        necessary_discount(pd.DataFrame({"none": [1.0], "push": [2.0]}), {"none": 0})
