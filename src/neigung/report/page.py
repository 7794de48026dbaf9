"""How a report becomes a page: pictures, tables, texts and the template."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import yaml

from neigung.explanation.themes import TEXTS
from neigung.features.feature import Language
from neigung.language import translated

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

Plain = Literal["date", "rank", "digest", "name", "count"]
"""What a column holds instead of numbers of the evidence."""

# What SVG holds beside the drawing: every label once more as a comment, and indentation.
_UNSEEN = re.compile(rb"<!--.*?-->|<metadata>.*?</metadata>|(?<=\n)\s+", re.DOTALL)
WIDEST = 9.0
"""Inches of a picture that can still be read when a sheet of A4 shrinks it."""

HALF = (4.6, 3.6)
"""Inches of a picture beside another one."""

_DPI = 150
# Wider pictures are not shrunk to a phone, where nobody could read them, but swiped.
_PHONE = 450
_COLOURS = 128


def render(template: str, **context: Any) -> str:
    """A template filled, everything escaped.

    Only the page's own style and script may run: the policy in its head names their digests.
    """
    from markupsafe import Markup

    environment = _environment()
    parts = {
        name: environment.get_template(file).render().removesuffix("\n")
        for name, file in (("style", "style.css"), ("script", "page.js"))
    }
    allowed = {f"{name}_allowed": f"'sha256-{_digest(text)}'" for name, text in parts.items()}
    own = {name: Markup(text) for name, text in parts.items()}
    page = environment.get_template(template).render(**own, **allowed, **context)
    page = page.removesuffix("\n")
    # A space before the sign, as German has it, must not end a line.
    return page.replace(" %", "\N{NO-BREAK SPACE}%")


def capital(text: str) -> str:
    """The text with a large first letter, and no other change."""
    return text[:1].upper() + text[1:]


def grid(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    key: int = 0,
    right: Sequence[int] = (),
    ours: int = -1,
    plain: Plain | Mapping[int, Plain] | None = None,
) -> dict[str, Any]:
    """A table for the template.

    Args:
        caption: What stands above it.
        head: The names of the columns.
        rows: Cells: texts, or numbers with their source (`Traced`, `Measured`).
        key: The column of row headings.
        right: The columns of numbers.
        ours: The model's column.
        plain: What the whole table, or a column, holds that is no number of the evidence.
    """
    return {
        **{"caption": caption, "head": [capital(one) for one in head], "rows": rows},
        **{"key": key, "right": right, "ours": ours},
        "plain": plain if isinstance(plain, Mapping) else {},
        "plain_all": plain if isinstance(plain, str) else None,
    }


def picture(
    figure: Figure, alt: str, dots: bool = False, inches: tuple[float, float] | None = None
) -> dict[str, Any]:
    """A figure as data URI: SVG, or PNG where many dots would make that large.

    `inches` is another width and height, as for two pictures side by side.
    """
    width, height = inches or figure.get_size_inches()
    figure.set_size_inches(min(width, WIDEST), height)
    data = _png(figure) if dots else _svg(figure)
    mime = "image/png" if dots else "image/svg+xml"
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return {
        **{"uri": f"data:{mime};base64,{base64.b64encode(data).decode()}", "alt": alt},
        **{"width": width, "height": height, "wide": width > _PHONE},
    }


def texts(language: Language) -> dict[str, Any]:
    """Every word of the report in one language.

    >>> texts("de")["verdict"]
    'Urteil'
    """

    themes = {"themes": {name: text.to(language) for name, text in TEXTS.items()}}
    words: dict[str, Any] = translated(_all_texts(), language)
    return words | themes


def _svg(figure: Figure) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": "neigung", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _UNSEEN.sub(b"", buffer.getvalue())


def _png(figure: Figure) -> bytes:
    """With a small palette: a third of the size, and nothing that the eye would miss."""
    from PIL import Image

    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    whole = Image.open(drawn).convert("RGB")
    whole.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        written, format="png", optimize=True
    )
    return written.getvalue()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _all_texts() -> dict[str, Any]:
    environment = _environment()
    loader: Any = environment.loader
    names = environment.list_templates(filter_func=lambda name: name.startswith("texts/"))
    found: dict[str, Any] = {}
    for name in names:
        found |= yaml.safe_load(loader.get_source(environment, name)[0])
    return found


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("neigung.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What is included reads as if it stood there.
        keep_trailing_newline=True,
    )
