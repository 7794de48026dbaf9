"""From a raw table to one that keeps the contract, or one error that says what breaks it.

The engine decides all rules of a table in one pass. Only for a rule that is broken are the rows
counted and one example fetched; no row is looked at in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.profiles.contract import DTYPES, INNER, WANTED, Column, Kind, Table, reserved

Holds = Callable[[ir.Table, str], ir.BooleanValue]

_LARGEST_WHOLE_FLOAT = 2.0**53
_MARK, _ROW = f"{INNER}breaks", f"{INNER}row"
_SHOWN = 8


@dataclass(frozen=True)
class Broken:
    """A rule that rows of a table break: how many of how many, and one of them.

    That is the first one where rows have an order, else the one with the least value.
    """

    column: str
    rule: str
    rows: int
    of: int
    first_row: int | None
    example: str | None

    def __str__(self) -> str:
        rows = "row" if self.of == 1 else "rows"
        verb = "breaks" if self.rows == 1 else "break"
        example = "missing" if self.example is None else repr(self.example)
        where = "" if self.first_row is None else f" row {self.first_row:,}:"
        return (
            f"{self.column} must be {self.rule}, but {self.rows:,} of {self.of:,} {rows} {verb} "
            f"this, for example{where} {example}"
        )


@ibis.udf.scalar.builtin(name="isfinite")  # type: ignore[untyped-decorator]
def _is_finite_time(value: dt.timestamp) -> dt.boolean:
    """Whether a timestamp is a real one (the engine also knows 'infinity')."""


def missing_columns(table: Table, raw: ir.Table) -> str | None:
    """What is said about required columns that `raw` lacks; None when it has them all."""
    missing = [
        column.name
        for column in table.columns
        if column.required and column.name not in raw.columns
    ]
    if not missing:
        return None
    names = []
    for name in missing:
        close = get_close_matches(name, [c for c in raw.columns if c not in missing], n=1)
        names.append(f"{name} (did you call it {close[0]}?)" if close else name)
    there = ", ".join(raw.columns[:_SHOWN])
    if len(raw.columns) > _SHOWN:
        there += f" and {len(raw.columns) - _SHOWN} more"
    return (
        f"{table.name}: needs the column{'s' * (len(names) > 1)} {', '.join(names)}, "
        f"but has {there}. Add or rename it."
    )


def broken_types(table: Table, raw: ir.Table, ordered: bool = True) -> tuple[int, list[Broken]]:
    """How many rows `raw` has, and its columns with values that cannot be what the contract wants.

    `ordered`: whether rows have an order, so that one of them is the first.
    """

    def castable(column: Column) -> Holds:
        def holds(data: ir.Table, name: str) -> ir.BooleanValue:
            value = data[name]
            absent = value.isnull()
            if column.kind in ("string", "number") and value.type().is_floating():
                # Frames without a missing value for numbers write NaN for what is not there.
                absent = absent | value.isnan()
            return absent | cast(value, column.kind).notnull()

        return holds

    rules = [
        (column.name, WANTED[column.kind], castable(column))
        for column in table.columns
        if column.name in raw.columns and _can_fail(raw[column.name].type(), column.kind)
    ]
    return broken_values(raw, rules, ordered)


def broken_rules(table: Table, typed: ir.Table, ordered: bool = True) -> list[Broken]:
    """The rules of the contract that rows of `typed` break."""
    rules: list[tuple[str, str, Holds]] = []
    for column in table.columns:
        if column.name not in typed.columns:
            continue
        if column.required:
            rules.append((column.name, "filled", lambda data, name: data[name].notnull()))
        for rule in column.rules:
            rules.append((column.name, rule.text, rule.holds))
    return broken_values(typed, rules, ordered)[1]


def normalise(table: Table, raw: ir.Table) -> ir.Table:
    """`raw` with the columns of the contract in its types and order, then the unknown ones.

    `known_at` is filled from `occurred_at` where it is missing; values that cannot be cast
    become missing, which `broken_types` reports beforehand. So a time that is one already needs
    no look at each value, and the engine can use what a file says of its times.
    """
    typed = {
        column.name: _checked(raw[column.name], column.kind)
        for column in table.columns
        if column.name in raw.columns
    }
    if "occurred_at" not in typed:
        typed["occurred_at"] = typed.get("cutoff", ibis.null(dt.dtype(DTYPES["timestamp"])))
    typed["known_at"] = ibis.coalesce(
        typed.get("known_at", typed["occurred_at"]), typed["occurred_at"]
    )
    order = [column.name for column in table.columns if column.name in typed]
    return raw.select(
        **{name: typed[name] for name in order},
        **{name: _known(raw[name]) for name in unknown_columns(table, raw) if not reserved(name)},
    )


def _checked(value: ir.Value, kind: Kind) -> ir.Value:
    if kind == "timestamp" and value.type().is_timestamp():
        return value.cast(DTYPES[kind])
    return cast(value, kind)


def unknown_columns(table: Table, raw: ir.Table) -> list[str]:
    """The columns of `raw` that the contract does not name, in their order."""
    known = {column.name for column in table.columns}
    return [name for name in raw.columns if name not in known]


def cast(value: ir.Value, kind: Kind) -> ir.Value:
    """`value` as `kind`; missing where that is impossible.

    Integer ids become their digits, and so do whole floats (pandas makes floats of integers with
    gaps). Times with a zone become UTC, times without one are UTC, dates are their midnight.
    """
    target = dt.dtype(DTYPES[kind])
    source = value.type()
    nothing = ibis.null(target)
    if kind == "string":
        if source.is_floating() or (source.is_decimal() and source.scale):
            number = value.cast("float64")
            whole = (number == number.floor()) & (number.abs() <= _LARGEST_WHOLE_FLOAT)
            return ibis.ifelse(whole, number.try_cast("int64").cast("string"), nothing)
        return nothing if source.is_nested() or source.is_binary() else value.cast("string")
    if kind == "timestamp":
        if source.is_string():
            value = value.try_cast("timestamp('UTC')").cast(target)
        elif source.is_timestamp() or source.is_date():
            value = value.cast(target)
        else:
            return nothing
        return ibis.ifelse(_is_finite_time(value), value, nothing)
    if kind in ("money", "number"):
        if not (source.is_numeric() or source.is_string()) or source.is_boolean():
            return nothing
        if kind == "money":
            return value.try_cast(target)
        number = value.try_cast("float64")
        return ibis.ifelse(number.isnan() | number.isinf(), nothing, number)
    if source.is_numeric() and not source.is_boolean():
        return ibis.cases((value == 1, True), (value == 0, False), else_=ibis.null("boolean"))
    return value.try_cast(target) if source.is_string() or source.is_boolean() else nothing


def _known(value: ir.Value) -> ir.Value:
    """A column of nothing has no type in Parquet; it stays, as text."""
    kind = value.type()
    empty = kind.is_null() or (kind.is_unknown() and "NULL" in str(kind))
    return ibis.null("string") if empty else value


def _can_fail(source: dt.DataType, kind: Kind) -> bool:
    if kind == "string":
        return not (source.is_string() or source.is_integer())
    # A float64 and a timestamp may be infinite, which is no number and no time.
    return kind in ("number", "timestamp") or source != dt.dtype(DTYPES[kind])


def broken_values(
    data: ir.Table, rules: list[tuple[str, str, Holds]], ordered: bool
) -> tuple[int, list[Broken]]:
    """How many rows there are, and the rules that some break, each with its count and an example.

    One pass over the data for all rules, and one more for each that is broken.
    """
    marks = {str(index): _breaks(data, name, holds) for index, (name, _, holds) in enumerate(rules)}
    marked = data.select(**marks) if marks else data
    whole = marked.aggregate(rows=marked.count(), **{mark: marked[mark].any() for mark in marks})
    [found] = whole.to_pyarrow().to_pylist()
    rows = found.pop("rows")
    return rows, [
        _describe(data, rows, ordered, *rules[int(mark)]) for mark in marks if found[mark]
    ]


def _breaks(data: ir.Table, name: str, holds: Holds) -> ir.BooleanValue:
    """Whether a row breaks a rule; a missing value never does, unless the rule itself says so."""
    return ~holds(data, name).fill_null(True)


def _describe(
    data: ir.Table, rows: int, ordered: bool, name: str, rule: str, holds: Holds
) -> Broken:
    if ordered:
        data = data.mutate(**{_ROW: ibis.row_number() + 1})
    marked = data.mutate(**{_MARK: _breaks(data, name, holds)})
    bad = marked.filter(marked[_MARK])
    value = bad[name].cast("string")
    found = (
        bad.aggregate(
            rows=bad.count(),
            first_row=bad[_ROW].min() if ordered else ibis.null("int64"),
            example=value.argmin(bad[_ROW]) if ordered else value.min(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    return Broken(name, rule, found["rows"], rows, found["first_row"], found["example"])
