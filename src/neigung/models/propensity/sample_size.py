"""Whether a sample leaves enough to learn from and to judge by."""

from __future__ import annotations

import datetime as dt

from neigung.errors import StudyError
from neigung.models.dataset import Dataset
from neigung.models.splits import Splits
from neigung.profiles.sample import Sample
from neigung.study import Study

FEWEST_OUTCOMES = 10
"""Of either outcome, in whatever a sample leaves to learn from or to judge by: with fewer, chance
decides the figures. Without a sample there is nothing that could be raised."""


def check_sample(dataset: Dataset, splits: Splits, study: Study) -> None:
    """Refuse a sample too small to learn from or to judge by; raises StudyError."""
    sampling = dataset.sampling
    if sampling is None:
        return
    parts: list[tuple[str, tuple[dt.datetime, ...], Sample | None]] = [
        ("to test on", (splits.test,), sampling.tested)
    ]
    for number, fold in enumerate(splits.folds, start=1):
        name = f"of fold {number} of {len(splits.folds)}"
        parts.append((f"to learn from {name}", fold.train, sampling.learned))
        parts.append((f"to judge by {name}", (fold.validation,), sampling.learned))
    for what, cutoffs, sample in parts:
        y = dataset.at(*cutoffs).y
        found = int(min(y.sum(), len(y) - y.sum()))
        if sample is not None and found < FEWEST_OUTCOMES:
            raise StudyError(
                f"Study {study.name}: with model.rows {study.model.rows:,} at least "
                f"{FEWEST_OUTCOMES} rows of either outcome are needed {what}, but of {len(y):,} "
                f"only {found} have the rarer one. Raise model.rows, or leave it out to take all "
                f"{sampling.train_of:,} training rows."
            )
