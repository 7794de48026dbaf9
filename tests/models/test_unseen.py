import warnings

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.models.offers.uplift import UpliftModel


@pytest.fixture(scope="module")
def model() -> UpliftModel:
    """An offer that adds 5 to the customers of segment 1, and nothing to the others."""
    rng = np.random.default_rng(0)
    segment = rng.integers(1, 3, 2000).astype(float)
    arm = rng.choice(["none", "mail"], 2000)
    y = 5.0 * ((arm == "mail") & (segment == 1)) + rng.normal(0, 0.1, 2000)
    X = pd.DataFrame({"segment": pd.Categorical(segment)})
    return UpliftModel().fit(X, y, arm, np.full(2000, 0.5))


@pytest.mark.parametrize("asked", [[1, 2], [1.0, 2.0], ["1", "2"]])
def test_a_category_read_as_another_kind_of_number_keeps_its_effect(
    model: UpliftModel, asked: list[object]
) -> None:
    X = pd.DataFrame({"segment": pd.Categorical(asked)})
    np.testing.assert_allclose(model.predict(X)["mail"], [5, 0], atol=0.1)


def test_a_column_of_unknown_categories_is_refused(model: UpliftModel) -> None:
    X = pd.DataFrame({"segment": ["A", "B", None]})
    for ask in (model.predict, model.interval):
        with pytest.raises(InputError, match=r"all 2 values of segment are unknown.*'A'.*1\.0, 2"):
            ask(X)
    model.predict(X.iloc[:0])
    model.predict(pd.DataFrame({"segment": [None, None]}, dtype=object))


def test_many_unknown_categories_are_warned_of_and_few_are_not(model: UpliftModel) -> None:
    with pytest.warns(UserWarning, match="2 of 6 values of segment are unknown .* such as A;"):
        model.predict(pd.DataFrame({"segment": ["A", "B", "1", "2", "1", "2"]}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(pd.DataFrame({"segment": ["A", *["1"] * 9]}))
