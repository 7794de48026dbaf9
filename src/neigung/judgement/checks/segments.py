"""Is there a segment in which the simple model is the better choice?"""

from __future__ import annotations

import math

from neigung.evaluation.metric import METRICS
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.propensity.evaluate import Evaluation
from neigung.evaluation.propensity.segments import segment_text
from neigung.judgement.check import TOO_FEW, Check, Examined, Said, told
from neigung.language.intervals import format_number

_TEXTS = {
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


def look(examined: Examined) -> Said:
    """In which segments the best simple model lies beyond our interval."""
    evaluation: Evaluation = examined.evaluation
    if not evaluation.verdict.judged:
        return TOO_FEW
    metric = METRICS[evaluation.metric]
    table = evaluation.segments
    table = table[(table["metric"] == metric.name) & table["value"].notna()]
    sign = 1 if metric.higher_is_better else -1
    judged, behind = 0, []
    for (segment, level), rows in table.groupby(["segment", "level"], sort=False):
        rows_of = {row["model"]: row for row in rows.to_dict("records")}
        if MODEL not in rows_of or len(rows_of) < 2:
            continue
        if math.isnan(rows_of[MODEL]["high"]):  # too few outcomes
            continue
        judged += 1
        theirs = max(sign * row["value"] for name, row in rows_of.items() if name != MODEL)
        reach = rows_of[MODEL]["high" if sign > 0 else "low"]
        if theirs > sign * reach:
            gap = theirs - sign * reach
            behind.append((gap, str(segment), str(level), rows_of[MODEL]["value"], sign * theirs))
    if not judged:
        return Said("unknown", _TEXTS["unknown"])
    if not behind:
        key = "good" if judged > 1 else "one"
        return Said("good", told(_TEXTS[key], lambda language: {"n": judged}))
    _, segment, level, ours, best = max(behind)
    return Said(
        "care",
        told(
            _TEXTS["care"],
            lambda language: {
                "k": len(behind),
                "n": judged,
                "segment": segment_text(segment, language=language),
                "level": segment_text(segment, level, language),
                "metric": metric.text(language),
                "ours": format_number(ours, language),
                "theirs": format_number(best, language),
            },
        ),
    )


CHECK = Check(
    code="segments",
    title=("Segments", "Segmente"),
    care="behind the best simple model in a segment, beyond chance",
    bad="",
    why="There the simple model is the better choice.",
    look=look,
)
