"""What was learned and tested, before it is explained and tracked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neigung.evaluation.evaluate import Evaluation
    from neigung.evaluation.offer_evaluation import OfferEvaluation
    from neigung.models.artefact import Artefact
    from neigung.models.dataset import Dataset
    from neigung.models.offer_artefact import OfferArtefact


@dataclass(frozen=True)
class Fitted:
    """One tested model of a study.

    `dataset` are all rows, `test` those it was tested on; `data_digest` is that of the profiles;
    `trials` are those of the tuning, as MLflow shows them.
    """

    artefact: Artefact | OfferArtefact
    evaluation: Evaluation | OfferEvaluation
    dataset: Dataset
    test: Dataset
    data_digest: str
    notes: tuple[str, ...]
    trials: Sequence[Mapping[str, Any]] = ()
