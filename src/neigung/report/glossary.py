"""Every feature with its sentence: what a reason can say, looked up before it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from neigung.explanation.reasons import facts
from neigung.explanation.sentences import Sentence
from neigung.features.feature import Column
from neigung.language import Message, languages

TYPICAL = Message(
    "Typical is the median of the customers that the model learned from last, of categories the "
    "most frequent one; nothing stands there where most of them have no value."
)
"""What the words in brackets mean."""

_EXAMPLES = {
    "currency": 49.9, "points": 120.0, "days": 41.0, "hours": 3.0, "clock": 14.5, "share": 0.35,
    "ratio": 1.8,
}  # fmt: skip


def glossary(
    columns: Sequence[Column], usual: Mapping[str, float | str | None] | None = None
) -> pd.DataFrame:
    """Each column with its fact, its text and an example of its sentence, in all languages.

    Returns one row per column, in their order: `column`, `fact` (columns that share one are told
    together), `theme`, `unit`, `text_en`, `example_en`, and these
    of the other languages. The examples tell
    of a made-up customer, and what is `usual` beside it, as `usual_values` gives it.

    >>> count = Column("orders_30d", "orders", 30, "orders", "orders", "number", "Number of orders",
    ...     "Anzahl der Bestellungen", "{value} {window}", "{value} {window}")
    >>> print(*glossary([count], {"orders_30d": 1.0}).loc[0, ["fact", "example_en"]], sep=": ")
    orders: 2 orders in the last 30 days (typical: 1)
    """
    by_name = {column.name: column for column in columns}
    rows = []
    for column, fact in zip(columns, facts(columns), strict=True):
        sentence = Sentence(column, by_name, usual)
        values = [_example(by_name[name]) for name in sentence.names]
        rows.append(
            {
                "column": column.name,
                "fact": fact,
                "theme": column.theme,
                "unit": column.unit,
                **{f"text_{language}": column.text(language) for language in languages()},
                **{
                    f"example_{language}": sentence.write(values, language)
                    for language in languages()
                },
            }
        )
    texts = [f"{what}_{language}" for what in ("text", "example") for language in languages()]
    return pd.DataFrame(rows, columns=["column", "fact", "theme", "unit", *texts])


def _example(column: Column) -> float | str:
    """A likely value, which fits those of the other columns: more orders in 90 days than in 30."""
    if column.kind == "category":
        return "web" if "channel" in column.name else "…"
    counted = 5 if column.window is None else 1 + round(math.log2(max(column.window, 7) / 7) / 2)
    dated = column.unit == "days" and column.window is not None
    return float(counted) if dated else _EXAMPLES.get(column.unit, float(counted))
