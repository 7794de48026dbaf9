"""The boosters behind what is explained, and how their guesses are read.

A propensity is one booster's margin, calibrated. An uplift is its arm's booster with a level and
a slope and, for some rows, averaged with the boosters of neighbouring rates, so that it rises with
the rate. All of this is linear, so it carries over to SHAP values and interactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neigung.models import kinds
from neigung.models.rows import Features

if TYPE_CHECKING:
    from neigung.models.offers.artefact import OfferArtefact
    from neigung.models.propensity.artefact import Artefact
    from neigung.models.version import Version

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Part:
    """One booster's part in what is explained.

    What its trees say counts times `factor` and, row by row, times `weights` (rows,), 0 for not at
    all. `base`, times the weights, is where the contributions start. `threads` may compute.
    """

    booster: Any
    factor: float
    base: float
    weights: Floats
    threads: int

    @property
    def trees(self) -> list[dict[str, Any]]:
        """`tree_info` of `Booster.dump_model()`."""
        return list(self.booster.dump_model()["tree_info"])


def parts(artefact: Version, X: Features, arm: str | None) -> tuple[Floats, list[Part]]:
    """What the boosters read of `X` (rows, columns), and their parts in the prediction.

    Of an offer model, in the uplift of `arm`. At least one row is needed. Raises ValueError for a
    model that is not made of boosters.
    """
    found: tuple[Floats, list[Part]] = kinds.named(artefact.kind).boosters(artefact, X, arm)
    return found


def of_propensity(artefact: Artefact, X: Features, arm: str | None) -> tuple[Floats, list[Part]]:
    """The `parts` of a propensity."""
    model = artefact.classifier
    array = model.encoder_.transform(X)
    middle = _middle(model.booster_, array)
    calibration = model.calibration_
    base = middle * calibration.slope + calibration.intercept
    weights = np.ones(len(array))
    return array, [Part(model.booster_, calibration.slope, base, weights, model.num_threads)]


def of_offers(artefact: OfferArtefact, X: Features, arm: str | None) -> tuple[Floats, list[Part]]:
    """The `parts` of what an arm changes."""
    model = artefact.model.uplift
    if not hasattr(model, "boosters_") or arm is None:
        raise ValueError("an uplift model of boosters is needed, and one of its arms")
    from neigung.models.offers.dose import rising_blocks

    array, arms = model.encoder_.transform(X), len(model.arms_)
    apply, (scale, shift) = model.calibration_.apply, model.reading_.T
    slopes = (apply(np.ones((1, arms))) - apply(np.zeros((1, arms))))[0] * scale
    middles = np.array([[_middle(one, array) for one in model.boosters_]])
    bases = apply(middles * scale + shift)[0]
    weights = np.tile(np.eye(arms)[model.arms_.index(arm)], (len(array), 1))
    if model.rising_:
        guesses = np.column_stack([one.predict(array) for one in model.boosters_])
        weights = rising_blocks(apply(guesses * scale + shift))[:, model.arms_.index(arm)]
    return array, [
        Part(one, float(slopes[j]), float(bases[j]), weights[:, j], model.num_threads)
        for j, one in enumerate(model.boosters_)
        if weights[:, j].any()
    ]


def _middle(booster: Any, array: Floats) -> float:
    """Where the contributions of a booster start: its mean over the training rows."""
    return float(np.asarray(booster.predict(array[:1], pred_contrib=True))[0, -1])
