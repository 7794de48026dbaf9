"""Columns of a shop's own among whose numbers or dates stand a few words.

Left as text they would be categories of hundreds of values. The words are missing values.
"""

from __future__ import annotations

from collections.abc import Collection

import ibis
import ibis.expr.types as ir

from neigung.profiles.quality_report import Finding

_NEARLY_ALL = 0.95
"""So many of the values must be numbers, for the others to be words for nothing."""

_MANY = 30
"""So many different values must there be; fewer may be codes, of which some are letters."""

_KINDS = {"float64": "numbers", "timestamp(6)": "dates"}
_COMMA = r"^[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+$"


def read_as(value: ir.Value, dtype: str) -> ir.Value:
    """Texts as finite numbers or times; missing where they are none.

    A leading zero is part of a code (a postcode), not of a number.
    """
    found = value.try_cast(dtype)
    if dtype == "float64":
        good = ~(found.isnan() | found.isinf()) & ~value.re_search(r"^\s*[+-]?0[0-9]")
    else:
        good = value.re_search(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
    return ibis.ifelse(good, found, ibis.null(dtype))


def numbers_among_words(
    name: str,
    table: ir.Table,
    columns: Collection[str],
    with_words: Collection[str],
    doubt_commas: bool = True,
) -> tuple[dict[str, str], list[Finding]]:
    """Which of these columns of text are to be read as which type, and what is to be said.

    Of the columns `with_words` some texts were found to say that there is nothing; there a few
    numbers suffice, if the rest are all numbers. `doubt_commas`: say which look like numbers with a
    decimal comma.
    """
    if not columns:
        return {}, []
    asked: dict[str, ir.Value] = {}
    for column in columns:
        value = table[column]
        asked[f"{column}/filled"] = value.count()
        asked[f"{column}/comma"] = value.re_search(_COMMA).sum()
        asked |= {f"{column}/{dtype}": read_as(value, dtype).count() for dtype in _KINDS}
    counted = _row(table.aggregate(**asked))
    kinds: dict[str, str] = {}
    said: list[Finding] = []
    for column in columns:
        filled = counted[f"{column}/filled"] or 0
        needed = max(filled * _NEARLY_ALL, 1)
        for dtype, what in _KINDS.items():
            read = counted[f"{column}/{dtype}"]
            words = filled - read
            if read < needed or not (words or column in with_words):
                continue
            if words and table[column].nunique().to_pyarrow().as_py() < _MANY:
                continue
            kinds[column] = dtype
            if words:
                said.append(_among(name, table, column, dtype, what, words, filled))
        if doubt_commas and (counted[f"{column}/comma"] or 0) >= needed:
            said += _with_comma(name, table, column)
    return kinds, said


def _among(
    name: str, table: ir.Table, column: str, dtype: str, what: str, words: int, filled: int
) -> Finding:
    value = table[column]
    others = table.filter(value.notnull() & read_as(value, dtype).isnull())
    example = others[column].min().to_pyarrow().as_py()
    return Finding(
        "mended",
        name,
        f"{name}: {column} holds {what}, but for {words:,} of {filled:,} values "
        f"({words / filled:.1%}) such as {example!r}, which count as missing.",
    )


def _with_comma(name: str, table: ir.Table, column: str) -> list[Finding]:
    value = table[column]
    found = _row(table.aggregate(values=value.nunique(), example=value.min()))
    if found["values"] < _MANY:
        return []
    return [
        Finding(
            "warn",
            name,
            f"{name}: {column} has {found['values']:,} different texts that look like numbers with "
            f"a decimal comma, such as {found['example']!r}, and counts as a category of so many "
            "values. Export it with decimal points.",
        )
    ]


def _row(table: ir.Table) -> dict[str, int]:
    row: dict[str, int] = table.to_pyarrow().to_pylist()[0]
    return row
