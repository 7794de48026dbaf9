"""What many cutoffs share changes no feature: orders that are made once, and rows of a sample."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest

from neigung.features.pruning import pruned
from neigung.features.sources import SPLIT_LINES, WHOLE_ORDERS
from neigung.models.dataset import build_dataset, build_features
from neigung.profiles.store import Profiles
from neigung.study import Study
from tests.spark import RETENTION, adversarial


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    """A store of ties, late lines, and orders whose lines lie days apart."""
    return Profiles.from_tables(adversarial())


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.from_dict(
        {
            "name": "shared",
            "profiles": "memory",
            "target": {"kind": "purchase", "horizon_days": 7},
            "legal_basis": {"none_needed": "test"},
            "retention_days": RETENTION,
            "cutoffs": {"last": "2025-04-01", "every_days": 21, "count": 3},
        }
    )


def test_shared_orders_change_no_feature(profiles: Profiles, study: Study) -> None:
    held: dict[str, int] = {}

    def count(done: int, of: int) -> None:
        for name in (WHOLE_ORDERS, SPLIT_LINES):
            held[name] = profiles.connection.table(name).count().execute()

    dataset = build_dataset(study, profiles, on_step=count)
    assert min(held.values()) > 0  # both ways of making an order were taken
    there = profiles.connection.con.sql("SELECT table_name FROM duckdb_tables()").fetchall()
    assert not {*held}.intersection(name for [name] in there)  # and let go
    assert len(dataset.cutoffs) == 3
    for cutoff in dataset.cutoffs:
        alone = build_features(study, profiles, cutoff)
        found = dataset.at(cutoff).frame.drop(columns="label")
        assert len(found) > 0
        for name in found:
            left, right = found[name], alone.frame[name]
            if isinstance(left.dtype, pd.CategoricalDtype):
                left, right = left.astype(object), right.astype(object)
            pd.testing.assert_series_equal(left, right, check_exact=True)


def test_both_sides_of_a_union_leave_out_what_nobody_reads() -> None:
    schema = {"who": "string", "value": "int64", "kind": "string"}
    tables = [ibis.table(schema, name=name) for name in ("a", "b")]
    sides = [table.select("who", "value", kind=table.kind.upper()) for table in tables]
    both = sides[0].union(sides[1])
    query = pruned(both.group_by("who").agg(total=both.value.sum()))
    assert "UPPER" not in ibis.to_sql(query)
    # Of rows that must differ all columns count.
    distinct = sides[0].union(sides[1], distinct=True)
    counted = pruned(distinct.group_by("who").agg(total=distinct.value.sum()))
    assert "UPPER" in ibis.to_sql(counted)
