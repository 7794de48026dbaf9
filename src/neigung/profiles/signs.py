"""Returns that were booked below zero: certain where all are, and mended then."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir

from neigung.profiles.engine import Engine
from neigung.profiles.quality_report import Finding


def with_positive_returns(
    engine: Engine, returns: ir.Table, said: list[Finding], up_to: int
) -> ir.Table:
    """The returns with positive values, where every one that has any was booked below zero.

    Tables of more than `up_to` rows are computed anew by each query.
    """
    row = returns.aggregate(
        rows=returns.count(),
        below=(returns.value < 0).sum(),
        above=(returns.value > 0).sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if not row["below"] or row["above"]:
        return returns
    told = (
        f"returns: all {row['below']:,} values are below zero and were taken as what was sent "
        "back, so that -40 counts as 40."
    )
    said.append(Finding("mended", "returns", told))
    kept = engine.hold if row["rows"] <= up_to else engine.view
    mended = returns.mutate(value=(-returns.value).cast(returns.value.type()))
    return kept("returns_above_zero", mended.select(returns.columns))


def positive_rows(rows: list[Any]) -> list[Any]:
    """The returns of one customer that came with a request, as `with_positive_returns` has them.

    >>> positive_rows([{"value": -40}, {"value": -2}])
    [{'value': 40}, {'value': 2}]
    >>> positive_rows([{"value": -40}, {"value": 50}])
    [{'value': -40}, {'value': 50}]
    """
    if not rows or any((row.get("value") or 0) > 0 for row in rows):
        return rows
    return [{**row, "value": row["value"] and -row["value"]} for row in rows]
