"""One sentence on whether a model is worth having."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from neigung.evaluation.few_outcomes import Outlook, few_text
from neigung.evaluation.frames import plain
from neigung.evaluation.metric import Metric
from neigung.language import Language, Message
from neigung.language.intervals import format_interval, format_number

_TEXTS = {
    "better": Message(
        "The model beats the best baseline, {baseline}: {metric} {model} against {opponent}, "
        "difference {difference}."
    ),
    "worse": Message(
        "The model loses to the best baseline, {baseline}: {metric} {model} against {opponent}, "
        "difference {difference}."
    ),
    "open": Message(
        "The model does not beat the best baseline, {baseline}: {metric} {model} against "
        "{opponent}, difference {difference}, which may be chance."
    ),
    "unknown": Message(
        "Whether the model beats a baseline cannot be told: {metric} with an interval needs both "
        "outcomes and several customers."
    ),
}


@dataclass(frozen=True)
class Verdict:
    """Whether the model beats the best baseline in the acceptance metric.

    It does when the 95 % interval of the paired difference (model minus baseline) lies wholly on
    the right side of zero. The best baseline is the one with the best value on these very rows,
    which favours the baseline. Where too few customers have the rarer outcome it is not `judged`:
    it neither beats nor does not beat.
    """

    beats_baseline: bool
    best_baseline: str
    metric: str
    difference: float
    low: float
    high: float
    text: Message
    judged: bool = True

    @property
    def text_en(self) -> str:
        """The sentence in English, as evaluations are stored with it."""
        return self.text.stored()[0]

    @property
    def text_de(self) -> str:
        """The sentence in German, as evaluations are stored with it."""
        return self.text.stored()[1]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None."""
        facts = ("beats_baseline", "best_baseline", "metric", "difference", "low", "high")
        names = (*facts, "text_en", "text_de", "judged")
        return {name: plain(getattr(self, name)) for name in names}


def too_few(
    metric: Metric, baseline: str, difference: float, found: int, outlook: Sequence[Outlook]
) -> Verdict:
    """No verdict, as so few customers have the rarer outcome; the number comes first.

    >>> from neigung.evaluation.metric import METRICS
    >>> verdict = too_few(METRICS["auroc"], "bg_nbd", 0.2, 3, [Outlook(90, 14)])
    >>> verdict.judged, verdict.beats_baseline, verdict.text_en[:48]
    (False, False, '3 customers of the test have the rarer outcome, ')
    """
    nothing = math.nan
    text = few_text(found, outlook)
    return Verdict(False, baseline, metric.name, difference, nothing, nothing, text, judged=False)


def judge(
    metric: Metric,
    baseline: str,
    baseline_text: Callable[[Language], str],
    values: tuple[float, float],
    difference: tuple[float, float, float],
) -> Verdict:
    """The verdict from `values` (model, baseline) and the `difference` (value, low, high).

    `baseline_text` names the baseline in a language.

    >>> from neigung.evaluation.metric import METRICS
    >>> name, values = (lambda language: "BG/NBD"), (0.55, 0.54)
    >>> verdict = judge(METRICS["log_loss"], "bg_nbd", name, values, (0.01, -0.02, 0.04))
    >>> verdict.beats_baseline
    False
    >>> verdict.text_en.endswith("difference +0.010 (−0.020 to +0.040), which may be chance.")
    True
    """
    _, low, high = difference
    if any(math.isnan(number) for number in difference):
        outcome = "unknown"
    elif low > 0:
        outcome = "better" if metric.higher_is_better else "worse"
    elif high < 0:
        outcome = "worse" if metric.higher_is_better else "better"
    else:
        outcome = "open"
    text = _TEXTS[outcome].worded(
        lambda language: {
            "baseline": baseline_text(language),
            "metric": metric.text(language),
            "model": format_number(values[0], language),
            "opponent": format_number(values[1], language),
            "difference": format_interval(difference, language, "+"),
        }
    )
    return Verdict(outcome == "better", baseline, metric.name, *difference, text)
