"""How much of the model is the random numbers' doing?"""

from __future__ import annotations

import math

from neigung.evaluation.metric import METRICS
from neigung.judgement.check import Check, Examined, Said
from neigung.language import Message
from neigung.language.intervals import format_number
from neigung.language.numbers import share_text

SEED_CORRELATION, SEED_SPREAD = 0.9, 0.5
"""The smallest rank correlation between seeds, and how much of the lead may be the seed's doing."""

_TEXTS = {
    "good": Message(
        "Trained anew with other random numbers, the model says nearly the same: rank correlation "
        "{correlation} or more, and {top} or more of the top tenth stay."
    ),
    "order": Message(
        "Trained anew with other random numbers, the model orders the customers differently: rank "
        "correlation down to {correlation}, and only {top} of the top tenth stay."
    ),
    "spread": Message(
        "Trained anew with other random numbers, the model differs by {spread} in {metric}, more "
        "than half its lead over the best simple model ({lead})."
    ),
    "constant": Message(
        "How much of the model is chance cannot be told: it predicts the same for everybody."
    ),
    "unknown": Message("The model was not trained anew with other random numbers."),
}


def look(examined: Examined) -> Said:
    """How alike the predictions are with other random numbers, and how far the metric spreads."""
    stability, evaluation = examined.stability, examined.evaluation
    table = None if stability is None else stability.seeds
    if table is None or not (~table["registered"]).any():
        return Said("unknown", _TEXTS["unknown"])
    others = table[~table["registered"]]
    if others["correlation"].isna().any():
        return Said("unknown", _TEXTS["constant"])
    correlation, top = float(others["correlation"].min()), float(others["same_top"].min())
    metric = str(table["metric"].iloc[0])
    lead, spread = abs(evaluation.verdict.difference), float(table["value"].max())
    spread -= float(table["value"].min())
    compared = metric == evaluation.metric and not math.isnan(spread + lead)
    key = "good"
    if correlation < SEED_CORRELATION:
        key = "order"
    elif compared and evaluation.verdict.beats_baseline and spread > SEED_SPREAD * lead:
        key = "spread"
    return Said(
        "good" if key == "good" else "care",
        _TEXTS[key].worded(
            lambda language: {
                # Rounded down, as it is said to be the least.
                "correlation": format_number(
                    math.floor(100 * correlation) / 100, language, decimals=2
                ),
                "top": share_text(top, language),
                "metric": METRICS[metric].text(language) if metric in METRICS else metric,
                "spread": format_number(spread, language),
                "lead": format_number(lead, language),
            },
        ),
    )


CHECK = Check(
    code="seed",
    title=Message("Chance in training"),
    care=f"rank correlation below {SEED_CORRELATION:g} with another seed, or the metric spreads by "
    f"more than {SEED_SPREAD:.0%} of the lead over the baseline",
    bad="",
    why="Who is chosen must not hang on a random number.",
    look=look,
)
