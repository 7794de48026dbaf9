import base64
import dataclasses
import hashlib
import inspect
import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from neigung.evaluation.propensity.segments import activity_segment
from neigung.explanation.explain import explain
from neigung.language import Message
from neigung.report import page as page_module
from neigung.report.driver import APPENDIX, SHARED, build_report
from neigung.report.page import texts
from tests.report.traces import Traces


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


class Outline(Page):
    """The headings of a page in their order."""

    @property
    def levels(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if tag in ("h1", "h2", "h3", "h4")]


@pytest.mark.parametrize("language", ["en", "de"])
def test_loads_nothing(pages, language):
    page = Page(pages[language])
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#"))
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs)
    assert not {"iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import", pages[language])
    assert len(pages[language].encode()) < 5_000_000


@pytest.mark.parametrize("language", ["en", "de"])
def test_policy_allows_only_what_the_page_brings(pages, language):
    html = pages[language]
    policy = Page(html).all("meta")[1]["content"]
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


@pytest.mark.parametrize("language", ["en", "de"])
def test_can_be_read_by_everybody(pages, language):
    page = Outline(pages[language])
    assert page.all("html") == [{"lang": language}]
    assert page.levels[:2] == [1, 2]
    assert page.levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(page.levels))
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) >= 12
    assert all("tabindex" in one for one in page.all("div") if one.get("class") == "scroll")
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = [link["href"][1:] for link in page.all("a")]
    assert set(targets) <= set(ids)
    named = {
        attrs[key] for _, attrs in page.tags for key in ("aria-labelledby", "for") if key in attrs
    }
    assert named <= set(ids)


def test_sections_come_in_the_order_of_the_decision(pages):
    order = ["verdict", "what", "how-well", "why", "customers", *SHARED, *APPENDIX]
    for html in pages.values():
        places = [html.index(f'id="{anchor}"') for anchor in order]
        assert places == sorted(places)
        # What decides stands before the first section, the verdict above the numbers.
        assert html.index('class="verdict') < html.index('class="tiles"') < places[1]


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_first_screen_says_verdict_and_reasons(pages, evidence, language):
    fitness, text = evidence.fitness, Page(pages[language]).text.replace("\xa0", " ")
    first = text[: text.index(texts(language)["timeline"])]
    assert fitness.text(language) in first
    for light in fitness.lights:
        said = " ".join(light.text(language).split())
        assert f"{light.word(language)} {light.title(language)}: {said}" in first
    good = [light for light in fitness.lights if light.status == "good"]
    assert 0 < len(good) < len(fitness.lights)
    reason = first.index(fitness.reasons[0].title(language) + ":")
    assert (
        reason < first.index(texts(language)["passed"]) < first.index(good[0].title(language) + ":")
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_says_what_was_measured(pages, language, evaluation):
    text = Page(pages[language]).text
    for cell in evaluation.table(language).to_numpy().ravel():
        value, _, interval = cell.partition(" (")
        assert value in text
        assert interval.rstrip(")") in text


def test_belongs_to_the_artefact(pages, artefact):
    for html in pages.values():
        assert {"name": "neigung-artefact", "content": artefact.digest} in Page(html).all("meta")


def test_no_customer_id_and_nothing_unescaped(pages, hostile, test_rows):
    ids = set(test_rows.frame["customer_id"])
    for html in pages.values():
        assert "Kundin-" not in html
        page = Page(html)
        assert not ids & set(page.words)
        assert len(page.all("script")) == 1
        for markup in ("<i>test", "<returns>", "<had>", "<hatte>", "<b>"):
            assert markup not in html
        assert "abc&lt;123&gt;" in html
        assert hostile in " ".join(page.words)
        body = " ".join(Page(re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)).words)
        body = body.replace(hostile, "").replace("{{ 7 * 7 }}{va…", "")  # long names are cut
        assert not re.search(r"[{}]", body)
        assert "nan" not in re.findall(r"\w+", body)


def test_same_input_same_bytes(pages, artefact, evidence, test_rows):
    np.random.seed(99)
    again = build_report(
        artefact, evidence, test_rows, language="en", provenance={"git commit": "abc<123>"}
    )
    assert again == pages["en"]


def test_random_state_is_left_alone(artefact, test_rows):
    from neigung.explanation.explain import explain

    np.random.seed(5)
    wanted = np.random.random()
    np.random.seed(5)
    explain(artefact, test_rows).plot_beeswarm()
    assert np.random.random() == wanted


@pytest.fixture
def words(monkeypatch, make_evidence):
    """Builds a report without drawing and gives its text: pictures take most of the time."""

    def nothing(figure, alt, dots=False, inches=None):
        return {"uri": "data:,", "alt": alt, "width": 1, "height": 1, "wide": False}

    own = ("propensity_sections", "people", "data_section")
    shared = ("stability_section", "fairness_section", "comparison_section")
    for name in (
        "parts",
        *(f"sections.propensity.{one}" for one in own),
        *(f"sections.{one}" for one in shared),
    ):
        monkeypatch.setattr(f"neigung.report.{name}.picture", nothing)

    def build(artefact, evaluation, rows, language="en", **parts):
        evidence = make_evidence(artefact, evaluation, rows, **parts)
        html = build_report(artefact, evidence, rows, language=language)
        page = Traces(html)
        assert page.untraced() == []
        assert page.wrong(evidence.numbers(), language) == []
        assert "nan" not in re.findall(r"\w+", Page(html).text)
        return html

    return build


def test_a_model_that_loses_says_so(words, artefact, test_rows, make_evaluation):
    losing = make_evaluation(artefact, test_rows, segments=False, swap=True)
    page = words(artefact, losing, test_rows)
    assert 'class="verdict bad"' in page
    text = Page(page).text
    for key in ("no_segments", "no_folds", "no_stability", "no_fairness", "no_sources"):
        assert texts("en")[key] in text
    assert "Not fit for use" in text
    assert texts("en")["changed_first"] in text
    assert texts("en")["tile_behind"].partition(":")[0] in text


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
    assert "order lines 5,321 400 2017-01-01 2017-12-30 5" in english
    assert "Kunden 400 400 – – 1" in german
    defaults = inspect.signature(activity_segment).parameters
    assert defaults["new_within_days"].default == defaults["dormant_after_days"].default == 90


def test_what_acting_on_the_best_brings(pages, artefact, test_rows, evaluation):
    order = np.argsort(-artefact.predict(test_rows.X)["probability"].to_numpy(), kind="stable")
    found = test_rows.y[order[:40]].sum()
    text = Page(pages["en"]).text
    assert (
        f"Addressing the 10% with the highest scores, 40 customers of the test, reaches {found:.0f}"
        in text
    )
    assert f"{100 * found / test_rows.y.sum():.0f}% of all there are" in text


def test_both_sides_of_the_threshold(pages, artefact, test_rows):
    predicted = artefact.predict(test_rows.X).sort_values("probability", ascending=False)
    inside = predicted[predicted["band"] == "high"].iloc[-1]
    outside = predicted[predicted["band"] != "high"].iloc[0]
    text = Page(pages["en"]).text.replace(" ,", ",")
    for chosen, one in (("just inside the band", inside), ("just below the band", outside)):
        told = f"{chosen} “high” probability {100 * one['probability']:.0f}%, band “{one['band']}”"
        assert told in text


def test_english_inside_the_german_page_is_marked(pages, artefact, evidence, test_rows):
    assert '<ul><li lang="en">2 features left out' in pages["de"]
    assert "<ul><li>2 features left out" in pages["en"]
    note = Message("unknown")
    html = build_report(artefact, evidence, test_rows, language="de", provenance={}, notes=[note])
    assert "<ul><li>unbekannt</li></ul>" in html


def test_many_notes_are_folded(words, artefact, evaluation, test_rows):
    rows = dataclasses.replace(test_rows, notes=tuple(f"Note {i}." for i in range(9)))
    html = words(artefact, evaluation, rows)
    assert "<summary>Show all 9 remarks</summary>" in html
    assert html.count("<li>Note ") == 9


def test_one_outcome_only(words, artefact, test_rows, make_evaluation):
    frame = test_rows.frame.assign(label=0.0)
    rows = dataclasses.replace(test_rows, frame=frame)
    page = words(artefact, make_evaluation(artefact, rows), rows, language="de")
    assert 'class="verdict unknown"' in page
    assert "Kein Urteil: zu wenige Ergebnisse" in page
    assert "0 Kunden des Tests haben das seltenere Ergebnis" in page


def test_few_rows_and_no_time_spans(words, artefact, test_rows, make_evaluation):
    frame = test_rows.frame.groupby("label").head(1).reset_index(drop=True)
    rows = dataclasses.replace(test_rows, frame=frame, notes=())
    bare = dataclasses.replace(artefact, meta={})
    text = Page(words(bare, make_evaluation(artefact, rows), rows)).text
    assert texts("en")["no_splits"] in text
    assert texts("en")["nothing_left_out"] in text
    assert "Customer B" in text
    assert "Customer C" not in text
    assert "P02" in text
    assert "P03" not in text


def test_a_model_without_used_features(words, artefact, evaluation, test_rows):
    whole = explain(artefact, test_rows)
    given = whole.contributions
    nothing = dataclasses.replace(given, values=np.zeros_like(given.values))
    explanation = dataclasses.replace(whole, contributions=nothing)
    text = Page(words(artefact, evaluation, test_rows, explanation=explanation)).text
    assert texts("en")["nothing_used"] in text
    assert texts("en")["no_reasons"] in text
    assert texts("en")["beeswarm"] not in text


def test_thousands_of_categories_and_long_names(words, artefact, test_rows, make_evaluation):
    names = [f"<b>{i}</b>" + "long" * 200 for i in range(len(test_rows))]
    frame = test_rows.frame.assign(last_channel=pd.Categorical(names))
    rows = dataclasses.replace(test_rows, frame=frame)
    html = words(artefact, make_evaluation(artefact, rows), rows)
    assert "<b>" not in html
    assert len(html) < 1_000_000


def test_texts_are_complete():
    assert texts("en").keys() == texts("de").keys()
    german = str(texts("de"))
    assert set(re.findall(r"{\w+}", german)) == set(re.findall(r"{\w+}", str(texts("en"))))


def test_no_word_is_defined_twice():
    folder = Path(page_module.__file__).parent / "templates" / "texts"
    keys = [key for path in folder.iterdir() for key in yaml.safe_load(path.read_text("utf-8"))]
    assert len(keys) == len(set(keys)) > 150


def test_heavy_libraries_wait_until_used():
    code = (
        "import sys, neigung.report.sections.propensity.propensity_sections; "
        "print([m for m in ('shap', 'woodelf', 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
