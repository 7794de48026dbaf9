"""Contributions as sentences with the customer's own values, in English and German."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.explanation.contributions import Contributions, contributions
from neigung.explanation.reaction import reaction_text
from neigung.explanation.values import Case, has_noun, is_missing, none_text, value_text
from neigung.features.feature import Column, Language

if TYPE_CHECKING:
    from neigung.models.offer_artefact import OfferArtefact

Texts = npt.NDArray[np.object_]

_PLACEHOLDER = re.compile(r"(?:\b(every|alle)\s+)?\{(\w+)\}", re.IGNORECASE)
_DATIVE = re.compile(r"\b(?:an|aus|bei|in|mit|nach|seit|von|vor|zu)\s+$", re.IGNORECASE)
_QUOTE = re.compile("[\"'“„‚‘»«]$")

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a prediction is what it is: a feature, its value, and a sentence in both languages.

    `contribution` is in the unit of the explained `Contributions`: in log-odds it raises the
    probability when above zero and lowers it when below; of an uplift (a probability, or money)
    it makes the customer react more, or less, to the arm.
    """

    feature: str
    value: float | str | None
    contribution: float
    text_en: str
    text_de: str

    def text(self, language: Language = "en") -> str:
        """The sentence in one language."""
        return self.text_de if language == "de" else self.text_en


def reasons(given: Contributions, X: pd.DataFrame, k: int = 3) -> list[list[Reason]]:
    """The `k` strongest reasons of each row of `X`, strongest first.

    Columns that tell the same fact, such as the windows of one feature, count once, by the
    strongest of them; a contribution of zero is no reason. `X` holds the columns of the
    contributions, its rows in the same order. A sentence ends before a clause that needs a value
    the customer does not have; a column without a usable sentence is told as `text: value`. Where
    the uplift of an arm is explained, the sentences say why the customer reacts more or less to it.

    >>> days = Column("days_since_last_order", "days_since_last_order", None, "days", "recency",
    ...     "number", "Days since the last order", "Tage seit der letzten Bestellung",
    ...     "Last order {value} ago", "Letzte Bestellung vor {value}")
    >>> given = Contributions(np.array([[-0.7]]), 0.2, (days,), np.array([-0.5]))
    >>> X = pd.DataFrame({"days_since_last_order": [41.0]})
    >>> [[reason]] = reasons(given, X)
    >>> reason.text_en, reason.text_de
    ('Last order 41 days ago', 'Letzte Bestellung vor 41 Tagen')
    >>> uplift = Contributions(-given.values / 100, 0.0, (days,), np.array([0.007]), "points", "5%")
    >>> [[reason]] = reasons(uplift, X)
    >>> reason.text_en
    'Reacts more to 5% because: last order 41 days ago'
    """
    found: list[list[Reason]] = []
    for start in range(0, len(given), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        values = given.values[rows]
        found += _some(values, X.iloc[rows], given.columns, k, given.arm)
    return found


def offer_reasons(
    artefact: OfferArtefact, X: pd.DataFrame, arm_of_row: npt.ArrayLike, k: int = 3
) -> list[list[Reason]]:
    """The `k` strongest reasons why each row of `X` reacts as it does to the arm of that row.

    `arm_of_row` (n,) is the arm recommended for each row; where it is the control, the arm with the
    row's largest uplift is explained. Raises InputError as `contributions` does, and when there is
    not one arm for each row.
    """
    arms = np.array(arm_of_row, dtype=object)
    if arms.shape != (len(X),):
        raise InputError(
            f"One arm for each of the {len(X)} rows is needed, found {arms.shape}. Give the "
            "recommended arms of these very rows."
        )
    unmoved = np.flatnonzero(arms == artefact.control)
    if len(unmoved):
        uplift = artefact.model.uplift.predict(X.iloc[unmoved])[artefact.arms].to_numpy()
        arms[unmoved] = np.array(artefact.arms, dtype=object)[uplift.argmax(axis=1)]
    found: list[list[Reason]] = [[] for _ in range(len(X))]
    for arm in dict.fromkeys(arms):
        members = np.flatnonzero(arms == arm)
        # In parts: the contributions of everybody at once would fill the memory.
        for start in range(0, len(members), _ROWS_AT_ONCE):
            rows = members[start : start + _ROWS_AT_ONCE]
            some = X.iloc[rows]
            told = reasons(contributions(artefact, some, arm), some, k)
            for row, one in zip(rows, told, strict=True):
                found[row] = one
    return found


def _some(
    values: npt.NDArray[np.float64],
    X: pd.DataFrame,
    columns: Sequence[Column],
    k: int,
    arm: str | None,
) -> list[list[Reason]]:
    top = strongest(values, facts(columns), k)
    told: list[list[Reason | None]] = [[None] * top.shape[1] for _ in range(len(X))]
    writer = _Writer(X, columns)
    for j in np.unique(top[top >= 0]):
        rows, places = np.nonzero(top == j)
        english, german = (writer.write(columns[j], rows, lang) for lang in ("en", "de"))
        if arm is not None:
            more = values[rows, j] > 0
            english = _reactions(english, arm, more, "en")
            german = _reactions(german, arm, more, "de")
        own = writer.values(columns[j].name, rows)
        sizes = values[rows, j].tolist()
        for i, row in enumerate(rows):
            value = None if is_missing(own[i]) else own[i]
            told[row][places[i]] = Reason(columns[j].name, value, sizes[i], english[i], german[i])
    return [[reason for reason in row if reason is not None] for row in told]


def _reactions(
    sentences: Texts, arm: str, more: npt.NDArray[np.bool_], language: Language
) -> Texts:
    texts: Texts = np.empty(len(sentences), dtype=object)
    for sign in (True, False):

        def write(sentence: str, sign: bool = sign) -> str:
            return reaction_text(sentence, arm, sign, language)

        texts[more == sign] = _each(list(sentences[more == sign]), write)
    return texts


def facts(columns: Sequence[Column]) -> list[str]:
    """What each column tells: windows of one feature, and features with one sentence, are one fact.

    >>> recency = Column("recency", "recency", None, "days", "", "number", "", "",
    ...     "Last order {value} ago, usually every {gap}", "")
    >>> overdue = Column("overdue", "overdue", None, "ratio", "", "number", "", "",
    ...     "Last order {recency} ago, usually every {gap}", "")
    >>> facts([recency, overdue])
    ['recency', 'recency']
    """
    told: dict[str, str] = {}
    fact: dict[str, str] = {}
    for column in columns:
        sentence = (column.sentence("en") or column.name).replace("{value}", f"{{{column.name}}}")
        fact.setdefault(column.feature, told.setdefault(sentence, column.feature))
    return [fact[column.feature] for column in columns]


def strongest(
    values: npt.NDArray[np.float64], features: Sequence[str], k: int
) -> npt.NDArray[np.int64]:
    """Positions (rows, up to k) of the largest absolute values, one per feature; -1 for none.

    >>> strongest(np.array([[0.1, -0.9, 0.5, 0.0]]), ["count", "count", "days", "value"], 3)
    array([[ 1,  2, -1]])
    """
    sizes = np.abs(values)
    codes, names = pd.factorize(np.asarray(features, dtype=object))
    best = np.empty((len(values), len(names)), dtype=np.int64)
    for code in range(len(names)):
        members = np.flatnonzero(codes == code)
        best[:, code] = members[np.argmax(sizes[:, members], axis=1)]
    sizes = np.take_along_axis(sizes, best, axis=1)
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :k]
    chosen = np.take_along_axis(best, order, axis=1)
    return np.where(np.take_along_axis(sizes, order, axis=1) > 0, chosen, -1)


class _Writer:
    """Writes the sentences of one column for many rows at once."""

    def __init__(self, X: pd.DataFrame, columns: Sequence[Column]) -> None:
        self.X = X
        self.columns = {column.name: column for column in columns}

    def values(self, name: str, rows: npt.NDArray[np.intp]) -> list[Any]:
        column = self.X[name].iloc[rows]
        if self.columns[name].kind == "category":
            return [None if pd.isna(v) else str(v) for v in column.astype(object)]
        return column.to_numpy(dtype=np.float64, na_value=np.nan).tolist()

    def write(self, column: Column, rows: npt.NDArray[np.intp], language: Language) -> Texts:
        plain = self._plain(column, rows, language)
        sentence = column.sentence(language)
        if not sentence:
            return plain
        # Without its own value a sentence has nothing to say, even if it does not name it.
        known = _known(self.values(column.name, rows))
        text = np.full(len(rows), "", dtype=object)
        for number, clause in enumerate(re.split(r"(?=, )", sentence)):
            parts = self._clause(clause, column, rows, language)
            if number == 0:
                known &= parts[1]
                text = parts[0]
                more = known
            else:
                more = more & parts[1]
                text = np.where(more, text + parts[0], text)
        return np.where(known, [one.strip() for one in text], plain)

    def _plain(self, column: Column, rows: npt.NDArray[np.intp], language: Language) -> Texts:
        noun = not has_noun(column, language)

        def write(value: Any) -> str:
            return value_text(value, column.unit, language, noun=noun)

        texts = _each(self.values(column.name, rows), write)
        return np.asarray(column.text(language) + ": " + texts)

    def _clause(
        self, clause: str, own: Column, rows: npt.NDArray[np.intp], language: Language
    ) -> tuple[Texts, npt.NDArray[np.bool_]]:
        """The texts of a clause and where all its values are known."""
        text: Texts = np.full(len(rows), "", dtype=object)
        known = np.ones(len(rows), dtype=bool)
        end = 0
        for match in _PLACEHOLDER.finditer(clause):
            name = own.name if match[2] == "value" else match[2]
            if name not in self.columns or name not in self.X:
                return text, np.zeros(len(rows), dtype=bool)
            before = clause[end : match.start()]
            case = _case(match, before, clause[match.end() :], language)
            unit = self.columns[name].unit

            first = not match.start()

            def write(value: Any, unit: str = unit, case: Case = case, first: bool = first) -> str:
                none = none_text(value, unit, language) if case == "plain" else None
                text = none or value_text(value, unit, language, case)
                return text[:1].upper() + text[1:] if first and unit != "category" else text

            values = self.values(name, rows)
            known &= _known(values)
            text = text + before + _each(values, write)
            end = match.end()
        return text + clause[end:], known


def _case(match: re.Match[str], before: str, after: str, language: Language) -> Case:
    """How the value of a placeholder stands between the words around it."""
    if match[1]:
        return "every_capital" if match[1][0].isupper() else "every"
    if _QUOTE.search(before):
        return "quoted"
    if after.startswith(" ago") if language == "en" else before.lower().endswith("vor "):
        return "ago"
    return "dative" if language == "de" and _DATIVE.search(before) else "plain"


def _known(values: list[Any]) -> npt.NDArray[np.bool_]:
    return np.array([not is_missing(value) for value in values], dtype=bool)


def _each(values: list[Any], write: Callable[[Any], str]) -> Texts:
    """`write` for each value; each different value is written once."""
    codes, different = pd.factorize(np.array(values, dtype=object), use_na_sentinel=False)
    texts: Texts = np.array([write(value) for value in different], dtype=object)
    return np.asarray(texts[codes])
