"""A column's reason as a sentence to fill in, parsed once and written for any customer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neigung.features.feature import Column, Language
from neigung.language import languages
from neigung.language.grammar import PLACEHOLDER, case_of
from neigung.language.values import (
    UNKNOWN,
    Case,
    as_usual_text,
    has_noun,
    is_missing,
    none_text,
    usual_text,
    value_text,
)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A value within a clause, and the words before it."""

    before: str
    position: int
    unit: str
    case: Case
    first: bool

    def text(self, value: Any, language: Language) -> str:
        none = value == 0 and self.case == "plain" and none_text(value, self.unit, language)
        text = none or value_text(value, self.unit, language, self.case)
        if self.first and self.unit != "category":
            text = text[:1].upper() + text[1:]
        return self.before + text


@dataclass(frozen=True, slots=True)
class _Clause:
    """Values with the words before them, the words at the end, and what is usual behind these."""

    slots: tuple[_Slot, ...]
    end: str
    usual: _Usual | None = None


@dataclass(frozen=True, slots=True)
class _Usual:
    """What is usual of a column, as it stands behind a customer's own value.

    `words` say it, `same` that the customer's is the usual one: that it is `written` alike. Only
    numbers within `near` of each other are; the others need not be written to find out.
    """

    value: float | str
    written: str
    near: float
    position: int
    unit: str
    words: str
    same: str

    def text(self, values: Sequence[Any], language: Language) -> str:
        value = values[self.position]
        if self.unit == "category":
            return self.same if value == self.value else self.words
        if abs(value - self.value) > self.near:
            return self.words
        own = value_text(value, self.unit, language)
        return self.same if own == self.written else self.words


def _said(clauses: Sequence[_Clause], values: Sequence[Any], language: Language) -> str:
    """The sentence as far as the values reach; empty where they do not reach for a clause."""
    said = ""
    for clause in clauses:
        text = ""
        for slot in clause.slots:
            value = values[slot.position]
            if is_missing(value):
                return said
            text += slot.text(value, language)
        said += text + clause.end
        if clause.usual is not None:
            said += clause.usual.text(values, language)
    return said


class Sentence:
    """What one column says of a customer, in every language.

    A sentence ends before a clause that needs a value the customer does not have, or a column that
    does not exist; a column without a usable sentence is told as `text: value`. Behind the clause
    with the customer's own value stands what is usual; where the sentence does not name its own
    value (a ratio, say), behind the first value that it names.

    Args:
        own: The column.
        columns: All columns there are by name: a sentence may name others.
        usual: What is usual by column, as `models.usual.usual_values` gives it.

    Attributes:
        names: The columns whose values `write` needs, in this order; the own one first.

    >>> gap = Column("gap", "gap", None, "days", "", "number", "Gap", "Abstand")
    >>> days = Column("days", "days", None, "days", "", "number", "Days since", "Tage seit",
    ...     "Last order {value} ago, usually every {gap}", "Bestellt vor {value}, sonst alle {gap}")
    >>> sentence = Sentence(days, {"days": days, "gap": gap}, {"days": 9.0})
    >>> sentence.names
    ('days', 'gap')
    >>> sentence.write([41.0, 12.0], "de")
    'Bestellt vor 41 Tagen (typisch: 9 Tage), sonst alle 12 Tage'
    >>> sentence.write([1.0, None], "de"), sentence.write([9.0, None], "en")
    ('Bestellt vor 1 Tag (typisch: 9 Tage)', 'Last order 9 days ago (typical)')
    >>> sentence.write([None, 12.0], "en")
    'Days since: unknown'
    """

    def __init__(
        self,
        own: Column,
        columns: Mapping[str, Column],
        usual: Mapping[str, float | str | None] | None = None,
    ) -> None:
        self._unit = own.unit
        positions = {own.name: 0}
        self._templates: dict[Language, _Template] = {
            language: _template(own, columns, usual or {}, positions, language)
            for language in languages()
        }
        self.names = tuple(positions)

    def write(self, values: Sequence[Any], language: Language) -> str:
        """The sentence with the values of `names`: numbers, texts, None or NaN where missing."""
        own, template = values[0], self._templates[language]
        if is_missing(own):
            # Without its own value a sentence has nothing to say, even if it does not name it.
            said = _said(template.missing, values, language)
            return said or template.plain + UNKNOWN.to(language)
        said = _said(template.zero, values, language) if own == 0 else ""
        said = said or _said(template.main, values, language)
        if said:
            return said
        usual = "" if template.usual is None else template.usual.text(values, language)
        return template.plain + value_text(own, self._unit, language, noun=template.noun) + usual


@dataclass(frozen=True, slots=True)
class _Template:
    """All that a column says in one language.

    `plain`, the value with the unit's `noun`, and what is `usual` are said where there is no
    sentence; `zero` where the value is zero and `missing` where it is missing.
    """

    plain: str
    noun: bool
    usual: _Usual | None
    main: tuple[_Clause, ...]
    zero: tuple[_Clause, ...]
    missing: tuple[_Clause, ...]


def _template(
    own: Column,
    columns: Mapping[str, Column],
    usual: Mapping[str, float | str | None],
    positions: dict[str, int],
    language: Language,
) -> _Template:
    def parsed(sentence: str | None) -> tuple[_Clause, ...]:
        return _clauses(sentence, own.name, columns, positions, language)

    main, zero = parsed(own.sentence(language)), parsed(own.zero(language))
    missing = parsed(own.missing(language))
    names = list(positions)
    counted = any(slot.case == "times" for clause in main for slot in clause.slots)

    def typical(position: int) -> _Usual | None:
        column, value = columns[names[position]], usual.get(names[position])
        return _usual(column, value, position, counted, language)

    if zero and own.unit not in ("days", "hours", "ratio"):
        # Behind "no orders" stands how many are usual; not behind "all on the same day".
        zero = (*zero[:-1], replace(zero[-1], usual=typical(0)))
    main, missing = (_beside(clauses, typical) for clauses in (main, missing))
    plain, noun = own.text(language) + ": ", not has_noun(own.text(language), own.unit, language)
    return _Template(plain, noun, typical(0), main, zero, missing)


def _usual(
    column: Column, value: float | str | None, position: int, counted: bool, language: Language
) -> _Usual | None:
    if value is None or is_missing(value):
        return None
    unit, none = column.unit, column.zero(language) is not None
    words = usual_text(value, unit, language, counted=counted, none=none)
    same, written = as_usual_text(unit, language), value_text(value, unit, language)
    near = _near(value, unit)
    return _Usual(value, written, near, position, unit, f" ({words})", f" ({same})")


def _near(value: float | str, unit: str) -> float:
    """How far apart two numbers are at most that `value_text` writes alike."""
    if unit in ("share", "currency", "clock"):
        return 0.02
    return 1.01 if not isinstance(value, str) and abs(value) > 9 else 0.11


def _beside(
    clauses: tuple[_Clause, ...], typical: Callable[[int], _Usual | None]
) -> tuple[_Clause, ...]:
    """The clauses with what is usual behind the own value, or else behind the first that is named.

    `typical` gives what is usual of the value at a position, the own one being at 0.
    """
    places = [(slot.position, i) for i, clause in enumerate(clauses) for slot in clause.slots]
    if not places:
        return clauses
    position, i = next((one for one in places if one[0] == 0), places[0])
    return (*clauses[:i], replace(clauses[i], usual=typical(position)), *clauses[i + 1 :])


def _clauses(
    sentence: str | None,
    own: str,
    columns: Mapping[str, Column],
    positions: dict[str, int],
    language: Language,
) -> tuple[_Clause, ...]:
    """The clauses of a sentence, up to the first that names a column that does not exist."""
    clauses = []
    for clause in re.split(r"(?=, )", sentence) if sentence else ():
        parsed = _parse(clause, own, columns, positions, language)
        if parsed is None:
            break
        clauses.append(parsed)
    return tuple(clauses)


def _parse(
    clause: str,
    own: str,
    columns: Mapping[str, Column],
    positions: dict[str, int],
    language: Language,
) -> _Clause | None:
    """The clause, None if it names a column that does not exist.

    `positions` of the values grow by what the clause reads.
    """
    slots, end = [], 0
    for match in PLACEHOLDER.finditer(clause):
        name = own if match[2] == "value" else match[2]
        if name not in columns:
            return None
        before = clause[end : match.start()]
        case = case_of(match, before, clause[match.end() :], language)
        position = positions.setdefault(name, len(positions))
        slots.append(_Slot(before, position, columns[name].unit, case, not match.start()))
        end = match.end()
    return _Clause(tuple(slots), clause[end:])
