"""Targets against outcomes that can be counted by hand."""

import datetime as dt
from typing import Any

import ibis
import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Future, Past
from neigung.study import Study
from neigung.targets.target import check_tables, in_words, label, reference

CUTOFF = dt.datetime(2025, 6, 1)


def store() -> Profiles:
    """Anna orders tea before and after the cutoff, Björn only before, Cem much later."""
    rows = [
        ("anna", "1", "2025-05-20", 100.0, "tea", "web"),
        ("anna", "2", "2025-06-10", 30.0, "tea", "web"),
        ("björn", "3", "2025-05-25", 80.0, "soap", "store"),
        ("cem", "4", "2025-05-01", 10.0, "tea", "store"),
        ("cem", "5", "2025-07-01", 10.0, "tea", "store"),
        ("dora", "6", "2025-05-30", 50.0, "soap", "web"),
        ("dora", "7", "2025-06-01", 40.0, "soap", "store"),
    ]
    columns = ["customer_id", "order_id", "occurred_at", "net_value", "category", "channel"]
    lines = pd.DataFrame(rows, columns=columns).assign(
        occurred_at=lambda frame: pd.to_datetime(frame["occurred_at"])
    )
    labels = pd.DataFrame(
        {
            "customer_id": ["anna", "björn", "anna"],
            "cutoff": pd.to_datetime(["2025-06-01", "2025-06-01", "2025-05-01"]),
            "value": [1, 0, 0],
        }
    )
    return Profiles.from_tables({"order_lines": lines, "labels": labels})


def study_of(**target: Any) -> Study:
    return Study.from_dict(
        {
            "name": "a",
            "profiles": "p",
            "target": target,
            "population": {"active_within_days": 60},
            "legal_basis": {"none_needed": "test"},
        }
    )


def labels_of(**target: Any) -> dict[str, float]:
    profiles, study = store(), study_of(**target)
    frame = pd.DataFrame({"customer_id": ["anna", "björn", "cem", "dora"], "cutoff": CUTOFF})
    spine = ibis.memtable(frame, schema={"customer_id": "string", "cutoff": "timestamp(6)"})
    past = Past(profiles.tables, spine, 365)
    future = Future(profiles.tables, reference(past, study.target), study.target.horizon_days)
    rows = label(future, study.target).execute()
    assert list(rows.columns) == ["customer_id", "cutoff", "label"]
    return dict(zip(rows["customer_id"], rows["label"], strict=True))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"kind": "purchase", "horizon_days": 30}, {"anna", "dora"}),
        ({"kind": "purchase", "horizon_days": 31}, {"anna", "cem", "dora"}),
        ({"kind": "purchase", "horizon_days": 9}, {"dora"}),
        ({"kind": "purchase", "horizon_days": 31, "where": {"category": "tea"}}, {"anna", "cem"}),
        (
            {"kind": "purchase", "horizon_days": 31, "where": {"channel": ["store"]}},
            {"cem", "dora"},
        ),
        (
            {
                "kind": "purchase",
                "horizon_days": 31,
                "where": {"category": ["tea", "soap"], "channel": "web"},
            },
            {"anna"},
        ),
        ({"kind": "churn", "horizon_days": 30}, {"björn", "cem"}),
        # anna falls from 100 to 30, björn from 80 to 0, cem spent nothing in the 30 days before
        ({"kind": "churn", "horizon_days": 30, "spend_below": 0.5}, {"anna", "björn"}),
        ({"kind": "churn", "horizon_days": 30, "spend_below": 0.3}, {"björn"}),
        ({"kind": "churn", "horizon_days": 30, "spend_below": 0.81}, {"anna", "björn", "dora"}),
    ],
)
def test_who_is_labelled(target: dict[str, Any], expected: set[str]) -> None:
    found = labels_of(**target)
    assert len(found) == 4
    assert {customer for customer, value in found.items() if value == 1.0} == expected
    assert set(found.values()) <= {0.0, 1.0}


def test_custom_labels_leave_out_whom_nobody_labelled() -> None:
    assert labels_of(kind="custom", horizon_days=30) == {"anna": 1.0, "björn": 0.0}


def test_a_target_without_its_table_or_column() -> None:
    profiles = store()
    tables = {"order_lines": profiles.tables["order_lines"].drop("category")}
    with pytest.raises(StudyError, match="needs the table labels"):
        check_tables(study_of(kind="custom", horizon_days=3), tables)
    where = {"category": "tea"}
    with pytest.raises(StudyError, match=r"needs the column order_lines\.category"):
        check_tables(study_of(kind="purchase", horizon_days=3, where=where), tables)


def test_targets_in_words() -> None:
    where = {"category": ["tea", "soap"]}
    purchase = study_of(kind="purchase", horizon_days=7, where=where).target
    assert in_words(purchase) == (
        "The customer orders within the next 7 days (category: tea, soap)."
    )
    churn = study_of(kind="churn", horizon_days=28, spend_below=0.5).target
    assert "weniger als 50 % dessen" in in_words(churn, "de")
