"""The model card: complete, after the study's own words, with what nobody may do."""

import pytest

from neigung.report.model_card import CardTexts, ModelCard
from neigung.report.page import texts
from neigung.study import Study
from tests.report.test_report import Page

OWN = CardTexts("factors", "metrics", "evaluation", "training", "ethics")
HEADINGS = {"provenance": "Provenance", "segments": "By segment", "drift": "Drift"}


def study(kind="purchase", **report) -> Study:
    return Study.from_dict(
        {
            "name": "card",
            "profiles": "profiles",
            "target": {"kind": kind, "horizon_days": 7},
            "population": {"active_within_days": 365},
            "legal_basis": {"none_needed": "test"},
            "report": report,
        }
    )


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", ["purchase", "churn", "custom", "offer"])
def test_every_target_has_a_whole_card(kind, language):
    t = texts(language)
    card = ModelCard(study(kind), OWN, t, HEADINGS).told()
    assert [part["title"] for part in card["parts"]] == list(t["card_parts"].values())
    assert all(part["text"] for part in card["parts"])
    assert len(card["not_for"]) >= 4
    assert t["card_no_owner"] in card["parts"][0]["text"]
    assert "{" not in str(card["not_for"]) + str([part["text"] for part in card["parts"]])


def test_the_study_speaks_first():
    own = study(owner="Ada <L>", intended_use="Newsletters only.", not_for=["Calls."])
    card = ModelCard(own, OWN, texts("en"), {}).told()
    assert card["not_for"][0] == "Calls."
    assert len(card["not_for"]) > 4
    assert "Owner: Ada <L>." in card["parts"][0]["text"]
    assert card["parts"][1]["text"] == "Newsletters only."


def test_links_only_to_sections_that_are_there():
    parts = ModelCard(study(), OWN, texts("en"), HEADINGS).told()["parts"]
    links = [link for part in parts for link in part["links"]]
    assert set(links) == set(HEADINGS.items())


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_shows_the_card(pages, language):
    t, text = texts(language), Page(pages[language]).text.replace("\xa0", " ")
    for told in (*t["card_must_not"]["purchase"], *t["card_must_not"]["everyone"]):
        assert told in text
    assert "Mitchell" in text
    assert t["card_use"]["purchase"] in text
    learned = {"en": "1,500 rows at 2 cutoffs", "de": "1.500 Zeilen zu 2 Stichtagen"}
    assert learned[language] in text
