"""What computes the tables of a profile store: an Ibis backend, and the few things asked of it.

DuckDB is the engine of folders, files and tables in memory; Spark has one of its own in `spark`.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from neigung.errors import FeatureError


class Engine(Protocol):
    """What the rooms ask of a backend.

    Attributes:
        name: of the backend, such as "duckdb".
        connection: the Ibis backend.
        failures: the exceptions with which it refuses a query or a file.
    """

    name: str
    connection: Any
    failures: tuple[type[Exception], ...]

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table now and keep it under a name until the engine ends; replaces its like."""
        ...

    def instants(self, cutoffs: Sequence[dt.datetime]) -> ir.Table:
        """A table of the column `cutoff`."""
        ...

    def pairs(self, rows: pa.Table) -> ir.Table:
        """A table of the columns `customer_id` and `cutoff`."""
        ...

    def prepared(self, table: ir.Table) -> Callable[[], pa.Table]:
        """A query compiled once, to be run again whenever the tables beneath have changed.

        Running it raises FeatureError when the engine cannot compute it.
        """
        ...

    def batches(self, table: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a table in its order, about so many at a time; raises like `prepared`."""
        ...


class DuckDBEngine:
    """DuckDB in this process; what does not fit into its memory goes to a temporary folder."""

    name = "duckdb"
    failures: tuple[type[Exception], ...] = (duckdb.Error,)

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @classmethod
    def open(cls, memory_limit: str | None = None) -> DuckDBEngine:
        """A new, empty engine; `memory_limit` such as "4GB" bounds its memory."""
        settings = {"memory_limit": memory_limit} if memory_limit else {}
        connection = ibis.duckdb.connect(
            # The engine would spill into the working directory, and fetch extensions by itself.
            temp_directory=str(Path(tempfile.gettempdir()) / f"neigung-{uuid4().hex}"),
            autoinstall_known_extensions=False,
            **settings,
        )
        connection.raw_sql("SET timezone = 'UTC'")
        return cls(connection)

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table now and keep it under a name until the engine ends; replaces its like."""
        return self.connection.create_table(name, table, temp=True, overwrite=True)

    def instants(self, cutoffs: Sequence[dt.datetime]) -> ir.Table:
        """A table of the column `cutoff`."""
        return ibis.memtable({"cutoff": list(cutoffs)}, schema={"cutoff": "timestamp(6)"})

    def pairs(self, rows: pa.Table) -> ir.Table:
        """A table of the columns `customer_id` and `cutoff`."""
        kinds = {"customer_id": "string", "cutoff": "timestamp(6)"}
        return ibis.memtable(rows.select(list(kinds))).cast(kinds)

    def prepared(self, table: ir.Table) -> Callable[[], pa.Table]:
        """A query compiled once: compiling 150 features takes as long as running them on a few
        thousand customers. Running it raises FeatureError when DuckDB cannot compute it."""
        sql = self.connection.compile(table)
        schema = table.schema().to_pyarrow()

        def run() -> pa.Table:
            try:
                return self.connection.con.sql(sql).to_arrow_table().cast(schema)
            except duckdb.Error as error:
                raise _told(error) from error

        return run

    def batches(self, table: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a table in its order, about so many at a time; raises like `prepared`."""
        schema = table.schema().to_pyarrow()
        try:
            reader = self.connection.con.sql(self.connection.compile(table)).to_arrow_reader(rows)
            for batch in reader:
                yield batch.cast(schema)
        except duckdb.Error as error:
            raise _told(error) from error


def _told(error: duckdb.Error) -> Exception:
    """What to raise for an error of DuckDB while it computes features; itself if unforeseen."""
    line = first_line(error)
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException):
        return MemoryError(line)
    if isinstance(error, duckdb.DataError | duckdb.ProgrammingError):
        return FeatureError(
            f"The features cannot be computed: {line}. Mend the feature of your own that does "
            "this, or leave it out of the study."
        )
    return error


def first_line(error: Exception) -> str:
    """The first line of what an error says, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
