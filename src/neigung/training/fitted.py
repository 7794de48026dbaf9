"""What was learned and tested, before it is examined, explained and tracked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from neigung.evaluation.tested import Tested
    from neigung.features.feature import Column
    from neigung.models.dataset import Dataset
    from neigung.models.leaks import Leak
    from neigung.models.version import Version
    from neigung.profiles.store import Profiles
    from neigung.study import Study

    Rows = TypeVar("Rows", bound=Dataset)

Floats = npt.NDArray[np.float64]

_SEEDS = 2**31


@dataclass(frozen=True)
class Variations:
    """The model fitted otherwise, to see how much hangs on that; nothing is chosen by it.

    `with_seed` (one of `seeds`) and `without` (names of columns) fit the model again on the same
    training rows and give its scores of the test rows (n,). `without` is None for offers, whose
    models take too long for it.
    """

    seeds: tuple[int, ...]
    with_seed: Callable[[int], Floats]
    without: Callable[[Collection[str]], Floats] | None = None


@dataclass(frozen=True)
class Fitted:
    """One tested model of a study, and what it takes to examine it further.

    `dataset` are all rows, `test` those it was tested on; `data_digest` is that of the profiles;
    `trials` are those of the tuning, as MLflow shows them. `sensitive` are the columns whose
    groups are compared, which the rows hold whether the model reads them or not.

    `before` are the newest training rows, `before_scores` (n,) what was said of them. A score is a
    probability, there by trees that had not seen these rows; of an offer model it is the uplift of
    the arm that is explained. `earned` tells for offers what each row of the test earns when it
    gets the arm of a choice (n,), by doubly robust scores; None where these offers cannot tell.

    `leaks` are columns proven to hold the future, `known_in_advance` those that the study declares
    to be none.
    """

    artefact: Version
    evaluation: Tested
    dataset: Dataset
    test: Dataset
    data_digest: str
    notes: tuple[str, ...]
    sensitive: tuple[Column, ...]
    before: Dataset
    before_scores: Floats
    variations: Variations
    earned: Callable[[npt.NDArray[np.object_]], Floats | None] | None = None
    trials: Sequence[Mapping[str, Any]] = ()
    leaks: tuple[Leak, ...] = ()
    known_in_advance: tuple[str, ...] = ()


def sensitive_columns(study: Study, profiles: Profiles) -> tuple[Column, ...]:
    """The columns that the study calls sensitive, or whose names do, among all there could be.

    Raises InputError when the study names one that there is not.
    """
    from neigung.evaluation.fairness.sensitive import sensitive_attributes
    from neigung.features.library import library, load_user_features

    own = load_user_features(study.my_features) if study.my_features else ()
    columns = {one.name: one for made in (*library(profiles), *own) for one in made.columns}
    return tuple(columns[name] for name in sensitive_attributes(columns, study.sensitive))


def newest(rows: Rows, least: int) -> Rows:
    """The rows of the newest whole cutoffs that together are at least `least`, or all.

    >>> import pandas as pd
    >>> from neigung.models.dataset import Dataset
    >>> days = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-02", "2025-01-03"])
    >>> rows = Dataset(pd.DataFrame({"cutoff": days}), ())
    >>> len(newest(rows, 1)), len(newest(rows, 2)), len(newest(rows, 9))
    (1, 3, 4)
    """
    at = rows.frame["cutoff"]
    together = at.value_counts().sort_index(ascending=False).cumsum()
    start = together.index[min(int(together.searchsorted(least)), len(together) - 1)]
    return replace(rows, frame=rows.frame[at >= start].reset_index(drop=True))


def other_seeds(seed: int, count: int) -> tuple[int, ...]:
    """Seeds that follow the study's own.

    >>> other_seeds(7, 3)
    (8, 9, 10)
    """
    return tuple((seed + step) % _SEEDS for step in range(1, count + 1))
