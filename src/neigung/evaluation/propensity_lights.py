"""The lights of a model of probabilities: baseline, calibration, time and segments."""

from __future__ import annotations

import math

import numpy as np

from neigung.evaluation.evaluate import Evaluation
from neigung.evaluation.light import (
    BINS_BAD,
    BINS_CARE,
    CALIBRATION_BAD,
    CALIBRATION_CARE,
    Light,
    Status,
    make_light,
)
from neigung.evaluation.metrics import METRICS
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.segments import segment_text
from neigung.evaluation.verdict import format_number
from neigung.language.intervals import share_text

LANGUAGES = ("en", "de")

_CALIBRATION = {
    "good": (
        "The probabilities hold within the limits",
        "Die Wahrscheinlichkeiten stimmen innerhalb der Grenzen",
    ),
    "care": ("The probabilities are somewhat off", "Die Wahrscheinlichkeiten stimmen nur ungefähr"),
    "bad": ("The probabilities are far off", "Die Wahrscheinlichkeiten stimmen nicht"),
}
_CALIBRATION_NUMBERS = (
    "{told}: {predicted} predicted on average, {observed} observed; tenths of the customers by "
    "score are off by {off} points on average, where chance alone would make it {chance}.",
    "{told}: vorhergesagt sind im Mittel {predicted}, eingetreten {observed}; die Zehntel der "
    "Kunden nach Score liegen im Mittel {off} Prozentpunkte daneben, durch Zufall allein wären es "
    "{chance}.",
)
_ONE_OUTCOME = (
    "Whether the probabilities hold cannot be told: all outcomes of the test are the same.",
    "Ob die Wahrscheinlichkeiten stimmen, lässt sich nicht sagen: alle Ergebnisse des Tests sind "
    "gleich.",
)
_TIME = {
    "good": (
        "Ahead of the best simple model at each of {n} earlier cutoffs; {metric} from {low} to "
        "{high} there, {test} in the test.",
        "An allen {n} früheren Stichtagen besser als das beste einfache Modell; {metric} dort "
        "{low} bis {high}, im Test {test}.",
    ),
    "once": (
        "Ahead of the best simple model at the one earlier cutoff, too; {metric} {low} there, "
        "{test} in the test.",
        "Auch am einzigen früheren Stichtag besser als das beste einfache Modell; {metric} dort "
        "{low}, im Test {test}.",
    ),
    "behind": (
        "Not ahead of the best simple model at {k} of {n} earlier cutoffs; {metric} from {low} to "
        "{high} there, {test} in the test.",
        "An {k} von {n} früheren Stichtagen nicht besser als das beste einfache Modell; {metric} "
        "dort {low} bis {high}, im Test {test}.",
    ),
    "behind_once": (
        "Not ahead of the best simple model at the one earlier cutoff; {metric} {low} there, "
        "{test} in the test.",
        "Am einzigen früheren Stichtag nicht besser als das beste einfache Modell; {metric} dort "
        "{low}, im Test {test}.",
    ),
    "fell": (
        "The order of the customers is worse in the test than at every earlier cutoff: AUROC {now} "
        "against {least} at least.",
        "Die Reihenfolge der Kunden ist im Test schlechter als an jedem früheren Stichtag: AUROC "
        "{now} gegen mindestens {least}.",
    ),
    "unknown": (
        "There is no earlier cutoff to compare with.",
        "Es gibt keinen früheren Stichtag zum Vergleich.",
    ),
}
_SEGMENTS = {
    "good": (
        "In none of the {n} segments large enough to be judged is the model clearly behind the "
        "best simple one.",
        "In keinem der {n} ausreichend großen Segmente liegt das Modell klar hinter dem besten "
        "einfachen.",
    ),
    "one": (
        "In the one segment large enough to be judged the model is not clearly behind the best "
        "simple one.",
        "Im einzigen ausreichend großen Segment liegt das Modell nicht klar hinter dem besten "
        "einfachen.",
    ),
    "care": (
        "Clearly behind the best simple model in {k} of {n} segments, most of all in "
        "{segment}: {level}, {metric} {ours} against {theirs}.",
        "In {k} von {n} Segmenten klar hinter dem besten einfachen Modell, am meisten bei "
        "{segment}: {level}, {metric} {ours} gegen {theirs}.",
    ),
    "unknown": (
        "No segment is large enough to be judged.",
        "Kein Segment ist groß genug für ein Urteil.",
    ),
}


def propensity_lights(evaluation: Evaluation) -> tuple[Light, ...]:
    """Baseline, calibration, time and segments."""
    verdict = evaluation.verdict
    baseline: Status = "good" if verdict.beats_baseline else "bad"
    return (
        make_light("baseline", baseline, (verdict.text_en, verdict.text_de)),
        _calibration(evaluation),
        _time(evaluation),
        _segments(evaluation),
    )


def _calibration(evaluation: Evaluation) -> Light:
    table = evaluation.calibration
    table = table[(table["model"] == MODEL) & (table["n"] > 0)]
    n, rate = float(table["n"].sum()), evaluation.base_rate
    scale = min(rate, 1 - rate)
    if not n or not scale > 0:
        return make_light("calibration", "unknown", _ONE_OUTCOME)
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
    if sizes[0] > CALIBRATION_BAD or sizes[1] > BINS_BAD:
        status = "bad"
    elif sizes[0] > CALIBRATION_CARE or sizes[1] > BINS_CARE:
        status = "care"
    texts = [
        template.format(
            told=_CALIBRATION[status][i],
            predicted=share_text(mean[0], language, 1),
            observed=share_text(mean[1], language, 1),
            off=_points(off, language),
            chance=_points(chance, language),
        )
        for i, (template, language) in enumerate(zip(_CALIBRATION_NUMBERS, LANGUAGES, strict=True))
    ]
    return make_light("calibration", status, (texts[0], texts[1]))


def _time(evaluation: Evaluation) -> Light:
    metric = METRICS[evaluation.metric]
    folds = evaluation.folds
    values = folds[folds["metric"] == metric.name].pivot_table("value", "cutoff", "model")
    if MODEL not in values or values.shape[1] < 2:
        return make_light("time", "unknown", _TIME["unknown"])
    ours = values[MODEL]
    others = values.drop(columns=MODEL)
    best = others.max(axis=1) if metric.higher_is_better else others.min(axis=1)
    lead = (ours - best) * (1 if metric.higher_is_better else -1)
    behind = int((lead <= 0).sum())
    now, least, fell = _auroc(evaluation)
    key = "behind" if behind else "fell" if fell else "good"
    status: Status = "good" if key == "good" else "care"
    if len(ours) == 1:
        key = {"good": "once", "behind": "behind_once"}.get(key, key)
    texts = [
        _TIME[key][i].format(
            k=behind,
            n=len(ours),
            metric=metric.text(language),
            low=format_number(float(ours.min()), language),
            high=format_number(float(ours.max()), language),
            test=format_number(evaluation.value(metric.name), language),
            now=format_number(now, language),
            least=format_number(least, language),
        )
        for i, language in enumerate(LANGUAGES)
    ]
    return make_light("time", status, (texts[0], texts[1]))


def _auroc(evaluation: Evaluation) -> tuple[float, float, bool]:
    """AUROC in the test, the least at an earlier cutoff, and whether it fell beyond chance.

    Unlike most metrics it does not move with the rate of the outcome. It fell when its interval
    lies below that of every earlier cutoff.
    """
    found = []
    for table in (evaluation.metrics, evaluation.folds):
        found.append(table[(table["model"] == MODEL) & (table["metric"] == "auroc")])
    now, folds = found
    fell = float(now["high"].max()) < float(folds["low"].min())
    return float(now["value"].max()), float(folds["value"].min()), fell


def _segments(evaluation: Evaluation) -> Light:
    metric = METRICS[evaluation.metric]
    table = evaluation.segments
    table = table[(table["metric"] == metric.name) & table["value"].notna()]
    sign = 1 if metric.higher_is_better else -1
    judged, behind = 0, []
    for (segment, level), rows in table.groupby(["segment", "level"], sort=False):
        told = {row["model"]: row for row in rows.to_dict("records")}
        if MODEL not in told or len(told) < 2:
            continue
        judged += 1
        theirs = max(sign * row["value"] for name, row in told.items() if name != MODEL)
        reach = told[MODEL]["high" if sign > 0 else "low"]
        if theirs > sign * reach:
            gap = theirs - sign * reach
            behind.append((gap, str(segment), str(level), told[MODEL]["value"], sign * theirs))
    if not judged:
        return make_light("segments", "unknown", _SEGMENTS["unknown"])
    if not behind:
        texts = [text.format(n=judged) for text in _SEGMENTS["good" if judged > 1 else "one"]]
        return make_light("segments", "good", (texts[0], texts[1]))
    _, segment, level, ours, best = max(behind)
    texts = [
        _SEGMENTS["care"][i].format(
            k=len(behind),
            n=judged,
            segment=segment_text(segment, language=language),
            level=segment_text(segment, level, language),
            metric=metric.text(language),
            ours=format_number(ours, language),
            theirs=format_number(best, language),
        )
        for i, language in enumerate(LANGUAGES)
    ]
    return make_light("segments", "care", (texts[0], texts[1]))


def _points(value: float, language: str) -> str:
    text = f"{100 * value:.1f}"
    return text.replace(".", ",") if language == "de" else text
