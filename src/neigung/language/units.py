"""In which units contributions count, and how their amounts are written."""

from __future__ import annotations

import math
import re
from typing import Literal

from neigung.language import Language
from neigung.language.values import number_text

Unit = Literal["log_odds", "points", "money"]
"""`log_odds` of a propensity; of an uplift `points` (percentage points of the probability of an
order, kept as probabilities: 0.014 are 1.4 points) or `money` in the shop's currency."""

_NAMES: dict[Unit, tuple[str, str]] = {
    "log_odds": ("log-odds", "Log-Odds"),
    "points": ("percentage points", "Prozentpunkte"),
    "money": ("in the shop's currency", "in der Währung des Shops"),
}
_PERCENT = re.compile(r"(\d+)(?:[.,](\d+))?\s*%")


def unit_name(unit: Unit, language: Language = "en") -> str:
    """The unit as axes and tables name it.

    >>> unit_name("points"), unit_name("log_odds", "de")
    ('percentage points', 'Log-Odds')
    """
    return _NAMES[unit][language == "de"]


def factor(unit: Unit) -> float:
    """What a number is multiplied with before it is shown in its unit.

    >>> factor("points"), factor("money")
    (100.0, 1.0)
    """
    return 100.0 if unit == "points" else 1.0


def decimals(unit: Unit, largest: float, least: int = 2) -> int:
    """How many decimals tell amounts apart of which `largest` is the largest, at least `least`.

    >>> decimals("log_odds", 0.7), decimals("points", 0.0004), decimals("money", 12.0)
    (2, 3, 2)
    """
    size = abs(largest) * factor(unit)
    if unit == "log_odds" or not 0 < size < math.inf:
        return least
    return min(4, max(least, 1 - math.floor(math.log10(size))))


def amount(value: float, unit: Unit, places: int, language: Language = "en") -> str:
    """A signed amount in its unit's size, without the unit's name.

    >>> amount(0.0142, "points", 1), amount(-0.5, "money", 2, "de"), amount(0.0, "points", 1)
    ('+1.4', '−0,50', '0.0')
    """
    text = number_text(value * factor(unit), places, language)
    if not text.strip("-0.,"):
        return text.lstrip("-")
    return text.replace("-", "−") if text.startswith("-") else f"+{text}"


def effect_text(value: float, unit: Unit, language: Language = "en") -> str:
    """What an arm changes, with its unit; a dash where nothing is known.

    >>> effect_text(0.0142, "points"), effect_text(-0.003, "points", "de")
    ('+1.4 percentage points', '−0,3 Prozentpunkte')
    >>> effect_text(0.42, "money"), effect_text(float("nan"), "money")
    ('+0.42', '–')
    """
    if not math.isfinite(value):
        return "–"
    if unit == "money":
        return amount(value, unit, 2, language)
    size = abs(value) * factor(unit)
    text = amount(value, unit, 2 if size < 0.1 else 1, language)
    return f"{text} {unit_name(unit, language)}"


def arm_text(arm: str, language: Language = "en") -> str:
    """An arm's name; a percentage as the language writes it.

    >>> arm_text("10%", "de"), arm_text("7.5 %", "de"), arm_text("2,5%"), arm_text("push", "de")
    ('10 %', '7,5 %', '2.5%', 'push')
    """
    found = _PERCENT.fullmatch(arm.strip())
    if not found:
        return arm
    point = "," if language == "de" else "."
    number = found[1] + (point + found[2] if found[2] else "")
    return f"{number} %" if language == "de" else f"{number}%"
