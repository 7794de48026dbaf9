"""Nothing in the package trips a Python that it is said to run on."""

from __future__ import annotations

import symtable
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parent.parent / "src").rglob("*.py"))
KINDS = ("listcomp", "setcomp", "dictcomp")
pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="Only an older Python knows comprehensions as scopes."
)


def inlined(scope: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """The comprehensions of a function, and those in them."""
    for inner in scope.get_children():
        if inner.get_name().strip("<>") in KINDS:
            yield inner
            yield from inlined(inner)


def mistaken(scope: symtable.SymbolTable) -> Iterator[str]:
    """Names that a comprehension sets while another one of the function means a global.

    Python 3.12.0 and 3.12.1 take the second for the first, which is not there:
    UnboundLocalError. An older Python cannot see it by running.
    """
    symbols = [one for inner in inlined(scope) for one in inner.get_symbols()]
    own = {one.get_name() for one in symbols if one.is_local() and not one.is_parameter()}
    meant = {one.get_name() for one in symbols if one.is_global()}
    yield from (f"{scope.get_name()}: {name}" for name in sorted(own & meant))
    for inner in scope.get_children():
        yield from mistaken(inner)


def test_no_comprehension_hides_a_global_from_another() -> None:
    tables = (symtable.symtable(path.read_text("utf-8"), str(path), "exec") for path in SOURCES)
    assert [found for table in tables for found in mistaken(table)] == []


def test_a_hidden_global_would_be_found() -> None:
    text = "def f(d):\n    a = {n for n in d}\n    return [n(b) for b in a]\n"
    assert list(mistaken(symtable.symtable(text, "", "exec"))) == ["f: n"]
