"""A real browser that opens a page as its readers do, and says what is wrong with it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    # Nothing outside could answer, and a test that asks must not wait for it.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

# Of what is repeated the first few are enough: axe takes long for thousands of cells.
ALIKE = ("tbody tr:nth-child(n + 4)", ".person:nth-child(n + 4)")

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@dataclass(frozen=True)
class Size:
    """What a page is seen on; paper has neither bars to scroll with nor anything to click on."""

    width: int
    height: int
    phone: bool = False
    paper: bool = False


DESKTOP = Size(1280, 800)
PHONE = Size(360, 740, phone=True)
# A4 within the margins of the pages' style, at 96 pixels an inch.
PAPER = Size(695, 1017, paper=True)
A4 = (595, 842)

# Under 12 pixels is small on a screen, under 9.3 (7 points) on paper.
# Drawn text has 8.3 points or more, which are 11 pixels: shrunk to less it is under 8.
SHRUNK = 0.72

FAULTS = """([paper, shrunk]) => {
  const all = selector => [...document.querySelectorAll(selector)];
  const box = one => one.getBoundingClientRect();
  const seen = one => one.checkVisibility({visibilityProperty: true}) && box(one).height > 0;
  const style = one => getComputedStyle(one);
  const folded = all("details:not([open]) > :not(summary)").filter(one => !seen(one));
  if (!paper) all("details").forEach(one => { one.open = true; });
  const width = document.documentElement.clientWidth;
  const shown = all("body *").filter(seen);
  const hides = (one, axis, how) => how.test(style(one)["overflow" + axis]);
  const holding = new Set(shown.filter(one => hides(one, "X", /auto|scroll|hidden|clip/)));
  const held = one => {
    while ((one = one.parentElement)) if (holding.has(one)) return true;
    return false;
  };
  const beyond = one => box(one).right > width + 1 || box(one).left < -1;
  const wide = shown.filter(one => beyond(one) && !held(one) && !one.matches(".skip"));
  const lost = paper ? /auto|scroll|hidden|clip/ : /hidden|clip/;
  const cut = shown.filter(one => one.clientWidth > 1 && one.clientHeight > 1
    && (hides(one, "X", lost) && one.scrollWidth > one.clientWidth + 1
      || hides(one, "Y", lost) && one.scrollHeight > one.clientHeight + 1));
  const told = one => [...one.childNodes].some(part => part.nodeType === 3 && part.data.trim());
  const small = shown.filter(one => told(one)
    && parseFloat(style(one).fontSize) < (paper ? 9.3 : 12));
  const images = [...document.images];
  const loads = all("[src], [srcset], [data], [poster], link[href], form, base, iframe").filter(
    one => !/^(data:|$)/.test(one.getAttribute("src") ?? one.getAttribute("href") ?? "?"));
  const ids = all("[id]").map(one => one.id);
  const found = {
    wide: wide,
    cut: cut,
    small: small,
    broken: images.filter(one => !one.complete || !one.naturalWidth),
    shrunk: images.filter(one => seen(one) && one.getAttribute("width")
      && box(one).width < shrunk * one.getAttribute("width")),
    "higher than a sheet": paper ? images.filter(one => box(one).height > innerHeight) : [],
    "not printed": paper ? folded : [],
    "dead link": all("a[href^='#']").filter(one => !ids.includes(decodeURI(one.hash.slice(1)))),
    "same id": all("[id]").filter((one, i) => ids.indexOf(one.id) < i),
    "loads something": loads,
  };
  if (document.documentElement.scrollWidth > width && !wide.length)
    found.wide.push(document.documentElement);
  const start = one => one.outerHTML.replace(/data:[^"]+/, "…").slice(0, 160);
  return Object.fromEntries(Object.entries(found).filter(([, few]) => few.length)
    .map(([name, few]) => [name, few.map(start)]));
}"""

# What a reader without a mouse must come to, and how the place where he is stands out.
REACHABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']"
START = f"""() => {{
  window.reached = new Set();
  window.missed = () => [...document.querySelectorAll("{REACHABLE}")]
    .filter(one => one.checkVisibility() && !one.disabled && !reached.has(one))
    .map(one => one.outerHTML.slice(0, 120));
}}"""
HERE = """() => {
  const one = document.activeElement;
  if (one === document.body || reached.has(one)) return null;
  reached.add(one);
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const marked = style.boxShadow !== "none"
    || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const inside = box.width > 0 && box.right > 0 && box.left < innerWidth
    && box.bottom > 0 && box.top < innerHeight;
  return {html: one.outerHTML.slice(0, 120), seen: marked && inside,
    closed: one.matches("summary") && !one.parentElement.open};
}"""


@dataclass(frozen=True)
class Window:
    """A browser's window of one size, and what its pages asked for and complained about."""

    page: Page
    size: Size
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, url: str) -> Page:
        self.asked.clear()
        self.said.clear()
        self.page.goto(url)
        return self.page

    def faults(self) -> dict[str, list[str]]:
        """What is wrong with the page that is open, by kind; all its details are open then."""
        found = self.page.evaluate(FAULTS, [self.size.paper, SHRUNK])
        asked = [url for url in self.asked if url != self.page.url.partition("#")[0]]
        more = {"asks for": asked, "says": list(self.said)}
        return {**found, **{kind: few for kind, few in more.items() if few}}

    def barriers(self, *, colours: bool = True) -> dict[str, list[str]]:
        """What axe finds wrong in the page that is open: `RULE (impact)` with the elements.

        Contrasts (`colours`) take longest.
        It is spoken to over DevTools, which the page's policy against scripts does not bind.
        """
        options = {
            "runOnly": {"type": "tag", "values": list(RULES)},
            "resultTypes": ["violations"],
            "rules": {
                "color-contrast": {"enabled": colours},
                # Fingers need larger targets.
                "target-size": {"enabled": self.size.phone},
            },
        }
        context = {"exclude": [[one] for one in ALIKE]}
        violations = Axe().run(self.page, context, options).response["violations"]
        return {
            f"{one['id']} ({one['impact']})": [node["html"][:120] for node in one["nodes"]]
            for one in violations
        }

    def untabbed(self) -> dict[str, list[str]]:
        """Goes through the page with Tab and Enter: what it does not come to, open or show."""
        self.page.evaluate(START)
        unseen, shut = [], []
        while True:
            self.page.keyboard.press("Tab")
            here = self.page.evaluate(HERE)
            if here is None:
                break
            if not here["seen"]:
                unseen.append(here["html"])
            if here["closed"]:
                self.page.keyboard.press("Enter")
                if not self.page.evaluate("document.activeElement.parentElement.open"):
                    shut.append(here["html"])
        found = {"not reached": self.page.evaluate("missed()"), "not seen": unseen, "shut": shut}
        return {kind: few for kind, few in found.items() if few}

    def sheets(self) -> list[tuple[int, int]]:
        """The page printed to PDF: width and height of each sheet, in points."""
        pdf = self.page.pdf(prefer_css_page_size=True)
        sheet = rb"/Type /Page\n.*?/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]"
        found = re.findall(sheet, pdf, re.DOTALL)
        return [(round(float(width)), round(float(height))) for width, height in found]


class Windows:
    """Chromium with windows that are opened when first asked for."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.open: dict[tuple[Size, bool], Window] = {}

    def of(self, size: Size, scripts: bool = True) -> Window:
        if (size, scripts) not in self.open:
            context = self.browser.new_context(
                viewport={"width": size.width, "height": size.height},
                is_mobile=size.phone,
                has_touch=size.phone,
                java_script_enabled=scripts,
            )
            window = Window(context.new_page(), size)
            window.page.emulate_media(media="print" if size.paper else "screen")
            context.on("request", lambda request: window.asked.append(request.url))
            context.on("console", lambda message: window.said.append(message.text))
            context.on("weberror", lambda error: window.said.append(str(error.error)))
            self.open[size, scripts] = window
        return self.open[size, scripts]


@contextmanager
def chromium() -> Iterator[Windows]:
    """Debian's Chromium: Playwright's own would have to be downloaded."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield Windows(browser)
        browser.close()
