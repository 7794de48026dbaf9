"""The lights that probabilities and offers have in common: fairness, drift, leak and seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neigung.evaluation.light import (
    LEAK_BAD,
    MOST_UNKNOWN,
    MOVED_WEIGHT,
    SEED_CORRELATION,
    SEED_SPREAD,
    Light,
    Status,
    make_light,
)
from neigung.evaluation.metrics import METRICS
from neigung.evaluation.psi import SOME
from neigung.evaluation.sensitive import MISSING
from neigung.evaluation.stability import SCORE, TOO_CLEAR, TOO_MUCH, Stability
from neigung.evaluation.verdict import format_number
from neigung.language.intervals import share_text

if TYPE_CHECKING:
    from neigung.evaluation.evaluate import Evaluation
    from neigung.evaluation.fairness import Fairness
    from neigung.evaluation.offer_evaluation import OfferEvaluation

LANGUAGES = ("en", "de")

_FAIRNESS = {
    "good": (
        "Of {n} sensitive attributes, none shows a difference between groups that is large and "
        "more than chance.",
        "Bei keiner von {n} sensiblen Angaben unterscheiden sich die Gruppen stark und mehr als "
        "durch Zufall.",
    ),
    "one": (
        "The one sensitive attribute shows no difference between groups that is large and more "
        "than chance.",
        "Bei der einzigen sensiblen Angabe unterscheiden sich die Gruppen nicht stark oder nicht "
        "mehr als durch Zufall.",
    ),
    "missing": (
        " Not compared, as the attribute is not known: up to {share} of the customers.",
        " Nicht verglichen, weil die Angabe nicht bekannt ist: bis zu {share} der Kunden.",
    ),
    "unknown_many": (
        "Most customers could not be compared: up to {share} have no known attribute.",
        "Die meisten Kunden ließen sich nicht vergleichen: Bis zu {share} haben keine bekannte "
        "Angabe.",
    ),
    "unneeded": (
        "The model reads sensitive attributes, but is as good without them: data minimisation asks "
        "to leave them out.",
        "Das Modell liest sensible Angaben, ist ohne sie aber ebenso gut: Die Datenminimierung "
        "verlangt, sie wegzulassen.",
    ),
    "doubt": (
        " Large, but among so many comparisons perhaps chance: {text}",
        " Groß, bei so vielen Vergleichen aber vielleicht Zufall: {text}",
    ),
    "more": (" There are {n} more concerns.", " Es gibt {n} weitere Bedenken."),
    "one_more": (" There is one more concern.", " Es gibt ein weiteres Bedenken."),
    "nobody": (
        "The data hold no attribute such as age, sex or region, so whether groups are treated "
        "alike is not known.",
        "Die Daten enthalten kein Merkmal wie Alter, Geschlecht oder Region; ob Gruppen gleich "
        "behandelt werden, ist daher nicht bekannt.",
    ),
    "small": (
        "No two groups of a sensitive attribute are large enough to be compared.",
        "Keine zwei Gruppen einer sensiblen Angabe sind groß genug für einen Vergleich.",
    ),
    "unknown": ("Fairness was not examined.", "Die Fairness wurde nicht geprüft."),
}
_DRIFT = {
    "good": (
        "The predictions are spread as in the training (PSI {psi}, up to {until}), and features "
        "that moved strongly have {share} of the weight.",
        "Die Vorhersagen verteilen sich wie im Training (PSI {psi} bis {until}), und stark "
        "verschobene Merkmale haben {share} des Gewichts.",
    ),
    "chance": (
        "The predictions have moved no more than by chance among so few customers (PSI {psi}, up "
        "to {until}), and features that moved strongly have {share} of the weight.",
        "Die Vorhersagen haben sich nicht mehr verschoben als durch Zufall bei so wenigen Kunden "
        "(PSI {psi} bis {until}), und stark verschobene Merkmale haben {share} des Gewichts.",
    ),
    "some": (
        "The predictions have moved somewhat since the training: PSI {psi} up to {until}, where "
        "0.1 would go unnoticed.",
        "Die Vorhersagen haben sich seit dem Training etwas verschoben: PSI {psi} bis {until}, "
        "unauffällig wäre bis 0,1.",
    ),
    "strong": (
        "The predictions have moved strongly since the training: PSI {psi} up to {until}, where "
        "0.1 would go unnoticed.",
        "Die Vorhersagen haben sich seit dem Training stark verschoben: PSI {psi} bis {until}, "
        "unauffällig wäre bis 0,1.",
    ),
    "weight": (
        "Features with {share} of the weight have moved strongly since the training, most of all "
        "“{text}” (PSI {psi}, up to {until}).",
        "Merkmale mit {share} des Gewichts haben sich seit dem Training stark verschoben, am "
        "meisten „{text}“ (PSI {psi} bis {until}).",
    ),
    "few": (
        "Whether anything moved cannot be told: there are too few customers to compare.",
        "Ob sich etwas verschoben hat, lässt sich nicht sagen: es sind zu wenige Kunden zum "
        "Vergleich.",
    ),
    "unknown": ("Drift was not examined.", "Verschiebungen wurden nicht geprüft."),
}
_UNTIL = {"test": ("the test", "zum Test"), "now": ("the newest data", "zu den neuesten Daten")}
_LEAK = {
    "good": (
        "No feature explains too much; the weightiest, “{text}”, has {share} of the contributions.",
        "Kein Merkmal erklärt zu viel; das gewichtigste, „{text}“, hat {share} der Beiträge.",
    ),
    "share": (
        "“{text}” alone has {share} of the contributions; make sure that it was known before the "
        "cutoff.",
        "„{text}“ allein hat {share} der Beiträge; es muss sicher sein, dass das Merkmal schon vor "
        "dem Stichtag bekannt war.",
    ),
    "auroc": (
        "“{text}” alone separates the outcomes almost completely (AUROC {auroc}); make sure that "
        "it was known before the cutoff.",
        "„{text}“ allein trennt die Ergebnisse fast vollständig (AUROC {auroc}); es muss sicher "
        "sein, dass das Merkmal schon vor dem Stichtag bekannt war.",
    ),
    "bad": (
        "“{text}” nearly decides alone: AUROC {auroc} by itself, and features like it have {share} "
        "of the contributions. It was probably written after the outcome.",
        "„{text}“ entscheidet fast allein: AUROC {auroc} für sich, und solche Merkmale haben "
        "{share} der Beiträge. Vermutlich wurde es erst nach dem Ergebnis geschrieben.",
    ),
    "constant": (
        "The model makes nothing of any feature.",
        "Das Modell nutzt kein einziges Merkmal.",
    ),
    "unknown": (
        "Signs of a leak were not looked for.",
        "Nach einem Datenleck wurde nicht gesucht.",
    ),
}
_SEED = {
    "good": (
        "Trained anew with other random numbers, the model says nearly the same: rank correlation "
        "{correlation} or more, and {top} or more of the top tenth stay.",
        "Mit anderen Zufallszahlen neu trainiert, sagt das Modell fast dasselbe: Rangkorrelation "
        "mindestens {correlation}, und mindestens {top} des besten Zehntels bleiben.",
    ),
    "order": (
        "Trained anew with other random numbers, the model orders the customers differently: rank "
        "correlation down to {correlation}, and only {top} of the top tenth stay.",
        "Mit anderen Zufallszahlen neu trainiert, ordnet das Modell die Kunden anders: "
        "Rangkorrelation bis hinab zu {correlation}, und nur {top} des besten Zehntels bleiben.",
    ),
    "spread": (
        "Trained anew with other random numbers, the model differs by {spread} in {metric}, more "
        "than half its lead over the best simple model ({lead}).",
        "Mit anderen Zufallszahlen neu trainiert, weicht das Modell um {spread} ab ({metric}), "
        "mehr als die Hälfte seines Vorsprungs vor dem besten einfachen Modell ({lead}).",
    ),
    "constant": (
        "How much of the model is chance cannot be told: it predicts the same for everybody.",
        "Wie viel am Modell Zufall ist, lässt sich nicht sagen: es sagt für alle dasselbe vorher.",
    ),
    "unknown": (
        "The model was not trained anew with other random numbers.",
        "Das Modell wurde nicht mit anderen Zufallszahlen neu trainiert.",
    ),
}


def shared_lights(
    evaluation: Evaluation | OfferEvaluation,
    stability: Stability | None,
    fairness: Fairness | None,
) -> tuple[Light, ...]:
    """Fairness, drift, leak and seed; unknown where there is nothing to go by."""
    return (
        _fairness(fairness, evaluation),
        _drift(stability),
        _leak(stability),
        _seed(stability, evaluation),
    )


def _fairness(fairness: Fairness | None, evaluation: Evaluation | OfferEvaluation) -> Light:
    if fairness is None:
        return _light("fairness", "unknown", _FAIRNESS["unknown"])
    if not len(fairness.groups):
        return _light("fairness", "unknown", _FAIRNESS["nobody"])
    concerns = [fairness.concerns(language) for language in LANGUAGES]
    if concerns[0]:
        others = len(concerns[0]) - 1
        more = ("", "") if not others else _FAIRNESS["more" if others > 1 else "one_more"]
        texts = [told[0] + more[i].format(n=others) for i, told in enumerate(concerns)]
        return make_light("fairness", "care", (texts[0], texts[1]))
    compared = fairness.comparisons[fairness.comparisons["p"].notna()]
    n = int(compared["attribute"].nunique())
    if not n:
        return _light("fairness", "unknown", _FAIRNESS["small"])
    unknown = _unknown(fairness)
    shares = [share_text(unknown, language) for language in LANGUAGES]
    key = "good" if n > 1 else "one"
    status: Status = "good"
    if fairness.unneeded(evaluation.metric):
        key, status = "unneeded", "care"
    elif unknown > MOST_UNKNOWN:
        key, status = "unknown_many", "care"
    texts = [
        text.format(n=n, share=share) for text, share in zip(_FAIRNESS[key], shares, strict=True)
    ]
    if unknown and key != "unknown_many":
        texts = [
            text + _FAIRNESS["missing"][i].format(share=shares[i]) for i, text in enumerate(texts)
        ]
    doubts = [fairness.doubts(language) for language in LANGUAGES]
    if doubts[0]:
        texts = [
            text + _FAIRNESS["doubt"][i].format(text=doubts[i][0]) for i, text in enumerate(texts)
        ]
    return make_light("fairness", status, (texts[0], texts[1]))


def _unknown(fairness: Fairness) -> float:
    """Of which share of the customers the least known attribute is missing."""
    unknown = fairness.groups[fairness.groups["level"] == MISSING]["n"]
    return 0.0 if unknown.empty else float(unknown.max()) / fairness.n_rows


def _drift(stability: Stability | None) -> Light:
    if stability is None or stability.drift.empty:
        return _light("drift", "unknown", _DRIFT["unknown"])
    known = stability.drift[stability.drift["psi"].notna()].to_dict("records")
    score = [row for row in known if row["column"] == SCORE]
    if not score:
        return _light("drift", "unknown", _DRIFT["few"])
    share_of = dict(zip(stability.leaks["column"], stability.leaks["share"], strict=True))
    moved = [row for row in known if row["level"] == "strong" and row["column"] != SCORE]
    share = sum(share_of.get(name, 0.0) for name in {row["column"] for row in moved})
    found = {row["level"] for row in score}
    key = next((level for level in ("strong", "some") if level in found), "good")
    rows = [row for row in score if row["level"] == key] or score
    if key == "good" and share > MOVED_WEIGHT:
        key, rows = "weight", moved
        rows = [max(moved, key=lambda row: share_of.get(row["column"], 0.0) * row["psi"])]
    row = max(rows, key=lambda row: row["psi"])
    told = "chance" if key == "good" and row["psi"] >= SOME else key
    texts = [
        _DRIFT[told][i].format(
            psi=_two(row["psi"], language),
            until=_UNTIL[row["against"]][i],
            share=share_text(share, language),
            text=_inner(row[f"text_{language}"]),
        )
        for i, language in enumerate(LANGUAGES)
    ]
    return make_light("drift", "good" if key == "good" else "care", (texts[0], texts[1]))


def _leak(stability: Stability | None) -> Light:
    if stability is None or stability.leaks.empty:
        return _light("leak", "unknown", _LEAK["unknown"])
    rows = stability.leaks.to_dict("records")
    heaviest = max(rows, key=lambda row: row["share"])
    if not heaviest["share"] > 0:
        return _light("leak", "unknown", _LEAK["constant"])
    clear = [row for row in rows if row["auroc"] >= TOO_CLEAR]
    share = sum(row["share"] for row in clear)
    if share >= LEAK_BAD:
        return _leak_light("bad", "bad", max(clear, key=lambda row: row["share"]), share)
    if heaviest["share"] >= TOO_MUCH:
        return _leak_light("share", "care", heaviest, heaviest["share"])
    if clear:
        return _leak_light("auroc", "care", max(clear, key=lambda row: row["auroc"]), share)
    return _leak_light("good", "good", heaviest, heaviest["share"])


def _leak_light(key: str, status: Status, row: Mapping[Any, Any], share: float) -> Light:
    texts = [
        _LEAK[key][i].format(
            text=_inner(row[f"text_{language}"]),
            share=share_text(share, language),
            auroc=format_number(float(row["auroc"]), language),
        )
        for i, language in enumerate(LANGUAGES)
    ]
    return make_light("leak", status, (texts[0], texts[1]))


def _seed(stability: Stability | None, evaluation: Evaluation | OfferEvaluation) -> Light:
    table = None if stability is None else stability.seeds
    if table is None or not (~table["registered"]).any():
        return _light("seed", "unknown", _SEED["unknown"])
    others = table[~table["registered"]]
    if others["correlation"].isna().any():
        return _light("seed", "unknown", _SEED["constant"])
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
    texts = [
        _SEED[key][i].format(
            # Rounded down, as it is said to be the least.
            correlation=_two(math.floor(100 * correlation) / 100, language),
            top=share_text(top, language),
            metric=METRICS[metric].text(language) if metric in METRICS else metric,
            spread=format_number(spread, language),
            lead=format_number(lead, language),
        )
        for i, language in enumerate(LANGUAGES)
    ]
    return make_light("seed", "good" if key == "good" else "care", (texts[0], texts[1]))


def _light(key: str, status: Status, texts: tuple[str, str], **values: Any) -> Light:
    return make_light(key, status, (texts[0].format(**values), texts[1].format(**values)))


def _inner(text: str) -> str:
    """A text that is to stand between quotation marks: marks within it become single ones.

    >>> _inner("Merkmal „Alter“")
    'Merkmal ‚Alter‘'
    """
    if "„" in text:
        return text.replace("„", "‚").replace("“", "‘")
    return text.replace("“", "‘").replace("”", "’")


def _two(value: float, language: str) -> str:
    text = f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
    return text.replace(".", ",") if language == "de" else text
