"""Path-dependent SHAP values of many rows at once, exact in double precision.

Of a leaf with value v, whose path asks d columns, let o be 1 for a column whose answers lead a row
there, else 0, and z the share of the training rows that these answers led on. If a set S of columns
is known, the leaf counts v times the product of their o and of the others' z. The Shapley value
weighs S by |S|! (d - 1 - |S|)! / d!, the integral of t^|S| (1 - t)^(d - 1 - |S|) over t in 0..1, so
what column j adds is

    v (o_j - z_j) times the integral of the product over i != j of t o_i + (1 - t) z_i.

That is a polynomial of degree d - 1, and Gauss' quadrature with half as many points has no error.
At each point the products grow from the root to the leaves and are added up on the way back, as in
Yu et al., "Linear TreeShap", NeurIPS 2022. All is done for a block of rows at a time, in code that
Numba compiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numba
import numpy as np
import numpy.typing as npt

from neigung.explanation.trees import Leaf, Split, read_trees

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ROWS_AT_ONCE = 4096
_BLOCK = 256  # Rows whose products the processor's cache holds.
_OUT, _LEFT_NOW, _IN = 0, 1, 2


def shap_values(booster: Any, array: Floats, threads: int = 1) -> Floats:
    """SHAP values (rows, columns) of a booster's margin, without the base.

    `array` (rows, columns) is what the booster reads. Its trees are prepared once and kept as long
    as the booster. Other threads can work meanwhile. Raises ValueError for trees that treat zero as
    missing.
    """
    forest = _forests.get(booster)
    if forest is None:
        forest = _forests[booster] = Forest.of(read_trees(booster.dump_model()["tree_info"]))
    return forest_values(forest, array, threads)


_forests: WeakKeyDictionary[Any, Forest] = WeakKeyDictionary()


def forest_values(forest: Forest, array: Floats, threads: int = 1) -> Floats:
    """SHAP values (rows, columns) of the sum of trees, without the base.

    >>> split = Split(0, 40, 2.5, None, True, Leaf(-1.0, 10), Leaf(1.0, 30))
    >>> rows = np.array([[2.0], [3.0], [np.nan]])
    >>> forest_values(Forest.of([split]), rows).round(12).ravel().tolist()
    [-1.5, 0.5, -1.5]
    """
    values = np.zeros(array.shape)

    def fill(start: int) -> None:
        rows = slice(start, start + _ROWS_AT_ONCE)
        found = np.zeros(array[rows].T.shape)
        _add_up(forest, np.ascontiguousarray(array[rows].T), found)
        values[rows] = found.T

    if len(forest.points):
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(0, len(array), _ROWS_AT_ONCE)))
    return values


class Forest(NamedTuple):
    """Trees laid out flat: their nodes, each before those under it and the left side first.

    Of trees: `points`, how many the quadrature needs; `ends`, behind which node each ends.
    Of nodes: `depth` (0 for a root); `asked`, the column that a split asks, -1 for a leaf; its
    `threshold`; `missing_left`; `listed` (n, 2), where `members` tells for each category from 0 on
    whether it goes left, empty where the split asks for no category. And of how a node is reached:
    `told`, the column that was asked; `on_left`, whether its answer was to go left; `before`, the
    depth of the node that the last answer of this column led to, 0 for none; `closing`, how many
    nodes are done after a leaf, itself included; `first`, where its `factors` (n, 6) begin, a line
    for each point: the products and what they add, each for a row that was lost to this column
    `before`, for one that is lost now, and for one that comes here.
    """

    points: Integers
    ends: Integers
    depth: Integers
    asked: Integers
    threshold: Floats
    missing_left: npt.NDArray[np.bool_]
    listed: Integers
    members: npt.NDArray[np.bool_]
    told: Integers
    on_left: npt.NDArray[np.bool_]
    before: Integers
    closing: Integers
    first: Integers
    factors: Floats

    @classmethod
    def of(cls, trees: Sequence[Split]) -> Forest:
        """The trees of `read_trees`."""
        nodes: list[_Node] = []
        points, ends = [], []
        for tree in trees:
            at, weights = np.polynomial.legendre.leggauss((_widest(tree, frozenset()) + 1) // 2)
            _lay_out(tree, _Way((at + 1) / 2, weights / 2, nodes), (), 0)
            points.append(len(at))
            ends.append(len(nodes))
        members = [_members(node.categories) for node in nodes]
        edges = np.cumsum([0, *map(len, members)])
        sizes = [len(node.factors) for node in nodes]

        def integers(values: list[int]) -> Integers:
            return np.array(values, dtype=np.int64)

        return cls(
            points=integers(points),
            ends=integers(ends),
            depth=integers([node.depth for node in nodes]),
            asked=integers([node.asked for node in nodes]),
            threshold=np.array([node.threshold for node in nodes], dtype=np.float64),
            missing_left=np.array([node.missing_left for node in nodes], dtype=np.bool_),
            listed=np.column_stack([edges[:-1], edges[1:]]).astype(np.int64),
            members=np.concatenate([np.zeros(0, dtype=np.bool_), *members]),
            told=integers([node.told for node in nodes]),
            on_left=np.array([node.on_left for node in nodes], dtype=np.bool_),
            before=integers([node.before for node in nodes]),
            closing=integers([node.closing for node in nodes]),
            first=np.cumsum([0, *sizes])[:-1].astype(np.int64),
            factors=np.concatenate([np.zeros((0, 6)), *(node.factors for node in nodes)]),
        )


class _Node(NamedTuple):
    """One node of a `Forest`."""

    depth: int
    asked: int
    threshold: float
    missing_left: bool
    categories: frozenset[float] | None
    told: int
    on_left: bool
    before: int
    closing: int
    factors: Floats


class _Step(NamedTuple):
    """An answer on the way to a node: the column, on which side, what of its rows came so far."""

    column: int
    on_left: bool
    share: float


class _Way(NamedTuple):
    """How the nodes of a tree are laid out: the points of its quadrature, and where to."""

    at: Floats
    weights: Floats
    nodes: list[_Node]

    def factors(self, share: float, before: float | None, scale: Floats | float) -> Floats:
        """Factors (points, 6) of a step, see `Forest`; `before` is the column's last share."""
        lost, come = (1 - self.at) * share, self.at + (1 - self.at) * share
        products = np.stack([lost, lost, come])
        adds = np.stack([-share / lost, -share / lost, (1 - share) / come])
        if before is not None:
            was_lost, was_in = (1 - self.at) * before, self.at + (1 - self.at) * before
            # The earlier answer no longer counts for the leaves under this one.
            products /= np.stack([was_lost, was_in, was_in])
            adds -= np.stack([-before / was_lost, (1 - before) / was_in, (1 - before) / was_in])
        return np.concatenate([products * scale, adds]).T


def _lay_out(node: Split | Leaf, way: _Way, path: tuple[_Step, ...], closing: int) -> None:
    """Append a node and those under it."""
    factors, before = np.zeros((0, 6)), 0
    last = path[-1] if path else _Step(0, False, 1.0)
    if path:
        for depth, step in enumerate(path[:-1], start=1):
            if step.column == last.column:
                before = depth
        # A leaf's products are all that is left to do, so its value is among them.
        scale = way.weights * node.value if isinstance(node, Leaf) else 1.0
        factors = way.factors(last.share, path[before - 1].share if before else None, scale)
    known = (last.column, last.on_left, before, closing, factors)
    if isinstance(node, Leaf):
        way.nodes.append(_Node(len(path), -1, 0.0, False, None, *known))
        return
    way.nodes.append(
        _Node(len(path), node.column, node.threshold, node.missing_left, node.categories, *known)
    )
    share = next((step.share for step in reversed(path) if step.column == node.column), 1.0)
    for on_left, child in ((True, node.left), (False, node.right)):
        step = _Step(node.column, on_left, share * child.count / node.count)
        _lay_out(child, way, (*path, step), 1 if on_left else closing + 1)


def _widest(node: Split | Leaf, columns: frozenset[int]) -> int:
    """The most columns that a path asks."""
    if isinstance(node, Leaf):
        return len(columns)
    columns |= {node.column}
    return max(_widest(node.left, columns), _widest(node.right, columns))


def _members(categories: frozenset[float] | None) -> npt.NDArray[np.bool_]:
    if categories is None:
        return np.zeros(0, dtype=np.bool_)
    return np.isin(np.arange(max(categories) + 1), list(categories))


def _compiled(function: Callable[..., None]) -> Any:
    """The function as machine code, kept for other processes where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # No folder can be written.
        return numba.njit(nogil=True)(function)


@_compiled
def _add_up(forest, array, values):  # type: ignore[no-untyped-def]
    """Add the SHAP values of `array` (columns, rows) to `values`."""
    levels, most = forest.depth.max() + 1, forest.points.max()
    products = np.ones((levels, most, _BLOCK))
    sums = np.zeros((levels, most, _BLOCK))
    goes_left = np.empty((levels, _BLOCK), np.bool_)
    state = np.full((levels, _BLOCK), np.uint8(_IN))
    node_at = np.zeros(levels, np.int64)
    for start in range(0, array.shape[1], _BLOCK):
        rows = slice(start, min(start + _BLOCK, array.shape[1]))
        n = rows.stop - start
        begin = 0
        for tree in range(len(forest.points)):
            points = forest.points[tree]
            for i in range(begin, forest.ends[tree]):
                depth = forest.depth[i]
                node_at[depth] = i
                ends = forest.asked[i] < 0
                if depth > 0:
                    _come(forest, i, goes_left, state, n)
                    for q in range(points):
                        told = forest.factors[forest.first[i] + q]
                        grown = sums[depth, q, :n] if ends else products[depth, q, :n]
                        _grow(grown, products[depth - 1, q, :n], state[depth, :n], told)
                if not ends:
                    _ask(forest, i, array[forest.asked[i], rows], goes_left[depth, :n])
                for _ in range(forest.closing[i] if ends else 0):
                    j = node_at[depth]
                    moved = values[forest.told[j], rows]
                    for q in range(points):
                        told = forest.factors[forest.first[j] + q]
                        below, above = sums[depth, q, :n], sums[depth - 1, q, :n]
                        # The left side comes first, to what an earlier node left there.
                        kept = 0.0 if forest.on_left[j] else 1.0
                        _tell(moved, below, above, kept, state[depth, :n], told)
                    depth -= 1
            begin = forest.ends[tree]


@_compiled
def _ask(forest, i, column, goes_left):  # type: ignore[no-untyped-def]
    """Which rows go left at a split, given their values of its column."""
    begin, end = forest.listed[i]
    threshold = forest.threshold[i]
    if end > begin:
        for r in range(len(column)):
            known = column[r] >= 0 and column[r] < end - begin
            goes_left[r] = known and forest.members[begin + int(column[r])]
    elif forest.missing_left[i]:
        for r in range(len(column)):
            goes_left[r] = not (column[r] > threshold)
    else:
        for r in range(len(column)):
            goes_left[r] = column[r] <= threshold


@_compiled
def _come(forest, i, goes_left, state, n):  # type: ignore[no-untyped-def]
    """Which of `n` rows are led to a node by their answers about the column asked last."""
    depth, on_left = forest.depth[i], forest.on_left[i]
    asked, before, now = goes_left[depth - 1], state[forest.before[i]], state[depth]
    for r in range(n):
        now[r] = (_IN if asked[r] == on_left else _LEFT_NOW) if before[r] == _IN else _OUT


@_compiled
def _grow(grown, product, state, factors):  # type: ignore[no-untyped-def]
    """The products at a node from those above it."""
    out, left, come = factors[0], factors[1], factors[2]
    for r in range(len(grown)):
        grown[r] = product[r] * (
            come if state[r] == _IN else left if state[r] == _LEFT_NOW else out
        )


@_compiled
def _tell(moved, below, above, kept, state, factors):  # type: ignore[no-untyped-def]
    """Add to a column's SHAP values what the leaves under a node say of it, and pass them on."""
    out, left, come = factors[3], factors[4], factors[5]
    for r in range(len(moved)):
        moved[r] += below[r] * (come if state[r] == _IN else left if state[r] == _LEFT_NOW else out)
        above[r] = kept * above[r] + below[r]
