"""A feature's values along a picture's x axis: numbers, categories, and those unknown."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.features.feature import Column, Language
from neigung.language.numbers import number_text
from neigung.language.values import unit_noun, value_text
from neigung.pictures.drawing import INK, TEXT, cut, escaped, word

Floats = npt.NDArray[np.float64]

_MOST_CATEGORIES = 12

_UPRIGHT, _LETTERS = 6, 8.5
"""So many names, and so many letters an inch of the picture, lie side by side; more are turned."""


def numbers(X: pd.DataFrame, column: Column) -> Floats:
    """A column's values (n,); categories have no order, so they are all unknown."""
    if column.kind == "category":
        return np.full(len(X), np.nan)
    return X[column.name].to_numpy(dtype=np.float64, na_value=np.nan)


def usual(x: Floats) -> npt.NDArray[np.bool_]:
    """Which values are known and lie between the 1st and 99th percentile."""
    known = np.isfinite(x)
    if not known.any():
        return known
    low, high = np.quantile(x[known], [0.01, 0.99])
    return np.asarray(known & (x >= low) & (x <= high))


@dataclass(frozen=True, eq=False)
class Places:
    """Where categories stand: `x` (n,) is 0 for the most frequent one; NaN where none is shown."""

    x: Floats
    names: tuple[str, ...]
    counts: tuple[int, ...]


def places(values: pd.Series[Any], language: Language, most: int = _MOST_CATEGORIES) -> Places:
    """The places of the most frequent categories, a missing one among them.

    >>> found = places(pd.Series(["web", None, "app", "web"]), "en")
    >>> found.names, found.counts, found.x.tolist()
    (('web', 'app', 'unknown'), (2, 1, 1), [0.0, 2.0, 1.0, 0.0])
    """
    text = values.astype(object).where(values.notna(), word("missing", language)).map(str)
    counts = text.value_counts()
    names = sorted(counts.index, key=lambda name: (-counts[name], name))[:most]
    x = text.map({name: float(i) for i, name in enumerate(names)}).to_numpy(dtype=np.float64)
    return Places(x, tuple(names), tuple(int(counts[name]) for name in names))


def category_axis(axes: Any, shown: Places, language: Language) -> None:
    """Names of categories, and how many rows have them."""
    names = [cut(name, 22) for name in shown.names]
    labels = [
        f"{escaped(name)}\n{number_text(count, 0, language)}"
        for name, count in zip(names, shown.counts, strict=True)
    ]
    room = _LETTERS * axes.figure.get_size_inches()[0] / max(1, len(names))
    touching = any((len(a) + len(b)) / 2 > room for a, b in pairwise(names))
    wide = len(names) > _UPRIGHT or touching
    axes.set_xticks(range(len(labels)), labels, rotation=90 if wide else 0)
    axes.set_xlim(-0.5, max(1, len(labels)) - 0.5)


def number_axis(
    axes: Any, x: Floats, column: Column, language: Language, most: int = 5
) -> float | None:
    """Numbers in the column's unit, and room at the left for those of `x` that are unknown.

    How many they are is written there. Call it when the known ones are drawn. Gives the position of
    the unknown ones, None where there are none.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    known = np.isfinite(x)
    left, right = axes.get_xlim() if known.any() else (0.0, 1.0)
    whole = bool((x[known] % 1 == 0).all())
    found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(left, right)
    ticks = [float(at) for at in found if left <= at <= right and known.any()]
    unknown = None
    if not known.all():
        unknown = left - 0.12 * (right - left)
        left = unknown - 0.06 * (right - left)
    step = min(np.diff(ticks), default=1.0)
    decimals = next((d for d in range(4) if np.isclose(round(step, d), step, rtol=1e-3)), 4)

    def tick(value: float, _: Any) -> str:
        if value == unknown:
            missing = value_text(float(1 - known.mean()), "share", language)
            return f"{word('missing', language)}\n{missing}"
        if column.unit == "share":
            return value_text(value, "share", language)
        return number_text(value, decimals, language)

    axes.set_xticks(ticks if unknown is None else [unknown, *ticks])
    axes.set_xlim(left, right)
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_xlabel(unit_noun(column.unit, language), fontsize=TEXT, color=INK)
    return unknown
