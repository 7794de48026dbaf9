"""Texts that may say that there is nothing, and ids that a spreadsheet has cut short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts, example
from neigung.profiles.contract import NO_ID, TABLES
from neigung.profiles.quality_report import Finding

_WORDS = tuple(word for word in NO_ID if word.lower() != "none")
_SHORTENED = r"^[0-9]([.,][0-9]+)?[eE][+][0-9]+$"


def _texts(name: str, table: ir.Table) -> list[str]:
    """The columns of the contract in which such a word may be a value."""
    return [c.name for c in TABLES[name].columns if _may_be(c.kind, c.name, table)]


def _may_be(kind: str, name: str, table: ir.Table) -> bool:
    return kind == "string" and name in table.columns and name not in ("arm", "purpose")


def _ids(name: str, table: ir.Table) -> list[str]:
    return [c.name for c in TABLES[name].columns if c.kind == "id" and c.name in table.columns]


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    counts = {f"doubtful {c}": table[c].isin(_WORDS).sum() for c in _texts(name, table)}
    # Such an id has a plus sign, which is found faster than the whole of it.
    counts |= {f"shortened {c}": table[c].contains("E+").sum() for c in _ids(name, table)}
    return counts


def _says(facts: Facts) -> Iterator[Finding]:
    for name in facts.numbers:
        table = facts.store.table(name)
        for column in _ids(name, table):
            if facts.number(name, f"shortened {column}"):
                yield from _shortened(facts, name, column)
        for column in _texts(name, table):
            rows = facts.number(name, f"doubtful {column}")
            one = example(table, table[column].isin(_WORDS), column) if rows else None
            if one:
                yield Finding(
                    "warn",
                    name,
                    f"{name}: {column} is {one[column]!r} or the like in "
                    f"{facts.share(rows, name)}, which counts as a value of its own. If it means "
                    "that there is none, leave it empty.",
                )


def _shortened(facts: Facts, name: str, column: str) -> Iterator[Finding]:
    table = facts.store.table(name)
    short = table[column].re_search(_SHORTENED)
    rows = int(table.filter(short).count().to_pyarrow().as_py())
    one = example(table, short, column)
    if one:
        yield Finding(
            "bad",
            name,
            f"{name}: a spreadsheet has cut {column} short in {facts.share(rows, name)}, such as "
            f"{one[column]!r}, so that different ids are one. Export it as text.",
        )


CHECK = Check("doubtful_words", _says, _counts)
