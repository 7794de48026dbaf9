"""A sentence in English that can be told in every language."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from numbers import Real
from typing import Any, NamedTuple

from neigung.language import numbers
from neigung.language.catalogue import ENGLISH, STORED, Language, sentence

_SOME = 3
"""How many of several names are an example of all."""


class _Key(NamedTuple):
    """Where a catalogue has a sentence: its English text, its plural, what tells it from others."""

    text: str
    many: str = ""
    context: str = ""


class Message(str):
    """A sentence with named values: in English to all who do not ask, in any language by `to`.

    Where the values are given with the sentence, the text has them; where they are not, it is the
    sentence as it stands, to be told with them later. It is stored, compared and joined as plain
    English text; what is stored is read as that and told so.

    A value may be a message itself. Numbers are written by Python's format specification and then
    as the language writes them (`{n:,}`, `{share:.1%}`); `{day:date}` is a day, `{names:names}` are
    several with commas between them (`{names:names; }`: with that), `{names:some}` the first of
    them, and `{names:list}` has "and" before the last one.

    >>> note = Message("{n:,} of {all:,} offers left out: {reason}.", n=5, all=1234,
    ...     reason=Message("raises the prediction"))
    >>> str(note), note.to("de")
    ('5 of 1,234 offers left out: raises the prediction.', \
'5 of 1.234 offers left out: erhöht die Vorhersage.')
    >>> Message("since {day:date}").to("de", day="2017-12-25T00:00:00")
    'since 25.12.2017'
    """

    _key: _Key
    _values: Mapping[str, Any]

    def __new__(cls, text: str, /, **values: Any) -> Message:
        return cls._of(_Key(text), values)

    @classmethod
    def counted(cls, one: str, many: str, /, *, n: int, **values: Any) -> Message:
        """A sentence in the singular and the plural, chosen by `n`, which it may name.

        >>> str(Message.counted("1 feature", "{n} features", n=3))
        '3 features'
        """
        return cls._of(_Key(one, many), {"n": n, **values})

    @classmethod
    def within(cls, context: str, text: str, /, **values: Any) -> Message:
        """A sentence that means different things: `context`, which nobody reads, says which."""
        return cls._of(_Key(text, context=context), values)

    @classmethod
    def _of(cls, key: _Key, values: Mapping[str, Any]) -> Message:
        made = super().__new__(cls, _filled(key, values, ENGLISH))
        made._key, made._values = key, values
        return made

    @classmethod
    def composed(cls, text: Callable[[Language], str]) -> Message:
        """A text that is put together of other sentences, by a function of the language.

        >>> both = [Message("raises the prediction"), Message("unknown")]
        >>> Message.composed(lambda it: ", ".join(one.to(it) for one in both)).to("de")
        'erhöht die Vorhersage, unbekannt'
        """
        return cls._of(_Key("{text}"), {}).worded(lambda language: {"text": text(language)})

    def to(self, language: Language = ENGLISH, **values: Any) -> str:
        """The sentence in a language, with further values."""
        return _filled(self._key, {**self._values, **values}, language)

    def having(self, **values: Any) -> Message:
        """The message with further values."""
        return Message._of(self._key, {**self._values, **values})

    def worded(self, values: Callable[[Language], Mapping[str, Any]]) -> Message:
        """The message with further values that are texts of a language, as `values` gives them.

        >>> Message("about {size}").worded(lambda it: {"size": numbers.number_text(1.5, 1, it)}).to(
        ...     "de")
        'about 1,5'
        """
        return self.having(**{name: _Worded(values, name) for name in values(ENGLISH)})

    def stored(self) -> tuple[str, str]:
        """The sentence in the languages of `STORED`, as stored evaluations have it."""
        english, other = (self.to(language) for language in STORED)
        return english, other

    @staticmethod
    def read(stored: Sequence[str]) -> Message:
        """The inverse of `stored`, as far as it reaches: other languages get the English text.

        >>> again = Message.read(("so far", "bis jetzt"))
        >>> again.to("en"), again.to("de"), again.stored()
        ('so far', 'bis jetzt', ('so far', 'bis jetzt'))
        """
        return _Stored._of(_Key(stored[0]), dict(zip(STORED, stored, strict=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._of, (self._key, self._values)


class _Stored(Message):
    """A sentence of which only the texts were kept; its values are these, by language."""

    @classmethod
    def _of(cls, key: _Key, values: Mapping[str, Any]) -> Message:
        made = super()._of(key, {})
        made._values = values
        return made

    def to(self, language: Language = ENGLISH, **values: Any) -> str:
        return str(self._values.get(language, self._key.text))


class _Worded(NamedTuple):
    """A value that a function gives for each language."""

    values: Callable[[Language], Mapping[str, Any]]
    name: str


def told(text: str, language: Language) -> str:
    """A text that may be a message: in the language if it is one, else as it stands.

    >>> told(Message("raises the prediction"), "de"), told("a note of an older release", "de")
    ('erhöht die Vorhersage', 'a note of an older release')
    """
    return text.to(language) if isinstance(text, Message) else text


def translated(words: Any, language: Language) -> Any:
    """What a file of English words holds (YAML: mappings and lists of texts), in a language.

    `{context: …, say: …}` is a text that means different things, as `Message.within` has it.

    >>> translated({"raises": "raises the prediction"}, "de")
    {'raises': 'erhöht die Vorhersage'}
    """
    if isinstance(words, Mapping):
        if words.keys() == {"context", "say"}:
            return sentence(words["say"], language, context=words["context"])
        return {key: translated(one, language) for key, one in words.items()}
    if isinstance(words, str):
        return sentence(words, language)
    return [translated(one, language) for one in words]


def _filled(key: _Key, values: Mapping[str, Any], language: Language) -> str:
    pattern = sentence(key.text, language, many=key.many, n=values.get("n", 1), context=key.context)
    return _writer(language).vformat(pattern, (), values) if values else pattern


class _Writer(string.Formatter):
    """Fills in values as a language writes them."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, _Worded):
            value = value.values(self._language)[value.name]
        if format_spec == "date":
            return numbers.date_text(value, self._language)
        if format_spec.startswith("names"):
            return (format_spec.removeprefix("names") or ", ").join(self._names(value))
        if format_spec == "some":
            names = self._names(value)
            return ", ".join([*names[:_SOME], *("…" for _ in names[_SOME : _SOME + 1])])
        if format_spec == "list":
            return numbers.list_text(self._names(value), self._language)
        if isinstance(value, Message):
            return value.to(self._language)
        text = format(value, format_spec)
        numeric = format_spec and isinstance(value, Real)
        return numbers.localised(text, self._language) if numeric else text

    def _names(self, names: Iterable[str]) -> list[str]:
        return [told(name, self._language) for name in names]


@cache
def _writer(language: Language) -> _Writer:
    return _Writer(language)
