"""Contributions as sentences with the customer's own values, in English and German."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.explanation.contributions import Contributions, contributions
from neigung.explanation.reaction import reaction_text
from neigung.explanation.sentences import Sentence
from neigung.features.feature import Column, Language
from neigung.language import STORED, languages, stored_in
from neigung.language.values import is_missing
from neigung.models.rows import Features, category_text, in_parts, matrix, some

if TYPE_CHECKING:
    from neigung.models.offers.artefact import OfferArtefact

_ROWS_AT_ONCE = 20_000
_ROUNDING = 1e-12
_FEW = 8  # So few are found quicker one by one than by sorting.


@dataclass(frozen=True, slots=True)
class Reason:
    """What a prediction goes by: a fact about the customer, in a sentence in both languages.

    `contribution` is that of all columns that tell this fact, `feature` the one of them that moves
    the prediction most that way, with the customer's `value` of it. It is in the unit of the
    explained `Contributions`: in log-odds it raises the predicted probability when above zero and
    lowers it when below; of an uplift (a probability, or money) a stronger, or weaker, reaction to
    the arm is expected. A reason says what the model relies on, never a cause.
    """

    feature: str
    value: float | str | None
    contribution: float
    text_en: str
    text_de: str
    others: Mapping[Language, str] = field(default_factory=dict, compare=False, repr=False)
    """In the languages of which nothing is stored."""

    def text(self, language: Language = "en") -> str:
        """The sentence in one language."""
        return self.others.get(language) or str(getattr(self, f"text_{stored_in(language)}"))


def reasons(given: Contributions, X: Features, k: int = 3) -> list[list[Reason]]:
    """The `k` strongest reasons of each row of `X`, strongest first.

    Columns that tell the same fact, such as the windows of one feature, are one reason: their
    contributions are added up, and the column that moves most in the direction of the sum tells it.
    A sum of zero is no reason. `X` holds the columns of the contributions, its rows in the same
    order. Behind the customer's value stands what is usual, as far as the contributions know it. A
    sentence ends before a clause that needs a value the customer does not have; a column without a
    usable sentence is told as `text: value`. Where the uplift of an arm is explained, the sentences
    say whether a stronger or a weaker reaction is expected.

    >>> days = Column("days_since_last_order", "days_since_last_order", None, "days", "recency",
    ...     "number", "Days since the last order", "Tage seit der letzten Bestellung",
    ...     "Last order {value} ago", "Letzte Bestellung vor {value}")
    >>> values, usual = np.array([[-0.7]]), {"days_since_last_order": 9.0}
    >>> given = Contributions(values, 0.2, (days,), np.array([-0.5]), usual=usual)
    >>> X = pd.DataFrame({"days_since_last_order": [41.0]})
    >>> [[reason]] = reasons(given, X)
    >>> print(reason.text_en, reason.text_de, sep="\\n")
    Last order 41 days ago (typical: 9 days)
    Letzte Bestellung vor 41 Tagen (typisch: 9 Tage)
    >>> uplift = Contributions(-values / 100, 0.0, (days,), np.array([0.007]), "points", "5%")
    >>> [[reason]] = reasons(uplift, X)
    >>> reason.text_en
    'Stronger reaction to 5% expected – last order 41 days ago'
    """
    return ReasonWriter(given.columns, given.usual).write(given.values, X, k, given.arm)


def offer_reasons(
    artefact: OfferArtefact, X: Features, arm_of_row: npt.ArrayLike, k: int = 3
) -> list[list[Reason]]:
    """The `k` strongest reasons for the reaction expected of each row of `X` to the row's arm.

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
        uplift = matrix(artefact.model.uplift.predict(some(X, unmoved)), artefact.arms)
        arms[unmoved] = np.array(artefact.arms, dtype=object)[uplift.argmax(axis=1)]
    writer = ReasonWriter(artefact.columns, artefact.usual)
    found: list[list[Reason]] = [[] for _ in range(len(X))]
    for arm in dict.fromkeys(arms):
        members = np.flatnonzero(arms == arm)
        # In parts: the contributions of everybody at once would fill the memory.
        for start in range(0, len(members), _ROWS_AT_ONCE):
            rows = members[start : start + _ROWS_AT_ONCE]
            part = some(X, rows)
            told = writer.write(contributions(artefact, part, arm).values, part, k, arm)
            for row, one in zip(rows, told, strict=True):
                found[row] = one
    return found


class ReasonWriter:
    """Writes reasons over the same columns again and again; see `reasons`.

    What depends on the columns alone is worked out once: which of them tell the same fact, and
    their sentences, with what is `usual` of each column. Threads may share a writer.

    >>> orders = Column("orders", "orders", None, "orders", "", "number", "Orders", "Bestellungen")
    >>> writer = ReasonWriter((orders,), {"orders": 2.0})
    >>> X = pd.DataFrame({"orders": [3.0, 0.0]})
    >>> [one.text_en for [one] in writer.write(np.array([[0.4], [-0.2]]), X)]
    ['Orders: 3 (typical: 2)', 'Orders: 0 (typical: 2)']
    >>> [one.text_en for [one] in writer.write(np.array([[0.4], [-0.2]]), X, arms=["5%", "10%"])][1]
    'Weaker reaction to 10% expected – orders: 0 (typical: 2)'
    """

    def __init__(
        self, columns: Sequence[Column], usual: Mapping[str, float | str | None] | None = None
    ) -> None:
        self.columns = tuple(columns)
        self._usual = dict(usual or {})
        self._facts = _Facts(facts(self.columns))
        self._by_name = {column.name: column for column in self.columns}
        self._sentences: dict[str, Sentence] = {}

    def write(
        self,
        values: npt.NDArray[np.float64],
        X: Features,
        k: int = 3,
        arms: str | Sequence[str] | npt.NDArray[Any] | None = None,
    ) -> list[list[Reason]]:
        """The `k` strongest reasons of each row, strongest first.

        Args:
            values: Contributions (n, columns), the base left out.
            X: The rows explained, with the columns; in the same order.
            k: How many at most.
            arms: Of an uplift, the arm explained: one for all, or one for each row (n,).

        Raises:
            InputError: Contributions, rows and arms do not fit together.
        """
        if values.shape != (len(X), len(self.columns)):
            raise InputError(
                f"Reasons of {len(X)} rows need contributions of the shape "
                f"{(len(X), len(self.columns))}, one for each column and without the base, but "
                f"found {values.shape}. Give those of these very rows."
            )
        for_all = arms is None or isinstance(arms, str)
        of_row = np.array([arms] * len(X) if for_all else arms, dtype=object)
        if of_row.shape != (len(X),):
            raise InputError(
                f"Reasons of {len(X)} rows need one arm for all or one for each row, but found "
                f"{of_row.shape}. Give the arms of these very rows."
            )
        found: list[list[Reason]] = []
        for part in in_parts(X, _ROWS_AT_ONCE):
            rows = slice(len(found), len(found) + len(part))
            found += self._some(values[rows], part, k, of_row[rows])
        return found

    def _some(
        self,
        values: npt.NDArray[np.float64],
        X: Features,
        k: int,
        arms: npt.NDArray[np.object_],
    ) -> list[list[Reason]]:
        top, sizes = self._facts.strongest(values, k)
        told: list[list[Reason | None]] = [[None] * top.shape[1] for _ in range(len(X))]
        for j, rows, places in _by_column(top):
            written = self._of_column(j, sizes[rows, places], X, rows, arms[rows])
            for row, place, reason in zip(rows.tolist(), places.tolist(), written, strict=True):
                told[row][place] = reason
        return [[reason for reason in row if reason is not None] for row in told]

    def _of_column(
        self,
        j: int,
        sizes: npt.NDArray[np.float64],
        X: Features,
        rows: npt.NDArray[np.intp],
        arms: npt.NDArray[np.object_],
    ) -> list[Reason]:
        """The reasons of one column in some rows."""
        sentence = self._sentence(self.columns[j])
        read = [_values(X, self._by_name[name], rows) for name in sentence.names]
        texts: dict[Any, tuple[Any, ...]] = {}  # Each different sentence is written once.
        found = []
        for size, arm, *values in zip(sizes.tolist(), arms.tolist(), *read, strict=True):
            key = (arm, size > 0, *values)
            if key not in texts:
                texts[key] = _text(sentence, values, arm, size > 0)
            value = None if is_missing(values[0]) else values[0]
            found.append(Reason(self.columns[j].name, value, size, *texts[key]))
        return found

    def _sentence(self, column: Column) -> Sentence:
        if column.name not in self._sentences:
            self._sentences[column.name] = Sentence(column, self._by_name, self._usual)
        return self._sentences[column.name]


def _by_column(
    top: npt.NDArray[np.int64],
) -> Iterator[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """The rows and places (each (n,)) at which each column stands; -1 is none."""
    flat = top.ravel()
    order = flat.argsort(kind="stable")
    found = flat[order]
    ends = [*(np.flatnonzero(found[1:] != found[:-1]) + 1).tolist(), len(found)]
    start = int(np.searchsorted(found, 0))
    for end in ends:
        if end > start:
            at = order[start:end]
            yield int(found[start]), at // top.shape[1], at % top.shape[1]
            start = end


def _text(sentence: Sentence, values: list[Any], arm: str | None, more: bool) -> tuple[Any, ...]:
    """What a reason says: in the languages of `STORED`, then in the others by their names."""
    said = {}
    for language in languages():
        text = sentence.write(values, language)
        said[language] = text if arm is None else reaction_text(text, arm, more, language)
    stored = [said.pop(language) for language in STORED]
    return *stored, said


def _values(X: Features, column: Column, rows: npt.NDArray[np.intp]) -> list[Any]:
    """A column's numbers or texts in some rows; None throughout where the rows do not have it."""
    if column.name not in X:
        return [None] * len(rows)
    found: Any = X[column.name]
    found = found[rows] if isinstance(found, np.ndarray) else found.iloc[rows]
    if column.kind == "category":
        return [category_text(value) for value in found.astype(object)]
    if not isinstance(found, np.ndarray) or found.dtype != np.float64:
        found = pd.Series(found).to_numpy(dtype=np.float64, na_value=np.nan)
    return list(found.tolist())


def facts(columns: Sequence[Column]) -> list[str]:
    """What each column tells: columns that name one fact, or have one sentence, tell the same.

    Where a column names no fact, its feature is one.

    >>> recency = Column("recency", "recency", None, "days", "", "number", "", "",
    ...     "Last order {value} ago, usually every {gap}", "", fact="last order")
    >>> overdue = Column("overdue", "overdue", None, "ratio", "", "number", "", "",
    ...     "Last order {recency} ago, usually every {gap}", "")
    >>> facts([recency, overdue])
    ['last order', 'last order']
    """
    told: dict[str, str] = {}
    fact: dict[str, str] = {}
    for column in columns:
        sentence = (column.sentence("en") or column.name).replace("{value}", f"{{{column.name}}}")
        fact.setdefault(column.feature, told.setdefault(sentence, column.fact or column.feature))
    return [fact[column.feature] for column in columns]


class _Facts:
    """Which positions tell the same fact, ready to be added up and searched."""

    def __init__(self, facts: Sequence[str]) -> None:
        members: dict[str, list[int]] = {}
        for j, fact in enumerate(facts):
            members.setdefault(fact, []).append(j)
        groups = list(members.values())
        widest = max(map(len, groups), default=0)
        self._order = np.array([j for group in groups for j in group], dtype=np.int64)
        self._starts = np.cumsum([0, *map(len, groups)])[:-1]
        # Side by side; a fact of few columns repeats its last one, which changes no maximum.
        self._members = np.array([g + g[-1:] * (widest - len(g)) for g in groups], dtype=np.int64)

    def strongest(
        self, values: npt.NDArray[np.float64], k: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The facts of each row with the largest absolute sums, largest first, up to `k`.

        Returns (rows, up to k) the positions that tell them, -1 for none, and the sums. Of a fact's
        columns the one tells it that moves most in the direction of the sum.

        >>> told = _Facts(["count", "count", "days", "value"])
        >>> told.strongest(np.array([[0.5, -0.9, 0.1, 0.0]]), 3)
        (array([[ 1,  2, -1]]), array([[-0.4,  0.1,  0. ]]))
        """
        if not len(self._order):
            empty = np.empty((len(values), 0))
            return empty.astype(np.int64), empty
        sums = np.add.reduceat(values.take(self._order, axis=1), self._starts, axis=1)
        rows = np.arange(len(values))[:, None]
        top = _largest(np.abs(sums), k)
        found = sums[rows, top]
        members = self._members[top]
        moves = values[rows[:, :, None], members]
        place = np.where(found[:, :, None] < 0, -moves, moves).argmax(axis=2)
        chosen = np.take_along_axis(members, place[:, :, None], axis=2)[:, :, 0]
        # Beside the largest, what is left of numbers that cancel out is nothing.
        sizes = np.abs(found)
        return np.where(sizes > _ROUNDING * sizes[:, :1], chosen, -1), found


def _largest(sizes: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.int64]:
    """Positions of the up to `k` largest of each row, largest first and among equals the first.

    >>> _largest(np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]]), 2)
    array([[1, 2],
           [0, 2]])
    """
    k = min(k, sizes.shape[1])
    if k > _FEW:
        return np.argsort(-sizes, axis=1, kind="stable")[:, :k]
    found = np.empty((len(sizes), k), dtype=np.int64)
    left, rows = sizes.copy(), np.arange(len(sizes))
    for place in range(k):
        found[:, place] = left.argmax(axis=1)
        left[rows, found[:, place]] = -1.0
    return found
