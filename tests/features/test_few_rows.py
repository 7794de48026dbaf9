"""Statements for few rows give what the expression itself gives."""

from __future__ import annotations

import ibis
import pytest

from neigung.features.few_rows import connect
from neigung.profiles.statement import statement

ROWS = {
    "k": ["a", "a", "a", "b", "b", "c"],
    "x": [1, 2, None, 4, 4, None],
    "y": [0.5, None, 3.5, 1.0, 1.0, 2.0],
    "flag": [True, False, True, None, True, False],
}


def expression(table: ibis.Table) -> ibis.Table:
    within = table.flag
    return table.group_by("k").agg(
        count=table.count(where=within),
        of_x=table.x.count(where=within),
        different=table.x.nunique(where=within),
        total=table.x.sum(where=within),
        least=table.x.min(where=within),
        most=table.y.max(where=within),
        middle=table.y.median(where=within),
        any_high=(table.x > 1).any(where=within),
        at_least_y=table.x.argmin(table.y, where=within),
        gathered=table.x.collect(where=within),
        plain=table.x.sum(),
    )


def test_a_filter_as_a_case_changes_nothing() -> None:
    expected = expression(ibis.memtable(ROWS)).order_by("k").to_pyarrow().to_pylist()
    engine = connect()
    query = expression(engine.create_table("rows", ibis.memtable(ROWS))).order_by("k")
    sql = statement(engine, query)
    found = engine.con.execute(sql).to_arrow_table().to_pylist()
    assert found == expected
    assert "CASE WHEN" in sql
    # What sees missing values keeps its filter.
    assert sql.count("FILTER") < engine.compile(query).count("FILTER")
    assert "FILTER" in sql[sql.index("at_least_y") - 200 :]


@pytest.mark.parametrize("setting", ["threads", "temp_directory", "TimeZone"])
def test_the_engine_is_small_and_leaves_nothing_behind(setting: str) -> None:
    wanted = {"threads": 1, "temp_directory": "", "TimeZone": "UTC"}[setting]
    [(found,)] = connect().con.execute(f"SELECT current_setting('{setting}')").fetchall()
    assert found == wanted
