"""Feature values as readers write them: `41 days`, `vor 41 Tagen`, `35 %`, `1.234,50`."""

from __future__ import annotations

import math
from typing import Any, Literal

import pandas as pd

from neigung.features.feature import Column, Language

Case = Literal["plain", "dative", "ago", "every", "every_capital", "quoted"]
"""How a value stands in its sentence; `ago` is a German dative and an English time past."""

UNKNOWN = {"en": "unknown", "de": "unbekannt"}

# Singular and plural; in German also the plural of the dative.
_NOUNS: dict[Language, dict[str, tuple[str, ...]]] = {
    "en": {
        "days": ("day", "days"),
        "hours": ("hour", "hours"),
        "orders": ("order", "orders"),
        "products": ("product", "products"),
        "categories": ("category", "categories"),
        "visits": ("step in the shop", "steps in the shop"),
        "contacts": ("contact", "contacts"),
        "cases": ("service case", "service cases"),
        "points": ("point", "points"),
    },
    "de": {
        "days": ("Tag", "Tage", "Tagen"),
        "hours": ("Stunde", "Stunden", "Stunden"),
        "orders": ("Bestellung", "Bestellungen", "Bestellungen"),
        "products": ("Produkt", "Produkte", "Produkten"),
        "categories": ("Kategorie", "Kategorien", "Kategorien"),
        "visits": ("Schritt im Shop", "Schritte im Shop", "Schritten im Shop"),
        "contacts": ("Kontakt", "Kontakte", "Kontakten"),
        "cases": ("Servicefall", "Servicefälle", "Servicefällen"),
        "points": ("Punkt", "Punkte", "Punkten"),
    },
}
_QUOTES: dict[Language, str] = {"en": "“{}”", "de": "„{}“"}
_EVERY: dict[Language, tuple[str, str, str]] = {
    "en": ("every ", "every day", "several times a day"),
    "de": ("alle ", "jeden Tag", "mehrmals am Tag"),
}
_LESS_THAN_A_DAY: dict[Language, str] = {"en": "less than a day", "de": "weniger als einem Tag"}
_GERMAN = str.maketrans(",.", ".,")


def number_text(value: float, decimals: int, language: Language) -> str:
    """A number with thousands separators.

    >>> number_text(1234.5, 2, "en"), number_text(1234.5, 2, "de")
    ('1,234.50', '1.234,50')
    """
    text = f"{value:,.{decimals}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.translate(_GERMAN) if language == "de" else text


def count_text(number: Any, language: Language) -> str:
    """A whole number.

    >>> count_text(2468, "de")
    '2.468'
    """
    return number_text(float(number), 0, language)


def date_text(stamp: Any, language: Language) -> str:
    """A day.

    >>> date_text("2017-12-25T00:00:00", "en"), date_text("2017-12-25T00:00:00", "de")
    ('2017-12-25', '25.12.2017')
    """
    return f"{pd.Timestamp(stamp):{'%d.%m.%Y' if language == 'de' else '%Y-%m-%d'}}"


def unit_noun(unit: str, language: Language) -> str:
    """What a unit counts, in the plural; empty for units without a noun.

    >>> unit_noun("days", "de"), unit_noun("share", "en")
    ('Tage', '')
    """
    nouns = _NOUNS[language].get(unit)
    return nouns[1] if nouns else ""


def none_text(value: Any, unit: str, language: Language) -> str | None:
    """How a count of zero stands in a sentence, as `no orders`; None for all other values.

    >>> none_text(0.0, "orders", "de"), none_text(2.0, "orders", "de"), none_text(0.0, "days", "en")
    ('keine Bestellungen', None, None)
    """
    noun = unit_noun(unit, language)
    if value != 0 or not noun or unit in ("days", "hours"):
        return None
    return f"{'keine' if language == 'de' else 'no'} {noun}"


def has_noun(column: Column, language: Language) -> bool:
    """Whether a column's text already says what its unit counts, as `Number of orders` does."""
    text = column.text_de if language == "de" else column.text_en
    nouns = _NOUNS[language].get(column.unit, ("",))
    return any(noun.lower() in text.lower() for noun in nouns)


def is_missing(value: Any) -> bool:
    """None, NaN and infinities: nothing that can be told.

    >>> is_missing(float("nan")), is_missing("")
    (True, False)
    """
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def value_text(
    value: Any, unit: str, language: Language = "en", case: Case = "plain", noun: bool = True
) -> str:
    """A value with its unit, or `unknown`.

    `noun=False` leaves the unit's noun out, where the sentence has it already. Categories stand in
    quotation marks unless the sentence brings them (case `quoted`).

    >>> value_text(41, "days"), value_text(41, "days", "de", "dative"), value_text(1, "days", "de")
    ('41 days', '41 Tagen', '1 Tag')
    >>> value_text(12, "days", "de", "every"), value_text(1, "days", "de", "every")
    ('alle 12 Tage', 'jeden Tag')
    >>> value_text(0.35, "share"), value_text(1234.5, "currency", "de"), value_text(1.83, "ratio")
    ('35%', '1.234,50', '1.8')
    """
    if is_missing(value):
        return UNKNOWN[language]
    if unit == "category" or isinstance(value, str):
        return str(value) if case == "quoted" else _QUOTES[language].format(value)
    number = float(value)
    if unit == "days" and case in ("ago", "every", "every_capital") and 0 <= number < 0.95:
        text = _LESS_THAN_A_DAY[language] if case == "ago" else _EVERY[language][2]
        return text.capitalize() if case == "every_capital" else text
    if unit == "share":
        return _share(number, language)
    text = number_text(number, _decimals(number, unit), language)
    nouns = _NOUNS[language].get(unit)
    if nouns and noun:
        plural = nouns[-1] if case in ("dative", "ago") else nouns[1]
        text = f"{text} {nouns[0] if text in ('1', '-1') else plural}"
    if case in ("every", "every_capital"):
        before, each, _ = _EVERY[language]
        text = each if unit == "days" and text.startswith("1 ") else before + text
        text = text[0].upper() + text[1:] if case == "every_capital" else text
    return text


def _decimals(number: float, unit: str) -> int:
    size = abs(number)
    if unit == "currency":
        return 2
    if unit == "ratio" and size < 9.95:
        return 2 if size < 1 else 1
    # Rounded first, so that 9.96 becomes 10 and not 10.0.
    return 0 if size >= 9.95 or round(size, 1).is_integer() else 1


def _share(number: float, language: Language) -> str:
    percent = 100 * number
    sign = " %" if language == "de" else "%"
    if 0 < percent < 0.05:
        least = number_text(0.1, 1, language)
        return f"{'unter' if language == 'de' else 'under'} {least}{sign}"
    rounded = round(percent, 1)
    decimals = 1 if abs(rounded) < 10 and not rounded.is_integer() else 0
    return number_text(percent, decimals, language) + sign
