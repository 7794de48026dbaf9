"""Discount rates: one reading of what an arm's name states, and one tolerance."""

from __future__ import annotations

import re

TOLERANCE = 1e-6
"""Rates that differ by less are one: stored with 32 bits, 0.1 comes back as 0.10000000149."""


def percentage(arm: str) -> float | None:
    """The discount rate that an arm's name states, or None.

    >>> percentage("10%"), percentage("12,5 %"), percentage("-5%"), percentage("push")
    (0.1, 0.125, 0.05, None)
    """
    found = re.fullmatch(r"\s*[-−–]?\s*(\d+(?:[.,]\d+)?)\s*%\s*", arm)
    return float(found[1].replace(",", ".")) / 100 if found else None


def same_rate(one: float, other: float) -> bool:
    """Whether two rates are the same but for how they are stored.

    >>> same_rate(0.1, 0.10000000149), same_rate(0.1, 0.101)
    (True, False)
    """
    return abs(one - other) <= TOLERANCE


def plain_rate(rate: float) -> float:
    """The decimal that a stored rate stands for.

    >>> plain_rate(0.10000000149011612), plain_rate(1 / 3)
    (0.1, 0.3333333333333333)
    """
    decimal = round(rate, 6)
    # Only what differs by the error of 32 bits was meant to be the decimal.
    return decimal if abs(decimal - rate) < 1e-7 * max(rate, 0.01) else rate
