"""Pages in a language of which there is nothing but a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neigung.features.feature import Column
from neigung.report.driver import build_report
from tests.language.pseudo import PSEUDO, plain_words
from tests.report.test_report import Page


def left_over(html: str, columns: Iterable[Column]) -> list[str]:
    """The words of a page in plain letters that are none of a feature's own texts."""
    seen = re.sub(r"<(style|script)\b.*?</\1>", " ", html, flags=re.DOTALL)
    # Texts of features stand in their docstrings, in English where a language is missing there.
    texts = [text for one in columns for text in vars(one).values() if isinstance(text, str)]
    known = set(re.findall(r"\w+", " ".join(texts).lower()))
    known |= {"in", "the", "last", "days"}  # their windows
    return [word for word in plain_words(Page(seen).text) if word.lower() not in known]


# What the tables of the made-up shop hold, the names of measures, and months as Babel has them.
NAMES = {
    *("script", "alert", "region", "web", "app", "north", "purchase", "test", "none", "returns"),
    *("psi", "qini", "va", "jan", "jun", "sep", "okt", "nov", "dec", "attribute", "data"),
}
# A note of an older release, and what a training stored in two languages.
STORED = "2 features left out: no returns. It had learned from this test. The prediction itself"


def foreign(html: str, columns: Iterable[Column]) -> list[str]:
    known = NAMES | set(plain_words(STORED.lower()))
    digits = re.compile(r"[a-f]+")  # of digests
    words = (word.lower() for word in left_over(html, columns))
    return [word for word in words if word not in known and not digits.fullmatch(word)]


def test_a_page_has_no_sentence_beside_the_catalogue(
    artefact: Any, evidence: Any, test_rows: Any, pseudo: Path
) -> None:
    html = build_report(artefact, evidence, test_rows, language=PSEUDO, provenance={})
    assert foreign(html, artefact.columns) == []


def test_nor_has_that_of_offers(offer_case: Any, offer_evidence: Any, pseudo: Path) -> None:
    case = offer_case()
    html = build_report(case.artefact, offer_evidence, case.test, language=PSEUDO, provenance={})
    assert foreign(html, case.artefact.columns) == []
