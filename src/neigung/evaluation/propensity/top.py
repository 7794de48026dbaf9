"""What acting on the best of the customers would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.named_numbers import MODEL

SHARES = (0.1, 0.2, 0.3)

COLUMNS = [
    *("share", "customers", "found", "found_share", "found_share_low", "found_share_high"),
    *("rate", "lift", "lift_low", "lift_high", "baseline", "baseline_found"),
    *("baseline_found_share", "more", "more_low", "more_high"),
]


def top_table(
    gains: pd.DataFrame,
    differences: pd.DataFrame,
    n_rows: int,
    base_rate: float,
    shares: Sequence[float] = SHARES,
) -> pd.DataFrame:
    """See `Evaluation.top`, whose tables and numbers these are.

    Raises InputError for a share outside 0..1.
    """
    if wrong := [share for share in shares if not 0 < share <= 1]:
        raise InputError(f"A share above 0 and up to 1 is needed, but found {wrong[0]:g}.")
    positives, models = n_rows * base_rate, list(dict.fromkeys(gains["model"]))
    rows = []
    for share in shares:
        found = {model: _gain(gains[gains["model"] == model], share) for model in models}
        gain, low, high = found.pop(MODEL)
        # The opponent is whoever finds most in this very share: the hardest one.
        baseline = max(found, key=lambda name: np.nan_to_num(found[name][0]))
        other = found[baseline][0]
        lead = share * positives * _lift_lead(differences, baseline, share)
        numbers = [
            *(share, round(share * n_rows), gain * positives, gain, low, high),
            *(gain / share * base_rate, gain / share, low / share, high / share),
            *(baseline, other * positives, other, (gain - other) * positives, lead[0], lead[1]),
        ]
        rows.append(dict(zip(COLUMNS, numbers, strict=True)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _gain(curve: pd.DataFrame, share: float) -> tuple[float, float, float]:
    """The share of the outcomes found, with its interval; between the curve's points a line."""
    gain, low, high = (
        float(np.interp(share, curve["share"], curve[key])) for key in ("gain", "low", "high")
    )
    return gain, low, high


def _lift_lead(differences: pd.DataFrame, baseline: str, share: float) -> Any:
    """The interval of the difference in lift, which the evaluation knows for some shares."""
    name = f"lift_{100 * share:g}"
    same = (differences["baseline"] == baseline) & (differences["metric"] == name)
    row = differences[same]
    return row[["low", "high"]].to_numpy(dtype=float)[0] if len(row) else np.full(2, np.nan)
