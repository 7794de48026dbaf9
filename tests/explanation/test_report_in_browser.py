"""The report in a real browser, spoken to over DevTools' pipe: the page itself stays untouched."""

import json
import os
import select
import shutil
import subprocess
import sys
import time

import pytest

from neigung.explanation.report import build_report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no chromium or chromium-browser is installed"
)

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *(
        "--disable-dev-shm-usage",
        "--remote-debugging-pipe",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ),
)

# DevTools reads from descriptor 3 and writes to 4.
LAUNCH = """
import fcntl, os, sys
to, back = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(to, 3)
os.dup2(back, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""

STATE = """(() => {
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")].filter(one =>
    !one.closest(".scroll, .skip") && one.getBoundingClientRect().right > width + 1);
  const seen = one => one.checkVisibility() && one.getBoundingClientRect().height > 0;
  const small = [...document.querySelectorAll("main *, footer")].filter(one =>
    seen(one) && parseFloat(getComputedStyle(one).fontSize) < 12);
  return {
    width: width,
    page: document.documentElement.scrollWidth,
    wide: wide.map(one => one.outerHTML.slice(0, 120)),
    small: small.map(one => one.outerHTML.slice(0, 120)),
    images: document.images.length,
    broken: [...document.images].filter(one => !one.complete || !one.naturalWidth).length,
    background: getComputedStyle(document.querySelector(".verdict")).backgroundColor,
    swipe: seen(document.querySelector(".swipe")),
  };
})()"""

PRINTED = """[...document.querySelectorAll("main *")]
  .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > WIDTH + 1)
  .map(one => one.outerHTML.slice(0, 120))"""


class Browser:
    """A headless Chromium with one tab."""

    def __init__(self, folder) -> None:
        read, self.write = os.pipe()
        self.read, write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(read), str(write), BROWSER, *FLAGS,
             f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(read, write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read)
        os.close(write)
        self.rest, self.number = b"", 0
        self.events: list[dict] = []
        self.session: dict[str, str] = {}
        self.start()

    def start(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = {"sessionId": attached["sessionId"]}
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **self.session}
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def next(self, seconds: float = 30) -> dict:
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.read, 1 << 20) if ready else b""
            assert piece, "Chromium has ended or does not answer"
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, url: str, width: int) -> dict:
        self.events.clear()
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800,
                  deviceScaleFactor=1, mobile=phone)  # fmt: skip
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.next()
        result = self.call("Runtime.evaluate", expression=STATE, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"]["value"]

    def close(self) -> None:
        self.session = {}
        try:
            self.call("Browser.close")
        finally:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
            os.close(self.read)
            os.close(self.write)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def urls(artefact, evaluation, test_rows, offer_pages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for language in ("en", "de"):
        page = build_report(artefact, evaluation, test_rows, language=language,
                            provenance={"data_digest": "ab" * 32})  # fmt: skip
        for kind, html in (("buyers", page), ("offers", offer_pages[language])):
            path = folder / f"{kind}_{language}.html"
            path.write_text(html, encoding="utf-8")
            found[kind, language] = path.as_uri()
    return found


@pytest.mark.parametrize("kind", ["buyers", "offers"])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("width", [1280, 360])
def test_page_shows_whole_and_alone(browser, urls, kind, language, width):
    url = urls[kind, language]
    state = browser.open(url, width)
    assert state["width"] == width
    assert state["page"] <= width, state["wide"]
    assert state["wide"] == []
    assert state["small"] == []
    assert state["images"] >= 10
    assert state["broken"] == 0
    assert state["background"] not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
    assert state["swipe"] is (width < 600)
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [one for one in asked if not one.startswith("data:")] == [url]
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert [event for event in browser.events if event["method"] in complaints] == []


@pytest.mark.parametrize("kind", ["buyers", "offers"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_prints_whole(browser, urls, kind, language):
    """On A4 with margins nothing runs over the edge: print has no bars to scroll with."""
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        state = browser.open(urls[kind, language], 718)
        script = PRINTED.replace("WIDTH", "718")
        over = browser.call("Runtime.evaluate", expression=script, returnByValue=True)
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
    assert state["page"] <= 718
    assert over["result"]["value"] == []


def test_what_a_page_loads_and_overflows_is_seen(browser, tmp_path):
    """The checks above can fail: this page asks for a picture and is too wide."""
    page = tmp_path / "bad.html"
    page.write_text(
        '<div class="verdict"><span class="swipe">x</span></div><img src="missing.png">'
        '<p style="width: 3000px">wide</p><main><p style="font-size: 6px">small</p></main>'
    )
    state = browser.open(page.as_uri(), 1280)
    assert state["page"] > 1280
    assert len(state["wide"]) == 1
    assert len(state["small"]) == 1
    assert state["broken"] == 1
    asked = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert any(e["params"]["request"]["url"].endswith("missing.png") for e in asked)
    assert any(event["method"] == "Log.entryAdded" for event in browser.events)
