"""Features grouped by theme: rhythm, discounts, service and what else the library has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.explanation.contributions import Contributions
from neigung.features.feature import Language
from neigung.language import Message

Floats = npt.NDArray[np.float64]

TEXTS = {
    "assortment": Message("assortment"),
    "attributes": Message("attributes"),
    "contacts": Message.within("theme", "contacts"),
    "discounts": Message("discounts"),
    "habits": Message("habits"),
    "loyalty": Message("loyalty"),
    "orders": Message("orders"),
    "products": Message("products"),
    "returns": Message("returns"),
    "rhythm": Message("rhythm"),
    "second hop": Message("what others did with the same products"),
    "service": Message("service"),
    "visits": Message("visits"),
}
"""The names of the library's themes; one of the user's own keeps its name."""


def theme_contributions(given: Contributions) -> tuple[tuple[str, ...], Floats]:
    """The themes, sorted, and what the features of each add together (rows, themes).

    Shapley values add up, so the sum over a theme's columns is what the theme adds.
    """
    of_column = np.array([column.theme for column in given.columns], dtype=object)
    names = tuple(sorted(set(of_column)))
    values = np.zeros((len(given), len(names)))
    for i, name in enumerate(names):
        values[:, i] = given.values[:, of_column == name].sum(axis=1)
    return names, values


def themes(given: Contributions, language: Language = "en") -> pd.DataFrame:
    """Every theme by falling importance: rank, text, columns, used, importance, share.

    The importance is the mean over the rows of |sum of the theme's contributions|, in the unit of
    the contributions; the share is of the importance of all themes. `columns` are the theme's,
    `used` those of them that move a prediction.

    >>> from neigung.features.feature import Column
    >>> columns = [Column(name, name, None, "orders", "rhythm", "number", name, name)
    ...     for name in ("last", "gap")]
    >>> values = np.array([[0.5, -0.5], [0.3, 0.1]])    # the first customer's cancel out
    >>> given = Contributions(values, 0.0, tuple(columns), values.sum(axis=1))
    >>> table = themes(given, "de")
    >>> table["text"].tolist(), table["columns"].tolist(), table["importance"].tolist()
    (['Rhythmus'], [2], [0.2])
    """
    names, values = theme_contributions(given)
    sizes = np.abs(values).mean(axis=0) if len(values) else np.zeros(len(names))
    moves = given.importance() > 0
    columns = [[one.theme == name for one in given.columns] for name in names]
    table = pd.DataFrame(
        {
            "text": [theme_text(name, language) for name in names],
            "columns": [sum(one) for one in columns],
            "used": [int(moves[one].sum()) for one in columns],
            "importance": sizes,
            "share": sizes / sizes.sum() if sizes.sum() > 0 else sizes,
        },
        index=pd.Index(names, name="theme"),
    )
    table = table.sort_values("importance", ascending=False, kind="stable")
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def theme_text(theme: str, language: Language = "en") -> str:
    """A theme as readers know it; one of the user's own stays as it is.

    >>> theme_text("discounts", "de"), theme_text("weather", "de")
    ('Rabatte', 'weather')
    """
    texts = TEXTS.get(theme)
    return texts.to(language) if texts else theme
