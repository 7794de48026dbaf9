"""Columns that tell the date are left out, and only those."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.features.feature import Column, Kind
from neigung.models.dataset import Dataset
from neigung.models.splits import make_splits
from neigung.models.time_leaking import without_dated

CUTOFFS = [dt.datetime(2025, 1, 1) + dt.timedelta(days=30 * i) for i in range(12)]


def column(name: str, kind: Kind = "number") -> Column:
    return Column(name, name, None, "count", "orders", kind, name, name)


def dataset(steady: int = 12) -> Dataset:
    """A column that grows with the calendar, one whose gaps close with it, and steady ones."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(200)] * len(CUTOFFS),
            "cutoff": np.repeat(pd.to_datetime(CUTOFFS), 200),
        }
    )
    frame["label"] = rng.integers(0, 2, len(frame)).astype(float)
    month = np.repeat(np.arange(len(CUTOFFS)), 200)
    frame["grows"] = month * 10 + rng.normal(0, 5, len(frame))
    frame["appears"] = np.where(rng.random(len(frame)) < month / 10, 1.0, np.nan)
    frame["season"] = pd.Categorical(np.where(month < 6, "winter", "summer"))
    names = [f"steady_{i}" for i in range(steady)]
    for name in names:
        frame[name] = rng.normal(0, 1, len(frame))
    columns = (column("grows"), column("appears"), *map(column, names))
    return Dataset(frame, (*columns, column("season", "category")))


def test_what_grows_with_the_calendar_is_left_out_and_named() -> None:
    given = dataset()
    kept = without_dated(given, make_splits(CUTOFFS, 30, 3).train)
    left_out = {c.name for c in given.columns} - {c.name for c in kept.columns}
    assert left_out == {"grows", "appears"}
    assert "2 features left out: telling the date" in kept.notes[0]
    assert kept.frame is given.frame


def test_labels_and_later_cutoffs_play_no_part() -> None:
    given, splits = dataset(), make_splits(CUTOFFS, 30, 3)
    changed = given.frame.assign(label=1 - given.frame["label"])
    changed.loc[changed["cutoff"] == splits.test, "steady_0"] = 1e6
    again = without_dated(Dataset(changed, given.columns), splits.train)
    assert again.columns == without_dated(given, splits.train).columns


@pytest.mark.parametrize(("steady", "left"), [(9, 10), (7, 10), (1, 4)])
def test_ten_columns_stay_in_any_case(steady: int, left: int) -> None:
    kept = without_dated(dataset(steady), make_splits(CUTOFFS, 30, 3).train)
    assert len(kept.columns) == left


def test_a_study_keeps_all_of_them_or_some_and_the_notes_say_so() -> None:
    given, train = dataset(), make_splits(CUTOFFS, 30, 3).train
    kept = without_dated(given, train, "keep")
    assert kept.columns == given.columns
    assert "2 features kept as model.time_leaking_features says" in kept.notes[0]
    some = without_dated(given, train, ["grows"])
    assert {c.name for c in given.columns} - {c.name for c in some.columns} == {"appears"}
    assert "1 feature kept as model.time_leaking_features says" in some.notes[0]
    assert "1 feature left out: telling the date" in some.notes[1]
    assert "model.time_leaking_features" in some.notes[1]
    with pytest.raises(
        StudyError, match=r"names 'grow', which is no feature here\. Did you mean gr"
    ):
        without_dated(given, train, ["grow"])
