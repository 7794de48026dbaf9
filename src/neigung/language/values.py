"""Feature values as readers write them: `41 days`, `vor 41 Tagen`, `35 %`, `1.234,50`."""

from __future__ import annotations

import math
from typing import Any, Literal

from neigung.language.catalogue import Language
from neigung.language.numbers import number_text
from neigung.language.units import percent_text

Case = Literal[
    "plain", "dative", "ago", "every", "every_capital", "quoted", "times", "times_as"
]  # fmt: skip
"""How a value stands in its sentence; `ago` is a German dative and an English time past, `times`
counts (`twice`), `times_as` compares (`1.5 times` as often as usual)."""

UNKNOWN = {"en": "unknown", "de": "unbekannt"}

# Singular and plural; in German also the plural of the dative.
_NOUNS: dict[Language, dict[str, tuple[str, ...]]] = {
    "en": {
        "days": ("day", "days"),
        "hours": ("hour", "hours"),
        "orders": ("order", "orders"),
        "products": ("product", "products"),
        "categories": ("category", "categories"),
        "visits": ("click in the shop", "clicks in the shop"),
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
        "visits": ("Klick im Shop", "Klicks im Shop", "Klicks im Shop"),
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
_TIMES: dict[Language, tuple[str, str]] = {"en": (" times", "just"), "de": ("-mal", "genau")}
_COUNTED: dict[Language, tuple[str, str, str]] = {
    "en": ("never", "once", "twice"),
    "de": ("nie", "einmal", "zweimal"),
}
_NONE: dict[Language, str] = {"en": "none", "de": "keine"}
_USUAL: dict[Language, tuple[str, str, str, str]] = {
    "en": ("typical", "most often", "typical", "the most common"),
    "de": ("typisch", "am häufigsten", "typisch", "am häufigsten"),
}
_MEASURES = ("currency", "days", "hours", "clock", "share", "ratio")


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


def has_noun(text: str, unit: str, language: Language) -> bool:
    """Whether a text already says what the unit counts.

    >>> has_noun("Number of orders", "orders", "en"), has_noun("Visits", "days", "en")
    (True, False)
    """
    nouns = _NOUNS[language].get(unit, ("",))
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
    >>> value_text(14.5, "clock"), value_text(2, "count", "de", "times")
    ('14:30', 'zweimal')
    """
    if is_missing(value):
        return UNKNOWN[language]
    if unit == "category" or isinstance(value, str):
        return str(value) if case == "quoted" else _QUOTES[language].format(value)
    number = float(value)
    if case in ("times", "times_as"):
        return _times(number, language, case)
    if unit == "clock":
        minutes = round(60 * number) % 1440
        return f"{minutes // 60}:{minutes % 60:02d}"
    if unit == "days" and case in ("ago", "every", "every_capital") and 0 <= number < 0.95:
        text = _LESS_THAN_A_DAY[language] if case == "ago" else _EVERY[language][2]
        return text.capitalize() if case == "every_capital" else text
    if unit == "share":
        return percent_text(number, language)
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


def _times(number: float, language: Language, case: Case) -> str:
    times, just = _TIMES[language]
    if case == "times" and number in (0, 1, 2):
        return _COUNTED[language][int(number)]
    if case == "times_as" and 0 <= number < 0.095:
        return "weniger als ein Zehntel" if language == "de" else "less than a tenth"
    text = number_text(number, _decimals(number, "ratio" if case == "times_as" else ""), language)
    return just if case == "times_as" and float(f"{number:.1f}") == 1 else text + times


def usual_text(
    value: Any,
    unit: str,
    language: Language = "en",
    *,
    counted: bool = False,
    none: bool = False,
) -> str:
    """What is usual, as it stands behind a customer's own value.

    A count stands without its noun, which the sentence has already. `counted`: the sentence says
    how many times; `none`: a sum or ratio of zero means that there was nothing.

    >>> usual_text(9, "days"), usual_text(0, "orders", "de"), usual_text("web", "category", "de")
    ('typical: 9 days', 'typisch: keine', 'am häufigsten: „web“')
    >>> usual_text(2.0, "orders"), usual_text(2, "contacts", counted=True)
    ('typical: 2', 'typical: twice')
    >>> usual_text(0.0, "currency"), usual_text(0.0, "currency", none=True)
    ('typical: 0.00', 'typical: none')
    """
    text = _usual_value(value, unit, language, counted, none)
    return f"{_USUAL[language][unit == 'category']}: {text}"


def as_usual_text(unit: str, language: Language = "en") -> str:
    """What stands behind a customer's own value that is the usual one.

    >>> as_usual_text("days"), as_usual_text("category", "de")
    ('typical', 'am häufigsten')
    """
    return _USUAL[language][2 + (unit == "category")]


def _usual_value(value: Any, unit: str, language: Language, counted: bool, none: bool) -> str:
    if unit == "category" or isinstance(value, str):
        return value_text(value, unit, language)
    if counted:
        return value_text(value, unit, language, "times")
    if unit == "days" and 0 < float(value) < 0.95:
        return "weniger als ein Tag" if language == "de" else "less than a day"
    if value == 0 and (unit not in _MEASURES or (none and unit in ("currency", "ratio"))):
        return _NONE[language]
    return value_text(value, unit, language, noun=unit in ("days", "hours"))


def _decimals(number: float, unit: str) -> int:
    size = abs(number)
    if unit == "currency":
        return 2
    if unit == "ratio" and size < 9.95:
        return 1 if size >= 1 or (100 * round(size, 2)) % 10 < 0.5 else 2
    # Rounded first, so that 9.96 becomes 10 and not 10.0.
    return 0 if size >= 9.95 or round(size, 1).is_integer() else 1
