from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.stats import beta

from neigung.errors import InputError
from neigung.evaluation.propensity import bgnbd
from neigung.evaluation.propensity.bgnbd import BGNBD

PARAMETERS = ("r_", "alpha_", "a_", "b_")


def known(r, alpha, a, b):
    model = BGNBD()
    for name, value in zip(PARAMETERS, (r, alpha, a, b), strict=True):
        setattr(model, name, value)
    return model


@pytest.fixture(scope="module")
def cdnow():
    table = pd.read_csv(Path(__file__).parent / "data" / "cdnow.csv")
    return table["x"], table["t_x"], table["T"]


def simulate(n, age, horizon, r, alpha, a, b, seed):
    """Order histories as the model tells them: x, t_x, T and orders in (T, T + horizon]."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, later, t_x, now = (np.zeros(n) for _ in range(4))
    alive = np.full(n, True)
    while alive.any():
        now = np.where(alive, now + rng.exponential(1, n) / rate, now)
        alive &= now <= age + horizon
        before = alive & (now <= age)
        x, t_x = x + before, np.where(before, now, t_x)
        later += alive & (now > age)
        alive &= rng.random(n) >= leave
    return x, t_x, np.full(n, float(age)), later


def test_cdnow_gives_the_published_estimates(cdnow):
    model = BGNBD().fit(*cdnow)
    found = [getattr(model, name) for name in PARAMETERS]
    np.testing.assert_allclose(found, [0.243, 4.414, 0.793, 2.426], atol=0.001)
    assert model.log_likelihood_ == pytest.approx(-9582.4, abs=0.05)
    assert model.identified_


def test_cdnow_gives_the_published_forecast(cdnow):
    # The customer of the paper's worked example: 1.226 orders in the next 39 weeks.
    model = BGNBD().fit(*cdnow)
    assert model.expected_orders([2], [30.43], [38.86], 39)[0] == pytest.approx(1.226, abs=0.001)


def test_days_and_weeks_give_the_same_model(cdnow):
    x, t_x, T = cdnow
    weeks, days = BGNBD().fit(x, t_x, T), BGNBD().fit(x, 7 * t_x, 7 * T)
    assert days.alpha_ == pytest.approx(7 * weeks.alpha_, rel=1e-4)
    np.testing.assert_allclose(
        days.probability_of_order(x, 7 * t_x, 7 * T, 28),
        weeks.probability_of_order(x, t_x, T, 4),
        rtol=1e-4,
    )


def test_forecasts_are_right_on_simulated_customers():
    truth = {"r": 0.8, "alpha": 20, "a": 0.8, "b": 2.5}
    x, t_x, T, later = simulate(40_000, 150, 30, **truth, seed=1)
    model = known(*truth.values())
    p = model.probability_of_order(x, t_x, T, 30)
    expected = model.expected_orders(x, t_x, T, 30)
    assert 0.1 < (later > 0).mean() < 0.9
    for bin_ in np.array_split(np.argsort(p, kind="stable"), 8):
        assert p[bin_].mean() == pytest.approx((later[bin_] > 0).mean(), abs=0.02)
        assert expected[bin_].mean() == pytest.approx(later[bin_].mean(), abs=0.08)


def test_fit_recovers_what_was_put_in():
    x, t_x, T, _ = simulate(20_000, 300, 1, r=0.8, alpha=20, a=0.8, b=2.5, seed=2)
    model = BGNBD().fit(x, t_x, T)
    found = [getattr(model, name) for name in PARAMETERS]
    np.testing.assert_allclose(found, [0.8, 20, 0.8, 2.5], rtol=0.15)


def test_gradient_is_the_slope_of_the_value():
    x, t_x, T, _ = simulate(200, 100, 1, r=0.8, alpha=20, a=0.8, b=2.5, seed=3)
    data = (x, t_x, T, np.arange(200.0) % 3)

    def part(i):
        return lambda theta: bgnbd._negative_mean_log_likelihood(theta, *data)[i]

    for theta in (np.zeros(4), np.array([-1.5, 3, 1, -2.0])):
        assert check_grad(part(0), part(1), theta) < 1e-5


@settings(max_examples=40, deadline=None)
@given(
    r=st.floats(0.05, 20),
    alpha=st.floats(0.1, 100),
    a=st.one_of(st.floats(0.05, 5), st.just(1.0)),
    b=st.one_of(st.floats(0.05, 5), st.just(0.5)),
    x=st.integers(0, 500),
    share=st.floats(0, 1),
    horizon=st.floats(0.1, 400),
)
def test_expected_orders_equals_an_integral(r, alpha, a, b, x, share, horizon):
    """Alive, given p: (1 - (1 + p h / (alpha + T)) ** -(r + x)) / p; p is beta(a, b + x)."""
    T = 200.0
    model = known(r, alpha, a, b)
    found = model.expected_orders([x], [share * T], [T], horizon)[0]
    p = np.clip(beta.ppf((np.arange(20_000) + 0.5) / 20_000, a, b + x), 1e-12, 1)
    inner = -np.expm1(-(r + x) * np.log1p(p * horizon / (alpha + T))) / p
    alive = model.probability_alive([x], [share * T], [T])[0]
    assert found == pytest.approx(alive * inner.mean(), rel=0.02, abs=1e-6)


@settings(max_examples=25, deadline=None)
@example([(2, 0.0, 0.0), (0, 1.0, 1.0)])
@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.floats(0, 1), st.just(0.0) | st.floats(1e-6, 40_000)),
        min_size=1,
        max_size=8,
    )
)
def test_any_history_gives_finite_parameters_and_probabilities(rows):
    x, share, T = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    model = BGNBD().fit(x, share * T, T)
    assert np.isfinite([getattr(model, name) for name in PARAMETERS]).all()
    assert np.isfinite(model.log_likelihood_)
    for p in (
        model.probability_of_order(x, share * T, T, 30),
        model.probability_alive(x, share * T, T),
    ):
        assert ((p >= 0) & (p <= 1)).all()
    assert np.isfinite(model.expected_orders(x, share * T, T, 30)).all()


def test_without_any_repeat_order_the_rate_is_half_an_order_in_all_the_time():
    model = BGNBD().fit([0, 0, 0], [0, 0, 0], [100, 200, 100])
    assert (model.r_, model.alpha_, model.identified_) == (0.5, 400.0, False)
    p = model.probability_of_order([0], [0], [100], 30)[0]
    assert 0 < p < 0.1


def test_identical_customers_keep_their_rate():
    model = BGNBD().fit([10] * 50, [100.0] * 50, [100.0] * 50)
    assert model.probability_of_order([10], [100], [100], 10)[0] == pytest.approx(
        1 - np.exp(-1), abs=0.1
    )


@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [([1, -1], [1, 0], [2, 2]), ([1], [3], [2]), ([np.nan], [1], [2]), ([1], [1], [np.inf])],
)
def test_impossible_histories_are_refused_with_an_example(x, t_x, T):
    with pytest.raises(InputError, match=r"1 customers break this, for example x="):
        BGNBD().fit(x, t_x, T)


def test_wrong_shapes_and_horizons_are_refused():
    with pytest.raises(InputError, match="one length"):
        BGNBD().fit([1, 2], [1], [2])
    model = known(1, 1, 1, 1)
    with pytest.raises(InputError, match="horizon above zero"):
        model.probability_of_order([1], [1], [2], 0)
