"""The plots of an evaluation, drawn with matplotlib's objects: no global state, no window."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from neigung.evaluation.evaluate import MODEL, Evaluation, model_text
from neigung.evaluation.metrics import METRICS
from neigung.evaluation.segments import segment_text
from neigung.language.intervals import share_text, whole_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): eight colours that people with any colour vision can tell apart. Line
# styles and markers differ as well, for print in grey.
_STYLES = (
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#CC79A7", ":", "D"),
    ("#E69F00", (0, (5, 1, 1, 1)), "v"),
    ("#56B4E9", (0, (1, 1)), "P"),
)
_HATCHES = ("", "//", "..", "xx")
_GREY = "#777777"
_FIRST_SHARE = 0.04
_MAIN_METRICS = ("auroc", "average_precision", "log_loss", "brier")

_TEXTS = {
    "gains": ("Gains: whom to address first", "Gains: wen zuerst ansprechen"),
    "share": ("share of customers addressed", "Anteil angesprochener Kunden"),
    "gain": ("share of the outcomes found", "Anteil gefundener Ergebnisse"),
    "chance": ("at random", "zufällig"),
    "calibration": ("Calibration: do the numbers hold?", "Kalibrierung: stimmen die Zahlen?"),
    "predicted": ("predicted probability", "vorhergesagte Wahrscheinlichkeit"),
    "observed": ("observed rate", "beobachteter Anteil"),
    "perfect": ("perfect", "vollkommen"),
    "metrics": ("The model beside its baselines", "Das Modell neben seinen Vergleichsmodellen"),
    "higher": ("higher is better", "höher ist besser"),
    "lower": ("lower is better", "niedriger ist besser"),
    "folds": ("over time, last one the test", "im Zeitverlauf, zuletzt der Test"),
    "cutoff": ("cutoff", "Stichtag"),
    "band": ("95% intervals", "95-%-Intervalle"),
    "lift": ("Lift: how much better than at random", "Lift: wie viel besser als zufällig"),
    "times": ("times the rate of all customers", "Vielfaches des Anteils bei allen Kunden"),
    "top": (
        "What acting on the best customers would bring",
        "Was es bringt, die besten Kunden anzusprechen",
    ),
    "top_share": ("top {}", "beste {}"),
    "found": ("{} found", "{} gefunden"),
    "segments": ("{} by segment", "{} nach Segmenten"),
    "too_small": (
        "segments too small to be judged: {}",
        "zu kleine Segmente, nicht zu beurteilen: {}",
    ),
    "not_drawn": (
        "further segments, see the table: {}",
        "weitere Segmente, siehe Tabelle: {}",
    ),
    "none": ("no segment can be judged", "kein Segment ist beurteilbar"),
    "rows": ("{} customers", "{} Kunden"),
}
_MOST_SEGMENTS = 30


def plot_gains(evaluation: Evaluation, language: str = "en") -> Figure:
    """Gains curves of all models; the model with its band."""
    figure, axes = _figure(_text("gains", language))
    for i, (model, curve) in enumerate(_by_model(evaluation, evaluation.gains)):
        colour, line, _ = _style(i)
        axes.plot(
            curve["share"],
            curve["gain"],
            color=colour,
            linestyle=line,
            linewidth=2.2 if model == MODEL else 1.4,
            label=_name(model, language),
        )
        if model == MODEL:
            axes.fill_between(curve["share"], curve["low"], curve["high"], color=colour, alpha=0.2)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, label=_text("chance", language))
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    return _labelled(figure, axes, "share", "gain", language, percent=True, loc="lower right")


def plot_calibration(evaluation: Evaluation, language: str = "en") -> Figure:
    """Observed over predicted rates in bins of equal mass; the model with its intervals."""
    figure, axes = _figure(_text("calibration", language))
    for i, (model, curve) in enumerate(_by_model(evaluation, evaluation.calibration)):
        colour, line, marker = _style(i)
        axes.plot(
            curve["predicted"],
            curve["observed"],
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=4,
            linewidth=1.8 if model == MODEL else 1,
            alpha=1 if model == MODEL else 0.6,
            label=_name(model, language),
        )
        if model == MODEL:
            axes.vlines(curve["predicted"], curve["low"], curve["high"], color=colour)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, label=_text("perfect", language))
    table = evaluation.calibration
    most = float(table[["predicted", "observed"]].max().max())
    axes.set(xlim=(0, min(1, 1.1 * most) or 1), ylim=(0, min(1, 1.2 * most) or 1))
    return _labelled(
        figure, axes, "predicted", "observed", language, percent=True, loc="upper left"
    )


def plot_metrics(evaluation: Evaluation, language: str = "en") -> Figure:
    """A panel per main metric, a point and its interval per model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.6 + 0.25 * len(evaluation.models)), layout="constrained")
    figure.suptitle(f"{_text('metrics', language)} ({_text('band', language)})")
    panels: Any = figure.subplots(1, len(_MAIN_METRICS), sharey=True)
    for axes, name in zip(panels, _MAIN_METRICS, strict=True):
        rows = evaluation.metrics[evaluation.metrics["metric"] == name]
        for i, (_, row) in enumerate(_by_model(evaluation, rows)):
            colour, _, marker = _style(i)
            axes.hlines(i, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot(row["value"], [i], color=colour, marker=marker)
        axes.set_title(METRICS[name].text(language), fontsize=10)
        direction = "higher" if METRICS[name].higher_is_better else "lower"
        axes.set_xlabel(_text(direction, language), fontsize=9)
        axes.grid(axis="x", alpha=0.3)
        axes.tick_params(labelsize=9)
        axes.locator_params(axis="x", nbins=4)
        _decimal(axes.xaxis, language)
    names = [_name(model, language) for model in evaluation.models]
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    return figure


def plot_folds(evaluation: Evaluation, language: str = "en") -> Figure:
    """The acceptance metric at each cutoff: the folds, then the test."""
    import pandas as pd

    metric = METRICS[evaluation.metric].text(language)
    title = f"{metric} {_text('folds', language)}"
    figure, axes = _figure(title[0].upper() + title[1:], width=8.4)
    table = pd.concat([evaluation.folds, evaluation.metrics.assign(cutoff=evaluation.cutoff)])
    table = table[table["metric"] == evaluation.metric].sort_values("cutoff", kind="stable")
    cutoffs = sorted(set(table["cutoff"]))
    for i, (model, rows) in enumerate(_by_model(evaluation, table)):
        colour, line, marker = _style(i)
        # Beside each other, or the intervals of four models hide one another.
        x = [cutoffs.index(cutoff) + 0.06 * i for cutoff in rows["cutoff"]]
        label = _name(model, language)
        axes.plot(x, rows["value"], color=colour, linestyle=line, marker=marker, label=label)
        axes.vlines(x, rows["low"], rows["high"], color=colour)
    date = "%d.%m.%Y" if language == "de" else "%Y-%m-%d"
    axes.set_xticks(range(len(cutoffs)), [f"{cutoff:{date}}" for cutoff in cutoffs])
    _decimal(axes.yaxis, language)
    if len(cutoffs) > 5:
        axes.tick_params(axis="x", rotation=45)
    figure = _labelled(figure, axes, "cutoff", "", language)
    axes.set_ylabel(metric)
    # Beside the curves: inside, it hides the lowest of them.
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_lift(evaluation: Evaluation, language: str = "en") -> Figure:
    """Lift over the share of customers addressed; the model with its band."""
    figure, axes = _figure(_text("lift", language))
    table = evaluation.gains
    # Of the very first customers the lift is mostly chance, and would set the scale for all.
    table = table[table["share"] >= _FIRST_SHARE - 1e-9]
    for i, (model, curve) in enumerate(_by_model(evaluation, table)):
        colour, line, _ = _style(i)
        lift, low, high = (curve[key] / curve["share"] for key in ("gain", "low", "high"))
        width = 2.2 if model == MODEL else 1.4
        label = _name(model, language)
        axes.plot(curve["share"], lift, color=colour, linestyle=line, linewidth=width, label=label)
        if model == MODEL:
            axes.fill_between(curve["share"], low, high, color=colour, alpha=0.2)
    axes.axhline(1, color=_GREY, linewidth=0.8, label=_text("chance", language))
    axes.set(xlim=(0, 1), ylim=(0, None))
    # Below 1 there is room: a lift that is worth drawing stays above.
    _labelled(figure, axes, "share", "times", language, loc="lower left")
    _percent(axes.xaxis, language)
    _decimal(axes.yaxis, language)
    return figure


def plot_top(evaluation: Evaluation, language: str = "en") -> Figure:
    """A pair of bars a share: what the model finds, with its interval, and the best baseline."""
    table = evaluation.top()
    # Wide enough for the numbers above two bars side by side, in the longer language.
    figure, axes = _figure(_text("top", language), width=8)
    axes.grid(visible=False, axis="x")
    names = list(dict.fromkeys(table["baseline"]))
    told: set[str] = set()
    for k, row in enumerate(table.to_dict("records")):
        sides = (
            (MODEL, row["found_share"], row["found"]),
            (row["baseline"], row["baseline_found_share"], row["baseline_found"]),
        )
        for side, (model, share, found) in enumerate(sides):
            i = 0 if model == MODEL else 1 + names.index(model)
            x, height = k + 0.4 * side - 0.2, 0.0 if math.isnan(share) else share
            label = "_" if model in told else _name(model, language)
            told.add(model)
            axes.bar(x, height, 0.38, color=_style(i)[0], hatch=_HATCHES[i % 4], label=label)
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
    _percent(axes.yaxis, language)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def plot_segments(evaluation: Evaluation, language: str = "en") -> Figure:
    """The acceptance metric of the model and the best baseline in each segment, with intervals.

    A mark shows what ranking at random would reach: of average precision that is the segment's
    rate, so that segments are not to be compared by the value alone.
    """
    table = evaluation.segments
    table = table[table["metric"] == evaluation.metric]
    judged = table[table["value"].notna()]
    judged_groups = list(judged.groupby(["segment", "level"], sort=False))
    groups = judged_groups[:_MOST_SEGMENTS]
    metric = METRICS[evaluation.metric].text(language)
    title = _text("segments", language).format(metric)
    figure, axes = _figure(title[0].upper() + title[1:], width=8)
    figure.set_size_inches(8, 2 + 0.3 * max(3, len(groups)))
    names: list[str] = []
    told: set[str] = set()
    for y, ((segment, level), some) in enumerate(groups):
        rows = some.to_dict("records")
        count = _text("rows", language).format(_count(rows[0]["n"], language))
        part = label_text(segment_text(str(segment), language=language), 24)
        named = label_text(segment_text(str(segment), str(level), language), 32)
        names.append(f"{part}: {named}, {count}")
        lot = _at_random(evaluation.metric, rows[0]["positives"] / rows[0]["n"])
        chance = "_" if y else _text("chance", language)
        axes.plot([lot], [y], color=_GREY, marker="|", ms=12, ls="", label=chance)
        for row in rows:
            i = evaluation.models.index(row["model"])
            colour, _, marker = _style(i)
            place = y + (0.12 if i else -0.12)
            label = "_" if row["model"] in told else _name(row["model"], language)
            told.add(row["model"])
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot([row["value"]], [place], color=colour, marker=marker, ls="", label=label)
    if not groups:
        axes.text(0.5, 0.5, _text("none", language), ha="center", transform=axes.transAxes)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_ylim(max(0.5, len(names) - 0.5), -0.5)
    direction = "higher" if METRICS[evaluation.metric].higher_is_better else "lower"
    below = f"{metric} ({_text(direction, language)}, {_text('band', language)})"
    if groups and (small := int((table["reason"] != "").sum())):
        below += "\n" + _text("too_small", language).format(small)
    if further := len(judged_groups) - len(groups):
        below += "\n" + _text("not_drawn", language).format(further)
    axes.set_xlabel(below)
    _decimal(axes.xaxis, language)
    if told:
        figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=3)
    return figure


def _at_random(metric: str, rate: float) -> float:
    """What a ranking at random reaches; NaN for metrics of the probabilities themselves."""
    if metric == "average_precision":
        return rate
    return {"auroc": 0.5}.get(metric, 1.0 if metric.startswith("lift") else math.nan)


def label_text(text: str, most: int = 44) -> str:
    """Foreign text as a label: on one line, not too long, and no formula between dollar signs.

    >>> label_text("costs $5 or $10"), label_text("a" * 50, 10)
    ('costs \\\\$5 or \\\\$10', 'aaaaaaaaa…')
    """
    line = " ".join(str(text).split())
    if len(line) > most:
        line = line[: most - 1] + "…"
    return line.replace("$", r"\$")


def _share(share: float, language: str) -> str:
    return "–" if math.isnan(share) else share_text(share, language)


def _count(number: float, language: str) -> str:
    return "–" if math.isnan(number) else whole_text(round(number), language)


def _style(i: int) -> tuple[str, Any, str]:
    return _STYLES[i % len(_STYLES)]


def _text(key: str, language: str) -> str:
    return _TEXTS[key][language == "de"] if key else ""


def _name(model: str, language: str) -> str:
    text = model_text(model, language)
    return text[:1].upper() + text[1:]


def _figure(title: str, width: float = 6.4) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.grid(alpha=0.3)
    return figure, axes


def _by_model(evaluation: Evaluation, table: Any) -> list[tuple[str, Any]]:
    return [(model, table[table["model"] == model]) for model in evaluation.models]


def _decimal(axis: Any, language: str) -> None:
    """Numbers with the language's decimal sign."""
    from matplotlib.ticker import ScalarFormatter

    class Decimal(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            return text.replace(".", ",") if language == "de" else text

    axis.set_major_formatter(Decimal(useOffset=False))


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
            _percent(axis, language)
    axes.legend(frameon=False, fontsize=9, loc=loc)
    return figure


def _percent(axis: Any, language: str) -> None:
    """Shares in percent, with decimals only where the ticks lie closer than 1 %."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    class Percent(PercentFormatter):
        def set_locs(self, locs: Any) -> None:
            super().set_locs(locs)
            steps = [100 * (b - a) for a, b in pairwise(sorted(locs)) if b > a]
            self.decimals = max(0, -math.floor(math.log10(min(steps)) + 1e-9)) if steps else 0

        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            return text.replace(".", ",") if language == "de" else text

    sign = "\N{NO-BREAK SPACE}%" if language == "de" else "%"
    # No steps of 2.5, which would be shown rounded.
    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10]))
    axis.set_major_formatter(Percent(1, decimals=0, symbol=sign))
