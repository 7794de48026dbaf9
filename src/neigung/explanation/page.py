"""How a report becomes a page: pictures, tables, texts and the template."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from neigung.features.feature import Language

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure


def render(template: str, **context: Any) -> str:
    """A template filled, everything escaped."""
    from markupsafe import Markup

    environment = _environment()
    style = Markup(environment.get_template("style.css").render())
    page = environment.get_template(template).render(style=style, **context)
    # German writes a space before the sign, which must not end a line.
    return page.replace(" %", "\N{NO-BREAK SPACE}%")


def capital(text: str) -> str:
    """The text with a large first letter, and no other change."""
    return text[:1].upper() + text[1:]


def grid(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    key: int = 0,
    right: Sequence[int] = (),
    ours: int = -1,
    intervals: bool = False,
) -> dict[str, Any]:
    """A table for the template.

    `key` is the column of row headings, `right` those of numbers, `ours` the model's; with
    `intervals`, cells such as `0.8 (0.7 to 0.9)` get two lines.
    """
    return {
        **{"caption": caption, "head": [capital(one) for one in head], "rows": rows},
        **{"key": key, "right": right, "ours": ours, "intervals": intervals},
    }


def picture(figure: Figure, alt: str, dots: bool = False) -> dict[str, Any]:
    """A figure as data URI: SVG, or PNG where many dots would make that large."""
    import matplotlib

    kind = "png" if dots else "svg"
    metadata: dict[str, Any] = {"Software": None} if dots else {"Date": None, "Creator": None}
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "neigung", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, dpi=150 if dots else 100, metadata=metadata)
    mime = "image/png" if dots else "image/svg+xml"
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    data = base64.b64encode(buffer.getvalue()).decode()
    return {
        **{"uri": f"data:{mime};base64,{data}", "alt": alt},
        **{"width": width, "height": height, "wide": width > 650},
    }


def texts(language: Language) -> dict[str, Any]:
    """Every word of the report in one language.

    >>> texts("de")["verdict"]
    'Urteil'
    """

    def pick(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {key: pick(value) for key, value in entry.items()}
        if isinstance(entry[0], list):
            return [pick(one) for one in entry]
        return entry[language == "de"]

    return {key: pick(value) for key, value in _all_texts().items()}


@cache
def _all_texts() -> Any:
    environment = _environment()
    loader: Any = environment.loader
    return yaml.safe_load(loader.get_source(environment, "texts.yaml")[0])


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("neigung.explanation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
