"""Do groups of customers differ beyond the limits?"""

from __future__ import annotations

from neigung.evaluation.fairness.fairness import Fairness
from neigung.evaluation.fairness.fairness_limits import (
    AUROC_STEP,
    CHANCE,
    FIFTH,
    FOUR_FIFTHS,
)
from neigung.evaluation.fairness.fairness_texts import DIRECT_USE
from neigung.evaluation.fairness.sensitive import MISSING
from neigung.judgement.check import LANGUAGES, Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language.numbers import share_text

MOST_UNKNOWN = 0.5
"""The share of the customers whose sensitive attribute may be unknown."""

_TEXTS = {
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


def look(examined: Examined) -> Said:
    """The first concern and how many more; else what was compared, and what may be chance."""
    fairness, evaluation = examined.fairness, examined.evaluation
    if fairness is None:
        return Said("unknown", _TEXTS["unknown"])
    if not len(fairness.groups):
        return Said("unknown", _TEXTS["nobody"])
    concerns = [fairness.concerns(language) for language in LANGUAGES]
    if concerns[0]:
        others = len(concerns[0]) - 1
        more = ("", "") if not others else _TEXTS["more" if others > 1 else "one_more"]
        texts = [told[0] + more[i].format(n=others) for i, told in enumerate(concerns)]
        return Said("care", (texts[0], texts[1]))
    compared = fairness.comparisons[fairness.comparisons["p"].notna()]
    n = int(compared["attribute"].nunique())
    if not n:
        return Said("unknown", _TEXTS["small"])
    unknown = _unknown(fairness)
    shares = [share_text(unknown, language) for language in LANGUAGES]
    key = "good" if n > 1 else "one"
    status: Status = "good"
    if fairness.unneeded(evaluation.metric):
        key, status = "unneeded", "care"
    elif unknown > MOST_UNKNOWN:
        key, status = "unknown_many", "care"
    texts = [text.format(n=n, share=share) for text, share in zip(_TEXTS[key], shares, strict=True)]
    if unknown and key != "unknown_many":
        texts = [
            text + _TEXTS["missing"][i].format(share=shares[i]) for i, text in enumerate(texts)
        ]
    doubts = [fairness.doubts(language) for language in LANGUAGES]
    if doubts[0]:
        texts = [
            text + _TEXTS["doubt"][i].format(text=doubts[i][0]) for i, text in enumerate(texts)
        ]
    return Said(status, (texts[0], texts[1]))


def _unknown(fairness: Fairness) -> float:
    """Of which share of the customers the least known attribute is missing."""
    unknown = fairness.groups[fairness.groups["level"] == MISSING]["n"]
    return 0.0 if unknown.empty else float(unknown.max()) / fairness.n_rows


CHECK = Check(
    code="fairness",
    title=("Fairness", "Fairness"),
    care=f"groups differ beyond chance ({CHANCE:.0%} in a whole report) and beyond a limit: shares "
    f"by more than {FOUR_FIFTHS:.0%} of the larger, errors by {FIFTH:.0%} of the rate, AUROC by "
    f"{AUROC_STEP:g}; a sensitive column has {DIRECT_USE:.0%} of the weight, or is read in vain; "
    f"more than {MOST_UNKNOWN:.0%} of the customers are in no group",
    bad="",
    why="Whether a difference is justified is for people to judge, not for a number.",
    source="29 CFR 1607.4 D (four fifths); Hardt, Price and Srebro (2016), Equality of opportunity "
    "in supervised learning, NeurIPS",
    look=look,
)
