"""The placebo: arms dealt out anew by lot, where nothing can be found.

Whatever is found there is an error of the data or of the method, and nothing else that the same
method found can then be believed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neigung.evaluation.clusters import Clusters
from neigung.evaluation.offers.overlap import FEWEST_ROWS
from neigung.evaluation.offers.uplift import Ranked, dr_scores, effect_scores, matrix
from neigung.language import Language, Message
from neigung.language.intervals import interval_text

if TYPE_CHECKING:
    from neigung.evaluation.offers.offers_tested import OfferTest, Placebo

PLACEBO_ERROR = 0.01
"""The chance that a sound placebo is said to have found something."""

COLUMNS = ["check", "arm", "value", "low", "high", "found"]

_TEXTS = {
    "missing": Message("Placebo: not computed."),
    "nothing": Message(
        "Placebo: with arms dealt out anew by lot nothing was found, as it must be."
    ),
    "found": Message(
        "Placebo: with arms dealt out anew by lot something was found ({what}) where nothing can "
        "be. These numbers cannot be trusted."
    ),
}


def placebo_table(test: OfferTest, placebo: Placebo, clusters: Clusters) -> pd.DataFrame:
    """What is found with permuted arms: a row per arm with its average effect, and one with the
    model's ranking.

    Columns: check (`effect`, `qini`, `spread`), arm (empty: all), value, low, high (95 %), found
    (whether it differs from zero with Bonferroni's correction at 1 %). `spread` is the standard
    deviation of the placebo's predictions over that of the model's, for information. The chances
    are the arms' shares, the expected outcome that of the arms' mix. Arms with fewer than 50 rows
    are left out.
    """
    arms, arm = test.all_arms, np.asarray(placebo.arm, dtype=object)
    y = np.asarray(test.y, dtype=float)
    shares = np.array([(arm == name).mean() for name in arms])
    n = len(y)
    mix = matrix(test.expected, arms, n, "expected outcomes") @ shares
    chances, expected = np.tile(shares, (n, 1)), np.tile(mix[:, None], len(arms))
    effects = effect_scores(dr_scores(y, arm, arms, chances, expected), test.control)
    usable = [name for name in test.arms if (arm == name).sum() >= FEWEST_ROWS]
    if (arm == test.control).sum() < FEWEST_ROWS or not usable:
        return pd.DataFrame(columns=COLUMNS)
    influences = {("effect", name): effects[name].to_numpy() for name in usable}
    ranked = [Ranked(placebo.uplift[name], effects[name]).qini() for name in usable]
    influences["qini", ""] = np.mean(ranked, axis=0)
    rows = []
    for (check, name), influence in influences.items():
        found = clusters.mean(influence)
        sure = _p(found.value, found.error) < PLACEBO_ERROR / len(influences)
        rows.append((check, name, found.value, found.low, found.high, sure))
    spread = [np.std(frame[list(test.arms)].to_numpy()) for frame in (placebo.uplift, test.uplift)]
    ratio = float(spread[0] / spread[1]) if spread[1] > 0 else math.nan
    rows.append(("spread", "", ratio, math.nan, math.nan, False))
    return pd.DataFrame(rows, columns=COLUMNS)


def placebo_sentence(table: pd.DataFrame, outcome: str, language: Language = "en") -> str:
    """What the placebo found, in words.

    >>> row = ("qini", "", 0.0001, -0.001, 0.0012, False)
    >>> placebo_sentence(pd.DataFrame([row], columns=COLUMNS), "purchase")
    'Placebo: with arms dealt out anew by lot nothing was found, as it must be.'
    """
    found = table[table["found"]]
    if found.empty:
        return _TEXTS["missing" if table.empty else "nothing"].to(language)
    parts = []
    for row in found.to_dict("records"):
        numbers = (row["value"], row["low"], row["high"])
        parts.append(f"{row['arm'] or 'Qini'} {interval_text(numbers, outcome, language, '+')}")
    return _TEXTS["found"].to(language, what=", ".join(parts))


def _p(value: float, error: float) -> float:
    if not error > 0:
        return 1.0
    return math.erfc(abs(value) / error / math.sqrt(2))
