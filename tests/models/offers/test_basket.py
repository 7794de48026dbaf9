import json

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.models.offers.basket import FEWEST_BUYERS, BasketModel

Floats = npt.NDArray[np.float64]


def shoppers(n: int, seed: int, tail: float = 0.8) -> tuple[pd.DataFrame, Floats, Floats]:
    """Features, the true expected basket, and baskets, of which 2 in 3 are 0 (no order)."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "usual": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "city": pd.Categorical(rng.choice(["Köln", "Bonn", "Jena"], n)),
        }
    )
    mean = np.exp(4 + 0.5 * X["usual"].to_numpy() + 0.3 * (X["city"] == "Bonn").to_numpy())
    drawn = mean * np.exp(rng.normal(0, tail, n) - tail**2 / 2)
    return X, mean, np.where(rng.random(n) < 1 / 3, drawn, 0.0)


@pytest.fixture(scope="module")
def model() -> BasketModel:
    X, _, basket = shoppers(6_000, seed=0)
    return BasketModel.fit(X, basket, np.arange(len(X)), seed=7)


def test_finds_the_expected_basket(model: BasketModel) -> None:
    X, mean, _ = shoppers(4_000, seed=1)
    found = model.predict(X)
    error = np.sqrt(((found - mean) ** 2).mean())
    assert error < 0.5 * mean.std()
    assert np.corrcoef(found, mean)[0, 1] > 0.9


@pytest.mark.parametrize(("tail", "error"), [(0.3, 0.006), (0.8, 0.018), (1.3, 0.04)])
def test_the_total_is_right(tail: float, error: float) -> None:
    X, _, basket = shoppers(9_000, seed=2, tail=tail)
    model = BasketModel.fit(X, basket, np.arange(len(X)), seed=7)
    X, mean, _ = shoppers(20_000, seed=3, tail=tail)
    # The error is the relative standard error of a mean of 3,000 such baskets.
    assert model.predict(X).sum() == pytest.approx(mean.sum(), rel=3 * error)


def test_features_that_tell_nothing_leave_the_mean() -> None:
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(2_000, 5)), columns=list("abcde"))
    basket = rng.lognormal(3, 1.0, 2_000)
    found = BasketModel.fit(X, basket, np.arange(2_000), seed=7).predict(X)
    assert found.std() < 0.1 * found.mean()
    assert found.mean() == pytest.approx(basket.mean(), rel=0.02)


def test_few_orders_give_everybody_the_mean() -> None:
    X, _, basket = shoppers(3 * FEWEST_BUYERS // 2, seed=5)
    assert 0 < (basket > 0).sum() < FEWEST_BUYERS
    model = BasketModel.fit(X, basket, np.arange(len(X)), seed=7)
    assert model.model_text_ == ""
    assert set(model.predict(X)) == {basket[basket > 0].mean()}
    again = BasketModel.from_dict(json.loads(json.dumps(model.to_dict())), "")
    assert np.array_equal(again.predict(X), model.predict(X))


def test_round_trip_is_exact_and_repeats(model: BasketModel) -> None:
    X, _, basket = shoppers(6_000, seed=0)
    again = BasketModel.from_dict(json.loads(json.dumps(model.to_dict())), model.model_text_)
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.to_dict() == model.to_dict()
    twin = BasketModel.fit(X, basket, np.arange(len(X)), seed=7)
    assert (twin.to_dict(), twin.model_text_) == (model.to_dict(), model.model_text_)


def test_unseen_categories_and_nobody_are_fine(model: BasketModel) -> None:
    X = pd.DataFrame({"usual": [0.0, np.nan], "noise": [0, 1], "city": ["Ulm", None]})
    assert np.isfinite(model.predict(X)).all()
    assert model.predict(X.head(0)).shape == (0,)


def test_one_customer_s_many_orders_are_no_signal() -> None:
    rng = np.random.default_rng(6)
    customer = np.repeat(np.arange(60), 20)
    taste = rng.normal(size=60)
    X = pd.DataFrame({"taste": taste[customer]})
    basket = np.exp(3 + rng.normal(0, 1, 60)[customer])
    found = BasketModel.fit(X, basket, customer, seed=7).predict(X)
    # With its customers on both sides of a fold, the trees would know 60 baskets by heart.
    assert found.std() < 0.35 * found.mean()


def test_nobody_who_ordered_is_refused() -> None:
    with pytest.raises(InputError, match="none of 3 rows has one"):
        BasketModel.fit(pd.DataFrame({"a": [1, 2, 3]}), [0.0, 0, np.nan], [1, 2, 3], seed=0)
