"""Planted leaks are refused; an honest dataset passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ibis
import pandas as pd
import pytest

from neigung.errors import LeakageError
from neigung.models.cutoffs import study_cutoffs
from neigung.models.dataset import Dataset, build_dataset
from neigung.models.leakage import check_leakage, check_offer_leakage, check_splits
from neigung.models.offers.dataset import (
    OfferDataset,
    OfferSplits,
    build_offer_dataset,
    offer_splits,
)
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


# Offers, each with an instant of its own, and the same at few instants.

OFFERS = {
    "name": "offers",
    "profiles": "memory",
    "target": {"kind": "offer", "horizon_days": 14, "outcome": "value"},
    "legal_basis": {"consent": "profiling"},
    "cutoffs": {"last": "latest", "every_days": 60, "count": 8},
    "features": ["order_count", "order_value_90d", "product_age", "offer_count_365d"],
}


@dataclass(frozen=True)
class OfferCase:
    """An offer study with its store, dataset and splits."""

    study: Study
    profiles: Profiles
    dataset: OfferDataset
    splits: OfferSplits

    def check(self, **changed: Any) -> None:
        dataset = replace(self.dataset, **changed)
        check_offer_leakage(dataset, self.splits, self.study, self.profiles)

    def with_frame(self, plant: Callable[[pd.DataFrame], None]) -> None:
        frame = self.dataset.frame.copy()
        plant(frame)
        self.check(frame=frame)


def case(tables: Frames, when: str) -> OfferCase:
    if when == "few":
        offers = tables["offers"].copy()
        offers["occurred_at"] = offers["occurred_at"].dt.floor("60D") + pd.Timedelta(hours=9)
        offers["known_at"] = offers["occurred_at"]
        tables = tables | {"offers": offers}
    study, profiles = Study.from_dict(OFFERS), Profiles.from_tables(tables)
    dataset = build_offer_dataset(study, profiles)
    return OfferCase(study, profiles, dataset, offer_splits(dataset, study))


@pytest.fixture(scope="module")
def offered(small_tables: Frames) -> OfferCase:
    return case(small_tables, "many")


@pytest.fixture(scope="module")
def offered_at_once(small_tables: Frames) -> OfferCase:
    return case(small_tables, "few")


def test_honest_offers_pass(offered: OfferCase) -> None:
    assert "product_age_90d" not in offered.dataset.X
    offered.check()


def test_honest_offers_at_few_instants_pass(offered_at_once: OfferCase) -> None:
    assert "product_age_90d" in offered_at_once.dataset.X
    offered_at_once.check()


def offer_outcome_as_feature(frame: pd.DataFrame) -> None:
    frame["order_value_90d"] = frame["value"]


def offers_counted_too_late(frame: pd.DataFrame) -> None:
    frame["offer_count_365d"] += frame["discount_rate"] > 0


def outcome_of_another_offer(frame: pd.DataFrame) -> None:
    frame["value"] = frame.groupby("customer_id")["value"].shift(1).fillna(frame["value"])


def outcome_as_label(frame: pd.DataFrame) -> None:
    frame["label"] = frame["gross"]


@pytest.mark.parametrize(
    ("plant", "column"),
    [
        (offer_outcome_as_feature, "order_value_90d"),
        (offers_counted_too_late, "offer_count_365d"),
        (outcome_of_another_offer, "value"),
        (outcome_as_label, "label"),
    ],
)
def test_a_leak_planted_in_offers_is_refused(
    offered: OfferCase, plant: Callable[[pd.DataFrame], None], column: str
) -> None:
    with pytest.raises(LeakageError, match=f"The column {column} leaks: among the .*est offers"):
        offered.with_frame(plant)


def test_a_leak_at_few_instants_is_refused(offered_at_once: OfferCase) -> None:
    def sold_lately(frame: pd.DataFrame) -> None:
        frame.loc[frame["purchase"] == 1, "product_age_90d"] = 1.0

    with pytest.raises(LeakageError, match="The column product_age_90d leaks"):
        offered_at_once.with_frame(sold_lately)


def test_another_arm_than_was_given_is_refused(offered: OfferCase) -> None:
    def swapped(frame: pd.DataFrame) -> None:
        frame["arm"] = frame["arm"].map({"none": "10%", "10%": "20%", "20%": "none"})

    with pytest.raises(LeakageError, match="are not in the table offers with this customer"):
        offered.with_frame(swapped)


def test_an_offer_to_whom_only_the_future_knows_is_refused(offered: OfferCase) -> None:
    """Rows of customers who had not ordered before their offer."""
    lines = offered.profiles.tables["order_lines"]
    later = lines.filter(lines.occurred_at > pd.Timestamp("2024-09-01"))
    tables = offered.profiles.tables | {"order_lines": later}
    poorer = Profiles("memory", offered.profiles.engine, tables)
    with pytest.raises(LeakageError, match="other customers are found once the future"):
        check_offer_leakage(offered.dataset, offered.splits, offered.study, poorer)


@pytest.mark.parametrize("forgotten", ["known_at", "occurred_at"])
def test_offers_and_a_gate_that_forgets_a_condition(
    forgotten: str, small_tables: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"known_at": "occurred_at", "occurred_at": "known_at"}[forgotten]

    def forgetful(rows: ibis.Table) -> ibis.Table:
        ahead = ibis.interval(days=30 if forgotten == "occurred_at" else 0)
        return rows.filter(rows[kept] < rows.cutoff + ahead)

    monkeypatch.setattr(timeline, "known_before", forgetful)
    found = case(small_tables, "many")
    with pytest.raises(LeakageError):
        found.check()


def test_training_offers_must_be_over_when_the_test_begins(offered: OfferCase) -> None:
    short = replace(offered.splits, horizon_days=0)
    with pytest.raises(LeakageError, match=r"newest training outcome ends on .* after the test"):
        check_offer_leakage(offered.dataset, short, offered.study, offered.profiles)
