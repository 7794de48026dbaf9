import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from neigung.errors import InputError
from neigung.models.propensity.calibration import MIN_SLOPE, SigmoidCalibration


def test_finds_the_line_that_made_the_outcomes() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(1, 2, 100_000)
    y = rng.random(len(margin)) < expit(0.6 * margin - 0.4)
    fitted = SigmoidCalibration.fit(margin, y)
    assert fitted.slope == pytest.approx(0.6, abs=0.02)
    assert fitted.intercept == pytest.approx(-0.4, abs=0.03)
    assert expit(fitted.apply(margin)).mean() == pytest.approx(y.mean(), abs=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 0.1, 10.0])
def test_scale_of_the_margin_does_not_matter(scale: float) -> None:
    rng = np.random.default_rng(2)
    margin = rng.normal(size=500)
    y = rng.random(500) < expit(margin)
    plain, scaled = SigmoidCalibration.fit(margin, y), SigmoidCalibration.fit(margin * scale, y)
    assert scaled.apply(margin * scale) == pytest.approx(plain.apply(margin), abs=1e-6)


def test_perfect_separation_gives_a_finite_line() -> None:
    fitted = SigmoidCalibration.fit(np.r_[np.full(50, -3.0), np.full(50, 3.0)], np.arange(100) > 49)
    # Platt's targets: 51 / 52 and 1 / 52, met exactly by two groups.
    assert expit(fitted.apply(np.array([3.0]))) == pytest.approx(51 / 52, abs=1e-6)


def test_no_signal_means_the_base_rate_with_ranks_kept() -> None:
    margin = np.linspace(-2, 2, 200)
    y = np.r_[np.ones(80), np.zeros(120)]
    fitted = SigmoidCalibration.fit(margin, y)
    assert fitted.slope == MIN_SLOPE
    probability = expit(fitted.apply(margin))
    assert probability == pytest.approx(np.full(200, 0.4), abs=0.005)
    assert (np.diff(probability) > 0).all()


def test_constant_margin_gives_the_base_rate() -> None:
    fitted = SigmoidCalibration.fit(np.full(1000, 7.0), np.arange(1000) < 300)
    assert fitted.slope > 0
    assert expit(fitted.apply(np.array([7.0]))) == pytest.approx(0.3, abs=0.002)


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1], []])
def test_one_outcome_is_refused(y: list[int]) -> None:
    with pytest.raises(InputError, match="with and without the outcome"):
        SigmoidCalibration.fit(np.zeros(len(y)), y)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=2, max_size=60).filter(
        lambda rows: len({label for _, label in rows}) == 2
    )
)
def test_the_slope_is_always_positive_and_finite(rows: list[tuple[float, bool]]) -> None:
    fitted = SigmoidCalibration.fit(*(np.array(part, dtype=float) for part in zip(*rows)))  # noqa: B905
    assert 0 < fitted.slope < np.inf
    assert np.isfinite(fitted.intercept)
