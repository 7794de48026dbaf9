"""What a reason says of an offer: `Stronger reaction to 10% expected – last order 41 days ago`.

A dash and not "because": the model goes by what stands behind it, which need not be the cause.
"""

from __future__ import annotations

from neigung.features.feature import Language
from neigung.language import Message
from neigung.language.grammar import within_sentence
from neigung.language.units import arm_text

_MORE = Message("Stronger reaction to {arm} expected")
_LESS = Message("Weaker reaction to {arm} expected")


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
    return (_MORE if more else _LESS).to(language, arm=arm_text(arm, language))
