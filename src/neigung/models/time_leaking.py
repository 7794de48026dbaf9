"""Time-leaking features: those that tell the date rather than the customer."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import StudyError
from neigung.language import Message
from neigung.models.dataset import Dataset

Rows = TypeVar("Rows", bound=Dataset)

TELLS_THE_DATE = 0.7
"""AUROC from which a column alone is said to separate old cutoffs from new ones."""

FEWEST_COLUMNS = 10
"""So many columns are kept in any case."""


def without_dated(
    dataset: Rows,
    train: Sequence[dt.datetime],
    keep: Literal["drop", "keep"] | Sequence[str] = "drop",
) -> Rows:
    """Leave out the number columns by which old training cutoffs can be told from new ones.

    In a store that began a year ago, the age of a product or the days since a first order grow
    with the calendar. Trees learn from them what happened in which month, and stand on ground they
    have never seen at the next cutoff. Each column is judged by how well it alone separates the
    rows of the oldest fifth of the training cutoffs from those of the newest (AUROC of its ranks,
    either way round). Labels play no part, nor does any cutoff after training. Adversarial
    validation, as in Pan et al., "Adversarial validation approach to concept drift problem in user
    targeting automation systems at Uber", arXiv 2004.03045 (2020), one column at a time.

    `train` are the training cutoffs, oldest first; `keep` is the study's
    `model.time_leaking_features`: columns or features named there stay. The dataset's notes name
    what was left out, and what was kept. Raises StudyError for a name that there is not.
    """
    kept_names = () if isinstance(keep, str) else tuple(keep)
    there = {name for column in dataset.columns for name in (column.name, column.feature)}
    if unknown := [name for name in kept_names if name not in there]:
        close = difflib.get_close_matches(unknown[0], sorted(there), n=1)
        raise StudyError(
            f"model.time_leaking_features names '{unknown[0]}', which is no feature here."
            f"{f' Did you mean {close[0]}?' if close else ''} Mend or drop the name."
        )
    several = max(1, len(train) // 5)
    old, new = dataset.at(*train[:several]), dataset.at(*train[-several:])
    is_new = np.repeat([False, True], [len(old), len(new)])
    strength = {}
    for column in dataset.columns:
        if column.kind == "number":
            values = pd.concat([old.frame[column.name], new.frame[column.name]])
            strength[column.name] = _separation(values, is_new)
    by_strength = sorted(strength, key=lambda name: (-strength[name], name))
    dated = {name for name in by_strength if strength[name] >= TELLS_THE_DATE}
    dated = set(by_strength[: min(len(dated), max(0, len(dataset.columns) - FEWEST_COLUMNS))])
    feature = {column.name: column.feature for column in dataset.columns}
    wanted = {name for name in dated if keep == "keep" or {name, feature[name]} & {*kept_names}}
    if wanted:
        note = Message.counted(
            "1 feature kept as model.time_leaking_features says: telling the date rather than the "
            "customer ({names:names})",
            "{n} features kept as model.time_leaking_features says: telling the date rather than "
            "the customer ({names:names})",
            n=len(wanted),
            names=[name for name in by_strength if name in wanted],
        )
        dataset = replace(dataset, notes=(*dataset.notes, note))
    dated -= wanted
    if not dated:
        return dataset
    note = Message.counted(
        "1 feature left out: telling the date rather than the customer ({names:names}); "
        "model.time_leaking_features keeps them",
        "{n} features left out: telling the date rather than the customer ({names:names}); "
        "model.time_leaking_features keeps them",
        n=len(dated),
        names=[name for name in by_strength if name in dated],
    )
    kept = tuple(column for column in dataset.columns if column.name not in dated)
    return replace(dataset, columns=kept, notes=(*dataset.notes, note))


def _separation(values: pd.Series[Any], is_new: npt.NDArray[np.bool_]) -> float:
    """AUROC of the values for `is_new`, mirrored above one half; missing values rank lowest.

    >>> _separation(pd.Series([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, False]))
    1.0
    """
    ranks = values.rank(na_option="top").to_numpy()
    n_new, n_old = int(is_new.sum()), int((~is_new).sum())
    wins = ranks[is_new].sum() - n_new * (n_new + 1) / 2
    auroc = float(wins / (n_new * n_old))
    return max(auroc, 1 - auroc)
