"""Is there a segment in which the simple model is the better choice?"""

from __future__ import annotations

import math

from neigung.evaluation.metric import METRICS
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.propensity.evaluate import Evaluation
from neigung.evaluation.propensity.segments import segment_text
from neigung.judgement.check import TOO_FEW, Check, Examined, Said
from neigung.language import Message
from neigung.language.intervals import format_number

_TEXTS = {
    "good": Message(
        "In none of the {n} segments large enough to be judged is the model clearly behind the "
        "best simple one."
    ),
    "one": Message(
        "In the one segment large enough to be judged the model is not clearly behind the best "
        "simple one."
    ),
    "care": Message(
        "Clearly behind the best simple model in {k} of {n} segments, most of all in "
        "{segment}: {level}, {metric} {ours} against {theirs}."
    ),
    "unknown": Message("No segment is large enough to be judged."),
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
        return Said("good", _TEXTS[key].worded(lambda language: {"n": judged}))
    _, segment, level, ours, best = max(behind)
    return Said(
        "care",
        _TEXTS["care"].worded(
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
    title=Message("Segments"),
    care="behind the best simple model in a segment, beyond chance",
    bad="",
    why="There the simple model is the better choice.",
    look=look,
)
