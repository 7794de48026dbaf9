import re

from neigung.explanation.reasons import facts
from neigung.features.library import library
from neigung.report.glossary import TYPICAL, glossary

COLUMNS = tuple(column for one in library() for column in one.columns)


def test_every_feature_has_its_sentence_in_both_languages():
    table = glossary(COLUMNS)
    assert table["column"].tolist() == [column.name for column in COLUMNS]
    assert table["fact"].tolist() == facts(COLUMNS)
    for language, unknown in (("en", "unknown"), ("de", "unbekannt")):
        for text in table[f"example_{language}"]:
            assert text
            assert not re.search(r"[{}]|typical|typisch", text), text
            assert unknown not in text
    assert (table["text_en"] != table["example_en"]).all()


def test_examples_fit_together():
    told = glossary(COLUMNS).set_index("column")["example_en"]
    assert told["order_count_30d"] == "2 orders in the last 30 days"
    assert told["order_count_365d"] == "4 orders in the last 365 days"
    assert told["visit_days_30d"] == "Visits on 2 days in the last 30 days"


def test_what_is_usual_stands_beside_the_example():
    usual = {"days_since_last_order": 9.0, "last_order_channel": "app", "order_count_7d": None}
    told = glossary(COLUMNS, usual).set_index("column")
    assert told.loc["days_since_last_order", "example_de"] == (
        "Letzte Bestellung vor 41 Tagen (typisch: 9 Tage)"
    )
    assert told.loc["last_order_channel", "example_en"].endswith("“web” (most often: “app”)")
    assert "typical" not in told.loc["order_count_7d", "example_en"]
    assert "median" in TYPICAL.to("en")
    assert "Median" in TYPICAL.to("de")


def test_no_columns():
    assert list(glossary(())) == [
        *("column", "fact", "theme", "unit", "text_en", "text_de", "example_en", "example_de")
    ]
