"""A small store with all tables, and its feature table at two cutoffs, shared by the tests."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import pandas as pd
import pytest

from neigung.features.feature import Feature
from neigung.features.library import library
from neigung.features.table import FeatureSet
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
from tests.stores import small_store, with_odd_orders

CUTOFFS = (pd.Timestamp("2025-02-10 12:00"), pd.Timestamp("2025-04-01"))
RETENTION = 400


def past_of(
    profiles: Profiles,
    cutoffs: Iterable[pd.Timestamp] = CUTOFFS,
    customers: Iterable[str] | None = None,
    retention: int = RETENTION,
) -> Past:
    """The past of the customers of a store (by default of everybody), without a legal basis."""
    everybody = set(profiles.table("order_lines").customer_id.to_pyarrow().to_pylist())
    pairs = [(c, t) for c in sorted(customers or everybody) for t in cutoffs]
    frame = pd.DataFrame(pairs, columns=["customer_id", "cutoff"]).astype({"cutoff": "M8[us]"})
    spine = profiles.connection.create_table(
        ibis.util.gen_name("spine"),  # several pasts may share a store
        ibis.memtable(frame).cast({"cutoff": "timestamp(6)"}),
        temp=True,
    )
    return Past(profiles.tables, spine, retention)


def features_of(
    past: Past,
    wanted: Iterable[str] | None = None,
    features: tuple[Feature, ...] | None = None,
) -> pd.DataFrame:
    """The feature table as a frame, sorted, with the keys as its index."""
    brought = library(past) if features is None else features
    chosen = FeatureSet.select(brought, None if wanted is None else tuple(wanted), past)
    frame = chosen.table(past).to_pyarrow().to_pandas()
    return frame.set_index(["customer_id", "cutoff"]).sort_index()


@pytest.fixture(scope="session")
def store() -> dict[str, pd.DataFrame]:
    """All tables of the contract but labels, which no feature reads."""
    tables = with_odd_orders(small_store())
    del tables["labels"]
    return tables


@pytest.fixture(scope="session")
def profiles(store: dict[str, pd.DataFrame]) -> Profiles:
    return Profiles.from_tables(store)


@pytest.fixture(scope="session")
def past(profiles: Profiles) -> Past:
    return past_of(profiles)


@pytest.fixture(scope="session")
def frame(past: Past) -> pd.DataFrame:
    """Every feature of every customer at both cutoffs."""
    return features_of(past)
