"""Effects along the discount rate: in order per customer, and between the rates that were tried."""

from collections.abc import Sequence

import numpy as np

from neigung.errors import InputError
from neigung.models.encoding import Floats


def rising_blocks(values: Floats) -> Floats:
    """Weights that make each row's values rise, shape (n, k, k).

    `np.einsum("nab,nb->na", weights, values)` is the closest rising sequence (isotonic
    regression, by its min-max formula: Robertson, Wright and Dykstra 1988). Each weight row is
    the mean over one block of neighbours, so whatever adds up to `values` adds up to the rising
    sequence when averaged in the same way.

    >>> weights = rising_blocks(np.array([[3.0, 1.0, 5.0]]))
    >>> np.einsum("nab,nb->na", weights, np.array([[3.0, 1.0, 5.0]])).tolist()
    [[2.0, 2.0, 5.0]]
    """
    n, k = values.shape
    totals = np.concatenate([np.zeros((n, 1)), values.cumsum(axis=1)], axis=1)
    weights = np.zeros((n, k, k))
    rising = (np.diff(values, axis=1) >= 0).all(axis=1)
    weights[rising] = np.eye(k)
    rows = np.flatnonzero(~rising)
    if not len(rows):
        return weights
    sums = totals[rows]
    mean = np.full((len(rows), k, k), np.nan)  # [row, first, last]
    columns = np.arange(k)
    for first in range(k):
        for last in range(first, k):
            mean[:, first, last] = (sums[:, last + 1] - sums[:, first]) / (last - first + 1)
    for arm in range(k):
        block = mean[:, : arm + 1, arm:]
        lasts = block.argmin(axis=2)
        least = np.take_along_axis(block, lasts[:, :, None], axis=2)[:, :, 0]
        firsts = least.argmax(axis=1)
        ends = lasts[np.arange(len(rows)), firsts] + arm
        inside = (columns >= firsts[:, None]) & (columns <= ends[:, None])
        weights[rows, arm] = inside / inside.sum(axis=1, keepdims=True)
    return weights


def between_rates(effects: Floats, rates: Sequence[float], rate: float, *, rising: bool) -> Floats:
    """Effects at a rate that no arm had, shape (n,).

    Straight lines between the arms. Below the lowest arm: a line to no effect at rate 0; but
    where effects may only rise with the rate and the lowest arm puts a customer off, a smaller
    discount in the same letter puts off as much, so that the effect stays where it is.

    Args:
        effects: Shape (n, arms), in the order of `rates`.
        rates: Rates of the arms, ascending.
        rate: In (0, highest rate].
        rising: Whether effects may only rise with the rate.

    Raises:
        InputError: A rate outside (0, highest rate].

    >>> between_rates(np.array([[0.02, 0.04], [-0.01, 0.0]]), [0.05, 0.1], 0.025, rising=True)
    array([ 0.01, -0.01])
    """
    highest = rates[-1]
    if not 0 < rate <= highest + 1e-12:
        raise InputError(
            f"Effects are known for rates above 0 up to the highest arm's, {highest:g}, but "
            f"{rate:g} was asked. More than what was tried cannot be answered."
        )
    for j, known in enumerate(rates):
        if abs(rate - known) < 1e-12:
            return np.asarray(effects[:, j])
    after = int(np.searchsorted(rates, rate))
    if after == 0:
        line = effects[:, 0] * (rate / rates[0])
        return np.minimum(line, effects[:, 0]) if rising else line
    share = (rate - rates[after - 1]) / (rates[after] - rates[after - 1])
    return np.asarray((1 - share) * effects[:, after - 1] + share * effects[:, after])
