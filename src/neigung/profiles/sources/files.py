"""Profile stores in a folder of Parquet files and text, in the engine DuckDB."""

from __future__ import annotations

import glob
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import pyarrow.parquet as pq

from neigung.locations import is_url, shown
from neigung.profiles.contract import TABLES, Table
from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.quality_report import Finding
from neigung.profiles.sources import partitions, recognise
from neigung.profiles.sources.folder import OPTIONS, Files, files_of
from neigung.profiles.sources.head import HeadError
from neigung.profiles.sources.options import Options, Reading
from neigung.profiles.sources.partitions import PartitionError
from neigung.profiles.sources.source import Opened, Source, unreadable, with_known_times
from neigung.profiles.sources.text import infer_types, read_text
from neigung.profiles.sources.written import as_written


def _takes(location: Any) -> bool:
    return not is_url(location) and Path(location).expanduser().is_dir()


def _open(location: Any, wanted: Collection[str], memory_limit: str | None) -> Opened:
    folder = Path(location).expanduser()
    try:
        options = Options.beside(folder)
        found, said = files_of(folder, wanted)
    except OSError as error:
        raise unreadable(folder, error) from error
    engine = DuckDBEngine.open(memory_limit)
    tables = {}
    for name, files in found.items():
        own = options.tables.get(name)
        if files.format == "parquet" and own is not None and own.of_text:
            keys = ", ".join(own.of_text)
            text = f"{name}: {keys} in {folder / OPTIONS} is of text, but its files are Parquet."
            said.append(Finding("refused", name, f"{text} Remove it there."))
            continue
        try:
            table, more = _read(engine.connection, TABLES[name], files, options.of(name))
        except (duckdb.Error, HeadError, PartitionError) as error:
            known = isinstance(error, HeadError | PartitionError)
            text = str(error if known else unreadable(files.entry, error))
            said.append(Finding("refused", name, text))
            continue
        said += more
        if not any(one.severity == "refused" for one in more):
            tables[name] = table
    return Opened(shown(location), engine, tables, tuple(said), folder)


def _read(
    connection: Any, table: Table, files: Files, reading: Reading
) -> tuple[ir.Table, list[Finding]]:
    """A table's rows, with columns that the contract leaves open as what they show."""
    said: list[Finding] = []
    delimiters: frozenset[str] = frozenset()
    if files.format == "parquet":
        raw = _parquet(connection, table, files)
    else:
        raw, said, delimiters = read_text(connection, table, files, reading)
    raw = raw.rename({new: old for old, new in reading.rename.items() if old in raw.columns})
    raw, more = as_written(table, raw, reading, ordered=True)
    said += more
    if files.format == "text":
        if reading.decimal is None and reading.thousands is None:
            said += _thousands(table, raw, ";" in delimiters)
        raw = infer_types(table, raw)
    elif files.partitions:
        raw = infer_types(table, raw, files.partitions)
    if table.name == "customers":
        said += recognise.doubtful_attributes(table, raw)
    return raw, said


def _parquet(connection: Any, table: Table, files: Files) -> ir.Table:
    more = {"filename": partitions.FILE} if files.partitions else {}
    found = connection.read_parquet(
        [glob.escape(str(file)) for file in files.paths],
        table_name=f"raw_{table.name}",
        union_by_name=True,
        hive_partitioning=False,
        **more,
    )
    for column in table.columns:
        like = [name for name in found.columns if name.lower() == column.name]
        # Of names that differ by case alone the engine leaves the first as it is.
        if like and column.name not in like and f"{column.name}_1" in found.columns:
            for path in files.paths:
                if column.name in pq.read_schema(path).names:
                    raise HeadError(
                        f"{path}: each column needs a name of its own, but {column.name} stands "
                        f"there as {like[0]}, too. Rename or remove one of the two."
                    )
    return partitions.read(with_known_times(found), files)


def _thousands(table: Table, raw: ir.Table, semicolons: bool) -> list[Finding]:
    kinds = {column.name: column.kind for column in table.columns}
    names = [n for n in raw.columns if kinds.get(n) in ("money", "number")]
    names = [name for name in names if raw[name].type().is_string()]
    names = [name for name in names if recognise.may_be_thousands(raw, name)]
    counts: dict[str, ir.Value] = {}
    for name in names:
        counts |= recognise.thousands_counts(name, raw[name])
    if not counts:
        return []
    [found] = raw.aggregate(**counts).to_pyarrow().to_pylist()
    return recognise.doubtful_thousands(table, names, found, semicolons)


def _files(location: Any, wanted: Collection[str]) -> Mapping[Path, str | None]:
    """The files of the tables of a folder, and what says how they are read."""
    folder = Path(location).expanduser()
    found, _ = files_of(folder, wanted)
    owners: dict[Path, str | None] = {
        file: name for name, files in found.items() for file in files.paths
    }
    return owners | {folder / OPTIONS: OPTIONS}


SOURCE = Source(_takes, _open, _files)
