"""The decorator: what a docstring and its arguments make of the columns."""

from __future__ import annotations

from typing import Any

import pytest

from neigung.errors import FeatureError
from neigung.features.feature import Column, feature
from neigung.features.sources import ORDERS

TEXT = """Number of gifts.

    de: Anzahl der Geschenke.

    reason: {value} gifts {window}

    reason de: {window} {value} Geschenke

    zero: No gifts {window}

    zero de: {window} keine Geschenke

    missing: Gifts unknown

    missing de: Geschenke unbekannt
    """


def gifts(text: str = TEXT, **arguments: Any) -> Any:
    def gift_count(orders: Any, within: Any) -> Any:
        return orders.count(where=within)

    gift_count.__doc__ = text
    return feature(ORDERS, windows=(30, None), **arguments)(gift_count)


def test_sentences_for_every_case_and_window() -> None:
    within, ever = gifts().columns
    assert within.sentence("en") == "{value} gifts in the last 30 days"
    assert within.sentence("de") == "In den letzten 30 Tagen {value} Geschenke"
    assert ever.sentence("en") == "{value} gifts so far"
    assert (ever.zero("en"), ever.zero("de")) == ("No gifts so far", "Bisher keine Geschenke")
    assert (within.missing("en"), within.missing("de")) == ("Gifts unknown", "Geschenke unbekannt")
    assert ever.text("en") == "Number of gifts"


def test_windows_are_one_fact_unless_another_is_named() -> None:
    assert [column.fact for column in gifts().columns] == ["gift_count", "gift_count"]
    assert {column.fact for column in gifts(fact="presents").columns} == {"presents"}


@pytest.mark.parametrize("label", ["reason", "zero", "missing"])
@pytest.mark.parametrize("language", ["", " de"])
def test_a_sentence_in_one_language_is_refused(label: str, language: str) -> None:
    other = "" if language else " de"
    with pytest.raises(FeatureError, match=f"gift_count: '{label}:' and '{label} de:' come"):
        gifts(TEXT.replace(f"    {label}{other}: ", "    "))


def test_a_column_from_before_there_were_facts_is_stored_as_it_was() -> None:
    old = {
        "name": "n", "feature": "n", "window": None, "unit": "orders", "theme": "orders",
        "kind": "number", "text_en": "N", "text_de": "N", "sentence_en": None, "sentence_de": None,
    }  # fmt: skip
    column = Column.from_dict(old)
    assert column.to_dict() == old
    assert column.fact is None
    new = gifts().columns[0]
    assert Column.from_dict(new.to_dict()) == new
    assert new.to_dict()["fact"] == "gift_count"
