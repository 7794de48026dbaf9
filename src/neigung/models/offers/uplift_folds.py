"""Folds that never part the rows of one customer."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError


def customer_folds(
    rows: int, folds: int, seed: int, groups: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """The fold of each row, 0 to folds - 1, shape (rows,); of even size, drawn by `seed`.

    Args:
        rows: How many rows.
        folds: How many folds.
        seed: Seed of the draw.
        groups: Shape (rows,); rows of one group get one fold.

    Raises:
        InputError: Groups of another length, or fewer groups than folds.

    >>> customer_folds(6, 3, 0, ["a", "a", "b", "b", "c", "c"]).tolist()
    [2, 2, 0, 0, 1, 1]
    """
    codes = group_codes(rows, groups)
    count = int(codes.max()) + 1 if rows else 0
    if count < folds:
        raise InputError(
            f"At least {folds} customers are needed for {folds} folds, but found {count}."
        )
    drawn: npt.NDArray[Any] = np.random.default_rng(seed).permutation(count) % folds
    return drawn[codes].astype(np.int64)


def group_codes(rows: int, groups: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
    """A number per group in order of first appearance, shape (rows,); each row its own if None.

    Raises:
        InputError: Groups of another length.
    """
    if groups is None:
        return np.arange(rows, dtype=np.int64)
    codes = np.asarray(pd.factorize(np.asarray(groups))[0], dtype=np.int64)
    if codes.shape != (rows,):
        raise InputError(f"{rows} groups are needed, one per row, but found shape {codes.shape}.")
    if (codes < 0).any():
        raise InputError("Every row needs a group, but some are missing.")
    return codes
