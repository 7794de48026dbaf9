"""From a raw table to one that keeps the contract, or one error that says what breaks it.

The engine decides all rules of a table in one pass. Only for a rule that is broken are the rows
counted and one example fetched; no row is looked at in Python.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.profiles.contract import DTYPES, RESERVED, WANTED, Column, Kind, Table
from neigung.profiles.mending import Mended, mended, odd, says_nothing, texts

Holds = Callable[[ir.Table, str], ir.BooleanValue]

_LARGEST_WHOLE_FLOAT = 2.0**53
_SHOWN = 8


@dataclass(frozen=True)
class Broken:
    """A rule that rows of a table break: how many of how many, and one of them.

    That is the first one where rows have an order, else the one with the least value. Of what is
    missing it may be known how that is `written`.
    """

    column: str
    rule: str
    rows: int
    of: int
    first_row: int | None
    example: str | None
    written: str | None = None

    def __str__(self) -> str:
        rows = "row" if self.of == 1 else "rows"
        verb = "breaks" if self.rows == 1 else "break"
        example = "missing" if self.example is None else repr(self.example)
        if self.written is not None:
            example += f" (it says {self.written!r})"
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


def broken_types(
    table: Table, raw: ir.Table, ordered: bool = True
) -> tuple[int, list[Broken], list[str]]:
    """How many rows `raw` has, its columns with values that cannot be what the contract wants, and
    those of numbers, times or booleans in which some text says that there is nothing.

    `ordered`: whether rows have an order, so that one of them is the first.
    """

    def castable(column: Column) -> Holds:
        def holds(data: ir.Table, name: str) -> ir.BooleanValue:
            value = data[name]
            absent = value.isnull()
            if column.kind in ("string", "id", "number") and value.type().is_floating():
                # Frames without a missing value for numbers write NaN for what is not there.
                absent = absent | value.isnan()
            elif value.type().is_string():
                absent = absent | says_nothing(value)
            return absent | cast(value, column.kind).notnull()

        return holds

    rules = [
        (column.name, WANTED[column.kind], castable(column))
        for column in table.columns
        if column.name in raw.columns and _can_fail(raw[column.name].type(), column.kind)
    ]
    # Which words a text has instead is asked only of columns where something cannot be cast.
    lost = {
        column.name: (raw[column.name].notnull() & cast(raw[column.name], column.kind).isnull())
        for column in table.columns
        if column.name in {name for name, _, _ in rules}
    }
    rows, _, suspects = broken_values(raw, [], ordered, lost)
    rules = [rule for rule in rules if rule[0] in suspects]
    if not rules:
        return rows, [], []
    nothing = {
        name: says_nothing(raw[name]) for name, _, _ in rules if raw[name].type().is_string()
    }
    return broken_values(raw, rules, ordered, nothing)


def broken_rules(
    table: Table, typed: ir.Table, ordered: bool = True
) -> tuple[list[Broken], list[str]]:
    """The rules of the contract that rows of `typed` break, and its columns with texts that may
    have to be `mended` first."""
    rules: list[tuple[str, str, Holds]] = []
    for column in table.columns:
        if column.name not in typed.columns:
            continue
        if column.required:
            rules.append((column.name, "filled", lambda data, name: data[name].notnull()))
        for rule in column.rules:
            rules.append((column.name, rule.text, rule.holds))
    oddities = {name: odd(typed[name], column) for name, column in texts(table, typed).items()}
    _, broken, found = broken_values(typed, rules, ordered, oddities)
    return broken, found


def as_written(broken: Broken, what: Collection[Mended]) -> Broken:
    """A broken rule, with how that is written which counts as missing."""
    said = [m.example for m in what if m.column == broken.column and m.fault in ("word", "blank")]
    return replace(broken, written=said[0]) if said and broken.example is None else broken


def normalise(table: Table, raw: ir.Table, odd_texts: Collection[str] = ()) -> ir.Table:
    """`raw` with the columns of the contract in its types and order, then the store's own.

    Of the columns with `odd_texts` the texts are `mended`. `known_at` is filled from `occurred_at`
    where it is missing; values that cannot be cast become missing, which `broken_types` reports
    beforehand. So a time that is one already needs no look at each value, and the engine can use
    what a file says of its times.
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
    found = raw.select(
        **{name: typed[name] for name in order},
        **{kept: _known(raw[name]) for name, kept in own_columns(table, raw).items()},
    )
    if not odd_texts:
        return found
    columns = texts(table, found)
    return found.mutate(**{name: mended(found[name], columns[name]) for name in odd_texts})


def _checked(value: ir.Value, kind: Kind) -> ir.Value:
    if kind == "timestamp" and value.type().is_timestamp():
        return value.cast(DTYPES[kind])
    return cast(value, kind)


def own_columns(table: Table, raw: ir.Table) -> dict[str, str]:
    """The columns of `raw` that the contract does not name, and under which name each is kept.

    That is another one where a column of the contract, one that features find beside them, or an
    earlier one of the store's own is called so in any case.
    """
    known = {column.name for column in table.columns}
    taken = {*known, *RESERVED}
    own: dict[str, str] = {}
    for name in raw.columns:
        if name not in known:
            own[name] = free_name(name, taken)
            taken.add(own[name].lower())
    return own


def free_name(name: str, taken: Collection[str]) -> str:
    """A name, or the first like it that is not `taken` in any case.

    >>> free_name("Cutoff", ["cutoff"]), free_name("_row", ["customer_id"])
    ('Cutoff_1', '_row')
    """
    others = {other.lower() for other in taken}
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(1)))
    return next(free for free in names if free.lower() not in others)


def cast(value: ir.Value, kind: Kind) -> ir.Value:
    """`value` as `kind`; missing where that is impossible.

    Integer ids become their digits, and so do whole floats (pandas makes floats of integers with
    gaps). Texts that say that there is nothing cannot be cast, and are missing. Times with a zone
    become UTC, times without one are UTC, dates are their midnight.
    """
    target = dt.dtype(DTYPES[kind])
    source = value.type()
    nothing = ibis.null(target)
    if kind in ("string", "id"):
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
    if kind in ("string", "id"):
        return not (source.is_string() or source.is_integer())
    # A float64 and a timestamp may be infinite, which is no number and no time.
    return kind in ("number", "timestamp") or source != dt.dtype(DTYPES[kind])


def broken_values(
    data: ir.Table,
    rules: list[tuple[str, str, Holds]],
    ordered: bool,
    asked: Mapping[str, ir.BooleanValue] | None = None,
) -> tuple[int, list[Broken], list[str]]:
    """How many rows there are, the rules that some break, each with its count and an example, and
    what is `asked` that holds for some row.

    One pass over the data for all rules, and one more for each that is broken.
    """
    marks = {f"rule {i}": _breaks(data, name, holds) for i, (name, _, holds) in enumerate(rules)}
    questions = {f"asked {name}": question for name, question in (asked or {}).items()}
    both = marks | questions
    marked = data.select(**both) if both else data
    whole = marked.aggregate(rows=marked.count(), **{mark: marked[mark].any() for mark in both})
    [found] = whole.to_pyarrow().to_pylist()
    return (
        found["rows"],
        [
            _describe(data, found["rows"], ordered, *rule)
            for mark, rule in zip(marks, rules, strict=True)
            if found[mark]
        ],
        [name for name in asked or {} if found[f"asked {name}"]],
    )


def _breaks(data: ir.Table, name: str, holds: Holds) -> ir.BooleanValue:
    """Whether a row breaks a rule; a missing value never does, unless the rule itself says so."""
    return ~holds(data, name).fill_null(True)


def _describe(
    data: ir.Table, rows: int, ordered: bool, name: str, rule: str, holds: Holds
) -> Broken:
    row, mark = free_name("row", data.columns), free_name("breaks", data.columns)
    if ordered:
        data = data.mutate(**{row: ibis.row_number() + 1})
    marked = data.mutate(**{mark: _breaks(data, name, holds)})
    bad = marked.filter(marked[mark])
    value = bad[name].cast("string")
    found = (
        bad.aggregate(
            rows=bad.count(),
            first_row=bad[row].min() if ordered else ibis.null("int64"),
            example=value.argmin(bad[row]) if ordered else value.min(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    return Broken(name, rule, found["rows"], rows, found["first_row"], found["example"])
