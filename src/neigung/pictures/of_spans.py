"""When was learned and tested: cutoffs or offers, and how long their outcomes were watched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from neigung.features.feature import Language
from neigung.language import Message
from neigung.language.numbers import date_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROLES = {"train": "#9AA5B1", "fold": "#56B4E9", "test": "#009E73"}
_INK, _GREY = "#222222", "#777777"
_TEXTS: dict[str, Message] = {
    "train": Message("training"),
    "fold": Message("validation"),
    "test": Message("test"),
    "cutoff": Message("cutoff"),
    "offers": Message("offers made"),
    "horizon": Message("horizon of {} days"),
}


def plot_timeline(
    splits: Mapping[str, Any], horizon_days: int, language: Language = "en"
) -> Figure:
    """Which cutoff plays which part, and how long its outcome was watched.

    `splits` as `Splits.to_dict` gives them, with ISO dates.
    """
    validations = [fold["validation"] for fold in splits["folds"]]
    lanes = {"train": list(splits["train"]), "fold": validations, "test": [splits["test"]]}
    names = [f"{_text(role, language)} ({len(cutoffs)})" for role, cutoffs in lanes.items()]
    figure, axes = _lanes(names, 2.9)
    for lane, (role, cutoffs) in enumerate(lanes.items()):
        for begin in map(_number, cutoffs):
            span = {"left": begin, "width": horizon_days, "height": 0.5}
            axes.barh(lane, **span, color=_ROLES[role], edgecolor=_ROLES[role], alpha=0.55)
            axes.plot([begin, begin], [lane - 0.32, lane + 0.32], color=_INK, linewidth=1.4)
    axes.plot([], [], color=_INK, linewidth=1.4, label=_text("cutoff", language))
    return _finished(figure, axes, horizon_days, language)


def plot_offer_timeline(
    spans: Mapping[str, tuple[dt.datetime, dt.datetime]],
    horizon_days: int,
    language: Language = "en",
) -> Figure:
    """When the offers of `train` and `test` were made, from and until, and watched afterwards."""
    figure, axes = _lanes([_text(role, language) for role in spans], 2.3)
    for lane, (role, (start, end)) in enumerate(spans.items()):
        first, last = _number(start), _number(end)
        bar = {"height": 0.5, "color": _ROLES[role]}
        axes.barh(lane, left=first, width=max(last - first, 0.5), **bar)
        axes.barh(lane, left=last, width=horizon_days, alpha=0.4, **bar)
    axes.plot([], [], color=_GREY, linewidth=7, label=_text("offers", language))
    return _finished(figure, axes, horizon_days, language)


def _lanes(names: Sequence[str], height: float) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, height), layout="constrained")
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.invert_yaxis()
    return figure, axes


def _finished(figure: Figure, axes: Any, horizon_days: int, language: Language) -> Figure:
    import matplotlib.dates

    mdates: Any = matplotlib.dates
    axes.xaxis_date()
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=3, maxticks=9))
    axes.xaxis.set_major_formatter(lambda x, _: date_text(mdates.num2date(x), language))
    axes.tick_params(axis="x", labelsize=8)
    label = _text("horizon", language).format(horizon_days)
    axes.plot([], [], color=_GREY, alpha=0.55, linewidth=7, label=label)
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _number(instant: Any) -> float:
    import matplotlib.dates

    mdates: Any = matplotlib.dates
    return float(mdates.date2num(pd.Timestamp(instant).to_pydatetime()))


def _text(key: str, language: Language) -> str:
    return _TEXTS[key].to(language)
