"""The catalogues hold what the code says: nothing is missing, nothing is left over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from neigung.errors import InputError
from neigung.language import catalogue, checked, languages
from neigung.language.catalogue import sentence
from tests.language.pseudo import PSEUDO, wide

ROOT = Path(__file__).parents[2]
UNSAID = {"n", "what", "example"}
"""Values that a translation may leave out: a number in a singular, what stands in English."""

FILES = sorted(catalogue.LOCALE.glob("*.po"))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What Babel finds in the code."""
    out = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-o", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    return read(out)


def read(file: Path) -> Catalog:
    with file.open("rb") as content:
        return read_po(content)


def keys(found: Catalog) -> dict[Any, Any]:
    return {(one.context, one.id): one.string for one in found if one.id}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_catalogue_has_every_sentence_of_the_code_and_no_other(file: Path, said: Catalog) -> None:
    there, needed = keys(read(file)), keys(said)
    assert set(needed) - set(there) == set(), "make messages, then translate them"
    assert set(there) - set(needed) == set(), "make messages takes them out"
    for key, strings in there.items():
        assert strings, key
        assert isinstance(strings, str) or all(strings), key


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_translation_names_the_values_of_its_sentence(file: Path) -> None:
    for (_, key), strings in keys(read(file)).items():
        wanted = gaps(key[1] if isinstance(key, tuple) else key)
        for string in [strings] if isinstance(strings, str) else strings:
            assert gaps(string) - wanted == set(), string
            assert wanted - gaps(string) <= UNSAID, string


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_a_language_is_a_file(pseudo: Path) -> None:
    assert languages() == ("en", "de", PSEUDO)
    assert checked(PSEUDO) == PSEUDO
    assert sentence("so far", PSEUDO) == wide("so far")
    with pytest.raises(InputError, match=r"is needed, en or de or eo, found 'xx'"):
        checked("xx")


def test_what_a_translator_doubts_or_left_open_is_told_in_english(pseudo: Path) -> None:
    (pseudo / "fr.po").write_text(
        'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
        '#, fuzzy\nmsgid "so far"\nmsgstr "peut-être"\n\nmsgid "unknown"\nmsgstr ""\n\n'
        'msgid "order"\nmsgid_plural "orders"\nmsgstr[0] "commande"\nmsgstr[1] "commandes"\n',
        "utf-8",
    )
    assert [sentence(one, "fr") for one in ("so far", "unknown")] == ["so far", "unknown"]
    counted = [sentence("order", "fr", many="orders", n=n) for n in (0, 1, 2)]
    assert counted == ["commande", "commande", "commandes"]  # the French none is singular
    assert [sentence("order", "en", many="orders", n=n) for n in (0, 1, 2)] == [
        "orders", "order", "orders",
    ]  # fmt: skip


def test_neither_babel_nor_a_catalogue_is_read_before_somebody_asks() -> None:
    code = (
        "import sys, json, neigung.cli, neigung.training.train, neigung.serving.schemas;"
        "print(json.dumps([name for name in sys.modules if name.split('.')[0] == 'babel']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []
