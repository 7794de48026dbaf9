"""The pictures of fairness: what groups of customers get, and what tells who they are."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neigung.language import Message, stored_in
from neigung.language.numbers import count_text, localised
from neigung.pictures.drawing import GREY, LOWERS, RAISES, cut, decimal_axis, escaped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PLAIN, _CONCERN, _OTHER = LOWERS, RAISES, "#E69F00"
_BARS_EACH, _FEWEST_BARS = 5, 3

_TEXTS = {
    "rates": Message("Do the numbers hold?"),
    "predicted": Message("predicted"),
    "observed": Message("observed"),
    "score": Message("How much is expected?"),
    "uplift": Message("mean predicted uplift"),
    "selected": Message("Who is in the top band?"),
    "selected_offer": Message("Who is recommended an offer?"),
    "selected_share": Message("share of the group"),
    "found": Message("Who is found?"),
    "found_share": Message("share of those with the outcome\nin the top band"),
    "zone": Message("all others, and within four fifths of them"),
    "rate": Message("share with the outcome"),
    "concern": Message("concern (!)"),
    "few": Message("too few rows"),
    "stand_ins": Message("What tells the attribute"),
    "strength": Message("strength (0 tells nothing, 1 everything)"),
    "share": Message("{} of the model"),
    "recovered": Message("all columns together: AUROC {}"),
    "none": Message("No sensitive attribute is present"),
    "nothing": Message("Nothing to show"),
}


@dataclass(frozen=True)
class StandIns:
    """What is said of one attribute above the bars of the columns that tell it.

    `text` is its name, `auroc` how well all columns together tell it, NaN where that is not known.
    """

    text: str
    auroc: float


def plot_groups(
    rows: pd.DataFrame | None, outcomes: bool, fifths: float, language: str = "en"
) -> Figure:
    """What the groups of one attribute get: numbers that hold, shares chosen, shares found.

    `rows` has a row per group: text_en, text_de (of the attribute), level_text, n, unknown (whether
    the attribute is not known of the group), concerns (the measures in which it is one) and the
    numbers of `Fairness.groups`; None where no attribute is present. `outcomes` says whether
    probabilities were compared with outcomes, `fifths` how large the smaller of two shares must be
    of the larger.
    """
    if rows is None:
        return _empty("none", language)
    told = outcomes
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11 if told else 9, 2.3 + 0.36 * len(rows)), layout="constrained")
    figure.suptitle(_safe(rows[f"text_{stored_in(language)}"].iloc[0], 110))
    panels = figure.subplots(1, 3 if told else 2, sharey=True)
    if told:
        _draw_rates(panels[0], rows, language)
        _draw_shares(panels[1], rows, "selected", told, fifths, language)
        _draw_shares(panels[2], rows, "found", told, fifths, language)
    else:
        _draw_scores(panels[0], rows, language)
        _draw_shares(panels[1], rows, "selected", told, fifths, language)
    names = [
        f"{_safe(row['level_text'], 30)} (n = {count_text(row['n'], language)})"
        for row in rows.to_dict("records")
    ]
    panels[0].set_yticks(range(len(rows)), names, fontsize=9)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    handles = {
        label: handle for axes in panels for handle, label in zip(*_legend(axes), strict=True)
    }
    figure.legend(
        handles.values(), handles, frameon=False, fontsize=9, loc="outside lower center", ncols=6
    )
    return figure


def plot_stand_ins(
    table: pd.DataFrame,
    attributes: Mapping[str, StandIns],
    language: str = "en",
    most: int | None = None,
) -> Figure:
    """The columns that tell each attribute best, as bars, with their share of the model.

    `table` has a row per attribute and column, the best first: attribute, text_en, text_de,
    strength, importance. Of each, `most` are drawn; by default fewer of many.
    """
    if not attributes:
        return _empty("none", language)
    most = most or (_BARS_EACH if len(attributes) <= 4 else _FEWEST_BARS)
    parts = [
        (told, table[table["attribute"] == name].head(most)) for name, told in attributes.items()
    ]
    shown = [(told, part) for told, part in parts if len(part)]
    if not shown:
        return _empty("nothing", language)
    from matplotlib.figure import Figure

    sizes = [len(part) + 1.2 for _, part in shown]
    figure = Figure(figsize=(9, 1.2 + 0.42 * sum(sizes)), layout="constrained")
    figure.suptitle(_text("stand_ins", language))
    panels = np.atleast_1d(
        figure.subplots(len(shown), 1, sharex=True, gridspec_kw={"height_ratios": sizes})
    )
    for axes, (told, part) in zip(panels, shown, strict=True):
        _draw_stand_ins(axes, told, part, language)
    panels[-1].set_xlabel(_text("strength", language))
    panels[-1].set_xlim(0, 1.4)
    panels[-1].set_xticks(np.linspace(0, 1, 6))
    decimal_axis(panels[-1].xaxis, language)
    return figure


def _draw_rates(axes: Any, rows: pd.DataFrame, language: str) -> None:
    """Predicted and observed rates; a line between them shows the error."""
    for i, row in enumerate(rows.to_dict("records")):
        if not _shown(axes, i, row["score"], language):
            continue
        concern = "error" in row["concerns"]
        colour = _CONCERN if concern else GREY
        axes.hlines(i, *sorted((row["score"], row["observed"])), color=colour, linewidth=1.2)
        ends = (max(0, row["score"] - row["error_high"]), row["score"] - row["error_low"])
        axes.hlines(i, *ends, color=_PLAIN, linewidth=4, alpha=0.3)
        axes.plot(row["score"], i, "s", color=_OTHER, label=_once("predicted", axes, language))
        axes.plot(row["observed"], i, "o", color=_PLAIN, label=_once("observed", axes, language))
        if concern:
            _mark(axes, max(row["score"], *ends), i)
    _panel(axes, "rates", "rate", language)


def _draw_scores(axes: Any, rows: pd.DataFrame, language: str) -> None:
    """Mean scores of offers, with the interval of the difference to all others."""
    for i, row in enumerate(rows.to_dict("records")):
        if _shown(axes, i, row["score"], language):
            ends = _ends(row, "score")
            axes.hlines(i, *ends, color=_PLAIN, linewidth=2)
            axes.plot(row["score"], i, "o", color=_PLAIN)
    axes.set_title(_text("score", language), fontsize=10)
    axes.set_xlabel(_text("uplift", language), fontsize=9)
    axes.grid(axis="x", alpha=0.3)
    axes.locator_params(axis="x", nbins=5)
    decimal_axis(axes.xaxis, language)


def _draw_shares(
    axes: Any, rows: pd.DataFrame, measure: str, told: bool, fifths: float, language: str
) -> None:
    """Shares of the groups, each with that of all others and the zone of the four-fifths rule."""
    for i, row in enumerate(rows.to_dict("records")):
        if not _shown(axes, i, row[measure], language):
            continue
        colour, marker = (_CONCERN, "D") if measure in row["concerns"] else (_PLAIN, "o")
        colour, marker = (GREY, "x") if row["unknown"] else (colour, marker)
        low, high = _ends(row, measure)
        others = row[measure] - row[f"{measure}_difference"]
        if np.isfinite(others):
            zone = fifths * others, others / fifths - fifths * others
            label = _once("zone", axes, language)
            axes.barh(i, zone[1], 0.7, zone[0], color=GREY, alpha=0.15, label=label)
            axes.vlines(others, i - 0.35, i + 0.35, color=GREY, linewidth=1)
        axes.hlines(i, max(0, low), min(1, high), color=colour, linewidth=2)
        label = _once("concern", axes, language) if marker == "D" else None
        axes.plot(row[measure], i, marker, color=colour, label=label)
        if measure in row["concerns"]:
            _mark(axes, min(1, high) if np.isfinite(high) else row[measure], i)
    title = measure if told or measure == "found" else "selected_offer"
    _panel(axes, title, f"{measure}_share", language)


def _draw_stand_ins(axes: Any, told: StandIns, part: pd.DataFrame, language: str) -> None:
    bars = axes.barh(range(len(part)), part["strength"], color=_PLAIN, height=0.65)
    labels = []
    for row in part.to_dict("records"):
        text = _two(row["strength"], language)
        if row["importance"] > 0:
            text += f" · {_text('share', language).format(_percent(row['importance'], language))}"
        labels.append(text)
    axes.bar_label(bars, labels, padding=3, fontsize=8)
    names = [_safe(text, 100, 54) for text in part[f"text_{stored_in(language)}"]]
    axes.set_yticks(range(len(part)), names, fontsize=9)
    axes.set_ylim(len(part) - 0.4, -0.6)
    title = _safe(told.text, 60)
    if np.isfinite(told.auroc):
        title += f" ({_text('recovered', language).format(_two(told.auroc, language))})"
    axes.set_title(title, fontsize=10, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _ends(row: Mapping[Any, Any], measure: str) -> tuple[float, float]:
    """The interval of a group's number, when all others' is taken for known."""
    others = row[measure] - row[f"{measure}_difference"]
    return others + row[f"{measure}_difference_low"], others + row[f"{measure}_difference_high"]


def _shown(axes: Any, i: int, value: float, language: str) -> bool:
    """Whether there is something to draw; a word in its place if not."""
    if np.isfinite(value):
        return True
    axes.annotate(
        _text("few", language), (0.02, i), xycoords=("axes fraction", "data"), fontsize=8,
        color=GREY, va="center",
    )  # fmt: skip
    return False


def _mark(axes: Any, x: float, i: int) -> None:
    """A sign beside the colour."""
    axes.annotate(
        "!", (x, i), xytext=(5, 0), textcoords="offset points", color=_CONCERN, va="center",
        fontweight="bold",
    )  # fmt: skip


def _panel(axes: Any, title: str, x: str, language: str) -> None:
    axes.set_title(_text(title, language), fontsize=10)
    axes.set_xlabel(_text(x, language), fontsize=9)
    axes.xaxis.set_major_formatter(lambda x, _: _percent(x, language))
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", alpha=0.3)
    axes.margins(x=0.1)


def _legend(axes: Any) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    return handles, labels


def _once(key: str, axes: Any, language: str) -> str | None:
    """A label for the legend, unless it is already there."""
    text = _text(key, language)
    return None if text in axes.get_legend_handles_labels()[1] else text


def _empty(key: str, language: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.2))
    figure.text(0.5, 0.5, _text(key, language), ha="center", va="center")
    return figure


def _text(key: str, language: str) -> str:
    return _TEXTS[key].to(language)


def _safe(text: str, length: int, width: int = 200) -> str:
    """A text of the shop's that can be drawn: one line, cut, no mathematics."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return escaped(textwrap.fill(cut(text, length), width))


def _two(value: float, language: str) -> str:
    return localised(f"{value:.2f}", language)


def _percent(value: float, language: str) -> str:
    return localised(f"{round(100 * value, 1):g}%", language)
