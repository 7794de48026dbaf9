"""The gate between past and future, row by row."""

import datetime as dt
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Future, Past, every, is_over, latest_cutoff

CUTOFF = dt.datetime(2011, 6, 1)
SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)


def profiles_of(*instants: tuple[dt.datetime, dt.datetime]) -> Profiles:
    """A store whose orders happened and became known at these instants, numbered as order ids."""
    lines = pd.DataFrame(
        {
            "customer_id": "a",
            "order_id": [str(number) for number in range(len(instants))],
            "occurred_at": [occurred for occurred, _ in instants],
            "known_at": [known for _, known in instants],
            "net_value": 1.0,
        }
    )
    return Profiles.from_tables({"order_lines": lines})


def spine_of(*cutoffs: dt.datetime, customer: str = "a") -> ir.Table:
    frame = pd.DataFrame({"customer_id": customer, "cutoff": pd.to_datetime(list(cutoffs))})
    return ibis.memtable(frame, schema={"customer_id": "string", "cutoff": "timestamp(6)"})


@pytest.mark.parametrize(
    ("occurred", "known", "is_past", "is_future"),
    [
        (CUTOFF - SECOND, CUTOFF - SECOND, True, False),
        (CUTOFF - SECOND, CUTOFF, False, False),
        (CUTOFF - DAY, CUTOFF + DAY, False, False),
        (CUTOFF, CUTOFF, False, True),
        (CUTOFF + 30 * DAY - SECOND, CUTOFF + 60 * DAY, False, True),
        (CUTOFF + 30 * DAY, CUTOFF + 30 * DAY, False, False),
        (CUTOFF - 365 * DAY, CUTOFF - 365 * DAY, True, False),
        (CUTOFF - 365 * DAY - SECOND, CUTOFF - 365 * DAY, False, False),
    ],
)
def test_each_row_is_on_its_side(
    occurred: dt.datetime, known: dt.datetime, is_past: bool, is_future: bool
) -> None:
    profiles = profiles_of((occurred, known))
    spine = spine_of(CUTOFF)
    past = Past(profiles.tables, spine, 365).rows("order_lines")
    future = Future(profiles.tables, spine, 30).rows("order_lines")
    assert (past.count().execute(), future.count().execute()) == (is_past, is_future)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-900, 900), st.integers(0, 400)), min_size=1, max_size=20),
    st.integers(1, 400),
    st.integers(1, 200),
)
def test_no_row_is_past_and_future(
    hours: list[tuple[int, int]], retention: int, horizon: int
) -> None:
    instants = [
        (CUTOFF + dt.timedelta(hours=at), CUTOFF + dt.timedelta(hours=at + late))
        for at, late in hours
    ]
    profiles = profiles_of(*instants)
    spine = spine_of(CUTOFF)
    past = set(Past(profiles.tables, spine, retention).rows("order_lines").order_id.execute())
    future = set(Future(profiles.tables, spine, horizon).rows("order_lines").order_id.execute())
    expected_past = {
        str(number)
        for number, (at, known) in enumerate(instants)
        if at < CUTOFF and known < CUTOFF and at >= CUTOFF - retention * DAY
    }
    expected_future = {
        str(number)
        for number, (at, _) in enumerate(instants)
        if CUTOFF <= at < CUTOFF + horizon * DAY
    }
    assert past == expected_past
    assert future == expected_future
    assert not past & future


def test_everyone_means_the_covered_only() -> None:
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "order_id": ["1", "2", "3"],
            "occurred_at": [CUTOFF - DAY] * 3,
            "net_value": 1.0,
        }
    )
    profiles = Profiles.from_tables({"order_lines": lines})
    spine = spine_of(CUTOFF)
    covered = spine.union(spine_of(CUTOFF, customer="b"))
    everyone = Past(profiles.tables, spine, 365).everyone("order_lines")
    assert set(everyone.customer_id.execute()) == {"a", "b", "c"}
    limited = Past(profiles.tables, spine, 365, covered).everyone("order_lines")
    assert set(limited.customer_id.execute()) == {"a", "b"}


def test_several_cutoffs_of_one_customer_have_a_past_each() -> None:
    profiles = profiles_of((CUTOFF - DAY, CUTOFF - DAY), (CUTOFF + DAY, CUTOFF + DAY))
    past = Past(profiles.tables, spine_of(CUTOFF, CUTOFF + 2 * DAY), 365)
    rows = past.rows("order_lines").execute()
    assert rows.groupby("cutoff")["order_id"].apply(set).to_dict() == {
        pd.Timestamp(CUTOFF): {"0"},
        pd.Timestamp(CUTOFF + 2 * DAY): {"0", "1"},
    }
    assert sorted(rows["days_ago"]) == [1.0, 1.0, 3.0]


def test_an_outcome_is_over_when_its_last_instant_is() -> None:
    assert is_over(CUTOFF, 30, by=CUTOFF + 30 * DAY)
    assert not is_over(CUTOFF, 30, by=CUTOFF + 30 * DAY - SECOND)


@given(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1)), st.integers(0, 400))
def test_the_latest_cutoff_is_a_midnight_whose_horizon_is_covered(
    last: dt.datetime, horizon: int
) -> None:
    cutoff = latest_cutoff(last, horizon)
    assert cutoff.time() == dt.time()
    assert cutoff + horizon * DAY <= last < cutoff + (horizon + 1) * DAY


def test_cutoffs_run_from_old_to_new() -> None:
    cutoffs = every(CUTOFF, days=7, count=4)
    assert cutoffs[-1] == CUTOFF
    assert {b - a for a, b in pairwise(cutoffs)} == {7 * DAY}
