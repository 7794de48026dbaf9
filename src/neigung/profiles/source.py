"""Where profiles come from: folders, databases and tables in memory, as raw Ibis tables.

Nothing is checked here but that a table can be found and opened; `validation` does the rest.
"""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import sqlglot

from neigung.errors import ProfileError
from neigung.locations import is_url
from neigung.profiles import postgres
from neigung.profiles.contract import TABLES, Table

_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv"}
DATABASES = (".duckdb", ".db")


def unreadable(what: object, error: Exception) -> ProfileError:
    """The error for a file or table that the engine cannot read."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ProfileError(
        f"{what} cannot be read: {reason.rstrip('.')}. Write the file anew or restore it."
    )


def raw_tables(
    connection: Any, location: str | Path, only: Collection[str] | None = None
) -> tuple[dict[str, ir.Table], tuple[str, ...]]:
    """The tables of the store at `location`, unchecked, and notes about what was passed over.

    With `only` the other tables are not opened.

    Raises ProfileError when there is no store at `location` or it cannot be opened.
    """
    wanted = TABLES if only is None else only
    if is_url(location):
        scheme = str(location).partition("://")[0]
        if scheme not in postgres.SCHEMES:
            raise ProfileError(
                f"A profile store is a folder of Parquet or CSV files, a DuckDB file, or the URL "
                f"of one in PostgreSQL or Spark, but found {scheme}://. Export the tables to a "
                "folder."
            )
        tables, names, notes = postgres.read_tables(connection, str(location), wanted)
        return tables, (*close_to(names), *notes)
    path = Path(location).expanduser()
    if not path.exists():
        raise ProfileError(
            f"A profile store was expected at {path}, but there is nothing. "
            "Check the path; `neigung import` makes a store."
        )
    if path.is_dir():
        return _from_folder(connection, path, wanted)
    if path.suffix.lower() in DATABASES:
        return _from_duckdb(connection, path, wanted)
    raise ProfileError(
        f"A profile store is a folder of Parquet or CSV files, or a DuckDB file "
        f"({', '.join(DATABASES)}), but {path} is neither. "
        "Put one file per table into a folder and name the folder."
    )


def let_go(connection: Any, kept: Collection[str]) -> None:
    """Drop the raw tables that were copied into others, but for those of the tables `kept`."""
    found = connection.con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'raw_')"
    )
    for (name,) in found.fetchall():
        if name.removeprefix("raw_") not in kept:
            connection.drop_table(name)


def views(connection: Any) -> set[str]:
    """The names of what is computed anew by each query that reads it."""
    found = connection.con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal")
    return {name for (name,) in found.fetchall()}


def memory_tables(connection: Any, frames: Mapping[str, Any]) -> dict[str, ir.Table]:
    """Frames of pandas, Arrow, Polars or Ibis as tables of `connection`, unchecked."""
    unknown = [name for name in frames if name not in TABLES]
    if unknown:
        raise ProfileError(
            f"{_quoted(unknown)} is no table of a profile{_did_you_mean(unknown[0], TABLES)}. "
            f"The tables are {', '.join(TABLES)}."
        )
    tables = {}
    for name, frame in frames.items():
        try:
            connection.con.register(f"raw_{name}", _arrow(frame))
            tables[name] = _with_known_times(connection.table(f"raw_{name}"))
        except (pa.ArrowException, duckdb.Error, TypeError, ValueError) as error:
            raise unreadable(f"The table {name}", error) from error
    return tables


def _with_known_times(table: ir.Table) -> ir.Table:
    """Times of nanoseconds with a zone as times of microseconds.

    DuckDB 2 has a type for them that Ibis 12 does not know, and pandas writes such files.
    """
    fine = [name for name, kind in table.schema().items() if "TIMESTAMPTZ_NS" in str(kind)]
    return table.mutate(**{name: table[name].cast("timestamp('UTC')") for name in fine})


def _arrow(frame: Any) -> pa.Table:
    if isinstance(frame, ir.Table):
        table = frame.to_pyarrow()
    elif isinstance(frame, pd.DataFrame):
        table = pa.Table.from_pandas(frame, preserve_index=False)
    else:
        table = pa.table(frame)
    for index, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            # A column of nothing has no type in Arrow, but needs one in the engine.
            table = table.set_column(index, field.name, table.column(index).cast(pa.string()))
    return table


@dataclass(frozen=True)
class Files:
    """The files of one table of a folder.

    `entry` is the one file or the folder of them, `format` "parquet" or "csv".
    """

    entry: Path
    paths: tuple[Path, ...]
    format: str


def files_of(folder: Path, wanted: Collection[str]) -> tuple[dict[str, Files], tuple[str, ...]]:
    """The files of each wanted table in a folder, and notes about what was passed over.

    Raises ProfileError when a table is there twice or in two formats.
    """
    entries: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        name = entry.name if entry.is_dir() else _stem(entry)
        if name is not None and not name.startswith((".", "_")):
            entries.setdefault(name, []).append(entry)
    tables = {}
    for name in (name for name in TABLES if name in entries and name in wanted):
        if len(entries[name]) > 1:
            names = " and ".join(entry.name for entry in entries[name])
            raise ProfileError(
                f"{folder} must hold the table {name} once, but has {names}. Remove all but one."
            )
        tables[name] = _files(entries[name][0])
    return tables, _other_names(entries)


def _stem(path: Path) -> str | None:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return None


def _files(entry: Path) -> Files:
    files = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
    files = [file for file in files if file.is_file() and _stem(file) is not None]
    formats = {_format(file) for file in files}
    if len(formats) != 1:
        found = "both" if formats else "no such file"
        raise ProfileError(
            f"The folder {entry} must hold either Parquet or CSV files, but has {found}. "
            "Leave one format in it."
        )
    return Files(entry, tuple(files), formats.pop())


def _from_folder(
    connection: Any, folder: Path, wanted: Collection[str]
) -> tuple[dict[str, ir.Table], tuple[str, ...]]:
    found, notes = files_of(folder, wanted)
    return {name: _read_files(connection, name, files) for name, files in found.items()}, notes


def _read_files(connection: Any, name: str, files: Files) -> ir.Table:
    paths = [glob.escape(str(file)) for file in files.paths]
    try:
        if files.format == "parquet":
            table = connection.read_parquet(paths, table_name=f"raw_{name}", union_by_name=True)
            return _with_known_times(table)
        # Everything is read as text and cast by the contract, so that a wrong value can be named;
        # RFC 4180 quoting is said, lest it be guessed from the first lines only.
        view = connection.read_csv(
            paths,
            table_name=f"csv_{name}",
            header=True,
            all_varchar=True,
            union_by_name=True,
            quote='"',
            escape='"',
            comment="",
        )
        text = connection.create_table(f"raw_{name}", view, temp=True)
        return infer_types(TABLES[name], text)
    except duckdb.Error as error:
        raise unreadable(files.entry, error) from error


def infer_types(table: Table, text: ir.Table) -> ir.Table:
    """Columns of text that the contract leaves open, as numbers, times or booleans where they
    all are."""
    known = {column.name for column in table.columns}
    tests: dict[str, ir.Value] = {}
    for name in text.columns:
        value = text[name]
        if name not in known:
            # A leading zero is part of a code (a postcode), not of a number.
            number = value.try_cast("float64").notnull() & ~value.re_search(r"^\s*[+-]?0\d")
            time = value.re_search(r"^\d{4}-\d{2}-\d{2}") & value.try_cast("timestamp").notnull()
            tests[f"{name}/float64"] = (number | value.isnull()).all()
            tests[f"{name}/timestamp"] = (time | value.isnull()).all()
            tests[f"{name}/boolean"] = value.lower().isin(["true", "false"]).all()
            tests[f"{name}/filled"] = value.count() > 0
    found = text.aggregate(**tests).to_pyarrow().to_pylist()[0] if tests else {}
    casts: dict[str, ir.Value] = {}
    for name in text.columns:
        if found.get(f"{name}/filled"):
            for dtype in ("timestamp", "float64", "boolean"):
                if found[f"{name}/{dtype}"]:
                    casts[name] = text[name].cast(dtype)
    return text.mutate(**casts)


def _format(file: Path) -> str:
    return "parquet" if file.name.lower().endswith(".parquet") else "csv"


def _from_duckdb(
    connection: Any, path: Path, wanted: Collection[str]
) -> tuple[dict[str, ir.Table], tuple[str, ...]]:
    try:
        # Ibis' own attach does not quote the path.
        quoted = sqlglot.exp.Literal.string(str(path)).sql("duckdb")
        connection.raw_sql(f"ATTACH {quoted} AS source (READ_ONLY)")
        # Ibis 12's list_tables does not run on DuckDB 2.
        listed = connection.con.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = 'source' AND table_schema = 'main'"
        )
        names = [name for (name,) in listed.fetchall()]
        tables = {
            name: _with_known_times(connection.table(name, database=("source", "main")))
            for name in TABLES
            if name in names and name in wanted
        }
    except duckdb.Error as error:
        raise unreadable(path, error) from error
    return tables, _other_names(names)


def close_to(names: Iterable[str]) -> tuple[str, ...]:
    """A note about names that were perhaps meant to be tables of a profile."""
    return _other_names(name for name in names if _did_you_mean(name, TABLES))


def _other_names(names: Any) -> tuple[str, ...]:
    others = sorted(name for name in names if name not in TABLES)
    if not others:
        return ()
    hints = "".join(_did_you_mean(name, TABLES) for name in others[:3])
    return (f"Not a table of a profile, ignored: {', '.join(others)}{hints}.",)


def _quoted(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _did_you_mean(name: str, choices: Any) -> str:
    close = get_close_matches(name, list(choices), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
