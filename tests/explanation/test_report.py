import dataclasses
import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from neigung.evaluation.evaluate import activity_segment
from neigung.explanation.page import texts
from neigung.explanation.report import build_report


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(artefact, evaluation, test_rows) -> dict[str, str]:
    provenance = {"git commit": "abc<123>"}
    return {
        language: build_report(
            artefact, evaluation, test_rows, language=language, provenance=provenance
        )
        for language in ("en", "de")
    }


@pytest.mark.parametrize("language", ["en", "de"])
def test_loads_nothing(pages, language):
    page = Page(pages[language])
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#"))
    assert not {"script", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import", pages[language])
    assert "default-src 'none'" in pages[language]
    assert len(pages[language].encode()) < 5_000_000


@pytest.mark.parametrize("language", ["en", "de"])
def test_can_be_read_by_everybody(pages, language):
    page = Page(pages[language])
    assert page.all("html") == [{"lang": language}]
    assert len(page.all("h1")) == 1
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) >= 6
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = [link["href"][1:] for link in page.all("a")]
    assert set(targets) <= set(ids)


@pytest.mark.parametrize("language", ["en", "de"])
def test_says_what_was_measured(pages, language, evaluation):
    text = Page(pages[language]).text
    verdict = evaluation.verdict
    assert (verdict.text_de if language == "de" else verdict.text_en) in text
    for cell in evaluation.table(language).to_numpy().ravel():
        value, _, interval = cell.partition(" (")
        assert value in text
        assert interval.rstrip(")") in text
    assert "unknown" not in text or language == "en"


def test_no_customer_id_and_nothing_unescaped(pages, hostile):
    for html in pages.values():
        assert "Kundin-" not in html
        assert "<script" not in html
        assert "<i>test" not in html
        assert "<returns>" not in html
        assert "abc&lt;123&gt;" in html
        assert hostile in " ".join(Page(html).words)


def test_same_input_same_bytes(pages, artefact, evaluation, test_rows):
    np.random.seed(99)
    again = build_report(
        artefact, evaluation, test_rows, language="en", provenance={"git commit": "abc<123>"}
    )
    assert again == pages["en"]


def test_random_state_is_left_alone(artefact, test_rows):
    from neigung.explanation.explain import explain

    np.random.seed(5)
    wanted = np.random.random()
    np.random.seed(5)
    explain(artefact, test_rows).plot_beeswarm()
    assert np.random.random() == wanted


def test_a_model_that_loses_says_so(artefact, test_rows, make_evaluation):
    losing = make_evaluation(artefact, test_rows, segments=False, swap=True)
    page = build_report(artefact, losing, test_rows)
    assert 'class="verdict bad"' in page
    text = Page(page).text
    assert "Not better than the best baseline (average precision)" in text
    assert texts("en")["no_segments"] in text
    assert texts("en")["no_folds"] in text


def test_a_metric_lost_beyond_chance_is_named(artefact, evaluation, test_rows):
    table = evaluation.differences.copy()
    lost = (table["metric"] == "calibration_error") & table["best"]
    table.loc[lost, ["value", "low", "high"]] = 0.03, 0.02, 0.04
    table.loc[table["metric"] == "log_loss", ["value", "low", "high"]] = 0.03, -0.02, 0.04
    worse = dataclasses.replace(evaluation, differences=table)
    text = Page(build_report(artefact, worse, test_rows)).text
    assert "Beyond chance worse than the best baseline in: calibration error." in text


def test_answers_a_reviewer(pages, evaluation, artefact, test_rows):
    predicted = artefact.predict(test_rows.X)["probability"].mean()
    english, german = (Page(pages[language]).text for language in ("en", "de"))
    assert f"On average it predicted {100 * predicted:.0f}%" in english
    assert f"the outcome came for {100 * evaluation.base_rate:.0f}%" in english
    assert "Personal attributes used none" in english
    assert "Verwendete persönliche Angaben keine" in german
    assert "from the top: high 10%, medium 30%, low 60% of all customers" in english
    assert "von oben: hoch 10 %, mittel 30 %, niedrig 60 % aller Kunden" in german
    assert "20.12.2017 27.12.2017" in german  # the test cutoff, and how long it was watched
    defaults = inspect.signature(activity_segment).parameters
    assert defaults["new_within_days"].default == defaults["dormant_after_days"].default == 90


def test_english_inside_the_german_page_is_marked(pages):
    assert '<ul lang="en"><li>2 features left out' in pages["de"]
    assert "<ul><li>2 features left out" in pages["en"]


def test_one_outcome_only(artefact, test_rows, make_evaluation):
    frame = test_rows.frame.assign(label=0.0)
    rows = dataclasses.replace(test_rows, frame=frame)
    page = build_report(artefact, make_evaluation(artefact, rows), rows, language="de")
    assert 'class="verdict open"' in page
    assert "nan" not in re.findall(r"\w+", Page(page).text)


def test_few_rows_and_no_time_spans(artefact, test_rows, make_evaluation):
    frame = test_rows.frame.groupby("label").head(1).reset_index(drop=True)
    rows = dataclasses.replace(test_rows, frame=frame, notes=())
    bare = dataclasses.replace(artefact, meta={})
    text = Page(build_report(bare, make_evaluation(artefact, rows), rows)).text
    assert texts("en")["no_splits"] in text
    assert texts("en")["nothing_left_out"] in text
    assert "Customer B" in text
    assert "Customer C" not in text


def test_texts_are_complete():
    assert texts("en").keys() == texts("de").keys()
    german = str(texts("de"))
    assert set(re.findall(r"{\w+}", german)) == set(re.findall(r"{\w+}", str(texts("en"))))


def test_heavy_libraries_wait_until_used():
    code = (
        "import sys, neigung.explanation.report; "
        "print([m for m in ('shap', 'woodelf', 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
