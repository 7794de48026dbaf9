"""Reads a page as a reviewer does, and compares its numbers with those of the evidence."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

NUMBER = re.compile(r"(?:under |unter )?[+−-]?\d[\d.,]*\s?%?$")
CELL = re.compile(r"(?:under |unter )?[+−-]?\d")
VOID = {"meta", "link", "img", "br", "hr", "input"}


@dataclass
class Traced:
    """A number that says where it comes from."""

    source: str
    scale: float = 1.0
    text: str = ""


@dataclass
class Cell:
    """A cell of a table; `plain` where table or column are declared not to hold numbers."""

    plain: bool
    text: str = ""
    sources: list[str] = field(default_factory=list)


class Traces(HTMLParser):
    """The traced numbers of a page, the cells of its tables and its tiles.

    >>> page = Traces('<table><td><span data-source="a">0.8</span></td><td>0.7</td></table>')
    >>> [one.source for one in page.numbers], [one.text for one in page.untraced()]
    (['a'], ['0.7'])
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.numbers: list[Traced] = []
        self.cells: list[Cell] = []
        self.tiles: list[Cell] = []
        self._open: list[tuple[str, object]] = []
        self._plain_table = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        made: object = None
        if tag == "table":
            self._plain_table = "data-plain" in found
        elif tag == "td":
            made = Cell(self._plain_table or "data-plain" in found)
            self.cells.append(made)
        elif tag == "div" and found.get("class") == "number":
            made = Cell(False)
            self.tiles.append(made)
        elif "data-source" in found:
            made = Traced(found["data-source"], float(found.get("data-scale", 1)))
            self.numbers.append(made)
            for _, outer in self._open:
                if isinstance(outer, Cell):
                    outer.sources.append(made.source)
        if tag not in VOID:
            self._open.append((tag, made))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, made in self._open:
            if made is not None:
                made.text += data

    def untraced(self) -> list[Cell]:
        """Cells and tiles with a number that does not say where it comes from."""
        return [
            cell
            for cell in (*self.cells, *self.tiles)
            if not cell.plain and not cell.sources and CELL.match(cell.text.strip())
        ]

    def wrong(self, numbers: dict[str, float], language: str) -> list[str]:
        """What is shown but is not so, beyond rounding, or has a source that does not exist."""
        found = []
        for one in self.numbers:
            if one.source not in numbers:
                found.append(f"{one.source} does not exist")
            elif not fits(one.text, numbers[one.source], language, one.scale):
                found.append(f"{one.source}: {numbers[one.source]} shown as {one.text}")
        return found


def fits(text: str, value: float, language: str, scale: float = 1.0) -> bool:
    """Whether a text is a number, rounded to the places it shows.

    >>> fits("0.81", 0.8123, "en"), fits("1.234", 1234, "de"), fits("−3,5", -0.0349, "de", 100)
    (True, True, True)
    >>> fits("35%", 0.354, "en"), fits("36%", 0.354, "en"), fits("unter 0,1 %", 0.0004, "de")
    (True, False, True)
    """
    text = text.replace("\xa0", " ").strip()
    if not NUMBER.match(text):
        return False
    percent = text.endswith("%")
    plain = re.sub(r"[^\d.,-]", "", text.replace("−", "-"))
    plain = plain.replace(".", "").replace(",", ".") if language == "de" else plain.replace(",", "")
    shown = float(plain)
    rounding = 0.5 * 10.0 ** -len(plain.partition(".")[2])
    if percent:
        shown, rounding = shown / 100, rounding / 100
    if text.startswith(("under", "unter")):
        return 0 <= value < shown
    return abs(shown / scale - value) <= (rounding + 1e-9) / scale
