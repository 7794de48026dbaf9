import numpy as np
import pandas as pd
import pytest

from neigung.decisions.expected_orders import ExpectedOrders
from neigung.errors import InputError

CHANCES = pd.DataFrame({"none": [0.1, 0.2], "10%": [0.3, 0.2]}, index=["b", "a"])
RATES = {"none": 0.0, "10%": 0.1}


def test_money_keeps_index_and_columns() -> None:
    expected = ExpectedOrders(CHANCES, np.array([50.0, 100.0]), RATES, ambient=0.05)
    value, margin = expected.value(), expected.margin(0.35)
    assert value.index.tolist() == margin.index.tolist() == ["b", "a"]
    assert value.to_numpy().tolist() == [
        pytest.approx([0.1 * 50 * 0.95, 0.3 * 50 * 0.85]),
        pytest.approx([0.2 * 100 * 0.95, 0.2 * 100 * 0.85]),
    ]
    assert margin.to_numpy().tolist() == [
        pytest.approx([0.1 * 50 * 0.30, 0.3 * 50 * 0.20]),
        pytest.approx([0.2 * 100 * 0.30, 0.2 * 100 * 0.20]),
    ]


@pytest.mark.parametrize(
    ("chances", "basket", "rates", "message"),
    [
        (CHANCES, [1.0], RATES, "2 rows, 1 baskets"),
        (CHANCES, [1.0, 1.0], {"none": 0.0}, "no rate for 10%"),
        (CHANCES[[]], [1.0, 1.0], RATES, "found 0 columns"),
        (CHANCES * 4, [1.0, 1.0], RATES, r"probabilities in 0\.\.1"),
        (CHANCES * np.nan, [1.0, 1.0], RATES, r"probabilities in 0\.\.1"),
        (CHANCES, [1.0, -1.0], RATES, "baskets of 0 or more"),
        (CHANCES, [1.0, np.inf], RATES, "baskets of 0 or more"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    chances: pd.DataFrame, basket: list[float], rates: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ExpectedOrders(chances, np.array(basket), rates)
