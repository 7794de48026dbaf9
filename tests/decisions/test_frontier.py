import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.decisions.frontier import CHUNK, Steps


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_frontiers_are_the_upper_hulls(n: int, arms: int, seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    gain, cost = rng.normal(1, 3, (n, arms)), rng.gamma(1, 2, (n, arms))
    if whole:  # Many ties, and arms in one line.
        gain, cost = np.round(gain), np.round(cost)
    cost[:, 0] = 0
    steps = Steps.of(gain, cost)
    for price in (0.0, 0.3, 1.0, 2.5, 40.0):
        # At every price of money, the steps steeper than it lead to the best arm at that price.
        worth = gain - price * cost
        taken = int((steps.slope[steps.order] > price).sum())
        choice = steps.choice(steps.levels(taken))
        reached = worth[np.arange(n), choice]
        np.testing.assert_allclose(reached, worth.max(axis=1), atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_steps_fall_in_slope_and_keep_a_customers_sequence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain, cost = (
        rng.integers(0, 9, (20, 5)).astype(float),
        rng.integers(0, 5, (20, 5)).astype(float),
    )
    cost[:, 0] = 0
    steps = Steps.of(gain, cost)
    assert (np.diff(steps.slope[steps.order]) <= 0).all()
    for row in range(20):
        own = steps.order[steps.order // steps.width == row] % steps.width
        assert own.tolist() == list(range(len(own)))
    assert (steps.gain[steps.order] > 0).all()
    assert (steps.cost[steps.order] > 0).all()


def test_customers_beyond_one_chunk_are_treated_alike() -> None:
    rng = np.random.default_rng(0)
    few_gain, few_cost = rng.normal(1, 2, (7, 3)), rng.gamma(1, 1, (7, 3))
    few_cost[:, 0] = 0
    often = CHUNK // 7 + 3
    steps = Steps.of(np.tile(few_gain, (often, 1)), np.tile(few_cost, (often, 1)))
    small = Steps.of(few_gain, few_cost)
    assert np.array_equal(steps.slope.reshape(often, -1), np.tile(small.slope, (often, 1)))
    assert np.array_equal(steps.first, np.tile(small.first, often))


def test_a_control_alone_has_no_steps() -> None:
    steps = Steps.of(np.ones((3, 1)), np.zeros((3, 1)))
    assert len(steps.order) == 0
    assert steps.choice(steps.levels(0)).tolist() == [0, 0, 0]
