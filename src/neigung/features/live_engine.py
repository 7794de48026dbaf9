"""Prepared statements over the rows of the request at hand, and what they give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from neigung.errors import FeatureError
from neigung.features.feature import Source
from neigung.features.few_rows import connect
from neigung.features.library import library, load_user_features
from neigung.features.live_tables import KEY_FIELDS, Input, RowTable, fill_tables
from neigung.features.table import FeatureSet
from neigung.profiles import consent
from neigung.profiles.contract import TABLES
from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.rows import ProfileRows
from neigung.profiles.spine import eligible
from neigung.profiles.statement import statement
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
from neigung.study import Study

_JOINED_BY = {
    "products": ("order_lines", "product_id"),
    "categories": ("order_lines", "category"),
    "campaigns": ("contacts", "campaign_id"),
}
"""Shared tables that are only ever joined by one column of a table: the other rows can be left
out. Of what users' own features share this is not known."""


_LONG_AGO = dt.datetime(1900, 1, 1)


@dataclass(frozen=True)
class LiveRows:
    """Features of the profiles of one call, in their order.

    Parameters
    ----------
    values : the columns asked for, each (n,): float64, NaN where missing, or objects of str | None.
    refused : for each profile None, or why its features are missing: `no_consent` where the legal
        basis does not cover the customer, `not_in_population` without an order of late.
    """

    values: dict[str, npt.NDArray[Any]]
    refused: list[str | None]

    def __len__(self) -> int:
        return len(self.refused)


@dataclass(frozen=True)
class _Part:
    """The aggregates of one source, as a prepared statement."""

    name: str
    fields: tuple[pa.Field, ...]
    inputs: tuple[Input, ...]  # it gives nothing when these are empty; none: it may always give


class Engine:
    """Prepared statements, and the inputs that they read."""

    def __init__(
        self,
        study: Study,
        tables: Mapping[str, Mapping[str, str]],
        shared: Mapping[str, pa.Table],
        names: Sequence[str],
    ) -> None:
        self._connection = connect()
        self._con = self._connection.con
        self._inputs: dict[str, Input] = {}
        self._shared = shared
        self._purpose = study.legal_basis.consent

        rows = {
            name: self._register(name, RowTable(name, columns))
            for name, columns in tables.items()
            if name != "labels"
        }
        store = {name: table.drop("cutoff") for name, table in rows.items()}
        keys = pa.schema(KEY_FIELDS)
        held = {name: self._register(f"held_{name}", Input(t.schema)) for name, t in shared.items()}
        spine = self._register("spine", Input(keys))
        self._prepare_spine(study, store, self._register("pairs", Input(keys)))

        past = _OwnPast(
            store,
            spine,
            study.retention_days,
            held=held,
            with_cutoff=rows,
            zero_orders=study.orders.count_zero,
        )
        features = _chosen(study, past, names)
        self.columns = features.columns
        self._parts = [
            self._prepare_part(f"part_{number}", source, features, past)
            for number, source in enumerate(features.sources)
        ]
        self._inputs["spine"].clear()
        fields = [field for part in self._parts for field in part.fields]
        aggregated = self._register("aggregated", Input(pa.schema([*KEY_FIELDS, *fields])))
        self._prepare("finished", features.finished(aggregated).drop("cutoff"))

    def compute(
        self,
        profiles: Sequence[ProfileRows],
        cutoffs: Sequence[dt.datetime],
        covered: Sequence[bool | None],
        now: dt.datetime | None,
    ) -> LiveRows:
        try:
            return self._compute(profiles, cutoffs, covered, now)
        finally:
            for one in self._inputs.values():
                one.clear()

    def _compute(
        self,
        profiles: Sequence[ProfileRows],
        cutoffs: Sequence[dt.datetime],
        covered: Sequence[bool | None],
        now: dt.datetime | None,
    ) -> LiveRows:
        numbers = range(len(profiles))
        self._fill_tables(numbers, profiles, cutoffs)
        self._state_what_is_known(profiles, cutoffs, covered)
        refused = self._refused(cutoffs, now)
        kept = [number for number in numbers if refused[number] is None]
        if len(kept) < len(profiles):
            self._fill_tables(kept, profiles, cutoffs)
        self._fill_shared()
        ids = [str(number) for number in kept]
        spine: list[Sequence[Any]] = [ids, [cutoffs[number] for number in kept]]
        self._fill("spine", spine)
        found: dict[str, tuple[Any, ...]] = {}
        if kept:
            self._fill("aggregated", [*spine, *self._aggregated(ids)])
            found = {row[0]: row[1:] for row in self._run("finished")}
        nothing = (None,) * len(self.columns)
        rows = [found.get(str(number), nothing) for number in range(len(profiles))]
        by_column = zip(*rows, strict=True) if rows else [() for _ in self.columns]
        values = {
            column.name: np.array(given, dtype=object if column.kind == "category" else "float64")
            for column, given in zip(self.columns, by_column, strict=True)
        }
        return LiveRows(values, refused)

    def _aggregated(self, ids: Sequence[str]) -> list[Sequence[Any]]:
        """The columns of all parts, in order, each with the values of these customers."""
        columns: list[Sequence[Any]] = []
        for part in self._parts:
            silent = part.inputs and not any(one.rows.num_rows for one in part.inputs)
            found = {} if silent else {row[0]: row[1:] for row in self._run(part.name)}
            nothing = (None,) * len(part.fields)
            columns += zip(*(found.get(one, nothing) for one in ids), strict=True)
        return columns

    def _refused(self, cutoffs: Sequence[dt.datetime], now: dt.datetime | None) -> list[str | None]:
        everybody = [str(number) for number in range(len(cutoffs))]
        inside = self._those(everybody, cutoffs, "eligible")
        if len(inside) < len(everybody) and not self._covers_all:
            covered = self._those(everybody, cutoffs, "covered")
        else:
            covered = set(everybody)
        if now is not None and not self._covers_all:
            covered &= self._those(everybody, [now] * len(cutoffs), "covered")
        return [
            "no_consent" if one not in covered else None if one in inside else "not_in_population"
            for one in everybody
        ]

    def _those(
        self, everybody: Sequence[str], instants: Sequence[dt.datetime], statement: str
    ) -> set[str]:
        self._fill("pairs", [everybody, instants])
        return {row[0] for row in self._run(statement)}

    def _fill(self, name: str, columns: Sequence[Sequence[Any]]) -> None:
        schema = self._inputs[name].schema
        arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
        self._inputs[name].rows = pa.Table.from_arrays(arrays, schema=schema)

    def _fill_tables(
        self,
        numbers: Sequence[int],
        profiles: Sequence[ProfileRows],
        cutoffs: Sequence[dt.datetime],
    ) -> None:
        """Take the rows of these profiles, and of no others."""
        tables = [one for one in self._inputs.values() if isinstance(one, RowTable)]
        fill_tables(tables, [(number, profiles[number], cutoffs[number]) for number in numbers])

    def _state_what_is_known(
        self,
        profiles: Sequence[ProfileRows],
        cutoffs: Sequence[dt.datetime],
        covered: Sequence[bool | None],
    ) -> None:
        """An old consent for those who sent no statement but are known to be covered."""
        if self._purpose is None:
            return
        statements = self._inputs["statements"]
        added = [
            {
                "customer_id": str(number),
                "occurred_at": _LONG_AGO,
                "known_at": _LONG_AGO,
                "purpose": self._purpose,
                "granted": True,
                "cutoff": cutoffs[number],
            }
            for number, profile in enumerate(profiles)
            if covered[number] and not profile.rows("consents")
        ]
        if added:
            more = pa.Table.from_pylist(added, schema=statements.schema)
            statements.rows = pa.concat_tables([statements.rows, more])

    def _fill_shared(self) -> None:
        for name, table in self._shared.items():
            of, key = _JOINED_BY.get(name, ("", ""))
            if of in self._inputs and key in self._inputs[of].schema.names:
                wanted = self._inputs[of].rows[key].unique()
                table = table.filter(pc.is_in(table[key], value_set=wanted))
            self._inputs[f"held_{name}"].rows = table

    def _register(self, name: str, rows: Input) -> ir.Table:
        """A table of the engine that reads these rows."""
        self._inputs[name] = rows
        self._con.register(name, rows)
        return self._connection.table(name)

    def _prepare_spine(self, study: Study, store: Mapping[str, ir.Table], pairs: ir.Table) -> None:
        """Whom the legal basis covers, and for whom of them the study predicts."""
        tables = dict(store)
        if study.legal_basis.none_needed is None:
            # What a customer has said counts even where the store has no place for it.
            said = {column.name: column.dtype for column in TABLES["consents"].columns}
            statements = self._register("statements", RowTable("consents", said))
            tables["consents"] = statements.drop("cutoff")
        profiles = Profiles("the request", DuckDBEngine(self._connection), tables)
        self._prepare("eligible", eligible(profiles, study, pairs).select("customer_id"))
        covered = consent.covered(profiles, pairs, study.legal_basis)
        self._covers_all = covered is None
        if covered is not None:
            self._prepare("covered", covered.select("customer_id"))

    def _prepare_part(self, name: str, source: Source, features: FeatureSet, past: Past) -> _Part:
        aggregated = features.aggregated(source, past).drop("cutoff")
        self._prepare(name, aggregated)
        self._fill("spine", [["0"], [dt.datetime(2000, 1, 1)]])
        silent = not source.of_everyone and not self._run(name)
        inputs = tuple(self._inputs[table] for table in source.tables) if silent else ()
        return _Part(name, tuple(aggregated.schema().to_pyarrow())[1:], inputs)

    def _prepare(self, name: str, query: ir.Table) -> None:
        try:
            self._con.execute(f"PREPARE {name} AS {statement(self._connection, query)}")
        except duckdb.Error as error:
            raise FeatureError(
                f"The features cannot be compiled: {str(error).strip().splitlines()[0]}. Mend the "
                "feature of your own that does this, or leave it out of the study."
            ) from error

    def _run(self, name: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._con.execute(f"EXECUTE {name}").fetchall()
        return rows


@dataclass(frozen=True)
class _OwnPast(Past):
    """The past where each row has the cutoff of its customer already: no spine is joined."""

    with_cutoff: Mapping[str, ir.Table] = field(default_factory=dict)

    def rows(self, name: str) -> ir.Table:
        return self._before(self.with_cutoff[name])


def _chosen(study: Study, past: Past, names: Sequence[str]) -> FeatureSet:
    """The features of these columns, in their order."""
    own = load_user_features(study.my_features) if study.my_features else ()
    chosen = FeatureSet.select([*library(past), *own], names, past)
    by_name = {column.name: column for column in chosen.columns}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise FeatureError(
            f"The columns {', '.join(missing)} are needed, but the store cannot give them: "
            f"{'; '.join(chosen.notes)}. Train again without them, or complete the store."
        )
    return replace(chosen, columns=tuple(by_name[name] for name in names))
