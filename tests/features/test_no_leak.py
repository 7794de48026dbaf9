"""Nothing that a feature must not know changes any feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neigung.features.library import library
from neigung.profiles.store import Profiles
from tests.features.conftest import features_of, past_of
from tests.stores import small_store

CUTOFF = pd.Timestamp("2025-02-10 12:00")
RETENTION = 300
CUSTOMERS = [f"k{number:03d}" for number in range(25)]

Store = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def tidy() -> Store:
    """A store in which each hidden row has a twin, and one customer is known only from hidden
    rows."""
    store = small_store(customers=25)
    del store["labels"]
    return store


@pytest.fixture(scope="module")
def before(tidy: Store) -> pd.DataFrame:
    return _features(tidy)


@pytest.mark.parametrize("seed", range(2))
def test_rewriting_what_is_hidden_changes_nothing(
    tidy: Store, before: pd.DataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    changed = {name: _rewritten(table, rng) for name, table in tidy.items()}
    pd.testing.assert_frame_equal(_features(changed), before, check_exact=True)


@pytest.mark.parametrize("seed", range(2))
def test_adding_what_is_hidden_changes_nothing(
    tidy: Store, before: pd.DataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    changed = {name: _with_hidden(table, rng) for name, table in tidy.items()}
    pd.testing.assert_frame_equal(_features(changed), before, check_exact=True)


def test_deleting_what_is_hidden_changes_nothing(tidy: Store, before: pd.DataFrame) -> None:
    changed = {name: table[~_hidden(table)] for name, table in tidy.items()}
    assert all(len(changed[name]) < len(tidy[name]) for name in tidy)
    pd.testing.assert_frame_equal(_features(changed), before, check_exact=True)


def test_how_a_case_ends_after_the_cutoff_changes_nothing(
    tidy: Store, before: pd.DataFrame
) -> None:
    cases = tidy["service_cases"].copy()
    later = ~(cases["resolved_at"] < CUTOFF) & ~_hidden(cases)
    assert later.any()
    cases.loc[later, "resolved_at"] = CUTOFF
    cases.loc[later, "satisfaction"] = 1.0
    changed = tidy | {"service_cases": cases}
    pd.testing.assert_frame_equal(_features(changed), before, check_exact=True)


@pytest.mark.parametrize(
    "table",
    [
        "customers", "order_lines", "returns", "visits", "contacts", "responses", "offers",
        "service_cases", "loyalty",
    ],
)  # fmt: skip
def test_hiding_what_was_seen_changes_something(
    tidy: Store, before: pd.DataFrame, table: str
) -> None:
    """The tests above can fail: features do read each of these tables."""
    rows = tidy[table].copy()
    rows["known_at"] = CUTOFF
    rows["known_at"] = rows[["known_at", "occurred_at"]].max(axis=1)
    tables = {name: tidy[name] for name in {"order_lines", table}} | {table: rows}
    past = past_of(Profiles.from_tables(tables), [CUTOFF], CUSTOMERS, RETENTION)
    own = tuple(one for one in library(past) if one.source.tables[-1:] == (table,))
    own = own or tuple(one for one in library(past) if one.source.tables[:1] == (table,))
    found = features_of(past, features=own)
    assert not found.equals(before[found.columns])


def _features(tables: Store) -> pd.DataFrame:
    profiles = Profiles.from_tables(tables)
    return features_of(past_of(profiles, [CUTOFF], CUSTOMERS, RETENTION))


def _hidden(table: pd.DataFrame) -> pd.Series:
    at, known = table["occurred_at"], table["known_at"]
    return (at >= CUTOFF) | (known >= CUTOFF) | (at < CUTOFF - pd.Timedelta(days=RETENTION))


def _rewritten(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every column of the hidden rows but ids and times, shuffled among all rows' values."""
    changed = table.copy()
    hidden = np.flatnonzero(_hidden(table))
    for name in table.columns.difference(["customer_id", "occurred_at", "known_at"]):
        drawn = rng.integers(0, len(table), len(hidden))
        if name == "resolved_at":  # a case is never resolved before it begins
            continue
        changed.iloc[hidden, changed.columns.get_loc(name)] = table[name].to_numpy()[drawn]
    return changed


def _with_hidden(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The table with copies of rows that are moved to where no feature may look."""
    count = max(len(table) // 4, 4)
    added = table.iloc[rng.integers(0, len(table), count)].copy()
    where = rng.integers(0, 4, count)
    days = pd.to_timedelta(rng.integers(0, 90, count), unit="D")
    begin = CUTOFF - pd.Timedelta(days=RETENTION)
    at = added["occurred_at"].where(where == 3, CUTOFF + days)
    at = at.where(where != 1, CUTOFF)
    at = at.where(where != 2, begin - days - pd.Timedelta(microseconds=1))
    added["occurred_at"] = at
    # The last kind happened whenever it did, but was learned at the cutoff or later.
    late = np.where(at < CUTOFF, CUTOFF + days, at)
    added["known_at"] = pd.Series(np.where(where == 2, at, late), index=added.index)
    added["known_at"] = added[["known_at", "occurred_at"]].max(axis=1)
    if "resolved_at" in added:
        added["resolved_at"] = None
    newcomers = rng.random(count) < 0.2
    added.loc[newcomers, "customer_id"] = "newcomer"
    assert _hidden(added).all()
    return pd.concat([table, added], ignore_index=True)
