import numpy as np
import pandas as pd
import pytest

from neigung.features.feature import Column
from neigung.models.usual import LEAST_OFTEN, usual_values

NUMBER = Column("x", "x", None, "orders", "", "number", "", "")
CATEGORY = Column("x", "x", None, "category", "", "category", "", "")


def usual(values, column=NUMBER):
    return usual_values(pd.DataFrame({"x": values}), [column])["x"]


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([3.0], 3.0),
        ([4.0, 1.0, 2.0], 2.0),
        ([1.0, 2.0, 5.0, 9.0], 2.0),  # no 3.5 orders
        ([np.nan, 1.0, np.inf, 3.0], 1.0),
        ([np.nan, np.nan, 3.0], None),  # it is usual to have none
        ([np.nan], None),
        ([], None),
        ([0.0, 0.0, 7.0], 0.0),
    ],
)
def test_the_lower_median_of_those_who_have_a_value(values, median):
    found = usual(np.array(values, dtype=float))
    assert found == median
    assert found is None or type(found) is float


def test_nullable_and_whole_numbers_are_read_alike():
    assert usual(pd.array([1, None, 3, 4], dtype="Int64")) == 3.0
    assert usual(np.array([1, 2, 3])) == 2.0


def test_the_most_frequent_category_and_the_first_of_equals():
    values = ["web"] * 12 + ["app"] * 12 + ["shop"] * 3
    assert usual(pd.Categorical(values), CATEGORY) == "app"
    assert usual([*values, "web"], CATEGORY) == "web"
    assert usual(pd.Categorical([1] * 20), CATEGORY) == "1"


def test_rare_and_missing_categories_are_not_told():
    assert usual([f"Ada {i}" for i in range(500)], CATEGORY) is None
    assert usual(["Ada"] * (LEAST_OFTEN - 1), CATEGORY) is None
    assert usual(["Ada"] * LEAST_OFTEN, CATEGORY) == "Ada"
    assert usual(["Ada"] * 20 + [None] * 21, CATEGORY) is None
    assert usual(pd.Categorical([None, None]), CATEGORY) is None
    assert usual([], CATEGORY) is None
