"""How well predicted uplift puts those first whom an offer moves.

Nobody's uplift is ever seen: a customer gets one arm. Everything here is therefore computed from
*doubly robust scores*, one number per row and arm whose mean is the mean outcome had everybody got
that arm. Every row counts for every arm, so five arms do not cut the data into five small trials,
and targeted offers are allowed for. An arm's effect for row i is its score minus the control's.

**Formulas.** Let t_i be row i's effect score, u_i its rank by predicted uplift as a share of the
rows (0 best, 1 last, equal predictions share their mean rank), n the rows:

- curve    V(q) = 1/n * sum of t_i over the best share q: what is gained per customer *of all*
  when only the best share q gets the offer. V(0) = 0, V(1) = the average effect.
- AUUC     = integral of V(q) over q from 0 to 1 = mean of t_i (1 - u_i)
- Qini     = integral of V(q) - q V(1)           = mean of t_i (1/2 - u_i) = AUUC - V(1) / 2
- uplift at 10 % = V(0.1) / 0.1: the average effect among the best tenth

All are per customer, in the outcome's units, and **not normalised**. Libraries differ by more than
tenfold: some multiply by n or by the number of treated rows, some divide by V(1) / 2 (senseless
when the average effect is near zero) or by the area of a best possible ranking (unknowable; scores
above 1 happen when an offer puts customers off). Zero is a ranking at random, whatever the average
effect; a ranking from worst to best turns the sign.

Sources: Radcliffe (2007), "Using control groups to target on predicted lift", Direct Marketing
Analytics Journal 1 (Qini); Devriendt, Van Belle, Guns and Verbeke (2020), "Learning to rank for
uplift modeling", IEEE TKDE 34(10) (the variants compared); Yadlowsky, Fleming, Shah, Brunskill and
Wager (2025), "Evaluating treatment prioritization rules via rank-weighted average treatment
effects", JASA 120 (areas of doubly robust scores and their limit distribution); Robins and
Rotnitzky (1995), "Semiparametric efficiency in multivariate regression models with missing data",
JASA 90 (the scores).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters, Estimate

Floats = npt.NDArray[np.float64]

SHARES: Floats = np.linspace(0, 1, 21)
BANDS = 5

# Half the width, in ranks, over which the effect at the edge of a share is averaged.
_EDGE = 0.05


def dr_scores(
    y: Any, arm: Any, arms: Sequence[str], probabilities: Any, expected: Any
) -> pd.DataFrame:
    """Doubly robust scores: a row per offer and a column per arm, in the outcome's units.

    score(i, a) = m_a(x_i) + 1{arm_i = a} w_ia (y_i - m_a(x_i)), with w_ia = 1 / e_a(x_i): the
    expected outcome under the arm, corrected by what was seen, weighted by how unlikely it was to
    be seen. The column means estimate the mean outcome had everybody got the arm, and are right
    when either the probabilities or the expected outcomes are.

    Per arm, m_a is shifted to a weighted mean residual of zero and the weights scaled to a mean of
    one (which neither of the two conditions minds): a season that moved all outcomes since the
    training then does not blow up the intervals. Of an arm that nobody got the column is the mere
    expectation.

    `y` (n,) outcomes, `arm` (n,) the arm given, `arms` all arms with the control, `probabilities`
    (n, arms) the chance of each arm, `expected` (n, arms) from a model that has not seen these
    rows; both as frames with the arms as columns or arrays in their order.

    Raises InputError for missing values, unknown arms, and an arm given at no chance.

    >>> scores = dr_scores([1, 0, 1, 0], ["no", "no", "5%", "5%"], ["no", "5%"],
    ...                    np.full((4, 2), 0.5), np.full((4, 2), 0.3))
    >>> scores.mean().tolist()
    [0.5, 0.5]
    """
    y, given = np.asarray(y, dtype=float), np.asarray(arm, dtype=object)
    chance = matrix(probabilities, arms, len(y), "probabilities")
    mean = matrix(expected, arms, len(y), "expected outcomes")
    if given.shape != y.shape or y.ndim != 1 or not len(y):
        raise InputError(
            "Offers need one outcome and one arm per row, "
            f"but found shapes {y.shape} and {given.shape}."
        )
    if not np.isfinite(y).all():
        raise InputError(f"Outcomes must be known numbers, but {(~np.isfinite(y)).sum()} are not.")
    if unknown := sorted({str(value) for value in pd.unique(given)} - set(arms)):
        raise InputError(f"Arms must be among {', '.join(arms)}, but found {', '.join(unknown)}.")
    if (chance < 0).any() or (chance > 1 + 1e-9).any():
        raise InputError("The chance of an arm must lie in 0..1, but found others.")
    scores = mean.copy()
    for k, name in enumerate(arms):
        rows = given == name
        if not rows.any():
            continue
        if not (chance[rows, k] > 0).all():
            raise InputError(
                f"Arm {name} was given to {(chance[rows, k] <= 0).sum()} customers whose chance of "
                "it is said to be 0. Mend assignment_probability, or leave it empty there: then "
                "it is estimated."
            )
        weights = 1 / chance[rows, k]
        scale = len(y) / weights.sum()
        residuals = y[rows] - mean[rows, k]
        shift = np.average(residuals, weights=weights)
        scores[:, k] += shift
        scores[rows, k] += scale * weights * (residuals - shift)
    return pd.DataFrame(scores, columns=list(arms))


def effect_scores(scores: pd.DataFrame, control: str) -> pd.DataFrame:
    """The scores of the other arms minus the control's: their means are average effects.

    >>> effect_scores(pd.DataFrame({"none": [0.1], "5%": [0.3]}), "none").round(2).iloc[0, 0].item()
    0.2
    """
    return scores.drop(columns=control).sub(scores[control], axis=0)


class Ranked:
    """Effect scores in the order of a prediction; equal predictions are one step.

    `predicted` (n,), higher first; `effects` (n,) as `effect_scores` gives them.

    >>> ranked = Ranked([0.3, 0.1, 0.2, 0.0], [1.0, 0.0, 1.0, 0.0])
    >>> ranked.curve([0.25, 0.5, 1.0]).tolist(), float(ranked.qini().mean())
    ([0.25, 0.5, 0.5], 0.125)
    """

    def __init__(self, predicted: Any, effects: Any) -> None:
        predicted, self.effects = (np.asarray(v, dtype=float) for v in (predicted, effects))
        n = len(self.effects)
        if predicted.shape != (n,) or not np.isfinite(predicted).all():
            raise InputError(
                f"A ranking of {n} rows needs as many predictions, none of them missing, but found "
                f"{np.isfinite(predicted).sum()}."
            )
        order = np.argsort(-predicted, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(predicted[order])) + 1, n)
        begins = np.append(0, ends[:-1])
        step = np.repeat(np.arange(len(ends)), ends - begins)
        self._begin, self._end = np.empty(n), np.empty(n)
        self._begin[order], self._end[order] = begins[step] / n, ends[step] / n
        self._shares = np.append(0, ends / n)
        self._gains = np.append(0, np.cumsum(self.effects[order])[ends - 1] / n)
        self.rank: Floats = (self._begin + self._end) / 2

    def curve(self, shares: Any) -> Floats:
        """V at each share: the gain per customer of all when the best `shares` get the offer."""
        values: Floats = np.interp(np.asarray(shares, dtype=float), self._shares, self._gains)
        return values

    def top(self, share: float) -> Floats:
        """How far each row (n,) belongs to the best `share`: 1, 0, or the part of a tie."""
        inside: Floats = np.clip((share - self._begin) / (self._end - self._begin), 0, 1)
        return inside

    def gain(self, share: float) -> Floats:
        """Influence values (n,) whose mean is V(share).

        Where the share ends is estimated from the rows as well, hence the second term.
        """
        if share in (0, 1):
            return self.effects * share
        inside = self.top(share)
        below, above = max(0.0, share - _EDGE), min(1.0, share + _EDGE)
        edge = np.diff(self.curve([below, above]))[0] / (above - below)
        values: Floats = self.effects * inside - edge * (inside - share)
        return values

    def qini(self) -> Floats:
        """Influence values (n,) whose mean is the Qini.

        The second term stands for what a row does to the ranks of the others.
        """
        values: Floats = self.effects * (0.5 - self.rank) + self._others()
        return values

    def auuc(self) -> Floats:
        """Influence values (n,) whose mean is the AUUC."""
        values: Floats = self.effects * (1 - self.rank) + self._others()
        return values

    def uplift(self, share: float) -> Floats:
        """Influence values (n,) whose mean is the average effect in the best `share`."""
        values: Floats = self.gain(share) / share
        return values

    def _others(self) -> Floats:
        before = self.curve(self.rank)
        values: Floats = before - before.mean()
        # Of equal predictions nothing but rounding is left, which would pass for certainty.
        return np.where(np.abs(values) > 1e-12 * np.abs(before).max(), values, 0)


def qini(
    y: Any,
    treated: Any,
    predicted: Any,
    probability: Any = None,
    *,
    expected: Any = None,
    groups: Any = None,
) -> Estimate:
    """The Qini of one arm against a control, per customer, not normalised (formula above).

    `y` (n,) outcomes, `treated` (n,) whether the row got the arm, `predicted` (n,) its uplift or
    any other score to rank by, `probability` (n,) or a number: the chance of the arm (default: the
    share treated, as in a randomised trial), `expected` (n, 2): expected outcomes without and with
    the arm (default: nothing is known), `groups` (n,) customers (default: each row its own).

    Three in four gain 1, the others, rightly ranked last, lose 1:

    >>> y, treated = [1, 0, 1, 0, 1, 0, 1, 0] * 25, [1, 0, 1, 0, 0, 1, 1, 0] * 25
    >>> expected = [[0, 1]] * 4 + [[1, 0]] * 2 + [[0, 1]] * 2
    >>> round(qini(y, treated, [3, 3, 2, 2, 0, 0, 1, 1] * 25, 0.5, expected=expected * 25).value, 3)
    0.188
    """
    return _binary(y, treated, predicted, probability, expected, groups, "qini")


def auuc(
    y: Any,
    treated: Any,
    predicted: Any,
    probability: Any = None,
    *,
    expected: Any = None,
    groups: Any = None,
) -> Estimate:
    """The area under the uplift curve, per customer: Qini plus half the average effect.

    Arguments as in `qini`.

    >>> round(auuc([1, 0] * 20, [1, 0] * 20, [0.5] * 40).value, 2)
    0.5
    """
    return _binary(y, treated, predicted, probability, expected, groups, "auuc")


def uplift_bands(predicted: Any, effects: Any, clusters: Clusters) -> pd.DataFrame:
    """Fifths of the rows by predicted uplift, highest first, with what they really gained.

    Columns: band (1 the highest), n, predicted (mean), effect (doubly robust mean), low, high.
    Equal predictions stay together, so there may be fewer bands.

    >>> uplift_bands([2, 1] * 50, [0.2, 0.1] * 50, Clusters(range(100)))["effect"].round(2).tolist()
    [0.2, 0.1]
    """
    ranked = Ranked(predicted, effects)
    predicted = np.asarray(predicted, dtype=float)
    band = np.minimum((ranked.rank * BANDS).astype(int), BANDS - 1)
    rows = []
    for number, one in enumerate(np.unique(band), 1):
        inside = band == one
        mean = ranked.effects[inside].mean()
        influence = np.where(inside, ranked.effects - mean, 0) / inside.mean() + mean
        found = clusters.mean(influence)
        counts = (number, int(inside.sum()), float(predicted[inside].mean()))
        rows.append((*counts, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=["band", "n", "predicted", "effect", "low", "high"])


def matrix(values: Any, arms: Sequence[str], n: int, what: str) -> Floats:
    """`values` as floats (n, arms), in the order of `arms`; InputError when they do not fit.

    >>> matrix(pd.DataFrame({"b": [1.0], "a": [2.0]}), ["a", "b"], 1, "chances").tolist()
    [[2.0, 1.0]]
    """
    if isinstance(values, pd.DataFrame):
        if lacking := [name for name in arms if name not in values]:
            raise InputError(
                f"The {what} need a column for each arm, but {', '.join(lacking)} is missing."
            )
        values = values[list(arms)]
    table: Floats = np.asarray(values, dtype=float)
    if table.shape != (n, len(arms)):
        raise InputError(
            f"The {what} need {n} rows and a column for each of {', '.join(arms)}, "
            f"but found shape {table.shape}."
        )
    if bad := int((~np.isfinite(table)).sum()):
        raise InputError(f"The {what} must be known numbers, but {bad} of them are not.")
    return table


def _binary(
    y: Any,
    treated: Any,
    predicted: Any,
    probability: Any,
    expected: Any,
    groups: Any,
    what: str,
) -> Estimate:
    given = np.asarray(treated, dtype=float)
    if not np.isin(given, (0, 1)).all() or len(np.unique(given)) < 2:
        raise InputError("An uplift needs rows with the arm and rows without it, and no others.")
    chance = given.mean() if probability is None else np.asarray(probability, dtype=float)
    chances = np.column_stack([1 - chance * np.ones(len(given)), chance * np.ones(len(given))])
    means = np.zeros((len(given), 2)) if expected is None else expected
    names = np.where(given == 1, "arm", "control")
    scores = dr_scores(y, names, ("control", "arm"), chances, means)
    ranked = Ranked(predicted, effect_scores(scores, "control")["arm"])
    clusters = Clusters(np.arange(len(given)) if groups is None else groups)
    return clusters.mean(getattr(ranked, what)())
