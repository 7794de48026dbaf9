"""A traffic light that also says its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["good", "care", "bad", "unknown"]

WORDS = {
    "good": ("good", "gut"),
    "care": ("with care", "mit Vorsicht"),
    "bad": ("bad", "schlecht"),
    "unknown": ("not known", "nicht bekannt"),
}


@dataclass(frozen=True)
class Light:
    """What was examined (`key`, title), how it stands, and one sentence with its number.

    >>> light = Light("leak", "good", "Leaks", "Datenlecks", "Nothing found.", "Nichts gefunden.")
    >>> light.title("de"), light.word("de"), light.text()
    ('Datenlecks', 'gut', 'Nothing found.')
    """

    key: str
    status: Status
    title_en: str
    title_de: str
    text_en: str
    text_de: str

    def title(self, language: str = "en") -> str:
        """What was examined, in `en` or `de`."""
        return self.title_de if language == "de" else self.title_en

    def text(self, language: str = "en") -> str:
        """What was found, in one sentence."""
        return self.text_de if language == "de" else self.text_en

    def word(self, language: str = "en") -> str:
        """The colour as a word, for those who cannot see it."""
        return WORDS[self.status][language == "de"]
