"""Arrow columns made from numpy arrays without a Python loop over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import Bools, Ints, microseconds

_DIGITS = np.array([f"{number:04d}".encode() for number in range(10_000)]).view(np.uint8)
_FOUR = _DIGITS.reshape(10_000, 4)


def ids(prefix: str, *parts: tuple[Ints, int]) -> pa.Array:
    """Texts such as c00000017003: a prefix, then numbers of fixed widths (multiples of 4).

    >>> ids("o", (np.array([17, 18]), 8), (np.array([3, 0]), 4)).to_pylist()
    ['o000000170003', 'o000000180000']
    """
    rows = len(parts[0][0])
    width = len(prefix) + sum(digits for _, digits in parts)
    text = np.empty((rows, width), np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
    end = len(prefix)
    for number, digits in parts:
        end += digits
        rest = number
        for place in range(end, end - digits, -4):
            rest, four = np.divmod(rest, 10_000)
            text[:, place - 4 : place] = _FOUR[four]
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))


def pick(values: pa.Array | Sequence[str], index: Ints, where: Bools | None = None) -> pa.Array:
    """The values at `index`; missing where `where` is false."""
    values = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    mask = None if where is None else ~where
    codes = pa.array(index.astype(np.int32, copy=False), mask=mask)
    return pa.DictionaryArray.from_arrays(codes, values)


def times(seconds: Ints, where: Bools | None = None) -> pa.Array:
    """Times of the room as timestamps without a zone; missing where `where` is false."""
    mask = None if where is None else ~where
    return pa.array(microseconds(seconds), pa.timestamp("us"), mask=mask)


def money(cents: Ints) -> pa.Array:
    """Whole cents as amounts with two decimals."""
    words = np.empty((len(cents), 2), np.int64)
    words[:, 0] = cents
    words[:, 1] = np.where(cents < 0, -1, 0)
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(words)])


def rank(owner: Ints, owners: int) -> Ints:
    """How many rows of the same owner stand before each row; owners are sorted.

    >>> rank(np.array([0, 0, 2]), 3).tolist()
    [0, 1, 0]
    """
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=owners))])
    before: Ints = np.arange(len(owner)) - starts[owner]
    return before


def by_owner(owner: Ints, at: Ints) -> Ints:
    """The order of rows by owner, then by time."""
    order: Ints = np.argsort((owner << 34) + at, kind="stable")
    return order
