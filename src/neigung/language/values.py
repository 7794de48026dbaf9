"""Feature values as readers write them: `41 days`, `vor 41 Tagen`, `35 %`, `1.234,50`."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Literal

from neigung.language.catalogue import Language
from neigung.language.message import Message
from neigung.language.numbers import number_text
from neigung.language.units import percent_text

Case = Literal[
    "plain", "dative", "ago", "every", "every_capital", "quoted", "times", "times_as"
]  # fmt: skip
"""How a value stands in its sentence; `ago` is a German dative and an English time past, `times`
counts (`twice`), `times_as` compares (`1.5 times` as often as usual)."""

UNKNOWN = Message("unknown")

# The singular, the plural, and the plural where the language has a dative: "ago" takes it.
_NOUNS: dict[str, tuple[Message, Message, Message]] = {
    "days": (
        Message.within("one", "day"),
        Message.within("several", "days"),
        Message.within("dative", "days"),
    ),
    "hours": (
        Message.within("one", "hour"),
        Message.within("several", "hours"),
        Message.within("dative", "hours"),
    ),
    "orders": (
        Message.within("one", "order"),
        Message.within("several", "orders"),
        Message.within("dative", "orders"),
    ),
    "products": (
        Message.within("one", "product"),
        Message.within("several", "products"),
        Message.within("dative", "products"),
    ),
    "categories": (
        Message.within("one", "category"),
        Message.within("several", "categories"),
        Message.within("dative", "categories"),
    ),
    "visits": (
        Message.within("one", "click in the shop"),
        Message.within("several", "clicks in the shop"),
        Message.within("dative", "clicks in the shop"),
    ),
    "contacts": (
        Message.within("one", "contact"),
        Message.within("several", "contacts"),
        Message.within("dative", "contacts"),
    ),
    "cases": (
        Message.within("one", "service case"),
        Message.within("several", "service cases"),
        Message.within("dative", "service cases"),
    ),
    "points": (
        Message.within("one", "point"),
        Message.within("several", "points"),
        Message.within("dative", "points"),
    ),
}
_QUOTED = Message("“{text}”")
_EVERY = Message("every {number}")
_EVERY_DAY = Message("every day")
_OFTEN_A_DAY = Message("several times a day")
_LESS_THAN_A_DAY = Message.within("ago", "less than a day")
_UNDER_A_DAY = Message.within("usual", "less than a day")
_UNDER_A_TENTH = Message("less than a tenth")
_TIMES = Message("{number} times")
_JUST = Message.within("as often", "just")
_COUNTED = (Message("never"), Message("once"), Message("twice"))
_NONE = Message("none")
_NO = Message("no {noun}")
_TYPICAL = Message("typical")
_MOST_OFTEN = Message("most often")
_COMMONEST = Message("the most common")
_USUAL = Message("{what}: {value}")
_MEASURES = ("currency", "days", "hours", "clock", "share", "ratio")


def unit_noun(unit: str, language: Language) -> str:
    """What a unit counts, in the plural; empty for units without a noun.

    >>> unit_noun("days", "de"), unit_noun("share", "en")
    ('Tage', '')
    """
    return _noun(unit, 1, language) if unit in _NOUNS else ""


@cache
def _noun(unit: str, form: int, language: Language) -> str:
    return _NOUNS[unit][form].to(language)


def none_text(value: Any, unit: str, language: Language) -> str | None:
    """How a count of zero stands in a sentence, as `no orders`; None for all other values.

    >>> none_text(0.0, "orders", "de"), none_text(2.0, "orders", "de"), none_text(0.0, "days", "en")
    ('keine Bestellungen', None, None)
    """
    noun = unit_noun(unit, language)
    if value != 0 or not noun or unit in ("days", "hours"):
        return None
    return _NO.to(language, noun=noun)


def has_noun(text: str, unit: str, language: Language) -> bool:
    """Whether a text already says what the unit counts.

    >>> has_noun("Number of orders", "orders", "en"), has_noun("Visits", "days", "en")
    (True, False)
    """
    nouns = (_noun(unit, form, language) for form in range(3)) if unit in _NOUNS else ("",)
    return any(noun.lower() in text.lower() for noun in nouns)


def quoted(text: str, language: Language) -> str:
    """A text between the quotation marks of a language.

    >>> quoted("web", "en"), quoted("web", "de")
    ('“web”', '„web“')
    """
    return _QUOTED.to(language, text=text)


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
        return UNKNOWN.to(language)
    if unit == "category" or isinstance(value, str):
        return str(value) if case == "quoted" else quoted(str(value), language)
    number = float(value)
    if case in ("times", "times_as"):
        return _times(number, language, case)
    if unit == "clock":
        minutes = round(60 * number) % 1440
        return f"{minutes // 60}:{minutes % 60:02d}"
    if unit == "days" and case in ("ago", "every", "every_capital") and 0 <= number < 0.95:
        text = (_LESS_THAN_A_DAY if case == "ago" else _OFTEN_A_DAY).to(language)
        return text.capitalize() if case == "every_capital" else text
    if unit == "share":
        return percent_text(number, language)
    text = number_text(number, _decimals(number, unit), language)
    one = text in ("1", "-1")
    if unit in _NOUNS and noun:
        form = 0 if one else 2 if case in ("dative", "ago") else 1
        text = f"{text} {_noun(unit, form, language)}"
    if case in ("every", "every_capital"):
        each = unit == "days" and text.startswith("1 ")
        text = _EVERY_DAY.to(language) if each else _EVERY.to(language, number=text)
        text = text[0].upper() + text[1:] if case == "every_capital" else text
    return text


def _times(number: float, language: Language, case: Case) -> str:
    if case == "times" and number in (0, 1, 2):
        return _COUNTED[int(number)].to(language)
    if case == "times_as" and 0 <= number < 0.095:
        return _UNDER_A_TENTH.to(language)
    text = number_text(number, _decimals(number, "ratio" if case == "times_as" else ""), language)
    if case == "times_as" and float(f"{number:.1f}") == 1:
        return _JUST.to(language)
    return _TIMES.to(language, number=text)


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
    what = _MOST_OFTEN if unit == "category" else _TYPICAL
    return _USUAL.to(language, what=what, value=text)


def as_usual_text(unit: str, language: Language = "en") -> str:
    """What stands behind a customer's own value that is the usual one.

    >>> as_usual_text("days"), as_usual_text("category", "de")
    ('typical', 'am häufigsten')
    """
    return (_COMMONEST if unit == "category" else _TYPICAL).to(language)


def _usual_value(value: Any, unit: str, language: Language, counted: bool, none: bool) -> str:
    if unit == "category" or isinstance(value, str):
        return value_text(value, unit, language)
    if counted:
        return value_text(value, unit, language, "times")
    if unit == "days" and 0 < float(value) < 0.95:
        return _UNDER_A_DAY.to(language)
    if value == 0 and (unit not in _MEASURES or (none and unit in ("currency", "ratio"))):
        return _NONE.to(language)
    return value_text(value, unit, language, noun=unit in ("days", "hours"))


def _decimals(number: float, unit: str) -> int:
    size = abs(number)
    if unit == "currency":
        return 2
    if unit == "ratio" and size < 9.95:
        return 1 if size >= 1 or (100 * round(size, 2)) % 10 < 0.5 else 2
    # Rounded first, so that 9.96 becomes 10 and not 10.0.
    return 0 if size >= 9.95 or round(size, 1).is_integer() else 1
