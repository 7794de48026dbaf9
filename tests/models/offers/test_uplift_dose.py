"""Effects in order along the rate, and between the rates that were tried."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from neigung.errors import InputError
from neigung.models.offers.dose import between_rates, rising_blocks


@pytest.mark.parametrize("arms", [1, 2, 3, 6])
def test_blocks_are_isotonic_regression(arms: int) -> None:
    values = np.random.default_rng(arms).normal(size=(200, arms)).round(1)
    weights = rising_blocks(values)
    found = np.einsum("nab,nb->na", weights, values)
    expected = [IsotonicRegression().fit_transform(np.arange(arms), row) for row in values]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=2), 1)
    assert (np.diff(found, axis=1) >= -1e-12).all()


def test_no_rows() -> None:
    assert rising_blocks(np.empty((0, 3))).shape == (0, 3, 3)
    assert between_rates(np.empty((0, 2)), [0.1, 0.2], 0.05, rising=True).shape == (0,)


@pytest.mark.parametrize("rising", [True, False])
def test_between_the_arms_lies_a_line(rising: bool) -> None:
    effects = np.array([[0.02, 0.06], [-0.02, 0.0]])
    found = between_rates(effects, [0.1, 0.2], 0.15, rising=rising)
    np.testing.assert_allclose(found, [0.04, -0.01])
    for rate, arm in ((0.1, 0), (0.2, 1)):
        np.testing.assert_array_equal(
            between_rates(effects, [0.1, 0.2], rate, rising=rising), effects[:, arm]
        )


def test_below_the_lowest_arm_a_letter_puts_off_as_much_but_draws_less() -> None:
    effects = np.array([[0.02], [-0.02]])
    assert between_rates(effects, [0.1], 0.05, rising=True).tolist() == [0.01, -0.02]
    assert between_rates(effects, [0.1], 0.05, rising=False).tolist() == [0.01, -0.01]


@pytest.mark.parametrize("rate", [0.0, 0.11, float("nan")])
def test_a_rate_that_was_not_tried_has_no_answer(rate: float) -> None:
    with pytest.raises(InputError, match="More than what was tried"):
        between_rates(np.array([[0.1]]), [0.1], rate, rising=True)
