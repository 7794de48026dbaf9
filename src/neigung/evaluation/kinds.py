"""The kinds of evaluations, and how a stored one is read: a kind that comes new gets an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.evaluation.propensity.evaluate import Evaluation

AnyEvaluation = Evaluation | OfferEvaluation

KINDS: dict[str, type[Evaluation] | type[OfferEvaluation]] = {
    one.kind: one for one in (Evaluation, OfferEvaluation)
}


def evaluation_from_dict(data: Mapping[str, Any]) -> AnyEvaluation:
    """What an evaluation's `to_dict` gave, read back; one that names no kind is of probabilities.

    Raises KeyError when the kind is not known.
    """
    return KINDS[data.get("kind", Evaluation.kind)].from_dict(data)
