"""A profile store: the tables of unified profiles, validated and ready for expressions.

>>> import pandas as pd
>>> lines = pd.DataFrame({"customer_id": [7, 7, 8], "order_id": ["a", "b", "c"],
...     "occurred_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-02-03"]),
...     "net_value": [10.0, 5.5, 20.0]})
>>> profiles = Profiles.from_tables({"order_lines": lines})
>>> profiles.customers()
2
>>> profiles.table("order_lines").net_value.sum().execute()
Decimal('35.5000')
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import ibis.expr.types as ir

from neigung.errors import ProfileError
from neigung.profiles import ends
from neigung.profiles.admission import Admission
from neigung.profiles.contract import TABLES
from neigung.profiles.customer_dates import dated_customers
from neigung.profiles.ends import Ends, ends_of
from neigung.profiles.engine import DuckDBEngine, Engine
from neigung.profiles.fingerprint import fingerprint
from neigung.profiles.quality_report import Finding
from neigung.profiles.signs import with_positive_returns
from neigung.profiles.sources.engines import source_of
from neigung.profiles.sources.frames import memory_tables
from neigung.profiles.sources.source import Opened, unreadable
from neigung.profiles.sources.spark_session import is_of_spark, place_of_files
from neigung.profiles.sources.store_files import StoreFiles

MATERIALISE_UP_TO = 20_000_000
"""Tables of up to so many rows are held in the engine; larger ones stay where they are."""


_ADD_ORDER_LINES = (
    "Add the table order_lines, without which nobody's orders are known: a row for each line of an "
    "order, with customer_id, order_id, occurred_at and net_value."
)


class Profiles:
    """The validated tables of a profile store, as Ibis tables on DuckDB or Spark.

    Open one with `Profiles.open` or `Profiles.from_tables`. Columns of the contract have its
    names, types and order; `occurred_at` and `known_at` are UTC without a zone and always there;
    unknown columns follow.

    Attributes:
        location: where the tables came from, as text.
        engine: what holds and computes them.
        tables: the tables that are there, by name.
        said: what was mended, doubted or passed over at opening.
        notes: the same as sentences.
    """

    def __init__(
        self,
        location: str,
        engine: Engine,
        tables: Mapping[str, ir.Table],
        said: tuple[Finding, ...] = (),
    ) -> None:
        self.location = location
        self.engine = engine
        self.tables = dict(tables)
        self.said = said
        self._digest: str | None = None
        self._ends: Ends | None = None
        self._files: StoreFiles | None = None
        self._read_later: StoreFiles | None = None

    @classmethod
    def open(
        cls,
        location: Any,
        memory_limit: str | None = None,
        only: Collection[str] | None = None,
        problems: list[Finding] | None = None,
    ) -> Profiles:
        """The profiles at `location`: a folder of Parquet or CSV files (see `sources.files`),
        a DuckDB file, the URL of a database in PostgreSQL (see `sources.postgres`), the URL of a
        database or folder on Spark (see `sources.spark_session`), or a Spark session, whose tables
        and views are taken.

        Profiles that are open already are given back.

        A table is one file (`order_lines.parquet`, `.csv`, …) or one folder of files
        (`order_lines/`). `memory_limit` bounds the engine's memory, such as "4GB". With `only`
        nothing but these tables is looked at, and none of them needs to be there.

        With `problems` what breaks the contract is added to them and not raised, so that all of
        it can be told at once, as far as tables can be made of what is there: such profiles are to
        be looked at, not to be learned from.

        Raises ProfileError when the store is missing, unreadable or breaks the contract.
        """
        if isinstance(location, Profiles):
            return location
        wanted = TABLES if only is None else only
        source = source_of(location)
        of_spark = is_of_spark(location)
        files = StoreFiles.of(place_of_files(location) if of_spark else location, wanted)
        try:
            opened = source.open(location, wanted, memory_limit)
            profiles = cls._validated(opened, wanted, problems)
        except ProfileError:
            files.check()  # what is half-written breaks the contract in every way
            raise
        files.check()
        profiles._files = files
        engine = opened.engine
        if not isinstance(engine, DuckDBEngine):
            profiles._read_later = files  # executors read again whatever they are asked for
            return profiles
        computed = engine.views()
        lasting = {n for n, table in profiles.tables.items() if table.get_name() in computed}
        profiles._read_later = files.read_later(lasting)
        engine.let_go_raw(lasting)
        return profiles

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], memory_limit: str | None = None) -> Profiles:
        """Profiles from frames of pandas, Arrow, Polars or Ibis, validated like a store.

        Raises ProfileError when a table is unknown or breaks the contract.
        """
        engine = DuckDBEngine.open(memory_limit)
        return cls._validated(Opened("memory", engine, memory_tables(engine.connection, tables)))

    @classmethod
    def _validated(
        cls,
        opened: Opened,
        wanted: Collection[str] = tuple(TABLES),
        problems: list[Finding] | None = None,
    ) -> Profiles:
        location, engine, raw = opened.name, opened.engine, opened.tables
        admission = Admission(opened, MATERIALISE_UP_TO, problems is not None)
        said, errors = admission.said, admission.errors
        tables: dict[str, ir.Table] = {}
        if "order_lines" in wanted and "order_lines" not in raw:
            if not any(one.table == "order_lines" for one in errors):
                found = f"has only {', '.join(raw)}" if raw else "has no table of a profile"
                needed = f"order_lines is needed, but {location} {found}."
                told = [*(one.text for one in said), _ADD_ORDER_LINES]
                errors.insert(0, Finding("refused", "order_lines", " ".join((needed, *told))))
            raise ProfileError(_lines(errors))
        for name, table in TABLES.items():
            if name not in raw:
                continue
            try:
                admitted = admission.table(table, raw[name])
            except engine.failures as error:
                why = str(unreadable(f"The table {name} of {location}", error))
                errors.append(Finding("refused", name, why))
                continue
            if admitted is not None:
                tables[name] = admitted
        if errors and (
            problems is None or ("order_lines" in wanted and "order_lines" not in tables)
        ):
            raise ProfileError(_lines(errors))
        if problems is not None:
            problems.extend(errors)
        said = admission.findings()
        if "customers" in tables and "order_lines" in wanted:
            dated = dated_customers(engine, tables, said)
            if dated is None:
                del tables["customers"]
            else:
                tables["customers"] = dated
        if "returns" in tables:
            tables["returns"] = with_positive_returns(
                engine, tables["returns"], said, MATERIALISE_UP_TO
            )
        wrong = {one.table for one in errors}
        absent = [name for name in wanted if name not in tables and name not in wrong]
        if absent:
            left_out = f"Absent, so that their features are left out: {', '.join(absent)}."
            said.append(Finding("ok", "", left_out))
        return cls(location, engine, tables, tuple(said))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was mended, doubted or passed over at opening, one sentence each."""
        return tuple(one.text for one in self.said)

    @property
    def connection(self) -> Any:
        """The Ibis backend of the engine."""
        return self.engine.connection

    def __contains__(self, name: object) -> bool:
        return name in self.tables

    def table(self, name: str) -> ir.Table:
        """The table called `name`; ProfileError when the store has none."""
        if name not in self.tables:
            raise ProfileError(
                f"The table {name} is needed, but {self.location} has only "
                f"{', '.join(self.tables)}. Add it to the store."
            )
        return self.tables[name]

    def ends(self) -> Ends:
        """Where the orders begin and end, and how many lines lie far from them."""
        if self._ends is None:
            self._ends = ends_of(self.table("order_lines"), ends.present())
        return self._ends

    def span(self, trusted: bool = False) -> tuple[datetime, datetime]:
        """The instants of the first and the last order line, UTC without a zone: of nearly all
        of them, as `ends` tells it, or `trusted` of all."""
        return self.ends().span(trusted)

    def customers(self) -> int:
        """How many customers have an order line."""
        return int(self.table("order_lines").customer_id.nunique().to_pyarrow().as_py())

    def digest(self) -> str:
        """SHA-256 of the contents, whatever the order of rows and files and their format."""
        if self._digest is None:
            whole = hashlib.sha256()
            for name in sorted(self.tables):
                whole.update(f"{name} {fingerprint(self.tables[name])}\n".encode())
            self._digest = whole.hexdigest()
        return self._digest

    def signature(self) -> str:
        """What is another when the store is: of files their names, sizes and times of change,
        without a look inside; of anything else the digest."""
        if self._files is None or not self._files.states:
            return self.digest()
        return self._files.signature()

    def check_unchanged(self) -> None:
        """Raise ProfileError when files have changed since opening that are read after it.

        Tables that the engine holds no longer depend on their files.
        """
        if self._read_later is not None:
            self._read_later.check_contents()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around what reads the tables: `check_unchanged` at the end, also where it fails, as half
        a file causes all kinds of errors."""
        try:
            yield
        except Exception:
            self.check_unchanged()
            raise
        self.check_unchanged()

    def __repr__(self) -> str:
        first, last = self.span()
        return (
            f"Profiles({self.location!r}, {self.customers():,} customers, {first:%Y-%m-%d} to "
            f"{last:%Y-%m-%d}, tables: {', '.join(self.tables)})"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td style='text-align:right'>{_count(table):,}</td>"
            f"<td style='text-align:left'>{html.escape(', '.join(table.columns))}</td></tr>"
            for name, table in self.tables.items()
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return (
            f"<p><b>{html.escape(repr(self))}</b></p><table><thead><tr><th>table</th>"
            f"<th>rows</th><th>columns</th></tr></thead><tbody>{rows}</tbody></table>"
            f"<ul>{notes}</ul>"
        )


def _lines(errors: Iterable[Finding]) -> str:
    return "\n".join(one.text for one in errors)


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
