"""Uplift that is linear in the features, on the scale on which the outcome lives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neigung.models.encoding import Floats

Codes = npt.NDArray[np.int64]

MOST_COEFFICIENTS = 1_200
"""Coefficients of the linear uplift over all arms; more columns than that are left to the trees."""


def linear_uplift(
    features: Floats,
    codes: Codes,
    design: Floats,
    probabilities: Floats,
    residual: Floats,
    folds: Codes,
    *,
    slope: Floats,
    noise: Floats,
) -> Floats:
    """Uplift of every arm that is linear in the features, out of fold.

    Residuals of the outcome on residuals of the treatment ("R-learner", Robinson 1988; Nie and
    Wager 2021), with a ridge whose strength is the one under which the data are most likely
    (empirical Bayes). Where nothing interacts with the features, that strength is infinite and
    the uplift the same for everybody, but for `slope`.

    The linear part lives on the scale of a generalised linear model, of which this is one step
    of Newton's method: the effect on the outcome is `slope` times it. With slope p (1 - p) that
    is the log-odds of a purchase, with the mean the logarithm of an amount, with 1 the outcome.

    Args:
        features: Standardised design (n, m), without missing values.
        codes: Shape (n,), 0 the control.
        design: Shape (arms, q), from `treatment_design`.
        probabilities: Shape (n, arms).
        residual: Outcomes less what was expected without looking at the row (n,).
        folds: Shape (n,).
        slope: Shape (n,), how far the mean outcome moves per unit of the linear part.
        noise: Shape (n,), variance of the outcome, but for a factor.

    Returns:
        Shape (n, arms without the control).
    """
    q, m = design.shape[1], features.shape[1]
    treatment = design[codes] - probabilities @ design
    scale = treatment.std(axis=0)
    treatment, doses = treatment / scale, design[1:] / scale
    treatment = treatment * (slope / np.sqrt(noise))[:, None]
    residual = residual / np.sqrt(noise)
    count = int(folds.max()) + 1
    size = q * (m + 1)
    grams, moments = np.zeros((count, size, size)), np.zeros((count, size))
    powers = np.bincount(folds, residual**2, minlength=count)
    rows_in = np.bincount(folds, minlength=count)
    for fold in range(count):
        for rows in np.array_split(np.flatnonzero(folds == fold), len(features) // 20_000 + 1):
            base = np.column_stack([np.ones(len(rows)), features[rows]])
            block = np.concatenate([treatment[rows, [b]][:, None] * base for b in range(q)], 1)
            grams[fold] += block.T @ block
            moments[fold] += block.T @ residual[rows]
    free = np.zeros(size, dtype=bool)
    free[:: m + 1] = True
    out = np.zeros((len(features), len(doses)))
    for fold in range(count):
        left = (powers.sum() - powers[fold]) / (rows_in.sum() - rows_in[fold])
        theta = likely_ridge(
            grams.sum(axis=0) - grams[fold], moments.sum(axis=0) - moments[fold], left, free
        ).reshape(q, m + 1)
        rows = folds == fold
        out[rows] = (theta[:, 0] + features[rows] @ theta[:, 1:].T) @ doses.T
    return slope[:, None] * out


def likely_ridge(gram: Floats, moment: Floats, noise: float, free: npt.NDArray[np.bool_]) -> Floats:
    """Ridge coefficients with the prior variance of greatest marginal likelihood.

    Args:
        gram: X'X, shape (k, k).
        moment: X'y, shape (k,).
        noise: Variance of the noise.
        free: Shape (k,), which coefficients are not shrunk.

    >>> gram, moment = np.diag([100.0, 100.0, 100.0]), np.array([50.0, 3.0, -5.0])
    >>> likely_ridge(gram, moment, 1.0, np.array([True, False, False])).round(3).tolist()
    [0.5, 0.0, 0.0]
    """
    inverse = np.linalg.pinv(gram[np.ix_(free, free)], hermitian=True)
    cross = gram[np.ix_(free, ~free)]
    schur = gram[np.ix_(~free, ~free)] - cross.T @ inverse @ cross
    rest = moment[~free] - cross.T @ inverse @ moment[free]
    values, vectors = np.linalg.eigh(schur)
    # Rotated, the moments are independent: N(0, value * noise + value² * prior).
    rotated = vectors.T @ rest
    kept = values > 1e-8 * max(values.max(initial=0.0), 1e-300)
    values, rotated, vectors = values[kept], rotated[kept], vectors[:, kept]
    if not len(values):
        theta = np.zeros((~free).sum())
    else:
        typical = noise / np.median(values)
        priors = np.concatenate([[0.0], typical * np.logspace(-4, 3, 71)])
        spread = values * noise + values**2 * priors[:, None]
        surprise = (np.log(spread) + rotated**2 / spread).sum(axis=1)
        prior = priors[int(surprise.argmin())]
        theta = vectors @ (rotated * prior / (values * prior + noise))
    out = np.zeros(len(moment))
    out[~free] = theta
    out[free] = inverse @ (moment[free] - cross @ theta)
    return out


def linear_design(array: Floats, categorical: Sequence[int], most: int) -> Floats:
    """Standardised columns for `linear_uplift`, shape (n, at most `most`).

    Numbers become normal scores of their ranks, so that no outlier leads; a missing one is the
    middle and gets an indicator. Categories become indicators.

    Args:
        array: Encoded features (n, p).
        categorical: Positions of the categorical ones.
        most: Columns kept at most, numbers first.
    """
    from scipy.stats import norm

    n = len(array)
    columns: list[Floats] = []
    late: list[Floats] = []
    positions = np.linspace(0, n - 1, min(n, 20_000)).astype(np.int64)
    for j in range(array.shape[1]):
        values = array[:, j]
        missing = np.isnan(values)
        if j in set(categorical):
            codes, counts = np.unique(values[~missing], return_counts=True)
            common = codes[np.argsort(-counts, kind="stable")][:12]
            late += [(values == code).astype(np.float64) for code in common]
        else:
            seen = values[positions]
            seen = np.sort(seen[~np.isnan(seen)])
            if not len(seen):
                continue
            # The middle of its ties: counts and flags stay in order without a jump.
            rank = np.searchsorted(seen, values, "left") + np.searchsorted(seen, values, "right")
            score = norm.ppf(np.clip(rank / (2 * len(seen)), 0.5 / len(seen), 1 - 0.5 / len(seen)))
            columns.append(np.where(missing, 0.0, score))
        if 0.01 < missing.mean() < 0.99:
            late.append(missing.astype(np.float64))
    design = np.column_stack([*columns, *late, np.zeros(n)][:most])
    design -= design.mean(axis=0)
    spread = design.std(axis=0)
    return np.asarray(design[:, spread > 1e-9] / spread[spread > 1e-9])
