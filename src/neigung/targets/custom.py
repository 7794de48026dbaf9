"""Custom: the user's own outcome, from the table `labels`."""

from __future__ import annotations

from collections.abc import Mapping

import ibis.expr.types as ir

from neigung.errors import StudyError
from neigung.language import Message
from neigung.profiles.timeline import KEYS
from neigung.study import CustomTarget, Study
from neigung.targets.kind import TargetKind


def custom(labels: ir.Table, spine: ir.Table) -> ir.Table:
    """`label` is the `value` the user gave for a customer at a cutoff.

    Customers of the spine without a row at that cutoff are left out: nobody knows their outcome.
    Returns `customer_id`, `cutoff`, `label` (float64).
    """
    given = labels.select(*KEYS, label=labels.value.cast("float64"))
    return spine.select(*KEYS).inner_join(given, KEYS).select(*KEYS, "label")


def _sentence(target: CustomTarget) -> Message:
    return Message(
        "The outcome given in the table labels comes true (horizon {days} days).",
        days=target.horizon_days,
    )


def _check(study: Study, tables: Mapping[str, ir.Table]) -> None:
    if "labels" not in tables:
        raise StudyError(
            f"Study {study.name}: target custom needs the table labels "
            f"(customer_id, cutoff, value); found {', '.join(sorted(tables))}. Add it."
        )


KIND = TargetKind(
    label=lambda future, target: custom(future.tables["labels"], future.spine),
    sentence=_sentence,
    check=_check,
)
