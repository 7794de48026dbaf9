"""The contents of a table in one number, computed inside the engine."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir


@ibis.udf.scalar.builtin(name="md5_number_lower")  # type: ignore[untyped-decorator]
def _md5_number_lower(text: dt.string) -> dt.uint64:
    """The lower 64 bits of the MD5 of a text, computed in the engine."""


def fingerprint(table: ir.Table) -> str:
    """What is another when the rows of a table are, whatever their order and format."""

    def text(name: str) -> ir.StringValue:
        value = table[name]
        kind = value.type()
        if kind.is_numeric() and not kind.is_decimal() and not kind.is_boolean():
            # Formats differ in whether 3 is an integer or a float.
            value = value.cast("float64")
        elif kind.is_timestamp():
            value = value.cast("timestamp(6)")
        return ("=" + value.cast("string")).fill_null("")

    names = sorted(table.columns)
    row = ibis.literal("\x1f").join([text(name) for name in names])
    found = (
        table.aggregate(
            rows=table.count(),
            # A sum does not depend on the order; a decimal of 38 digits holds 10^18 such numbers.
            total=_md5_number_lower(row).cast("decimal(38, 0)").sum(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    return f"{names} {found['rows']} {found['total']}"
