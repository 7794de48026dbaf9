"""The rows that were learned from and tested on, and of how many they are a sample."""

from types import SimpleNamespace

import pytest

from neigung.report.page import texts
from neigung.report.sections.propensity.data_section import DataSection
from neigung.report.traced import Numbers
from neigung.study import Study

STUDY = Study.from_dict(
    {
        "name": "card",
        "profiles": "profiles",
        "target": {"kind": "purchase", "horizon_days": 7},
        "legal_basis": {"none_needed": "test"},
    }
)
SPLITS = {"train": ["2025-01-01", "2025-02-01"], "folds": [], "test": "2025-03-01"}
NUMBERS = {"test.rows": 3000.0, "test.customers": 3000.0}


def section(language: str, **rows: int) -> DataSection:
    parts = SimpleNamespace(themes=lambda: "themes", attributes=lambda: "attributes")
    meta = {"splits": SPLITS, "rows": {"train": 4100, "test": 3000, **rows}}
    return DataSection(STUDY, meta, parts, Numbers(NUMBERS, language), texts(language))


def told(data: DataSection) -> str:
    facts = [str(value) for _, value in data.facts()]
    return "\n".join((*facts, data.learned(), str(data.tested("2025-03-01")))).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("language", "trained", "tested"),
    [
        ("en", "4,100 of 81,000", "all 70,000 customers"),
        ("de", "4.100 von 81.000", "aller 70.000 Kunden"),
    ],
)
def test_a_sample_says_of_how_many(language, trained, tested):
    text = told(section(language, train_of=81_000, test_of=70_000))
    assert text.count(trained) == 2  # in the section and in the model card
    assert tested in text
    assert "{" not in text
    assert 'data-source="test.rows"' in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_of_everybody_no_sample_is_said(language):
    text = told(section(language))
    assert "sample" not in text
    assert "Stichprobe" not in text
    assert "{" not in text
    only_learned = told(section(language, train_of=81_000))
    assert ("a sample" in only_learned) or ("eine Stichprobe" in only_learned)
    assert "70" not in only_learned
