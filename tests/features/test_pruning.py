"""A query computes what its result needs, and nothing else."""

from __future__ import annotations

import ibis
import pytest

from neigung.features.library import library
from neigung.features.pruning import pruned
from neigung.features.table import FeatureSet
from neigung.profiles.timeline import Past

LINES = ibis.table(
    {"who": "string", "value": "int64", "kind": "string", "tags": "array<string>"}, name="lines"
)


def _sql(past: Past, *names: str) -> str:
    chosen = FeatureSet.select(library(past), names, past)
    return str(ibis.to_sql(chosen.table(past), dialect="duckdb"))


def test_columns_that_no_feature_reads_are_not_computed(past: Past) -> None:
    sql = _sql(past, "order_count")
    for left_out in ("category", "LAG", "LEAD", "ROW_NUMBER", "voucher_code", "discount"):
        assert left_out not in sql
    assert "category" in _sql(past, "order_categories_mean")
    assert "ROW_NUMBER" in _sql(past, "last_order_value")


def test_a_column_that_only_a_filter_reads_stays() -> None:
    table = (
        LINES.filter(LINES.kind == "a").select("who", "value").group_by("who").agg(n=ibis._.count())
    )
    assert "kind" in ibis.to_sql(pruned(table))
    assert "value" not in ibis.to_sql(pruned(table))


@pytest.mark.parametrize("rows", ["distinct", "union", "unnest"])
def test_columns_that_decide_how_many_rows_there_are_stay(rows: str) -> None:
    other = LINES.select("who", "kind")
    table = {
        "distinct": other.distinct(),
        "union": ibis.union(other, other, distinct=True),
        "unnest": LINES.select("who", kind=LINES.tags.unnest()),
    }[rows]
    counted = table.group_by("who").agg(n=table.count())
    sql = ibis.to_sql(pruned(counted))
    assert ("tags" if rows == "unnest" else "kind") in sql


def test_a_joined_table_keeps_its_keys_and_what_is_read_of_it() -> None:
    facts = LINES.group_by("kind").agg(mean=LINES.value.mean(), best=LINES.value.max())
    joined = LINES.left_join(facts, "kind").drop("kind_right")
    table = joined.group_by("who").agg(mean=joined["mean"].sum())
    sql = ibis.to_sql(pruned(table))
    assert "best" not in sql
    assert "AVG" in sql
    assert "tags" not in sql
