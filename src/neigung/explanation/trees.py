"""LightGBM's trees as plain data, for whatever computes on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Leaf:
    """An end of a tree: what it adds to the margin, and how many training rows it holds."""

    value: float
    count: int


@dataclass(frozen=True, slots=True)
class Split:
    """A question at a column (its position); `count` training rows came here.

    Left go the values up to `threshold`, or those among `categories` where these are not None;
    missing ones if `missing_left`.
    """

    column: int
    count: int
    threshold: float
    categories: frozenset[float] | None
    missing_left: bool
    left: Split | Leaf
    right: Split | Leaf

    def goes_left(self, array: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which rows of `array` (rows, columns) go left, shape (rows,)."""
        values = array[:, self.column]
        if self.categories is not None:
            return np.isin(values, list(self.categories))
        if self.missing_left:
            return ~(values > self.threshold)
        return values <= self.threshold


def read_trees(dumped: Iterable[dict[str, Any]]) -> list[Split]:
    """The trees of `tree_info` of `Booster.dump_model()`; those without a split are left out.

    Raises ValueError for trees that treat zero as missing.

    >>> leaf = lambda index, value, n: {"leaf_index": index, "leaf_value": value, "leaf_count": n}
    >>> split = {"split_index": 0, "split_feature": 0, "decision_type": "<=", "threshold": 2.5,
    ...          "default_left": True, "missing_type": "NaN", "internal_count": 40,
    ...          "left_child": leaf(0, -1.0, 10), "right_child": leaf(1, 1.0, 30)}
    >>> [tree] = read_trees([{"num_leaves": 2, "tree_structure": split}])
    >>> tree.goes_left(np.array([[2.0], [3.0], [np.nan]])).tolist()
    [True, False, True]
    """
    trees = [_node(tree["tree_structure"]) for tree in dumped]
    return [tree for tree in trees if isinstance(tree, Split)]


def _node(dumped: dict[str, Any]) -> Split | Leaf:
    if "leaf_value" in dumped:
        # A tree without a split is not told how many rows it has seen.
        return Leaf(float(dumped["leaf_value"]), int(dumped.get("leaf_count", 0)))
    if dumped["missing_type"] == "Zero":
        raise ValueError("trees that treat zero as missing are not supported")
    threshold, categories, missing_left = dumped["threshold"], None, bool(dumped["default_left"])
    if dumped["decision_type"] == "==":
        # Missing and unseen categories are on no list, so they go right.
        categories = frozenset(float(part) for part in threshold.split("||"))
        threshold, missing_left = 0.0, False
    elif dumped["missing_type"] == "None":
        # LightGBM then reads a missing value as zero.
        missing_left = threshold >= 0
    return Split(
        int(dumped["split_feature"]),
        int(dumped["internal_count"]),
        float(threshold),
        categories,
        missing_left,
        _node(dumped["left_child"]),
        _node(dumped["right_child"]),
    )
