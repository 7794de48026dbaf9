"""The lights of a model of offers: effect, arms, placebo and overlap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from neigung.evaluation.light import KNOWN_CHANCES, Light, Status, make_light
from neigung.evaluation.overlap import IMBALANCE
from neigung.evaluation.psi import FALSE_ALARM
from neigung.language.intervals import share_text

if TYPE_CHECKING:
    from neigung.evaluation.offer_evaluation import OfferEvaluation

LANGUAGES = ("en", "de")

_ARMS = {
    "good": (
        "An effect was found for {found} of {n} arms ({names}), and none as large as would matter "
        "for the others.",
        "Für {found} von {n} Angebotsarten wurde eine Wirkung gefunden ({names}), für die anderen "
        "keine, die ins Gewicht fiele.",
    ),
    "all": (
        "An effect was found for every arm: {names}.",
        "Für jede Angebotsart wurde eine Wirkung gefunden: {names}.",
    ),
    "few": (
        "There are not enough data on {few} of {n} arms ({unknown}); an effect was found for "
        "{found}.",
        "Zu {few} von {n} Angebotsarten gibt es zu wenige Daten ({unknown}); eine Wirkung wurde "
        "für {found} gefunden.",
    ),
    "none": (
        "No arm has an effect as large as would matter ({n} examined).",
        "Keine Angebotsart hat eine Wirkung, die ins Gewicht fiele ({n} untersucht).",
    ),
    "unknown": (
        "There are not enough data on any of the {n} arms.",
        "Zu keiner der {n} Angebotsarten gibt es genug Daten.",
    ),
}
_ARMS_OBSERVED = {
    "good": (
        "An adjusted difference was found for {found} of {n} arms ({names}), and none as large as "
        "would matter for the others; who was chosen may still be the reason.",
        "Für {found} von {n} Angebotsarten wurde ein bereinigter Unterschied gefunden ({names}), "
        "für die anderen keiner, der ins Gewicht fiele; er kann noch daran liegen, wer ausgewählt "
        "wurde.",
    ),
    "all": (
        "An adjusted difference was found for every arm ({names}); who was chosen may still be the "
        "reason.",
        "Für jede Angebotsart wurde ein bereinigter Unterschied gefunden ({names}); er kann noch "
        "daran liegen, wer ausgewählt wurde.",
    ),
    "few": (
        "There are not enough data on {few} of {n} arms ({unknown}); an adjusted difference was "
        "found for {found}.",
        "Zu {few} von {n} Angebotsarten gibt es zu wenige Daten ({unknown}); ein bereinigter "
        "Unterschied wurde für {found} gefunden.",
    ),
    "none": (
        "No arm shows a difference as large as would matter ({n} examined).",
        "Keine Angebotsart zeigt einen Unterschied, der ins Gewicht fiele ({n} untersucht).",
    ),
    "unknown": _ARMS["unknown"],
}
_OVERLAP = {
    "good": (
        "The arms can be compared: {known} of the offers were drawn by lot with known chances, and "
        "no feature differs by more than {limit} standard deviations after weighting.",
        "Die Angebotsarten sind vergleichbar: {known} der Angebote wurden mit bekannten Chancen "
        "ausgelost, und nach der Gewichtung unterscheidet sich kein Merkmal um mehr als {limit} "
        "Standardabweichungen.",
    ),
    "estimated": (
        "Only {known} of the offers were drawn by lot; what else guided the choice can distort the "
        "comparison.",
        "Nur {known} der Angebote wurden ausgelost; was die Auswahl sonst leitete, kann den "
        "Vergleich verfälschen.",
    ),
    "arms": (
        "{k} of {n} arms cannot be compared, because too few customers got them or could have: "
        "{names}.",
        "{k} von {n} Angebotsarten sind nicht vergleichbar, weil zu wenige Kunden sie bekamen oder "
        "hätten bekommen können: {names}.",
    ),
    "balance": (
        "Even after weighting, {k} of {n} features differ between the arms, most of all {names} "
        "({size} standard deviations).",
        "Auch nach der Gewichtung unterscheiden sich {k} von {n} Merkmalen zwischen den "
        "Angebotsarten, am meisten {names} ({size} Standardabweichungen).",
    ),
    "bad": (
        "No arm can be compared with the control: too few customers got one or could have.",
        "Keine Angebotsart ist mit der Kontrolle vergleichbar: zu wenige Kunden bekamen eine oder "
        "hätten sie bekommen können.",
    ),
}
_NO_PLACEBO = ("The placebo was not computed.", "Das Placebo wurde nicht gerechnet.")


def offer_lights(evaluation: OfferEvaluation) -> tuple[Light, ...]:
    """Effect, arms, placebo and overlap."""
    verdict = evaluation.verdict
    effect: Status = "good" if verdict.beats_baseline else "bad"
    return (
        make_light("effect", effect, (verdict.text_en, verdict.text_de)),
        _arms(evaluation),
        _placebo(evaluation),
        _overlap(evaluation),
    )


def _arms(evaluation: OfferEvaluation) -> Light:
    table = evaluation.arm_effects
    names = {
        key: list(table[table["verdict"] == key]["arm"]) for key in ("found", "none", "unknown")
    }
    status: Status = "good" if names["found"] and not names["unknown"] else "care"
    key = "good" if names["none"] else "all"
    if len(names["unknown"]) == len(table):
        key, status = "unknown", "unknown"
    elif names["unknown"]:
        key = "few"
    elif not names["found"]:
        key = "none"
    values = {"n": len(table), "found": len(names["found"]), "few": len(names["unknown"])}
    # Effects are claimed only of what was drawn by lot.
    observed = evaluation.observational
    texts = [
        text.format(**values, names=", ".join(names["found"]), unknown=", ".join(names["unknown"]))
        for text in (_ARMS_OBSERVED if observed else _ARMS)[key]
    ]
    title = "arms_observed" if observed else None
    return make_light("arms", status, (texts[0], texts[1]), title)


def _placebo(evaluation: OfferEvaluation) -> Light:
    if evaluation.placebo.empty:
        return make_light("placebo", "unknown", _NO_PLACEBO)
    status: Status = "bad" if evaluation.placebo_found else "good"
    texts = [evaluation.placebo_sentence(language) for language in LANGUAGES]
    return make_light("placebo", status, (texts[0], texts[1]))


def _overlap(evaluation: OfferEvaluation) -> Light:
    table = evaluation.overlap
    others = table[table["arm"] != evaluation.control]
    lost = list(others[~others["usable"]]["arm"])
    rows = float(table["n"].sum())
    known = float((table["n"] * table["randomised"]).sum() / rows) if rows else 0.0
    apart, columns = _unbalanced(evaluation)
    worst = max(apart, key=lambda name: apart[name]) if apart else ""
    key, k, n, names = "good", 0, 0, ""
    if len(lost) == len(others):
        key = "bad"
    elif lost:
        key, k, n, names = "arms", len(lost), len(others), ", ".join(lost)
    elif known < KNOWN_CHANCES:
        key = "estimated"
    elif apart:
        key, k, n, names = "balance", len(apart), columns, worst
    status: Status = "good" if key == "good" else "bad" if key == "bad" else "care"
    texts = []
    for i, language in enumerate(LANGUAGES):
        limit, size = f"{IMBALANCE:.1f}", f"{apart.get(worst, 0):.2f}"
        if language == "de":
            limit, size = limit.replace(".", ","), size.replace(".", ",")
        # Rounding must not turn almost all into all.
        share = share_text(math.floor(100 * known) / 100, language)
        values = {"known": share, "limit": limit, "size": size, "k": k, "n": n, "names": names}
        texts.append(_OVERLAP[key][i].format(**values))
    return make_light("overlap", status, (texts[0], texts[1]))


def _unbalanced(evaluation: OfferEvaluation) -> tuple[dict[str, float], int]:
    """Features that differ after weighting by more than the limit and more than by chance.

    By chance a standardised difference between groups of n and m rows has the standard error
    sqrt(1 / n + 1 / m); the limit is Bonferroni's for all features and arms.
    """
    table = evaluation.balance
    if table.empty:
        return {}, 0
    from scipy.stats import norm

    rows = evaluation.overlap.set_index("arm")["effective"]
    one, other = table["arm"].map(rows).to_numpy(dtype=float), float(rows[evaluation.control])
    error = np.sqrt(1 / np.maximum(one, 1) + 1 / max(other, 1))
    limit = np.maximum(IMBALANCE, norm.isf(FALSE_ALARM / len(table) / 2) * error)
    size = table["after"].abs()
    apart = size[size.to_numpy() > limit].groupby(table["column"]).max()
    return {str(name): float(value) for name, value in apart.items()}, table["column"].nunique()
