import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from neigung.language.values import value_text
from neigung.report.driver import build_report
from neigung.report.page import texts
from tests.report.offers import offer_evaluation
from tests.report.offers import offer_evidence as make_evidence
from tests.report.test_report import Page
from tests.report.traces import Traces

HOSTILE_ARM = "<b>10%</b>{value} $x^2$ {{ 7 * 7 }}"


@pytest.fixture
def words(monkeypatch):
    """Builds a report without drawing and gives its text: pictures take most of the time."""

    def nothing(figure, alt, dots=False, inches=None):
        return {"uri": "data:,", "alt": alt, "width": 1, "height": 1, "wide": False}

    shared = ("comparison_section", "fairness_section", "stability_section")
    own = ("offers.offer_sections", "offers.offer_customers")
    for name in ("parts", *(f"sections.{one}" for one in (*own, *shared))):
        monkeypatch.setattr(f"neigung.report.{name}.picture", nothing)

    def build(case, language="en", arm=None, **changes):
        evidence = dataclasses.replace(make_evidence(case, arm=arm), **changes)
        return build_report(case.artefact, evidence, case.test, language=language)

    return build


@pytest.mark.parametrize("language", ["en", "de"])
def test_whole_and_for_everybody(offer_pages, language):
    page = Page(offer_pages[language])
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#"))
    assert not {"iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    assert "default-src 'none'" in offer_pages[language]
    assert len(offer_pages[language].encode()) < 5_000_000
    assert page.all("html") == [{"lang": language}]
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))
    assert len(page.all("img")) >= 13
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) >= 8
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)


def test_no_id_and_nothing_unescaped(offer_pages, hostile):
    for html in offer_pages.values():
        assert "Kundin-" not in html
        assert "Angebot-3-" not in html
        assert html.count("<script") == 1  # the page's own, which the policy allows by its digest
        assert "<i>test" not in html
        assert "<returns>" not in html
        assert "<b>autumn" not in html
        assert "abc&lt;123&gt;" in html
        assert "nan" not in re.findall(r"\w+", Page(html).text.replace("Nan", ""))
        body = " ".join(Page(html.partition("</style>")[2].partition("<script")[0]).words)
        assert not re.search(r"[{}]", body.replace(hostile, ""))


def test_same_input_same_bytes(offer_pages, offer_case):
    case = offer_case()
    np.random.seed(99)
    evidence = make_evidence(case, whole=True)
    again = build_report(case.artefact, evidence, case.test, provenance={"git_commit": "abc<123>"})
    assert again == offer_pages["en"]


def test_a_trial_that_succeeds(offer_pages, offer_case):
    case = offer_case()
    english, german = (Page(offer_pages[language]).text for language in ("en", "de"))
    assert case.evaluation.verdict.beats_baseline
    assert case.evaluation.verdict.text_en in english
    assert "every offer was drawn by lot" in english
    assert texts("en")["offer"]["shows_not"] not in english
    assert "Effect of 10%" in english
    assert "Wirkung von 10 %" in german.replace("\xa0", " ")
    for sentence in case.evaluation.arm_sentences("en"):
        assert sentence in english
    assert "the strongest reaction to 10%" in english
    assert "put off by 10%" in english
    assert "Stronger reaction to 10% expected:" in english
    assert "Schwächere Reaktion auf 10 % erwartet:" in german.replace("\xa0", " ")
    assert "log-odds" not in english.lower()
    assert "percentage points" in english
    share = 100 * (case.artefact.recommended(case.test.X) == "none").mean()
    assert f"none (comparison) – {(case.test.arm == 'none').sum():,}" in english
    assert f"({100 * (case.test.arm == 'none').mean():.0f}%) {share:.0f}%" in english


def test_numbers_are_those_of_the_evaluation(offer_pages, offer_case):
    case = offer_case()
    text = Page(offer_pages["en"]).text
    row = case.evaluation.arm_effects.iloc[1]
    assert f"{100 * row['effect']:+.1f} points {100 * row['low']:+.1f}".replace("-", "−") in text
    assert f"{100 * row['naive']:+.1f} points".replace("-", "−") in text
    assert f"{case.evaluation.value('policy_value'):.2f}" in text
    assert f"{value_text(case.evaluation.base_rate, 'share')} ordered within 14 days" in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_number_is_one_of_the_evidence(offer_pages, offer_evidence, language):
    page, numbers = Traces(offer_pages[language]), offer_evidence.numbers()
    assert page.wrong(numbers, language) == []
    assert page.untraced() == []
    shown = {one.source for one in page.numbers}
    for name in numbers:
        if re.match(r"(effect\.[^.]*(\.naive)?|policy|band|placebo\.effect)(\.|$)", name):
            assert name in shown or name.endswith((".p", ".needed")), name


@pytest.mark.parametrize("language", ["en", "de"])
def test_chosen_customers_without_overlap(words, offer_case, language):
    """Nobody drew these offers: no heading, tile, verdict or table head may say effect."""
    case = offer_case(drawn=0.0, chosen=True)
    assert not case.evaluation.overlap["usable"].all()
    html = words(case, language)
    text = Page(html).text.replace("\xa0", " ")
    o = texts(language)["offer"]
    assert 'class="verdict good"' not in html
    for item in (*o["shows_items"], *o["shows_not_items"], o["only_lot"], o["hint_observed"]):
        assert item in text
    assert o["not_comparable"] in text
    assert o["effects_observed"] in text
    assert o["effects"] not in text
    word = {"en": "effect", "de": "wirkung"}[language]
    heads = re.findall(r"<(?:h1|h3|th|caption|strong|summary)[^>]*>(.*?)</", html, re.S)
    heads += re.findall(r'<span class="name">(.*?)</span>', html)
    heads += [one for one in re.findall(r"<h2[^>]*>(.*?)</h2>", html) if one != o["can"]]
    assert len(heads) > 50
    assert [one for one in heads if word in one.lower()] == []
    for arm in case.artefact.arms:
        assert o["of_arm_observed"].format(arm=arm.replace("%", " %" if language == "de" else "%"))


def test_chosen_customers_with_good_numbers_are_a_reservation(words, offer_case):
    """What beats every policy is used with care only, when nobody drew the offers."""
    case = offer_case()
    frame = case.test.frame.assign(assignment_probability=np.nan)
    test = dataclasses.replace(case.test, frame=frame)
    overlap = case.evaluation.overlap.assign(randomised=0.0)
    evaluation = dataclasses.replace(case.evaluation, overlap=overlap)
    html = words(dataclasses.replace(case, test=test, evaluation=evaluation))
    assert 'class="verdict care"' in html
    assert "Use with care" in Page(html).text
    assert texts("en")["offer"]["hint_observed"] in Page(html).text


def test_partly_drawn(words, offer_case):
    text = Page(words(offer_case(drawn=0.5))).text
    assert re.search(r"In part: (49|50|51)% of the offers were drawn by lot", text)
    assert texts("en")["offer"]["shows_not"] in text
    assert "What each offer changes" in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_effect(words, offer_case, language):
    case = offer_case(effect=0.0)
    html = words(case, language)
    text = Page(html).text.replace("\xa0", " ")
    o = texts(language)["offer"]
    assert 'class="verdict bad"' in html
    assert text.count(o["verdicts"]["unknown"]) >= 2
    assert o["needed"].lower() in text.lower()
    arm = {"en": "5%", "de": "5 %"}[language]
    assert text.count(o["nothing_used"].format(arm=arm)) == 2
    assert "nan" not in re.findall(r"\w+", text)


@pytest.mark.parametrize("language", ["en", "de"])
def test_channels(words, offer_case, language):
    case = offer_case(arms=("email", "push"), rates=None, metric="qini")
    html = words(case, language)
    text = Page(html).text.replace("\xa0", " ")
    o = texts(language)["offer"]
    heads = {
        "en": "Stronger reaction to push expected:",
        "de": "Stärkere Reaktion auf push erwartet:",
    }
    assert heads[language] in text
    columns = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html)
    assert o["advised"].lower() in [one.lower() for one in columns]
    assert o["rate"] not in [one.lower() for one in columns]
    assert o["rate"].capitalize() not in columns


@pytest.mark.parametrize(("outcome", "language"), [("value", "en"), ("margin", "de")])
def test_money(words, offer_case, outcome, language):
    case = offer_case(outcome=outcome)
    text = Page(words(case, language)).text
    o = texts(language)["offer"]
    assert o[f"outcome_{outcome}"].format(days=14) in text
    assert o["unit"]["money"] in text
    assert not re.search(r"\d (percentage )?points|\d (Prozentp|P)unkte", text)
    assert (o["no_margin_rate"] in text) == (outcome == "value")


def test_hostile_arm_names(words, offer_case):
    case = offer_case(arms=(HOSTILE_ARM,), rates=None, count=1500)
    html = words(case)
    assert "<b>10%" not in html
    assert HOSTILE_ARM in " ".join(Page(html).words)
    assert "<b>10%" not in words(case, "de")


def test_hostile_arm_names_in_pictures(offer_case):
    case = offer_case(arms=(HOSTILE_ARM,), rates=None, count=1500)
    html = build_report(case.artefact, make_evidence(case), case.test)
    assert "<b>10%" not in html


def test_placebo_that_finds_something(words, offer_case):
    case = offer_case()
    table = case.evaluation.placebo.assign(found=case.evaluation.placebo["check"] == "qini")
    found = dataclasses.replace(case.evaluation, placebo=table)
    html = words(dataclasses.replace(case, evaluation=found))
    assert 'class="verdict bad"' in html
    assert "Not fit for use" in Page(html).text
    assert found.placebo_sentence("en") in Page(html).text


def test_a_policy_that_loses(words, offer_case):
    case = offer_case()
    worse = offer_evaluation(case.artefact, case.test, chosen="none")
    html = words(dataclasses.replace(case, evaluation=worse))
    assert 'class="verdict bad"' in html
    assert not worse.verdict.beats_baseline


def test_little_is_known(words, offer_case):
    """No placebo, no balance, no time spans, no notes, few offers."""
    case = offer_case()
    test = dataclasses.replace(case.test, frame=case.test.frame.head(60), notes=())
    found = dataclasses.replace(
        offer_evaluation(case.artefact, test), placebo=case.evaluation.placebo.head(0)
    )
    artefact = dataclasses.replace(case.artefact, meta={})
    text = Page(
        words(dataclasses.replace(case, artefact=artefact, evaluation=found, test=test))
    ).text
    t = texts("en")
    for told in (t["no_splits"], t["nothing_left_out"], t["offer"]["no_placebo"]):
        assert told in text
    assert t["offer"]["no_balance"] in text
    assert "nan" not in re.findall(r"\w+", text)


def test_overlapping_offers_are_counted(words, offer_case):
    case = offer_case()
    frame = case.test.frame.copy()
    days = pd.to_timedelta([0, 5, 19, 34], unit="D")
    frame.loc[:3, "customer_id"] = "the same"
    frame.loc[:3, "cutoff"] = frame["cutoff"].iloc[0] + days
    test = dataclasses.replace(case.test, frame=frame)
    text = Page(words(dataclasses.replace(case, test=test))).text
    # 5 days and exactly 14 days after; the horizon ends before the 14th day is over.
    assert "1 of 2,900 offers of the test were followed, within the 14 days" in text


def test_explains_the_arm_it_is_given(words, offer_case):
    case = offer_case()
    text = Page(words(case, arm="5%")).text
    assert "What the predictions for 5% rest on" in text
    assert "Stronger reaction to 5% expected:" in text


def test_put_off_is_only_who_is_so_beyond_the_interval(words, offer_case, monkeypatch):
    case = offer_case()
    uplift = case.artefact.model.uplift
    wide = uplift.predict(case.test.X)
    monkeypatch.setattr(uplift, "interval", lambda X: (wide - 1, wide + 1))
    text = Page(words(case)).text
    assert "put off" not in text
    assert "the weakest reaction to 10%" in text


def test_pictures_that_start_elsewhere_are_announced(words, offer_case):
    from neigung.explanation.explain import explain

    case = offer_case()
    told = texts("en")["offer"]["starts_differ"].strip()
    whole = explain(case.artefact, case.test)
    assert told not in Page(words(case, explanation=whole)).text
    given = whole.contributions
    many = dataclasses.replace(given, base=np.full(len(given), given.base))
    text = Page(words(case, explanation=dataclasses.replace(whole, contributions=many))).text
    assert told in text
