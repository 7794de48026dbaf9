"""What a feature is: a documented Ibis expression over the past of one table.

>>> from neigung.features.sources import ORDERS
>>> @feature(ORDERS, windows=(30, 365), empty=0, unit="orders")
... def web_order_count(orders, within):
...     '''Number of orders in the web shop.
...
...     de: Anzahl der Bestellungen im Webshop.
...     '''
...     return (orders.channel == "web").sum(where=within)
>>> [column.name for column in web_order_count.columns]
['web_order_count_30d', 'web_order_count_365d']
>>> web_order_count.columns[0].text("de")
'Anzahl der Bestellungen im Webshop in den letzten 30 Tagen'
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from neigung.errors import FeatureError
from neigung.language import ENGLISH, STORED, Message, languages
from neigung.language import Language as Language  # the rooms above take it from here
from neigung.profiles.timeline import Past

Kind = Literal["number", "category"]

# What a number counts, so that reasons can write it: "3 Tage", "12 %", "4,50".
UNITS = (
    "count", "orders", "products", "categories", "visits", "contacts", "cases",
    "currency", "points", "days", "hours", "clock", "share", "ratio", "category",
)  # fmt: skip

_WINDOW = Message("in the last {days} days")
_WHOLE = Message("so far")
_PARTS = {"": "text", "reason": "sentence", "zero": "zero", "missing": "missing"}
"""How columns call what docstrings label like this, and the language behind it if not English."""

_SENTENCES = tuple(filter(None, _PARTS))
_FIELDS = tuple(f"{part}_{language}" for part in _PARTS.values() for language in STORED)
"""The texts that have a field of their own."""

_NEEDED = ("a first line in English", "a line 'de: …' in German")


@dataclass(frozen=True)
class Source:
    """The rows a feature aggregates, one group per customer and cutoff.

    Parameters
    ----------
    name : its name in messages.
    tables : the contract's tables it needs; where one is absent, its features are left out.
    build : takes a Past and gives an Ibis table with `customer_id`, `cutoff`, `days_ago` and
        whatever the features read; None where the feature reads finished columns (`COMBINED`).
    theme : the heading under which reviewers find its features.
    lately : takes a Past and a number of days and gives the rows of `build` that are no older,
        and perhaps some that are, without the columns that need more to be known; None where that
        saves nothing. Features that look no further back are aggregated from these.
    of_everyone : whether it reads other customers' rows too (`Past.everyone`). Its features are
        left out where there are too many cutoffs for that, as with offers at thousands of instants.
    """

    name: str
    tables: tuple[str, ...]
    build: Callable[[Past], ir.Table] | None
    theme: str
    of_everyone: bool = False
    lately: Callable[[Past, int], ir.Table] | None = None


@dataclass(frozen=True)
class Column:
    """One column of the feature table: a feature in one of its windows.

    Columns of one `fact` say the same of a customer, so that reasons tell it once; None in an
    artefact from before there were facts, where each feature is one. `more` holds the texts in
    languages that came later, by names such as `text_fr` and `sentence_fr`.
    """

    name: str
    feature: str
    window: int | None
    unit: str
    theme: str
    kind: Kind
    text_en: str
    text_de: str
    sentence_en: str | None = None
    sentence_de: str | None = None
    fact: str | None = None
    zero_en: str | None = None
    zero_de: str | None = None
    missing_en: str | None = None
    missing_de: str | None = None
    more: Mapping[str, str] = field(default_factory=dict, hash=False)

    def text(self, language: Language = ENGLISH) -> str:
        """What the column says, for reviewers: `Number of orders in the last 30 days`."""
        text = self._part("text", language) or self.text_en
        text = text if "{window}" in text else f"{text} {{window}}"
        return _in_window(text, self, self.spoken(language))

    def stored_text(self) -> tuple[str, str]:
        """`text` in the languages of `STORED`."""
        english, other = (self.text(language) for language in STORED)
        return english, other

    def sentence(self, language: Language = ENGLISH) -> str | None:
        """The template of the reason, with `{value}` and names of other columns, or None."""
        return self._said("sentence", language)

    def zero(self, language: Language = ENGLISH) -> str | None:
        """What the reason says instead where the value is zero, or None."""
        return self._said("zero", language)

    def missing(self, language: Language = ENGLISH) -> str | None:
        """What the reason says instead where the value is missing, or None."""
        return self._said("missing", language)

    def spoken(self, language: Language) -> Language:
        """The language in which the column speaks: English where it has no text in this one."""
        return language if self._part("text", language) else ENGLISH

    def _part(self, part: str, language: Language) -> str | None:
        name = f"{part}_{language}"
        found: str | None = getattr(self, name) if language in STORED else self.more.get(name)
        return found

    def _said(self, part: str, language: Language) -> str | None:
        language = self.spoken(language)
        sentence = self._part(part, language)
        if not sentence:
            return None
        if self.window is None:
            sentence = sentence.replace("{window}", _WHOLE.to(language))
        sentence = _in_window(sentence, self, language)
        return sentence[:1].upper() + sentence[1:]

    def to_dict(self) -> dict[str, Any]:
        """The column as plain data, for an artefact.

        What came later is left out where it is not set: an artefact from before keeps its digest.
        """
        later = ("fact", "zero_en", "zero_de", "missing_en", "missing_de", "more")
        content = dataclasses.asdict(self)
        return {key: value for key, value in content.items() if value or key not in later}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Column:
        """The inverse of `to_dict`."""
        return cls(**content)


def _in_window(text: str, column: Column, language: Language) -> str:
    window = "" if column.window is None else _WINDOW.to(language, days=column.window)
    return " ".join(text.replace("{window}", window).replace(" ,", ",").split())


@dataclass(frozen=True)
class Feature:
    """A documented aggregate; made by the decorator `feature`.

    `columns` are the columns it gives; `expression(rows, window)` is its Ibis expression.
    """

    name: str
    source: Source
    function: Callable[..., ir.Value]
    windows: tuple[int | None, ...]
    empty: float | str | None
    unit: str
    theme: str
    needs: tuple[str, ...]
    of: tuple[str, ...]
    clock: str
    kind: Kind
    text_en: str
    text_de: str
    sentence_en: str | None
    sentence_de: str | None
    fact: str
    zero_en: str | None
    zero_de: str | None
    missing_en: str | None
    missing_de: str | None
    more: Mapping[str, str] = field(hash=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, one per window."""
        return tuple(
            Column(
                name=self.name if window is None else f"{self.name}_{window}d",
                feature=self.name,
                window=window,
                unit=self.unit,
                theme=self.theme,
                kind=self.kind,
                fact=self.fact,
                more=self.more,
                **{field: getattr(self, field) for field in _FIELDS},
            )
            for window in self.windows or (None,)
        )


def feature(
    source: Source,
    *,
    windows: tuple[int | None, ...] = (),
    empty: float | str | None = None,
    unit: str = "count",
    theme: str | None = None,
    needs: tuple[str, ...] = (),
    of: tuple[str, ...] = (),
    clock: str = "days_ago",
    kind: Kind = "number",
    fact: str | None = None,
) -> Callable[[Callable[..., ir.Value]], Feature]:
    """Make a feature of a function that gives an Ibis aggregate.

    Parameters
    ----------
    source : the rows it aggregates.
    windows : how far it looks back, in days, None for the whole retention; one column each. The
        function then takes `(rows, within)`, where `within` is the condition to aggregate under.
        Without windows it takes `(rows)` and sees the whole retention.
    empty : the value of a customer without such rows; None leaves it missing.
    unit : one of `UNITS`.
    theme : the heading in the report; the source's when None.
    needs : optional columns of the contract (`discount_value`) or of `customers`, without which
        the feature is left out.
    of : for source `COMBINED`, the names of the features it is computed from; the function gets
        the finished row and, with windows, the window as a number.
    kind : `number`, or `category` for a string.
    fact : features that say the same of a customer, such as how long ago the last order was and how
        overdue the next one is, name the same fact; a reason adds them up and tells it once. The
        feature's name when None: its windows are one fact.

    The docstring says what the feature is: the first line in English, a line `de: …` in German;
    the window is added at the end, or put where `{window}` stands. Lines `reason: …` and
    `reason de: …` may give the sentence of the reason, with `{value}`, `{window}` and names of
    other columns in braces; `zero: …` and `missing: …`, with `zero de: …` and `missing de: …`, what
    it says where the value is zero, or missing. Every other language that there is a catalogue of
    may stand in German's place, too. Raises FeatureError when a text is missing.
    """

    def decorate(function: Callable[..., ir.Value]) -> Feature:
        name = function.__name__
        if unit not in UNITS:
            raise FeatureError(
                f"Feature {name}: a unit out of {', '.join(UNITS)} is needed, found '{unit}'."
            )
        texts = _texts(name, function.__doc__ or "")
        return Feature(
            name=name,
            source=source,
            function=function,
            windows=windows,
            empty=empty,
            unit="category" if kind == "category" else unit,
            theme=theme or source.theme,
            needs=needs,
            of=of,
            clock=clock,
            kind=kind,
            fact=fact or name,
            **_fields(texts),
        )

    return decorate


def _texts(name: str, docstring: str) -> dict[str, str]:
    """The labelled paragraphs of a docstring; unlabelled text before them is English."""
    others = "|".join(one for one in languages() if one != ENGLISH)
    labels = f"(?:{'|'.join(_SENTENCES)})(?: (?:{others}))?|{others}"
    parts = re.split(rf"^\s*({labels}):", docstring, flags=re.MULTILINE)
    texts = {"en": parts[0].strip().split("\n\n")[0]}
    texts |= {
        label: text.strip().split("\n\n")[0]
        for label, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    texts = {label: " ".join(text.split()).removesuffix(".") for label, text in texts.items()}
    needed = [text for label, text in zip(STORED, _NEEDED, strict=True) if not texts.get(label)]
    if needed:
        raise FeatureError(
            f"Feature {name}: its docstring needs {' and '.join(needed)}, "
            "because reviewers read it. Add it."
        )
    for label in _SENTENCES:
        if (label in texts) != (f"{label} de" in texts):
            raise FeatureError(
                f"Feature {name}: '{label}:' and '{label} de:' come together. Add the missing one."
            )
    return texts


def _fields(texts: Mapping[str, str]) -> dict[str, Any]:
    """The labelled texts as the fields of a feature; `more` takes languages that have none."""
    more = {
        f"{part}_{language}": texts.get(f"{label} {language}".strip())
        for language in languages()
        for label, part in _PARTS.items()
    } | {f"{part}_{ENGLISH}": texts.get(label or ENGLISH) for label, part in _PARTS.items()}
    own = {field: more.pop(field) for field in _FIELDS}
    return {**own, "more": {field: text for field, text in more.items() if text}}


def in_english(columns: Sequence[Column], language: Language) -> Message | None:
    """A note on the columns whose texts stand in English in this language; None without one."""
    names = [one.name for one in columns if one.spoken(language) != language]
    if not names:
        return None
    return Message.counted(
        "The text of {n} feature stands in English: its docstring has none in this language "
        "({names:some}).",
        "The texts of {n} features stand in English: their docstrings have none in this language "
        "({names:some}).",
        n=len(names),
        names=names,
    )


def ratio(part: ir.Value, whole: ir.Value) -> ir.Value:
    """`part / whole` as a float, missing where the whole is zero."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def spread(values: ir.Value, where: ir.Value | None = None) -> ir.Value:
    """Sample standard deviation from exact sums, so that the order of rows cannot change a bit.

    `values` must be decimal or integer; those of 10^14 and more do not count. Missing with fewer
    than two values.
    """
    exact = values.try_cast("decimal(18, 4)")
    n = exact.count(where=where).cast("float64")
    total = exact.sum(where=where).cast("float64")
    # The product of 18 digits and 19 is the widest that Spark does not round, and the narrowest for
    # which DuckDB takes numbers large enough.
    squares = (exact * exact.cast("decimal(19, 4)")).sum(where=where).cast("float64")
    variance = (squares - total * total / n.nullif(0.0)) / (n - 1).nullif(0.0)
    return ibis.cases((variance > 0, variance), (variance <= 0, 0.0)).sqrt()
