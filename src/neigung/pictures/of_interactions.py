"""The pictures of interactions: which pairs of features act together, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.features.feature import Column, Language
from neigung.language.numbers import number_text, share_text
from neigung.language.units import Unit, decimals, factor
from neigung.language.values import value_text
from neigung.pictures.drawing import (
    GREY,
    INK,
    LOWERS,
    RAISES,
    SMALL,
    TEXT,
    bars,
    cut,
    decimal_axis,
    empty_figure,
    escaped,
    in_unit,
    new_figure,
    plain,
    word,
    wrapped,
)
from neigung.pictures.value_axes import category_axis, number_axis, numbers, places, usual

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

# Colour, marker and line say the same thing, for print in grey and for any colour vision.
_STYLES = ((LOWERS, "o", "-"), ("#009E73", "s", "--"), (RAISES, "^", "-."))
_OTHER, _UNKNOWN = ("#CC79A7", "D", (0, (4, 1, 1, 1))), (GREY, "x", ":")

_FEWEST = 5
"""Rows of which a median is drawn."""


@dataclass(frozen=True, eq=False)
class _Group:
    """The rows in which one feature is low, middle, high or unknown, or has one category."""

    text: str
    rows: npt.NDArray[np.intp]
    style: tuple[str, str, Any]


def plot_interactions(
    table: pd.DataFrame, unit: Unit, note: str = "", language: Language = "en", most: int = 10
) -> Figure:
    """Mean absolute joint contribution of the strongest pairs, as SHAP's bars.

    `table` has a row per pair, the strongest first: text_a, text_b, strength, share; where it has
    none, `note` says why.
    """
    if not len(table):
        return empty_figure(9, note or word("empty", language))
    table = table.head(most)
    figure, axes = new_figure(9, 1.0 + 0.75 * len(table))
    labels = [
        f"{_short(a, 108)}\n× {_short(b, 108)}"
        for a, b in zip(table["text_a"], table["text_b"], strict=True)
    ]
    sizes = np.asarray(table["strength"], dtype=np.float64)
    places = decimals(unit, float(sizes.max()), 3)
    written = [
        f"{number_text(size * factor(unit), places, language)} ({_part(share, language)})"
        for size, share in zip(sizes, table["share"], strict=True)
    ]
    bars(axes, sizes * factor(unit), labels, written)
    axes.set_xlabel(in_unit("joint", unit, language))
    decimal_axis(axes.xaxis, language)
    return figure


def plot_interaction(
    together: Floats,
    X: pd.DataFrame,
    a: Column,
    b: Column,
    unit: Unit,
    language: Language = "en",
) -> Figure:
    """What two columns add together, over the value of `a`, for low, middle and high `b`.

    `together` (rows,) is what they add, `X` the rows. A dot per customer, and lines of medians. Of
    a categorical `b` the most frequent categories have a style of their own.
    """
    y = together * factor(unit)
    figure, axes = new_figure(8.4, 3.8)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    groups = _groups(X, b, language)
    draw = _over_categories if a.kind == "category" else _over_numbers
    draw(axes, X, a, y, groups, language)
    axes.set_xlabel(_titled(a, language, 80), fontsize=TEXT, color=INK)
    axes.set_ylabel(in_unit("together", unit, language), fontsize=TEXT, color=INK)
    axes.tick_params(labelsize=SMALL)
    decimal_axis(axes.yaxis, language)
    plain(axes)
    figure.legend(
        handles=[_handle(group) for group in groups],
        title=_titled(b, language, 34),
        loc="outside right upper",
        frameon=False,
        fontsize=SMALL,
        title_fontsize=TEXT,
        alignment="left",
    )
    return figure


def _over_numbers(
    axes: Any, X: pd.DataFrame, column: Column, y: Floats, groups: list[_Group], language: Language
) -> None:
    x = numbers(X, column)
    shown = usual(x)
    edges = _edges(x[shown])
    for group in groups:
        rows = group.rows[shown[group.rows]]
        _dots(axes, x[rows], y[rows], group)
        bins = np.searchsorted(edges, x[rows], side="right")
        medians = [
            (np.median(x[rows[bins == i]]), np.median(y[rows[bins == i]]))
            for i in np.unique(bins)
            if (bins == i).sum() >= _FEWEST
        ]
        if medians:
            colour, _, line = group.style
            axes.plot(*zip(*medians, strict=True), color=colour, linestyle=line, linewidth=2)
    unknown = number_axis(axes, x, column, language, most=8)
    if unknown is not None:
        left, right = axes.get_xlim()
        for i, group in enumerate(groups):
            rows = group.rows[~np.isfinite(x[group.rows])]
            at = unknown + (i - (len(groups) - 1) / 2) * 0.015 * (right - left)
            _dots(axes, np.full(len(rows), at), y[rows], group)
        axes.set_xlim(left, right)


def _over_categories(
    axes: Any, X: pd.DataFrame, column: Column, y: Floats, groups: list[_Group], language: Language
) -> None:
    shown = places(X[column.name], language)
    step = 0.8 / len(groups)
    for i, group in enumerate(groups):
        rows = group.rows[np.isfinite(shown.x[group.rows])]
        shift = (i - (len(groups) - 1) / 2) * step
        # Spread evenly within the group's place, so that dots do not hide each other.
        spread = (np.arange(len(rows)) % 7 - 3) / 7 * 0.7 * step
        _dots(axes, shown.x[rows] + shift + spread, y[rows], group)
        for place in np.unique(shown.x[rows]):
            here = y[rows[shown.x[rows] == place]]
            if len(here) >= _FEWEST:
                at = place + shift
                axes.hlines(np.median(here), at - step / 2, at + step / 2, color=INK, linewidth=2)
    category_axis(axes, shown, language)


def _dots(axes: Any, x: Floats, y: Floats, group: _Group) -> None:
    colour, marker, _ = group.style
    axes.scatter(
        x,
        y,
        s=14,
        color=colour,
        marker=marker,
        alpha=0.5,
        linewidths=1 if marker == "x" else 0,
        rasterized=True,
    )


def _handle(group: _Group) -> Any:
    from matplotlib.lines import Line2D

    colour, marker, line = group.style
    return Line2D([], [], color=colour, marker=marker, linestyle=line, label=group.text)


def _groups(X: pd.DataFrame, column: Column, language: Language) -> list[_Group]:
    """Rows by the value of a column, each with its text and style; no empty ones."""
    found: list[_Group] = []
    if column.kind == "category":
        known = X[column.name].notna().to_numpy()
        shown = places(X[column.name][known], language, len(_STYLES))
        place = np.full(len(X), np.nan)
        place[known] = shown.x
        for i, name in enumerate(shown.names):
            found.append(_Group(escaped(cut(name, 34)), np.flatnonzero(place == i), _STYLES[i]))
        rest = np.flatnonzero(known & np.isnan(place))
        found.append(_Group(word("other", language), rest, _OTHER))
    else:
        values = numbers(X, column)
        known = np.isfinite(values)
        found += _thirds(values, np.flatnonzero(known), column, language)
    found.append(_Group(word("missing", language), np.flatnonzero(~known), _UNKNOWN))
    return [group for group in found if len(group.rows)]


def _thirds(
    values: Floats, known: npt.NDArray[np.intp], column: Column, language: Language
) -> list[_Group]:
    """Low, middle and high values; fewer groups where few values differ."""
    if not len(known):
        return []
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    # Where most have the same value, the two are equal, and it stands against all above.
    part = (values[known] > low).astype(int) + (values[known] > high)
    names = {0: "low", 1: "middle", 2: "high"}
    found = []
    for i, name in names.items():
        rows = known[part == i]
        if len(rows):
            ends = [
                value_text(float(end), column.unit, language, noun=False)
                for end in (values[rows].min(), values[rows].max())
            ]
            span = ends[0] if ends[0] == ends[1] else word("to", language).format(*ends)
            found.append(_Group(f"{word(name, language)}: {span}", rows, _STYLES[i]))
    return found


def _edges(x: Floats) -> Floats:
    """Borders between which medians are taken: of eight equal parts, or between the values."""
    different = np.unique(x)
    if len(different) <= 10:
        return (different[1:] + different[:-1]) / 2
    return np.unique(np.quantile(x, np.linspace(0, 1, 9)[1:-1]))


def _part(share: float, language: Language) -> str:
    """A share with two decimals: most interactions are small."""
    return share_text(share, language, 2)


def _short(text: str, length: int) -> str:
    return wrapped(cut(text, length), 56)


def _titled(column: Column, language: Language, width: int) -> str:
    return wrapped(cut(column.text(language), 138), width)
