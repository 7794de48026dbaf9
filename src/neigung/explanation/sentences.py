"""A column's reason as a sentence to fill in, parsed once and written for any customer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neigung.explanation.values import Case, has_noun, is_missing, none_text, value_text
from neigung.features.feature import Column, Language

_PLACEHOLDER = re.compile(r"(?:\b(every|alle)\s+)?\{(\w+)\}", re.IGNORECASE)
_DATIVE = re.compile(r"\b(?:an|aus|bei|in|mit|nach|seit|von|vor|zu)\s+$", re.IGNORECASE)
_QUOTE = re.compile("[\"'“„‚‘»«]$")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A value within a clause, and the words before it."""

    before: str
    position: int
    unit: str
    case: Case
    first: bool

    def text(self, value: Any, language: Language) -> str:
        none = none_text(value, self.unit, language) if self.case == "plain" else None
        text = none or value_text(value, self.unit, language, self.case)
        if self.first and self.unit != "category":
            text = text[:1].upper() + text[1:]
        return self.before + text


@dataclass(frozen=True, slots=True)
class _Clause:
    slots: tuple[_Slot, ...]
    end: str

    def text(self, values: Sequence[Any], language: Language) -> str | None:
        """The words, None where a value is missing."""
        text = ""
        for slot in self.slots:
            value = values[slot.position]
            if is_missing(value):
                return None
            text += slot.text(value, language)
        return text + self.end


@dataclass(frozen=True, slots=True)
class _Template:
    """What is said without a sentence, whether the unit's noun comes with it, and the sentence."""

    plain: str
    noun: bool
    clauses: tuple[_Clause, ...]


class Sentence:
    """What one column says of a customer, in both languages.

    A sentence ends before a clause that needs a value the customer does not have, or a column that
    does not exist; a column without a usable sentence is told as `text: value`.

    Args:
        own: The column.
        columns: All columns there are by name: a sentence may name others.

    Attributes:
        names: The columns whose values `write` needs, in this order; the own one first.

    >>> gap = Column("gap", "gap", None, "days", "", "number", "Gap", "Abstand")
    >>> days = Column("days", "days", None, "days", "", "number", "Days since", "Tage seit",
    ...     "Last order {value} ago, usually every {gap}", "Bestellt vor {value}, sonst alle {gap}")
    >>> sentence = Sentence(days, {"days": days, "gap": gap})
    >>> sentence.names
    ('days', 'gap')
    >>> sentence.write([41.0, 12.0], "de"), sentence.write([1.0, None], "de")
    ('Bestellt vor 41 Tagen, sonst alle 12 Tage', 'Bestellt vor 1 Tag')
    >>> sentence.write([None, 12.0], "en")
    'Days since: unknown'
    """

    def __init__(self, own: Column, columns: Mapping[str, Column]) -> None:
        self._unit = own.unit
        positions = {own.name: 0}
        self._templates: dict[Language, _Template] = {
            language: _template(own, columns, positions, language) for language in ("en", "de")
        }
        self.names = tuple(positions)

    def write(self, values: Sequence[Any], language: Language) -> str:
        """The sentence with the values of `names`: numbers, texts, None or NaN where missing."""
        template = self._templates[language]
        said: list[str] = []
        # Without its own value a sentence has nothing to say, even if it does not name it.
        if not is_missing(values[0]):
            for clause in template.clauses:
                text = clause.text(values, language)
                if text is None:
                    break
                said.append(text)
        if said:
            return "".join(said).strip()
        return template.plain + value_text(values[0], self._unit, language, noun=template.noun)


def _template(
    own: Column, columns: Mapping[str, Column], positions: dict[str, int], language: Language
) -> _Template:
    clauses = []
    sentence = own.sentence(language)
    for clause in re.split(r"(?=, )", sentence) if sentence else ():
        parsed = _parse(clause, own.name, columns, positions, language)
        if parsed is None:
            break
        clauses.append(parsed)
    return _Template(own.text(language) + ": ", not has_noun(own, language), tuple(clauses))


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
    for match in _PLACEHOLDER.finditer(clause):
        name = own if match[2] == "value" else match[2]
        if name not in columns:
            return None
        before = clause[end : match.start()]
        case = _case(match, before, clause[match.end() :], language)
        position = positions.setdefault(name, len(positions))
        slots.append(_Slot(before, position, columns[name].unit, case, not match.start()))
        end = match.end()
    return _Clause(tuple(slots), clause[end:])


def _case(match: re.Match[str], before: str, after: str, language: Language) -> Case:
    """How the value of a placeholder stands between the words around it."""
    if match[1]:
        return "every_capital" if match[1][0].isupper() else "every"
    if _QUOTE.search(before):
        return "quoted"
    if after.startswith(" ago") if language == "en" else before.lower().endswith("vor "):
        return "ago"
    return "dative" if language == "de" and _DATIVE.search(before) else "plain"
