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
from neigung.judgement.check import Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language import Language, Message
from neigung.language.numbers import share_text

MOST_UNKNOWN = 0.5
"""The share of the customers whose sensitive attribute may be unknown."""

_TEXTS = {
    "good": Message(
        "Of {n} sensitive attributes, none shows a difference between groups that is large and "
        "more than chance."
    ),
    "one": Message(
        "The one sensitive attribute shows no difference between groups that is large and more "
        "than chance."
    ),
    "missing": Message(
        " Not compared, as the attribute is not known: up to {share} of the customers."
    ),
    "unknown_many": Message(
        "Most customers could not be compared: up to {share} have no known attribute."
    ),
    "unneeded": Message(
        "The model reads sensitive attributes, but is as good without them: data minimisation asks "
        "to leave them out."
    ),
    "doubt": Message(" Large, but among so many comparisons perhaps chance: {text}"),
    "more": Message(" There are {n} more concerns."),
    "one_more": Message(" There is one more concern."),
    "nobody": Message(
        "The data hold no attribute such as age, sex or region, so whether groups are treated "
        "alike is not known."
    ),
    "small": Message("No two groups of a sensitive attribute are large enough to be compared."),
    "unknown": Message("Fairness was not examined."),
}


def look(examined: Examined) -> Said:
    """The first concern and how many more; else what was compared, and what may be chance."""
    fairness, evaluation = examined.fairness, examined.evaluation
    if fairness is None:
        return Said("unknown", _TEXTS["unknown"])
    if not len(fairness.groups):
        return Said("unknown", _TEXTS["nobody"])
    if fairness.concerns():
        return Said("care", Message.composed(lambda language: _first(fairness, language)))
    compared = fairness.comparisons[fairness.comparisons["p"].notna()]
    n = int(compared["attribute"].nunique())
    if not n:
        return Said("unknown", _TEXTS["small"])
    unknown = _unknown(fairness)
    key = "good" if n > 1 else "one"
    status: Status = "good"
    if fairness.unneeded(evaluation.metric):
        key, status = "unneeded", "care"
    elif unknown > MOST_UNKNOWN:
        key, status = "unknown_many", "care"

    def text(language: Language) -> str:
        share = share_text(unknown, language)
        said = _TEXTS[key].to(language, n=n, share=share)
        if unknown and key != "unknown_many":
            said += _TEXTS["missing"].to(language, share=share)
        for doubt in fairness.doubts(language)[:1]:
            said += _TEXTS["doubt"].to(language, text=doubt)
        return said

    return Said(status, Message.composed(text))


def _first(fairness: Fairness, language: Language) -> str:
    """The first concern, and how many more there are."""
    first, *others = fairness.concerns(language)
    if not others:
        return first
    return first + _TEXTS["more" if len(others) > 1 else "one_more"].to(language, n=len(others))


def _unknown(fairness: Fairness) -> float:
    """Of which share of the customers the least known attribute is missing."""
    unknown = fairness.groups[fairness.groups["level"] == MISSING]["n"]
    return 0.0 if unknown.empty else float(unknown.max()) / fairness.n_rows


CHECK = Check(
    code="fairness",
    title=Message("Fairness"),
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
