"""In which money amounts are, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis
import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_NAMES = ("currency", "currency_code", "currencycode", "waehrung", "währung", "währungscode")
_SIGNS = {"€": "EUR", "EURO": "EUR", "$": "USD", "£": "GBP"}
_COUNT = "different_currencies"
_TABLES = ("order_lines", "returns")


def _currency(table: ir.Table) -> ir.StringValue | None:
    """The codes in a column of currencies, None without one."""
    for name in table.columns:
        if name.lower() in _NAMES and table[name].type().is_string():
            code = table[name].upper()
            return ibis.cases(
                *((code == sign, known) for sign, known in _SIGNS.items()), else_=code
            )
    return None


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    code = _currency(table) if name in _TABLES else None
    return {} if code is None else {_COUNT: code.nunique()}


def _says(facts: Facts) -> Iterator[Finding]:
    found: dict[str, int] = {}
    for name in _TABLES:
        if facts.number(name, _COUNT):
            found = _merged(found, _rows(facts.store.table(name)))
    if len(found) > 1:
        codes = sorted(found, key=lambda code: (-found[code], code))
        listed = ", ".join(f"{code} ({found[code]:,} rows)" for code in codes[:5])
        more = f" and {len(codes) - 5} more" if len(codes) > 5 else ""
        yield Finding(
            "refused",
            "order_lines",
            f"order_lines: amounts must be in one currency, but the column currency has "
            f"{len(codes):,}: {listed}{more}. Convert the amounts into one, and name the column "
            "original_currency if you keep it.",
        )
    elif facts.tables:
        of = f"in {next(iter(found))}" if found else "in one currency, which no column names"
        yield Finding(
            "ok",
            "order_lines",
            f"Amounts count as they are, {of}: see that net_value is after discounts, and that all "
            "rows are alike in whether VAT and shipping are in it.",
        )


def _rows(table: ir.Table) -> dict[str, int]:
    code = _currency(table)
    assert code is not None
    counted = table.select(code=code).filter(lambda row: row.code.notnull())
    rows = counted.group_by("code").agg(rows=counted.count()).to_pyarrow().to_pylist()
    return {row["code"]: row["rows"] for row in rows}


def _merged(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {code: one.get(code, 0) + other.get(code, 0) for code in {*one, *other}}


CHECK = Check("currencies", _says, _counts, refuses=True)
