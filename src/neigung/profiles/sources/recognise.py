"""How values that the contract cannot read are written, proposed as a line of `tables.yaml`.

>>> proposal(["1.234,50", "980", "12,5"], "money")
Proposal(keys={'decimal': ',', 'thousands': '.'}, instead=None)
>>> proposal(["31.12.2024", "01.01.2025"], "timestamp")
Proposal(keys={'date_format': '%d.%m.%Y'}, instead=None)
>>> proposal(["twelve"], "money")
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis.expr.types as ir

from neigung.profiles.contract import Kind, Table
from neigung.profiles.quality_report import Finding, Severity
from neigung.profiles.sources.options import EXCEL
from neigung.profiles.validation import Broken

_LOOKED_AT = 1_000

_DAYS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d")
_SHORT_DAYS = ("%d.%m.%y", "%m/%d/%y", "%d/%m/%y")
_HOURS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = [f"{day}{hour}" for day in (*_DAYS, *_SHORT_DAYS) for hour in _HOURS]
_EXCEL_DAYS = (20_000, 60_000)  # the years 1954 to 2064

_GERMAN = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
_ENGLISH = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?|[+-]?\d+(\.\d+)?")
_SWISS = re.compile(r"[+-]?\d{1,3}(['’ ]\d{3})+([.,]\d+)?|[+-]?\d+([.,]\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+|[+-]?\d{1,3}")


@dataclass(frozen=True)
class Proposal:
    """The keys of `tables.yaml` that make values readable; `instead` where others would, too."""

    keys: Mapping[str, str]
    instead: str | None = None

    def line(self, table: str) -> str:
        """As it is written into the file.

        >>> Proposal({"decimal": ","}).line("returns")
        'returns: {decimal: ","}'
        """
        said = ", ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in self.keys.items())
        return f"{table}: {{{said}}}"


def proposal(values: Sequence[str], kind: Kind) -> Proposal | None:
    """How all of some values are written, None where that is not recognised."""
    values = [value.strip() for value in values if value and value.strip()]
    if not values:
        return None
    return _of_times(values) if kind == "timestamp" else _of_numbers(values)


def _of_numbers(values: Sequence[str]) -> Proposal | None:
    def are(form: re.Pattern[str]) -> bool:
        return all(form.fullmatch(value) for value in values)

    comma = any("," in value for value in values)
    if comma and are(_THOUSANDS):
        return Proposal({"thousands": ","}, 'decimal: "," if 1,250 is one and a quarter')
    if comma and are(_GERMAN):
        dots = {"thousands": "."} if any("." in value for value in values) else {}
        return Proposal({"decimal": ",", **dots})
    if comma and are(_ENGLISH):
        return Proposal({"thousands": ","})
    marks = {mark for value in values for mark in "'’ " if mark in value}
    if len(marks) == 1 and are(_SWISS):
        return Proposal({**({"decimal": ","} if comma else {}), "thousands": marks.pop()})
    return None


def _of_times(values: Sequence[str]) -> Proposal | None:
    if all(re.fullmatch(r"\d{5}(\.\d+)?", value) for value in values):
        low, high = _EXCEL_DAYS
        days = all(low <= float(value) <= high for value in values)
        return Proposal({"date_format": EXCEL}) if days else None
    found = [form for form in _FORMATS if all(_is_time(value, form) for value in values)]
    if not found:
        return None
    instead = f"{found[1]} if the day comes first" if len(found) > 1 else None
    return Proposal({"date_format": found[0]}, instead)


def _is_time(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def advice(table: Table, raw: ir.Table, broken: Sequence[Broken]) -> str:
    """What is said after values that cannot be read: the line of `tables.yaml` that would help."""
    keys: dict[str, str] = {}
    instead = None
    for one in broken:
        value = raw[one.column]
        if not value.type().is_string():
            continue
        rows = raw.select(value=value).filter(value.notnull()).distinct().limit(_LOOKED_AT)
        values = rows.to_pyarrow()["value"].to_pylist()
        found = proposal([*values, one.example or ""], table.column(one.column).kind)
        if found is not None:
            keys |= found.keys
            instead = instead or found.instead
    return _told(Proposal(keys, instead), table.name) if keys else ""


def _told(found: Proposal, table: str) -> str:
    other = f" (or {found.instead})" if found.instead else ""
    return f" Or put this line into tables.yaml beside the files: {found.line(table)}{other}."


def doubtful_attributes(table: Table, typed: ir.Table) -> list[Finding]:
    """What is said of columns of text that look like numbers or times: as categories they would
    have a value of their own for each row."""
    known = {column.name for column in table.columns}
    texts = [n for n, kind in typed.schema().items() if n not in known and kind.is_string()]
    if not texts:
        return []
    rows = typed.select(*texts).limit(_LOOKED_AT).to_pyarrow()
    said = []
    for name in texts:
        values = [value for value in rows[name].to_pylist() if value and value.strip()]
        for kind, what in _LIKE.items():
            found = proposal(values, kind)
            if found is not None and EXCEL not in found.keys.values():
                said.append(
                    Finding(
                        "warn",
                        table.name,
                        f"{table.name}: {name} counts as text, but holds what looks like {what}, "
                        f"such as {values[0]!r}. Leave it so, or mend the file."
                        f"{_told(found, table.name)}",
                    )
                )
                break
    return said


_LIKE: dict[Kind, str] = {"number": "numbers", "timestamp": "dates"}


_GROUPED = r"^\s*[+-]?[1-9]\d{0,2}(\.\d{3})+\s*$"


def may_be_thousands(raw: ir.Table, name: str) -> bool:
    """Whether no value of a column shows that its point is that of decimals: where one does, as
    nearly everywhere, the look at the rows ends with it."""
    value = raw[name]
    decimals = value.contains(".") & ~value.re_search(_GROUPED)
    return not len(raw.filter(decimals).select(name).limit(1).to_pyarrow())


def thousands_counts(name: str, value: ir.StringValue) -> dict[str, ir.Value]:
    """Aggregates that `doubtful_thousands` reads."""
    dotted = value.contains(".")
    grouped = value.re_search(_GROUPED)
    return {
        f"{name}/dotted": dotted.sum(),
        f"{name}/undotted": (~dotted & (value.strip() != "")).sum(),
        f"{name}/grouped": (~dotted | grouped).all(),
        f"{name}/round": (~dotted | value.strip().endswith(".000")).all(),
        f"{name}/example": value.max(where=dotted),
    }


def doubtful_thousands(
    table: Table, names: Sequence[str], found: Mapping[str, object], semicolons: bool
) -> list[Finding]:
    """What is said of numbers such as 1.250 among others such as 980: are they thousands?"""
    said = []
    for name in names:
        dotted, plain = found[f"{name}/dotted"], found[f"{name}/undotted"]
        if not dotted or not found[f"{name}/grouped"]:
            continue
        if not plain and found[f"{name}/round"]:
            continue  # three decimals that are always written, as of a quantity in a database
        thousands = Proposal({"decimal": ",", "thousands": "."}).line(table.name)
        text = (
            f"{table.name}: {name} may hold thousands: all {dotted:,} values with a point have "
            f"three digits after it, such as {found[f'{name}/example']!r}. Say what it is in "
            f'tables.yaml beside the files: {thousands}, or decimal: "." if not.'
        )
        severity: Severity = "refused" if plain and semicolons else "warn"
        said.append(Finding(severity, table.name, text))
    return said
