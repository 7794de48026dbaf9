"""Which cutoffs train, which tune, which calibrate and which test.

The worked example of this module: a horizon of 60 days and ten cutoffs, one every 30 days. Two
steps of 30 days fill a horizon, so whatever learns from an outcome stays two cutoffs behind
whatever judges it:

    cutoff        0  1  2  3  4  5  6  7  8  9
    test                                     t
    calibration                        c
    train         x  x  x  x  x  x
    fold 1        x     v
    fold 2        x  x     v
    fold 3        x  x  x     v        (and the newest: cutoff 5 with 0..3)

Of the validation cutoffs 2, 3, 4 and 5 the newest three are taken (3, 4, 5): spacing them a
horizon apart (5, 3) would leave only two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from neigung.errors import StudyError


@dataclass(frozen=True)
class Fold:
    """One step of the rolling validation: learn on `train`, judge on `validation`."""

    train: tuple[datetime, ...]
    validation: datetime


@dataclass(frozen=True)
class Splits:
    """The part that each cutoff plays; every tuple runs from old to new.

    `train` fits the final trees and contains all folds, which alone choose the parameters.
    `calibration` is later than every training outcome, `test` later than the calibration's.
    """

    test: datetime
    calibration: datetime
    train: tuple[datetime, ...]
    folds: tuple[Fold, ...]

    def to_dict(self) -> dict[str, Any]:
        """The cutoffs as ISO strings, for an artefact and its report."""
        return {
            "test": self.test.isoformat(),
            "calibration": self.calibration.isoformat(),
            "train": [cutoff.isoformat() for cutoff in self.train],
            "folds": [
                {
                    "train": [cutoff.isoformat() for cutoff in fold.train],
                    "validation": fold.validation.isoformat(),
                }
                for fold in self.folds
            ],
        }


def make_splits(cutoffs: Iterable[datetime], horizon_days: int, folds: int = 3) -> Splits:
    """Split cutoffs in time so that no outcome is learned from before it was over.

    A cutoff `c` may serve a later cutoff `t` only if `c + horizon <= t`. Rolling-origin
    validation as in Tashman, "Out-of-sample tests of forecasting accuracy", International Journal
    of Forecasting 16 (2000). Validation cutoffs lie at least a horizon apart when that leaves
    enough of them, so that their outcomes are different days; else the newest are taken.

    Args:
        cutoffs: Instants in any order (UTC, naive); duplicates count once.
        horizon_days: How long an outcome is watched, in days.
        folds: How many validation cutoffs are wanted, at least 1.

    Raises:
        StudyError: The cutoffs do not leave room for that many folds.

    >>> days = [datetime(2025, 1, 1) + timedelta(days=30 * i) for i in range(10)]
    >>> splits = make_splits(days, horizon_days=60, folds=3)
    >>> [days.index(fold.validation) for fold in splits.folds]
    [3, 4, 5]
    >>> days.index(splits.calibration), days.index(splits.test), len(splits.train)
    (7, 9, 6)
    >>> make_splits(days[:2], horizon_days=60, folds=3)
    Traceback (most recent call last):
    neigung.errors.StudyError: 3 folds with a 60-day horizon need 9 cutoffs, but \
2025-01-01..2025-01-31 every 30 days gives 2. Raise cutoffs.count or lower model.folds.
    """
    if folds < 1 or horizon_days < 1:
        raise StudyError(
            f"At least 1 fold and a horizon of at least 1 day are needed, but model.folds is "
            f"{folds} and the horizon is {horizon_days} days."
        )
    times = sorted(set(cutoffs))
    horizon = timedelta(days=horizon_days)
    before = _over_by(times, times[-1] - horizon) if times else ()
    train = _over_by(times, before[-1] - horizon) if before else ()
    possible = [c for c in train if c - horizon >= train[0]]
    if len(possible) < folds:
        raise StudyError(_too_few(times, horizon_days, folds))
    apart: list[datetime] = []
    for c in reversed(possible):
        if not apart or c + horizon <= apart[-1]:
            apart.append(c)
    chosen = apart[:folds][::-1] if len(apart) >= folds else possible[-folds:]
    return Splits(
        test=times[-1],
        calibration=before[-1],
        train=train,
        folds=tuple(Fold(_over_by(train, c - horizon), c) for c in chosen),
    )


def _over_by(cutoffs: Sequence[datetime], newest: datetime) -> tuple[datetime, ...]:
    return tuple(c for c in cutoffs if c <= newest)


def _too_few(times: list[datetime], horizon_days: int, folds: int) -> str:
    plural = "s" if folds > 1 else ""
    needs = f"{folds} fold{plural} with a {horizon_days}-day horizon need{'' if plural else 's'}"
    advice = "Raise cutoffs.count or lower model.folds."
    if not times:
        return f"{needs} {folds + 3} cutoffs, but there is none. {advice}"
    span = f"{times[0]:%Y-%m-%d}..{times[-1]:%Y-%m-%d}"
    gaps = {b - a for a, b in pairwise(times)}
    if len(gaps) == 1:
        every = gaps.pop()
        # Test, calibration, newest and oldest training outcome each wait for a whole horizon.
        wanted = 3 * ceil(timedelta(days=horizon_days) / every) + folds
        gives = f"{span} every {every / timedelta(days=1):g} days gives {len(times)}"
        return f"{needs} {wanted} cutoffs, but {gives}. {advice}"
    apart = f"{folds + 3} cutoffs that lie {horizon_days} days apart (more if they lie closer)"
    return f"{needs} {apart}, but {span} gives {len(times)}. {advice}"
