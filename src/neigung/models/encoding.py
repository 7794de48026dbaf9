"""From a frame of features to the array of numbers that LightGBM reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.models.rows import Array, Features, Rows, category_key, category_text
from neigung.models.unseen import Unseen

Floats = npt.NDArray[np.float64]

MAX_CATEGORIES = 200
"""Categories kept per column, the most frequent ones. LightGBM's histograms hold 127 bins, and
what is rarer than the 200th tells little about a customer."""

_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}


@dataclass(frozen=True)
class FrameEncoder:
    """Columns in a fixed order, and the vocabulary of each categorical one.

    A category becomes its position in the vocabulary; a missing, an unseen and a too rare one all
    become NaN. LightGBM would do the same with a frame, but silently and 30 times slower per row.
    Spellings of one category are one, see `category_key`: a file has 1 where a table with gaps
    has 1.0.

    >>> seen = pd.DataFrame({"orders": [1, 2], "channel": pd.Categorical(["web", "app"])})
    >>> encoder = FrameEncoder.fit(seen)
    >>> new = pd.DataFrame({"channel": ["web", "kiosk", None], "orders": [3, None, 5]})
    >>> encoder.transform(new).tolist()
    [[3.0, 1.0], [nan, nan], [5.0, nan]]
    >>> encoder.unseen(new)
    {'channel': 1}
    >>> encoder.unknown(new)["channel"].text
    '1 of 2 values of channel are unknown to the model, such as kiosk'
    """

    feature_names: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @classmethod
    def fit(cls, X: pd.DataFrame, max_categories: int = MAX_CATEGORIES) -> Self:
        """Learn columns and vocabularies from a frame of numbers and categories.

        A column of dtype `category` or of strings is categorical, every other one is a number.

        Raises:
            InputError: No column that varies, a doubled name, or a column that is neither.
        """
        _require_frame(X)
        doubled = sorted(set(X.columns[X.columns.duplicated()].astype(str)))
        if doubled:
            raise InputError(f"Feature names must differ, but found twice: {', '.join(doubled)}.")
        categories = {}
        varies = False
        for name in X.columns:
            if _is_category(X[name]):
                counts = _of_one_spelling(X[name].dropna().astype(str).value_counts())
                ranked = sorted(counts.index, key=lambda value: (-counts[value], value))
                categories[name] = tuple(sorted(ranked[:max_categories]))
                varies |= len(counts) > 1
            else:
                values = _numbers(X[name], name)
                values = values[~np.isnan(values)]
                varies |= len(values) > 0 and bool((values != values[0]).any())
        if not varies:
            raise InputError(
                f"At least one feature must vary between customers, but all {X.shape[1]} are "
                "constant or missing. Choose more features or more customers."
            )
        return cls(tuple(X.columns), categories)

    @property
    def categorical_indices(self) -> list[int]:
        """Positions of the categorical columns in the array."""
        return [i for i, name in enumerate(self.feature_names) if name in self.categories]

    def transform(self, X: Features) -> Floats:
        """The array (rows, features) of float64; columns are found by name, others are ignored.

        Raises:
            InputError: A column is missing, or holds text where numbers are needed.
        """
        return X.once(self, lambda: self._array(X)) if isinstance(X, Rows) else self._array(X)

    def _array(self, X: Features) -> Floats:
        self._require_columns(X)
        out = np.empty((len(X), len(self.feature_names)), dtype=np.float64)
        for i, name in enumerate(self.feature_names):
            column = X[name]
            if name in self.categories:
                out[:, i] = self._codes(column, name)[0]
            elif isinstance(column, np.ndarray) and column.dtype == np.float64:
                out[:, i] = column
            else:
                series = pd.Series(column) if isinstance(column, np.ndarray) else column
                out[:, i] = _numbers(series, name)
        return out

    def unseen(self, X: Features) -> dict[str, int]:
        """How many values of a column are not in its vocabulary; columns with none are left out."""
        return {name: one.count for name, one in self.unknown(X).items() if one.count}

    def unknown(self, X: Features) -> dict[str, Unseen]:
        """Of each categorical column how many values are not in its vocabulary, and an example."""
        self._require_columns(X)
        return {name: self._unknown(X[name], name) for name in self.categories}

    def unknown_of_each(self, X: Features) -> list[list[str]]:
        """Of each row the columns whose value is not in the vocabulary."""
        self._require_columns(X)
        found: list[list[str]] = [[] for _ in range(len(X))]
        for name in self.categories:
            codes, _, positions = self._codes(X[name], name)
            for row in np.flatnonzero(np.isnan(codes) & (positions >= 0)):
                found[row].append(name)
        return found

    def _unknown(self, column: "pd.Series[Any] | Array", name: str) -> Unseen:
        codes, texts, positions = self._codes(column, name)
        there = positions >= 0
        strange = np.unique(positions[np.isnan(codes) & there])
        example = min((str(texts[i]) for i in strange), default="")
        return Unseen(name, int((np.isnan(codes) & there).sum()), int(there.sum()), example)

    @cached_property
    def _positions(self) -> dict[str, dict[str | None, float]]:
        """Of each categorical column the code of each value that it knows."""
        return {
            name: {value: float(i) for i, value in enumerate(values)}
            for name, values in self.categories.items()
        }

    @cached_property
    def _by_key(self) -> dict[str, dict[str, float]]:
        """The same by what all spellings of a value have in common."""
        return {
            name: {category_key(value): float(i) for i, value in reversed([*enumerate(values)])}
            for name, values in self.categories.items()
        }

    def _code(self, text: str | None, name: str) -> float:
        """The position of a value in the vocabulary; NaN for none."""
        position = self._positions[name].get(text)
        if position is None and text is not None:
            position = self._by_key[name].get(category_key(text))
        return np.nan if position is None else position

    def _codes(
        self, column: "pd.Series[Any] | Array", name: str
    ) -> tuple[Floats, Sequence[str | None], npt.NDArray[Any]]:
        """Positions in the vocabulary; the different values, and which row has which (-1: none)."""
        if isinstance(column, np.ndarray):  # Of few rows: a Categorical would take far longer.
            texts = [category_text(value) for value in column.tolist()]
            codes = np.array([self._code(text, name) for text in texts])
            there = np.array([i if t is not None else -1 for i, t in enumerate(texts)], dtype=int)
            return codes, texts, there
        values = pd.Categorical(column)
        texts = [str(value) for value in values.categories]
        # Pandas codes a missing value -1, which picks the NaN at the end.
        known = np.array([*(self._code(text, name) for text in texts), np.nan])
        return known[values.codes], texts, np.asarray(values.codes)

    def _require_columns(self, X: Features) -> None:
        if not isinstance(X, Rows):
            _require_frame(X)
        missing = [name for name in self.feature_names if name not in X]
        if missing:
            raise InputError(
                f"{len(self.feature_names)} features are needed, but {len(missing)} are missing: "
                f"{', '.join(missing[:10])}{', …' if len(missing) > 10 else ''}. Build them with "
                "the study that trained the model."
            )


def _of_one_spelling(counts: "pd.Series[Any]") -> "pd.Series[Any]":
    """Counts of texts, those of one category together under its most frequent spelling."""
    keys = [category_key(text) for text in counts.index]
    if len(set(keys)) == len(keys):
        return counts
    ranked = sorted(zip(counts.index, keys, strict=True), key=lambda one: (-counts[one[0]], one[0]))
    spelling: dict[str, str] = {}
    for text, key in ranked:
        spelling.setdefault(key, text)
    return counts.groupby([spelling[key] for key in keys]).sum()


def _require_frame(X: object) -> None:
    if not isinstance(X, pd.DataFrame):
        raise InputError(
            f"A pandas DataFrame with named features is needed, but found {type(X).__name__}."
        )


def _is_category(column: "pd.Series[Any]") -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        return True
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "string"


def _numbers(column: "pd.Series[Any]", name: str) -> Floats:
    """float64 with NaN for missing; also from what JSON brings: integers, objects, None."""
    if pd.api.types.is_numeric_dtype(column.dtype) or (
        column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS
    ):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.isna().all():
        return np.full(len(column), np.nan)
    example = column.dropna().iloc[0]
    raise InputError(
        f"Feature {name} needs numbers, but found {column.dtype} such as {example!r}. "
        "Convert the column, or make it a category before training."
    )
