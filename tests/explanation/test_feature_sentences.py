"""Every sentence that the library's features can make, for values low, middle, high and missing."""

import re

import numpy as np
import pandas as pd
import pytest

from neigung.explanation.contributions import Contributions
from neigung.explanation.reasons import reasons
from neigung.features.library import library

COLUMNS = tuple(column for one in library() for column in one.columns)
MISSING = float("nan")
VALUES = {
    "share": (0.0, 0.0004, 0.5, 1.0, MISSING),
    "days": (0.0, 0.4, 1.0, 2.0, 41.3, 1234.0, MISSING),
    "hours": (0.0, 1.0, 14.5, 23.0, MISSING),
    "currency": (0.0, 0.004, 1.0, 12.345, 1234567.0, MISSING),
    "ratio": (0.0, 0.004, 1.0, 1.83, 1234.5, MISSING),
    "category": ("web", "-", None),
}
COUNTS = (0.0, 1.0, 2.0, 1234.0, MISSING)

# What a template or a number leaves behind when it goes wrong, and what nobody would say.
LEFTOVERS = re.compile(
    r"[{}]|\bnan\b|\bNone\b|\binf\b|  |^\s|\s$| [,.;:)]|: ?$|\(\s"
    r"|(?<![.,\d])1 (days|hours|orders|products|categories|steps|contacts|service cases|points)\b"
    r"|(?<![.,\d])1 (Tage|Tagen|Stunden|Bestellungen|Produkte|Produkten|Kategorien|Schritte"
    r"|Kontakte|Servicefälle|Punkte)\b"
    r"|\b1 (weeks|lines|pieces|campaigns|returns|offers|searches|checkouts|carts|Wochen|Positionen"
    r"|Kampagnen|Retouren|Angebote|Suchen|Warenkörbe)\b"
    r"|\b(alle|every) (1|0)\b(?![.,])|(?<!\d )\b(vor|seit|nach|an|aus) \d[\d.,]* Tage\b"
)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_value_reads_well(column):
    pool = VALUES.get(column.unit, COUNTS)
    X = pd.DataFrame(
        {one.name: np.resize(_values(one), len(pool)) for one in COLUMNS}  # aligned, then shifted
    )
    X[column.name] = list(pool)
    told = np.zeros((len(X), len(COLUMNS)))
    told[:, COLUMNS.index(column)] = 1.0
    found = reasons(Contributions(told, 0.0, COLUMNS, told.sum(axis=1)), X, k=1)
    for value, [reason] in zip(pool, found, strict=True):
        for text in (reason.text_en, reason.text_de):
            assert not LEFTOVERS.search(text), text
            assert text[0].isupper() or text[0].isdigit(), text
            assert len(text) <= 140, text
        assert "%" not in reason.text_en or " %" not in reason.text_en
        assert not re.search(r"\d%", reason.text_de)
        missing = value is None or value != value
        assert ("unknown" in reason.text_en) == ("unbekannt" in reason.text_de) == missing


def _values(column):
    values = np.array(VALUES.get(column.unit, COUNTS), dtype=object)
    return values if column.kind == "category" else values.astype(float)


@pytest.mark.parametrize("language", ["en", "de"])
def test_bare_texts(language):
    """The names under which plots and tables show the columns."""
    texts = [column.text(language) for column in COLUMNS]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert not LEFTOVERS.search(text), text
        assert len(text) <= 135, text
        assert "(" not in text or ")" in text


def test_zero_is_told_in_words():
    j = [column.name for column in COLUMNS].index("order_count_30d")
    told = np.zeros((1, len(COLUMNS)))
    told[0, j] = -1.0
    X = pd.DataFrame({one.name: _values(one)[:1] for one in COLUMNS})
    [[reason]] = reasons(Contributions(told, 0.0, COLUMNS, np.array([-1.0])), X)
    assert reason.text_en == "No orders placed in the last 30 days"
    assert reason.text_de == "Keine Bestellungen in den letzten 30 Tagen aufgegeben"
