"""Churn: an active customer stops ordering, or spends much less than before."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.language import Message
from neigung.profiles.timeline import KEYS, Future, Past
from neigung.study import ChurnTarget
from neigung.targets.kind import TargetKind
from neigung.targets.purchase import buyers, with_label


def no_order(future: Future) -> ir.Table:
    """`label` is 1 when the customer has no new order within the horizon, else 0.

    New orders are those of `purchase`: neither a refund nor a late line of an older order ends a
    churn. Returns the rows of the future's spine: `customer_id`, `cutoff`, `label` (float64).
    """
    stayed = buyers(future.new_order_lines(), future).mutate(label=0.0)
    return with_label(future.spine, stayed, otherwise=1.0)


def spend_before(past: Past, days: int) -> ir.Table:
    """The spine with `spend_before`, the net value of the last `days` days before the cutoff."""
    lines = past.rows("order_lines")
    lines = lines.filter(lines.days_ago <= days)
    spend = lines.group_by(*KEYS).agg(spend_before=lines.net_value.sum())
    joined = past.spine.select(*KEYS).left_join(spend, KEYS)
    return joined.select(*KEYS, spend_before=joined.spend_before.coalesce(0))


def spend_falls(future: Future, share: float) -> ir.Table:
    """`label` is 1 when the net spend within the horizon is below `share` of `spend_before`.

    The future's spine carries `spend_before`. Who spent nothing before cannot fall: 0. The spend
    is net of all lines on both sides, those of older orders and refunds among them.
    """
    lines = future.rows("order_lines")
    spend = lines.group_by(*KEYS).agg(spend=lines.net_value.sum())
    joined = future.spine.left_join(spend, KEYS)
    fell = joined.spend.coalesce(0).cast("float64") < share * joined.spend_before.cast("float64")
    return joined.select(*KEYS, label=ibis.ifelse(fell, 1.0, 0.0))


def _label(future: Future, target: ChurnTarget) -> ir.Table:
    return (
        no_order(future) if target.spend_below is None else spend_falls(future, target.spend_below)
    )


def _reference(past: Past, target: ChurnTarget) -> ir.Table:
    return past.spine if target.spend_below is None else spend_before(past, target.horizon_days)


def _sentence(target: ChurnTarget) -> Message:
    days = target.horizon_days
    if target.spend_below is None:
        return Message("The active customer does not order within the next {days} days.", days=days)
    return Message(
        "The active customer spends, within the next {days} days, less than {share}% of what "
        "they spent in the {days} days before.",
        days=days,
        share=round(100 * target.spend_below),
    )


KIND = TargetKind(label=_label, sentence=_sentence, reference=_reference)
