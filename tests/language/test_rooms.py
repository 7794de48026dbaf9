"""No room but language knows which languages there are."""

from __future__ import annotations

import ast
from pathlib import Path

import neigung
from neigung.language import ENGLISH, languages

SOURCE = Path(neigung.__file__).parent
LATER: tuple[str, ...] = ()
"""Rooms whose pairs of texts are still to become sentences of the catalogue."""


def test_no_code_names_a_language() -> None:
    found = []
    for file in SOURCE.rglob("*.py"):
        room = file.relative_to(SOURCE).parts[0]
        if room == "language" or room in LATER:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            named = isinstance(node, ast.Constant) and node.value in set(languages()) - {ENGLISH}
            if named or (isinstance(node, ast.Name) and node.id == "german"):
                found.append(f"{file}:{node.lineno}")
    assert found == []
