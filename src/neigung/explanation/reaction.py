"""What a reason says of an offer: `Stronger reaction to 10% expected – last order 41 days ago`.

A dash and not "because": the model goes by what stands behind it, which need not be the cause.
"""

from __future__ import annotations

import re

from neigung.features.feature import Language
from neigung.language.units import arm_text

_HEADS: dict[Language, tuple[str, str]] = {
    "en": ("Stronger reaction to {} expected", "Weaker reaction to {} expected"),
    "de": ("Stärkere Reaktion auf {} erwartet", "Schwächere Reaktion auf {} erwartet"),
}

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


def reaction_text(sentence: str, arm: str, more: bool, language: Language = "en") -> str:
    """A sentence about a customer as a reason to react more, or less, to an arm.

    >>> reaction_text("Last order 41 days ago", "10%", True)
    'Stronger reaction to 10% expected – last order 41 days ago'
    >>> reaction_text("Letzte Bestellung vor 41 Tagen", "10%", False, "de")
    'Schwächere Reaktion auf 10 % erwartet – letzte Bestellung vor 41 Tagen'
    >>> reaction_text("Anzahl der Besuche: 3", "push", True, "de")
    'Stärkere Reaktion auf push erwartet – Anzahl der Besuche: 3'
    """
    return f"{reaction_head(arm, more, language)} – {within_sentence(sentence, language)}"


def reaction_head(arm: str, more: bool, language: Language = "en") -> str:
    """What the reasons to react more, or less, to an arm say together.

    >>> reaction_head("push", False), reaction_head("10%", True, "de")
    ('Weaker reaction to push expected', 'Stärkere Reaktion auf 10 % erwartet')
    """
    return _HEADS[language][0 if more else 1].format(arm_text(arm, language))


def within_sentence(sentence: str, language: Language = "en") -> str:
    """A sentence about a customer as it stands after a colon: small, but for nouns.

    >>> within_sentence("In den letzten 30 Tagen 3", "de"), within_sentence("VIP since 2020")
    ('in den letzten 30 Tagen 3', 'VIP since 2020')
    """
    if language == "de":
        small = _SMALL.match(sentence) is not None
    else:
        small = sentence[:2].istitle() or sentence[1:2] == " "
    return sentence[:1].lower() + sentence[1:] if small else sentence
