"""What is believed of a guessed uplift."""

import numpy as np
import pytest

from neigung.models.offers.uplift_calibration import (
    LEAST,
    NOTHING,
    UpliftCalibration,
    along_one_curve,
    believed_levels,
    believed_slopes,
    lean,
    mixed,
    robust_scores,
)


def trial(
    rows: int, seed: int, effect: float, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Guesses, scores and probabilities of one arm whose effect is effect + slope * guess."""
    rng = np.random.default_rng(seed)
    guess = rng.normal(size=(rows, 1))
    scores = effect + slope * guess + 5 * rng.normal(size=(rows, 1))
    return guess, scores, np.full((rows, 2), 0.5)


def test_scores_are_unbiased_if_either_model_is_right() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=50_000)
    chance = 1 / (1 + np.exp(-x))
    codes = (rng.random(50_000) < chance).astype(int)
    y = 2 * x + codes * (1 + x) + rng.normal(size=50_000)
    e = np.column_stack([1 - chance, chance])
    mu = np.column_stack([2 * x, 1 + 3 * x])
    e_wrong, mu_wrong = np.full_like(e, 0.5), np.zeros_like(mu)
    assert robust_scores(y, codes, e, mu_wrong).mean() == pytest.approx(1, abs=0.1)
    assert robust_scores(y, codes, e_wrong, mu).mean() == pytest.approx(1, abs=0.1)
    assert robust_scores(y, codes, e_wrong, mu_wrong).mean() > 1.5


def test_a_clear_effect_is_believed_as_measured() -> None:
    guess, scores, e = trial(20_000, 0, effect=2.0, slope=3.0)
    found = UpliftCalibration.fit(guess, scores, e, np.arange(20_000))
    assert found.level[0] == pytest.approx(2, abs=0.15)
    assert found.slope[0] == pytest.approx(3, abs=0.15)
    np.testing.assert_allclose(found.apply(guess), 2 + 3 * guess, atol=0.8)


def test_no_effect_is_believed_to_be_next_to_nothing() -> None:
    measured, levels, slopes = [], [], []
    for seed in range(40):
        guess, scores, e = trial(500, seed, effect=0.0, slope=0.0)
        found = UpliftCalibration.fit(guess, scores, e, np.arange(500))
        measured.append(np.abs(found.measured[0, 0]))
        levels.append(np.abs(found.level[0]))
        slopes.append(found.slope[0])
    assert np.mean(levels) < 0.35 * np.mean(measured)
    assert 0 < np.mean(slopes) < 0.35


def test_levels_lie_between_nothing_and_the_guess_until_the_data_are_clear() -> None:
    guess, scores, e = trial(20_000, 5, effect=2.0, slope=0.0)
    for rows, low, high in ((30, 2.5, 7.5), (20_000, 1.8, 2.2)):
        part = slice(rows)
        found = UpliftCalibration.fit(guess[part] + 10, scores[part], e[part], np.arange(rows))
        assert low < found.level[0] < high


def test_arms_share_what_they_have_in_common() -> None:
    cov = np.eye(4) * 0.3
    alone = [believed_levels(np.array([1.0]), cov[:1, :1], np.ones(1))[0] for _ in range(4)]
    together = believed_levels(np.ones(4), cov, np.ones(4))
    assert (together > alone).all()
    apart = believed_levels(np.array([9.0, 0.0, 0.0, 0.0]), cov, np.ones(4))
    assert apart[0] > 8
    assert np.abs(apart[1:]).max() < 0.5


def test_slopes_are_never_negative_and_depart_only_with_evidence() -> None:
    against = believed_slopes(np.array([-2.0, -1.0]), np.eye(2) * 0.1)
    assert (against == LEAST).all()
    near = believed_slopes(np.array([1.1, 0.9]), np.eye(2) * 0.02)
    assert np.ptp(near) < 0.05
    far = believed_slopes(np.array([3.0, 1.0]), np.eye(2) * 0.001)
    np.testing.assert_allclose(far, [3, 1], atol=0.1)
    assert believed_slopes(np.array([1.0]), np.zeros((1, 1))).tolist() == [1 - NOTHING]


def test_the_better_guess_wins_only_if_the_data_show_it() -> None:
    rng = np.random.default_rng(1)
    good, bad = rng.normal(size=(2, 8_000, 1))
    guesses, e, groups = np.stack([good, bad]), np.full((8_000, 2), 0.5), np.arange(8_000)
    clear = mixed(guesses, good + 0.5 * rng.normal(size=(8_000, 1)), e, groups)
    np.testing.assert_allclose(clear, good, atol=0.2)
    apart = []
    for _ in range(20):
        found = mixed(guesses, 60 * rng.normal(size=(8_000, 1)), e, groups)
        apart.append(np.abs(found - (good + bad) / 2).mean() / np.abs(good - bad).mean())
    assert np.mean(apart) < 0.1  # Of at most one half.


def test_customers_share_one_curve_unless_the_data_object() -> None:
    rng = np.random.default_rng(2)
    rates = np.array([0.05, 0.1, 0.2])
    n, curve = 8_000, 10 * rates
    much = 1 + 0.5 * rng.normal(size=(n, 1))
    own = 0.3 * rng.normal(size=(n, 3))
    e, groups = np.full((n, 4), 0.25), np.arange(n)
    guess = much * curve + own
    blind = along_one_curve(guess, rates, much * curve + 9 * rng.normal(size=(n, 3)), e, groups)
    kept = along_one_curve(guess, rates, guess + 0.1 * rng.normal(size=(n, 3)), e, groups)
    np.testing.assert_allclose(kept, guess, atol=0.05)
    assert np.abs(blind - much * curve).mean() < 0.8 * np.abs(guess - much * curve).mean()
    assert along_one_curve(guess[:, :1], rates[:1], guess[:, :1], e, groups) is not None


def test_errors_count_customers_not_rows() -> None:
    guess, scores, e = trial(400, 3, effect=1.0, slope=1.0)
    thrice = np.repeat(np.arange(400), 3)
    found = UpliftCalibration.fit(guess[thrice], scores[thrice], e[thrice], thrice)
    once = UpliftCalibration.fit(guess, scores, e, np.arange(400))
    np.testing.assert_allclose(found.covariance, once.covariance, rtol=1e-6)
    assert lean(guess, -guess, scores, e, np.arange(400), least=0.0) == 0.0


def test_state_is_complete() -> None:
    guess, scores, e = trial(300, 4, effect=1.0, slope=1.0)
    one = UpliftCalibration.fit(guess, scores, e, np.arange(300))
    two = UpliftCalibration.from_dict(one.to_dict())
    np.testing.assert_array_equal(one.apply(guess), two.apply(guess))
    np.testing.assert_array_equal(one.errors(guess), two.errors(guess))
