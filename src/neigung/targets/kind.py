"""What makes a target: its label, its sentence, and what it needs of the store and the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from neigung.language import Message
from neigung.profiles.timeline import Future, Past
from neigung.study import Study


def _spine(past: Past, target: Any) -> ir.Table:
    return past.spine


def _nothing(study: Study, tables: Mapping[str, ir.Table]) -> None:
    pass


@dataclass(frozen=True)
class TargetKind:
    """One kind of target; each has a file in this room and an entry in `target.KINDS`.

    Parameters
    ----------
    label : `customer_id`, `cutoff` and `label` for the rows of a future's spine.
    sentence : the target in words, for reviewers.
    reference : the spine with what the label compares the future with.
    check : raises StudyError when the store lacks a table or column that the target reads.
    """

    label: Callable[[Future, Any], ir.Table]
    sentence: Callable[[Any], Message]
    reference: Callable[[Past, Any], ir.Table] = _spine
    check: Callable[[Study, Mapping[str, ir.Table]], None] = _nothing
