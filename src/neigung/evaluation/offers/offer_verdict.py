"""One sentence on whether the model's choice of offers is worth having."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from neigung.evaluation.verdict import Verdict
from neigung.language import Language
from neigung.language.intervals import (
    amount_text,
    exactness,
    interval_text,
    policy_text,
)

_POLICY = {
    "better": (
        "The chosen offers earn more than every simple policy: {model} per customer against "
        "{opponent} with the best of them, {baseline}; difference {difference}.",
        "Die gewählten Angebote bringen mehr als jede einfache Regel: {model} je Kunde gegen "
        "{opponent} mit der besten davon ({baseline}); Abstand {difference}.",
    ),
    "open": (
        "The chosen offers do not earn more than a simple policy, {baseline}: {model} per customer "
        "against {opponent}; difference {difference}, which may be chance.",
        "Die gewählten Angebote bringen nicht mehr als eine einfache Regel ({baseline}): {model} "
        "je Kunde gegen {opponent}; Abstand {difference}, was Zufall sein kann.",
    ),
    "worse": (
        "The chosen offers earn less than a simple policy, {baseline}: {model} per customer "
        "against {opponent}; difference {difference}.",
        "Die gewählten Angebote bringen weniger als eine einfache Regel ({baseline}): {model} je "
        "Kunde gegen {opponent}; Abstand {difference}.",
    ),
    "same": (
        "The chosen offers are those of a simple policy, {baseline}, and earn the same: {model} "
        "per customer.",
        "Die gewählten Angebote sind die einer einfachen Regel ({baseline}) und bringen dasselbe: "
        "{model} je Kunde.",
    ),
    "unknown": (
        "Whether the chosen offers earn more than a simple policy cannot be told: {reason}.",
        "Ob die gewählten Angebote mehr bringen als eine einfache Regel, lässt sich nicht sagen: "
        "{reason}.",
    ),
}
_QINI = {
    "better": (
        "The model ranks customers by {what} better than any simple ranking: Qini {model} "
        "against {opponent} ({baseline}); difference {difference}.",
        "Das Modell ordnet Kunden danach, {what}, besser als jede einfache Reihenfolge: Qini "
        "{model} gegen {opponent} ({baseline}); Abstand {difference}.",
    ),
    "open": (
        "The model does not rank customers by {what} better than a simple ranking, {baseline}: "
        "Qini {model} against {opponent}; difference {difference}, which may be chance.",
        "Das Modell ordnet Kunden danach, {what}, nicht besser als eine einfache Reihenfolge "
        "({baseline}): Qini {model} gegen {opponent}; Abstand {difference}, was Zufall sein "
        "kann.",
    ),
    "worse": (
        "The model ranks customers by {what} worse than a simple ranking, {baseline}: Qini "
        "{model} against {opponent}; difference {difference}.",
        "Das Modell ordnet Kunden danach, {what}, schlechter als eine einfache Reihenfolge "
        "({baseline}): Qini {model} gegen {opponent}; Abstand {difference}.",
    ),
    "unknown": (
        "Whether the model ranks customers by {what} cannot be told: {reason}.",
        "Ob das Modell Kunden danach ordnet, {what}, lässt sich nicht sagen: {reason}.",
    ),
}
_QINI["same"] = _QINI["open"]
_PLACEBO = (
    " But the placebo found something where nothing can be, so none of this can be trusted.",
    " Aber das Placebo fand etwas, wo nichts sein kann; all dem ist nicht zu trauen.",
)
_NO_EFFECT = (
    " No effect was found for any arm.",
    " Für keine Angebotsart wurde eine Wirkung gefunden.",
)
_TOO_FEW = (
    " There are not enough data on any arm.",
    " Zu keiner Angebotsart gibt es genug Daten.",
)
_NO_DIFFERENCE = (
    " No adjusted difference was found for any arm.",
    " Für keine Angebotsart wurde ein bereinigter Unterschied gefunden.",
)
REASONS = {
    "": ("", ""),
    "customers": ("it takes several customers", "dazu braucht es mehrere Kunden"),
    "arms": (
        "no arm was given often enough, and with a real chance for everybody, in the test",
        "keine Angebotsart wurde im Test oft genug und mit echter Chance für alle vergeben",
    ),
    "support": (
        "too many customers would get an arm that was hardly ever given to their like in the test",
        "zu viele Kunden bekämen, was ihresgleichen im Test kaum je bekommen hat",
    ),
}
_RANKING = {
    "found": (
        "Offers first to those whom the model ranks first gain more than offers by lot: Qini "
        "{qini} on average over the arms.",
        "Angebote zuerst an die, die das Modell nach vorn stellt, bringen mehr als ausgeloste: "
        "Qini {qini} im Mittel der Angebotsarten.",
    ),
    "none": (
        "That the model knows whom an offer moves more than others is not shown: Qini {qini} on "
        "average over the arms, where 0 is a ranking by lot.",
        "Dass das Modell weiß, wen ein Angebot mehr bewegt als andere, ist nicht gezeigt: Qini "
        "{qini} im Mittel der Angebotsarten, 0 ist eine ausgeloste Reihenfolge.",
    ),
    "worse": (
        "The model's ranking is worse than a lot: Qini {qini} on average over the arms.",
        "Die Reihenfolge des Modells ist schlechter als ein Los: Qini {qini} im Mittel der "
        "Angebotsarten.",
    ),
    "unknown": (
        "Whether the model knows whom an offer moves more than others cannot be told: {reason}.",
        "Ob das Modell weiß, wen ein Angebot mehr bewegt als andere, lässt sich nicht sagen: "
        "{reason}.",
    ),
}

_RANKING_OBSERVED = {
    "found": (
        "The adjusted difference is larger among those whom the model puts first: Qini {qini} "
        "on average over the offers. Who was chosen may still play a part in it.",
        "Der bereinigte Unterschied ist größer bei denen, die das Modell nach vorn stellt: "
        "Qini {qini} im Mittel der Angebote. Wer ausgewählt wurde, kann dabei noch eine Rolle "
        "spielen.",
    ),
    "none": (
        "That the adjusted difference is larger among those whom the model puts first is not "
        "shown: Qini {qini} on average over the offers.",
        "Dass der bereinigte Unterschied bei denen größer ist, die das Modell nach vorn "
        "stellt, ist nicht gezeigt: Qini {qini} im Mittel der Angebote.",
    ),
    "unknown": (
        "Whether the adjusted difference is larger among those whom the model puts first "
        "cannot be told: there are too few comparable customers.",
        "Ob der bereinigte Unterschied bei denen größer ist, die das Modell nach vorn stellt, "
        "lässt sich nicht sagen: Es gibt zu wenige vergleichbare Kunden.",
    ),
}
_WHAT = {
    False: ("what an offer changes", "was ein Angebot bewirkt"),
    True: ("how the arms differ", "wie sich die Angebotsarten unterscheiden"),
}
"""What a ranking is by; of an observational study nothing is said of effects."""

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
    texts = []
    for i, language in enumerate(("en", "de")):
        told = [amount_text(value, unit, language, decimals=decimals) for value in values]
        text = (_POLICY if metric == "policy_value" else _QINI)[outcome][i].format(
            baseline=policy_text(baseline, language),
            model=told[0],
            opponent=told[1],
            difference=interval_text((difference, low, high), unit, language, "+"),
            reason=REASONS[_reason(metrics, metric)][i],
            what=_WHAT[observational][i],
        )
        if set(arms) == {"unknown"}:
            text += _TOO_FEW[i]
        elif "found" not in arms:
            text += (_NO_DIFFERENCE if observational else _NO_EFFECT)[i]
        texts.append(text + (_PLACEBO[i] if placebo_found else ""))
    beats = outcome == "better" and not placebo_found
    return Verdict(beats, baseline, metric, difference, low, high, texts[0], texts[1])


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
    return (_RANKING_OBSERVED if observational else _RANKING)[found][language == "de"].format(
        qini=interval_text((value, low, high), outcome, language, "+"),
        reason=REASONS[_reason(metrics, "qini")][language == "de"],
    )


def policy_sentences(differences: pd.DataFrame, unit: str, language: Language = "en") -> list[str]:
    """The model's choice beside each simple policy, one sentence each."""
    rows = differences[differences["metric"] == "policy_value"]
    german = language == "de"
    sentences = []
    for row in rows.to_dict("records"):
        numbers = (row["value"], row["low"], row["high"])
        told = interval_text(numbers, unit, language, "+")
        name = policy_text(row["baseline"], language)
        sentences.append(
            f"Gegenüber „{name}“: {told} je Kunde."
            if german
            else f"Beside “{name}”: {told} per customer."
        )
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
