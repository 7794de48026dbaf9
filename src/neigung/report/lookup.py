"""Sampled customers that a reviewer looks up in the page itself, under pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neigung.features.feature import Language
from neigung.language.numbers import count_text


@dataclass(frozen=True, eq=False)
class Person:
    """One customer of the sample.

    `says` is told of the prediction, `bar` from where to where it is drawn (0..1), `reasons` are
    pairs of a head (or "") and reasons as (size, direction, word, sentence).
    """

    says: str
    bar: tuple[float, float]
    reasons: Sequence[tuple[str, Sequence[tuple[str, str, str, str]]]]


def sampled(rows: int, count: int) -> list[int]:
    """Places evenly from the first of the rows to the last, all of them where they are few.

    >>> sampled(100, 5), sampled(3, 40), sampled(0, 40), sampled(9, 1)
    ([0, 25, 50, 74, 99], [0, 1, 2], [], [4])
    """
    if rows <= count:
        return list(range(rows))
    if count == 1:
        return [rows // 2]
    return [int(place) for place in np.linspace(0, rows - 1, count).round()]


def lookup(
    people: Sequence[Person], t: Mapping[str, Any], nothing: str, language: Language
) -> dict[str, Any]:
    """The sample for the template; `nothing` is told of a customer without reasons.

    Pseudonyms are numbers in the order of the sample, so they say nothing about customer ids, and
    are the same in every language.
    """
    digits = max(2, len(str(len(people))))
    return {
        "say": str(t["lookup_say"]).format(count=count_text(len(people), language)),
        "people": [
            {
                "pseudonym": f"P{i:0{digits}d}",
                "says": person.says,
                "bar": _bar(*person.bar),
                "reasons": person.reasons,
                "nothing": nothing,
            }
            for i, person in enumerate(people, start=1)
        ],
    }


def _bar(start: float, end: float) -> dict[str, float]:
    """Where a bar of the width 100 begins, and how wide it is."""
    low, high = (min(1.0, max(0.0, value)) for value in sorted((start, end)))
    return {"start": round(100 * low, 1), "width": round(max(100 * (high - low), 0.8), 1)}
