"""Parts of the customers that an evaluation looks at one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neigung.language import Message

ACTIVITY = "activity"
"""The segment by activity, whose levels have German names."""

_TEXTS = {
    ACTIVITY: Message("activity"),
    "new": Message("new"),
    "active": Message("active"),
    "dormant": Message("dormant"),
    "(missing)": Message("(missing)"),
    "(other)": Message("(other)"),
}


def activity_segment(
    days_since_last_order: Any,
    days_since_first_order: Any,
    new_within_days: float = 90,
    dormant_after_days: float = 90,
) -> pd.Categorical[Any]:
    """`new`, `active` or `dormant` for each customer, from days before the cutoff (n,).

    New: first order at most `new_within_days` ago. Dormant: not new, and last order more than
    `dormant_after_days` ago, or no order known. Active: everybody else.

    >>> list(activity_segment([5, 5, 200, float("nan")], [20, 400, 400, float("nan")]))
    ['new', 'active', 'dormant', 'dormant']
    """
    last, first = (
        np.asarray(v, dtype=float) for v in (days_since_last_order, days_since_first_order)
    )
    segment = np.where(last <= dormant_after_days, "active", "dormant")
    segment = np.where(first <= new_within_days, "new", segment)
    return pd.Categorical(segment, categories=["new", "active", "dormant"])


def segment_text(segment: str, level: str | None = None, language: str = "en") -> str:
    """The name of a segment, or of one of its levels, for readers.

    >>> segment_text("attribute_home_town"), segment_text("activity", "dormant", "de")
    ('home town', 'ruhend')
    """
    name = segment if level is None else level
    own = level is None or segment == ACTIVITY or name in ("(missing)", "(other)")
    if own and name in _TEXTS:
        return _TEXTS[name].to(language)
    if level is None and name.startswith("attribute_"):
        return name.removeprefix("attribute_").replace("_", " ")
    return name


def levels(column: pd.Series[Any], most: int) -> list[tuple[str, Any]]:
    """The `most` largest levels of a column, largest first, each with its rows (n,) as flags.

    The rest is "(other)", a missing value is "(missing)".

    >>> [(name, rows.tolist()) for name, rows in levels(pd.Series(["a", "b", "b", "c"]), 1)]
    [('b', [False, True, True, False]), ('(other)', [True, False, False, True])]
    """
    text = column.astype(object).where(column.notna(), "(missing)").map(str)
    counts = text.value_counts(sort=True)
    # Ties in size are broken by name, so that the order never depends on the rows'.
    names = sorted(counts.index, key=lambda level: (-counts[level], level))
    if len(names) > most:
        text = text.where(text.isin(names[:most]), "(other)")
        names = [*names[:most], "(other)"]
    return [(name, (text == name).to_numpy()) for name in names]
