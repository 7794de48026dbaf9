"""Whom a study predicts for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pandas as pd
import pytest

from neigung.errors import FeatureError, ProfileError
from neigung.profiles.sample import Sample
from neigung.profiles.spine import build_past, eligible, past_of_pairs
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
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


def test_rows_are_joined_with_the_spine_where_others_may_have_some() -> None:
    profiles = shop(new=5, at_60=60, over_60=60.5, at_90=90)
    past = build_past(profiles, study(), CUTOFF)

    def customers(past: Past) -> list[str]:
        return sorted(past.rows("order_lines").customer_id.to_pyarrow().to_pylist())

    assert customers(past) == ["at_60", "new"]
    # A day more than the population looks back: those of that day alone are left to the last join.
    assert customers(past.lately(61)) == ["at_60", "new", "over_60"]
    assert customers(past.lately(62)) == ["at_60", "new"]
    chosen = build_past(profiles, study(), CUTOFF, Sample(0.5, "some"))
    assert customers(chosen.lately(61)) == chosen.spine.customer_id.to_pyarrow().to_pylist()


def test_nobody_is_no_error_here() -> None:
    assert population(shop(now=0, over_90=91)) == []


def test_consent_needs_its_table() -> None:
    with pytest.raises(ProfileError, match="needs the table consents"):
        population(shop(now=1), legal_basis={"consent": "profiling"})
    assert population(shop(now=1), legal_basis={"legitimate_interest": "profiling"}) == ["now"]


DAY = dt.timedelta(days=1)


def pairs_of(*pairs: tuple[str, dt.datetime]) -> ibis.Table:
    frame = pd.DataFrame(pairs, columns=["customer_id", "cutoff"])
    return ibis.memtable(frame, schema={"customer_id": "string", "cutoff": "timestamp(6)"})


def test_pairs_are_eligible_each_just_before_their_own_cutoff() -> None:
    profiles = shop(a=10, b=10)
    asked = [("a", CUTOFF), ("a", CUTOFF - 10 * DAY), ("b", CUTOFF - 9 * DAY)]
    asked += [("b", CUTOFF + 50 * DAY), ("b", CUTOFF + 51 * DAY), ("stranger", CUTOFF)]
    found = eligible(profiles, study(), pairs_of(*asked)).to_pandas()
    assert sorted(found.itertuples(index=False, name=None)) == [
        ("a", CUTOFF), ("b", CUTOFF - 9 * DAY), ("b", CUTOFF + 50 * DAY),
    ]  # fmt: skip


def test_the_past_of_pairs() -> None:
    profiles = shop(a=10, b=20)
    past = past_of_pairs(profiles, study(), pairs_of(("a", CUTOFF), ("b", CUTOFF - 30 * DAY)))
    assert past.rows("order_lines").customer_id.to_pyarrow().to_pylist() == ["a"]
    # b's order lies before a's cutoff
    found = past.everyone("order_lines").to_pandas()
    assert sorted(found["customer_id"]) == ["a", "b"]
    assert set(found["cutoff"]) == {CUTOFF}


def test_the_past_of_pairs_may_be_their_own_only() -> None:
    past = past_of_pairs(shop(a=10), study(), pairs_of(("a", CUTOFF)), own_rows_only=True)
    assert past.rows("order_lines").count().to_pyarrow().as_py() == 1
    with pytest.raises(FeatureError, match=r"own rows of order_lines .* of_everyone=True"):
        past.everyone("order_lines")


def test_everybodys_rows_are_those_the_legal_basis_covers() -> None:
    profiles = shop(a=10, b=20)
    lines = profiles.table("order_lines").to_pandas()
    said = pd.DataFrame({"customer_id": ["a"], "purpose": "profiling", "granted": True})
    consents = said.assign(occurred_at=CUTOFF - 300 * DAY)
    profiles = Profiles.from_tables({"order_lines": lines, "consents": consents})
    asked = study(legal_basis={"consent": "profiling"})
    past = past_of_pairs(profiles, asked, pairs_of(("a", CUTOFF)))
    assert past.everyone("order_lines").customer_id.to_pyarrow().to_pylist() == ["a"]


def odd_orders() -> Profiles:
    """Orders of which lines alone say something else, one of each customer; see the days."""
    rows = [
        # who, order, days before the cutoff, net
        ("refund", "1", 70, 50.0), ("refund", "1", 20, -50.0),
        ("alone", "2", 20, -50.0),
        ("zero", "3", 20, 0.0),
        ("late", "4", 61, 5.0), ("late", "4", 59, 5.0),
        ("voucher", "5", 20, 5.0), ("voucher", "5", 20, -5.0),
        ("undone", "6", 20, 5.0), ("undone", "6", 10, -5.0),
        ("both", "7", 70, 5.0), ("both", "7", 50, 5.0), ("both", "8", 40, 5.0),
        ("fresh", "9", 3, 5.0), ("fresh", "10", 2, -5.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "days", "net_value"])
    frame["occurred_at"] = CUTOFF - pd.to_timedelta(frame.pop("days"), unit="D")
    return Profiles.from_tables({"order_lines": frame})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"undone", "both", "fresh"}),
        ({"orders": {"zero_total": "count"}}, {"undone", "both", "fresh", "zero", "voucher"}),
        ({"population": {}}, {"undone", "both", "fresh", "refund", "late"}),
        ({"retention_days": 60}, {"undone", "both", "fresh", "late"}),  # older lines are gone
        ({"population": {"active_within_days": 75}}, {"undone", "both", "fresh", "refund", "late"}),
    ],
)
def test_who_is_active_has_an_order_that_counts(
    changes: dict[str, Any], expected: set[str]
) -> None:
    profiles = odd_orders()
    assert set(population(profiles, **changes)) == expected
    ids = sorted(set(profiles.table("order_lines").customer_id.to_pyarrow().to_pylist()))
    frame = pd.DataFrame({"customer_id": ids, "cutoff": CUTOFF}).astype({"cutoff": "M8[us]"})
    pairs = ibis.memtable(frame, schema={"customer_id": "string", "cutoff": "timestamp(6)"})
    found = eligible(profiles, study(**changes), pairs).to_pyarrow()["customer_id"].to_pylist()
    assert set(found) == expected
