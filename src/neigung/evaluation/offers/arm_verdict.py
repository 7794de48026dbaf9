"""One plain verdict per arm: effect found, none found, or not enough data.

- *found*: the average effect differs from zero after Holm's correction for the number of arms, with
  a chance of 2 % that among all arms of a study without any effect even one is "found". The
  stricter limit than the intervals' 5 % keeps "found" below 5 of 100 studies without effect also
  when chance is unkind.
- *none*: the 95 % interval leaves out every effect as large as the smallest worth finding, on both
  sides (two one-sided tests). An interval that merely includes zero shows nothing of the kind.
- *unknown*, not enough data: everything else, and whenever fewer than 50 customers got the arm or
  the control, or more than 5 % of all had practically no chance of one of them.

Sources: Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian
Journal of Statistics 6; Schuirmann (1987), "A comparison of the two one-sided tests procedure",
Journal of Pharmacokinetics and Biopharmaceutics 15.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.clusters import Clusters, Estimate, interval
from neigung.evaluation.few_outcomes import FEWEST_OUTCOMES, customers_with_rarer
from neigung.evaluation.many_tests import holm
from neigung.evaluation.offers.overlap import FEWEST_ROWS
from neigung.language import Language, Message
from neigung.language.intervals import amount_text, interval_text, rounded_up_text
from neigung.language.numbers import count_text

FAMILY_ERROR = 0.02
"""The chance that a study without any effect finds one with at least one arm."""

POWER = 0.8
SMALLEST_SHARE = 0.1
"""The smallest effect worth finding, as a share of the control's mean outcome."""

COLUMNS = [
    *("arm", "n", "mean", "naive", "naive_low", "naive_high", "effect", "low", "high", "p"),
    *("verdict", "needed", "reason"),
]

_TEXTS = {
    "found": Message("{arm}: effect found, {effect} against {control}."),
    "none": Message(
        "{arm}: no effect found, {effect} against {control}; the data rule out {smallest}, the "
        "smallest effect worth finding."
    ),
    "unknown": Message(
        "{arm}: not enough data, {effect} against {control}. To find {smallest} in 8 of 10 cases "
        "takes about {needed} offers in this mix; there are {total}."
    ),
    "arm_rows": Message(
        "{arm}: not enough data, only {n} offers. To find {smallest} in 8 of 10 cases takes about "
        "{needed} offers, evenly spread over all arms."
    ),
    "control_rows": Message(
        "{arm}: not enough data, there are too few customers with {control} to compare with."
    ),
    "overlap": Message(
        "{arm}: not enough data, too many customers had practically no chance of it or of "
        "{control}, so nobody knows what it does to them."
    ),
    "outcomes": Message(
        "{arm}: not enough data, fewer than {fewest} customers with it or {control} have the rarer "
        "outcome."
    ),
    "constant": Message("{arm}: not enough data, all outcomes are the same."),
}
# Effects are claimed only of what was drawn by lot.
_OBSERVED = {
    "found": Message(
        "{arm}: adjusted difference found, {effect} against {control}. It may still be due to "
        "who was chosen."
    ),
    "none": Message(
        "{arm}: no adjusted difference found, {effect} against {control}; one of {smallest} is "
        "ruled out."
    ),
    "unknown": Message(
        "{arm}: not enough data, {effect} against {control}. To find a difference of "
        "{smallest} in 8 of 10 cases takes about {needed} offers in this mix."
    ),
    "arm_rows": Message("{arm}: not enough data, only {n} offers."),
    "control_rows": Message(
        "{arm}: not enough data, there are too few customers with {control} to compare with."
    ),
    "overlap": Message(
        "{arm}: not enough data, too many customers had practically no chance of it or of "
        "{control}; there is nobody to compare them with."
    ),
    "outcomes": _TEXTS["outcomes"],
    "constant": Message("{arm}: not enough data, all outcomes are the same."),
}


def arm_effects(
    y: Any,
    arm: Any,
    effects: pd.DataFrame,
    overlap: pd.DataFrame,
    control: str,
    clusters: Clusters,
    smallest_effect: float,
) -> pd.DataFrame:
    """A row per arm with its average effect and the verdict.

    `y` (n,) outcomes, `arm` (n,) the arms given, `effects` (n, arms) as `effect_scores` gives them,
    `overlap` as `overlap_table` gives it.

    Columns: arm, n, mean (outcome of those who got it), naive (that minus the control's mean) with
    naive_low and naive_high, effect (doubly robust) with low and high, p, verdict (`found`, `none`,
    `unknown`), needed (offers in all, in the mix of arms at hand, to find `smallest_effect` with
    80 % certainty), reason (why it is unknown when no amount of such data would help).

    >>> n = 4000
    >>> arm, y = np.where(np.arange(n) % 2, "5%", "none"), (np.arange(n) % 20 < 3).astype(float)
    >>> y[arm == "5%"] = np.arange(n // 2) % 10 < 3
    >>> from neigung.evaluation.offers.overlap import overlap_table
    >>> from neigung.evaluation.offers.uplift import dr_scores, effect_scores
    >>> arms, even = ["none", "5%"], np.full((n, 2), 0.5)
    >>> effects = effect_scores(dr_scores(y, arm, arms, even, even), "none")
    >>> table = arm_effects(y, arm, effects, overlap_table(arm, arms, even, [True] * n, "none"),
    ...                     "none", Clusters(range(n)), 0.02)
    >>> table.loc[0, ["arm", "verdict"]].tolist()
    ['5%', 'found']
    """
    y, given = np.asarray(y, dtype=float), np.asarray(arm, dtype=object)
    facts = overlap.set_index("arm")
    rows: list[dict[str, Any]] = []
    for name in effects.columns:
        inside = given == name
        naive = _naive(y, inside, given == control, clusters)
        effect, reason = _effect(y, given, effects, name, control, facts, clusters)
        rows.append(
            {
                "arm": name,
                "n": int(inside.sum()),
                "mean": float(y[inside].mean()) if inside.any() else math.nan,
                "naive": naive.value,
                "naive_low": naive.low,
                "naive_high": naive.high,
                "effect": effect.value,
                "low": effect.low,
                "high": effect.high,
                "p": _p(effect, _freedom(given, name, control, clusters)),
                "error": effect.error,
                "reason": reason,
            }
        )
    judged = [row for row in rows if not math.isnan(row["p"])]
    found = holm([row["p"] for row in judged]) <= FAMILY_ERROR
    for row, clear in zip(judged, found, strict=True):
        within = -smallest_effect < row["low"] and row["high"] < smallest_effect
        row["verdict"] = "found" if clear else "none" if within else "unknown"
    for row in rows:
        row.setdefault("verdict", "unknown")
        row["needed"] = _needed(row["error"], len(y), max(1, len(judged)), smallest_effect)
        if row["reason"] == "arm_rows":
            # Two arms of N / (arms + 1) offers each.
            error = math.sqrt(2 * (len(rows) + 1) * float(y.var()) / len(y))
            row["needed"] = _needed(error, len(y), len(rows), smallest_effect)
    return pd.DataFrame(rows)[COLUMNS]


def arm_sentences(
    table: pd.DataFrame,
    outcome: str,
    control: str,
    smallest_effect: float,
    total: int,
    language: Language = "en",
    *,
    observational: bool = False,
) -> list[str]:
    """The verdicts of `arm_effects` in words, with their numbers; `total` offers were tested.

    `observational` says that none was drawn by lot: then they are on differences, not on effects.

    >>> row = dict.fromkeys(COLUMNS, 0.0) | {"arm": "5%", "verdict": "none", "reason": ""}
    >>> row |= {"effect": 0.001, "low": -0.001, "high": 0.003}
    >>> arm_sentences(pd.DataFrame([row]), "purchase", "none", 0.006, 40_000)[0][:61]
    '5%: no effect found, +0.10 points (−0.10 to +0.30) against no'
    """
    sentences = []
    for row in table.to_dict("records"):
        key = row["reason"] or row["verdict"]
        sentences.append(
            (_OBSERVED if observational else _TEXTS)[key].to(
                language,
                arm=row["arm"],
                control=control,
                n=count_text(int(row["n"]), language),
                total=count_text(total, language),
                effect=interval_text(
                    (row["effect"], row["low"], row["high"]), outcome, language, "+"
                ),
                smallest=amount_text(smallest_effect, outcome, language),
                needed=rounded_up_text(row["needed"], language),
                fewest=FEWEST_OUTCOMES,
            )
        )
    return sentences


def _effect(
    y: Any,
    given: Any,
    effects: pd.DataFrame,
    name: str,
    control: str,
    facts: pd.DataFrame,
    clusters: Clusters,
) -> tuple[Estimate, str]:
    """The average effect, and why nothing can be said of it."""
    values = effects[name].to_numpy(dtype=float)
    nothing = Estimate(math.nan, math.nan, math.nan, math.nan)
    if (given == control).sum() < FEWEST_ROWS:
        return nothing, "control_rows"
    if (given == name).sum() < FEWEST_ROWS:
        return nothing, "arm_rows"
    if not facts.loc[name, "usable"] or not facts.loc[control, "usable"]:
        return nothing, "overlap"
    if y.min() == y.max():
        return nothing, "constant"
    both = (given == name) | (given == control)
    if customers_with_rarer(y[both] != 0, clusters.codes[both]) < FEWEST_OUTCOMES:
        return nothing, "outcomes"
    one, other = y[given == name].var(), y[given == control].var()
    # Neither arm's outcomes are taken to vary less than the other's: of fifty customers none may
    # have bought by chance, and an arm without a single purchase would look like certainty.
    error = math.sqrt(
        float(clusters.errors(values)[0]) ** 2
        + max(0.0, other - one) / facts.loc[name, "effective"]
        + max(0.0, one - other) / facts.loc[control, "effective"]
    )
    return interval(float(values.mean()), error, _freedom(given, name, control, clusters)), ""


def _freedom(given: Any, name: str, control: str, clusters: Clusters) -> int:
    """Customers of the smaller arm less one: a careful number for rare arms."""
    return min(len(np.unique(clusters.codes[given == one])) for one in (name, control)) - 1


def _naive(y: Any, inside: Any, control: Any, clusters: Clusters) -> Estimate:
    """The difference of the plain means."""
    if not inside.any() or not control.any():
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = float(y[inside].mean() - y[control].mean())
    influence = np.where(inside, (y - y[inside].mean()) / inside.mean(), 0)
    influence = influence - np.where(control, (y - y[control].mean()) / control.mean(), 0)
    freedom = min(len(np.unique(clusters.codes[one])) for one in (inside, control)) - 1
    return interval(value, float(clusters.errors(influence)[0]), freedom)


def _p(effect: Estimate, freedom: float) -> float:
    if not effect.error > 0:
        return math.nan
    from scipy.stats import t

    return float(2 * t.sf(abs(effect.value) / effect.error, freedom))


def _needed(error: float, n: int, arms: int, smallest_effect: float) -> float:
    """Offers with which an effect of that size is found with 80 % certainty."""
    if not error > 0 or not smallest_effect > 0:
        return math.nan
    from scipy.stats import norm

    reach = norm.isf(FAMILY_ERROR / arms / 2) + norm.ppf(POWER)
    return float(math.ceil(n * (reach * error / smallest_effect) ** 2))
