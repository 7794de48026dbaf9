"""Tables of an engine whose rows are those of the request at hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import ibis.expr.datatypes as ibis_types
import pyarrow as pa
from pydantic_core import PydanticCustomError

from neigung.errors import InputError
from neigung.profiles.contract import TABLES, WANTED
from neigung.profiles.rows import ProfileRows, Row, boolean, instant, number, own_text
from neigung.profiles.signs import positive_rows

KEY_FIELDS = (pa.field("customer_id", pa.string()), pa.field("cutoff", pa.timestamp("us")))


class UnfitValueError(InputError):
    """A profile with values that cannot be computed with.

    Parameters
    ----------
    profile : which of the profiles of the call, from 0.
    path : the value within the profile, such as `customers.0.household_size`; "" for the whole.
    problem : what was needed.
    """

    def __init__(self, profile: int, path: str, problem: str) -> None:
        where = f"Profile {profile}" + (f", {path}" if path else "")
        super().__init__(f"{where} {problem}.")
        self.profile = profile
        self.path = path
        self.problem = problem


class Input:
    """Rows that an engine reads as a table: an Arrow stream, asked for anew at each reading.

    So a statement that was prepared once reads what the request brought, and nothing has to be
    inserted or deleted.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._empty = schema.empty_table()
        self.rows = self._empty

    @property
    def schema(self) -> pa.Schema:
        """The columns, which stay."""
        return self._empty.schema

    def clear(self) -> None:
        """Forget the rows."""
        self.rows = self._empty

    def __arrow_c_schema__(self) -> Any:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.rows.__arrow_c_stream__(requested_schema)


class _Placed(NamedTuple):
    """A row, where it comes from, and what its table needs to know of its profile."""

    profile: int
    place: int
    row: Row
    cutoff: dt.datetime
    first_seen: dt.datetime | None


class _Reading(NamedTuple):
    """How values of a column of the store's own are read, and what they must be."""

    read: Callable[[Any], Any]
    wanted: str


class RowTable(Input):
    """A table of the contract, filled with rows of profiles.

    Parameters
    ----------
    name : the table's name in the contract.
    columns : the store's columns and their types (`float64`, `timestamp(6)`); columns of a type
        that cannot be read are left out. `customer_id` is the number of the profile in the call.
    """

    def __init__(self, name: str, columns: Mapping[str, str]) -> None:
        self.name = name
        known = {column.name for column in TABLES[name].columns}
        fields, self._own = [], dict[str, _Reading]()
        for column, dtype in columns.items():
            try:
                kind = ibis_types.dtype(dtype)
                fields.append(pa.field(column, kind.to_pyarrow()))
            except Exception:  # a type of another engine, which no feature reads
                continue
            if column not in known:
                self._own[column] = _reading(kind)
        super().__init__(pa.schema([*fields, KEY_FIELDS[1]]))

    def fill(self, rows: Sequence[_Placed]) -> None:
        """Take these rows.

        Raises UnfitValueError for a value that a column of the store's own cannot hold.
        """
        if not rows:
            return self.clear()
        occurred = [_occurred(one) for one in rows]
        known: dict[str, list[Any]] = {
            "customer_id": [str(one.profile) for one in rows],
            "occurred_at": occurred,
            "known_at": [
                one.row.get("known_at") or at for one, at in zip(rows, occurred, strict=True)
            ],
            "cutoff": [one.cutoff for one in rows],
        }
        arrays = []
        for field in self.schema:
            if field.name in self._own:
                arrays.append(self._read(field, rows))
            else:
                values = known.get(field.name) or [one.row.get(field.name) for one in rows]
                arrays.append(pa.array(values, field.type))
        self.rows = pa.Table.from_arrays(arrays, schema=self.schema)
        if None in occurred:
            self.rows = self.rows.filter(self.rows["occurred_at"].is_valid())

    def _read(self, field: pa.Field, rows: Sequence[_Placed]) -> pa.Array:
        """A column of the store's own, whose values the request's model could not check."""
        read, wanted = self._own[field.name]
        values = []
        for one in rows:
            value = one.row.get(field.name)
            try:
                value = None if value is None else read(value)
                pa.scalar(value, field.type)
            except (PydanticCustomError, pa.ArrowException, ArithmeticError, TypeError, ValueError):
                path = f"{self.name}.{one.place}.{field.name}"
                raise UnfitValueError(one.profile, path, f"must be {wanted}") from None
            values.append(value)
        return pa.array(values, field.type)


def fill_tables(
    tables: Sequence[RowTable], profiles: Sequence[tuple[int, ProfileRows, dt.datetime]]
) -> None:
    """Fill the tables with the rows of profiles, each given with its number and its cutoff.

    As in a store, a row of customers without `occurred_at` counts from the customer's first row in
    another table; without any it is left out.
    """
    for table in tables:
        placed = []
        for index, profile, cutoff in profiles:
            rows = profile.rows(table.name)
            if table.name == "returns":
                rows = positive_rows(rows)
            first = None
            if table.name == "customers" and any(row.get("occurred_at") is None for row in rows):
                first = _first_seen(profile, {one.name for one in tables} - {"customers"})
            placed += [_Placed(index, place, row, cutoff, first) for place, row in enumerate(rows)]
        table.fill(placed)


def _first_seen(profile: ProfileRows, tables: Iterable[str]) -> dt.datetime | None:
    return min(
        (row.get("occurred_at") for name in tables for row in profile.rows(name)), default=None
    )


def _occurred(one: _Placed) -> dt.datetime | None:
    found: dt.datetime | None = one.row.get("occurred_at") or one.row.get("known_at")
    return found or one.first_seen


def _reading(kind: ibis_types.DataType) -> _Reading:
    """How a value of JSON becomes one of a column of this type."""
    if kind.is_string():
        return _Reading(own_text, WANTED["string"])
    if kind.is_boolean():
        return _Reading(boolean, WANTED["boolean"])
    if kind.is_integer():
        return _Reading(_whole, f"a whole number ({kind})")
    if kind.is_floating():
        return _Reading(number, WANTED["number"])
    if kind.is_decimal():
        return _Reading(lambda value: _decimal(value, kind.scale or 0), f"an amount ({kind})")
    if kind.is_date():
        return _Reading(lambda value: instant(value).date(), WANTED["timestamp"])
    if kind.is_timestamp():
        zone = dt.UTC if kind.timezone else None
        return _Reading(lambda value: instant(value).replace(tzinfo=zone), WANTED["timestamp"])
    return _Reading(lambda value: value, f"of the type {kind}")


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = number(value)
    if not found.is_integer():
        raise ValueError("no whole number")
    return int(found)


def _decimal(value: Any, scale: int) -> Decimal:
    if isinstance(value, float):
        value = repr(value)
    number(value)  # refuses what is none
    return Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
