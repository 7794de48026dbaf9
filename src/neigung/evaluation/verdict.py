"""One sentence on whether a model is worth having."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neigung.evaluation.few_outcomes import Outlook, few_texts
from neigung.evaluation.metric import Metric
from neigung.language.intervals import format_interval, format_number

_TEXTS = {
    "better": (
        "The model beats the best baseline, {baseline}: {metric} {model} against {opponent}, "
        "difference {difference}.",
        "Das Modell schlägt das beste Vergleichsmodell ({baseline}): {metric} {model} gegen "
        "{opponent}, Abstand {difference}.",
    ),
    "worse": (
        "The model loses to the best baseline, {baseline}: {metric} {model} against {opponent}, "
        "difference {difference}.",
        "Das Modell verliert gegen das beste Vergleichsmodell ({baseline}): {metric} {model} gegen "
        "{opponent}, Abstand {difference}.",
    ),
    "open": (
        "The model does not beat the best baseline, {baseline}: {metric} {model} against "
        "{opponent}, difference {difference}, which may be chance.",
        "Das Modell schlägt das beste Vergleichsmodell ({baseline}) nicht: {metric} {model} gegen "
        "{opponent}, Abstand {difference}, was Zufall sein kann.",
    ),
    "unknown": (
        "Whether the model beats a baseline cannot be told: {metric} with an interval needs both "
        "outcomes and several customers.",
        "Ob das Modell ein Vergleichsmodell schlägt, lässt sich nicht sagen: {metric} mit "
        "Intervall braucht beide Ausgänge und mehrere Kunden.",
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
    text_en: str
    text_de: str
    judged: bool = True


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
    texts = few_texts(found, outlook)
    return Verdict(False, baseline, metric.name, difference, nothing, nothing, *texts, judged=False)


def judge(
    metric: Metric,
    baseline: str,
    baseline_texts: tuple[str, str],
    values: tuple[float, float],
    difference: tuple[float, float, float],
) -> Verdict:
    """The verdict from `values` (model, baseline) and the `difference` (value, low, high).

    >>> from neigung.evaluation.metric import METRICS
    >>> texts, values = ("BG/NBD", "BG/NBD"), (0.55, 0.54)
    >>> verdict = judge(METRICS["log_loss"], "bg_nbd", texts, values, (0.01, -0.02, 0.04))
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
    texts = [
        template.format(
            baseline=baseline_text,
            metric=metric.text(language),
            model=format_number(values[0], language),
            opponent=format_number(values[1], language),
            difference=format_interval(difference, language, "+"),
        )
        for template, baseline_text, language in zip(
            _TEXTS[outcome], baseline_texts, ("en", "de"), strict=True
        )
    ]
    beats = outcome == "better"
    return Verdict(beats, baseline, metric.name, *difference, texts[0], texts[1])
