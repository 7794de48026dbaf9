"""The library's texts, and the user's own features."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from pathlib import Path

import ibis
import pandas as pd
import pytest

from neigung.errors import FeatureError
from neigung.features.customers import attribute_features
from neigung.features.feature import UNITS, Column
from neigung.features.library import library, load_user_features
from neigung.profiles.timeline import Past
from tests.features.conftest import features_of

OWN = '''
from neigung.features import ORDERS, feature

@feature(ORDERS, windows=(30,), empty=0, unit="orders")
def big_order_count(orders, within):
    """Number of orders above 100.

    de: Anzahl der Bestellungen über 100.
    """
    return (orders.value > 100).sum(where=within)
'''


@pytest.fixture(scope="module")
def columns(past: Past) -> list[Column]:
    return [column for one in library(past) for column in one.columns]


def test_every_column_is_documented_in_both_languages(columns: list[Column]) -> None:
    for column in columns:
        assert len(column.text("en")) > 5, column.name
        assert len(column.text("de")) > 5, column.name
        assert column.text("en") != column.text("de"), column.name
        assert column.unit in UNITS, column.name
        assert column.theme, column.name


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_text_is_used_twice(columns: list[Column], language: str) -> None:
    counts = Counter(column.text(language) for column in columns)  # type: ignore[arg-type]
    assert {text for text, count in counts.items() if count > 1} == set()


def test_no_name_is_used_twice(columns: list[Column]) -> None:
    assert max(Counter(column.name for column in columns).values()) == 1


def test_names_that_baselines_read(columns: list[Column]) -> None:
    assert {
        "days_since_last_order", "days_since_first_order", "order_days", "order_count",
        "order_value",
    } <= {column.name for column in columns}  # fmt: skip


def test_reasons_name_columns_that_exist(columns: list[Column]) -> None:
    names = {column.name for column in columns} | {"value"}
    said = 0
    for column in columns:
        english, german = column.sentence("en"), column.sentence("de")
        assert (english is None) == (german is None)
        if english is None or german is None:
            continue
        said += 1
        for sentence in (english, german):
            assert set(re.findall(r"\{(\w*)\}", sentence)) <= names, column.name
            assert "  " not in sentence
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", german))
    assert said >= 100


def test_the_order_is_fixed(past: Past) -> None:
    assert [one.name for one in library(past)] == [one.name for one in library(past)]
    assert [one.name for one in library()] == [one.name for one in library(past)][: len(library())]


def test_columns_survive_json(columns: list[Column]) -> None:
    assert [Column.from_dict(column.to_dict()) for column in columns] == columns


def test_attributes_of_every_type() -> None:
    customers = ibis.table(
        {
            "customer_id": "string", "occurred_at": "timestamp(6)", "known_at": "timestamp(6)",
            "Größe {cm}": "float64", "income": "string", "Income": "string", "member": "boolean",
            "born": "date", "tags": "array<string>",
        },
        name="customers",
    )  # fmt: skip
    found = {one.name: one for one in attribute_features(customers)}
    assert list(found) == [
        "attribute_größe_cm", "attribute_income", "attribute_income_", "attribute_member",
        "attribute_born",
    ]  # fmt: skip
    assert found["attribute_größe_cm"].text_de == "Merkmal „Größe (cm)“"
    assert found["attribute_member"].kind == "category"
    assert found["attribute_born"].unit == "days"


def test_own_features(past: Past, tmp_path: Path, frame: pd.DataFrame) -> None:
    own = load_user_features(_file(tmp_path, OWN))
    assert [one.name for one in own] == ["big_order_count"]
    found = features_of(past, None, own)
    assert list(found.columns) == ["big_order_count_30d"]
    assert (found["big_order_count_30d"] <= frame["order_count_30d"]).all()
    assert found["big_order_count_30d"].sum() > 0
    assert [path.name for path in tmp_path.iterdir()] == ["own.py"]


def test_own_features_may_import_the_library(tmp_path: Path) -> None:
    code = "from neigung.features.orders import order_count\n" + OWN
    assert [one.name for one in load_user_features(_file(tmp_path, code))] == ["big_order_count"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise OSError('disk')", r"own\.py fails when it is run: OSError: disk"),
        ("raise SystemExit(3)", r"own\.py fails when it is run: SystemExit: 3"),
        ("def f(:", r"own\.py fails when it is run: SyntaxError"),
        ("x = 1", r"own\.py defines no feature"),
        (OWN.replace("big_order_count", "order_count"), r"order_count_30d.* the library has"),
        (OWN.replace("de: ", ""), r"big_order_count: its docstring needs a line 'de: …'"),
        (OWN.replace('"orders"', '"apples"'), r"big_order_count: a unit out of .* 'apples'"),
    ],
)
def test_own_features_with_errors(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        load_user_features(_file(tmp_path, code))


def test_own_features_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"gone\.py, but there is no such file"):
        load_user_features(tmp_path / "gone.py")


def test_own_features_that_are_no_python(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("hello")
    with pytest.raises(FeatureError, match="no Python file"):
        load_user_features(path)


def _file(folder: Path, code: str) -> Path:
    path = folder / "own.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return path
