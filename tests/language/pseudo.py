"""A language that no sentence of the code can be mistaken for: what is not in it was not said.

Every letter of a sentence is as wide as an ideograph, but not those of the values it names: what
is left in plain letters is a name or a number, or English that passed the catalogue by.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from babel.messages.pofile import read_po, write_po

from neigung.language import catalogue

PSEUDO = "eo"
"""Babel knows it, so that numbers have signs; no person reads it here."""

_WIDE = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1) if chr(code).isalpha()}
_PARTS = re.compile(r"(\{[^}]*\})")
_WORD = re.compile(r"[A-Za-z]{2,}")


def write_pseudo(folder: Path) -> None:
    """All languages there are, and the pseudo-language with every sentence of the German one."""
    for file in catalogue.LOCALE.glob("*.po"):
        shutil.copy(file, folder)
    with (catalogue.LOCALE / "de.po").open("rb") as content:
        found = read_po(content, locale=PSEUDO)
    for one in found:
        if one.id:
            one.string = tuple(map(_wide, one.id)) if isinstance(one.id, tuple) else _wide(one.id)
    with (folder / f"{PSEUDO}.po").open("wb") as file:
        write_po(file, found)


def plain_words(text: str, *names: str) -> list[str]:
    """The words in plain letters that are none of the names."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    return _WORD.findall(text)


def wide(text: str) -> str:
    """The text as the pseudo-language has it."""
    return _wide(text)


def _wide(text: str) -> str:
    parts: Iterable[str] = _PARTS.split(text)
    return "".join(part if part.startswith("{") else part.translate(_WIDE) for part in parts)
