"""Writes what the documentation says of keys, features, checks and rooms out of the code.

`make docs` runs it; a test holds the pages to it. A page has the markers
`<!-- generated: NAME -->` and `<!-- end -->`; what stands between them is replaced.
"""

from __future__ import annotations

import ast
import re
import tomllib
import typing
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from neigung.features.library import library
from neigung.judgement.checks_table import checks_table
from neigung.study import Study

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
_MARKED = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def keys() -> str:
    """All keys of a study, one table for each part."""
    return "\n\n".join(_parts("", Study))


def _parts(path: str, model: type[BaseModel]) -> list[str]:
    rows, below = [], []
    for name, field in model.model_fields.items():
        key = f"{path}{name}"
        rows.append(f"| `{key}` | {_told(field.annotation)} | {_default(field)} |")
        for part in _models(field.annotation):
            below += _parts(f"{key}.", part)
    title = f"`{path.rstrip('.')}`" if path else "At the top"
    kind = model.model_fields.get("kind")
    if kind is not None:
        title += f", kind {get_args(kind.annotation)[0]}"
    table = "\n".join(("| key | value | default |", "|---|---|---|", *rows))
    return [f"### {title}\n\n{_paragraphs(model)}\n\n{table}", *below]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _told(annotation: Any) -> str:
    """A type as a user writes its values."""
    origin, given = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _told(given[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in given)
    if origin in (typing.Union, UnionType):
        parts = [_told(part) for part in given if part is not type(None)]
        return " or ".join(dict.fromkeys(parts))
    if origin is tuple:
        return f"list of {_told(given[0])}"
    if origin is dict:
        return f"{_told(given[1])} for each {_told(given[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "see below"
    names = {str: "text", int: "whole number", float: "number", bool: "true, false"}
    return names.get(annotation, "date or time")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value in (None, ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _paragraphs(model: type[BaseModel]) -> str:
    text = re.sub(r"\n\s*\n", "\0", model.__doc__ or "")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\0"))


def features() -> str:
    """All features of the library, by theme."""
    rows: dict[str, list[str]] = {}
    for feature in library():
        for column in feature.columns:
            told = f"| `{column.name}` | {column.unit or ''} | {column.text('en')} |"
            rows.setdefault(str(column.theme), []).append(told)
    return "\n\n".join(
        f"### {theme.replace('_', ' ').capitalize()}\n\n| feature | unit | |\n|---|---|---|\n"
        + "\n".join(found)
        for theme, found in rows.items()
    )


def checks() -> str:
    """All checks of the reports, with their limits and why they are where they are."""
    return checks_table().rstrip("\n")


def rooms() -> str:
    """The rooms from the top floor down, each with the first line of what its docstring says."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rows = []
    for name in re.findall(r"\w+", "\n".join(layers)):
        folder = ROOT / "src/neigung" / name
        module = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        told = (ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").split(
            "\n\n"
        )
        place = f"{name}/" if folder.is_dir() else f"{name}.py"
        rows.append(f"| `{place}` | {' '.join(told[0].split())} |")
    return "\n".join(("| room | |", "|---|---|", *rows))


GENERATED: dict[str, Callable[[], str]] = {
    "keys": keys,
    "features": features,
    "checks": checks,
    "rooms": rooms,
}


def generated(page: str) -> str:
    """The text of a page with what its markers name written anew."""
    return _MARKED.sub(
        lambda found: f"<!-- generated: {found[1]} -->\n{GENERATED[found[1]]()}\n<!-- end -->", page
    )


def main() -> None:
    """Bring all pages up to date."""
    for path in (*sorted(FOLDER.glob("*.md")), ROOT / "CONTRIBUTING.md"):
        path.write_text(generated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
