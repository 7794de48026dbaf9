"""A traffic light that also says its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from neigung.language import ENGLISH, Language, Message

Status = Literal["good", "care", "bad", "unknown"]

WORDS: dict[str, Message] = {
    "good": Message("good"),
    "care": Message("with care"),
    "bad": Message("bad"),
    "unknown": Message("not known"),
}


@dataclass(frozen=True)
class Light:
    """What was examined (`key`, title), how it stands, and one sentence with its number.

    >>> light = Light("leak", "good", Message("Leaks"), Message("Nothing found."))
    >>> light.title("de"), light.word("de"), light.text()
    ('Datenlecks', 'gut', 'Nothing found.')
    """

    key: str
    status: Status
    examined: Message
    found: Message

    def title(self, language: Language = ENGLISH) -> str:
        """What was examined."""
        return self.examined.to(language)

    def text(self, language: Language = ENGLISH) -> str:
        """What was found, in one sentence."""
        return self.found.to(language)

    def to_dict(self) -> dict[str, str]:
        """Everything as JSON-ready values. `from_dict` reads it back."""
        title, text = self.examined.stored(), self.found.stored()
        texts = {"title_en": title[0], "title_de": title[1], "text_en": text[0], "text_de": text[1]}
        return {"key": self.key, "status": self.status, **texts}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        title, text = (
            Message.read((data[f"{name}_en"], data[f"{name}_de"])) for name in ("title", "text")
        )
        return cls(data["key"], data["status"], title, text)

    def word(self, language: Language = ENGLISH) -> str:
        """The colour as a word, for those who cannot see it."""
        return WORDS[self.status].to(language)
