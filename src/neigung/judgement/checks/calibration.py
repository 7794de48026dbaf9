"""Do the probabilities hold?"""

from __future__ import annotations

import math

import numpy as np

from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.propensity.evaluate import Evaluation
from neigung.judgement.check import TOO_FEW, Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language import Message
from neigung.language.numbers import number_text, share_text

MEAN_CARE, MEAN_BAD = 0.1, 0.5
"""How far the mean prediction may be off beyond chance, relative to the rarer outcome's rate."""

TENTHS_CARE, TENTHS_BAD = 0.25, 0.5
"""The same of the mean distance in tenths of the customers by score."""

_TEXTS = {
    "good": Message("The probabilities hold within the limits"),
    "care": Message("The probabilities are somewhat off"),
    "bad": Message("The probabilities are far off"),
}
_NUMBERS = Message(
    "{told}: {predicted} predicted on average, {observed} observed; tenths of the customers by "
    "score are off by {off} points on average, where chance alone would make it {chance}."
)
_ONE_OUTCOME = Message(
    "Whether the probabilities hold cannot be told: all outcomes of the test are the same."
)


def look(examined: Examined) -> Said:
    """How far the mean, and tenths by score, are off beyond chance, by the rarer outcome's rate."""
    evaluation: Evaluation = examined.evaluation
    if not evaluation.verdict.judged:
        return TOO_FEW
    table = evaluation.calibration
    table = table[(table["model"] == MODEL) & (table["n"] > 0)]
    n, rate = float(table["n"].sum()), evaluation.base_rate
    scale = min(rate, 1 - rate)
    if not n or not scale > 0:
        return Said("unknown", _ONE_OUTCOME)
    predicted, observed = (table[key].to_numpy(dtype=float) for key in ("predicted", "observed"))
    weights = table["n"].to_numpy(dtype=float) / n
    # If the predictions were right, the observed rate of a bin would vary like this. Rows of one
    # cutoff are different customers, hence independent.
    variance = np.clip(predicted * (1 - predicted), 0, None) / table["n"].to_numpy(dtype=float)
    mean = float(weights @ predicted), float(weights @ observed)
    bias = abs(mean[0] - mean[1]) - 1.96 * math.sqrt(float(weights**2 @ variance))
    off = float(weights @ np.abs(predicted - observed))
    # Of a normal deviate, |x| has the mean sqrt(2 / pi) and the variance 1 - 2 / pi.
    chance = math.sqrt(2 / math.pi) * float(weights @ np.sqrt(variance))
    limit = chance + 1.96 * math.sqrt((1 - 2 / math.pi) * float(weights**2 @ variance))
    sizes = (bias / scale, (off - limit) / scale)
    status: Status = "good"
    if sizes[0] > MEAN_BAD or sizes[1] > TENTHS_BAD:
        status = "bad"
    elif sizes[0] > MEAN_CARE or sizes[1] > TENTHS_CARE:
        status = "care"
    return Said(
        status,
        _NUMBERS.worded(
            lambda language: {
                "told": _TEXTS[status],
                "predicted": share_text(mean[0], language, 1),
                "observed": share_text(mean[1], language, 1),
                "off": number_text(100 * off, 1, language),
                "chance": number_text(100 * chance, 1, language),
            },
        ),
    )


CHECK = Check(
    code="calibration",
    title=Message("Probabilities"),
    care=f"mean prediction off by {MEAN_CARE:.0%} of the rarer outcome's rate, or tenths by score "
    f"by {TENTHS_CARE:.0%}, beyond chance",
    bad=f"mean off by {MEAN_BAD:.0%}, or tenths by {TENTHS_BAD:.0%}",
    why="Rates themselves move by a tenth from month to month; half off, no budget and no expected "
    "order can be counted on.",
    source="Van Calster et al. (2019), Calibration: the Achilles heel of predictive analytics, BMC "
    "Medicine 17",
    look=look,
)
