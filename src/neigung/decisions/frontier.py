"""Every customer's efficient frontier: which arms are worth their cost, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

CHUNK = 100_000
"""Customers worked on at once: temporary arrays stay in tens of megabytes."""

_STEEPEST = 1e300
"""Gain per cost counted at most, so that products with costs stay numbers."""


@dataclass(frozen=True, eq=False)
class Steps:
    """The efficient frontiers: upper concave hulls of (cost, gain), begun at the best free arm.

    `first` (n,) is that arm; step k of a customer leads to `arm`, with more `cost` and `gain`
    than the step before, and no higher `slope`, their ratio; all (n * (A - 1),), customer by
    customer. `order` holds the steps that exist, by falling slope; a customer's own steps keep
    their sequence.

    The middle arm of the second customer is not worth its cost: half of each dearer one is better.

    >>> gain, cost = np.array([[0.0, 3, 4], [0, 1, 5]]), np.array([[0.0, 1, 2], [0, 2, 3]])
    >>> steps = Steps.of(gain, cost)
    >>> steps.order.tolist(), steps.slope[steps.order].round(2).tolist()
    ([0, 2, 1], [3.0, 1.67, 1.0])
    >>> steps.choice(steps.levels(taken=2)).tolist()
    [1, 2]
    """

    first: Ints
    arm: npt.NDArray[np.int32]
    cost: Floats
    gain: Floats
    slope: Floats
    order: Ints
    width: int

    @classmethod
    def of(cls, gain: Floats, cost: Floats) -> Steps:
        """The frontiers of (n, A) gains and costs; costs of 0 or more, the first column's 0."""
        n, arms = gain.shape
        width = arms - 1
        first = np.empty(n, dtype=np.intp)
        arm = np.zeros((n, width), dtype=np.int32)
        step_cost, step_gain = np.zeros((n, width)), np.zeros((n, width))
        slope = np.full((n, width), -np.inf)
        for start in range(0, n, CHUNK):
            rows = slice(start, start + CHUNK)
            first[rows] = _frontier(
                gain[rows], cost[rows], arm[rows], step_cost[rows], step_gain[rows], slope[rows]
            )
        flat = slope.ravel()
        existing = np.flatnonzero(flat > -np.inf)
        order = existing[np.argsort(-flat[existing], kind="stable")]
        return cls(first, arm, step_cost.ravel(), step_gain.ravel(), flat, order, width)

    def levels(self, taken: int) -> Ints:
        """How many steps each customer has made after the first `taken` of all."""
        return self.advanced(self.order[:taken])

    def advanced(self, steps: Ints) -> Ints:
        """How many of these steps are each customer's."""
        rows = steps // max(1, self.width)
        counts: Ints = np.bincount(rows, minlength=len(self.first)).astype(np.intp)
        return counts

    def choice(self, level: Ints) -> Ints:
        """The arm of each customer after so many steps."""
        if not self.width:
            return self.first.copy()
        rows = np.arange(len(level))
        last = self.arm[rows, np.maximum(level - 1, 0)]
        return np.where(level > 0, last, self.first).astype(np.intp)


def _frontier(
    gain: Floats,
    cost: Floats,
    arm: npt.NDArray[np.int32],
    step_cost: Floats,
    step_gain: Floats,
    slope: Floats,
) -> Ints:
    """Fill the steps of some customers, by gift wrapping, and return their first arms."""
    rows = np.arange(len(gain))
    first: Ints = np.where(cost == 0, gain, -np.inf).argmax(axis=1)
    at_cost, at_gain = np.zeros(len(gain)), gain[rows, first]
    for k in range(gain.shape[1] - 1):
        more_cost, more_gain = cost - at_cost[:, None], gain - at_gain[:, None]
        ratio = np.zeros(gain.shape)
        with np.errstate(over="ignore", under="ignore"):
            np.divide(more_gain, more_cost, out=ratio, where=(more_gain > 0) & (more_cost > 0))
        np.minimum(ratio, _STEEPEST, out=ratio)
        steepest = ratio.max(axis=1)
        exists = steepest > 0
        # Of arms in one line the nearest: small steps leave less of the money unspent.
        distance = np.where(ratio == steepest[:, None], more_cost, np.inf)
        distance[~exists] = np.inf
        nearest = distance == distance.min(axis=1)[:, None]
        to = np.where(nearest, gain, -np.inf).argmax(axis=1)
        arm[:, k] = to
        step_cost[:, k] = np.where(exists, more_cost[rows, to], 0.0)
        step_gain[:, k] = np.where(exists, more_gain[rows, to], 0.0)
        # Rounding must not let a step overtake the one before.
        here = np.minimum(steepest, slope[:, k - 1]) if k else steepest
        slope[:, k] = np.where(exists, here, -np.inf)
        at_cost = np.where(exists, cost[rows, to], at_cost)
        at_gain = np.where(exists, gain[rows, to], at_gain)
    return first
