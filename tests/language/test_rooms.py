"""No room but language knows which languages there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import neigung
from neigung.language import ENGLISH, languages

SOURCE = Path(neigung.__file__).parent
_NAMED = re.compile(r"(^|_)german($|_)")


def test_no_code_names_a_language() -> None:
    found = []
    for file in SOURCE.rglob("*.py"):
        room = file.relative_to(SOURCE).parts[0]
        if room == "language":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [getattr(node, key, None) for key in ("id", "arg", "attr")]
            asked = isinstance(node, ast.Constant) and node.value in set(languages()) - {ENGLISH}
            called = any(isinstance(name, str) and _NAMED.search(name) for name in names)
            if asked or called or _compared(node):
                found.append(f"{file}:{getattr(node, 'lineno', 0)}")
    assert found == []


def _compared(node: ast.AST) -> bool:
    """Whether a language is compared with one that is named."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    said = {side.value for side in sides if isinstance(side, ast.Constant)}
    asked = {ast.unparse(side).split(".")[-1] for side in sides}
    return "language" in asked and bool(said & set(languages()))
