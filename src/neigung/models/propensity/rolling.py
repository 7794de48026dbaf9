"""Fits the final model, and the same model at each fold, as it would have been back then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neigung.models.dataset import Dataset
from neigung.models.propensity.calibration import SigmoidCalibration
from neigung.models.propensity.classifier import PropensityClassifier, binary_labels
from neigung.models.splits import Fold, Splits


@dataclass(frozen=True)
class RollingFit:
    """A fitted and calibrated model, and what it would have been at earlier cutoffs.

    `folds` pairs each fold with the uncalibrated model that had learned from its training cutoffs
    alone.
    """

    model: PropensityClassifier
    folds: tuple[tuple[Fold, PropensityClassifier], ...]

    def out_of_sample(self, dataset: Dataset) -> tuple[Dataset, npt.NDArray[np.float64]]:
        """The rows of the newest validation cutoff, and their probabilities (n,).

        They are those of the fold's trees, which had not seen these outcomes, calibrated as the
        final ones are: what the model says of customers it has not learned from.
        """
        from scipy.special import expit

        fold, model = self.folds[-1]
        rows = dataset.at(fold.validation)
        return rows, expit(self.model.calibration_.apply(model.margin(rows.X)))


def fit_rolling(
    dataset: Dataset, splits: Splits, params: Mapping[str, Any], seed: int
) -> RollingFit:
    """Fit on all training cutoffs, calibrated out of sample in time.

    The calibration is fitted to the pooled predictions of the folds, each made by trees that saw
    only outcomes over before it; so no cutoff has to be held back from the final trees. The same
    idea, without time, is cross-validated calibration (Platt 1999, section 2.2).

    Raises InputError when the training or a fold has one outcome only.
    """
    folds = []
    margins, labels = [], []
    for fold in splits.folds:
        model = _fit(dataset.at(*fold.train), params, seed)
        later = dataset.at(fold.validation)
        margins.append(model.margin(later.X))
        labels.append(later.y)
        folds.append((fold, model))
    outcomes = np.concatenate(labels)
    model = _fit(dataset.at(*splits.train), params, seed)
    model.calibration_ = SigmoidCalibration.fit(
        np.concatenate(margins), binary_labels(outcomes, len(outcomes), "the validation cutoffs")
    )
    return RollingFit(model, tuple(folds))


def fit_with_seed(
    dataset: Dataset, splits: Splits, model: PropensityClassifier, seed: int
) -> PropensityClassifier:
    """The final trees once more with another seed, calibrated as `model` is."""
    again = _fit(dataset.at(*splits.train), model.params or {}, seed)
    again.calibration_ = model.calibration_
    return again


def _fit(rows: Dataset, params: Mapping[str, Any], seed: int) -> PropensityClassifier:
    return PropensityClassifier(params, random_state=seed).fit(rows.X, rows.y)
