"""The pictures of an explanation, on matplotlib's objects: no global state, no window."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.explanation.contributions import Contributions
from neigung.explanation.units import amount, decimals, effect_text, factor, unit_name
from neigung.explanation.values import has_noun, is_missing, number_text, unit_noun, value_text
from neigung.features.feature import Column, Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart with any colour vision; the sign is always written as well.
RAISES, LOWERS, GREY = "#D55E00", "#0072B2", "#777777"

_MOST_CATEGORIES = 12

BEESWARM_DOTS = 3000
"""Most customers drawn as dots; of more, every n-th is."""

_TEXTS: dict[str, tuple[str, str]] = {
    "importance": ("mean absolute contribution ({})", "mittlerer absoluter Beitrag ({})"),
    "contribution": ("contribution ({})", "Beitrag ({})"),
    "low": ("low", "niedrig"),
    "high": ("high", "hoch"),
    "value": ("feature value", "Wert des Merkmals"),
    "missing": ("unknown", "unbekannt"),
    "rest": ("{} other features together", "{} weitere Merkmale zusammen"),
    "base": ("starting point", "Ausgangswert"),
    "result": ("this customer", "dieser Kunde"),
    "probability": ("probability", "Wahrscheinlichkeit"),
}


def plot_importance(
    contributions: Contributions, language: Language = "en", most: int = 15
) -> Figure:
    """Mean absolute contribution of the strongest columns, as bars."""
    importance = contributions.importance() * factor(contributions.unit)
    order = _strongest(importance, most)
    places = decimals(contributions.unit, contributions.importance().max(initial=0.0), 3)
    figure, axes = _figure(9, 0.9 + 0.46 * max(1, len(order)))
    bars = axes.barh(range(len(order)), importance[order], color=LOWERS, height=0.65)
    labels = [number_text(v, places, language) for v in importance[order]]
    axes.bar_label(bars, labels, padding=3, fontsize=9)
    axes.set_yticks(range(len(order)), [_label(contributions.columns[j], language) for j in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel(_in_unit("importance", contributions, language))
    _decimal(axes.xaxis, language)
    axes.margins(x=0.12)
    return _plain(figure, axes)


def plot_beeswarm(
    contributions: Contributions, X: pd.DataFrame, language: Language = "en", most: int = 15
) -> Figure:
    """SHAP's beeswarm: a dot per customer, coloured by the value; categories are grey.

    Lundberg et al. (2020), "From local explanations to global understanding with explainable AI
    for trees". Of more than 3,000 customers every n-th is drawn.
    """
    order = _strongest(contributions.importance(), most)
    columns = [contributions.columns[j] for j in order]
    rows = np.arange(0, len(contributions), max(1, -(-len(contributions) // BEESWARM_DOTS)))
    figure, axes = _figure(9, 1.3 + 0.46 * max(1, len(order)))
    if not len(order):
        return _plain(figure, axes)
    _beeswarm(
        axes,
        values=contributions.values[np.ix_(rows, order)] * factor(contributions.unit),
        data=np.column_stack([_numbers(X.iloc[rows], column) for column in columns]),
        feature_names=[_label(column, language) for column in columns],
        color_bar_label=_text("value", language),
    )
    for bar in figure.axes[1:]:
        bar.set_yticklabels([_text("low", language), _text("high", language)])
    axes.set_xlabel(_in_unit("contribution", contributions, language), fontsize=10)
    axes.tick_params(labelsize=9)
    _decimal(axes.xaxis, language)
    return figure


def plot_dependence(
    contributions: Contributions, X: pd.DataFrame, column: str, language: Language = "en"
) -> Figure:
    """Value against contribution of one column, with the density of the values below.

    Numbers are drawn between their 1st and 99th percentile, a missing value as a box to the left;
    categories as boxes, the most frequent ones.
    """
    j = [one.name for one in contributions.columns].index(column)
    told, y = contributions.columns[j], contributions.values[:, j] * factor(contributions.unit)
    figure, axes = _figure(4.4, 3.3)
    if told.kind == "category":
        _boxes(axes, X[column], y, language)
    else:
        _scatter(axes, _numbers(X, told), y, told, language)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_ylabel(_in_unit("contribution", contributions, language), fontsize=9)
    _decimal(axes.yaxis, language)
    axes.set_title(textwrap.fill(_escaped(told.text(language)), 52), fontsize=9.5)
    axes.tick_params(labelsize=8)
    return _plain(figure, axes)


def plot_waterfall(
    contributions: Contributions,
    X: pd.DataFrame,
    row: int,
    language: Language = "en",
    most: int = 9,
) -> Figure:
    """How one row comes from the average to its prediction, a bar per column."""
    unit = contributions.unit
    values = contributions.values[row] * factor(unit)
    order = _strongest(np.abs(values), most)
    rest = np.setdiff1d(np.flatnonzero(values), order)
    steps = [float(values[j]) for j in order]
    labels = [_valued(contributions.columns[j], X.iloc[row], language) for j in order]
    if len(rest):
        steps.append(float(values[rest].sum()))
        labels.append(_text("rest", language).format(len(rest)))
    figure, axes = _figure(8.4, 1.5 + 0.48 * max(1, len(steps)))
    start = contributions.start(row) * factor(unit)
    axes.use_sticky_edges = False
    span = max([abs(step) for step in steps], default=1.0) or 1.0
    places = decimals(unit, span / factor(unit))
    for i, step in enumerate(steps):
        axes.barh(i, step, left=start, height=0.6, color=RAISES if step > 0 else LOWERS)
        end = start + step
        axes.annotate(
            amount(step / factor(unit), unit, places, language),
            (max(start, end), i),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
        axes.vlines(end, i, i + 1, color=GREY, linewidth=0.6)
        start = end
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(steps) - 0.4, -0.6)
    axes.margins(x=0.05)
    axes.set_xlim(axes.get_xlim()[0], axes.get_xlim()[1] + 0.12 * span)
    positions = ((contributions.start(row), "base"), (contributions.margin[row], "result"))
    for position, key in positions:
        at = position * factor(unit)
        axes.axvline(at, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
        above = key == "result"
        axes.annotate(
            f"{_text(key, language)}\n{_prediction(position, contributions, language)}",
            (at, 1 if above else 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3 if above else -20),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
        )
    axes.set_xlabel(_in_unit("contribution", contributions, language), fontsize=8, labelpad=24)
    axes.tick_params(axis="x", labelsize=8)
    _decimal(axes.xaxis, language)
    return _plain(figure, axes)


def _beeswarm(axes: Any, color_bar_label: str, **explanation: Any) -> None:
    """SHAP's own drawing, without its traces: it shuffles the dots by the global generator."""
    state = np.random.get_state()
    with warnings.catch_warnings():
        # Columns without values, and colour maps of an older matplotlib, are no news.
        warnings.simplefilter("ignore")
        import shap

        try:
            np.random.seed(0)
            shap.plots.beeswarm(
                shap.Explanation(**explanation),
                max_display=None,
                order=np.arange(explanation["values"].shape[1]),
                ax=axes,
                plot_size=None,
                show=False,
                s=9,
                color_bar_label=color_bar_label,
                group_remaining_features=False,
            )
        finally:
            np.random.set_state(state)


def _scatter(
    axes: Any, x: npt.NDArray[np.float64], y: Any, column: Column, language: Language
) -> None:
    from matplotlib.ticker import FuncFormatter

    known = np.isfinite(x)
    if known.any():
        low, high = np.quantile(x[known], [0.01, 0.99])
        inside = known & (x >= low) & (x <= high)
        rows = np.flatnonzero(inside)[:: max(1, -(-int(inside.sum()) // BEESWARM_DOTS))]
        axes.scatter(x[rows], y[rows], s=8, color=LOWERS, alpha=0.35, linewidths=0, rasterized=True)
        below = axes.twinx()
        below.hist(x[inside], bins=40, color=GREY, alpha=0.3)
        below.set_ylim(0, 6 * max(1.0, below.get_ylim()[1]))
        below.axis("off")
    if (~known).any():
        left, right = axes.get_xlim() if known.any() else (0.0, 1.0)
        at = left - 0.12 * (right - left)
        _box(axes, [y[~known]], [at], 0.05 * (right - left))
        ticks = [tick for tick in axes.get_xticks() if left <= tick <= right and known.any()]
        axes.set_xticks([at, *ticks])
        axes.set_xlim(at - 0.06 * (right - left), right)
    else:
        at = None

    def tick(value: float, _: Any) -> str:
        if at is not None and value == at:
            return _text("missing", language)
        if column.unit == "share":
            return value_text(value, "share", language)
        return number_text(value, 0 if float(value).is_integer() else 1, language)

    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_xlabel(unit_noun(column.unit, language), fontsize=8)


def _boxes(axes: Any, values: pd.Series[Any], y: Any, language: Language) -> None:
    text = values.astype(object).where(values.notna(), _text("missing", language)).map(str)
    counts = text.value_counts()
    names = sorted(counts.index, key=lambda name: (-counts[name], name))[:_MOST_CATEGORIES]
    groups = [y[(text == name).to_numpy()] for name in names]
    _box(axes, groups, list(range(len(names))), 0.6)
    labels = [
        _escaped(_cut(name, 18)) + "\n" + number_text(counts[name], 0, language) for name in names
    ]
    axes.set_xticks(range(len(names)), labels, fontsize=7, rotation=90 if len(names) > 6 else 0)


def _box(axes: Any, groups: Sequence[Any], positions: Sequence[float], width: float) -> None:
    axes.boxplot(
        groups,
        positions=positions,
        widths=width,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": "#cfe3f2", "edgecolor": LOWERS},
        medianprops={"color": "#222222"},
        whiskerprops={"color": LOWERS},
        capprops={"color": LOWERS},
        flierprops={"marker": ".", "markersize": 2, "markeredgecolor": LOWERS},
    )


def _decimal(axis: Any, language: Language) -> None:
    """Numbers with the language's decimal sign and a real minus."""
    from matplotlib.ticker import ScalarFormatter

    class Decimal(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            return text.replace(".", ",") if language == "de" else text

    axis.set_major_formatter(Decimal(useOffset=False))


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _plain(figure: Figure, axes: Any) -> Figure:
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _strongest(sizes: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.intp]:
    """Positions of the largest sizes above zero, largest first."""
    order = np.argsort(-sizes, kind="stable")[:most]
    return order[sizes[order] > 0]


def _numbers(X: pd.DataFrame, column: Column) -> npt.NDArray[np.float64]:
    """A column's values (n,); categories have no order to be coloured by."""
    if column.kind == "category":
        return np.full(len(X), np.nan)
    return X[column.name].to_numpy(dtype=np.float64, na_value=np.nan)


def plot_label(text: str) -> str:
    """A feature's text as it stands beside a picture."""
    return textwrap.fill(_escaped(_cut(text, 138)), 54)


def _label(column: Column, language: Language) -> str:
    return plot_label(column.text(language))


def _valued(column: Column, row: pd.Series[Any], language: Language) -> str:
    """`Days since the last order: 41`."""
    text = column.text(language)
    value = row[column.name]
    if column.kind == "category":
        value = None if pd.isna(value) else _cut(str(value), 30)
    written = value_text(
        None if is_missing(value) else value,
        column.unit,
        language,
        noun=not has_noun(column, language),
    )
    return textwrap.fill(_escaped(f"{_cut(text, 138)}: {written}"), 56)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _escaped(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def _prediction(margin: float, given: Contributions, language: Language) -> str:
    """What a margin means: a probability, or what an arm changes."""
    if given.unit != "log_odds":
        return effect_text(margin, given.unit, language)
    return value_text(1 / (1 + np.exp(-margin)), "share", language)


def _in_unit(key: str, given: Contributions, language: Language) -> str:
    return _text(key, language).format(unit_name(given.unit, language))


def _text(key: str, language: Language) -> str:
    return _TEXTS[key][language == "de"]
