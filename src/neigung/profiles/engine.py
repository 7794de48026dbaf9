"""What computes the tables of a profile store: an Ibis backend, and the few things asked of it.

DuckDB is the engine of folders, files and tables in memory; Spark has one of its own in `spark`.
"""

from __future__ import annotations

import atexit
import datetime as dt
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from neigung.errors import FeatureError
from neigung.profiles.memory import first_line, limit_in_bytes, setting, share_of, shortage
from neigung.profiles.statement import statement


@dataclass(frozen=True)
class Step:
    """What is done with the rows of a table, batch by batch, on the machine that has them.

    `function` takes batches and gives batches of `schema`; it travels to these machines by its
    name, so that this package must be installed there.
    """

    function: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    schema: pa.Schema


class Engine(Protocol):
    """What the rooms ask of a backend.

    Attributes:
        name: of the backend, such as "duckdb".
        ordered: whether rows have an order, such as that of a file.
        connection: the Ibis backend.
        failures: the exceptions with which it refuses a query or a file.
    """

    name: str
    ordered: bool
    connection: Any
    failures: tuple[type[Exception], ...]

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once and keep it under a name until the engine ends; replaces its
        like."""
        ...

    def holding(self) -> AbstractContextManager[None]:
        """What is held within this, and was not before, is let go at its end."""
        ...

    def view(self, name: str, table: ir.Table) -> ir.Table:
        """A table under a name, computed anew by each query that reads it."""
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


@runtime_checkable
class DistributedEngine(Engine, Protocol):
    """A backend of several machines: each writes the rows that it has."""

    def write(self, table: ir.Table, folder: Path, step: Step | None = None) -> None:
        """Write a table into an empty folder that all machines see, as files of Parquet.

        With a `step`, what it makes of the rows, on the machine that has them. Raises like
        `prepared`.
        """
        ...


class Holder:
    """An engine's account of what it holds: by its name, how to let it go."""

    def __init__(self) -> None:
        self._held: dict[str, Callable[[], object]] = {}

    @contextmanager
    def holding(self) -> Iterator[None]:
        """What is held within this, and was not before, is let go at its end."""
        before = set(self._held)
        try:
            yield
        finally:
            for name in self._held.keys() - before:
                self._held.pop(name)()


class DuckDBEngine(Holder):
    """DuckDB in this process; what does not fit into its memory goes to a temporary folder.

    Where nobody bounds the memory it begins with a share of the machine's, and takes all of it for
    what cannot be computed with that.
    """

    name = "duckdb"
    ordered = True
    failures: tuple[type[Exception], ...] = (duckdb.Error,)

    def __init__(
        self, connection: Any, memory_limit: int | None = None, memory: int | None = None
    ) -> None:
        super().__init__()
        self.connection = connection
        self.memory_limit = memory_limit
        self._memory = memory  # what it may still take where nobody set a limit

    @classmethod
    def open(cls, memory_limit: str | None = None) -> DuckDBEngine:
        """A new, empty engine; `memory_limit` such as "4GB" bounds its memory, or else the
        environment variable NEIGUNG_MEMORY_LIMIT. Raises InputError when it is no such amount."""
        limit = limit_in_bytes(memory_limit)
        # The engine would spill into the working directory, and fetch extensions by itself.
        overflow = Path(tempfile.gettempdir()) / f"neigung-{uuid4().hex}"
        connection = ibis.duckdb.connect(
            temp_directory=str(overflow), autoinstall_known_extensions=False
        )
        connection.raw_sql("SET timezone = 'UTC'")
        whole = limit_in_bytes(setting(connection.con, "memory_limit"))
        assert whole is not None
        begin = share_of(whole) if limit is None else limit
        connection.raw_sql(f"SET memory_limit = '{begin}B'")
        atexit.register(shutil.rmtree, overflow, ignore_errors=True)
        return cls(connection, limit, whole)

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table now and keep it under a name until the engine ends; replaces its like."""

        def run() -> ir.Table:
            return self.connection.create_table(name, table, temp=True, overwrite=True)

        try:
            held = self._with_room(run)
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise self._told(error, run) from error
        self._held[name] = partial(self.connection.drop_table, name, force=True)
        return held

    def view(self, name: str, table: ir.Table) -> ir.Table:
        """A table under a name, computed anew by each query that reads it."""
        return self.connection.create_view(name, table, overwrite=True)

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
        sql = statement(self.connection, table)
        schema = table.schema().to_pyarrow()

        def run() -> pa.Table:
            return self.connection.con.sql(sql).to_arrow_table().cast(schema)

        def explained() -> pa.Table:
            try:
                return self._with_room(run)
            except duckdb.Error as error:
                raise self._told(error, run) from error

        return explained

    def batches(self, table: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a table in its order, about so many at a time; raises like `prepared`."""
        schema = table.schema().to_pyarrow()
        sql = statement(self.connection, table)

        def read() -> Iterator[pa.RecordBatch]:
            batches = iter(self.connection.con.sql(sql).to_arrow_reader(rows))
            # What needs memory is done before the first row is there.
            return chain(list(islice(batches, 1)), batches)

        try:
            for batch in self._with_room(read):
                yield batch.cast(schema)
        except duckdb.Error as error:
            raise self._told(error, lambda: deque(read(), maxlen=0)) from error

    def views(self) -> set[str]:
        """The names of what is computed anew by each query that reads it."""
        found = self.connection.con.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        )
        return {name for (name,) in found.fetchall()}

    def let_go_raw(self, kept: Collection[str]) -> None:
        """Drop the raw tables that were copied into others, but for those of the tables `kept`."""
        found = self.connection.con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'raw_')"
        )
        for (name,) in found.fetchall():
            if not any(name == f"raw_{one}" or name.startswith(f"raw_{one}_") for one in kept):
                self.connection.drop_table(name)

    def _with_room(self, run: Callable[[], Any]) -> Any:
        """What `run` gives; with all the memory there is if it must and nobody set a limit."""
        try:
            return run()
        except duckdb.OutOfMemoryException:
            if self.memory_limit is not None or self._memory is None:
                raise
            self.connection.raw_sql(f"SET memory_limit = '{self._memory}B'")
            self._memory = None  # there is no more
            return run()

    def _told(self, error: duckdb.Error, run: Callable[[], Any]) -> Exception:
        """What to raise for an error while features are computed by `run`; itself if unforeseen."""
        short = shortage(self.connection.con, self.memory_limit, error, run)
        if short is not None:
            return short
        if isinstance(error, duckdb.IOException):
            return OSError(first_line(error))
        if isinstance(error, duckdb.DataError | duckdb.ProgrammingError):
            return FeatureError(
                f"The features cannot be computed: {first_line(error)}. Mend the feature of your "
                "own that does this, or leave it out of the study."
            )
        return error
