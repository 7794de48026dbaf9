"""How far back features look, so that no older rows are read for them.

Whether a feature keeps to its window is read off its expression, as a function is free to leave
the condition out that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

_COUNTS = ops.Count | ops.CountStar | ops.CountDistinct
"""Aggregates that are zero where no row counts."""

_OTHERS = ops.Sum | ops.Min | ops.Max | ops.Mean | ops.ArgMin | ops.ArgMax
"""Aggregates that are missing where no row counts."""


def only_where(values: Iterable[ir.Value], conditions: Iterable[ir.Value]) -> bool:
    """Whether rows count in aggregates only where one of the conditions holds.

    >>> orders = ibis.table({"value": "int64", "lately": "boolean"}, name="orders")
    >>> kept, all_of_them = orders.value.sum(where=orders.lately), orders.count()
    >>> only_where([kept], [orders.lately]), only_where([kept, all_of_them], [orders.lately])
    (True, False)
    """
    known = {condition.op() for condition in conditions}
    return all(
        isinstance(node, _COUNTS | _OTHERS) and not known.isdisjoint(_terms(node.where))
        for value in values
        # What reads a table by itself, a subquery, is no aggregate of these rows.
        for node in value.op().find((ops.Reduction, ops.Subquery), filter=ops.Value)
    )


def of_no_rows(values: Mapping[str, ir.Value]) -> dict[str, Any]:
    """What aggregates give where no row counts.

    >>> orders = ibis.table({"value": "int64"}, name="orders")
    >>> of_no_rows({"number": orders.count(), "worth": orders.value.sum()})
    {'number': 0, 'worth': None}
    """
    # The rows have gone from these expressions, so that any table of one row does.
    plain = {name: value.op().replace(_emptied, ops.Value) for name, value in values.items()}
    table = ibis.memtable({"row": [0]}).select(**{k: node.to_expr() for k, node in plain.items()})
    [row] = _engine().to_pyarrow(table).to_pylist()
    return dict(row)


def _terms(condition: ops.Value | None) -> Iterator[ops.Value]:
    """The conditions of which all must hold."""
    if isinstance(condition, ops.And):
        yield from _terms(condition.left)
        yield from _terms(condition.right)
    elif condition is not None:
        yield condition


def _emptied(node: ops.Node, arguments: dict[str, Any] | None, **_: Any) -> ops.Node:
    if isinstance(node, ops.Reduction):
        return ops.Literal(0 if isinstance(node, _COUNTS) else None, dtype=node.dtype)
    return node if arguments is None else type(node)(**arguments)


@cache
def _engine() -> Any:
    return ibis.duckdb.connect()
