"""Was the model ahead at earlier cutoffs, too, and does it order the customers as well as then?"""

from __future__ import annotations

from neigung.evaluation.metric import METRICS
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.propensity.evaluate import Evaluation
from neigung.judgement.check import TOO_FEW, Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language import Message
from neigung.language.intervals import format_number

_TEXTS = {
    "good": Message(
        "Ahead of the best simple model at each of {n} earlier cutoffs; {metric} from {low} to "
        "{high} there, {test} in the test."
    ),
    "once": Message(
        "Ahead of the best simple model at the one earlier cutoff, too; {metric} {low} there, "
        "{test} in the test."
    ),
    "behind": Message(
        "Not ahead of the best simple model at {k} of {n} earlier cutoffs; {metric} from {low} to "
        "{high} there, {test} in the test."
    ),
    "behind_once": Message(
        "Not ahead of the best simple model at the one earlier cutoff; {metric} {low} there, "
        "{test} in the test."
    ),
    "fell": Message(
        "The order of the customers is worse in the test than at every earlier cutoff: AUROC {now} "
        "against {least} at least."
    ),
    "unknown": Message("There is no earlier cutoff to compare with."),
}


def look(examined: Examined) -> Said:
    """The lead at earlier cutoffs, and whether the order is worse than it ever was."""
    evaluation: Evaluation = examined.evaluation
    if not evaluation.verdict.judged:
        return TOO_FEW
    metric = METRICS[evaluation.metric]
    folds = evaluation.folds
    values = folds[folds["metric"] == metric.name].pivot_table("value", "cutoff", "model")
    if MODEL not in values or values.shape[1] < 2:
        return Said("unknown", _TEXTS["unknown"])
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
    return Said(
        status,
        _TEXTS[key].worded(
            lambda language: {
                "k": behind,
                "n": len(ours),
                "metric": metric.text(language),
                "low": format_number(float(ours.min()), language),
                "high": format_number(float(ours.max()), language),
                "test": format_number(evaluation.value(metric.name), language),
                "now": format_number(now, language),
                "least": format_number(least, language),
            },
        ),
    )


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


CHECK = Check(
    code="time",
    title=Message("Over time"),
    care="not ahead of the best simple model at an earlier cutoff, or a worse order (AUROC) in the "
    "test than at each of them, beyond chance",
    bad="",
    why="One good month is no proof.",
    look=look,
)
