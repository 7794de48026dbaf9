"""The second hop with what everybody's rows say held from an earlier time."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from neigung.errors import FeatureError
from neigung.features.second_hop import FEATURES
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
from tests.features.conftest import CUTOFFS, RETENTION, features_of, past_of

CUTOFF = CUTOFFS[1]
SHARED = ("products", "categories", "campaigns")


@pytest.fixture(scope="module")
def everybody(profiles: Profiles) -> pd.DataFrame:
    return features_of(past_of(profiles, [CUTOFF]), features=FEATURES)


@pytest.fixture(scope="module")
def said(profiles: Profiles) -> dict[str, pa.Table]:
    """What everybody's rows said at the cutoff."""
    past = past_of(profiles, [CUTOFF])
    features_of(past, features=FEATURES)
    return {name: table.drop("cutoff").to_pyarrow() for name, table in past.asked.items()}


def alone(store: dict[str, pd.DataFrame], customer: str, said: dict[str, pa.Table]) -> Past:
    """The past of a store that has the rows of one customer only."""
    own = {name: rows[rows.customer_id == customer] for name, rows in store.items()}
    profiles = Profiles.from_tables({name: rows for name, rows in own.items() if len(rows)})
    held = {
        name: profiles.connection.create_table(f"held_{name}", table, temp=True)
        for name, table in said.items()
    }
    past = past_of(profiles, [CUTOFF])
    return Past(past.tables, past.spine, RETENTION, held=held)


def test_a_past_knows_what_was_asked_for(said: dict[str, pa.Table]) -> None:
    assert tuple(said) == SHARED
    for table in said.values():
        assert table.num_rows > 3
        assert not {"customer_id", "cutoff"} & set(table.column_names)


def test_only_what_the_features_need_is_asked_for(profiles: Profiles) -> None:
    past = past_of(profiles, [CUTOFF])
    features_of(past, ["product_age_90d", "order_count"])
    assert list(past.asked) == ["products"]


@pytest.mark.parametrize("customer", ["k000", "k001", "k007", "k023", "k041"])
def test_one_customer_beside_what_is_held_is_as_among_everybody(
    store: dict[str, pd.DataFrame],
    said: dict[str, pa.Table],
    everybody: pd.DataFrame,
    customer: str,
) -> None:
    past = alone(store, customer, said)
    there = [one for one in FEATURES if all(table in past for table in one.source.tables)]
    found = features_of(past, features=tuple(there))
    expected = everybody.loc[[(customer, CUTOFF)], found.columns]
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert not past.asked


def test_what_is_held_is_read_and_not_the_rows(
    store: dict[str, pd.DataFrame], said: dict[str, pa.Table], everybody: pd.DataFrame
) -> None:
    """Without the others' rows the same features come out otherwise."""
    customer = "k007"
    past = alone(store, customer, said)
    own = features_of(Past(past.tables, past.spine, RETENTION), features=FEATURES)
    assert not own.equals(everybody.loc[[(customer, CUTOFF)]])


def test_each_cutoff_of_the_spine_gets_what_is_held(
    profiles: Profiles, said: dict[str, pa.Table]
) -> None:
    past = past_of(profiles)
    held = {name: ibis.memtable(table) for name, table in said.items()}
    shared = Past(past.tables, past.spine, RETENTION, held=held).shared("campaigns", lambda: None)
    found = shared.to_pyarrow().to_pandas()
    assert set(found["cutoff"]) == set(CUTOFFS)
    assert len(found) == 2 * said["campaigns"].num_rows


def test_what_is_not_held_is_missed_and_nobody_elses_rows_are_read(
    store: dict[str, pd.DataFrame], said: dict[str, pa.Table]
) -> None:
    past = alone(store, "k007", {"products": said["products"]})
    with pytest.raises(FeatureError, match=r"'campaigns'.* is needed, but only products is held"):
        past.shared("campaigns", lambda: past.everyone("contacts"))
    with pytest.raises(FeatureError, match=r"everyone's rows of contacts. .*`past.shared`"):
        past.everyone("contacts")
