"""Returns that were booked below zero: certain where all are, and mended then."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.profiles.engine import Engine
from neigung.profiles.quality_report import Finding
from neigung.profiles.rows import ROWS as ROWS
from neigung.profiles.rows import Row


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


def positive_rows(rows: list[Row]) -> list[Row]:
    """The returns of one customer that came with a request, as `with_positive_returns` has them.

    >>> row = {"order_id": "a", "occurred_at": "2025-01-01"}
    >>> back = [ROWS["returns"].model_validate(row | {"value": value}) for value in (-40, -2, 50)]
    >>> [str(row.get("value")) for row in positive_rows(back[:2])]
    ['40.0000', '2.0000']
    >>> [str(row.get("value")) for row in positive_rows(back)]
    ['-40.0000', '-2.0000', '50.0000']
    """
    if not rows or any((row.get("value") or 0) > 0 for row in rows):
        return rows
    return [
        row.model_copy(update={"value": -row.get("value")}) if row.get("value") else row
        for row in rows
    ]
