"""What words around a value, or before a sentence, do to it: the grammar that no catalogue holds.

A language without rules of its own here is treated as English is.
"""

from __future__ import annotations

import re

from neigung.language.catalogue import ENGLISH, Language
from neigung.language.values import Case

PLACEHOLDER = re.compile(
    r"(?:\b(every|alle)\s+)?\{(\w+)\}(\s+times\b|-mal\b)?", re.IGNORECASE
)  # fmt: skip
"""A value in the sentence of a feature, and the words around it that bend it."""

_DATIVE = re.compile(r"\b(?:an|aus|bei|in|mit|nach|seit|von|vor|zu)\s+$", re.IGNORECASE)
_QUOTE = re.compile("[\"'“„‚‘»«]$")

# German nouns keep their capital within a sentence, so the words that lose it must be known.
_SMALL = re.compile(
    r"(ab|alle|als|am|an|auf|aus|bei|bis|bisher|bestellt|das|dem|den|der|die|durch|ein|eine|einem"
    r"|früher|für|gar|gestern|heute|im|in|innerhalb|insgesamt|jeden|jeder|kein|keine|keinen|keiner"
    r"|keines|lange|meist"
    r"|meistens|mehr|mehrmals|mit|nach|nicht|nichts|nie|noch|nur|oft|ohne|regelmäßig|schon|sehr|seit"
    r"|selten|sonst|über|um|unbekannt|unter|viel|viele|von|vor|war|weniger|wenig|wenige|wie|zu"
    r"|zuerst|zuletzt|zur|zum|zwischen"
    r"|(abgemeldet|aktuell|angeboten|angegeben|begonnen|bezahlt|eingelöst|erhalten|erst|gegeben|genutzt|gesammelt|geöffnet|größt|häufigst"
    r"|höchst|jüngst|kleinst|kürzest|längst|letzt|mittler|neu|neuest|niedrigst|offen|tiefst|typisch"
    r"|üblich|ungeöffnet|unterschiedlich|verschieden|zurückgesandt)(e|en|er|es)?)\b",
    re.IGNORECASE,
)


def case_of(match: re.Match[str], before: str, after: str, language: Language) -> Case:
    """How the value of a placeholder stands between the words around it.

    >>> match = PLACEHOLDER.search("Bestellt vor {value}")
    >>> case_of(match, "Bestellt vor ", "", "de"), case_of(match, "Bestellt vor ", "", "en")
    ('ago', 'plain')
    """
    if match[1]:
        return "every_capital" if match[1][0].isupper() else "every"
    if match[3]:
        return "times_as" if after.startswith((" as ", " so ")) else "times"
    if _QUOTE.search(before):
        return "quoted"
    if after.startswith(" ago") if language != "de" else before.lower().endswith("vor "):
        return "ago"
    return "dative" if language == "de" and _DATIVE.search(before) else "plain"


def within_sentence(sentence: str, language: Language = ENGLISH) -> str:
    """A sentence about a customer as it stands after a colon: small, but for nouns.

    >>> within_sentence("In den letzten 30 Tagen 3", "de"), within_sentence("VIP since 2020")
    ('in den letzten 30 Tagen 3', 'VIP since 2020')
    """
    if language == "de":
        small = _SMALL.match(sentence) is not None
    else:
        small = sentence[:2].istitle() or sentence[1:2] == " "
    return sentence[:1].lower() + sentence[1:] if small else sentence
