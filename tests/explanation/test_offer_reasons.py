import re

import numpy as np
import pytest

from neigung.errors import InputError
from neigung.explanation import reasons as module
from neigung.explanation.contributions import Contributions, contributions
from neigung.explanation.reaction import reaction_text
from neigung.explanation.reasons import offer_reasons, reasons
from neigung.features.library import library
from neigung.language.grammar import within_sentence
from tests.explanation.test_reasons import frame
from tests.report.conftest import COLUMNS


def told(arm, **values):
    """The sentences about one customer's contributions to an arm's uplift."""
    row = np.array([[values.get(column.name, 0.0) for column in COLUMNS]])
    given = Contributions(row, 0.01, COLUMNS, row.sum(axis=1) + 0.01, "points", arm)
    return [(one.text_en, one.text_de) for one in reasons(given, frame(), k=5)[0]]


def test_both_directions_in_both_languages():
    found = told("10%", days_since_last_order=0.02, discount_share=-0.01)
    assert found == [
        (
            "Stronger reaction to 10% expected – last order 41 days ago, usually every 12 days",
            "Stärkere Reaktion auf 10 % erwartet – letzte Bestellung vor 41 Tagen, sonst alle 12 "
            "Tage",
        ),
        (
            "Weaker reaction to 10% expected – 35% saved through discounts",
            "Schwächere Reaktion auf 10 % erwartet – 35 % durch Rabatte gespart",
        ),
    ]


def test_channels_and_plain_texts():
    found = told("sms", order_count_30d=0.02, last_channel=-0.01)
    assert found == [
        (
            "Stronger reaction to sms expected – number of orders in the last 30 days: 3",
            "Stärkere Reaktion auf sms erwartet – Anzahl der Bestellungen in den letzten 30 "
            "Tagen: 3",
        ),
        (
            "Weaker reaction to sms expected – channel of the last order: “web”",
            "Schwächere Reaktion auf sms erwartet – Kanal der letzten Bestellung: „web“",
        ),
    ]


@pytest.mark.parametrize("arm", ["{0}", "<b>10%</b>", "%s", "{arm}", "$x$"])
def test_hostile_arms_stay_as_they_are(arm):
    [(english, german)] = told(arm, discount_share=0.1)
    assert english.startswith(f"Stronger reaction to {arm} expected – ")
    assert german.startswith(f"Stärkere Reaktion auf {arm} erwartet – ")


def test_propensity_sentences_are_bare(one_row):
    [[reason]] = reasons(one_row(discount_share=1.0), frame())
    assert reason.text_en == "35% saved through discounts"


NOUNS = re.compile(
    r"Tage|Angebote|Artikel|Anzahl|Anteil|Einkäufe|Produkt|Zeit\b|Bestell(ung|wert|tempo|akt)|Wert\b|Streuung|Position|Stückzahl|Kategorie|Kanal|Median|Mittel\b"
    r"|Abstände|Wochen|Uhrzeit|Lieblings|Breite|Rabatt|Retoure|Grund|Besuch|Sitzung|Such|Kampagne"
    r"|Kontakt|Zufriedenheit|Punkt|Treuestufe|Stufe|Käufer|Zahl\b|Summe|Preis|Monate|Pause"
)


def test_german_nouns_keep_their_capital_and_nothing_else_does():
    """Each sentence of the library after a colon; a new first word must be known to one list."""
    for column in (one for feature in library() for one in feature.columns):
        said = (column.sentence("de"), column.zero("de"), column.missing("de"), column.text("de"))
        for sentence in said:
            if sentence and sentence[0].isalpha():
                told = within_sentence(sentence, "de")
                assert told[0].isupper() == bool(NOUNS.match(sentence)), sentence
    assert within_sentence("Keine Bestellungen aufgegeben", "de")[:6] == "keine "


def test_english_sentences_become_small():
    for column in (one for feature in library() for one in feature.columns):
        for sentence in (column.text("en"), column.zero("en"), column.missing("en")):
            if sentence:
                assert reaction_text(sentence, "5%", True).split(" – ")[1][0].islower()


def test_each_row_is_explained_for_its_arm(offer_case, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 60)
    case = offer_case()
    X, uplift = case.test.X.head(150), case.artefact.model.uplift
    arms = np.array(["none", "5%", "10%"], dtype=object)[np.arange(len(X)) % 3]
    uplift.asked.clear()
    found = offer_reasons(case.artefact, X, arms, k=2)
    # The control's rows count for the arm of their largest uplift; none is explained twice.
    assert sum(rows for _, rows in uplift.asked) == len(X)
    assert max(rows for _, rows in uplift.asked) <= 60
    assert len(uplift.asked) <= 4
    best = uplift.predict(X).idxmax(axis=1).to_numpy()
    assert {"5%", "10%"} == set(best[arms == "none"])
    for i, reasons_of_row in enumerate(found):
        arm = best[i] if arms[i] == "none" else arms[i]
        wanted = contributions(case.artefact, X.iloc[[i]], arm)
        assert reasons_of_row == reasons(wanted, X.iloc[[i]], k=2)[0]
        assert f"reaction to {arm} expected – " in reasons_of_row[0].text_en
    assert arms[0] == "none"  # the caller's own


def test_no_rows_and_wrong_arms(offer_case):
    case = offer_case()
    X = case.test.X
    assert offer_reasons(case.artefact, X.head(0), []) == []
    with pytest.raises(InputError, match="One arm for each of the 3 rows is needed"):
        offer_reasons(case.artefact, X.head(3), ["5%"])
    with pytest.raises(InputError, match="found '7%'"):
        offer_reasons(case.artefact, X.head(2), ["5%", "7%"])
