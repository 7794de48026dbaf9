"""Is something found where nothing can be?"""

from __future__ import annotations

from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.judgement.check import Check, Examined, Said
from neigung.language import Message

_NO_PLACEBO = Message("The placebo was not computed.")


def look(examined: Examined) -> Said:
    """As the placebo says."""
    evaluation: OfferEvaluation = examined.evaluation
    if evaluation.placebo.empty:
        return Said("unknown", _NO_PLACEBO)
    found = evaluation.placebo_found
    return Said("bad" if found else "good", Message.composed(evaluation.placebo_sentence))


CHECK = Check(
    code="placebo",
    title=Message("Placebo"),
    care="",
    bad="an effect or a ranking was found among arms dealt anew at random",
    why="Then nothing else that was found counts.",
    look=look,
)
