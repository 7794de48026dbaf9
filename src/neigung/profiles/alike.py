"""Ids that differ by case or leading zeros alone, as exports make of one id.

They may be two, so that nothing is mended; but where one table knows none of the ids of another
unless these are overlooked, an export has lost them.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir


def loosely(value: ir.Value) -> ir.Value:
    """An id in lower case, without zeros in front."""
    return value.lower().re_replace("^0+([0-9])", r"\1")


def spelled_otherwise(table: ir.Table, other: ir.Table, column: str = "customer_id") -> str | None:
    """A sentence about ids of a table that another one knows only as written otherwise, if any."""
    ids = table.select(here=table[column]).distinct()
    known = other.select(there=other[column]).distinct()
    ids = ids.anti_join(known, ids.here == known.there)
    ids, known = ids.mutate(key=loosely(ids.here)), known.mutate(key=loosely(known.there))
    pairs = ids.inner_join(known, "key")
    found = _row(
        pairs.aggregate(
            ids=pairs.here.nunique(), here=pairs.here.min(), there=pairs.there.argmin(pairs.here)
        )
    )
    if not found["ids"]:
        return None
    return (
        f"{found['ids']:,} of these ids are there in other case or with other leading zeros, such "
        f"as {found['here']!r} here and {found['there']!r} there: export ids as text, alike in all "
        "tables."
    )


def twins(table: ir.Table, column: str = "customer_id") -> dict[str, Any]:
    """How many `ids` of how many (`of`) have twins in their table, and two that are."""
    ids = table.select(one=table[column]).distinct()
    groups = ids.group_by(loose=loosely(ids.one)).agg(
        n=ids.count(), first=ids.one.min(), last=ids.one.max()
    )
    several = groups.n > 1
    return _row(
        groups.aggregate(
            ids=groups.n.sum(where=several),
            of=groups.n.sum(),
            first=groups["first"].min(where=several),
            last=groups["last"].argmin(groups["first"], where=several),
        )
    )


def _row(table: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row
