"""The pictures of two versions beside each other: this one and the champion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neigung.language import Message, stored_in
from neigung.language.numbers import count_text, share_text
from neigung.pictures.drawing import (
    GREY,
    decimal_axis,
    label_text,
    percent_axis,
    style,
    titled_figure,
)
from neigung.pictures.of_propensity import Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEXTS = {
    "moves": Message("Who moves? Champion, version {}, to this one"),
    "before": Message("champion"),
    "now": Message("this version"),
    "metrics": Message("This version minus champion, version {} (95% intervals)"),
    "higher": Message("better to the right"),
    "lower": Message("better to the left"),
    "importance": Message("What weighs most, now and before"),
    "share": Message("share of the contributions"),
    "nothing": Message("nothing to compare"),
    "high": Message("high"),
    "medium": Message("medium"),
    "low": Message("low"),
}


def plot_moves(table: pd.DataFrame, champion: int, language: str = "en") -> Figure:
    """A grid: rows are bands of the champion, columns of this version; counts and row shares.

    `table` has a row per pair of bands: before, now, n, share. `champion` is its version.
    """
    names = list(dict.fromkeys(table["before"]))
    k = len(names)
    figure, axes = titled_figure(_text("moves", language).format(champion), width=6.8)
    figure.set_size_inches(max(5.6, 2.2 + 1.1 * k), max(3.4, 1.6 + 0.8 * k))
    axes.grid(visible=False)
    if k:
        shares = table["share"].to_numpy().reshape(k, k)
        counts = table["n"].to_numpy().reshape(k, k)
        # Light to the colour of the model; the numbers in the cells say the same.
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
        for i in range(k):
            for j in range(k):
                told = f"{count_text(int(counts[i, j]), language)}"
                told += f"\n{share_text(shares[i, j], language)}" if counts[i].any() else ""
                weight = "bold" if i == j else "normal"
                axes.text(j, i, told, ha="center", va="center", fontsize=9.5, fontweight=weight)
    else:
        _say_nothing(axes, language)
    told_names = [label_text(_band(name, language), 20) for name in names]
    axes.set_xticks(range(k), told_names)
    axes.set_yticks(range(k), told_names)
    axes.set(xlabel=_text("now", language), ylabel=_text("before", language))
    return figure


def plot_metrics(
    table: pd.DataFrame, metrics: Sequence[Measure], champion: int, language: str = "en"
) -> Figure:
    """A panel per metric with the difference, its interval and the line of no difference.

    `table` has a row per metric: metric, difference, low, high; those it lacks are left out.
    """
    from matplotlib.figure import Figure

    rows = {row["metric"]: row for row in table.to_dict("records")}
    shown = [metric for metric in metrics if metric.name in rows]
    figure = Figure(figsize=(max(4.5, 2.25 * len(shown)), 2.3), layout="constrained")
    figure.suptitle(_text("metrics", language).format(champion), fontsize=11)
    panels: Any = figure.subplots(1, max(1, len(shown)), squeeze=False)[0]
    colour, _, marker = style(0)
    for axes, metric in zip(panels, shown, strict=False):
        row = rows[metric.name]
        axes.axvline(0, color=GREY, linewidth=1)
        axes.hlines(0, row["low"], row["high"], color=colour, linewidth=2)
        axes.plot(row["difference"], [0], color=colour, marker=marker)
        known = [abs(row[key]) for key in ("low", "high", "difference")]
        reach = 1.15 * max([1e-6, *(number for number in known if number == number)])
        axes.set(xlim=(-reach, reach), ylim=(-1, 1), yticks=[])
        axes.set_title(metric.text(language), fontsize=10)
        direction = "higher" if metric.higher_is_better else "lower"
        axes.set_xlabel(_text(direction, language), fontsize=9)
        axes.grid(axis="x", alpha=0.3)
        axes.tick_params(labelsize=9)
        axes.locator_params(axis="x", nbins=4)
        decimal_axis(axes.xaxis, language)
    if not shown:
        _say_nothing(panels[0], language)
        panels[0].set_axis_off()
    return figure


def plot_importance(table: pd.DataFrame, language: str = "en", most: int = 12) -> Figure:
    """A line a column: its share of the contributions now (`this`) and in the `champion`."""
    largest = table[["this", "champion"]].max(axis=1)
    table = table.loc[largest.sort_values(ascending=False, kind="stable").index[:most]]
    figure, axes = titled_figure(_text("importance", language), width=8.4)
    figure.set_size_inches(8.4, 1.8 + 0.3 * max(4, len(table)))
    y = np.arange(len(table))
    if len(table):
        ends = table[["this", "champion"]].fillna(0)
        axes.hlines(y, ends.min(axis=1), ends.max(axis=1), color=GREY, linewidth=1.2)
        for i, (side, key) in enumerate((("this", "now"), ("champion", "before"))):
            colour, _, marker = style(i)
            label = _text(key, language)
            axes.plot(table[side], y, color=colour, marker=marker, ls="", label=label)
        figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    else:
        _say_nothing(axes, language)
    texts = table[f"text_{stored_in(language)}"]
    axes.set_yticks(y, [label_text(text, 60) for text in texts], fontsize=9)
    axes.set_ylim(max(0.5, len(table) - 0.5), -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(_text("share", language))
    percent_axis(axes.xaxis, language)
    return figure


def _band(name: str, language: str) -> str:
    """A band of probabilities has a German name; an arm keeps its own."""
    return _text(name, language) if name in ("high", "medium", "low") else name


def _say_nothing(axes: Any, language: str) -> None:
    axes.text(0.5, 0.5, _text("nothing", language), ha="center", transform=axes.transAxes)


def _text(key: str, language: str) -> str:
    return _TEXTS[key].to(language)
