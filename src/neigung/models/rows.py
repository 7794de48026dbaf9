"""A few customers' columns as bare arrays: what a request is answered from.

Pandas takes longer to make and to take apart a frame of one row than the trees take to read it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError

_WHOLE = re.compile(r"(-?[0-9]+)(?:\.0+)?")
_LARGE = re.compile(r"-?[0-9](?:\.[0-9]+)?e\+[0-9]{1,3}")
"""As Python writes floats from 1e16 on."""

Array = npt.NDArray[Any]
Choice = slice | list[int] | npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns of equal length by name; as a frame has them, but without an index.

    Models and reasons take them in place of a frame and give the same numbers, bit for bit. Keep
    to frames for many rows that come as frames.

    Args:
        values: Arrays of shape (n,): float64 with NaN for missing, or objects (str or None) for
            categories. Whatever else a frame may hold is read as it would be there, but slower.
            They are not to be changed afterwards.

    Raises:
        InputError: The arrays differ in length or are no vectors.

    >>> rows = Rows({"orders": np.array([1.0, 4.0]), "channel": np.array(["web", None], object)})
    >>> len(rows), list(rows), "orders" in rows, rows["orders"].tolist()
    (2, ['orders', 'channel'], True, [1.0, 4.0])
    >>> rows.take([1])["channel"].tolist()
    [None]
    """

    values: Mapping[str, Array]
    _read: list[tuple[object, Array]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        shapes = {array.shape for array in self.values.values()}
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            found = ", ".join(map(str, sorted(shapes)))
            raise InputError(
                "Rows need columns of one length, one value for each row, but found arrays of the "
                f"shapes {found}. Give every column for the same rows."
            )

    def __len__(self) -> int:
        return next((len(array) for array in self.values.values()), 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    def take(self, rows: Choice) -> Rows:
        """Some of the rows, by position."""
        return Rows({name: array[rows] for name, array in self.values.items()})

    def once(self, reader: object, read: Callable[[], Array]) -> Array:
        """What `read` gives, kept for the next equal `reader`: models often read rows alike."""
        for known, array in self._read:
            if known is reader or known == reader:
                return array
        found = read()
        found.flags.writeable = False
        self._read.append((reader, found))
        return found


Features = pd.DataFrame | Rows
"""Columns by name, of many rows or of a few."""

Table = TypeVar("Table", bound=Features)
"""The one or the other: who asks with a frame is answered with a frame."""


def some(X: Table, rows: Choice) -> Table:
    """The rows at some positions, in the form they came in.

    >>> some(pd.DataFrame({"orders": [1, 4]}, index=["a", "b"]), [1])
       orders
    b       4
    """
    return cast(Table, X.take(rows) if isinstance(X, Rows) else X.iloc[rows])


def in_parts(X: Table, size: int) -> Iterator[Table]:
    """The rows in parts of up to `size`; at least one part, `X` itself if it is small enough.

    >>> [len(part) for part in in_parts(pd.DataFrame({"orders": [1, 4, 2]}), 2)]
    [2, 1]
    """
    if len(X) <= size:
        yield X
        return
    for start in range(0, len(X), size):
        yield some(X, slice(start, start + size))


def answer(X: Table, columns: Mapping[str, Array | pd.Series[Any]]) -> Table:
    """Columns about the rows of `X`, in the form `X` has: a frame gets its index back.

    >>> answer(pd.DataFrame({"orders": [1, 4]}, index=["a", "b"]), {"high": np.array([0.2, 0.9])})
       high
    a   0.2
    b   0.9
    """
    if isinstance(X, Rows):
        return cast(Table, Rows({name: np.asarray(column) for name, column in columns.items()}))
    return cast(Table, pd.DataFrame(columns, index=X.index))


def index_of(X: Features) -> pd.Index[Any]:
    """The index of a frame; positions where there is none."""
    return pd.RangeIndex(len(X)) if isinstance(X, Rows) else X.index


def matrix(table: Features, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Some columns of numbers side by side, shape (n, names).

    >>> matrix(Rows({"5%": np.array([0.1]), "10%": np.array([0.2])}), ["10%", "5%"])
    array([[0.2, 0.1]])
    """
    if not isinstance(table, Rows):
        return table[list(names)].to_numpy(dtype=np.float64)
    return np.column_stack([table[name] for name in names])


def category_text(value: Any) -> str | None:
    """A category as text, None where it is missing.

    >>> category_text("web"), category_text(float("nan")), category_text(3)
    ('web', None, '3')
    """
    if isinstance(value, str):
        return str(value)
    return None if pd.isna(value) else str(value)


def category_key(text: str) -> str:
    """What one category has in common however it is written: 1, 1.0, "1" and true are one.

    Numbers lose a fraction of nothing, booleans are 1 and 0. Zeros in front stay, as of postcodes.

    >>> [category_key(text) for text in ("1.0", "1", "True", "007", "1.50", "-0.0", "1e+16", "web")]
    ['1', '1', '1', '007', '1.50', '0', '10000000000000000', 'web']
    """
    word = text.strip().lower()
    if word in ("true", "false"):
        return "1" if word == "true" else "0"
    if _LARGE.fullmatch(text):
        number = float(text)
        return str(int(number)) if math.isfinite(number) and number.is_integer() else text
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return text
    return "0" if whole[1] == "-0" else whole[1]
