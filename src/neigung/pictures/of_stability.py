"""The pictures of stability: what has moved, what explains too much, how much is chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neigung.language import Message, stored_in
from neigung.language.numbers import number_text
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
    "drift": Message("What has moved since the training?"),
    "psi": Message("population stability index (PSI)"),
    "test": Message("training to test"),
    "now": Message("training to the newest data"),
    "chance": Message("by chance up to here"),
    "none": Message("hardly"),
    "some": Message("somewhat"),
    "strong": Message("strongly"),
    "nothing": Message("not examined"),
    "leaks": Message("Does one feature explain too much?"),
    "share": Message("share of the contributions"),
    "auroc": Message("AUROC of the feature alone"),
    "limit": Message("limit"),
    "seeds": Message("How much of the model is chance?"),
    "seed": Message("seed {}"),
    "registered": Message("seed {} (this model)"),
    "alike": Message("alike with this model"),
    "correlation": Message("rank correlation of the scores"),
    "same_top": Message("same top 10%"),
}
_REACH = 1.15


def plot_drift(
    table: pd.DataFrame,
    limits: tuple[float, float],
    language: str = "en",
    most: int = 15,
) -> Figure:
    """The `most` columns that moved most, a mark per comparison; the prediction comes first.

    `table` has a row per comparison (`against`) and column: column, text_en, text_de, psi, chance;
    `limits` say from where on a column has moved somewhat, and strongly.
    The axis is of square roots, so that small and large shifts are both legible; beyond 1 the
    number stands beside the mark.
    """
    table = table[table["psi"].notna()]
    some, strong = limits
    largest = table.groupby("column", sort=False)["psi"].max()
    scored = [name for name in largest.index if name == "score"]
    others = largest.drop(scored).sort_values(ascending=False, kind="stable")
    names = [*scored, *others.index[: most - len(scored)]]
    figure, axes = titled_figure(_text("drift", language), width=8.4)
    figure.set_size_inches(8.4, 1.9 + 0.3 * max(4, len(names)))
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    axes.set_xlim(0, _REACH)
    for level, place in (("some", some), ("strong", strong)):
        axes.axvline(place, color=GREY, linewidth=1, linestyle="--" if level == "some" else "-")
    for level, place in (("none", 0), ("some", some), ("strong", strong)):
        axes.annotate(_text(level, language), (place, 1), xycoords=("data", "axes fraction"),
                      xytext=(3, 2), textcoords="offset points", fontsize=8.5)  # fmt: skip
    against = [name for name in ("test", "now") if (table["against"] == name).any()]
    for i, kind in enumerate(against):
        rows = table[table["against"] == kind].set_index("column")
        rows = rows[~rows.index.duplicated()].reindex(names)
        y = np.arange(len(names)) + 0.16 * (2 * i - len(against) + 1)
        colour, _, marker = style(i)
        shown = rows["psi"].clip(upper=1)
        axes.hlines(y, 0, shown.fillna(0), color=colour, linewidth=1.4)
        axes.plot(shown, y, color=colour, marker=marker, ls="", label=_text(kind, language))
        for place, index in zip(y, rows["psi"], strict=True):
            if index > 1:  # Beyond the axis, or one wild column would hide all the others.
                told = number_text(index, 1, language)
                axes.text(1.03, place, told, va="center", fontsize=8)
        chance = _text("chance", language) if i == 0 else "_"
        axes.plot(
            rows["chance"].clip(upper=1), y, color="black", marker="|", ms=9, ls="", label=chance
        )
    texts = table.drop_duplicates("column").set_index("column")[f"text_{stored_in(language)}"]
    axes.set_yticks(range(len(names)), [label_text(texts[name], 60) for name in names], fontsize=9)
    axes.set_ylim(max(0.5, len(names) - 0.5), -0.6)
    axes.set_title(axes.get_title(), pad=18)
    axes.set_xticks((0, 0.02, some, strong, 0.5, 1))
    decimal_axis(axes.xaxis, language)
    axes.set_xlabel(_text("psi", language))
    return _finished(figure, axes, bool(names), language)


def plot_leaks(
    table: pd.DataFrame,
    limits: tuple[float, float],
    language: str = "en",
    most: int = 15,
) -> Figure:
    """The weightiest columns: share of the contributions, and AUROC of the column alone.

    `table` has a row per column: text_en, text_de, share, auroc, suspicious; `limits` of the share
    and of the AUROC.
    """
    from matplotlib.figure import Figure

    odd = table[table["suspicious"]]
    # What separates the outcomes alone is shown however little the model makes of it.
    table = table[table.index.isin([*table.index[:most], *odd.index[:most]])]
    judged = bool(table["auroc"].notna().any())
    figure = Figure(figsize=(8.4, 1.6 + 0.28 * max(4, len(table))), layout="constrained")
    figure.suptitle(_text("leaks", language))
    panels: Any = figure.subplots(1, 1 + judged, sharey=True, squeeze=False)[0]
    shown = (("share", limits[0], (0, 1)), ("auroc", limits[1], (0.5, 1.01)))
    for i, (axes, (key, limit, reach)) in enumerate(zip(panels, shown, strict=False)):
        colour, _, marker = style(i)
        y = np.arange(len(table))
        axes.hlines(y, reach[0], table[key].fillna(reach[0]), color=colour, linewidth=1.4)
        axes.plot(table[key], y, color=colour, marker=marker, ls="")
        axes.axvline(limit, color=GREY, linewidth=1, linestyle="--", label=_text("limit", language))
        axes.set_xlim(*reach)
        axes.set_xlabel(_text(key, language), fontsize=9)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=9)
        if key == "share":
            percent_axis(axes.xaxis, language)
        else:
            decimal_axis(axes.xaxis, language)
    names = [label_text(text, 56) for text in table[f"text_{stored_in(language)}"]]
    panels[0].set_yticks(range(len(names)), names, fontsize=9)
    panels[0].set_ylim(max(0.5, len(names) - 0.5), -0.5)
    return _finished(figure, panels[0], bool(names), language)


def plot_seeds(table: pd.DataFrame, metric: Measure | None, language: str = "en") -> Figure:
    """The metric with every seed, where there are outcomes, and how alike the predictions are.

    `table` has a row per seed: seed, registered, value, correlation, same_top.
    """
    from matplotlib.figure import Figure

    valued = metric is not None and bool(table["value"].notna().any())
    figure = Figure(figsize=(8.4, 1.9 + 0.34 * max(3, len(table))), layout="constrained")
    figure.suptitle(_text("seeds", language))
    panels: Any = figure.subplots(1, 1 + valued, sharey=True, squeeze=False)[0]
    y = np.arange(len(table))
    if metric is not None and valued:
        colour, _, marker = style(0)
        axes = panels[0]
        axes.plot(table["value"], y, color=colour, marker=marker, ls="", fillstyle="none")
        own = table["registered"].to_numpy()
        axes.plot(table["value"][own], y[own], color=colour, marker=marker, ls="")
        middle, spread = float(table["value"].mean()), float(np.ptp(table["value"]))
        # Differences in the fourth place must not look like mountains.
        reach = max(0.6 * spread, 0.05 * abs(middle))
        axes.set_xlim(middle - reach, middle + reach)
        axes.set_xlabel(metric.text(language), fontsize=9)
        axes.locator_params(axis="x", nbins=4)
        decimal_axis(axes.xaxis, language)
    axes = panels[-1]
    for i, key in enumerate(("correlation", "same_top"), start=1):
        colour, _, marker = style(i)
        label = _text(key, language)
        axes.plot(table[key], y, color=colour, marker=marker, ls="", label=label)
    lowest = float(table[["correlation", "same_top"]].min().min()) if len(table) else 0.0
    axes.set_xlim(min(0.0, lowest) - 0.02, 1.04)
    axes.set_xlabel(_text("alike", language), fontsize=9)
    decimal_axis(axes.xaxis, language)
    names = [
        _text("registered" if row["registered"] else "seed", language).format(row["seed"])
        for row in table.to_dict("records")
    ]
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=9)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(max(0.5, len(names) - 0.5), -0.5)
    return _finished(figure, panels[-1], bool(names), language)


def _finished(figure: Figure, axes: Any, filled: bool, language: str) -> Figure:
    """With a legend below, or with the word that there is nothing to see."""
    if not filled:
        axes.text(0.5, 0.5, _text("nothing", language), ha="center", transform=axes.transAxes)
    elif axes.get_legend_handles_labels()[1]:
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles, labels, frameon=False, fontsize=9, loc="outside lower center", ncols=3
        )
    return figure


def _text(key: str, language: str) -> str:
    return _TEXTS[key].to(language)
