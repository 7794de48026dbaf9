"""Spark as the engine of a profile store.

The expressions are those of DuckDB, compiled by `spark_compiler` so that they mean the same.
`spark_session` finds the session and the tables.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from neigung.errors import FeatureError, InputError, NeigungError
from neigung.profiles.engine import Holder, Step
from neigung.profiles.sources.spark_compiler import compiler


class SparkError(NeigungError):
    """Spark refused or gave up a query; the message is the first line of its own.

    `of_query` says whether the query was at fault, and not the cluster or the files.
    """

    def __init__(self, message: str, of_query: bool = False) -> None:
        super().__init__(message)
        self.of_query = of_query


class ClusterError(InputError):
    """The cluster cannot do the work, whatever the query."""


class SparkBackend(Backend):  # type: ignore[misc]
    """Ibis on a Spark session; rows come as Arrow tables, all errors as SparkError."""

    compiler = compiler

    def to_pyarrow(self, expr: ir.Expr, /, **_: Any) -> pa.Table:
        """The result of an expression, in its types."""
        table = expr.as_table()
        return expr.__pyarrow_result__(self.collected(self.frame(table), table))

    def execute(self, expr: ir.Expr, /, **_: Any) -> Any:
        """The result of an expression, as pandas has it."""
        table = expr.as_table()
        return expr.__pandas_result__(self.to_pyarrow(table).to_pandas())

    def frame(self, query: ir.Table | str) -> DataFrame:
        """The rows of a table or of SQL, not yet computed."""
        if not isinstance(query, str):
            self._register_in_memory_tables(query)
            query = self.compile(query)
        with told():
            frame: DataFrame = self._session.sql(query)
            return frame

    def collected(self, frame: DataFrame, table: ir.Table) -> pa.Table:
        """The computed rows of a frame, in the types of a table."""
        with told():
            return frame.toArrow().cast(table.schema().to_pyarrow())


class SparkEngine(Holder):
    """A Spark session of the engine's own, whose views nobody else sees.

    What is held is cached by the executors and computed again when one of them is lost. Rows have
    no order.
    """

    name = "spark"
    ordered = False
    failures: tuple[type[Exception], ...] = (SparkError,)

    def __init__(self, session: SparkSession) -> None:
        super().__init__()
        self.session = session
        SparkBackend.register_options()
        session.udf.register("neigung_nfc", _composing())
        self.connection = SparkBackend().connect(session)
        self._prefix = f"neigung_{uuid4().hex[:8]}"

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once, when it is first read, and keep it; replaces its like."""
        frame = self.connection.frame(table).persist()
        held = self.named(name, frame)
        if name in self._held:
            self._held[name]()
        self._held[name] = frame.unpersist
        return held

    def view(self, name: str, table: ir.Table) -> ir.Table:
        """A table under a name, computed anew by each query that reads it."""
        return self.named(name, self.connection.frame(table))

    def named(self, name: str, frame: DataFrame) -> ir.Table:
        """A frame as a table."""
        view = f"{self._prefix}_{name}"
        with told():
            frame.createOrReplaceTempView(view)
            return self.connection.table(view)

    def instants(self, cutoffs: Sequence[dt.datetime]) -> ir.Table:
        """A table of the column `cutoff`."""
        return self._rows(pa.table({"cutoff": pa.array(cutoffs, pa.timestamp("us"))}))

    def pairs(self, rows: pa.Table) -> ir.Table:
        """A table of the columns `customer_id` and `cutoff`."""
        return self._rows(rows.select(["customer_id", "cutoff"]))

    def prepared(self, table: ir.Table) -> Callable[[], pa.Table]:
        """A query compiled once; running it raises FeatureError when Spark cannot compute it."""
        sql = self.connection.compile(table)

        def run() -> pa.Table:
            with _of_features():
                return self.connection.collected(self.connection.frame(sql), table)

        return run

    def batches(self, table: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a table in its order, one partition at a time; raises like `prepared`."""
        schema = table.schema().to_pyarrow()

        def packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            # Runs on the executors, where this package is not.
            import pyarrow as pa

            for batch in batches:
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as writer:
                    writer.write_batch(batch)
                yield pa.record_batch({"batch": [sink.getvalue().to_pybytes()]})

        with _of_features(), told():
            frame = self.connection.frame(table).mapInArrow(packed, "batch binary")
            for row in frame.toLocalIterator(prefetchPartitions=True):
                found = pa.ipc.open_stream(row[0]).read_all().cast(schema)
                yield from found.to_batches(max_chunksize=rows)

    def write(self, table: ir.Table, folder: Path, step: Step | None = None) -> None:
        """Write a table, or what a step makes of it, into an empty folder as Parquet, each executor
        its part of the rows.

        Raises like `prepared`.
        """
        zoneless = {
            name: f"CAST(`{name}` AS TIMESTAMP_NTZ)"
            for name, kind in table.schema().items()
            if kind.is_timestamp()
        }
        with _of_features(), told():
            frame = self.connection.frame(table)
            frame = frame.selectExpr(
                *(f"{zoneless.get(n, f'`{n}`')} AS `{n}`" for n in table.columns)
            )
            if step is not None:
                made = from_arrow_schema(step.schema, prefer_timestamp_ntz=True)
                frame = frame.mapInArrow(step.function, made)
            frame.write.mode("append").parquet(uri(folder))
        for other in [*folder.glob("_*"), *folder.glob(".*")]:
            other.unlink()  # marks and checksums for Spark itself

    def _rows(self, rows: pa.Table) -> ir.Table:
        zoned = [
            (name, column.cast(pa.timestamp("us", "UTC")) if name == "cutoff" else column)
            for name, column in zip(rows.column_names, rows.columns, strict=True)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about pandas, which is not used here
            frame = self.session.createDataFrame(pa.table(dict(zoned)))
        return self.named(f"rows_{uuid4().hex[:8]}", frame)


def _composing() -> Callable[[str | None], str | None]:
    """A text in Unicode's NFC, for which Spark has no function of its own."""

    def composed(text: str | None) -> str | None:
        # Runs on the executors, where this package is not.
        import unicodedata

        return None if text is None else unicodedata.normalize("NFC", text)

    return composed


def uri(path: Path) -> str:
    """A path as Spark takes it, which does not decode `%20`.

    >>> uri(Path("/data/my shop"))
    'file:///data/my shop'
    """
    return unquote(path.absolute().as_uri())


@contextmanager
def told() -> Iterator[None]:
    """Errors of Spark as one SparkError, or as ClusterError where the cluster is at fault."""
    done, alone = threading.Event(), threading.Event()
    threading.Thread(target=_watch, args=(done, alone), daemon=True).start()
    try:
        yield
    except (PySparkException, Py4JError, ConnectionError, EOFError) as error:
        said = reason(error)
        if alone.is_set():
            said = "it waited for an executor and found none"
        for sign, advice in _OF_CLUSTER.items():
            if sign in said:
                raise ClusterError(f"Spark: {said}. {advice}") from None
        state = error.getSqlState() if isinstance(error, PySparkException) else None
        of_query = (state or "").startswith(_OF_QUERY)
        raise SparkError(f"Spark: {said}", of_query) from None
    finally:
        done.set()


def _watch(done: threading.Event, alone: threading.Event) -> None:
    """Cancel what runs when there is no executor for too long: Spark would wait for ever."""
    seen = time.monotonic()
    while not done.wait(1):
        with suppress(Py4JError, OSError):  # Spark has ended, which the query itself tells
            context = SparkContext._active_spark_context
            if context is None:
                return
            spark = context._jsc.sc()
            if spark.isLocal():
                return
            tracker = spark.statusTracker()
            # The driver counts as one; where no job waits, executors may be let go.
            if len(tracker.getExecutorInfos()) > 1 or not len(tracker.getActiveJobIds()):
                seen = time.monotonic()
            elif time.monotonic() - seen > spark.conf().getTimeAsSeconds(WAIT, "120s"):
                alone.set()
                context.cancelAllJobs()  # again, until there is one


@contextmanager
def _of_features() -> Iterator[None]:
    """A query that is at fault, as what it is: a feature that cannot be computed."""
    try:
        yield
    except SparkError as failure:
        if not failure.of_query:
            raise
        raise FeatureError(
            f"The features cannot be computed: {failure}. Mend the feature of your own that does "
            "this, or leave it out of the study."
        ) from None


def reason(error: Exception) -> str:
    """What an error of Spark says, in one line without Java's stack and with a full stop cut off.

    >>> reason(Exception("Job aborted: lost task (java.io.IOException: No space left.)\\n\\tat x"))
    'Job aborted: lost task (java.io.IOException: No space left.)'
    """
    text = str(error).strip()
    line = (text.splitlines() or [type(error).__name__])[0]
    python = re.findall(r"^(?:\w+\.)*(\w+(?:Error|Exception): [^\n]+)", text, re.MULTILINE)
    caused = re.findall(r"^(?:Caused by)?: [\w.$]+: ([^\n]+)", text, re.MULTILINE)
    if python and ("PythonException" in text or "Python worker" in text):
        line = f"in Python on an executor: {python[-1]}"
    elif caused and ("aborted" in line or line.startswith("An error occurred while calling")):
        line = f"{line}: {caused[-1]}" if "aborted" in line else caused[-1]
    return line[:_LONGEST].rstrip(".")


WAIT = "spark.neigung.wait"
"""A setting of Spark's: so long may there be no executor, two minutes by default."""

_OF_CLUSTER = {
    "waited for an executor": "Check that its workers run and have free processors and memory, "
    "then run the same command again. "
    f"If they are only slow to come, set {WAIT} to more than 120s.",
    "No module named": "Install this package where the executors run, or name a Python that has it "
    "there in PYSPARK_PYTHON.",
    "PYTHON_VERSION_MISMATCH": "The executors need the Python of this machine, with this package.",
    "ExecutorLostFailure": "Give the executors more memory (spark.executor.memory) or mend what "
    "ended them.",
}
"""What in an error of Spark shows that its cluster is at fault, and what is to be done."""

_OF_QUERY = ("22", "42")
"""How SQL states begin of values that cannot be computed with, and of wrong expressions."""

_LONGEST = 400
"""So much of an error of Spark's is shown; it may hold whole plans."""
