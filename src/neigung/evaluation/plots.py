"""The plots of an evaluation, drawn with matplotlib's objects: no global state, no window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neigung.evaluation.evaluate import MODEL, Evaluation, model_text
from neigung.evaluation.metrics import METRICS

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
_GREY = "#777777"
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
}


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
    from matplotlib.ticker import PercentFormatter

    axes.set(xlabel=_text(x, language), ylabel=_text(y, language))
    if percent:
        sign = "\N{NO-BREAK SPACE}%" if language == "de" else "%"
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=sign))
    axes.legend(frameon=False, fontsize=9, loc=loc)
    return figure
