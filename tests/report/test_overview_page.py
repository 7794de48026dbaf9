"""The overview of all studies, from made-up versions."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from neigung.report.overview_page import (
    SHOWN,
    ListedReview,
    ListedStudy,
    ListedVersion,
    build_overview,
    plot_trend,
)

AT = dt.datetime(2026, 3, 4, 5, 6)
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}{by} $x^2$ \"'&"
SIGNED = ListedReview(approved=True, by="Ada", note="Fair by age.", at=dt.datetime(2026, 2, 3, 9))


def version(number: int = 1, **changes: Any) -> ListedVersion:
    given: dict[str, Any] = {
        "created": dt.datetime(2026, 1, 1) + dt.timedelta(days=number),
        "fitness": "fit",
        "metric": "average_precision",
        "value": 0.5 + number / 100,
        "low": 0.45,
        "high": 0.75,
        "baseline": "rfm_logistic",
        "baseline_value": 0.4321,
        "test": ("2025-12-01", "d", "q"),
        "tested": dt.datetime(2025, 12, 1),
        "report": f"buy/{number}_en.html",
        "report_state": "checked",
    }
    return ListedVersion(number=number, **given | changes)


def study(*versions: ListedVersion, name: str = "buy", target: str = "purchase") -> ListedStudy:
    return ListedStudy(name=name, target=target, versions=versions)


class Page(HTMLParser):
    """Tags with attributes, and the text of each table row and of the whole page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.rows: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.inside = True
            self.rows.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "tr"

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.inside:
            self.rows[-1] = " ".join(f"{self.rows[-1]} {data}".split())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def body(self) -> list[str]:
        """The rows of versions, without those of headings."""
        return [row for row in self.rows if row[:1].isdigit()]


def shown(*studies: ListedStudy, language: Any = "en") -> Page:
    return Page(build_overview(studies, AT, language))


def test_a_row_says_all_that_decides() -> None:
    signed = dataclasses.replace(SIGNED, note="Fair\nby age.")
    one = version(3, fitness="care", aliases=("champion",), review=signed)
    page = shown(study(version(1), one))
    newest, oldest = page.body
    assert newest == (
        "3 champion 2026-01-04 Use with care 0.530 0.450 to 0.750 0.432 RFM logistic regression "
        "test 1 2025-12-01 approved by Ada , 2026-02-03 Fair by age. Read : buy, version 3"
    )
    assert oldest.startswith("1 2026-01-02 Fit for use")
    assert "not reviewed" in oldest
    assert {"href": "buy/3_en.html"} in [attrs for tag, attrs in page.tags if tag == "a"]
    assert "1 study with 2 versions, as they stood in MLflow on 2026-03-04 05:06 UTC." in page.text
    assert "No warning about a champion" in page.text


def test_in_german() -> None:
    one = version(3, fitness="not_fit", aliases=("champion",), review=SIGNED)
    page = shown(study(version(1), one), language="de")
    assert page.body[0] == (
        "3 Champion 04.01.2026 Nicht einsetzbar 0,530 0,450 bis 0,750 0,432 logistische Regression "
        "auf RFM Test 1 01.12.2025 freigegeben von Ada , 03.02.2026 Fair by age. Lesen : buy, "
        "Version 3"
    )
    assert "der Champion, Version 3, ist nicht einsetzbar" in page.text
    assert ("html", {"lang": "de"}) in page.tags


def test_offers_are_told_in_their_unit() -> None:
    one = version(
        metric="policy_value", unit="purchase", value=0.0152, low=0.0101, high=0.0203,
        baseline="same_10%", baseline_value=0.011,
    )  # fmt: skip
    (row,) = shown(study(one, target="offer")).body
    assert "1.52 points 1.01 to 2.03 1.10 points 10% for everybody" in row


def test_the_trend_of_offers_has_the_unit_of_the_table() -> None:
    one = version(metric="policy_value", unit="purchase", value=0.015, aliases=("champion",))
    (axes,) = plot_trend(study(one, dataclasses.replace(one, number=2, aliases=()))).axes
    assert list(axes.lines[0].get_ydata()) == [1.5, 1.5]
    assert axes.get_ylabel() == "percentage points"
    (ring,) = [line for line in axes.lines if line.get_markersize() == 11]
    assert list(ring.get_ydata()) == [1.5]
    (plain,) = plot_trend(study(version(1), version(2))).axes
    assert plain.get_ylabel() == ""


def test_what_is_not_known_is_said() -> None:
    bare = ListedVersion(number=1, created=AT)
    (row,) = shown(study(bare, target="else")).body
    assert row == "1 2026-03-04 Not judged – – – not reviewed no report"
    unchecked = version(report_state="unchecked")
    changed = version(2, report=None, report_state="changed")
    page = shown(study(unchecked, changed))
    assert "not checked: its training recorded no digest" in page.body[1]
    assert page.body[0].endswith("changed after the training, not shown")
    assert "the report of version 2 was changed after its training" in page.text
    assert "no champion yet" in page.text.lower()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fitness": "not_fit"}, "the champion, version 1, is not fit for use"),
        ({"fitness": ""}, "version 1, was not judged"),
        ({"review": dataclasses.replace(SIGNED, approved=False)}, "was rejected by Ada"),
        ({"review": dataclasses.replace(SIGNED, stale=True)}, "is about another report"),
    ],
)
def test_what_needs_a_look_comes_first(changes: dict[str, Any], told: str) -> None:
    page = shown(study(version(1, aliases=("champion",), **changes), version(2)))
    assert told in page.text
    assert page.text.index("Needs a look") < page.text.index(told) < page.text.index("Version 1")
    # Of another version than the champion nobody needs to be warned.
    calm = shown(study(version(1, **changes), version(2, aliases=("champion",))))
    assert "No warning about a champion" in calm.text


def test_an_approval_of_another_report_is_told_not_to_count() -> None:
    stale = dataclasses.replace(SIGNED, stale=True)
    page = shown(study(version(review=stale)))
    assert "approved by Ada , 2026-02-03 does not count: the report or artefact" in page.body[0]


def test_only_the_same_tests_are_comparable() -> None:
    other = version(3, test=("2026-01-01", "d", "q"))
    assert "All versions had the same test" in shown(study(version(1), version(2))).text
    page = shown(study(version(1), version(2), other))
    assert "There were 2 different tests" in page.text
    assert [re.search(r"test \d", row)[0] for row in page.body] == ["test 2", "test 1", "test 1"]  # type: ignore[index]
    assert "different tests" not in shown(study(version(1))).text
    mixed = shown(study(version(1, metric="auroc"), version(2), version(3)))
    assert "judged by another metric are not in the picture" in mixed.text
    assert "AUROC" in mixed.body[-1]


def test_the_trend_joins_only_what_can_be_compared() -> None:
    one = study(
        version(1), version(2, aliases=("champion",)), version(3, value=math.nan),
        version(4, test=("x", "d", "q")), version(5, metric="auroc", test=("x", "d", "q")),
        version(6, test=("x", "d", "q")),
    )  # fmt: skip
    (axes,) = plot_trend(one).axes
    lines = [line.get_xdata() for line in axes.lines if line.get_linestyle() == "-"]
    assert [list(x) for x in lines] == [[1, 2], [4, 6]]
    (dotted,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert list(dotted.get_xdata()) == [3, 3]
    (ring,) = [line for line in axes.lines if line.get_markersize() == 11]
    assert list(ring.get_xdata()) == [2]
    assert shown(study(version(1), version(2, value=math.nan))).text.count("Trend of the") == 0


def test_a_fence_of_tests_is_not_drawn() -> None:
    many = study(*(version(n, test=(str(n),)) for n in range(1, 40)))
    (axes,) = plot_trend(many).axes
    assert [line for line in axes.lines if line.get_linestyle() == ":"] == []
    text = shown(many).text
    assert "There were 39 different tests" in text
    assert "dotted line" not in text


def test_older_versions_are_folded_but_there() -> None:
    page = shown(study(*(version(n) for n in range(1, SHOWN + 6))))
    assert [int(row.split()[0]) for row in page.body] == list(range(SHOWN + 5, 0, -1))
    assert "Show 5 older" in page.text


def test_hostile_words_stay_words() -> None:
    nasty = version(
        metric=HOSTILE, baseline=HOSTILE, fitness=HOSTILE, aliases=("champion", HOSTILE),
        test=(HOSTILE,), report_state=HOSTILE,
        review=ListedReview(approved=False, by=HOSTILE, note=HOSTILE * 9, at=AT),
    )  # fmt: skip
    other = dataclasses.replace(nasty, number=2, aliases=())
    html = build_overview([study(nasty, other, name=HOSTILE, target=HOSTILE)], AT)
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "form"}
    assert {"rel": "icon", "href": "data:,"} in [attrs for tag, attrs in page.tags if tag == "link"]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert page.text.count(HOSTILE) >= 6
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert max(len(row) for row in page.body) < 900  # the note is cut


def test_the_same_versions_give_the_same_bytes() -> None:
    one = study(version(1), version(2, review=SIGNED))
    assert build_overview([one], AT) == build_overview([one], AT)
    assert "default-src 'none'" in build_overview([one], AT)
