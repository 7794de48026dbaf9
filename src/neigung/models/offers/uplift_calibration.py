"""How much of a guessed uplift is real: doubly robust scores, levels and slopes, shrunk."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from neigung.models.encoding import Floats

Codes = npt.NDArray[np.int64]

NOTHING = 0.3
"""The share of trials, before the data speak, in which the guesses tell nobody apart."""

TRUST = (1.0, 0.5)
"""Mean and spread of the slope in the others. Chosen on five seeds of eight kinds of trials."""

LEAST = 0.02
"""The slope where the data deny one: no gain to speak of, but an order."""


def robust_scores(y: Floats, codes: Codes, probabilities: Floats, response: Floats) -> Floats:
    """Doubly robust scores of every arm's effect, shape (n, arms without the control).

    Their mean is an unbiased estimate of the effect if either the response or the assignment
    model is right (Robins, Rotnitzky and Zhao 1994):
    mu_a - mu_0 + 1[got a] (y - mu_a) / e_a - 1[got 0] (y - mu_0) / e_0.

    >>> y, codes = np.array([1.0, 0.0]), np.array([1, 0])
    >>> robust_scores(y, codes, np.full((2, 2), 0.5), np.full((2, 2), 0.5)).ravel().tolist()
    [1.0, 1.0]
    """
    rows = np.arange(len(y))
    weighted = (y - response[rows, codes]) / probabilities[rows, codes]
    scores = response[:, 1:] - response[:, :1]
    for arm in range(scores.shape[1]):
        scores[:, arm] += np.where(codes == arm + 1, weighted, 0.0)
        scores[:, arm] -= np.where(codes == 0, weighted, 0.0)
    return scores


def mixed(guesses: Floats, scores: Floats, probabilities: Floats, groups: Codes) -> Floats:
    """The mean of two guesses, leaning to the better one as far as the data show it.

    On noisy data both count the same, on clear data the one that fits counts alone.

    Args:
        guesses: Shape (2, n, arms).
        scores: From `robust_scores` (n, arms).
        probabilities: Shape (n, 1 + arms).
        groups: Shape (n,), codes of the customers.

    Returns:
        Shape (n, arms).
    """
    mean, half = (guesses[0] + guesses[1]) / 2, (guesses[0] - guesses[1]) / 2
    return np.asarray(mean + lean(mean, half, scores, probabilities, groups, least=-1.0) * half)


def along_one_curve(
    guess: Floats, rates: Floats, scores: Floats, probabilities: Floats, groups: Codes
) -> Floats:
    """Guesses whose customers share the form of their response to the rate, unless data object.

    A customer's guesses at several rates are drawn to a multiple of one curve, the mean guess
    (half way to a straight line from 0, which evens out the noise between neighbours): what tells
    customers apart is first of all how much they respond. How a customer departs from the curve
    is kept as far as the scores support it.

    Args:
        guess: Shape (n, arms).
        rates: Shape (arms,).
        scores: From `robust_scores` (n, arms).
        probabilities: Shape (n, 1 + arms).
        groups: Shape (n,), codes of the customers.

    Returns:
        Shape (n, arms).
    """
    if guess.shape[1] < 2:
        return guess
    curve = guess.mean(axis=0)
    curve = (curve + rates * (rates @ curve) / (rates @ rates)) / 2
    length = curve @ curve
    if length <= 0:
        return guess
    shared = np.outer(guess @ curve / length, curve)
    own = guess - shared
    return np.asarray(shared + lean(shared, own, scores, probabilities, groups, least=0.0) * own)


def lean(
    main: Floats,
    side: Floats,
    scores: Floats,
    probabilities: Floats,
    groups: Codes,
    *,
    least: float,
) -> float:
    """How much of `side` belongs beside `main`, from `least` to 1; 0 if the data cannot tell.

    Both stand beside each other in the regression of `UpliftCalibration.fit`, with one
    coefficient each for all arms; that of `side` is believed as far as it exceeds its error.

    >>> rng = np.random.default_rng(0)
    >>> main, side, noise = rng.normal(size=(3, 2000, 1))
    >>> args = np.full((2000, 2), 0.5), np.arange(2000)
    >>> round(lean(main, side, main + side + noise, *args, least=-1.0), 1)
    1.0
    >>> abs(round(lean(main, side, main + noise, *args, least=-1.0), 1))
    0.0
    """
    sides = np.stack([main, side], axis=2)
    gram, moment = np.zeros((2, 2)), np.zeros(2)
    parts = []
    for arm in range(scores.shape[1]):
        weight = _overlap_weight(probabilities, arm)
        x = sides[:, arm] - np.average(sides[:, arm], axis=0, weights=weight)
        z = scores[:, arm] - np.average(scores[:, arm], weights=weight)
        gram += (x * weight[:, None]).T @ x
        moment += x.T @ (weight * z)
        parts.append((x, weight, z))
    unit = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    inverse = np.linalg.pinv(gram / np.outer(unit, unit), hermitian=True) / np.outer(unit, unit)
    theta = inverse @ moment
    influence = sum((x * (w * (z - x @ theta))[:, None]) @ inverse for x, w, z in parts)
    errors = np.diag(_clustered(np.asarray(influence), groups))
    if not (errors > 0).all():
        return 0.0
    # Where `main` itself is in doubt, its coefficient is no yardstick.
    yardstick = max(theta[0], 2 * np.sqrt(errors[0]))
    return float(np.clip(_believed(theta[1], errors[1]) / yardstick, least, 1.0))


@dataclass(frozen=True)
class UpliftCalibration:
    """Level and slope of every arm, as believed, and what was measured.

    The believed uplift of a customer with guess g is `level + slope * (g - centre)`.

    Attributes:
        centre: Mean guess per arm.
        level: Believed mean effect per arm.
        slope: Believed effect per unit of guess; above 0.
        measured: Shape (arms, 2), doubly robust estimates of mean effect and slope.
        covariance: Shape (arms, 2, 2), theirs.
        misfit: Variance per arm, of the mean effects of customers with like guesses around the
            measured line, beyond what chance explains.
    """

    centre: Floats
    level: Floats
    slope: Floats
    measured: Floats
    covariance: Floats
    misfit: Floats

    @classmethod
    def fit(
        cls,
        guesses: Floats,
        scores: Floats,
        probabilities: Floats,
        groups: Codes,
        *,
        rates: Floats | None = None,
        rising: bool = False,
    ) -> Self:
        """Regress the doubly robust scores on the guesses, arm by arm, then believe less.

        The regression is the best linear predictor of Chernozhukov, Demirer, Duflo and
        Fernández-Val (2018), weighted by overlap, with errors clustered by customer. Then both
        coefficients are shrunk by empirical Bayes, the arms together:

        - levels: the mean of what two readers would believe, one who expects no effect and one
          who expects the mean guess. Either expects a departure of N(0, M), with M of two parts,
          one along the mean guesses (the shape that the arms share) and one apart for each arm,
          both of the size under which the data are most likely; and half of all trials without
          any. With one arm this is nearly the positive-part James-Stein estimate, (1 - 1/t²) of
          what was measured. Clear data convince both readers; so the correction of the guesses
          for targeting switches itself off where the data do not support it.
        - slopes: all arms share one, with departures where the data insist. Either the guesses
          tell nobody apart and the slope is 0, as in `NOTHING` of all trials beforehand, or they
          are about right, with a slope of N(1, 0.5²) (`TRUST`): boosted guesses are cautious by
          themselves. The posterior mean is believed, at least `LEAST`: customers keep an order.

        Args:
            guesses: Out-of-fold uplift (n, arms).
            scores: From `robust_scores` (n, arms).
            probabilities: Shape (n, 1 + arms), the control first.
            groups: Shape (n,), codes of the customers.
            rates: Shape (arms,), if the arms are points on a dose.
            rising: Whether levels may not fall from one arm to the next.
        """
        n, arms = guesses.shape
        measured, influence = np.zeros((arms, 2)), np.zeros((n, arms, 2))
        centre = guesses.mean(axis=0)
        for arm in range(arms):
            weight = _overlap_weight(probabilities, arm)
            base = np.column_stack([np.ones(n), guesses[:, arm] - centre[arm]])
            scale = np.array([1.0, max(base[:, 1].std(), 1e-300)])
            unit = base / scale
            inverse = np.linalg.pinv((unit * weight[:, None]).T @ unit, hermitian=True)
            theta = inverse @ ((unit * weight[:, None]).T @ scores[:, arm])
            left = weight * (scores[:, arm] - unit @ theta)
            measured[arm] = theta / scale
            influence[:, arm] = (unit * left[:, None]) @ inverse / scale
        joint = _clustered(influence.reshape(n, -1), groups).reshape(arms, 2, arms, 2)
        shape = centre
        if rates is not None and arms > 1:
            # No discount, no effect: noise in the control would lift all arms alike.
            shape = (centre + rates * (rates @ centre) / (rates @ rates)) / 2
        error = joint[:, 0, :, 0]
        sceptic = believed_levels(measured[:, 0], error, shape)
        trusting = centre + believed_levels(measured[:, 0] - centre, error, shape)
        level = (sceptic + trusting) / 2
        if rising:
            level = _rising(level)
        slope = believed_slopes(measured[:, 1], joint[:, 1, :, 1])
        own = np.array([joint[arm, :, arm] for arm in range(arms)])
        misfit = np.zeros(arms)
        for arm in range(arms):
            line = measured[arm, 0] + measured[arm, 1] * (guesses[:, arm] - centre[arm])
            weight = _overlap_weight(probabilities, arm)
            misfit[arm] = _misfit(guesses[:, arm], scores[:, arm] - line, weight)
        return cls(centre, level, slope, measured, own, misfit)

    def apply(self, guesses: Floats) -> Floats:
        """Believed uplift (n, arms) of customers with these guesses."""
        return np.asarray(self.level + self.slope * (guesses - self.centre))

    def errors(self, guesses: Floats) -> Floats:
        """Standard error (n, arms) of the mean effect of customers with these guesses.

        Of three parts: the error of the measured line, how far the believed one lies from it, and
        how far groups of like customers lie off any line.
        """
        x = guesses - self.centre
        cov = self.covariance
        variance = cov[:, 0, 0] + 2 * x * cov[:, 0, 1] + x**2 * cov[:, 1, 1]
        apart = self.measured[:, 0] - self.level + x * (self.measured[:, 1] - self.slope)
        variance = variance + apart**2 + self.misfit
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """The calibration of which `to_dict` was kept."""
        return cls(**{name: np.array(value, dtype=np.float64) for name, value in state.items()})


def believed_levels(measured: Floats, covariance: Floats, shape: Floats) -> Floats:
    """Mean effects as believed after shrinking, shape (arms,); see `UpliftCalibration.fit`.

    >>> believed_levels(np.array([2.0]), np.array([[1.0]]), np.array([1.0])).round(1).tolist()
    [1.1]
    >>> believed_levels(np.array([5.0]), np.array([[1.0]]), np.array([1.0])).round(1).tolist()
    [4.8]
    >>> believed_levels(np.array([0.9]), np.array([[1.0]]), np.array([1.0])).tolist()
    [0.0]
    """
    arms = len(measured)
    length = np.sqrt((shape**2).sum())
    along = np.outer(shape, shape) / length**2 if length > 0 else np.zeros((arms, arms))
    covariance = covariance + 1e-12 * np.trace(covariance) * np.eye(arms) / arms
    sizes = np.concatenate([[0.0], np.trace(covariance) * np.logspace(-2, 5, 71)])
    apart = sizes[::2] if arms > 1 else sizes[:1]
    return _most_likely(
        measured,
        covariance,
        [one * along + two * np.eye(arms) / arms for one in sizes for two in apart],
    )


def believed_slopes(measured: Floats, covariance: Floats) -> Floats:
    """Slopes as believed, shape (arms,), all above 0; see `UpliftCalibration.fit`.

    >>> believed_slopes(np.array([1.0, 1.0]), np.eye(2) * 0.01).round(2).tolist()
    [1.0, 1.0]
    >>> believed_slopes(np.array([0.0]), np.eye(1) * 0.1).round(2).tolist()
    [0.07]
    >>> believed_slopes(np.array([0.0]), np.eye(1) * 100).round(2).tolist()  # data say nothing
    [0.7]
    """
    from scipy.stats import norm

    arms = len(measured)
    out = np.full(arms, (1 - NOTHING) * TRUST[0])
    usable = np.isfinite(measured) & (np.diag(covariance) > 0)
    if not usable.any():
        return out
    estimate, cov = measured[usable], covariance[np.ix_(usable, usable)]
    one = np.ones(len(estimate))
    precision = np.linalg.pinv(cov, hermitian=True)
    variance = 1 / float(one @ precision @ one)
    common = float(one @ precision @ estimate) * variance
    mean, spread = TRUST
    something = (1 - NOTHING) * norm.pdf(common, mean, np.sqrt(variance + spread**2))
    nothing = NOTHING * norm.pdf(common, 0, np.sqrt(variance))
    share = something / (something + nothing) if something > 0 else 0.0
    shared = (mean / spread**2 + common / variance) / (1 / spread**2 + 1 / variance)
    sizes = np.concatenate([[0.0], np.trace(cov) / len(one) * np.logspace(-2, 3, 51)])
    apart = _most_likely(estimate - common, cov, [size * np.eye(len(one)) for size in sizes])
    out[usable] = np.maximum(share * (shared + apart), LEAST)
    return out


def _most_likely(measured: Floats, covariance: Floats, priors: list[Floats]) -> Floats:
    """Posterior mean under the prior covariance of greatest marginal likelihood.

    Weighed by the probability that it is not the first prior, 0, that is true, both being as
    likely beforehand.
    """
    whole = np.array(priors) + covariance
    solved = np.linalg.solve(whole, np.broadcast_to(measured, whole.shape[:2])[..., None])[..., 0]
    surprise = np.linalg.slogdet(whole)[1] + solved @ measured
    best = int(surprise.argmin())
    probability = 1 / (1 + np.exp((surprise[best] - surprise[0]) / 2))
    return np.asarray(probability * (priors[best] @ solved[best]))


def _believed(measured: float, variance: float) -> float:
    """One number as believed, by `_most_likely` in closed form."""
    square = measured**2 / variance
    if square <= 1:
        return 0.0
    probability = 1 / (1 + np.sqrt(square) * np.exp((1 - square) / 2))
    return float(measured * (1 - 1 / square) * probability)


def _misfit(guess: Floats, left: Floats, weight: Floats) -> float:
    """Variance of the true means of `left` in parts of like guesses, by moments; at least 0."""
    parts = np.array_split(np.argsort(guess, kind="stable"), min(10, max(2, len(guess) // 200)))
    excess = []
    for part in parts:
        w = weight[part] / weight[part].sum()
        mean = w @ left[part]
        excess.append(mean**2 - (w**2) @ (left[part] - mean) ** 2)
    return max(0.0, float(np.mean(excess)))


def _rising(values: Floats) -> Floats:
    from sklearn.isotonic import IsotonicRegression

    return np.asarray(IsotonicRegression().fit_transform(np.arange(len(values)), values))


def _overlap_weight(probabilities: Floats, arm: int) -> Floats:
    """Weight of each row where `arm` is set against the control: low where one of them is rare."""
    mine, control = probabilities[:, arm + 1], probabilities[:, 0]
    return np.asarray(mine * control / (mine + control))


def _clustered(influence: Floats, groups: Codes) -> Floats:
    """Covariance of the estimates whose influence per row is given, rows of a group as one."""
    if groups.max() + 1 < len(groups):
        influence = np.column_stack([np.bincount(groups, column) for column in influence.T])
    return np.asarray(influence.T @ influence)
