"""The contract says what the design says."""

import pytest

from neigung.profiles.contract import DTYPES, TABLES

KEYS = {"customer_id", "occurred_at", "known_at"}


def test_tables() -> None:
    assert list(TABLES) == [
        "customers",
        "order_lines",
        "returns",
        "visits",
        "contacts",
        "responses",
        "offers",
        "service_cases",
        "loyalty",
        "consents",
        "labels",
    ]
    assert [name for name, table in TABLES.items() if table.required] == ["order_lines"]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_customer_and_times(name: str) -> None:
    columns = [column.name for column in TABLES[name].columns]
    assert set(columns) >= KEYS
    assert len(columns) == len(set(columns))
    assert all(column.kind in DTYPES for column in TABLES[name].columns)


@pytest.mark.parametrize(
    ("table", "required"),
    [
        ("customers", {"customer_id"}),
        ("order_lines", {"customer_id", "occurred_at", "order_id", "net_value"}),
        ("returns", {"customer_id", "occurred_at", "order_id", "value"}),
        ("offers", {"customer_id", "occurred_at", "offer_id", "arm"}),
        ("consents", {"customer_id", "occurred_at", "purpose", "granted"}),
        ("labels", {"customer_id", "cutoff", "value"}),
    ],
)
def test_required_columns(table: str, required: set[str]) -> None:
    assert {column.name for column in TABLES[table].columns if column.required} == required


def test_unknown_column() -> None:
    with pytest.raises(KeyError):
        TABLES["returns"].column("net_value")
