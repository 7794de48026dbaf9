"""Numbers as the page shows them, each with the name under which the evidence holds it.

What a reviewer reads can so be compared with what the run logged: `<span
data-source="test.auroc">0.812</span>` shows `numbers["test.auroc"]`, rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from neigung.features.feature import Language
from neigung.language import Message
from neigung.language.intervals import format_number
from neigung.language.numbers import count_text, number_text
from neigung.language.values import value_text

if TYPE_CHECKING:
    from markupsafe import Markup

Write = Callable[[float], str]
"""How a number is written."""

NOTHING = "–"

_TO = Message.within("from one number to another", "to")


class Traced(str):
    """A written number with the name of its source; `scale` if it was multiplied beforehand.

    >>> number = Traced("0.812", "test.auroc")
    >>> number, number.source
    ('0.812', 'test.auroc')
    >>> print(number.__html__())
    <span data-source="test.auroc">0.812</span>
    >>> print(Traced("+1.4", "fairness.age.<30.error", scale=100).__html__())
    <span data-source="fairness.age.&lt;30.error" data-scale="100">+1.4</span>
    """

    source: str
    scale: float

    def __new__(cls, text: str, source: str, scale: float = 1) -> Self:
        made = super().__new__(cls, text)
        made.source, made.scale = source, scale
        return made

    def __html__(self) -> Markup:
        from markupsafe import Markup

        scale = "" if self.scale == 1 else Markup(' data-scale="{:g}"').format(self.scale)
        return Markup('<span data-source="{}"{}>{}</span>').format(self.source, scale, str(self))


@dataclass(frozen=True, eq=False)
class Measured:
    """A traced number with its interval below it, where it has one.

    `unit` is the word that stands after the number, if any; the interval goes without it.
    """

    value: str
    low: str = ""
    high: str = ""
    to: str = "to"
    unit: str = ""

    def __html__(self) -> Markup:
        from markupsafe import Markup

        if not self.low:
            return self.number()
        return self.number() + Markup('<span class="interval">{}</span>').format(self.interval())

    def number(self) -> Markup:
        """`+1.5 points`: the number with its unit."""
        from markupsafe import Markup, escape

        if not self.unit or self.value == NOTHING:
            return escape(self.value)
        return Markup("{} {}").format(self.value, self.unit)

    def interval(self) -> Markup:
        """`0.790 to 0.830`; empty without an interval."""
        from markupsafe import Markup

        return Markup("{} {} {}").format(self.low, self.to, self.high) if self.low else Markup("")

    def in_line(self) -> Markup:
        """`0.812 (0.790 to 0.830)`, for sentences."""
        from markupsafe import Markup

        if not self.low:
            return self.number()
        return Markup("{} ({})").format(self.number(), self.interval())


class Numbers:
    """The numbers of an evidence, written in one language.

    A name that is not among them, as it is not finite, is told by a dash.

    >>> numbers = Numbers({"test.auroc": 0.8123, "test.auroc.low": 0.79, "test.auroc.high": 0.83,
    ...                    "top.10.found": 1234.0, "used.age": 0.042}, "de")
    >>> numbers.figure("test.auroc"), numbers.count("top.10.found"), numbers.share("used.age")
    ('0,812', '1.234', '4,2 %')
    >>> print(numbers.measured("test.auroc").in_line().striptags())
    0,812 (0,790 bis 0,830)
    >>> numbers.figure("test.brier")
    '–'
    """

    def __init__(self, values: Mapping[str, float], language: Language) -> None:
        self.values = values
        self.language: Language = language

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def one(self, name: str, write: Write, scale: float = 1) -> str:
        """One number, as `write` writes it; it gets the number times `scale`."""
        value = self.values.get(name, math.nan)
        if not math.isfinite(value):
            return NOTHING
        return Traced(write(value * scale), name, scale)

    def count(self, name: str) -> str:
        """A whole number."""
        return self.one(name, self._count)

    def share(self, name: str) -> str:
        """A share in percent."""
        return self.one(name, self._share)

    def figure(self, name: str, places: int = 3, sign: str = "") -> str:
        """With some decimals; `sign` as in format strings."""
        return self.one(name, self.decimals(places, sign))

    def measured(self, name: str, write: Write | None = None, scale: float = 1) -> Measured:
        """A number with its interval; three decimals without `write`."""
        write = write or self.decimals(3)
        value, low, high = (self.one(f"{name}{end}", write, scale) for end in ("", ".low", ".high"))
        if NOTHING in (low, high):
            return Measured(value)
        return Measured(value, low, high, _TO.to(self.language))

    def measured_share(self, name: str) -> Measured:
        """A share in percent with its interval."""
        return self.measured(name, self._share)

    def points(self, name: str) -> Measured:
        """A difference of shares in percentage points, with its interval."""
        return self.measured(name, self.decimals(1, "+"), 100)

    def decimals(self, places: int, sign: str = "") -> Write:
        """A way to write numbers; minus zero is zero."""

        def write(value: float) -> str:
            if places == 3:
                return format_number(value, self.language, sign)
            text = number_text(value, places, self.language)
            if not text.strip("0.,"):
                return text
            return text.replace("-", "−") if value < 0 else ("+" if sign else "") + text

        return write

    def _count(self, value: float) -> str:
        return count_text(value, self.language)

    def _share(self, value: float) -> str:
        return value_text(value, "share", self.language)


def said(text: str, /, *values: Any, **named: Any) -> Markup:
    """A text of the page with values put in, which keep their sources.

    >>> print(said("AUROC {auroc} for <all>", auroc=Traced("0.812", "test.auroc")))
    AUROC <span data-source="test.auroc">0.812</span> for &lt;all&gt;
    """
    from markupsafe import escape

    return escape(text).format(*values, **named)
