"""Purchase: the customer orders within the horizon."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.profiles.timeline import KEYS, Future
from neigung.study import Where


def purchase(future: Future, where: Where) -> ir.Table:
    """`label` is 1 when the customer has an order line within the horizon, else 0.

    With `where`, the line must be of one of its categories, on one of its channels. Returns the
    rows of the future's spine: `customer_id`, `cutoff`, `label` (float64).
    """
    lines = future.rows("order_lines")
    if where.category is not None:
        lines = lines.filter(lines.category.isin(where.category))
    if where.channel is not None:
        lines = lines.filter(lines.channel.isin(where.channel))
    buyers = lines.select(*KEYS).distinct().mutate(label=1.0)
    return with_label(future.spine, buyers)


def with_label(spine: ir.Table, labelled: ir.Table, otherwise: float = 0.0) -> ir.Table:
    """The spine with the label of those who have one, and `otherwise` for the rest."""
    joined = spine.select(*KEYS).left_join(labelled, KEYS)
    return joined.select(*KEYS, label=joined.label.coalesce(otherwise))
