"""Texts and ids that are written otherwise but certainly mean the same, and texts for nothing.

Blanks around a text, seen or not, are cut off; letters that are composed of several signs become
the one that looks alike (Unicode's NFC); an id that somebody made a float of, `7.0`, is `7` again;
a word of the contract may stand in any case; blank text and words such as `NULL` are missing. What
the words are stands in `contract`. It is the same for rows that come with a request.

>>> order_id = TABLES["order_lines"].column("order_id")
>>> spelled(" 7.0 ", order_id), spelled("Mu\\u0308ller", order_id), spelled("NULL", order_id)
('7', 'Müller', None)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.profiles.contract import NO_TEXT, NO_VALUE, TABLES, Column, Table
from neigung.profiles.quality_report import Finding

_BLANKS = (
    r"\x00-\x20\x7f\x85\xa0\xad"
    # spaces of all widths and none, marks of direction and of the order of bytes
    "\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff"
)
_AROUND = f"^[{_BLANKS}]+|[{_BLANKS}]+$"
_FLOAT = r"^(-?[0-9]+)\.0+$"
_DECOMPOSED = (
    r"\p{M}|[\x{374}-\x{387}\x{958}-\x{F69}\x{1100}-\x{11FF}\x{1F71}-\x{1FFD}\x{2000}\x{2001}"
    r"\x{2126}-\x{212B}\x{2329}\x{232A}\x{2ADC}\x{F900}-\x{FB4E}\x{1D15E}-\x{1D1C0}"
    r"\x{2F800}-\x{2FA1D}]"
)
"""Where a text holds none of these it is in NFC."""

CUSTOMER_ID = TABLES["customers"].column("customer_id")
"""The column of ids, to spell one by."""

FAULTS: Mapping[str, str] = {
    "blank": "Blank text counts as missing",
    "word": "Words for nothing count as missing",
    "float": "Ids written as numbers with a fraction of zeros count without it, as one customer "
    "would be two and some without any order line",
    "around": "Blanks around a text are cut off",
    "composed": "Letters of several signs count as the one that looks the same (Unicode NFC)",
    "case": "Words of the contract count in any case",
}
"""What is mended in texts, and what is said of it."""


_SHOWN = 4
"""So many columns are named in a sentence."""


@dataclass(frozen=True)
class Mended:
    """What was mended in a column: which of `FAULTS`, in how many rows of how many, and one."""

    table: str
    column: str
    fault: str
    rows: int
    of: int
    example: str


@ibis.udf.scalar.builtin(name="nfc_normalize")  # type: ignore[untyped-decorator]
def _composed(text: dt.string) -> dt.string:
    """A text in NFC, computed in the engine."""


def spelled(text: str, column: Column | None = None) -> str | None:
    """A text of a column of the contract, or of a store's own (None), as it is meant."""
    text = _PYTHON_AROUND.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if _is_id(column):
        text = re.sub(_FLOAT, r"\1", text)
    if _has_words(column):
        text = text.lower()
    return None if not text or text in _no_value(column) else text


def texts(table: Table, typed: ir.Table) -> dict[str, Column | None]:
    """The columns of text in a table, each with its column of the contract, None without one."""
    known = {column.name: column for column in table.columns}
    return {name: known.get(name) for name, kind in typed.schema().items() if kind.is_string()}


def odd(value: ir.Value, column: Column | None) -> ir.BooleanValue:
    """Whether a text may need mending: a test that is cheap where it does not."""
    words = "|".join(re.escape(word) for word in _no_value(column))
    tests = [f"^[{_BLANKS}]", f"[{_BLANKS}]$", "^$", f"^(?:{words})$", _DECOMPOSED]
    if _is_id(column):
        tests.append(_FLOAT)
    found = value.re_search("|".join(tests))
    return found | (value != value.lower()) if _has_words(column) else found


def mended(value: ir.Value, column: Column | None) -> ir.Value:
    """`spelled` in the engine."""
    return ibis.ifelse(odd(value, column), _steps(value, column)["found"], value)


def says_nothing(value: ir.Value) -> ir.BooleanValue:
    """Whether a text where a number, a time or a boolean should be says that there is none."""
    return value.strip().isin(("", *NO_TEXT))


def words_for_nothing(
    table: Table, raw: ir.Table, columns: Collection[str], rows: int
) -> list[Mended]:
    """What says nothing in these columns of a raw table: a pass over each."""
    found = []
    for name in columns:
        values = raw.filter(says_nothing(raw[name])).select(value=raw[name])
        asked = values.aggregate(rows=values.count(), example=values.value.max())
        [row] = asked.to_pyarrow().to_pylist()
        fault = "word" if row["example"].strip() else "blank"
        found.append(Mended(table.name, name, fault, row["rows"], rows, row["example"]))
    return found


def what_was_mended(
    table: Table, typed: ir.Table, columns: Collection[str], rows: int
) -> list[Mended]:
    """What is mended in these columns of a table, with counts and examples: a pass over each."""
    found = []
    for name in columns:
        value, column = typed[name], texts(table, typed)[name]
        steps = _steps(value, column)
        fault = ibis.cases(
            (steps["around"] == "", "blank"),
            (steps["found"].isnull(), "word"),
            (steps["float"] != steps["composed"], "float"),
            (steps["around"] != value, "around"),
            (steps["composed"] != steps["around"], "composed"),
            (steps["found"] != value, "case"),
        )
        values = typed.filter(odd(value, column)).select(value=value, fault=fault)
        values = values.filter(values.fault.notnull())
        faults = values.group_by("fault").agg(rows=values.count(), example=values.value.min())
        found += [
            Mended(table.name, name, row["fault"], row["rows"], rows, row["example"])
            for row in faults.to_pyarrow().to_pylist()
        ]
    return found


def _steps(value: ir.Value, column: Column | None) -> dict[str, ir.Value]:
    around = value.re_replace(_AROUND, "")
    composed = _composed(around)
    number = composed.re_replace(_FLOAT, r"\1") if _is_id(column) else composed
    found = number.lower() if _has_words(column) else number
    missing = (found == "") | found.isin(_no_value(column))
    return {
        "around": around,
        "composed": composed,
        "float": number,
        "found": ibis.ifelse(missing, ibis.null("string"), found),
    }


def _is_id(column: Column | None) -> bool:
    return column is not None and column.kind == "id"


def _has_words(column: Column | None) -> bool:
    return column is not None and bool(column.words)


def _no_value(column: Column | None) -> tuple[str, ...]:
    return NO_VALUE if column is None else column.no_value


_PYTHON_AROUND = re.compile(_AROUND)


def told(what: Collection[Mended]) -> list[Finding]:
    """What was mended in the texts of a store: a sentence for each fault."""
    findings = []
    for fault, says in FAULTS.items():
        found = [one for one in what if one.fault == fault]
        if found:
            where = [f"{one.table}.{one.column} ({one.rows:,} of {one.of:,} rows)" for one in found]
            more = f" and {len(where) - _SHOWN} more" if len(where) > _SHOWN else ""
            example = next((one.example for one in found if one.example.strip()), found[0].example)
            text = f"{says}, such as {example!r}: {', '.join(where[:_SHOWN])}{more}."
            findings.append(Finding("mended", found[0].table, text))
    return findings
