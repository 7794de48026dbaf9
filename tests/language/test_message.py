"""A sentence is plain English text wherever nobody asks for a language."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neigung.language import Message, told, translated
from tests.language.pseudo import PSEUDO

NOTE = Message("{offers:,} of {all:,} offers left out: {why}", offers=5, all=1234,
               why=Message("no table {names:names}", names=["visits"]))  # fmt: skip


def test_it_is_the_english_text() -> None:
    text = "5 of 1,234 offers left out: no table visits"
    assert text == NOTE
    assert hash(NOTE) == hash(text)
    assert f"Note: {NOTE}" == f"Note: {text}"
    assert json.loads(json.dumps([NOTE])) == [text]
    assert type(str(NOTE)) is str


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_a_copy_can_be_told_too(again: Callable[[Message], Message]) -> None:
    assert told(again(NOTE), "de").endswith("keine Tabelle visits")


def test_what_was_stored_is_told_as_it_is() -> None:
    assert told(str(NOTE), "de") == NOTE


def test_the_texts_that_an_evaluation_stored(pseudo: Path) -> None:
    again = Message.read(json.loads(json.dumps(NOTE.stored())))
    assert (again, again.stored()) == (NOTE, NOTE.stored())
    assert told(copy.deepcopy(again), "de") == told(NOTE, "de")
    assert told(again, PSEUDO) == NOTE  # more was not kept
    assert Message.read(("in {n} days", "in {n} Tagen")).to("de", n=5) == "in {n} Tagen"


def test_values_are_written_as_the_language_does() -> None:
    text = Message("{n:,} {share:.1%} {low:+.2f} {day:date} {names:list} {plain} {more:some}")
    values = {
        "n": np.int64(12345), "share": 0.1234, "low": -0.5, "day": "2025-05-12T10:00:00",
        "names": ["a", "b", "c"], "plain": 0.5, "more": list("abcd"),
    }  # fmt: skip
    assert text.to("en", **values) == "12,345 12.3% -0.50 2025-05-12 a, b and c 0.5 a, b, c, …"
    assert text.to("de", **values) == "12.345 12,3 % -0,50 12.05.2025 a, b und c 0.5 a, b, c, …"


def test_braces_of_a_value_are_left_alone() -> None:
    assert Message("no feature {name}", name="{days}").to("de") == "kein Merkmal {days}"


def test_plurals() -> None:
    found = [
        Message.counted(
            "1 feature left out: {reason} ({names:some})",
            "{n} features left out: {reason} ({names:some})",
            n=n, reason=Message("no table {names:names}", names=["visits"]), names=["a"] * n,
        ).to("de")
        for n in (1, 2)
    ]  # fmt: skip
    assert found == [
        "1 Merkmal ausgelassen: keine Tabelle visits (a)",
        "2 Merkmale ausgelassen: keine Tabelle visits (a, a)",
    ]


def test_words_of_a_file() -> None:
    words = {"a": ["so far", {"b": "unknown"}], "c": {"context": "nowhere", "say": "so far"}}
    assert translated(words, "de") == {"a": ["bisher", {"b": "unbekannt"}], "c": "so far"}
    assert translated(words, "en")["c"] == "so far"
