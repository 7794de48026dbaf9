"""Which features act together: what two of them do beyond what each does alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.explanation.contributions import TOLERANCE, Contributions
from neigung.explanation.interaction_values import interaction_values, pairs_of
from neigung.explanation.trees import read_trees
from neigung.features.feature import Column, Language
from neigung.language import Message
from neigung.language.units import Unit

if TYPE_CHECKING:
    from neigung.models.version import Version

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

MOST_ROWS = 1000
MOST_PAIRS = 30
"""Pairs that are kept, the strongest."""

_FEWEST_ROWS = 50
_MOST_NUMBERS = 12_500_000
"""Pairs times rows that are held at a time: 100 MB."""
_MOST_STEPS = 300_000_000
"""Meetings of two columns times rows: some seconds of one core."""

_NO_ROWS = Message("There are no rows to explain.")
_NOT_EXACT = Message("Interactions are not shown: added up, they do not give the contributions.")
_NO_TREES = Message("Interactions are not shown: they cannot be computed for this model.")
_NONE = Message("Every feature acts on its own: no two of them meet in one of the model's trees.")


@dataclass(frozen=True, eq=False)
class Interactions:
    """What pairs of features add to predictions beyond what each of the two adds alone.

    `pairs` (pairs, 2) are positions in `columns`, the strongest pair first, at most `MOST_PAIRS`;
    `values` (rows, pairs) what they add, in `unit`: the two halves of SHAP's symmetric matrix
    together. `rows` are the positions of the sampled rows among the `explained` ones; `moved` is
    the sum of the mean absolute contributions of all columns in the sample. `note` says
    why there are no pairs, where there are none.
    """

    columns: tuple[Column, ...]
    pairs: Integers
    values: Floats
    rows: Integers
    explained: int
    moved: float
    unit: Unit
    note: Message | None = None

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def strength(self) -> Floats:
        """Mean absolute value of each pair, shape (pairs,), in `unit`."""
        return np.abs(self.values).mean(axis=0) if len(self) else np.zeros(0)

    @property
    def share(self) -> Floats:
        """Strength as a share of what all features together move, shape (pairs,)."""
        return self.strength / self.moved if self.moved > 0 else np.zeros(len(self))

    def table(self, language: Language = "en") -> pd.DataFrame:
        """The pairs by falling strength: a, b (columns), text_a, text_b, strength, share."""
        a, b = ([self.columns[j] for j in side] for side in self.pairs.T)
        return pd.DataFrame(
            {
                "a": [column.name for column in a],
                "b": [column.name for column in b],
                "text_a": [column.text(language) for column in a],
                "text_b": [column.text(language) for column in b],
                "strength": self.strength,
                "share": self.share,
            }
        )

    def of(self, a: str, b: str) -> Floats:
        """What the columns `a` and `b` add together, shape (rows,); in which order is the same.

        Raises InputError when they are not among the pairs.
        """
        names = [column.name for column in self.columns]
        for i, pair in enumerate(self.pairs):
            if {names[j] for j in pair} == {a, b}:
                return np.asarray(self.values[:, i])
        known = "; ".join(f"{names[i]} and {names[j]}" for i, j in self.pairs[:3])
        raise InputError(
            f"Two columns that act together are needed, but '{a}' and '{b}' are not among the "
            f"{len(self)} strongest pairs{f', such as {known}' if known else ''}. "
            "interactions.table() lists them."
        )

    def numbers(self) -> dict[str, float]:
        """`interaction.A.B`, its `.share`, and how many `interaction.rows` were sampled."""
        found = {"interaction.rows": float(len(self.rows))}
        for (i, j), strength, share in zip(self.pairs, self.strength, self.share, strict=True):
            name = f"interaction.{self.columns[i].name}.{self.columns[j].name}"
            found[name], found[f"{name}.share"] = float(strength), float(share)
        return found


def interactions(artefact: Version, given: Contributions, X: pd.DataFrame) -> Interactions:
    """The strongest interactions in what `given` explains of the rows of `X`.

    Computed exactly (see `interaction_values`) for up to `MOST_ROWS` rows, evenly spread; fewer for
    very large models. Every sampled row is checked: what a column adds alone and half of what it
    adds with each other one must be its contribution to within `TOLERANCE`, or no pair is shown.
    Where the uplift of an arm is averaged with that of neighbouring rates, so are its interactions.
    """
    from neigung.explanation.boosters import parts

    if not len(given):
        return _none(given, np.arange(0), _NO_ROWS)
    rows = _spread(len(given), MOST_ROWS)
    try:
        array, boosters = parts(artefact, X.iloc[rows], given.arm)
        forests = [read_trees(part.trees) for part in boosters]
    except (ValueError, KeyError):
        return _none(given, rows, _NO_TREES)
    pairs, meetings = pairs_of([tree for forest in forests for tree in forest])
    if not len(pairs):
        return _none(given, rows, _NONE)
    most = min(_MOST_NUMBERS // len(pairs), _MOST_STEPS // meetings)
    kept = _spread(len(rows), max(most, _FEWEST_ROWS))
    array, rows = array[kept], rows[kept]
    together = np.zeros((len(pairs), len(rows)))
    alone = np.zeros((array.shape[1], len(rows)))
    for part, forest in zip(boosters, forests, strict=True):
        weights = part.factor * part.weights[kept]
        members = np.flatnonzero(weights)
        for total, found in zip(
            (together, alone),
            interaction_values(forest, array[members], pairs),
            strict=True,
        ):
            total[:, members] += weights[members] * found
    if not _sum_up(together, alone, pairs, given.values[rows].T, given.arm is not None):
        return _none(given, rows, _NOT_EXACT)
    strength = np.abs(together).mean(axis=1)
    order = np.argsort(-strength, kind="stable")[:MOST_PAIRS]
    order = order[strength[order] > 0]
    return Interactions(
        columns=given.columns,
        pairs=pairs[order],
        values=np.ascontiguousarray(together[order].T),
        rows=rows,
        explained=len(given),
        moved=_moved(given, rows),
        unit=given.unit,
        note=None if len(order) else _NONE,
    )


def _spread(count: int, most: int) -> Integers:
    """Up to `most` of `count` positions, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _sum_up(
    together: Floats, alone: Floats, pairs: Integers, contributions: Floats, relative: bool
) -> bool:
    """Whether what was computed gives the contributions (columns, rows)."""
    largest = float(np.abs(contributions).max(initial=0.0)) if relative else 1.0
    for j, sides in enumerate(_pairs_by_column(pairs, len(alone))):
        sums = alone[j] + together[sides].sum(axis=0) / 2
        if not np.abs(sums - contributions[j]).max() <= TOLERANCE * largest:
            return False
    return True


def _pairs_by_column(pairs: Integers, columns: int) -> Iterator[Integers]:
    for j in range(columns):
        yield np.flatnonzero((pairs == j).any(axis=1))


def _moved(given: Contributions, rows: Integers) -> float:
    return float(np.abs(given.values[rows]).mean(axis=0).sum()) if len(rows) else 0.0


def _none(given: Contributions, rows: Integers, note: Message) -> Interactions:
    return Interactions(
        columns=given.columns,
        pairs=np.empty((0, 2), dtype=np.intp),
        values=np.empty((len(rows), 0)),
        rows=rows,
        explained=len(given),
        moved=_moved(given, rows),
        unit=given.unit,
        note=note,
    )
