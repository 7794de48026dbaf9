"""Which cutoffs train, which validate and which tests.

The worked example of this module: a horizon of 60 days and eight cutoffs, one every 30 days. Two
steps of 30 days fill a horizon, so whatever learns from an outcome stays two cutoffs behind
whatever judges it:

    cutoff        0  1  2  3  4  5  6  7
    test                               t
    train         x  x  x  x  x  x
    fold 1        x  x     v
    fold 2        x  x  x     v
    fold 3        x  x  x  x     v

Of the validation cutoffs 2, 3, 4 and 5 the newest three are taken: spacing them a horizon apart
(5, 3) would leave only two. The folds choose the parameters and calibrate: a fold's predictions
are out of sample in time. The final trees then learn from all of `train`, up to the newest outcome
that is over when the test begins.
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

    `train` fits the final trees and contains all folds, which choose the parameters and calibrate.
    `test` is later than every training outcome.
    """

    test: datetime
    train: tuple[datetime, ...]
    folds: tuple[Fold, ...]

    def to_dict(self) -> dict[str, Any]:
        """The cutoffs as ISO strings, for an artefact and its report."""
        return {
            "test": self.test.isoformat(),
            "train": [cutoff.isoformat() for cutoff in self.train],
            "folds": [
                {
                    "train": [cutoff.isoformat() for cutoff in fold.train],
                    "validation": fold.validation.isoformat(),
                }
                for fold in self.folds
            ],
        }


def make_splits(
    cutoffs: Iterable[datetime], horizon_days: int, folds: int = 3, most: int | None = None
) -> Splits:
    """Split cutoffs in time so that no outcome is learned from before it was over.

    A cutoff `c` may serve a later cutoff `t` only if `c + horizon <= t`. Rolling-origin
    validation as in Tashman, "Out-of-sample tests of forecasting accuracy", International Journal
    of Forecasting 16 (2000). Validation cutoffs lie at least a horizon apart when that leaves
    enough of them, so that their outcomes are different days; else the newest are taken.

    Args:
        cutoffs: Instants in any order (UTC, naive); duplicates count once.
        horizon_days: How long an outcome is watched, in days.
        folds: How many validation cutoffs are wanted, at least 1.
        most: How many such cutoffs the data can give; 0 where a table of labels names them.

    Raises:
        StudyError: The cutoffs do not leave room for that many folds.

    >>> days = [datetime(2025, 1, 1) + timedelta(days=30 * i) for i in range(8)]
    >>> splits = make_splits(days, horizon_days=60, folds=3)
    >>> [days.index(fold.validation) for fold in splits.folds]
    [3, 4, 5]
    >>> days.index(splits.test), len(splits.train)
    (7, 6)
    >>> make_splits(days[:2], horizon_days=60, folds=3)
    Traceback (most recent call last):
    neigung.errors.StudyError: 3 folds with a 60-day horizon need 7 cutoffs, but \
2025-01-01..2025-01-31 every 30 days gives 2. Raise cutoffs.count to 7 or lower model.folds.
    """
    if folds < 1 or horizon_days < 1:
        raise StudyError(
            f"At least 1 fold and a horizon of at least 1 day are needed, but model.folds is "
            f"{folds} and the horizon is {horizon_days} days."
        )
    times = sorted(set(cutoffs))
    horizon = timedelta(days=horizon_days)
    train = _over_by(times, times[-1] - horizon) if times else ()
    possible = [c for c in train if c - horizon >= train[0]]
    if len(possible) < folds:
        raise StudyError(_too_few(times, horizon_days, folds, most))
    apart: list[datetime] = []
    for c in reversed(possible):
        if not apart or c + horizon <= apart[-1]:
            apart.append(c)
    chosen = apart[:folds][::-1] if len(apart) >= folds else possible[-folds:]
    return Splits(
        test=times[-1],
        train=train,
        folds=tuple(Fold(_over_by(train, c - horizon), c) for c in chosen),
    )


def _over_by(cutoffs: Sequence[datetime], newest: datetime) -> tuple[datetime, ...]:
    return tuple(c for c in cutoffs if c <= newest)


def _too_few(times: list[datetime], horizon_days: int, folds: int, most: int | None) -> str:
    plural = "s" if folds > 1 else ""
    needs = f"{folds} fold{plural} with a {horizon_days}-day horizon need{'' if plural else 's'}"
    fewer = " or lower model.folds" if folds > 1 else ""
    advice = f"Raise cutoffs.count{fewer}."
    if most == 0:
        return (
            f"{needs} at least {folds + 2} cutoffs that lie {horizon_days} days apart, but the "
            f"table labels has {len(times)} ({', '.join(f'{one:%Y-%m-%d}' for one in times[-3:])})."
            f" Add the outcomes of earlier cutoffs to labels{fewer}."
        )
    if not times:
        return f"{needs} {folds + 2} cutoffs, but there is none. {advice}"
    span = f"{times[0]:%Y-%m-%d}..{times[-1]:%Y-%m-%d}"
    gaps = {b - a for a, b in pairwise(times)}
    if len(gaps) == 1:
        every = gaps.pop()
        # The test and the oldest validation each wait a whole horizon for what they follow.
        wanted = 2 * ceil(timedelta(days=horizon_days) / every) + folds
        gives = f"{span} every {every / timedelta(days=1):g} days gives {len(times)}"
        if most is not None and most < wanted:
            return (
                f"{needs} {wanted} cutoffs, but {gives}, and the data reach back far enough for "
                f"{most} at most. Lower target.horizon_days or cutoffs.every_days{fewer}, or add "
                "older orders."
            )
        advice = f"Raise cutoffs.count to {wanted}{fewer}."
        return f"{needs} {wanted} cutoffs, but {gives}. {advice}"
    apart = f"{folds + 2} cutoffs that lie {horizon_days} days apart (more if they lie closer)"
    return f"{needs} {apart}, but {span} gives {len(times)}. {advice}"
