"""A memory limit holds, and one that is too small names one that works."""

from __future__ import annotations

import re

import duckdb
import ibis.expr.types as ir
import pytest

from neigung.errors import InputError
from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.memory import (
    LEAST,
    LEAST_SHARE,
    VARIABLE,
    MemoryLimitError,
    limit_in_bytes,
    setting,
    share_of,
    shortage,
)

LARGE = "SELECT length(list(repeat(md5(range::varchar), 8))) AS n FROM range(1_000_000)"
"""More than the least limit, and nothing of it can go to disk."""


def _view(engine: DuckDBEngine, query: str) -> ir.Table:
    engine.connection.con.execute(f"CREATE VIEW made AS {query}")
    return engine.connection.table("made")


@pytest.mark.parametrize("given", ["4", "much", "-4GB", "4 apples", "80%"])
def test_what_is_no_amount_of_memory_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=f"such as 4GB, found '{re.escape(given)}'"):
        limit_in_bytes(given)


def test_too_little_for_any_store_is_refused() -> None:
    with pytest.raises(InputError, match="At least 250MB are needed"):
        limit_in_bytes("100MB")


def test_the_environment_holds_where_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert limit_in_bytes(None) is None
    monkeypatch.setenv(VARIABLE, "2GB")
    assert limit_in_bytes(None) == 2_000_000_000
    assert limit_in_bytes("3GB") == 3_000_000_000
    monkeypatch.setenv(VARIABLE, "two")
    with pytest.raises(InputError, match=VARIABLE):
        limit_in_bytes(None)


def test_the_engine_keeps_the_limit() -> None:
    engine = DuckDBEngine.open("1GiB")
    (limit,) = engine.connection.con.execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit == "1.0 GiB"


@pytest.mark.parametrize("way", ["prepared", "hold", "batches"])
def test_where_nobody_set_a_limit_it_gives_way(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("neigung.profiles.engine.share_of", lambda whole: LEAST)
    engine = DuckDBEngine.open()
    table = _view(engine, LARGE)
    with pytest.raises(duckdb.OutOfMemoryException):
        engine.connection.con.sql(LARGE).to_arrow_table()
    if way == "prepared":
        found = engine.prepared(table)()["n"].to_pylist()
    elif way == "hold":
        found = engine.hold("held", table).n.to_pyarrow().to_pylist()
    else:
        found = [row["n"] for batch in engine.batches(table, 10) for row in batch.to_pylist()]
    assert found == [1_000_000]


def test_batches_of_nothing() -> None:
    engine = DuckDBEngine.open()
    table = _view(engine, "SELECT 1 AS n WHERE false")
    assert sum(batch.num_rows for batch in engine.batches(table, 10)) == 0


def test_without_a_limit_it_begins_with_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    whole = limit_in_bytes(setting(duckdb.connect(), "memory_limit"))
    begun = limit_in_bytes(setting(DuckDBEngine.open().connection.con, "memory_limit"))
    assert whole is not None
    assert begun is not None
    assert begun == pytest.approx(share_of(whole), rel=0.03)  # it is told in tenths of a GiB
    assert min(LEAST_SHARE, whole) * 0.97 <= begun <= whole


def test_the_limit_that_is_named_works() -> None:
    engine = DuckDBEngine.open(f"{LEAST}B".replace("000000B", "MB"))
    con = engine.connection.con
    with pytest.raises(MemoryLimitError, match="250MB does not suffice") as told:
        engine.prepared(_view(engine, LARGE))()
    (limit,) = con.execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit == "238.4 MiB"  # as before
    named = re.search(r"With (\S+) this step works", str(told.value))
    assert named is not None
    enough = DuckDBEngine.open(named[1])
    assert enough.prepared(_view(enough, LARGE))()["n"].to_pylist() == [1_000_000]


def test_a_full_disk_is_told_from_a_small_limit() -> None:
    engine = DuckDBEngine.open("250MB")
    con = engine.connection.con
    con.execute("SET max_temp_directory_size = '1MB'")
    with pytest.raises(MemoryLimitError, match="there is no room"):
        engine.hold(
            "copy",
            _view(engine, "SELECT repeat(md5(range::varchar), 8) AS m FROM range(1_500_000)"),
        )


def test_other_errors_are_not_of_memory() -> None:
    con = duckdb.connect()
    assert shortage(con, None, duckdb.BinderException("no column"), lambda: None) is None
