"""Every number of the page is one of the evidence, which is what the run logs."""

import re

import pytest

from neigung.report.traced import Numbers, Traced, said
from tests.report.traces import Traces, fits

# Of the test, of segments in the acceptance metric, and of acting on the best nothing is left out.
ALL_SHOWN = re.compile(
    r"test\.|difference\.bg_nbd|segment\..*\.model\.average|top\.\d+\.(found|lift)|table\.|theme\."
)


@pytest.mark.parametrize("language", ["en", "de"])
def test_numbers_are_those_of_the_evidence(pages, evidence, language):
    page, numbers = Traces(pages[language]), evidence.numbers()
    assert page.wrong(numbers, language) == []
    assert page.untraced() == []
    assert len(page.tiles) == 4
    shown = {one.source for one in page.numbers}
    assert len(shown) > 150
    for name in filter(ALL_SHOWN.match, numbers):
        assert name in shown


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_changed_number_is_found(pages, evidence, language):
    html = pages[language]
    source = 'data-source="test.auroc">'
    at = html.index(source) + len(source)
    changed = html[: at + 2] + "0" + html[at + 3 :]
    assert changed != html
    assert len(Traces(changed).wrong(evidence.numbers(), language)) == 1
    renamed = html.replace("test.auroc.low", "test.nothing.low")
    assert set(Traces(renamed).wrong(evidence.numbers(), language)) == {
        "test.nothing.low does not exist"
    }


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_cell_without_source_is_found(pages, language):
    cell = re.search(
        r'<td class="n"><span data-source="top.10.found">([^<]*)</span>', pages[language]
    )
    assert cell is not None
    bare = pages[language].replace(cell[0], f'<td class="n">{cell[1]}')
    assert [one.text for one in Traces(bare).untraced()] == [cell[1]]
    tile = pages[language].replace(
        '<div class="number"><span data-source=', '<div class="number"><span id='
    )
    assert len(Traces(tile).untraced()) == 4


@pytest.mark.parametrize(
    ("text", "value", "language", "scale"),
    [
        ("0.81", 0.82, "en", 1),
        ("0,81", 0.816, "de", 1),
        ("1,234", 1.234, "en", 1),
        ("1.234", 1.234, "de", 1),
        ("+1.4", 0.0146, "en", 100),
        ("14%", 14, "en", 1),
        ("under 0.1%", 0.002, "en", 1),
        ("about 3", 3, "en", 1),
        ("", 0, "en", 1),
    ],
)
def test_what_does_not_fit(text, value, language, scale):
    assert not fits(text, value, language, scale)


def test_sources_are_escaped():
    name = '"><script>alert(1)</script>{0}'
    html = str(said("{number}", number=Traced("1", name)))
    assert "<script" not in html
    assert Traces(html).numbers[0].source == name


def test_intervals_only_where_they_are_whole():
    numbers = Numbers({"a": 1.0, "a.low": 0.5}, "en")
    assert str(numbers.measured("a").in_line().striptags()) == "1.000"
    assert numbers.measured("b").value == "–"
    assert str(numbers.points("a").in_line().striptags()) == "+100.0"
    assert str(Numbers({"a": -0.0004}, "de").points("a").in_line().striptags()) == "0,0"
