"""Custom: the user's own outcome, from the table `labels`."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.profiles.timeline import KEYS


def custom(labels: ir.Table, spine: ir.Table) -> ir.Table:
    """`label` is the `value` the user gave for a customer at a cutoff.

    Customers of the spine without a row at that cutoff are left out: nobody knows their outcome.
    Returns `customer_id`, `cutoff`, `label` (float64).
    """
    given = labels.select(*KEYS, label=labels.value.cast("float64"))
    return spine.select(*KEYS).inner_join(given, KEYS).select(*KEYS, "label")
