"""Rows of a request become the values that a store makes of the same rows, or are refused."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neigung.profiles.contract import TABLES
from neigung.profiles.rows import EXAMPLE, MAX_ROWS, ROWS, ProfileRows, money
from neigung.profiles.store import Profiles

ENGINE = duckdb.connect()
LINE = {"occurred_at": "2025-01-01", "order_id": "a", "net_value": 1}


def problems(content: Any) -> dict[str, str]:
    """The paths that are wrong in a profile that comes as JSON, with what is said of them."""
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(ValidationError) as caught:
        ProfileRows.model_validate_json(text)
    return {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.errors()}


def line(**changes: Any) -> dict[str, Any]:
    return {"order_lines": [LINE | changes]}


def first(**changes: Any) -> Any:
    return ProfileRows.model_validate_json(json.dumps(line(**changes))).order_lines[0]


def test_every_table_but_labels_with_every_column() -> None:
    assert list(ROWS) == [name for name in TABLES if name != "labels"]
    for name, row in ROWS.items():
        assert list(row.model_fields) == [column.name for column in TABLES[name].columns]


def test_the_values_are_those_of_a_store() -> None:
    raw = pd.DataFrame(
        {
            "customer_id": [7, 7],
            "occurred_at": ["2025-03-31T20:05:00.123456+02:00", "2025-04-01"],
            "known_at": ["2025-04-02 01:00:00", None],
            "order_id": [17.0, 18.0],
            "net_value": [1.00115, -0.12345],
            "discount_value": [0.00005, None],
            "quantity": [2.375, None],
            "product_id": [" ä", None],
        }
    )
    store = Profiles.from_tables({"order_lines": raw}).table("order_lines")
    rows = json.loads(raw.to_json(orient="records", double_precision=10))
    profile = ProfileRows.model_validate_json(json.dumps({"customer_id": 7, "order_lines": rows}))
    expected = store.to_pyarrow().to_pylist()
    for found, wanted in zip(profile.rows("order_lines"), expected, strict=True):
        wanted["known_at"] = found.get("known_at") and wanted["known_at"]  # filled in later
        assert {name: found.get(name) for name in wanted} == wanted
    assert profile.customer_id == "7"


@given(st.lists(st.floats(-1e13, 1e13) | st.integers(-(10**9), 10**9).map(lambda n: n / 1e5)))
def test_amounts_are_rounded_as_the_engine_rounds(values: list[float]) -> None:
    amounts = pa.table({"v": pa.array(values, pa.float64())})
    rows = ENGINE.execute("SELECT v::DECIMAL(18, 4) FROM amounts").fetchall()
    assert amounts.num_rows == len(rows)
    assert [money(value) for value in values] == [row[0] for row in rows]


@given(st.lists(st.decimals(-(10**13), 10**13, allow_nan=False, places=7)))
def test_amounts_as_text_are_rounded_as_the_engine_rounds(values: list[Decimal]) -> None:
    amounts = pa.table({"v": pa.array([f"{value:f}" for value in values], pa.string())})
    rows = ENGINE.execute("SELECT v::DECIMAL(18, 4) FROM amounts").fetchall()
    assert amounts.num_rows == len(rows)
    assert [money(f"{value:f}") for value in values] == [row[0] for row in rows]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2025-03-31", dt.datetime(2025, 3, 31)),
        ("2025-03-31T18:05:00Z", dt.datetime(2025, 3, 31, 18, 5)),
        ("2025-03-31 18:05:00-05:30", dt.datetime(2025, 3, 31, 23, 35)),
        ("1900-01-01T00:00:00Z", dt.datetime(1900, 1, 1)),
        ("2200-12-31T23:59:59.999999", dt.datetime(2200, 12, 31, 23, 59, 59, 999999)),
    ],
)
def test_times(given: str, found: dt.datetime) -> None:
    assert first(occurred_at=given).occurred_at == found


@pytest.mark.parametrize(
    "given",
    ["", "yesterday", "1899-12-31", "2201-01-01", "0001-01-01T00:00:00+14:00", 1735689600, True,
     "9999-12-31T23:59:59-14:00", "2025-02-30", "1735689600", None, [], {}],
)  # fmt: skip
def test_no_times(given: object) -> None:
    assert "must be a date or time in ISO form" in problems(line(occurred_at=given)).popitem()[1]


@pytest.mark.parametrize("value", [7, 7.0, "7"])
def test_whole_numbers_are_ids_by_their_digits(value: object) -> None:
    assert first(order_id=value).order_id == "7"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("order_id", " \t", "must be not blank"),
        ("order_id", 7.5, "must be a text or a whole number"),
        ("order_id", True, "must be a text or a whole number"),
        ("order_id", 10**30, "must be a text or a whole number"),
        ("order_id", ["a"], "must be a text or a whole number"),
        ("net_value", "twelve", "must be a finite amount"),
        ("net_value", True, "must be a finite amount"),
        ("net_value", 1e14, "must be a finite amount"),
        ("net_value", -(10**40), "must be a finite amount"),
        ("net_value", "99999999999999.99996", "must be a finite amount"),
        ("net_value", "1" * 50, "must be a finite amount"),
        ("net_value", "nan", "must be a finite amount"),
        ("net_value", None, "must be a finite amount"),
        ("discount_value", -0.01, "must be at least 0"),
        ("quantity", "inf", "must be a finite number"),
        ("quantity", 10**400, "must be a finite number"),
        ("quantity", False, "must be a finite number"),
        ("known_at", "2024-12-31", "must be not before occurred_at"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(column: str, value: object, said: str) -> None:
    found = problems(line(**{column: value}))
    assert list(found) == [f"order_lines.0.{column}"]
    assert said in found[f"order_lines.0.{column}"]


def test_rules_of_other_tables() -> None:
    at = {"occurred_at": "2025-01-02"}
    offer = at | {"offer_id": 1, "arm": "x", "discount_rate": 1.1, "assignment_probability": 0}
    case = at | {"case_id": 1, "kind": "x", "resolved_at": "2025-01-01"}
    found = problems(
        {
            "offers": [offer],
            "service_cases": [case],
            "responses": [at | {"contact_id": 1, "kind": "looked"}],
            "consents": [at | {"purpose": "profiling", "granted": "yes"}],
            "visits": [{"kind": "view"}],
        }
    )
    assert found == {
        "offers.0.discount_rate": "must be between 0 and 1",
        "offers.0.assignment_probability": "must be above 0 and at most 1",
        "service_cases.0.resolved_at": "must be not before occurred_at",
        "responses.0.kind": ("must be one of delivered, open, click, redeem, bounce, unsubscribe"),
        "consents.0.granted": "must be true or false",
        "visits.0.occurred_at": "Field required",
    }


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(literal: str) -> None:
    text = json.dumps(line(quantity="?", net_value="?")).replace('"?"', literal)
    assert set(problems(text)) == {"order_lines.0.quantity", "order_lines.0.net_value"}


def test_unknown_tables_are_refused_and_unknown_columns_kept() -> None:
    assert list(problems({"orders": []})) == ["orders"]
    assert list(problems({"labels": []})) == ["labels"]
    assert first(gift=[1]).get("gift") == [1]
    assert first(cutoff="2030-01-01").order_id == "a"


def test_rows_are_of_one_customer() -> None:
    same = {"order_lines": [LINE | {"customer_id": 7}, LINE], "visits": []}
    assert ProfileRows.model_validate(same | {"customer_id": "7"}).customer_id == "7"
    assert ProfileRows.model_validate(same).customer_id is None
    other = {"order_lines": [LINE, LINE | {"customer_id": 8}]}
    [said] = problems(other | {"customer_id": "7"}).values()
    assert "order_lines.1.customer_id must be that of the profile" in said
    two = {"order_lines": [LINE | {"customer_id": 7}, LINE | {"customer_id": 8}]}
    assert "order_lines.1.customer_id" in problems(two)[""]


def test_the_number_of_rows_is_limited() -> None:
    assert list(problems({"order_lines": [LINE] * (MAX_ROWS + 1)})) == ["order_lines"]


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(ValidationError, match="must be a text"):
        ProfileRows.model_validate(line(order_id="\ud800"))
    assert problems('{"customer_id": "\\ud800"}')


def test_the_schema_says_what_the_contract_says() -> None:
    schema = ProfileRows.model_json_schema()
    offers = schema["$defs"]["OffersRow"]["properties"]
    assert offers["discount_rate"]["anyOf"][0] == {"type": "number", "minimum": 0, "maximum": 1}
    probability = offers["assignment_probability"]["anyOf"][0]
    assert (probability["exclusiveMinimum"], probability["maximum"]) == (0, 1)
    responses = schema["$defs"]["ResponsesRow"]
    assert "unsubscribe" in responses["properties"]["kind"]["enum"]
    assert responses["required"] == ["occurred_at", "contact_id", "kind"]
    assert schema["additionalProperties"] is False
    assert schema["examples"] == [EXAMPLE]
    assert ProfileRows.model_validate(EXAMPLE).rows("consents")[0].get("granted") is True


def test_texts_are_mended_as_in_a_store() -> None:
    texts = [" x", "A\u0308", "7.0", "NULL", "\xa0", "NA", "None", "none", "-"]
    frame = pd.DataFrame([LINE | {"customer_id": 1, "product_id": t, "channel": t} for t in texts])
    kept = Profiles.from_tables({"order_lines": frame}).table("order_lines")
    expected = kept.select("product_id", "channel").to_pyarrow().to_pylist()
    found = [first(product_id=text, channel=text) for text in texts]
    assert [{"product_id": one.product_id, "channel": one.channel} for one in found] == expected
    assert [one.channel for one in found] == ["x", "Ä", "7.0", None, None, "NA", None, "none", "-"]
    expected_ids = ["x", "Ä", "7", *[None] * 4, "none", None]
    assert [one.product_id for one in found] == expected_ids


def test_words_of_the_contract_are_read_in_any_case() -> None:
    row = {"occurred_at": "2025-01-01", "contact_id": 1, "kind": " Open"}
    assert ProfileRows.model_validate({"responses": [row]}).rows("responses")[0].get("kind") == (
        "open"
    )


@pytest.mark.parametrize("nothing", ["NULL", "", "\u200b", "(null)"])
def test_an_id_that_must_be_there_is_none(nothing: str) -> None:
    assert "must be not blank" in problems(line(order_id=nothing))["order_lines.0.order_id"]


def test_the_id_of_a_profile_stays_as_it_was_sent() -> None:
    content = {"customer_id": " 7.0", "order_lines": [LINE | {"customer_id": "7"}]}
    assert ProfileRows.model_validate(content).customer_id == " 7.0"
    assert "must be not blank" in problems({"customer_id": " "})["customer_id"]
