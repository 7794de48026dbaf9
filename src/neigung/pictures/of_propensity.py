"""The pictures of a model of probabilities beside its baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from neigung.language import Message
from neigung.language.numbers import count_text, date_text, share_text
from neigung.pictures.drawing import (
    GREY,
    HATCHES,
    capital,
    decimal_axis,
    label_text,
    percent_axis,
    style,
    titled_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIRST_SHARE = 0.04
_MOST_SEGMENTS = 30

Names = Mapping[str, str]
"""The models of a table with their names for readers, in order; the first is ours."""


class Measure(Protocol):
    """A metric: its name, which way is better, what readers call it."""

    @property
    def name(self) -> str: ...
    @property
    def higher_is_better(self) -> bool: ...
    def text(self, language: str = "en") -> str: ...


_TEXTS = {
    "gains": Message("Gains: whom to address first"),
    "share": Message("share of customers addressed"),
    "gain": Message("share of the outcomes found"),
    "chance": Message("at random"),
    "calibration": Message("Calibration: do the numbers hold?"),
    "predicted": Message("predicted probability"),
    "observed": Message("observed rate"),
    "perfect": Message("perfect"),
    "metrics": Message("The model beside its baselines"),
    "higher": Message("higher is better"),
    "lower": Message("lower is better"),
    "folds": Message("over time, last one the test"),
    "cutoff": Message("cutoff"),
    "band": Message("95% intervals"),
    "lift": Message("Lift: how much better than at random"),
    "times": Message("times the rate of all customers"),
    "top": Message("What acting on the best customers would bring"),
    "top_share": Message("top {}"),
    "found": Message("{} found"),
    "segments": Message("{} by segment"),
    "too_small": Message("segments too small to be judged: {}"),
    "not_drawn": Message("further segments, see the table: {}"),
    "none": Message("no segment can be judged"),
    "rows": Message("{} customers"),
}


def plot_gains(gains: pd.DataFrame, names: Names, language: str = "en") -> Figure:
    """Gains curves of all models, from (model, share, gain, low, high); ours with its band."""
    figure, axes = titled_figure(_text("gains", language))
    for i, (name, curve) in enumerate(_by_model(names, gains)):
        colour, line, _ = style(i)
        axes.plot(
            curve["share"],
            curve["gain"],
            color=colour,
            linestyle=line,
            linewidth=1.4 if i else 2.2,
            label=name,
        )
        if not i:
            axes.fill_between(curve["share"], curve["low"], curve["high"], color=colour, alpha=0.2)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label=_text("chance", language))
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    return _labelled(figure, axes, "share", "gain", language, percent=True, loc="lower right")


def plot_calibration(calibration: pd.DataFrame, names: Names, language: str = "en") -> Figure:
    """Observed over predicted rates in bins of equal mass; ours with its intervals.

    `calibration` has a row per model and bin: model, predicted, observed, low, high.
    """
    figure, axes = titled_figure(_text("calibration", language))
    for i, (name, curve) in enumerate(_by_model(names, calibration)):
        colour, line, marker = style(i)
        axes.plot(
            curve["predicted"],
            curve["observed"],
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=4,
            linewidth=1 if i else 1.8,
            alpha=0.6 if i else 1,
            label=name,
        )
        if not i:
            axes.vlines(curve["predicted"], curve["low"], curve["high"], color=colour)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label=_text("perfect", language))
    most = float(calibration[["predicted", "observed"]].max().max())
    axes.set(xlim=(0, min(1, 1.1 * most) or 1), ylim=(0, min(1, 1.2 * most) or 1))
    return _labelled(
        figure, axes, "predicted", "observed", language, percent=True, loc="upper left"
    )


def plot_metrics(
    table: pd.DataFrame, names: Names, metrics: Sequence[Measure], language: str = "en"
) -> Figure:
    """A panel per metric, a point and its interval per model: model, metric, value, low, high."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.6 + 0.25 * len(names)), layout="constrained")
    figure.suptitle(f"{_text('metrics', language)} ({_text('band', language)})")
    panels: Any = figure.subplots(1, len(metrics), sharey=True)
    for axes, metric in zip(panels, metrics, strict=True):
        rows = table[table["metric"] == metric.name]
        for i, (_, row) in enumerate(_by_model(names, rows)):
            colour, _, marker = style(i)
            axes.hlines(i, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot(row["value"], [i], color=colour, marker=marker)
        axes.set_title(metric.text(language), fontsize=10)
        direction = "higher" if metric.higher_is_better else "lower"
        axes.set_xlabel(_text(direction, language), fontsize=9)
        axes.grid(axis="x", alpha=0.3)
        axes.tick_params(labelsize=9)
        axes.locator_params(axis="x", nbins=4)
        decimal_axis(axes.xaxis, language)
    panels[0].set_yticks(range(len(names)), [capital(name) for name in names.values()])
    panels[0].invert_yaxis()
    return figure


def plot_folds(table: pd.DataFrame, names: Names, metric: Measure, language: str = "en") -> Figure:
    """A metric at each cutoff, from (cutoff, model, metric, value, low, high)."""
    told = metric.text(language)
    figure, axes = titled_figure(capital(f"{told} {_text('folds', language)}"), width=8.4)
    table = table[table["metric"] == metric.name].sort_values("cutoff", kind="stable")
    cutoffs = sorted(set(table["cutoff"]))
    for i, (name, rows) in enumerate(_by_model(names, table)):
        colour, line, marker = style(i)
        # Beside each other, or the intervals of four models hide one another.
        x = [cutoffs.index(cutoff) + 0.06 * i for cutoff in rows["cutoff"]]
        axes.plot(x, rows["value"], color=colour, linestyle=line, marker=marker, label=name)
        axes.vlines(x, rows["low"], rows["high"], color=colour)
    axes.set_xticks(range(len(cutoffs)), [date_text(cutoff, language) for cutoff in cutoffs])
    decimal_axis(axes.yaxis, language)
    if len(cutoffs) > 5:
        axes.tick_params(axis="x", rotation=45)
    figure = _labelled(figure, axes, "cutoff", "", language)
    axes.set_ylabel(told)
    # Beside the curves: inside, it hides the lowest of them.
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_lift(gains: pd.DataFrame, names: Names, language: str = "en") -> Figure:
    """Lift over the share of customers addressed, from gains curves; ours with its band."""
    figure, axes = titled_figure(_text("lift", language))
    # Of the very first customers the lift is mostly chance, and would set the scale for all.
    drawn = gains[gains["share"] >= _FIRST_SHARE - 1e-9]
    for i, (name, curve) in enumerate(_by_model(names, drawn)):
        colour, line, _ = style(i)
        lift, low, high = (curve[key] / curve["share"] for key in ("gain", "low", "high"))
        width = 1.4 if i else 2.2
        axes.plot(curve["share"], lift, color=colour, linestyle=line, linewidth=width, label=name)
        if not i:
            axes.fill_between(curve["share"], low, high, color=colour, alpha=0.2)
    axes.axhline(1, color=GREY, linewidth=0.8, label=_text("chance", language))
    axes.set(xlim=(0, 1), ylim=(0, None))
    # Below 1 there is room: a lift that is worth drawing stays above.
    _labelled(figure, axes, "share", "times", language, loc="lower left")
    percent_axis(axes.xaxis, language)
    decimal_axis(axes.yaxis, language)
    return figure


def plot_top(table: pd.DataFrame, names: Names, language: str = "en") -> Figure:
    """A pair of bars a share: what ours finds, with its interval, and the best baseline.

    A row a share: see `Evaluation.top`.
    """
    # Wide enough for the numbers above two bars side by side, in the longer language.
    figure, axes = titled_figure(_text("top", language), width=8)
    axes.grid(visible=False, axis="x")
    ours, baselines = next(iter(names)), list(dict.fromkeys(table["baseline"]))
    told: set[str] = set()
    for k, row in enumerate(table.to_dict("records")):
        sides = (
            (ours, row["found_share"], row["found"]),
            (row["baseline"], row["baseline_found_share"], row["baseline_found"]),
        )
        for side, (model, share, found) in enumerate(sides):
            i = 0 if model == ours else 1 + baselines.index(model)
            x, height = k + 0.4 * side - 0.2, 0.0 if math.isnan(share) else share
            label = "_" if model in told else capital(names[model])
            told.add(model)
            axes.bar(x, height, 0.38, color=style(i)[0], hatch=HATCHES[i % 4], label=label)
            count = _text("found", language).format(_count(found, language))
            above = f"{_share(share, language)}\n{count}"
            # Above the interval, which only the model has.
            top = np.nanmax([height, row["found_share_high"] if side == 0 else height])
            axes.text(x, top + 0.01, above, ha="center", va="bottom", fontsize=8.5)
        axes.vlines(k - 0.2, row["found_share_low"], row["found_share_high"], color="black")
    told_shares = [_share(share, language) for share in table["share"]]
    shares = [_text("top_share", language).format(share) for share in told_shares]
    axes.set_xticks(range(len(table)), shares)
    highest = np.nanmax([0.1, *table["found_share_high"], *table["baseline_found_share"]])
    axes.set_ylim(0, 1.28 * highest)
    axes.set(xlabel=_text("share", language), ylabel=_text("gain", language))
    percent_axis(axes.yaxis, language)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def plot_segments(
    table: pd.DataFrame, names: Names, metric: Measure, language: str = "en"
) -> Figure:
    """A metric of ours and the best baseline in each segment, with intervals.

    `table` has a row per segment, level and model: segment, level, their texts (segment_text,
    level_text), n, positives, model, metric, value, low, high, and the reason where none is known.
    A mark shows what ranking at random would reach: of average precision that is the segment's
    rate, so that segments are not to be compared by the value alone.
    """
    table = table[table["metric"] == metric.name]
    judged = table[table["value"].notna()]
    judged_groups = list(judged.groupby(["segment", "level"], sort=False))
    groups = judged_groups[:_MOST_SEGMENTS]
    metric_text, models = metric.text(language), list(names)
    figure, axes = titled_figure(capital(_text("segments", language).format(metric_text)), width=8)
    figure.set_size_inches(8, 2 + 0.3 * max(3, len(groups)))
    levels: list[str] = []
    told: set[str] = set()
    for y, (_, some) in enumerate(groups):
        rows = some.to_dict("records")
        count = _text("rows", language).format(_count(rows[0]["n"], language))
        part = label_text(rows[0]["segment_text"], 24)
        named = label_text(rows[0]["level_text"], 32)
        levels.append(f"{part}: {named}, {count}")
        lot = _at_random(metric.name, rows[0]["positives"] / rows[0]["n"])
        chance = "_" if y else _text("chance", language)
        axes.plot([lot], [y], color=GREY, marker="|", ms=12, ls="", label=chance)
        for row in rows:
            i = models.index(row["model"])
            colour, _, marker = style(i)
            place = y + (0.12 if i else -0.12)
            label = "_" if row["model"] in told else capital(names[row["model"]])
            told.add(row["model"])
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot([row["value"]], [place], color=colour, marker=marker, ls="", label=label)
    if not groups:
        axes.text(0.5, 0.5, _text("none", language), ha="center", transform=axes.transAxes)
    axes.set_yticks(range(len(levels)), levels, fontsize=9)
    axes.set_ylim(max(0.5, len(levels) - 0.5), -0.5)
    direction = "higher" if metric.higher_is_better else "lower"
    below = f"{metric_text} ({_text(direction, language)}, {_text('band', language)})"
    if groups and (small := int((table["reason"] != "").sum())):
        below += "\n" + _text("too_small", language).format(small)
    if further := len(judged_groups) - len(groups):
        below += "\n" + _text("not_drawn", language).format(further)
    axes.set_xlabel(below)
    decimal_axis(axes.xaxis, language)
    if told:
        figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=3)
    return figure


def _at_random(metric: str, rate: float) -> float:
    """What a ranking at random reaches; NaN for metrics of the probabilities themselves."""
    if metric == "average_precision":
        return rate
    return {"auroc": 0.5}.get(metric, 1.0 if metric.startswith("lift") else math.nan)


def _share(share: float, language: str) -> str:
    return "–" if math.isnan(share) else share_text(share, language)


def _count(number: float, language: str) -> str:
    return "–" if math.isnan(number) else count_text(round(number), language)


def _text(key: str, language: str) -> str:
    return _TEXTS[key].to(language) if key else ""


def _by_model(names: Names, table: pd.DataFrame) -> list[tuple[str, Any]]:
    """The name and the rows of each model, in order."""
    return [(capital(name), table[table["model"] == model]) for model, name in names.items()]


def _labelled(
    figure: Figure,
    axes: Any,
    x: str,
    y: str,
    language: str,
    percent: bool = False,
    loc: str = "best",
) -> Figure:
    axes.set(xlabel=_text(x, language), ylabel=_text(y, language))
    if percent:
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis, language)
    axes.legend(frameon=False, fontsize=9, loc=loc)
    return figure
