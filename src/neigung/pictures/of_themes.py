"""The picture of the themes: how far rhythm, discounts or service move predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neigung.features.feature import Language
from neigung.language.numbers import count_text, number_text
from neigung.language.units import Unit, decimals, factor
from neigung.language.values import value_text
from neigung.pictures.drawing import (
    bars,
    decimal_axis,
    empty_figure,
    in_unit,
    new_figure,
    plot_label,
    word,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_themes(table: pd.DataFrame, unit: Unit, language: Language = "en") -> Figure:
    """Mean absolute contribution of every theme that moves predictions, as SHAP's bars.

    `table` has a row per theme, the strongest first: text, used (features), importance, share.
    """
    table = table[table["importance"] > 0]
    if not len(table):
        return empty_figure(9, word("empty", language))
    sizes = np.asarray(table["importance"], dtype=np.float64)
    places = decimals(unit, float(sizes.max()))
    figure, axes = new_figure(9, 0.9 + 0.46 * len(table))
    labels, numbers = [], []
    for text, used, size, share in zip(
        table["text"],
        table["used"],
        sizes * factor(unit),
        table["share"],
        strict=True,
    ):
        many = word("feature" if used == 1 else "features", language)
        name = plot_label(text[:1].upper() + text[1:])
        labels.append(f"{name}\n({many.format(count_text(used, language))})")
        part = value_text(share, "share", language)
        numbers.append(f"{number_text(size, places, language)} ({part})")
    bars(axes, sizes * factor(unit), labels, numbers)
    axes.set_xlabel(in_unit("theme", unit, language))
    decimal_axis(axes.xaxis, language)
    return figure
