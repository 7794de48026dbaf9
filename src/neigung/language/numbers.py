"""Numbers, shares, days and lists as a language writes them.

Python writes a number, Babel knows the language's signs for it: so thousands of numbers a second
are written, which Babel alone could not.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from neigung.language.catalogue import ENGLISH, Language

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class _Signs:
    """How a language writes numbers: `signs` is for `str.translate`."""

    signs: dict[int, str]
    before_percent: str
    percent: str


def localised(text: str, language: Language = ENGLISH) -> str:
    """A number that Python wrote, with the language's decimal sign, separators and percent.

    >>> localised("1,234.50", "de"), localised("12.5%", "de"), localised("-0.25")
    ('1.234,50', '12,5 %', '-0.25')
    """
    if language == ENGLISH:
        return text
    signs = _signs(language)
    if text.endswith("%"):
        text = text[:-1].translate(signs.signs)
        return f"{signs.before_percent}{text}{signs.percent}"
    return text.translate(signs.signs)


def with_percents(text: str, language: Language = ENGLISH) -> str:
    """A text with its percentages as the language sets them.

    >>> with_percents("5% or 10%", "de")
    '5 % or 10 %'
    """
    return re.sub(r"\d+%", lambda found: localised(found[0], language), text)


def number_text(value: float, decimals: int, language: Language = ENGLISH) -> str:
    """A number with thousands separators; zero has no sign.

    >>> number_text(1234.5, 2), number_text(1234.5, 2, "de"), number_text(-0.001, 2)
    ('1,234.50', '1.234,50', '0.00')
    """
    text = f"{value:,.{decimals}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return localised(text, language)


def count_text(number: Any, language: Language = ENGLISH) -> str:
    """A whole number.

    >>> count_text(2468, "de")
    '2.468'
    """
    return number_text(float(number), 0, language)


def share_text(value: float, language: Language = ENGLISH, decimals: int = 0) -> str:
    """A share in percent.

    >>> share_text(0.123), share_text(0.0123, "de", 1)
    ('12%', '1,2 %')
    """
    return localised(f"{100 * value:.{decimals}f}%", language)


def signed_text(
    value: float, decimals: int, language: Language = ENGLISH, sign: str = "", group: str = ""
) -> str:
    """A number with a real minus; `sign` is `+` where a positive one is written too.

    `group` is `,` for thousands separators.

    >>> signed_text(-0.25, 3, "de"), signed_text(1234.5, 1, sign="+", group=",")
    ('−0,250', '+1,234.5')
    """
    return localised(f"{value:{sign}{group}.{decimals}f}".replace("-", MINUS), language)


def date_text(stamp: Any, language: Language = ENGLISH) -> str:
    """The day of a date, a time, or a text that begins with one; English has it as ISO 8601 does.

    >>> date_text("2017-12-25T00:00:00"), date_text(dt.datetime(2017, 12, 25), "de")
    ('2017-12-25', '25.12.2017')
    """
    day = dt.date.fromisoformat(str(stamp)[:10])
    if language == ENGLISH:
        return day.isoformat()
    from babel.dates import format_date

    return format_date(day, "medium", _known(language))


def list_text(names: Sequence[str], language: Language = ENGLISH) -> str:
    """Several names as a sentence lists them.

    >>> list_text(["web", "app", "store"]), list_text(["web", "app", "store"], "de")
    ('web, app and store', 'web, app und store')
    """
    if len(names) < 2:
        return "".join(names)
    from babel.lists import format_list

    # As the British do, without a comma before the last one.
    return format_list(names, locale="en_GB" if language == ENGLISH else _known(language))


def language_name(language: Language) -> str:
    """What a language calls itself.

    >>> language_name("en"), language_name("de")
    ('English', 'Deutsch')
    """
    from babel import Locale

    return Locale.parse(_known(language)).get_display_name() or language


@cache
def _known(language: Language) -> str:
    """The language, or English where Babel knows nothing of it."""
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(language)
    except (ValueError, UnknownLocaleError):
        return ENGLISH
    return language


@cache
def _signs(language: Language) -> _Signs:
    from babel import Locale

    locale = Locale.parse(_known(language))
    signs = locale.number_symbols[locale.default_numbering_system]
    before, _, after = locale.percent_formats[None].pattern.partition("#,##0")
    # A page makes the space before the sign one that does not break; elsewhere it is plain.
    before, after = ("".join(" " if c.isspace() else c for c in text) for text in (before, after))
    return _Signs(str.maketrans({",": signs["group"], ".": signs["decimal"]}), before, after)
