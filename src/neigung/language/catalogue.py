"""Which languages there are, and what each makes of an English sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from neigung.errors import InputError

Language = str
"""The name of a language: `en`, or that of a file in `locale/`, as `de` or `pt_BR`."""

ENGLISH: Language = "en"

STORED: tuple[Language, ...] = ("en", "de")
"""The languages of `text_en` and `text_de`: in columns of scores, in the decision log and in what
trainings leave behind. Their number is part of these formats and does not grow with the files."""

LOCALE = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Catalogue:
    """The sentences of one language.

    `sentences` are by context (mostly empty) and English text, with all their plural forms; which
    of these a number takes, `form` says.
    """

    sentences: Mapping[tuple[str, str], tuple[str, ...]]
    form: Callable[[int], int]


def languages() -> tuple[Language, ...]:
    """English, and every language that there is a file of, by name.

    >>> languages()
    ('en', 'de')
    """
    return _languages(LOCALE)


def stored_in(language: Language) -> Language:
    """The language of `STORED` in which readers of another one get what is stored.

    >>> stored_in("de"), stored_in("fr")
    ('de', 'en')
    """
    return language if language in STORED else ENGLISH


def checked(language: str) -> Language:
    """The language, if there is one of this name; raises InputError otherwise.

    >>> checked("de")
    'de'
    """
    there = languages()
    if language not in there:
        raise InputError(
            f"A language is needed, {' or '.join(there)}, found '{language}'. Name one of them."
        )
    return language


def sentence(
    text: str, language: Language, *, many: str = "", n: int = 1, context: str = ""
) -> str:
    """What a language makes of an English sentence; the English one where it says nothing.

    With `many`, the plural of `text`, the form that belongs to `n`.

    >>> sentence("raises the prediction", "de"), sentence("said nowhere", "de")
    ('erhöht die Vorhersage', 'said nowhere')
    """
    if language != ENGLISH:
        catalogue = _read(LOCALE, language)
        forms = catalogue.sentences.get((context, text))
        if forms:
            return forms[catalogue.form(n)] if many else forms[0]
    return many if many and n != 1 else text


@cache
def _languages(folder: Path) -> tuple[Language, ...]:
    return (ENGLISH, *sorted(file.stem for file in folder.glob("*.po")))


@cache
def _read(folder: Path, language: str) -> Catalogue:
    """A file's finished sentences: those that translators marked as doubtful do not count."""
    import gettext

    from babel.messages.pofile import read_po

    with (folder / f"{checked(language)}.po").open("rb") as content:
        found = read_po(content)
    sentences = {}
    for one in found:
        text = one.id[0] if isinstance(one.id, tuple | list) else one.id
        forms = (one.string,) if isinstance(one.string, str) else tuple(one.string or ())
        if text and forms and all(forms) and not one.fuzzy:
            sentences[one.context or "", text] = forms
    return Catalogue(sentences, gettext.c2py(found.plural_expr))
