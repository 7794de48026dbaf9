"""Planted leaks are refused; an honest dataset passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import ibis
import pandas as pd
import pytest

from neigung.errors import LeakageError
from neigung.models.dataset import Dataset, build_dataset, study_cutoffs
from neigung.models.leakage import check_leakage, check_splits
from neigung.models.splits import Splits, make_splits
from neigung.profiles import timeline
from neigung.profiles.store import Profiles
from neigung.study import Study
from tests.conftest import STUDY

Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def profiles(small_tables: Frames) -> Profiles:
    return Profiles.from_tables(small_tables)


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.from_dict(STUDY)


@pytest.fixture(scope="module")
def splits(study: Study, profiles: Profiles) -> Splits:
    return make_splits(study_cutoffs(study, profiles), 14, 1)


@pytest.fixture(scope="module")
def dataset(study: Study, profiles: Profiles) -> Dataset:
    return build_dataset(study, profiles, also=("order_value",))


def test_an_honest_dataset_passes(
    dataset: Dataset, splits: Splits, study: Study, profiles: Profiles
) -> None:
    check_leakage(dataset, splits, study, profiles)


def label_as_feature(frame: pd.DataFrame) -> None:
    frame["order_count_90d"] = frame["label"]


def feature_of_a_later_cutoff(frame: pd.DataFrame) -> None:
    later = frame.groupby("customer_id")["order_value"].shift(-1)
    frame["order_value"] = later.fillna(frame["order_value"])


def label_of_another_cutoff(frame: pd.DataFrame) -> None:
    earlier = frame.groupby("customer_id")["label"].shift(1)
    frame["label"] = earlier.fillna(frame["label"])


@pytest.mark.parametrize(
    ("plant", "column"),
    [
        (label_as_feature, "order_count_90d"),
        (feature_of_a_later_cutoff, "order_value"),
        (label_of_another_cutoff, "label"),
    ],
)
def test_a_planted_leak_is_refused(
    plant: Callable[[pd.DataFrame], None],
    column: str,
    dataset: Dataset,
    splits: Splits,
    study: Study,
    profiles: Profiles,
) -> None:
    leaky = replace(dataset, frame=dataset.frame.copy())
    plant(leaky.frame)
    with pytest.raises(LeakageError, match=f"The column {column} leaks.*Nothing was trained"):
        check_leakage(leaky, splits, study, profiles)


def test_customers_whom_only_the_future_knows_are_refused(
    dataset: Dataset, splits: Splits, study: Study, profiles: Profiles
) -> None:
    stranger = dataset.frame.tail(1).assign(customer_id="zz")
    leaky = replace(dataset, frame=pd.concat([dataset.frame, stranger], ignore_index=True))
    with pytest.raises(LeakageError, match=r"other customers are found .*1 differ"):
        check_leakage(leaky, splits, study, profiles)


@pytest.mark.parametrize("forgotten", ["known_at", "occurred_at"])
def test_a_gate_that_forgets_a_condition_is_found_out(
    forgotten: str,
    splits: Splits,
    study: Study,
    profiles: Profiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = {"known_at": "occurred_at", "occurred_at": "known_at"}[forgotten]

    def forgetful(rows: ibis.Table) -> ibis.Table:
        # A correction known before it happened does not exist: let that condition look ahead.
        ahead = ibis.interval(days=30 if forgotten == "occurred_at" else 0)
        return rows.filter(rows[kept] < rows.cutoff + ahead)

    monkeypatch.setattr(timeline, "known_before", forgetful)
    dataset = build_dataset(study, profiles)
    with pytest.raises(LeakageError):
        check_leakage(dataset, splits, study, profiles)


def test_the_last_bits_of_a_sum_are_no_leak(
    dataset: Dataset, splits: Splits, study: Study, profiles: Profiles
) -> None:
    """Threads add floats of a user's own feature in another order each time."""
    shaken = replace(dataset, frame=dataset.frame.copy())
    shaken.frame["order_value"] *= 1 + 1e-13
    check_leakage(shaken, splits, study, profiles)


def test_outcomes_must_be_over() -> None:
    days = [dt.datetime(2025, 1, 1) + dt.timedelta(days=7 * n) for n in range(6)]
    splits = make_splits(days, 14, 1)
    check_splits(splits, 14)
    with pytest.raises(LeakageError, match="ends after the cutoff"):
        check_splits(splits, 15)
