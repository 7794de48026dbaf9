"""Whom a study predicts for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.study import Study

CUTOFF = dt.datetime(2025, 3, 1)


def study(**changes: Any) -> Study:
    content = {
        "name": "spine",
        "profiles": "memory",
        "target": {"kind": "purchase", "horizon_days": 10},
        "population": {"active_within_days": 60},
        "legal_basis": {"none_needed": "a test"},
        "retention_days": 90,
    }
    return Study.from_dict(content | changes)


def shop(**days_before: float) -> Profiles:
    """A store in which each customer orders once, so many days before the cutoff."""
    when = [CUTOFF - dt.timedelta(days=days) for days in days_before.values()]
    lines = {"customer_id": list(days_before), "order_id": list(days_before), "occurred_at": when}
    return Profiles.from_tables({"order_lines": pd.DataFrame(lines).assign(net_value=1.0)})


def population(profiles: Profiles, **changes: Any) -> list[str]:
    past = build_past(profiles, study(**changes), CUTOFF)
    assert past.spine.columns == ("customer_id", "cutoff")
    return sorted(past.spine.to_pyarrow()["customer_id"].to_pylist())


def test_both_ends_of_activity_and_retention() -> None:
    profiles = shop(now=0, just=1e-6, at_60=60, over_60=60.001, at_90=90, over_90=90.001)
    assert population(profiles) == ["at_60", "just"]
    assert population(profiles, population={}) == ["at_60", "at_90", "just", "over_60"]


def test_a_past_is_that_of_its_own_cutoff() -> None:
    profiles = shop(old=20, new=5)
    later = build_past(profiles, study(), CUTOFF)
    assert later.rows("order_lines").count().to_pyarrow().as_py() == 2
    earlier = build_past(profiles, study(), CUTOFF - dt.timedelta(days=10))
    assert earlier.rows("order_lines").customer_id.to_pyarrow().to_pylist() == ["old"]


def test_nobody_is_no_error_here() -> None:
    assert population(shop(now=0, over_90=91)) == []


def test_consent_needs_its_table() -> None:
    with pytest.raises(ProfileError, match="needs the table consents"):
        population(shop(now=1), legal_basis={"consent": "profiling"})
    assert population(shop(now=1), legal_basis={"legitimate_interest": "profiling"}) == ["now"]
