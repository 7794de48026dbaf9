"""A memory limit holds, and one that is too small names one that works."""

from __future__ import annotations

import re

import duckdb
import ibis.expr.types as ir
import pytest

from neigung.errors import InputError
from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.memory import LEAST, VARIABLE, MemoryLimitError, limit_in_bytes, shortage


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


def test_the_limit_that_is_named_works() -> None:
    engine = DuckDBEngine.open(f"{LEAST}B".replace("000000B", "MB"))
    con = engine.connection.con
    query = "SELECT length(list(repeat(md5(range::varchar), 8))) AS n FROM range(1_000_000)"
    with pytest.raises(MemoryLimitError, match="250MB does not suffice") as told:
        engine.prepared(_view(engine, query))()
    (limit,) = con.execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit == "238.4 MiB"  # as before
    named = re.search(r"With (\S+) this step works", str(told.value))
    assert named is not None
    enough = DuckDBEngine.open(named[1])
    assert enough.prepared(_view(enough, query))()["n"].to_pylist() == [1_000_000]


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
