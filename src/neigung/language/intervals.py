"""Numbers with their intervals, outcomes of offers and the names of policies, for readers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from neigung.language.catalogue import Language
from neigung.language.message import Message
from neigung.language.numbers import count_text, signed_text

_NAMES = {
    "model": Message("model"),
    "likely_buyers": Message("likely buyers first"),
    "random": Message("drawn by lot"),
    "no_offer": Message("no offer"),
    "as_given": Message("as it was done"),
}
_INTERVAL = Message("{value} ({low} to {high})")

SAME = "same_"
"""Before an arm: the policy that gives it to everybody."""


def policy_text(name: str, language: Language = "en") -> str:
    """The name of the model or a simple policy for readers.

    >>> policy_text("same_10%"), policy_text("no_offer", "de")
    ('10% for everybody', 'kein Angebot')
    """
    if name.startswith(SAME):
        return Message("{arm} for everybody").to(language, arm=name[len(SAME) :])
    return _NAMES[name].to(language) if name in _NAMES else name


def amount_text(
    value: float, outcome: str, language: Language = "en", sign: str = "", decimals: int = 2
) -> str:
    """An outcome or a difference of outcomes with its unit.

    Of `purchase` in percentage points, as `0.015` is easily misread; money as it is: a store does
    not say its currency. A dash where nothing is known.

    >>> amount_text(0.0152, "purchase", sign="+"), amount_text(-1.5, "margin", "de")
    ('+1.52 points', '−1,50')
    """
    return _unit(_number(value, outcome, language, sign, decimals), outcome, language)


def interval_text(
    numbers: tuple[float, float, float], outcome: str, language: Language = "en", sign: str = ""
) -> str:
    """A value with its interval, as exact as the interval allows.

    >>> interval_text((0.0152, 0.0101, 0.0203), "purchase", sign="+")
    '+1.52 points (+1.01 to +2.03)'
    >>> interval_text((0.0152, float("nan"), float("nan")), "value", "de")
    '0,015'
    """
    value, low, high = numbers
    if math.isnan(value):
        return "–"
    decimals = exactness((high - low) / 2 if high > low else abs(value), outcome)
    text = amount_text(value, outcome, language, sign, decimals)
    if math.isnan(low) or math.isnan(high):
        return text
    ends = [_number(end, outcome, language, sign, decimals) for end in (low, high)]
    return _INTERVAL.to(language, value=text, low=ends[0], high=ends[1])


def format_number(
    value: float, language: Language = "en", sign: str = "", decimals: int = 3
) -> str:
    """A metric with its decimals and a real minus; `sign` as in format strings.

    >>> format_number(-0.25, "de")
    '−0,250'
    """
    return signed_text(value, decimals, language, sign)


def format_interval(numbers: Iterable[float], language: Language = "en", sign: str = "") -> str:
    """A value with its interval, from (value, low, high); a dash where there is none.

    >>> format_interval((0.8, 0.75, 0.85)), format_interval((float("nan"), 0, 0))
    ('0.800 (0.750 to 0.850)', '–')
    """
    value, low, high = numbers
    if math.isnan(value):
        return "–"
    text = format_number(value, language, sign)
    if math.isnan(low) or math.isnan(high):
        return text
    ends = [format_number(end, language, sign) for end in (low, high)]
    return _INTERVAL.to(language, value=text, low=ends[0], high=ends[1])


def exactness(width: float, outcome: str) -> int:
    """How many decimals make sense for a value that is known to within `width`: 1 to 4.

    >>> exactness(0.0051, "purchase"), exactness(0.12, "margin"), exactness(40, "margin")
    (2, 2, 1)
    """
    width *= 100 if outcome == "purchase" else 1
    return min(4, max(1, 1 - math.floor(math.log10(width)))) if width > 0 else 2


def rounded_up_text(value: float, language: Language = "en") -> str:
    """A number of rows, rounded up to two leading digits when it is estimated (large).

    >>> rounded_up_text(123456), rounded_up_text(123456, "de"), rounded_up_text(812)
    ('130,000', '130.000', '820')
    """
    if not math.isfinite(value):
        return "–"
    step = 10 ** max(0, math.floor(math.log10(max(value, 1))) - 1)
    return count_text(math.ceil(value / step) * step, language)


def _number(value: float, outcome: str, language: Language, sign: str, decimals: int) -> str:
    if math.isnan(value):
        return "–"
    scaled = round(value * (100 if outcome == "purchase" else 1), decimals) + 0.0
    return signed_text(scaled, decimals, language, sign, group=",")


def _unit(text: str, outcome: str, language: Language) -> str:
    if outcome != "purchase" or text == "–":
        return text
    return Message("{number} points").to(language, number=text)
