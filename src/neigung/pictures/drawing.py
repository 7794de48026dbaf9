"""What all pictures share: figures, palette, labels, axes with decimal signs, SHAP's own hand.

Drawn with matplotlib's objects: no global state, no window.
"""

from __future__ import annotations

import math
import textwrap
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from neigung.features.feature import Column, Language
from neigung.language import Message
from neigung.language.numbers import localised
from neigung.language.units import Unit, unit_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): eight colours that people with any colour vision can tell apart. Line
# styles, markers and signs differ as well, for print in grey.
STYLES: tuple[tuple[str, Any, str], ...] = (
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#CC79A7", ":", "D"),
    ("#E69F00", (0, (5, 1, 1, 1)), "v"),
    ("#56B4E9", (0, (1, 1)), "P"),
)
HATCHES = ("", "//", "..", "xx")
RAISES, LOWERS, GREY, INK = "#D55E00", "#0072B2", "#777777", "#222222"

TEXT, SMALL = 9.0, 8.0
"""Sizes of letters in points; the pictures are shown no smaller than they are drawn."""

_DRAWING = threading.Lock()

_TEXTS: dict[str, Message] = {
    "importance": Message("mean absolute contribution ({})"),
    "contribution": Message("contribution ({})"),
    "theme": Message(
        "mean absolute contribution of the theme ({})\nin brackets: share of all themes together"
    ),
    "feature": Message("1 feature"),
    "features": Message("{} features"),
    "together": Message("joint contribution ({})"),
    "joint": Message(
        "mean absolute joint contribution ({})\nin brackets: share of all contributions"
    ),
    "to": Message("{} to {}"),
    "low": Message("low"),
    "middle": Message("middle"),
    "high": Message("high"),
    "value": Message("feature value"),
    "missing": Message("unknown"),
    "other": Message("other"),
    "rest": Message("{} other features together"),
    "nothing": Message("No feature moves this prediction"),
    "empty": Message("Nothing to show"),
    "base": Message("starting point"),
    "result": Message("this customer"),
}


def word(key: str, language: Language) -> str:
    """A word of the pictures."""
    return _TEXTS[key].to(language)


def in_unit(key: str, unit: Unit, language: Language) -> str:
    """A word with the unit of the contributions, as axes are named."""
    return word(key, language).format(unit_name(unit, language))


def new_figure(
    width: float, height: float, layout: Literal["constrained"] | None = "constrained"
) -> tuple[Figure, Any]:
    """A figure of so many inches and its axes, known to no window and no pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    return figure, figure.subplots()


def titled_figure(title: str, width: float = 6.4) -> tuple[Figure, Any]:
    """A figure with one panel, its title and a grid."""
    figure, axes = new_figure(width, 4.4)
    axes.set_title(title)
    axes.grid(alpha=0.3)
    return figure, axes


def style(i: int) -> tuple[str, Any, str]:
    """Colour, line and marker of the i-th of several; the first is the model's own."""
    return STYLES[i % len(STYLES)]


def empty_figure(width: float, text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure, axes = new_figure(width, 1.0)
    axes.axis("off")
    axes.text(0.5, 0.5, escaped(text), ha="center", va="center", fontsize=TEXT, wrap=True)
    return figure


def plain(axes: Any) -> None:
    """Axes without a frame."""
    axes.spines[["top", "right"]].set_visible(False)


def decimal_axis(axis: Any, language: str) -> None:
    """Numbers with the language's decimal sign and a real minus, never as powers of ten."""
    from matplotlib.ticker import ScalarFormatter

    class Decimal(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            return localised(text, language)

    formatter = Decimal(useOffset=False)
    formatter.set_scientific(False)
    axis.set_major_formatter(formatter)


def percent_axis(axis: Any, language: str) -> None:
    """Shares in percent, with decimals only where the ticks lie closer than 1 %."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    class Percent(PercentFormatter):
        def set_locs(self, locs: Any) -> None:
            super().set_locs(locs)
            steps = [100 * (b - a) for a, b in pairwise(sorted(locs)) if b > a]
            self.decimals = max(0, -math.floor(math.log10(min(steps)) + 1e-9)) if steps else 0

        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            return localised(text, language)

    # No steps of 2.5, which would be shown rounded.
    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10]))
    axis.set_major_formatter(Percent(1, decimals=0, symbol="%"))


def label_text(text: str, most: int = 44) -> str:
    """Foreign text as a label: on one line, not too long, and no formula between dollar signs.

    >>> label_text("costs $5 or $10"), label_text("a" * 50, 10)
    ('costs \\\\$5 or \\\\$10', 'aaaaaaaaa…')
    """
    return escaped(cut(" ".join(str(text).split()), most))


def capital(text: str) -> str:
    """Text with a capital at the beginning."""
    return text[:1].upper() + text[1:]


def plot_label(text: str) -> str:
    """A feature's text as it stands beside a picture."""
    return wrapped(cut(text, 138), 54)


def wrapped(text: str, width: int) -> str:
    """Text in as few lines as fit `width` letters, of about one length.

    >>> wrapped("Number of orders in the last 30 days", 32)
    'Number of orders in\\nthe last 30 days'
    """
    lines = len(textwrap.wrap(text, width))
    while width > 1 and len(textwrap.wrap(text, width - 1)) == lines:
        width -= 1
    return escaped(textwrap.fill(text, width))


def label(column: Column, language: Language) -> str:
    """A column's text as it stands beside a picture."""
    return plot_label(column.text(language))


def cut(text: str, length: int) -> str:
    """The beginning of a long text."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def strongest(sizes: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.intp]:
    """Positions of the largest sizes above zero, largest first."""
    order = np.argsort(-sizes, kind="stable")[:most]
    return order[sizes[order] > 0]


def bars(axes: Any, sizes: npt.NDArray[np.float64], labels: list[str], numbers: list[str]) -> None:
    """SHAP's bars, the first on top, with labels at the left and numbers at their ends."""
    with shap_on(axes) as shap:
        shap.plots.bar(
            shap.Explanation(values=np.asarray(sizes), feature_names=labels),
            max_display=len(sizes),
            order=np.arange(len(sizes)),
            show_data=False,
            ax=axes,
            show=False,
        )
    for bar in axes.patches:
        bar.set(facecolor=LOWERS, edgecolor="none")
    # SHAP writes numbers with two decimals, and labels twice, in letters for a larger picture.
    for text, number in zip(axes.texts, numbers, strict=True):
        text.set(text=number, fontsize=TEXT, color=INK)
    places = np.arange(len(sizes), 0, -1)
    axes.set_yticks(places, labels, fontsize=TEXT, color=INK)
    axes.set_ylim(0.4, len(sizes) + 0.6)
    axes.set_xlim(0, (1.04 + 0.018 * max(map(len, numbers))) * float(np.max(sizes)))
    axes.xaxis.label.set_fontsize(TEXT)
    axes.tick_params(axis="x", labelsize=SMALL)


@contextmanager
def shap_on(axes: Any) -> Iterator[Any]:
    """SHAP, to draw on these axes, without the traces it leaves otherwise.

    Some of its drawings want pyplot's current figure and shuffle dots by numpy's global generator.
    Here the figure is pyplot's only while it is drawn on, has no window, and the generator is given
    back as it was. One thread draws at a time, for all threads share both.
    """
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _DRAWING, warnings.catch_warnings():
        # Columns without values, and colour maps of an older matplotlib, are no news.
        warnings.simplefilter("ignore")
        import matplotlib.pyplot as plt
        import shap

        state, figure = np.random.get_state(), axes.figure
        number = max(plt.get_fignums(), default=0) + 1
        with plt.ioff():
            try:
                np.random.seed(0)
                FigureManagerBase(FigureCanvasAgg(figure), number)
                plt.figure(figure)
                plt.sca(axes)
                yield shap
            finally:
                plt.close(figure)
                FigureCanvasAgg(figure)
                np.random.set_state(state)
