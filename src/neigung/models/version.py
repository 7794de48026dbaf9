"""The face that every kind of trained model shows: what scoring, serving and tracking know of it.

A kind of its own (propensity, offers) is a folder in this room, with its entry in `kinds`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from neigung.models.rows import Features, Table

if TYPE_CHECKING:
    from neigung.features.feature import Column
    from neigung.models.encoding import Floats
    from neigung.models.unseen import Unseen

Unit = Literal["log_odds", "points", "money"]
"""Of contributions: calibrated log-odds; probability points or money that an arm changes."""

Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Cutoffs:
    """When a version learned and when it was tested, of whichever kind and release it is.

    Parameters
    ----------
    train : the cutoffs that it learned from, oldest first; of offers, which have one each, the
        newest alone.
    test : the cutoff it was tested at, of offers the beginning of their test; None if not kept.
    horizon_days : how long an outcome is watched.

    >>> splits = {"train": ["2025-01-01", "2025-02-01"], "test": "2025-04-01", "folds": []}
    >>> Cutoffs.read(splits, horizon_days=30).trained_until
    datetime.datetime(2025, 3, 3, 0, 0)
    >>> spans = {"train_until": "2025-02-01", "test_start": "2025-03-03", "test_end": "2025-05-01"}
    >>> Cutoffs.read(spans, horizon_days=30).test
    datetime.datetime(2025, 3, 3, 0, 0)
    """

    train: tuple[dt.datetime, ...]
    test: dt.datetime | None
    horizon_days: int

    @classmethod
    def read(cls, splits: Mapping[str, Any] | None, horizon_days: int) -> Cutoffs:
        """From what `Splits.to_dict` or `OfferSplits.to_dict` gave, as `meta["splits"]` keeps it.

        The two shapes stay as they are: an artefact's digest is over them.
        """
        kept = splits or {}
        train = kept.get("train") or ([kept["train_until"]] if "train_until" in kept else [])
        test = kept.get("test") or kept.get("test_start")
        return cls(
            tuple(sorted(map(dt.datetime.fromisoformat, train))),
            None if test is None else dt.datetime.fromisoformat(test),
            horizon_days,
        )

    @property
    def trained_until(self) -> dt.datetime | None:
        """When the newest outcome ended that was learned from; None if not kept."""
        return self.train[-1] + dt.timedelta(days=self.horizon_days) if self.train else None


class Version(Protocol):
    """A trained model as data, with all that scoring, explaining and reviewing it need.

    What a prediction is explained by may have several parts, each with contributions of its own: of
    offers the arms; of a propensity there is one, which has no name (None).
    """

    @property
    def kind(self) -> str:
        """The name of its kind, see `kinds`."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the features mean, in the model's order."""

    @property
    def study(self) -> Mapping[str, Any]:
        """The resolved study, JSON-ready."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """What else is worth keeping, JSON-ready."""

    @property
    def cutoffs(self) -> Cutoffs:
        """When it learned and when it was tested."""

    @property
    def parts(self) -> Sequence[str]:
        """The names of what is explained apart: of offers the arms; empty where there is one."""

    @property
    def unit(self) -> Unit:
        """In which unit contributions count."""

    @property
    def predicted(self) -> tuple[str, ...]:
        """The columns of `predict`, in order."""

    @property
    def group_column(self) -> str:
        """The column of `predict` that sorts customers into groups: band, or recommended arm."""

    @property
    def groups(self) -> tuple[str, ...]:
        """These groups in the order they are shown in."""

    @property
    def usual(self) -> Mapping[str, float | str | None]:
        """What is usual of each column, see `usual_values`; empty where it was not kept."""

    @property
    def params(self) -> Mapping[str, Any]:
        """What the training log shows of how the model was fitted."""

    @property
    def digest(self) -> str:
        """SHA-256 over the bytes of all files: the identity of the artefact."""

    @property
    def files(self) -> dict[str, bytes]:
        """All of it as the files that `save` writes, by name: to be sent, see `load_artefact`."""

    def predict(self, X: Table) -> Table:
        """The columns `predicted`, a frame for a frame and `Rows` for `Rows`."""

    def score(self, X: Features, part: str | None = None) -> Floats:
        """What it says of each row (n,): the probability, or the uplift of the arm `part`."""

    def promised(self, X: Features) -> Floats:
        """What comes of each row (n,) if it is followed: the probability, or the uplift of the
        recommended arm (0 for the control)."""

    def selected(self, X: Features) -> npt.NDArray[np.bool_]:
        """Whom a campaign would address first (n,): the top band, or who is recommended an arm."""

    def outputs(self, predicted: Features, row: int) -> dict[str, Any]:
        """One row of what `predict` gave, as it is answered and logged."""

    def explained(self, X: Features, predicted: Features | None = None) -> Objects:
        """The part to explain of each row (n,), given what `predict` gave, if it is at hand."""

    def contributions(
        self, X: Features, part: str | Sequence[str] | Objects | None = None
    ) -> Floats:
        """Exact contributions (n, features + 1), the base last, to one part or one for each row.

        Raises InputError for a part that there is not.
        """

    def unseen(self, X: Features) -> dict[str, int]:
        """Per column, how many categories were not known at training and count as missing."""

    def unknown(self, X: Features) -> dict[str, Unseen]:
        """The same of every column of categories, with examples."""

    def unknown_of_each(self, X: Features) -> list[list[str]]:
        """Of each row the columns whose category is unknown."""

    def require_known(self, unknown: Mapping[str, Unseen]) -> None:
        """Raise InputError where all values of a column of categories are unknown."""

    def many_unknown(self, unknown: Mapping[str, Unseen]) -> list[Unseen]:
        """The columns of which much is unknown, and more than was in the test."""

    def save(self, path: str | Path) -> None:
        """Write the folder, whole or not at all; raises InputError where something else is."""
