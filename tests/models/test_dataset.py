"""The dataset of a study against one worked out by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.models.cutoffs import study_cutoffs
from neigung.models.dataset import build_dataset, build_features
from neigung.profiles.store import Profiles
from neigung.study import Study

CUTOFF = pd.Timestamp("2025-03-01")
STUDY: dict[str, Any] = {
    "name": "by_hand",
    "profiles": "memory",
    "target": {"kind": "purchase", "horizon_days": 10},
    "population": {"active_within_days": 60},
    "legal_basis": {"consent": "profiling"},
    "retention_days": 90,
    "cutoffs": {"last": "2025-03-01", "every_days": 10, "count": 1},
    "features": ["order_count_30d", "order_days"],
}

# customer, when, known (None: at once), who is this
ORDERS = [
    ("anna", "2025-01-15", None),  # two in the past, one in the horizon
    ("anna", "2025-02-10", None),
    ("anna", "2025-03-05", None),
    ("bert", "2025-02-20", None),  # nothing in the horizon: the instant of its end is outside
    ("bert", "2025-03-11", None),
    ("carl", "2025-02-20", "2025-03-02"),  # known too late: not in the population
    ("carl", "2025-03-03", None),
    ("dora", "2024-12-20", None),  # longer ago than 60 days: not active
    ("emil", "2025-02-25", None),  # withdrew the consent
    ("fred", "2025-02-25", None),  # consents only after the cutoff
    ("gina", "2024-11-01", None),  # one order is older than the retention
    ("gina", "2025-02-01", None),
    ("gina", "2025-03-01", None),  # the instant of the cutoff is future
    ("hans", "2025-03-20", None),  # only future; makes the data long enough
]
CONSENTS = [
    *((name, "2024-01-01", True) for name in ("anna", "bert", "carl", "dora", "emil", "gina")),
    ("emil", "2025-02-28", False),
    ("fred", "2025-03-01", True),
    ("hans", "2024-01-01", True),
]


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    orders = pd.DataFrame(ORDERS, columns=["customer_id", "occurred_at", "known_at"])
    orders["order_id"] = [f"o{number}" for number in range(len(orders))]
    consents = pd.DataFrame(CONSENTS, columns=["customer_id", "occurred_at", "granted"])
    labels = pd.DataFrame({"customer_id": ["anna", "zoe"], "cutoff": CUTOFF, "value": [1.0, 0.0]})
    return Profiles.from_tables(
        {
            "order_lines": orders.assign(net_value=10.0),
            "consents": consents.assign(purpose="profiling"),
            "labels": labels,
        }
    )


def study(**changes: Any) -> Study:
    return Study.from_dict({**STUDY, **changes})


def rows(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return list(frame[list(names)].itertuples(index=False, name=None))


def test_population_features_and_labels(profiles: Profiles) -> None:
    dataset = build_dataset(study(), profiles)
    names = ("customer_id", "label", "order_count_30d", "order_days")
    assert rows(dataset.frame, *names) == [
        ("anna", 1.0, 1.0, 2.0),
        ("bert", 0.0, 1.0, 1.0),
        ("gina", 1.0, 1.0, 1.0),
    ]
    assert dataset.cutoffs == (CUTOFF.to_pydatetime(),)
    assert list(dataset.X) == ["order_days", "order_count_30d"]
    assert dataset.y.tolist() == [1.0, 0.0, 1.0]
    assert dataset.groups.tolist() == ["anna", "bert", "gina"]
    assert "3 rows, 2 features" in dataset._repr_html_()


@pytest.mark.parametrize(
    ("changes", "customers"),
    [
        ({"population": {}}, ["anna", "bert", "dora", "gina"]),
        (
            {"legal_basis": {"legitimate_interest": "profiling"}},
            ["anna", "bert", "fred", "gina"],
        ),
        ({"legal_basis": {"none_needed": "why"}}, ["anna", "bert", "emil", "fred", "gina"]),
        ({"target": {"kind": "custom", "horizon_days": 10}}, ["anna"]),
    ],
)
def test_who_is_in_it(profiles: Profiles, changes: Any, customers: list[str]) -> None:
    assert build_dataset(study(**changes), profiles).frame["customer_id"].tolist() == customers


def test_also_computed_columns_stay_out_of_the_model(profiles: Profiles) -> None:
    dataset = build_dataset(study(), profiles, also=("order_count",))
    assert "order_count" in dataset.frame
    assert list(dataset.X) == ["order_days", "order_count_30d"]


def test_features_without_labels_are_those_with(profiles: Profiles) -> None:
    bare = build_features(study(), profiles, CUTOFF.to_pydatetime())
    full = build_dataset(study(), profiles)
    pd.testing.assert_frame_equal(bare.X, full.X)
    assert bare.frame["label"].isna().all()
    named = build_features(study(), profiles, CUTOFF.to_pydatetime(), names=["order_count_30d"])
    assert list(named.X) == ["order_count_30d"]


def test_latest_leaves_room_for_the_horizon(profiles: Profiles) -> None:
    newest = study_cutoffs(study(cutoffs={"last": "latest", "count": 1}), profiles)
    assert newest == [dt.datetime(2025, 3, 10)]


def test_cutoffs_may_be_given_with_a_zone(profiles: Profiles) -> None:
    asked = study(cutoffs={"last": "2025-03-01T02:00:00+02:00", "count": 1})
    assert study_cutoffs(asked, profiles) == [CUTOFF.to_pydatetime()]


@pytest.mark.parametrize(
    ("cutoff", "told"),
    [
        ("2024-11-01", "lies before the data, whose orders span 2024-11-01 00:00 to 2025-03-20"),
        ("2025-03-22", "lies after the data"),
    ],
)
def test_a_cutoff_outside_of_the_data(profiles: Profiles, cutoff: str, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        build_features(study(), profiles, dt.datetime.fromisoformat(cutoff))


def test_the_midnight_after_the_last_order_is_inside(profiles: Profiles) -> None:
    assert len(build_features(study(), profiles, dt.datetime(2025, 3, 21))) > 0


def test_nobody_to_predict_for(profiles: Profiles) -> None:
    lonely = study(population={"active_within_days": 1})
    with pytest.raises(StudyError, match=r"found none: .* none of them in the last 1 days"):
        build_dataset(lonely, profiles)


def test_columns_the_store_cannot_give(profiles: Profiles) -> None:
    names = ["order_days", "visit_count_30d", "attribute_income"]
    with pytest.raises(StudyError, match="needs visit_count_30d, attribute_income, which"):
        build_features(study(), profiles, CUTOFF.to_pydatetime(), names=names)


def test_labels_need_the_cutoff_that_is_asked_for(profiles: Profiles) -> None:
    custom = {"kind": "custom", "horizon_days": 10}
    asked = study(target=custom, cutoffs={"last": "2025-02-01"})
    with pytest.raises(StudyError, match="has no row in the table labels"):
        build_dataset(asked, profiles)
