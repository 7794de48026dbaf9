"""Profile stores in a DuckDB file: read where they are, never written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import duckdb
import sqlglot

from neigung.locations import is_url, shown
from neigung.profiles.contract import TABLES
from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.sources.source import (
    Opened,
    Source,
    other_names,
    unreadable,
    with_known_times,
)
from neigung.profiles.sources.spelling import misspelt

ENDINGS = (".duckdb", ".db")


def _takes(location: Any) -> bool:
    path = Path("" if is_url(location) else location).expanduser()
    return path.suffix.lower() in ENDINGS and path.exists()


def _open(location: Any, wanted: Collection[str], memory_limit: str | None) -> Opened:
    path = Path(location).expanduser()
    engine = DuckDBEngine.open(memory_limit)
    try:
        # Ibis' own attach does not quote the path.
        quoted = sqlglot.exp.Literal.string(str(path)).sql("duckdb")
        engine.connection.raw_sql(f"ATTACH {quoted} AS source (READ_ONLY)")
        # Ibis 12's list_tables does not run on DuckDB 2.
        listed = engine.connection.con.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = 'source' AND table_schema = 'main'"
        )
        names = [name for (name,) in listed.fetchall()]
        tables = {
            name: with_known_times(engine.connection.table(name, database=("source", "main")))
            for name in TABLES
            if name in names and name in wanted
        }
    except duckdb.Error as error:
        raise unreadable(path, error) from error
    said = (*misspelt(names, wanted), *other_names(names))
    return Opened(shown(location), engine, tables, said)


def _files(location: Any, wanted: Collection[str]) -> Mapping[Path, str | None]:
    path = Path(location).expanduser()
    return dict.fromkeys((path, path.with_name(f"{path.name}.wal")))


SOURCE = Source(_takes, _open, _files)
