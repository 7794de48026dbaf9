"""Sampled customers, who can be looked up without saying who they are."""

import re

import numpy as np
import pytest

from neigung.report.lookup import Person, lookup, sampled
from neigung.report.page import texts
from neigung.report.sections.propensity.people import People
from tests.report.test_report import Page


@pytest.fixture(scope="module")
def people(artefact, evidence) -> People:
    return People(artefact, evidence.explanation, texts("en"), "en")


@pytest.mark.parametrize("language", ["en", "de"])
def test_everybody_of_the_sample_is_on_the_page(pages, artefact, test_rows, language):
    probability = np.sort(artefact.predict(test_rows.X)["probability"].to_numpy())[::-1]
    text = Page(pages[language]).text.replace("\xa0", " ")
    word, sign = ("Wahrscheinlichkeit", " %") if language == "de" else ("probability", "%")
    found = re.findall(rf"P(\d\d) {word} ([\d.,]+){sign}", text)
    assert [int(number) for number, _ in found] == list(range(1, 41))
    shown = [float(value.replace(",", ".")) for _, value in found]
    wanted = 100 * probability[np.linspace(0, len(probability) - 1, 40).round().astype(int)]
    assert np.abs(np.array(shown) - wanted).max() <= 0.51


def test_what_rounds_to_nothing_is_no_reason(pages):
    for page in pages.values():
        assert not re.search(r"(raises|lowers|erhöht|senkt) [+−]?0[.,]00", Page(page).text)


def test_the_same_customers_in_both_languages(pages):
    signs = [re.findall(r"[+−]\d[.,]\d\d", Page(page).text) for page in pages.values()]
    assert len(signs[0]) > 100
    assert signs[0] == [sign.replace(",", ".") for sign in signs[1]]


def test_pseudonyms_say_nothing_of_ids(artefact, evidence, people):
    """Who the customers are does not change what they are called."""
    renamed = [f"someone else {i}" for i in range(len(evidence.explanation.X))]
    told = lookup(people.sample(12), people.t, "", "en")
    names = [person["pseudonym"] for person in told["people"]]
    assert names == [f"P{i:02d}" for i in range(1, 13)]
    assert not set(names) & {*evidence.explanation.customers, *renamed}
    assert (
        len(lookup([Person("", (0, 1), ())] * 120, people.t, "", "en")["people"][0]["pseudonym"])
        == 4
    )


def test_reasons_are_those_of_the_explanation(evidence, people):
    [first] = people.sample(1)
    row = int(people.order[len(people.order) // 2])
    told = evidence.explanation.reasons(evidence.explanation.customers[row], 5)
    wanted = [one for one in told if abs(one.contribution) >= 0.005]
    assert len(wanted) >= 3
    assert [text for *_, text in first.reasons[0][1]] == [one.text("en") for one in wanted]
    for (size, direction, word, _), reason in zip(first.reasons[0][1], wanted, strict=True):
        assert direction == word == ("raises" if reason.contribution > 0 else "lowers")
        assert float(size.replace("−", "-")) == pytest.approx(reason.contribution, abs=0.006)


@pytest.mark.parametrize(
    ("rows", "count"), [(0, 40), (1, 40), (40, 40), (41, 40), (500, 7), (3, 0)]
)
def test_a_sample_holds_no_one_twice(rows, count):
    found = sampled(rows, count)
    assert len(found) == len(set(found)) == min(rows, count)
    assert found == sorted(found)
    if rows > count > 1:
        assert (found[0], found[-1]) == (0, rows - 1)


def test_nobody_to_look_up(people):
    told = lookup(people.sample(0), people.t, "", "en")
    assert told["people"] == []


def test_bars_stay_within_their_frame():
    people = [Person("", bar, ()) for bar in ((0.0, 0.25), (0.5, 0.25), (0.2, 7.0), (0.0, 0.0))]
    bars = [person["bar"] for person in lookup(people, texts("en"), "", "en")["people"]]
    assert bars[0] == {"start": 0.0, "width": 25.0}
    assert bars[1] == {"start": 25.0, "width": 25.0}
    assert bars[2] == {"start": 20.0, "width": 80.0}
    assert bars[3]["width"] > 0
