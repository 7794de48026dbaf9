"""The pictures of offers: what arms change, whom, and what the choice earns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from neigung.language import Message
from neigung.language.numbers import with_percents
from neigung.pictures.drawing import (
    GREY,
    capital,
    decimal_axis,
    label_text,
    percent_axis,
    style,
    titled_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_FEATURES = 20

_TEXTS = {
    "qini": Message("Whom to offer first"),
    "share": Message("share of customers with the offer"),
    "effects": Message("What each arm changes"),
    "differences": Message("Adjusted difference of each arm"),
    "difference": Message("adjusted difference"),
    "naive": Message("plain difference"),
    "adjusted": Message("corrected for who got it"),
    "against": Message("against {control}"),
    "bands": Message("Does the predicted uplift hold?"),
    "predicted": Message("predicted uplift"),
    "observed": Message("estimated uplift"),
    "perfect": Message("perfect"),
    "policies": Message("What the choice of offers earns"),
    "balance": Message("Are the arms alike?"),
    "smd": Message("standardised mean difference to the control"),
    "before": Message("before weighting"),
    "after": Message("after weighting"),
    "limit": Message("limit"),
    "per_customer": Message("per customer"),
    "nothing": Message("no arm can be judged"),
    "points": Message("percentage points"),
    "purchase": Message("orders"),
    "value": Message("revenue"),
    "margin": Message("margin"),
}


def plot_qini(
    table: pd.DataFrame,
    arms: Sequence[str],
    names: Mapping[str, str],
    outcome: str,
    language: str = "en",
) -> Figure:
    """A panel per arm: gain over the share with the offer.

    `table` holds the curves: arm, model, share, gain, low, high;
    `names` of the rankings in order: ours with its band first, the lot last.
    """
    arms = [arm for arm in arms if (table["arm"] == arm).any()]
    figure, panels = _panels(_text("qini", language), arms, language)
    scale = _scale(outcome)
    for panel, (arm, axes) in enumerate(zip(arms, panels, strict=False)):
        curves = table[table["arm"] == arm]
        for i, (model, name) in enumerate(names.items()):
            curve = curves[curves["model"] == model]
            colour, line, _ = style(i) if i + 1 < len(names) else (GREY, "-", "")
            axes.plot(
                curve["share"],
                scale * curve["gain"],
                color=colour,
                linestyle=line,
                linewidth={0: 2.2, 1: 1.4}.get(i, 0.8),
                label=_name(name, language),
            )
            if not i:
                limits = (scale * curve[key] for key in ("low", "high"))
                axes.fill_between(curve["share"], *limits, color=colour, alpha=0.2)
        axes.set_title(_arm(arm, language), fontsize=10)
        percent_axis(axes.xaxis, language)
        decimal_axis(axes.yaxis, language)
        if panel == 0:
            figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=3)
        axes.set_xlabel(_text("share", language), fontsize=9)
    figure.supylabel(_amount(outcome, language), fontsize=10)
    return figure


def plot_effects(
    table: pd.DataFrame,
    control: str,
    outcome: str,
    language: str = "en",
    observational: bool = False,
) -> Figure:
    """Average effect of each arm with its interval, beside the plain difference of the means.

    `table` has a row per arm: arm, effect, low, high, naive, naive_low, naive_high.
    `observational` says that no offer was drawn by lot: then nothing is called an effect.
    """
    figure, axes = titled_figure(_text("differences" if observational else "effects", language))
    scale = _scale(outcome)
    for i, (key, prefix) in enumerate((("adjusted", ""), ("naive", "naive_"))):
        colour, _, marker = style(i)
        x = [k + 0.18 * i for k in range(len(table))]
        values = scale * table["effect" if i == 0 else "naive"]
        limits = (scale * table[f"{prefix}{end}"] for end in ("low", "high"))
        axes.vlines(x, *limits, color=colour, linewidth=2)
        axes.plot(x, values, color=colour, marker=marker, linestyle="", label=_text(key, language))
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(table)), [_arm(arm, language) for arm in table["arm"]])
    against = _text("against", language).format(control=label_text(control))
    axes.set(xlabel=against, ylabel=_amount(outcome, language))
    decimal_axis(axes.yaxis, language)
    figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    return figure


def plot_bands(
    table: pd.DataFrame,
    arms: Sequence[str],
    outcome: str,
    language: str = "en",
    observational: bool = False,
) -> Figure:
    """A panel per arm: estimated over predicted uplift: arm, predicted, effect, low, high."""
    arms = [arm for arm in arms if (table["arm"] == arm).any()]
    figure, panels = _panels(_text("bands", language), arms, language)
    scale = _scale(outcome)
    colour, _, marker = style(0)
    for arm, axes in zip(arms, panels, strict=False):
        bands = table[table["arm"] == arm]
        x = scale * bands["predicted"]
        axes.vlines(x, scale * bands["low"], scale * bands["high"], color=colour, linewidth=2)
        axes.plot(x, scale * bands["effect"], color=colour, marker=marker, linestyle="")
        ends = [float(x.min()), float(x.max())]
        axes.plot(ends, ends, color=GREY, linewidth=0.8, label=_text("perfect", language))
        axes.axhline(0, color=GREY, linewidth=0.4)
        axes.set_title(_arm(arm, language), fontsize=10)
        decimal_axis(axes.xaxis, language)
        decimal_axis(axes.yaxis, language)
        axes.locator_params(axis="x", nbins=5)
        if arm == arms[0]:
            axes.legend(frameon=False, fontsize=9, loc="upper left")
    unit = _unit(outcome, language)
    figure.supxlabel(f"{_text('predicted', language)}{unit}", fontsize=10)
    figure.supylabel(
        f"{_text('difference' if observational else 'observed', language)}{unit}", fontsize=10
    )
    return figure


def plot_policies(
    table: pd.DataFrame, names: Mapping[str, str], outcome: str, language: str = "en"
) -> Figure:
    """What our choice and each simple policy earn per customer, from (model, value, low, high).

    `names` of the policies; the first is our choice.
    """
    figure, axes = titled_figure(_text("policies", language), width=7.2)
    scale, ours = _scale(outcome), next(iter(names))
    for i, row in enumerate(table.to_dict("records")):
        colour, _, marker = style(0 if row["model"] == ours else 1)
        axes.hlines(i, scale * row["low"], scale * row["high"], color=colour, linewidth=2)
        axes.plot(scale * row["value"], [i], color=colour, marker=marker)
    told = [_name(names[model], language) for model in table["model"]]
    axes.set_yticks(range(len(table)), told)
    axes.invert_yaxis()
    axes.set_xlabel(_amount(outcome, language))
    decimal_axis(axes.xaxis, language)
    return figure


def plot_balance(table: pd.DataFrame, limit: float, language: str = "en") -> Figure:
    """Of each feature the largest difference of an arm to the control; a love plot.

    `table` has a row per column and arm: column, before, after, in standard deviations.
    """
    table = table.assign(before=table["before"].abs(), after=table["after"].abs())
    worst = table.groupby("column", sort=False)[["before", "after"]].max()
    worst = worst.assign(most=worst.max(axis=1)).sort_values("most", kind="stable")
    worst = worst.tail(_MOST_FEATURES)
    figure, axes = titled_figure(_text("balance", language), width=8)
    figure.set_size_inches(8, 2 + 0.22 * max(6, len(worst)))
    for i, key in enumerate(("after", "before")):
        colour, _, marker = style(i)
        axes.plot(
            worst[key],
            range(len(worst)),
            color=colour,
            marker=marker,
            linestyle="",
            label=_text(key, language),
        )
    axes.axvline(limit, color=GREY, linewidth=0.8, label=_text("limit", language))
    axes.set_yticks(range(len(worst)), worst.index, fontsize=9)
    axes.set_xlim(left=0)
    axes.set_xlabel(_text("smd", language))
    decimal_axis(axes.xaxis, language)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure


def _panels(title: str, arms: Sequence[str], language: str) -> tuple[Figure, list[Any]]:
    """A figure with a panel per arm, at most three beside each other."""
    from matplotlib.figure import Figure

    columns = 2 if len(arms) == 4 else min(3, max(1, len(arms)))
    rows = max(1, math.ceil(len(arms) / columns))
    figure = Figure(figsize=(3 * columns + 1.4, 2.9 * rows + 0.7), layout="constrained")
    figure.suptitle(title)
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels[len(arms) :]:
        axes.set_axis_off()
        if not arms:
            axes.text(0.5, 0.5, _text("nothing", language), ha="center", va="center")
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=9)
    return figure, panels


def _text(key: str, language: str) -> str:
    return _TEXTS[key].to(language)


def _name(policy: str, language: str) -> str:
    return capital(_arm(policy, language))


def _arm(text: str, language: str) -> str:
    """An arm as a label; its percentages as the language sets them."""
    return with_percents(label_text(text), language)


def _scale(outcome: str) -> float:
    return 100 if outcome == "purchase" else 1


def _unit(outcome: str, language: str) -> str:
    return f", {_text('points', language)}" if outcome == "purchase" else ""


def _amount(outcome: str, language: str) -> str:
    per = _text("per_customer", language)
    return f"{_text(outcome, language)} {per}{_unit(outcome, language)}"
