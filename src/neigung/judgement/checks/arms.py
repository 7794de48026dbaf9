"""What is known of the effect of each arm?"""

from __future__ import annotations

from neigung.evaluation.offers.arm_verdict import FAMILY_ERROR, SMALLEST_SHARE
from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.judgement.check import Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language import Message

_TEXTS = {
    "good": Message(
        "An effect was found for {found} of {n} arms ({names}), and none as large as would matter "
        "for the others."
    ),
    "all": Message("An effect was found for every arm: {names}."),
    "few": Message(
        "There are not enough data on {few} of {n} arms ({unknown}); an effect was found for "
        "{found}."
    ),
    "none": Message("No arm has an effect as large as would matter ({n} examined)."),
    "unknown": Message("There are not enough data on any of the {n} arms."),
}
_OBSERVED = {
    "good": Message(
        "An adjusted difference was found for {found} of {n} arms ({names}), and none as large as "
        "would matter for the others; who was chosen may still be the reason."
    ),
    "all": Message(
        "An adjusted difference was found for every arm ({names}); who was chosen may still be the "
        "reason."
    ),
    "few": Message(
        "There are not enough data on {few} of {n} arms ({unknown}); an adjusted difference was "
        "found for {found}."
    ),
    "none": Message("No arm shows a difference as large as would matter ({n} examined)."),
    "unknown": _TEXTS["unknown"],
}
_OBSERVED_TITLE = Message("Difference between the offers")


def look(examined: Examined) -> Said:
    """The verdicts on the arms, counted; effects are claimed only of what was drawn by lot."""
    evaluation: OfferEvaluation = examined.evaluation
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
    values = {
        **{"n": len(table), "found": len(names["found"]), "few": len(names["unknown"])},
        **{"names": ", ".join(names["found"]), "unknown": ", ".join(names["unknown"])},
    }
    texts = (_OBSERVED if evaluation.observational else _TEXTS)[key]
    title = _OBSERVED_TITLE if evaluation.observational else None
    return Said(status, texts.worded(lambda language: values), title)


CHECK = Check(
    code="arms",
    title=Message("Effect of the offers"),
    care="not enough data on an arm, or an effect of none: found with a chance of "
    f"{FAMILY_ERROR:.0%} that any is, where none is; ruled out from {SMALLEST_SHARE:.0%} of the "
    "control's outcome on",
    bad="",
    why="What an arm does is then not known.",
    source="Holm (1979), Scandinavian Journal of Statistics 6; Schuirmann (1987), Journal of "
    "Pharmacokinetics and Biopharmaceutics 15",
    look=look,
)
