"""The pictures of features: importance, beeswarm, dependence, waterfall.

Drawn by SHAP's own hand, as reviewers know them, and written in English or German by ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.features.feature import Column, Language
from neigung.language.numbers import number_text
from neigung.language.units import Unit, amount, decimals, effect_text, factor
from neigung.language.values import has_noun, is_missing, value_text
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
    in_unit,
    label,
    new_figure,
    plain,
    shap_on,
    strongest,
    word,
    wrapped,
)
from neigung.pictures.value_axes import category_axis, number_axis, numbers, places, usual

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

BEESWARM_DOTS = 3000
"""Most customers drawn as dots; of more, every n-th is."""


def plot_importance(
    sizes: Floats, columns: Sequence[Column], unit: Unit, language: Language = "en", most: int = 15
) -> Figure:
    """Mean absolute contribution of the strongest columns, `sizes` (columns,), as SHAP's bars."""
    importance = sizes * factor(unit)
    order = strongest(importance, most)
    if not len(order):
        return empty_figure(9, word("empty", language))
    places = decimals(unit, sizes.max(), 3)
    figure, axes = new_figure(9, 0.9 + 0.46 * len(order))
    labels = [label(columns[j], language) for j in order]
    numbers = [number_text(size, places, language) for size in importance[order]]
    bars(axes, importance[order], labels, numbers)
    axes.set_xlabel(in_unit("importance", unit, language))
    decimal_axis(axes.xaxis, language)
    return figure


def plot_beeswarm(
    values: Floats,
    columns: Sequence[Column],
    X: pd.DataFrame,
    unit: Unit,
    language: Language = "en",
    most: int = 15,
) -> Figure:
    """SHAP's beeswarm: a dot per customer, coloured by the value; categories are grey.

    `values` (rows, columns) are contributions, `X` the rows that they explain.
    Lundberg et al. (2020), "From local explanations to global understanding with explainable AI
    for trees". Of more than 3,000 customers every n-th is drawn.
    """
    order = strongest(np.abs(values).mean(axis=0) if len(values) else values.sum(axis=0), most)
    if not len(order):
        return empty_figure(9, word("empty", language))
    shown = [columns[j] for j in order]
    rows = np.arange(0, len(values), max(1, -(-len(values) // BEESWARM_DOTS)))
    drawn = X.iloc[rows]
    figure, axes = new_figure(9, 1.3 + 0.46 * len(order))
    with shap_on(axes) as shap:
        shap.plots.beeswarm(
            shap.Explanation(
                values=values[np.ix_(rows, order)] * factor(unit),
                data=np.column_stack([numbers(drawn, column) for column in shown]),
                feature_names=[label(column, language) for column in shown],
            ),
            max_display=None,
            order=np.arange(len(order)),
            ax=axes,
            plot_size=None,
            show=False,
            s=9,
            color_bar_label=word("value", language),
            group_remaining_features=False,
        )
    for bar in figure.axes[1:]:
        bar.set_yticklabels([word("low", language), word("high", language)], fontsize=TEXT)
        bar.yaxis.label.set_fontsize(TEXT)
    axes.set_xlabel(in_unit("contribution", unit, language), fontsize=TEXT)
    axes.tick_params(labelsize=TEXT)
    decimal_axis(axes.xaxis, language)
    return figure


def plot_dependence(
    values: Floats, X: pd.DataFrame, column: Column, unit: Unit, language: Language = "en"
) -> Figure:
    """SHAP's scatter of value against contribution of one column, over the density of the values.

    `values` (rows,) are what the column adds, `X` the rows.

    Numbers are drawn between their 1st and 99th percentile, missing values as a box at the left;
    of categories the most frequent ones, with a line at their median.
    """
    y = values * factor(unit)
    figure, axes = new_figure(4.4, 3.3)
    if column.kind == "category":
        _categories(axes, X[column.name], y, language)
    else:
        _values(axes, numbers(X, column), y, column, language)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_ylabel(in_unit("contribution", unit, language), fontsize=TEXT, color=INK)
    decimal_axis(axes.yaxis, language)
    axes.set_title(wrapped(cut(column.text(language), 138), 52), fontsize=9.5)
    axes.tick_params(labelsize=SMALL)
    plain(axes)
    return figure


def plot_waterfall(
    values: Floats,
    columns: Sequence[Column],
    row: pd.Series[Any],
    ends: tuple[float, float],
    unit: Unit,
    language: Language = "en",
    most: int = 9,
) -> Figure:
    """SHAP's waterfall: how one row comes from the average to its prediction, from below upwards.

    `values` (columns,) are what each column adds, `row` the customer's own values, `ends` where it
    starts and where it arrives. The `most` strongest columns, and all others together.
    """
    values = values * factor(unit)
    order = strongest(np.abs(values), len(values))
    if not len(order):
        return empty_figure(8.4, word("nothing", language))
    start = ends[0] * factor(unit)
    shown = order if len(order) <= most + 1 else order[:most]
    labels = [_valued(columns[j], row, language) for j in shown]
    steps = [float(values[j]) for j in shown]
    if len(shown) < len(order):
        labels.append(word("rest", language).format(len(order) - most))
        steps.append(float(values[order[most:]].sum()))
    size = (8.4, 0.5 * len(steps) + 1.6)
    figure, axes = new_figure(*size, layout=None)
    _room_for(figure, labels)
    with shap_on(axes) as shap:
        shap.plots.waterfall(
            shap.Explanation(
                values=_untied(values[order]), base_values=start, feature_names=labels
            ),
            max_display=len(steps),
            show=False,
        )
    figure.set_size_inches(*size)
    for other in figure.axes[1:]:
        # SHAP names both ends in formulas.
        other.remove()
    places = decimals(unit, max(map(abs, steps)) / factor(unit))
    for text in axes.texts:
        step = steps[len(steps) - 1 - round(text.get_position()[1])]
        inside = text.get_horizontalalignment() == "center"
        colour = "white" if inside and step < 0 else INK
        text.set(text=amount(step / factor(unit), unit, places, language), color=colour)
        text.set_fontsize(TEXT)
    _shape_arrows(axes, steps, start)
    axes.set_yticks(range(len(steps)), labels[::-1], fontsize=TEXT, color=INK)
    axes.set_ylim(-0.6, len(steps) - 0.4)
    left, right = axes.get_xlim()
    for position, key in zip(ends, ("base", "result"), strict=True):
        above, at = key == "result", position * factor(unit)
        side = (at - left) / (right - left)
        axes.annotate(
            f"{word(key, language)}\n{_prediction(position, unit, language)}",
            (at, 1 if above else 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3 if above else -20),
            textcoords="offset points",
            ha="left" if side < 0.15 else "right" if side > 0.85 else "center",
            va="bottom" if above else "top",
            fontsize=TEXT,
        )
    axes.set_xlabel(in_unit("contribution", unit, language), fontsize=TEXT, labelpad=33)
    axes.tick_params(axis="x", labelsize=SMALL)
    decimal_axis(axes.xaxis, language)
    return figure


def _room_for(figure: Figure, labels: list[str]) -> None:
    """Axes that leave room for the labels: SHAP measures them to shape its arrows."""
    width, height = figure.get_size_inches()
    probe = figure.text(0, 0, "\n".join(labels), fontsize=TEXT)
    wide = probe.get_window_extent().width / figure.dpi
    probe.remove()
    figure.subplots_adjust(
        left=min(0.6, (wide + 0.3) / width),
        right=1 - 0.25 / width,
        bottom=0.9 / height,
        top=1 - 0.45 / height,
    )


def _untied(values: Floats) -> Floats:
    """Values by falling size, no two of one size, or SHAP may put them in another order."""
    return values * (1 + 1e-12 * np.arange(len(values), 0, -1))


def _shape_arrows(axes: Any, steps: list[float], start: float) -> None:
    """Arrows of the steps, the last one lowest: SHAP turns round those shorter than their head."""
    from matplotlib.patches import FancyArrow

    width = axes.get_window_extent().width / axes.figure.dpi
    left, right = axes.get_xlim()
    for arrow in [patch for patch in axes.patches if isinstance(patch, FancyArrow)]:
        arrow.remove()
    for row, step in enumerate(reversed(steps)):
        head = min(0.08 * (right - left) / width, abs(step))
        arrow = FancyArrow(
            start,
            row,
            step,
            0,
            width=0.8,
            head_width=0.8,
            head_length=head,
            length_includes_head=True,
            color=RAISES if step > 0 else LOWERS,
            linewidth=0,
        )
        axes.add_patch(arrow)
        start += step


def _values(axes: Any, x: Floats, y: Floats, column: Column, language: Language) -> None:
    shown = usual(x)
    if shown.any():
        _dots(axes, *_thinned(x, y, shown))
    unknown = number_axis(axes, x, column, language)
    if unknown is not None:
        left, right = axes.get_xlim()
        _box(axes, y[~np.isfinite(x)], unknown, 0.05 * (right - left))
        axes.set_xlim(left, right)


def _categories(axes: Any, values: pd.Series[Any], y: Floats, language: Language) -> None:
    shown = places(values, language)
    if len(values):
        _dots(axes, *_thinned(shown.x, y, np.isfinite(shown.x)), jitter=0.5)
    for i in range(len(shown.names)):
        axes.hlines(np.median(y[shown.x == i]), i - 0.3, i + 0.3, color=INK, linewidth=2)
    category_axis(axes, shown, language)
    axes.set_xlabel("")


def _thinned(x: Floats, y: Floats, which: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    rows = np.flatnonzero(which)[:: max(1, -(-int(which.sum()) // BEESWARM_DOTS))]
    return x[rows], y[rows]


def _dots(axes: Any, x: Floats, y: Floats, jitter: float | str = "auto") -> None:
    """SHAP's scatter of one column, over the density of its values."""
    with shap_on(axes) as shap:
        shap.plots.scatter(
            shap.Explanation(values=y, data=x, feature_names=""),
            color=LOWERS,
            dot_size=8,
            alpha=0.35,
            x_jitter=jitter,
            # SHAP's own gives shares of few different values bars that are one whole number wide.
            hist=False,
            ax=axes,
            show=False,
        )
    limits = axes.get_xlim()
    whole, (low, high) = bool((x % 1 == 0).all()), (float(x.min()), float(x.max()))
    edges = np.arange(low - 0.5, high + 1) if whole and high - low <= 50 else 30
    density = axes.twinx()
    density.hist(x, bins=edges, color="black", alpha=0.18)
    density.set_ylim(0, 3 * density.get_ylim()[1])
    density.axis("off")
    axes.set_xlim(limits)


def _box(axes: Any, values: Any, position: float, width: float) -> None:
    axes.boxplot(
        [values],
        positions=[position],
        widths=width,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": "#cfe3f2", "edgecolor": LOWERS},
        medianprops={"color": INK},
        whiskerprops={"color": LOWERS},
        capprops={"color": LOWERS},
        flierprops={"marker": ".", "markersize": 2, "markeredgecolor": LOWERS},
    )


def _valued(column: Column, row: pd.Series[Any], language: Language) -> str:
    """`Days since the last order: 41`."""
    value = row[column.name]
    if column.kind == "category":
        value = None if pd.isna(value) else cut(str(value), 30)
    written = value_text(
        None if is_missing(value) else value,
        column.unit,
        language,
        noun=not has_noun(column.text(language), column.unit, language),
    )
    return wrapped(f"{cut(column.text(language), 110)}: {written}", 56)


def _prediction(margin: float, unit: Unit, language: Language) -> str:
    """What a margin means: a probability, or what an arm changes."""
    if unit != "log_odds":
        return effect_text(margin, unit, language)
    return value_text(1 / (1 + np.exp(-margin)), "share", language)
