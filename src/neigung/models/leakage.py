"""The second look at time: re-derives from the finished tables that no future reached the past.

It shares nothing with `profiles.timeline`: the tables are cut with their own conditions, features
and labels are built again from what is left, and every number must be the same.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_float_dtype

from neigung.errors import LeakageError
from neigung.models.dataset import Dataset, Query, as_frame, label_rows, study_features
from neigung.models.splits import Splits
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.study import Study


def check_leakage(dataset: Dataset, splits: Splits, study: Study, profiles: Profiles) -> None:
    """Refuse a dataset in which the future reached the past; costs two cutoffs' features.

    Raises LeakageError when a training outcome ends after the cutoff it is
    judged at; when a feature of the oldest or the newest cutoff changes once everything is
    deleted that happened or became known at or after it; or when a label changes once everything
    is deleted that happened before the cutoff or after its horizon.
    """
    check_splits(splits, study.target.horizon_days)
    for cutoff in sorted({dataset.cutoffs[0], splits.test}):
        kept = dataset.at(cutoff).frame
        _compare(
            kept.drop(columns="label"), _from_the_past(dataset, study, profiles, cutoff), cutoff
        )
        _compare(kept[["customer_id", "cutoff", "label"]], _labels(study, profiles, cutoff), cutoff)


def check_splits(splits: Splits, horizon_days: int) -> None:
    """Raise LeakageError when an outcome overlaps the cutoff it must precede."""
    horizon = pd.Timedelta(days=horizon_days)
    pairs = [(cutoff, splits.test) for cutoff in splits.train]
    pairs += [(cutoff, fold.validation) for fold in splits.folds for cutoff in fold.train]
    for early, late in pairs:
        if pd.Timestamp(early) + horizon > pd.Timestamp(late):
            raise LeakageError(
                f"The outcome of the cutoff {early:%Y-%m-%d} ends after the cutoff "
                f"{late:%Y-%m-%d} it must precede (horizon {horizon_days} days). Nothing was "
                "trained."
            )


def _cut(profiles: Profiles, start: dt.datetime | None, end: dt.datetime, known: bool) -> Profiles:
    """The store without the rows outside of start <= occurred_at < end (and known before it)."""
    tables = {}
    for name, table in profiles.tables.items():
        if "occurred_at" in table.columns and name != "labels":
            inside = table.occurred_at < end
            if start is not None:
                inside = inside & (table.occurred_at >= start)
            if known:
                inside = inside & (table.known_at < end)
            table = table.filter(inside)
        tables[name] = table
    return Profiles(profiles.location, profiles.connection, tables, profiles.notes)


def _from_the_past(
    dataset: Dataset, study: Study, profiles: Profiles, cutoff: dt.datetime
) -> pd.DataFrame:
    profiles = _cut(profiles, None, cutoff, known=True)
    past = build_past(profiles, study, cutoff)
    computed = [
        name for name in dataset.frame.columns if name not in ("customer_id", "cutoff", "label")
    ]
    features = study_features(study, past, also=computed)
    rows = Query(profiles, features.table(past)).run()
    rows = rows.append_column("label", rows["cutoff"])
    return as_frame(rows, features.columns).drop(columns="label")


def _labels(study: Study, profiles: Profiles, cutoff: dt.datetime) -> pd.DataFrame:
    past = build_past(_cut(profiles, None, cutoff, known=True), study, cutoff)
    end = cutoff + dt.timedelta(days=study.target.horizon_days)
    rows = label_rows(study, _cut(profiles, cutoff, end, known=False), past)
    return as_frame(rows, ())


def _compare(found: pd.DataFrame, again: pd.DataFrame, cutoff: dt.datetime) -> None:
    keys = ["customer_id", "cutoff"]
    if not found[keys].equals(again[keys]):
        only = set(found["customer_id"]) ^ set(again["customer_id"])
        raise LeakageError(
            f"At the cutoff {cutoff:%Y-%m-%d} other customers are found once the future is "
            f"deleted ({len(only)} differ). Nothing was trained."
        )
    for name in found.columns.drop(keys):
        differs = _differ(found[name], again[name])
        if differs.any():
            raise LeakageError(
                f"The column {name} leaks: at the cutoff {cutoff:%Y-%m-%d} it differs for "
                f"{int(differs.sum())} of {len(found)} customers from what is found when all that "
                "the other side of the cutoff holds is deleted. Nothing was trained."
            )


def _differ(left: pd.Series[Any], right: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    if is_float_dtype(left) and is_float_dtype(right):
        # Threads add the floats of a user's own feature in another order each time.
        return ~np.isclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True)
    left, right = left.astype(object), right.astype(object)
    return np.asarray((left != right) & ~(left.isna() & right.isna()), dtype=bool)
