"""One sentence on whether the model's choice of offers is worth having."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from neigung.evaluation.verdict import Verdict
from neigung.language import Language, Message
from neigung.language.intervals import (
    amount_text,
    exactness,
    interval_text,
    policy_text,
)

_POLICY = {
    "better": Message(
        "The chosen offers earn more than every simple policy: {model} per customer against "
        "{opponent} with the best of them, {baseline}; difference {difference}."
    ),
    "open": Message(
        "The chosen offers do not earn more than a simple policy, {baseline}: {model} per customer "
        "against {opponent}; difference {difference}, which may be chance."
    ),
    "worse": Message(
        "The chosen offers earn less than a simple policy, {baseline}: {model} per customer "
        "against {opponent}; difference {difference}."
    ),
    "same": Message(
        "The chosen offers are those of a simple policy, {baseline}, and earn the same: {model} "
        "per customer."
    ),
    "unknown": Message(
        "Whether the chosen offers earn more than a simple policy cannot be told: {reason}."
    ),
}
_QINI = {
    "better": Message(
        "The model ranks customers by {what} better than any simple ranking: Qini {model} "
        "against {opponent} ({baseline}); difference {difference}."
    ),
    "open": Message(
        "The model does not rank customers by {what} better than a simple ranking, {baseline}: "
        "Qini {model} against {opponent}; difference {difference}, which may be chance."
    ),
    "worse": Message(
        "The model ranks customers by {what} worse than a simple ranking, {baseline}: Qini "
        "{model} against {opponent}; difference {difference}."
    ),
    "unknown": Message("Whether the model ranks customers by {what} cannot be told: {reason}."),
}
_QINI["same"] = _QINI["open"]
_PLACEBO = Message(
    " But the placebo found something where nothing can be, so none of this can be trusted."
)
_NO_EFFECT = Message(" No effect was found for any arm.")
_TOO_FEW = Message(" There are not enough data on any arm.")
_NO_DIFFERENCE = Message(" No adjusted difference was found for any arm.")
_REASONS = {
    "customers": Message("it takes several customers"),
    "arms": Message(
        "no arm was given often enough, and with a real chance for everybody, in the test"
    ),
    "support": Message(
        "too many customers would get an arm that was hardly ever given to their like in the test"
    ),
}
_RANKING = {
    "found": Message(
        "Offers first to those whom the model ranks first gain more than offers by lot: Qini "
        "{qini} on average over the arms."
    ),
    "none": Message(
        "That the model knows whom an offer moves more than others is not shown: Qini {qini} on "
        "average over the arms, where 0 is a ranking by lot."
    ),
    "worse": Message(
        "The model's ranking is worse than a lot: Qini {qini} on average over the arms."
    ),
    "unknown": Message(
        "Whether the model knows whom an offer moves more than others cannot be told: {reason}."
    ),
}

_RANKING_OBSERVED = {
    "found": Message(
        "The adjusted difference is larger among those whom the model puts first: Qini {qini} "
        "on average over the offers. Who was chosen may still play a part in it."
    ),
    "none": Message(
        "That the adjusted difference is larger among those whom the model puts first is not "
        "shown: Qini {qini} on average over the offers."
    ),
    "unknown": Message(
        "Whether the adjusted difference is larger among those whom the model puts first "
        "cannot be told: there are too few comparable customers."
    ),
}
_WHAT = {
    False: Message("what an offer changes"),
    True: Message("how the arms differ"),
}
"""What a ranking is by; of an observational study nothing is said of effects."""

_BESIDE = Message("Beside “{name}”: {difference} per customer.")

_ROUNDING = 1e-12
"""What remains of zero when floats are added: the Qini of a prediction alike for everybody."""


def judge_offers(
    metrics: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    metric: str,
    unit: str,
    opponents: Sequence[str],
    arms: Collection[str],
    observational: bool,
    placebo_found: bool,
) -> Verdict:
    """Whether the model beats every simple policy (or ranking) in the acceptance metric.

    It does when the 95 % interval of the paired difference lies above zero for each of them, and
    the placebo found nothing. Of the policies that give everybody the same arm only the one that
    was best on the training offers counts. The verdict names the best of them by value, or, when
    that one is beaten, the first that is not.

    Tables as those of `OfferEvaluation`; `unit` is what the metric counts, `arms` the verdicts on
    the arms.
    """
    rows = differences[differences["metric"] == metric]
    rows = rows[rows["baseline"].isin(opponents)]
    order = pd.concat([rows[rows["best"]], rows[~rows["best"]]])
    unbeaten = order[~(order["low"] > 0)]
    row = (unbeaten if len(unbeaten) else order).iloc[0]
    baseline = str(row["baseline"])
    difference, low, high = (float(row[key]) for key in ("value", "low", "high"))
    outcome = _outcome(difference, low, high)
    own = metrics[metrics["metric"] == metric].drop_duplicates("model").set_index("model")["value"]
    values = [float(own.get(name, float("nan"))) for name in ("model", baseline)]
    decimals = exactness((high - low) / 2, unit)

    def text(language: Language) -> str:
        told = [amount_text(value, unit, language, decimals=decimals) for value in values]
        said = (_POLICY if metric == "policy_value" else _QINI)[outcome].to(
            language,
            baseline=policy_text(baseline, language),
            model=told[0],
            opponent=told[1],
            difference=interval_text((difference, low, high), unit, language, "+"),
            reason=_REASONS[_reason(metrics, metric)],
            what=_WHAT[observational],
        )
        if set(arms) == {"unknown"}:
            said += _TOO_FEW.to(language)
        elif "found" not in arms:
            said += (_NO_DIFFERENCE if observational else _NO_EFFECT).to(language)
        return said + (_PLACEBO.to(language) if placebo_found else "")

    beats = outcome == "better" and not placebo_found
    return Verdict(beats, baseline, metric, difference, low, high, Message.composed(text))


def ranking_sentence(
    metrics: pd.DataFrame, outcome: str, language: Language = "en", *, observational: bool = False
) -> str:
    """Whether the model's ranking of customers adds anything to the average effects."""
    rows = metrics
    row = rows[(rows["model"] == "model") & (rows["metric"] == "qini")].iloc[0]
    value, low, high = (float(row[key]) for key in ("value", "low", "high"))
    found = {"better": "found", "worse": "worse", "unknown": "unknown"}.get(
        _outcome(value, low, high), "none"
    )
    if observational and found == "worse":
        found = "none"
    return (_RANKING_OBSERVED if observational else _RANKING)[found].to(
        language,
        qini=interval_text((value, low, high), outcome, language, "+"),
        reason=_REASONS[_reason(metrics, "qini")],
    )


def policy_sentences(differences: pd.DataFrame, unit: str, language: Language = "en") -> list[str]:
    """The model's choice beside each simple policy, one sentence each."""
    rows = differences[differences["metric"] == "policy_value"]
    sentences = []
    for row in rows.to_dict("records"):
        numbers = (row["value"], row["low"], row["high"])
        told = interval_text(numbers, unit, language, "+")
        name = policy_text(row["baseline"], language)
        sentences.append(_BESIDE.to(language, name=name, difference=told))
    return sentences


def _outcome(value: float, low: float, high: float) -> str:
    if low != low or high != high:
        return "unknown"
    if max(abs(low), abs(high)) < _ROUNDING:
        return "same"
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "same" if low == high else "open"


def _reason(metrics: pd.DataFrame, metric: str) -> str:
    rows = metrics[metrics["metric"] == metric]
    reasons = [reason for reason in rows["reason"] if reason]
    return reasons[0] if reasons else "customers"
