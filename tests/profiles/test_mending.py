"""Texts and ids that certainly mean the same become the same in every table, and this is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.features.library import library
from neigung.features.table import FeatureSet
from neigung.profiles.quality import check
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past

Write = Callable[..., Path]


def lines(**columns: Any) -> pd.DataFrame:
    rows = max(len(values) for values in columns.values() if isinstance(values, list))
    usual = {
        "customer_id": [f"k{row}" for row in range(rows)],
        "order_id": [f"o{row}" for row in range(rows)],
        "occurred_at": "2025-01-01",
        "net_value": 1.0,
    }
    return pd.DataFrame(usual | columns)


def values(profiles: Profiles, column: str, table: str = "order_lines") -> list[Any]:
    found: list[Any] = profiles.table(table)[column].to_pyarrow().to_pylist()
    return found


def mended(profiles: Profiles) -> list[str]:
    return [one.text for one in profiles.said if one.severity == "mended"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("second", [[7.0, 8.0], ["7.0", "8.00"]], ids=["float", "text"])
def test_parts_with_ids_as_numbers_and_as_text(
    tmp_path: Path, suffix: str, second: list[object]
) -> None:
    folder = tmp_path / "order_lines"
    folder.mkdir()
    for name, ids in (("1", ["7", "8"]), ("2", second)):
        part = lines(customer_id=ids)
        write = part.to_csv if suffix == ".csv" else part.to_parquet
        write(folder / f"{name}{suffix}", index=False)
    profiles = Profiles.open(tmp_path)
    assert sorted(values(profiles, "customer_id")) == ["7", "7", "8", "8"]
    assert any("2 of 4 rows" in text and "'7.0'" in text for text in mended(profiles))


def test_ids_of_other_tables_have_other_types() -> None:
    returns = pd.DataFrame(
        {"customer_id": ["7.0"], "order_id": [1.0], "occurred_at": "2025-01-02", "value": 1}
    )
    visits = pd.DataFrame({"customer_id": [7.0], "occurred_at": "2025-01-02", "kind": "view"})
    profiles = Profiles.from_tables(
        {
            "order_lines": lines(customer_id=[7, 8], order_id=["1", "2"]),
            "returns": returns,
            "visits": visits,
        }
    )
    assert values(profiles, "customer_id", "returns") == ["7"]
    assert values(profiles, "order_id", "returns") == ["1"]
    assert values(profiles, "customer_id", "visits") == ["7"]


def test_ids_that_are_no_whole_numbers_stay() -> None:
    ids = ["1.10", "1.0.0", "7.05", "v7.0", ".0", "1e3"]
    assert values(Profiles.from_tables({"order_lines": lines(customer_id=ids)}), "customer_id") == (
        ids
    )


@pytest.mark.parametrize(
    "blank", [" ", "\t", "\n", "\xa0", "\u2009", "\u3000", "\u200b", "\u200d", "\ufeff", "\u2060"]
)
def test_blanks_around_ids_are_cut_off(blank: str) -> None:
    ids = ["c 1", f"{blank}c 1", f"c 1{blank}{blank}"]
    profiles = Profiles.from_tables({"order_lines": lines(customer_id=ids)})
    assert values(profiles, "customer_id") == ["c 1"] * 3
    assert [text.partition(",")[0] for text in mended(profiles)] == [
        "Blanks around a text are cut off"
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("Müller", "Mu\u0308ller"), ("Å", "\u212b"), ("각", "\u1100\u1161\u11a8")]
)
def test_letters_composed_of_several_signs(one: str, other: str) -> None:
    profiles = Profiles.from_tables({"order_lines": lines(customer_id=[one, other])})
    assert values(profiles, "customer_id") == [one, one]
    assert "1 of 2 rows" in mended(profiles)[0]


@pytest.mark.parametrize("nothing", ["NULL", "\\N", "(null)", "<NA>", "nan", "NaN", "None", "#N/A"])
def test_words_for_nothing(nothing: str) -> None:
    frame = lines(
        order_id=list("abc"), voucher_code=[nothing, "X", nothing], category=["tea", nothing, "tea"]
    )
    profiles = Profiles.from_tables({"order_lines": frame})
    assert values(profiles, "voucher_code") == [None, "X", None]
    assert values(profiles, "category") == ["tea", None, "tea"]
    assert "order_lines.voucher_code (2 of 3 rows)" in mended(profiles)[0]
    with pytest.raises(ProfileError, match=r"2 of 3 rows break.*leave them out: a guest"):
        Profiles.from_tables({"order_lines": frame.assign(customer_id=["1", nothing, nothing])})


@pytest.mark.parametrize("nothing", ["NULL", "\\N", " "])
def test_words_for_nothing_among_numbers_and_times(
    tmp_path: Path, store_folder: Write, nothing: str
) -> None:
    frame = lines(
        order_id=list("abc"),
        discount_value=["1.5", nothing, "2"],
        quantity=[nothing, nothing, "2"],
        known_at=["2025-01-02", nothing, nothing],
    )
    for profiles in (
        Profiles.open(store_folder(".csv", order_lines=frame)),
        Profiles.from_tables({"order_lines": frame}),
    ):
        assert values(profiles, "quantity") == [None, None, 2]
        assert values(profiles, "discount_value")[1] is None
        assert len(set(values(profiles, "known_at"))) == 2
        assert "order_lines.quantity (2 of 3 rows)" in mended(profiles)[0]
    with pytest.raises(ProfileError, match="net_value must be filled"):
        Profiles.from_tables({"order_lines": frame.assign(net_value=["1", "2", nothing])})


def test_words_that_may_be_values_are_doubted() -> None:
    frame = lines(category=["NA", "EU"], voucher_code=["NA", "X"])
    profiles = Profiles.from_tables({"order_lines": frame})
    assert values(profiles, "category") == ["NA", "EU"]
    assert values(profiles, "voucher_code") == [None, "X"]
    assert any(
        "category is 'NA' or the like in 1 of 2 rows (50.0%)" in one.text and one.severity == "warn"
        for one in check(profiles).findings
    )


def test_an_arm_may_be_called_none() -> None:
    offers = pd.DataFrame(
        {"customer_id": "k0", "occurred_at": "2025-01-01", "offer_id": [1, 2], "arm": ["None", "x"]}
    )
    profiles = Profiles.from_tables({"order_lines": lines(order_id=["a"]), "offers": offers})
    assert values(profiles, "arm", "offers") == ["None", "x"]


def test_words_of_the_contract_in_other_case() -> None:
    responses = pd.DataFrame(
        {"customer_id": "k0", "occurred_at": "2025-01-01", "contact_id": 1, "kind": [" Open"]}
    )
    profiles = Profiles.from_tables({"order_lines": lines(order_id=["a"]), "responses": responses})
    assert values(profiles, "kind", "responses") == ["open"]


@pytest.mark.parametrize("blank", ["", " ", "\xa0"])
def test_blank_text_is_missing_in_every_format(
    tmp_path: Path, store_folder: Write, blank: str
) -> None:
    frame = lines(
        customer_id=["1"] * 4, order_id=list("abcd"), voucher_code=[blank, "X10", blank, blank]
    )
    database = tmp_path / "shop.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE order_lines AS SELECT * FROM frame")
    stores = [
        Profiles.open(store_folder(order_lines=frame)),
        Profiles.open(database),
        Profiles.from_tables({"order_lines": frame}),
    ]
    for profiles in stores:
        assert values(profiles, "voucher_code") == [None, "X10", None, None]
        cutoff = pd.DataFrame({"customer_id": ["1"], "cutoff": pd.to_datetime(["2025-02-01"])})
        spine = profiles.engine.pairs(_arrow(cutoff))
        past = Past(profiles.tables, profiles.engine.hold("spine", spine), 365)
        chosen = FeatureSet.select(library(past), ("voucher_order_share",), past)
        [row] = chosen.table(past).to_pyarrow().to_pylist()
        assert row["voucher_order_share_365d"] == 0.25


def _arrow(frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


NAMES = (
    *("_row", "row", "_owner", "owner", "_first", "first", "_at", "_breaks", "breaks", "rule 0"),
    *("is_newest_version", "CUTOFF", "cutoff", "days_ago", "Days_Ago", "customer_id_right"),
    *(
        "rows",
        "turn",
        "select",
        "rowid",
        "Customer_ID",
        "Occurred_At",
        "filled",
        "newest",
        "value",
        "key",
    ),
)


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_own_columns_of_any_name_keep_their_values(name: str, dated: bool) -> None:
    customers = pd.DataFrame({"customer_id": ["k2", "k0", "k1"], name: [33.0, 11.0, 22.0]})
    customers = customers.assign(occurred_at="2025-01-01") if dated else customers
    profiles = Profiles.from_tables(
        {"order_lines": lines(order_id=list("abc")), "customers": customers}
    )
    instants = profiles.engine.instants([pd.Timestamp("2025-02-01").to_pydatetime()])
    spine = profiles.table("order_lines").select("customer_id").cross_join(instants)
    past = Past(profiles.tables, profiles.engine.hold("spine", spine), 365)
    names = [one.name for one in library(past) if one.name.startswith("attribute_")]
    assert len(names) == 1
    table = FeatureSet.select(library(past), tuple(names), past).table(past).to_pyarrow()
    found = dict(zip(table["customer_id"].to_pylist(), table[names[0]].to_pylist(), strict=True))
    assert found == {"k0": 11.0, "k1": 22.0, "k2": 33.0}
    assert check(profiles).findings


def test_the_column_of_the_contract_is_the_one_in_its_letters(store_folder: Write) -> None:
    both = pd.DataFrame({"Net_Value": [5.0], "NET_VALUE": [6.0]})
    frame = pd.concat([both, lines(order_id=["a"])], axis=1)
    profiles = Profiles.from_tables({"order_lines": frame})
    assert [float(value) for value in values(profiles, "net_value")] == [1.0]
    for suffix in (".parquet", ".csv"):
        with pytest.raises(ProfileError, match="each column needs a name of its own"):
            Profiles.open(store_folder(suffix, order_lines=frame.drop(columns="NET_VALUE")))
        (store_folder() / f"order_lines{suffix}").unlink()


def test_two_columns_that_differ_by_case_alone(store_folder: Write) -> None:
    customers = pd.DataFrame({"customer_id": ["k0"], "City": ["Bonn"], "city": ["Köln"]})
    folder = store_folder(order_lines=lines(order_id=["a"]), customers=customers)
    for profiles in (
        Profiles.open(folder),
        Profiles.from_tables({"order_lines": lines(order_id=["a"]), "customers": customers}),
    ):
        [row] = profiles.table("customers").to_pyarrow().to_pylist()
        assert {"Bonn", "Köln"} <= set(row.values())


def test_a_clean_store_has_nothing_mended(store_lines: pd.DataFrame) -> None:
    assert mended(Profiles.from_tables({"order_lines": store_lines})) == []
