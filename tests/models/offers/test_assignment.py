"""Assignment probabilities: estimated where unknown, kept where known."""

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.models.offers.assignment import FLOOR, AssignmentModel, lifted, trial_probabilities

ARMS = ["none", "5%", "10%"]


def offers(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"orders": rng.poisson(3, rows), "age": rng.normal(40, 10, rows)})
    X.loc[rng.random(rows) < 0.1, "age"] = np.nan
    X["channel"] = pd.Categorical(rng.choice(["web", "app", "store"], rows))
    return X, rng.random(rows)


def targeted(X: pd.DataFrame) -> np.ndarray:
    """Chances (n, 3) of staff who prefer to give discounts to frequent buyers in the app."""
    likely = 1 / (1 + np.exp(-(X["orders"] - 3 + (X["channel"] == "app")).to_numpy(float)))
    return np.column_stack([0.8 - 0.6 * likely, np.full(len(X), 0.15), 0.05 + 0.6 * likely])


def draw(chances: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    return (uniform[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2)


def test_a_rule_that_staff_follow_is_found() -> None:
    X, uniform = offers(6_000)
    truth = targeted(X)
    codes = draw(truth, uniform)
    model = AssignmentModel(ARMS).fit(X, np.array(ARMS)[codes])
    new, _ = offers(2_000, seed=1)
    found = model.predict(new)
    assert list(found.columns) == ARMS
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)
    error = np.abs(found.to_numpy() - targeted(new)).mean()
    assert error < 0.3 * np.abs(truth.mean(axis=0) - targeted(new)).mean()
    assert model.overlap_.rounds > 0
    # Each row is judged by models that did not see it.
    assert np.abs(model.out_of_fold_ - truth).mean() < 0.06


def test_arms_drawn_at_random_keep_their_shares() -> None:
    for seed in range(3):
        X, uniform = offers(3_000, seed)
        codes = draw(np.tile([0.5, 0.3, 0.2], (len(X), 1)), uniform)
        model = AssignmentModel(ARMS).fit(X, np.array(ARMS)[codes], seed=seed)
        found = model.predict(X)
        assert model.overlap_.rounds == 0
        np.testing.assert_allclose(found.to_numpy()[0], np.bincount(codes) / len(X))
        assert (found.nunique() == 1).all()


def test_missing_overlap_is_told_and_the_chance_is_floored() -> None:
    X, uniform = offers(4_000)
    codes = np.where(X["orders"] > 3, 2, (uniform < 0.5).astype(int))
    model = AssignmentModel(ARMS).fit(X, np.array(ARMS)[codes])
    assert model.overlap_.smallest < FLOOR
    assert model.overlap_.trimmed > 0.3
    assert model.predict(X).to_numpy().min() >= FLOOR - 1e-12


def test_rows_of_a_customer_share_a_fold_and_the_same_seed_gives_the_same() -> None:
    X, uniform = offers(900)
    arm = np.array(ARMS)[draw(targeted(X), uniform)]
    groups = np.arange(900) // 3
    one, two = (AssignmentModel(ARMS).fit(X, arm, 5, groups) for _ in range(2))
    pd.testing.assert_frame_equal(one.predict(X), two.predict(X))
    np.testing.assert_array_equal(one.out_of_fold_, two.out_of_fold_)
    assert one.predict(X.head(0)).shape == (0, 3)


def test_lifted_probabilities_keep_their_order_and_sum() -> None:
    found = lifted(np.array([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.min() == pytest.approx(FLOOR)
    assert (np.diff(found[0]) > 0).all()


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (["none", "5%", "50%"] * 50, "expected, but found '50%'"),
        (["none", "5%", "5%"] * 50, "'10%' has none"),
    ],
)
def test_wrong_arms(arm: list[str], message: str) -> None:
    X, _ = offers(150)
    with pytest.raises(InputError, match=message):
        AssignmentModel(ARMS).fit(X, arm)


def test_known_chances_stay_and_unknown_ones_are_learned_from_their_own_rows() -> None:
    X, uniform = offers(6_000)
    trial = np.arange(6_000) < 3_000
    truth = np.where(trial[:, None], [0.5, 0.25, 0.25], targeted(X))
    codes = draw(truth, uniform)
    known = np.where(trial, truth[np.arange(6_000), codes], np.nan)
    found, overlap = trial_probabilities(X, codes, known, ARMS, np.arange(6_000))
    np.testing.assert_allclose(found[trial], truth[trial])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.abs(found - truth)[~trial].mean() < 0.06
    assert overlap["rounds"] > 0


def test_chances_that_differ_between_customers_are_kept_for_the_arm_that_was_given() -> None:
    X, uniform = offers(3_000)
    truth = targeted(X)
    codes = draw(truth, uniform)
    known = truth[np.arange(3_000), codes]
    found, _ = trial_probabilities(X, codes, known, ARMS, np.arange(3_000))
    np.testing.assert_allclose(found[np.arange(3_000), codes], known)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-3)
    assert np.abs(found - truth).mean() < 0.05


def test_an_arm_that_staff_never_gave_gets_the_floor() -> None:
    X, uniform = offers(900)
    codes = (uniform < 0.5).astype(int)
    codes[:450] = 2
    known = np.where(np.arange(900) < 450, 0.5, np.nan)
    found, _ = trial_probabilities(X, codes, known, ARMS, np.arange(900))
    assert found[450:, 2] == pytest.approx(FLOOR)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-3)
