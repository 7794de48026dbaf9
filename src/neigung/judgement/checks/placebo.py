"""Is something found where nothing can be?"""

from __future__ import annotations

from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.judgement.check import Check, Examined, Said

_NO_PLACEBO = ("The placebo was not computed.", "Das Placebo wurde nicht gerechnet.")


def look(examined: Examined) -> Said:
    """As the placebo says."""
    evaluation: OfferEvaluation = examined.evaluation
    if evaluation.placebo.empty:
        return Said("unknown", _NO_PLACEBO)
    texts = evaluation.placebo_sentence("en"), evaluation.placebo_sentence("de")
    return Said("bad" if evaluation.placebo_found else "good", texts)


CHECK = Check(
    code="placebo",
    title=("Placebo", "Placebo"),
    care="",
    bad="an effect or a ranking was found among arms dealt anew at random",
    why="Then nothing else that was found counts.",
    look=look,
)
