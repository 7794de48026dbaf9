"""The pages in a real browser: whole and alone on a screen, a phone and paper, for everybody."""

import datetime as dt

import pytest

from neigung.report.overview_page import (
    ListedReview,
    ListedStudy,
    ListedVersion,
    build_overview,
)
from tests.report.browser import A4, CHROMIUM, DESKTOP, PAPER, PHONE, chromium

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium or chromium-browser is installed"
)

REPORTS = ("buyers", "offers")
KINDS = (*REPORTS, "overview")

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="

FAULTY = {
    "wide": (DESKTOP, '<p style="width: 3000px">x</p>', {"wide"}),
    "wide to the left": (DESKTOP, '<p style="margin-left: -50px">x</p>', {"wide"}),
    "bars on paper": (
        PAPER,
        '<div style="overflow-x: auto"><p style="width: 3000px">x</p></div>',
        {"cut"},
    ),
    "cut": (
        DESKTOP,
        '<p style="width: 50px; overflow: hidden; white-space: nowrap">longer than that</p>',
        {"cut"},
    ),
    "small": (PHONE, '<p style="font-size: 11px">x</p>', {"small"}),
    "broken": (DESKTOP, '<img src="data:image/png;base64,AAAA" alt="">', {"broken"}),
    "shrunk": (PHONE, f'<img src="{DOT}" width="600" style="width: 300px" alt="">', {"shrunk"}),
    "high": (
        PAPER,
        f'<img src="{DOT}" style="width: 9px; height: 2000px" alt="">',
        {"higher than a sheet"},
    ),
    "folded": (PAPER, "<details><summary>x</summary><p>y</p></details>", {"not printed"}),
    "dead link": (DESKTOP, '<a href="#nowhere">x</a>', {"dead link"}),
    "same id": (DESKTOP, '<p id="a">x</p><p id="a">y</p>', {"same id"}),
    "picture from outside": (
        DESKTOP,
        '<img src="missing.png" alt="">',
        {"loads something", "broken", "asks for", "says"},
    ),
    "request": (
        DESKTOP,
        """<script>
        const asking = new XMLHttpRequest();
        asking.open("GET", "https://shop.example/", false);
        try { asking.send(); } catch {}
        </script>""",
        {"asks for", "says"},
    ),
    "message": (DESKTOP, '<script>console.info("x")</script>', {"says"}),
    "error": (DESKTOP, "<script>nothing.there()</script>", {"says"}),
    "against its own policy": (
        DESKTOP,
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'">
        <p style="color: red">x</p>""",
        {"says"},
    ),
}

UNFAIR = """<header><h1>x</h1></header>
<main><img src="…"><p style="color: #bbb">pale text</p><h3>y</h3><button></button></main>"""

WITHOUT_MOUSE = {
    "not seen": '<a href="#x" id="x" style="outline: none">x</a>',
    "not reached": '<a href="#x" id="x">x</a><button tabindex="-1">y</button>',
    "shut": """<details><summary onkeydown="if (event.key == 'Enter') event.preventDefault()">x
        </summary>y</details>""",
}


@pytest.fixture(scope="module")
def windows():
    """Closed after this file: Playwright keeps the thread's event loop for itself till then."""
    with chromium() as windows:
        yield windows


def overview(language):
    """An overview whose newest version has its report beside it."""
    long = "very_long_word_" * 9
    versions = [
        ListedVersion(
            number=number,
            created=dt.datetime(2026, 1, number),
            fitness=("fit", "care", "not_fit", "")[number % 4],
            metric="average_precision",
            **{"value": 0.4 + number / 100, "low": 0.35, "high": 0.6},
            **{"baseline": "bg_nbd", "baseline_value": 0.41},
            test=("2025-12-20", "ab" * 32),
            tested=dt.datetime(2025, 12, 20),
            aliases=("challenger", "champion") if number == 11 else (),
            review=ListedReview(
                approved=number == 11,
                by="Risk <b>& Co</b> " * 4,
                note=long,
                at=dt.datetime(2026, 2, 1),
            ),
            report=f"buyers_{language}.html" if number == 12 else None,
            report_state="checked" if number == 12 else "missing",
        )
        for number in range(1, 13)
    ]
    studies = [
        ListedStudy(name="purchase_7d", target="purchase", versions=tuple(versions)),
        ListedStudy(name="discount_" + "x" * 54, target="offer", versions=tuple(versions[:1])),
    ]
    return build_overview(studies, dt.datetime(2026, 2, 2), language)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def url(request, folder):
    """Where a page lies; it is made when first asked for."""

    def place(kind, language):
        path = folder / f"{kind}_{language}.html"
        if not path.exists():
            if kind == "overview":
                html = overview(language)
            else:
                made = request.getfixturevalue("pages" if kind == "buyers" else "offer_pages")
                html = made[language]
            path.write_text(html, encoding="utf-8")
        return path.as_uri()

    return place


@pytest.fixture
def write(tmp_path):
    """Writes a page around what shall be wrong in it."""

    def page(body):
        path = tmp_path / "page.html"
        path.write_text(
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>x</title>'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f"</head><body>{body.replace('…', DOT)}</body></html>",
            encoding="utf-8",
        )
        return path.as_uri()

    return page


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, PAPER], ids=["desktop", "phone", "paper"])
def test_page_is_whole_alone_and_for_everybody(windows, url, kind, language, size):
    window = windows.of(size)
    page = window.open(url(kind, language))
    assert page.evaluate("document.documentElement.clientWidth") == size.width
    assert window.faults() == {}
    if kind in REPORTS:
        assert page.locator("img").count() >= 10
        assert (page.locator(".swipe:visible").count() > 0) is size.phone
    if not size.paper:
        # Colours are the same in any language and width, and looking at them takes longest.
        assert window.barriers(colours=size is DESKTOP and language == "en") == {}
        assert window.faults() == {}


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_first_screen_gives_the_verdict(windows, url, kind, language):
    """And, where there is room, the numbers that matter."""
    for size, told in ((PHONE, ".verdict #verdict"), (DESKTOP, ".verdict, .tiles .number")):
        page = windows.of(size).open(url(kind, language))
        boxes = [one.bounding_box() for one in page.locator(told).all()]
        assert len(boxes) >= (1 if size.phone else 4)
        assert max(box["y"] + box["height"] for box in boxes) <= size.height


@pytest.mark.parametrize("kind", KINDS)
def test_prints_without_waste(windows, url, kind):
    """Sheets of A4, filled: what must not be torn leaves no half of them empty."""
    window = windows.of(PAPER)
    window.open(url(kind, "de"))
    sheets, height = printed(window)
    assert 0.9 * height <= sheets <= 1.5 * height + 1


def printed(window):
    """How many sheets the page takes, and how many it is high."""
    sheets = window.sheets()
    assert set(sheets) == {A4}
    height = window.page.evaluate("document.body.getBoundingClientRect().height")
    return len(sheets), height / PAPER.height


@pytest.mark.parametrize("kind", KINDS)
def test_read_without_a_mouse(windows, url, kind):
    window = windows.of(DESKTOP)
    page = window.open(url(kind, "en"))
    assert window.untabbed() == {}
    assert page.evaluate("reached.size") >= 7


@pytest.mark.parametrize("kind", KINDS)
def test_policy_holds(windows, url, kind):
    """What slipped into the page could neither run nor ask anybody, and is heard of."""
    window = windows.of(DESKTOP)
    page = window.open(url(kind, "en"))
    page.evaluate("""() => {
      document.body.append(Object.assign(document.createElement("script"), {text: "var ran = 1"}));
      document.body.append(Object.assign(new Image(), {src: "https://shop.example/a.png"}));
    }""")
    assert page.evaluate("typeof ran") == "undefined"
    faults = window.faults()
    assert faults.keys() == {"asks for", "says", "loads something", "broken"}
    assert len(faults["says"]) == 2


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_customer_is_looked_up(windows, url, kind, language):
    window = windows.of(DESKTOP)
    page = window.open(url(kind, language))
    names = page.locator(".person strong").all_text_contents()
    assert len(set(names)) == len(names) >= 20
    field, shown = page.get_by_role("searchbox"), page.locator(".person:visible")
    told = page.get_by_role("status")
    assert shown.count() == len(names)

    field.fill(f" {names[3].upper()} ")
    assert shown.locator("strong").all_text_contents() == [names[3]]
    assert shown.locator("li").first.is_visible()
    assert "1" in told.inner_text()

    field.fill("<img src=x onerror=alert(1)>")
    assert shown.count() == 0
    assert told.inner_text() == page.locator(".lookup").get_attribute("data-none")

    field.fill("")
    assert shown.count() == len(names)
    assert window.faults() == {}


@pytest.mark.parametrize("kind", REPORTS)
def test_customers_are_listed_without_script(windows, url, kind):
    window = windows.of(DESKTOP, scripts=False)
    page = window.open(url(kind, "de"))
    people = page.locator(".person")
    assert page.locator("input:visible").count() == 0
    assert page.locator(".person:visible").count() == people.count() >= 20
    people.nth(3).locator("summary").click()
    assert people.nth(3).locator("li").first.is_visible()
    assert window.faults() == {}


def test_the_overview_leads_to_the_reports(windows, url):
    page = windows.of(DESKTOP).open(url("overview", "en"))
    report = url("buyers", "en")
    page.locator("td a").click()
    assert page.url == report


@pytest.mark.parametrize("name", FAULTY)
def test_faults_are_found(windows, write, name):
    """The checks above can fail, each for its own reason."""
    size, body, kinds = FAULTY[name]
    window = windows.of(size)
    window.open(write(body))
    assert window.faults().keys() == kinds


def test_barriers_are_found(windows, write):
    window = windows.of(DESKTOP)
    window.open(write(UNFAIR))
    rules = {name.split()[0] for name in window.barriers(colours=True)}
    assert rules == {"image-alt", "color-contrast", "heading-order", "button-name"}


@pytest.mark.parametrize("kind", WITHOUT_MOUSE)
def test_what_needs_a_mouse_is_found(windows, write, kind):
    window = windows.of(DESKTOP)
    window.open(write(WITHOUT_MOUSE[kind]))
    assert window.untabbed().keys() == {kind}


def test_wasted_paper_is_found(windows, write):
    window = windows.of(PAPER)
    window.open(write("<style>@page { size: A4 } p { break-after: page }</style>" + "<p>x</p>" * 3))
    sheets, height = printed(window)
    assert sheets > 1.5 * height + 1
