"""The tables of a profile store on Spark: of a catalog, of a session, or of files in a folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.errors import ProfileError
from neigung.profiles.contract import TABLES, Table
from neigung.profiles.quality_report import Finding
from neigung.profiles.sources.folder import OPTIONS, Files, files_of
from neigung.profiles.sources.head import Head, HeadError, head_of
from neigung.profiles.sources.names import packing_of
from neigung.profiles.sources.options import Reading
from neigung.profiles.sources.source import Opened, Source, Tables, close_to, no_files, unreadable
from neigung.profiles.sources.spark_session import (
    Place,
    is_of_spark,
    not_of_py4j,
    own_session,
    session_of,
)
from neigung.profiles.sources.spelling import misspelt
from neigung.profiles.sources.text import infer_types

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from neigung.profiles.sources.spark import SparkEngine


def open_tables(location: Any, wanted: Collection[str], memory_limit: str | None = None) -> Opened:
    """A store that `is_of_spark`.

    Raises ProfileError when PySpark or Java is missing, nobody answers, or the database or folder
    is not there.
    """
    try:
        from neigung.profiles.sources.spark import SparkEngine, SparkError
    except ImportError:
        raise ProfileError(
            "Profiles on Spark need PySpark, which is not installed. Install it: "
            "pip install 'neigung[spark]'"
        ) from None
    # Spark's Python side writes every refused query to the log, which is told in one message.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    logging.getLogger("py4j").setLevel(logging.CRITICAL + 1)  # so is every lost connection
    logging.getLogger().addFilter(not_of_py4j)
    try:
        if not isinstance(location, str):
            engine = SparkEngine(own_session(location))
            return Opened(_name_of(location), engine, *_from_views(engine, location, wanted))
        place = Place.of(location)
        engine = SparkEngine(own_session(session_of(place, memory_limit)))
        if place.folder:
            return Opened(location, engine, *_from_folder(engine, place.folder, wanted))
        if place.database:
            engine.session.catalog.setCurrentDatabase(place.database)
        return Opened(location, engine, *_from_views(engine, engine.session, wanted))
    except SparkError as error:
        raise unreadable(location, error) from error
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark", "py4j")):
            raise
        from neigung.profiles.sources.spark import reason

        raise ProfileError(
            f"The profile store {location} cannot be opened: Spark: {reason(error)}. Check the "
            "database and its tables."
        ) from None


def _name_of(session: SparkSession) -> str:
    return f"Spark session {session.sparkContext.appName}"


def _from_views(
    engine: SparkEngine, session: SparkSession, wanted: Collection[str]
) -> tuple[Tables, tuple[Finding, ...]]:
    """The tables and temporary views of a session's current database."""
    listed = session.sql("SHOW TABLES").collect()
    tables = {}
    for row in listed:
        if row.tableName in wanted:
            frame = session.table(row.tableName)
            tables[row.tableName] = engine.named(f"raw_{row.tableName}", _moved(frame, engine))
    names = [row.tableName for row in listed]
    return tables, (*misspelt(names, wanted), *close_to(names))


def _moved(frame: Any, engine: SparkEngine) -> Any:
    """A frame of another session in that of the engine."""
    passing = f"neigung_{id(frame):x}"
    frame.createGlobalTempView(passing)
    try:
        return engine.session.table(f"global_temp.{passing}")
    finally:
        engine.session.catalog.dropGlobalTempView(passing)


def _from_folder(
    engine: SparkEngine, folder: str, wanted: Collection[str]
) -> tuple[Tables, tuple[Finding, ...]]:
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ProfileError(
            f"A profile store was expected in the folder {path}, but there is none. Check the path."
        )
    if (path / OPTIONS).exists():
        raise ProfileError(
            f"{path / OPTIONS} says how files are read, which Spark does not do. Open the folder "
            "without Spark, or write its tables as Parquet files into a folder without it."
        )
    try:
        found, said = files_of(path.absolute(), wanted)
    except OSError as error:
        raise unreadable(path, error) from error
    tables = {}
    for name, files in found.items():
        try:
            tables[name] = _read(engine, name, files)
        except (ProfileError, pa.ArrowException, OSError) as error:
            told = error if isinstance(error, ProfileError) else unreadable(files.entry, error)
            said.append(Finding("refused", name, str(told)))
    return tables, tuple(said)


def _with_times(frame: Any, paths: Sequence[Path]) -> Any:
    """The rows of Parquet files with times of nanoseconds, which Spark reads as numbers, as times.

    pandas writes such files.
    """
    fine: dict[str, bool] = {}
    for path in paths:
        for field in pq.read_schema(path):
            fine[field.name] = fine.get(field.name, False) or (
                pa.types.is_timestamp(field.type) and field.type.unit == "ns"
            )
    kinds = dict(frame.dtypes)
    return frame.selectExpr(
        *(
            f"timestamp_micros(`{name}` DIV 1000) AS `{name}`"
            if fine.get(name) and kinds[name] == "bigint"
            else f"`{name}`"
            for name in frame.columns
        )
    )


def _read(engine: SparkEngine, name: str, files: Files) -> ir.Table:
    from neigung.profiles.sources.spark import SparkError, told, uri

    # Names may hold brackets and stars, which Spark would take for a pattern. It has this option
    # for itself, and documents none.
    reader = engine.session.read.option("__globPaths__", "false")
    paths = [uri(file) for file in files.paths]
    if files.partitions:
        reader = reader.option("basePath", uri(files.entry))
    try:
        with told():
            if files.format == "parquet":
                _check_partitions(files, pq.read_schema(files.paths[0]).names)
                frame = reader.option("mergeSchema", "true").parquet(*paths)
                table = engine.named(f"raw_{name}", _with_times(frame, files.paths))
                return infer_types(TABLES[name], table, files.partitions)
            head = _head(TABLES[name], files, paths)
            _check_partitions(files, head.columns)
            frame = reader.csv(
                paths, header=True, quote='"', escape='"', multiLine=True, sep=head.delimiter
            )
        return infer_types(TABLES[name], engine.named(f"raw_{name}", frame))
    except SparkError as error:
        raise unreadable(files.entry, error) from error


def _head(table: Table, files: Files, paths: Sequence[str]) -> Head:
    """The head that all files of text have; ProfileError for what only the other engine reads."""
    if re.search(r"[][{}*?\\]", " ".join(paths)):
        raise ProfileError(
            "Spark reads text only from paths without any of [ ] { } * ? \\, found "
            f"{files.entry}. Rename it, or write Parquet files."
        )
    try:
        heads = {path: head_of(path, table, Reading()) for path in files.paths}
    except HeadError as error:
        raise ProfileError(str(error)) from None
    first = heads[files.paths[0]]
    for path, head in heads.items():
        packed = packing_of(path)
        if head.encoding != "utf-8" or head.skip or packed not in ("", "gz"):
            needed, found = "in UTF-8, with its header first, plain or as .gz", "is otherwise"
        elif packed and path.suffix != ".gz":
            needed, found = "with the ending .gz in small letters", f"ends in {path.suffix}"
        elif (head.columns, head.delimiter) != (first.columns, first.delimiter):
            needed, found = "with the same header in all files", "has another"
        else:
            continue
        raise ProfileError(
            f"Spark reads text {needed}, but {path} {found}. Write it so, or as a Parquet file."
        )
    return first


def _check_partitions(files: Files, columns: Sequence[str]) -> None:
    """Raise ProfileError for a column that stands in files, too: Spark would not compare them."""
    if both := sorted(set(files.partitions) & set(columns)):
        raise ProfileError(
            f"{files.entry}: {both[0]} stands in the files and in the names of their folders. "
            "Remove the column from the files."
        )


SOURCE = Source(is_of_spark, open_tables, no_files)
