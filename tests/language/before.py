"""How numbers were written for German and English readers before Babel knew the signs.

Pages that people signed have numbers written like this; what writes them now must do the same.
"""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd

_GERMAN = str.maketrans(",.", ".,")
_PERCENT = re.compile(r"(\d+)(?:[.,](\d+))?\s*%")


def number(value: float, decimals: int, language: str) -> str:
    text = f"{value:,.{decimals}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.translate(_GERMAN) if language == "de" else text


def whole(value: int, language: str) -> str:
    return f"{value:,}".replace(",", ".") if language == "de" else f"{value:,}"


def two(value: float, language: str) -> str:
    text = f"{value:.2f}"
    return text.replace(".", ",") if language == "de" else text


def signed(value: float, decimals: int, language: str, sign: str) -> str:
    text = f"{value:{sign},.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return text.translate(_GERMAN) if language == "de" else text


def metric(value: float, language: str, sign: str) -> str:
    text = f"{value:{sign}.3f}".replace("-", "\N{MINUS SIGN}")
    return text.replace(".", ",") if language == "de" else text


def share(value: float, language: str, decimals: int) -> str:
    text = f"{100 * value:.{decimals}f}"
    return f"{text.replace('.', ',')} %" if language == "de" else f"{text}%"


def percent(value: float, language: str) -> str:
    if not math.isfinite(value):
        return "unbekannt" if language == "de" else "unknown"
    percent, sign = 100 * value, " %" if language == "de" else "%"
    if 0 < percent < 0.05:
        return f"{'unter' if language == 'de' else 'under'} {number(0.1, 1, language)}{sign}"
    rounded = round(percent, 1)
    decimals = 1 if abs(rounded) < 10 and not rounded.is_integer() else 0
    return number(percent, decimals, language) + sign


def money(value: float, language: str) -> str:
    if not math.isfinite(value):
        return "unbekannt" if language == "de" else "unknown"
    return number(value, 2, language)


def day(stamp: Any, language: str) -> str:
    return f"{pd.Timestamp(stamp):{'%d.%m.%Y' if language == 'de' else '%Y-%m-%d'}}"


def amount(value: float, unit: str, places: int, language: str) -> str:
    text = number(value * (100.0 if unit == "points" else 1.0), places, language)
    if not text.strip("-0.,"):
        return text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}") if text.startswith("-") else f"+{text}"


def effect(value: float, unit: str, language: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit == "money":
        return amount(value, unit, 2, language)
    size = abs(value) * (100.0 if unit == "points" else 1.0)
    name = {
        "log_odds": ("log-odds", "Log-Odds"), "points": ("percentage points", "Prozentpunkte")
    }[unit][language == "de"]  # fmt: skip
    return f"{amount(value, unit, 2 if size < 0.1 else 1, language)} {name}"


def arm(name: str, language: str) -> str:
    found = _PERCENT.fullmatch(name.strip())
    if not found:
        return name
    point = "," if language == "de" else "."
    digits = found[1] + (point + found[2] if found[2] else "")
    return f"{digits} %" if language == "de" else f"{digits}%"
