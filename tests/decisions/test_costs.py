"""What arms give away that are no percentages: rates, amounts, and nothing on purpose."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.decisions.discount import allowed_arms, discount_table, expected_cost, expected_margin
from neigung.decisions.expected_orders import ExpectedOrders
from neigung.decisions.offers import plan_offers
from neigung.errors import StudyError
from neigung.study import Decision

EXPECTED = ExpectedOrders(
    pd.DataFrame({"none": [0.1, 0.1], "BOGO": [0.3, 0.3], "voucher": [0.2, 0.2]}),
    np.array([100.0, 10.0]),
    {"none": 0.0, "BOGO": 0.0, "voucher": 0.0},
)


def decided(**more: Any) -> Decision:
    cost = {"BOGO": {"rate": 0.5}, "voucher": {"amount": 5}}
    return Decision(**{"margin_rate": 0.4, "cost": cost, **more})


def test_what_is_given_away_is_taken_off_the_margin() -> None:
    margin = expected_margin(EXPECTED, decided())
    np.testing.assert_allclose(margin["none"], [4, 0.4])
    np.testing.assert_allclose(margin["BOGO"], [-3, -0.3])  # 0.3 x 100 x (0.4 - 0.5)
    np.testing.assert_allclose(margin["voucher"], [7, -0.2])  # 0.2 x (40 - 5)


def test_the_voucher_pays_for_large_baskets_and_buy_one_get_one_never() -> None:
    table = discount_table(EXPECTED, decided())
    assert table["recommended_arm"].tolist() == ["voucher", "none"]
    np.testing.assert_allclose(table["necessary_discount"], [0.05, 0])
    np.testing.assert_allclose(table["value_voucher"], [19, 1])


def test_amounts_come_out_of_the_budget_and_close_an_offer_for_small_baskets() -> None:
    cost = expected_cost(EXPECTED, decided(contact_cost=0.1))
    np.testing.assert_allclose(cost["voucher"], [1.1, 1.1])
    np.testing.assert_allclose(cost["BOGO"], [15.1, 1.6])
    assert allowed_arms(EXPECTED, decided(minimum_margin=0.3)) == ("none", "voucher")
    assert allowed_arms(EXPECTED, decided(minimum_margin=0.39)) == ("none",)


def test_a_plan_keeps_to_what_is_open() -> None:
    class Model:
        def expected(self, X: Any) -> ExpectedOrders:
            return EXPECTED

    plan = plan_offers([0, 1], Model(), decided(minimum_margin=0.1), budget=10)
    assert plan.frame["recommended_arm"].tolist() == ["voucher", "none"]
    assert plan.summary.closed == ("BOGO",)
    assert plan.summary.discounts == pytest.approx(1)


@pytest.mark.parametrize("cost", [{"Bogo": 0}, {"none": {"amount": 1}}])
def test_costs_of_no_arm_are_refused(cost: Any) -> None:
    with pytest.raises(StudyError, match=r"decision\.cost can name the arms BOGO, voucher"):
        expected_margin(EXPECTED, decided(cost=cost))
