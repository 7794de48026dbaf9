"""LightGBM's trees in Woodelf: path-dependent SHAP values of many rows at once.

Nadel and Wettenstein, "From decision trees to Boolean logic: a fast and unified SHAP algorithm",
AAAI 2026. Woodelf's own reader refuses categorical splits, so the trees are read here. This module
imports Woodelf and is itself imported only when rows are many.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from woodelf import WoodelfExplainer
from woodelf.core.trees.decision_trees_ensemble import (
    DecisionTreesEnsemble,
    LeftIsSmallerEqualDecisionTreeNode,
)

from neigung.explanation.trees import Leaf, Split, read_trees

_TREES_AT_ONCE = 25


class _CategoryNode(LeftIsSmallerEqualDecisionTreeNode):  # type: ignore[misc]
    """Goes left for the categories it lists, right for all others and for missing ones."""

    categories: frozenset[float]

    def shall_go_left(self, row: pd.DataFrame, GPU: bool = False) -> Any:
        return row[self.feature_name].isin(self.categories)


def woodelf_values(trees: list[dict[str, Any]], array: npt.NDArray[np.float64]) -> Any:
    """SHAP values (rows, columns) of the margin, without the base, in float64.

    `trees` is `tree_info` of `Booster.dump_model()`, `array` (rows, columns) what the booster
    reads. Raises ValueError for trees that treat zero as missing.

    >>> leaf = lambda index, value, n: {"leaf_index": index, "leaf_value": value, "leaf_count": n}
    >>> split = {"split_index": 0, "split_feature": 0, "decision_type": "<=", "threshold": 2.5,
    ...          "default_left": True, "missing_type": "NaN", "internal_count": 40,
    ...          "left_child": leaf(0, -1.0, 10), "right_child": leaf(1, 1.0, 30)}
    >>> trees = [{"num_leaves": 2, "tree_structure": split}]
    >>> woodelf_values(trees, np.array([[2.0], [3.0], [np.nan]])).ravel().tolist()
    [-1.5, 0.5, -1.5]
    """
    data = pd.DataFrame(array, columns=range(array.shape[1]))
    roots = [_tree(tree) for tree in read_trees(trees)]
    values = np.zeros(array.shape)
    # A few trees at a time, because Woodelf adds them up in single precision.
    for start in range(0, len(roots), _TREES_AT_ONCE):
        some = DecisionTreesEnsemble(roots[start : start + _TREES_AT_ONCE])
        values += WoodelfExplainer(some).shap_values(data, verbose=False)
    return values


def _tree(tree: Split) -> Any:
    root = _node(tree)
    for index, node in enumerate(root.bfs()):
        node.index = index
    root.depth = root.get_depth()
    return root


def _node(read: Split | Leaf) -> Any:
    """A node as Woodelf wants it, with its children."""
    if isinstance(read, Leaf):
        return LeftIsSmallerEqualDecisionTreeNode(None, read.value, None, None, cover=read.count)
    left, right = _node(read.left), _node(read.right)
    kind = LeftIsSmallerEqualDecisionTreeNode if read.categories is None else _CategoryNode
    node = kind(read.column, read.threshold, right, left, read.missing_left, cover=read.count)
    if read.categories is not None:
        node.categories = read.categories
    left.parent = right.parent = node
    return node
