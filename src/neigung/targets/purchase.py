"""Purchase: the customer orders within the horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir

from neigung.errors import StudyError
from neigung.language import Message
from neigung.profiles.timeline import KEYS, Future, counts, of_order
from neigung.study import PurchaseTarget, Study, Where
from neigung.targets.kind import TargetKind


def purchase(future: Future, where: Where) -> ir.Table:
    """`label` is 1 when the customer has a new order within the horizon, else 0.

    An order is new when its first line lies within the horizon, and counts with a positive total.
    With `where` that is the total of its lines of these categories, on these channels. Returns the
    rows of the future's spine: `customer_id`, `cutoff`, `label` (float64).
    """
    lines = future.new_order_lines()
    if where.category is not None:
        lines = lines.filter(lines.category.isin(where.category))
    if where.channel is not None:
        lines = lines.filter(lines.channel.isin(where.channel))
    return with_label(future.spine, buyers(lines, future).mutate(label=1.0))


def buyers(lines: ir.Table, future: Future) -> ir.Table:
    """The `customer_id` and `cutoff` of the orders that count among those of these lines."""
    orders = lines.group_by(*KEYS, "order_id").agg(**of_order(lines))
    return orders.filter(counts(orders, future.zero_orders)).select(*KEYS).distinct()


def with_label(spine: ir.Table, labelled: ir.Table, otherwise: float = 0.0) -> ir.Table:
    """The spine with the label of those who have one, and `otherwise` for the rest."""
    joined = spine.select(*KEYS).left_join(labelled, KEYS)
    return joined.select(*KEYS, label=joined.label.coalesce(otherwise))


_LIMITS = {
    "category": Message("category: {names:names}"),
    "channel": Message("channel: {names:names}"),
}


def _sentence(target: PurchaseTarget) -> Message:
    days = target.horizon_days
    limits = [
        _LIMITS[name].having(names=values) for name, values in target.where if values is not None
    ]
    if not limits:
        return Message("The customer orders within the next {days} days.", days=days)
    return Message(
        "The customer orders within the next {days} days ({limits:names; }).",
        days=days,
        limits=limits,
    )


def _check(study: Study, tables: Mapping[str, ir.Table]) -> None:
    target: Any = study.target
    columns = tables["order_lines"].columns
    for name, wanted in target.where:
        if wanted is not None and name not in columns:
            raise StudyError(
                f"Study {study.name}: target.where.{name} needs the column "
                f"order_lines.{name}; found {', '.join(columns)}. Add it, or drop the where."
            )


KIND = TargetKind(
    label=lambda future, target: purchase(future, target.where), sentence=_sentence, check=_check
)
