"""Amounts in cents beside amounts in units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_WHOLE, _TYPICAL_WHOLE, _TYPICAL = "whole_amounts", "typical_whole_amount", "typical_amount"
_FEWEST_ROWS = 20
_LOW, _HIGH = 40.0, 250.0
"""Typical amounts of cents are a hundred times those of units; groups of goods differ, too."""


def _logarithm(amount: ir.Value) -> ir.FloatingValue:
    """Of which the mean is moved by no single large amount; missing where there is none."""
    number = amount.cast("float64")
    return ibis.ifelse(number > 0, number, ibis.null("float64")).log10()


def _whole(amount: ir.Value) -> ir.BooleanValue:
    return amount == amount.floor()


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    if name != "order_lines":
        return {}
    amount = table.net_value
    whole, positive = _whole(amount), amount > 0
    return {
        _WHOLE: (whole & positive).sum(),
        _TYPICAL_WHOLE: _logarithm(amount).mean(where=whole),
        _TYPICAL: _logarithm(amount).mean(where=~whole),
    }


def _says(facts: Facts) -> Iterator[Finding]:
    whole = facts.number("order_lines", _WHOLE)
    if whole < _FEWEST_ROWS:
        return
    lines = facts.store.table("order_lines")
    found = _of_groups(lines)
    numbers = facts.numbers["order_lines"]
    if found is None and numbers[_TYPICAL] is not None:
        times = 10 ** (numbers[_TYPICAL_WHOLE] - numbers[_TYPICAL])
        rows = facts.rows["order_lines"]
        if _LOW <= times <= _HIGH and rows - whole >= _FEWEST_ROWS:
            found = {"rows": whole, "what": "whole amounts", "times": times}
            found["example"] = lines.net_value.max(where=_whole(lines.net_value)).to_pyarrow()
    if found is not None:
        yield Finding(
            "bad",
            "order_lines",
            f"order_lines: {facts.share(found['rows'], 'order_lines')} have a net_value that is "
            f"typically {found['times']:,.0f} times that of the others, all of it whole "
            f"({found['what']}, such as {float(str(found['example'])):,.0f}). If these are cents, "
            "divide them by 100.",
        )


def _of_groups(lines: ir.Table) -> dict[str, Any] | None:
    """The months or channels that hold whole amounts only, a hundred times those of the others."""
    amount, positive = lines.net_value, lines.net_value > 0
    channel = lines.channel if "channel" in lines.columns else ibis.null("string")
    groups = lines.group_by(month=lines.occurred_at.truncate("M"), channel=channel).agg(
        rows=positive.sum(),
        whole=(_whole(amount) & positive).sum(),
        logarithms=_logarithm(amount).sum(),
        example=amount.max(),
    )
    frame = groups.to_pandas()
    for by in ("month", "channel"):
        parts = frame.groupby(by, dropna=False, sort=True)[["rows", "whole", "logarithms"]].sum()
        parts = parts.assign(example=frame.groupby(by, dropna=False, sort=True).example.max())
        high = (parts.rows == parts.whole) & (parts.rows >= 1)
        inside, outside = parts[high], parts[~high]
        if inside.rows.sum() < _FEWEST_ROWS or outside.rows.sum() < _FEWEST_ROWS:
            continue
        typical = [part.logarithms.sum() / part.rows.sum() for part in (inside, outside)]
        times = 10 ** (typical[0] - typical[1])
        if _LOW <= times <= _HIGH:
            first = inside.index[0]
            name = f"{first:%Y-%m}" if by == "month" else f"channel {first}"
            more = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
            return {
                "rows": int(inside.rows.sum()),
                "what": f"{name}{more}",
                "times": times,
                "example": inside.example.iloc[0],
            }
    return None


CHECK = Check("cents", _says, _counts)
