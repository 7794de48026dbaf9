"""Opening stores of every kind, and what a store says about itself."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neigung.errors import ProfileError
from neigung.profiles import store
from neigung.profiles.store import Profiles

Write = Callable[..., Path]


def refused(location: object) -> str:
    with pytest.raises(ProfileError) as error:
        Profiles.open(location)  # type: ignore[arg-type]
    return str(error.value)


def customers(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ["anna", "björn"], **columns})


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
def test_folder(store_folder: Write, store_lines: pd.DataFrame, suffix: str) -> None:
    profiles = Profiles.open(store_folder(suffix, order_lines=store_lines))
    assert profiles.customers() == 2
    assert profiles.span() == (pd.Timestamp("2025-01-01 10:00"), pd.Timestamp("2025-02-01"))
    kept = profiles.table("order_lines").to_pandas()
    assert kept.customer_id.tolist() == store_lines.customer_id.tolist()
    assert kept.net_value.astype(float).tolist() == store_lines.net_value.tolist()


def test_duckdb_file_is_read_and_left_alone(tmp_path: Path, store_lines: pd.DataFrame) -> None:
    path = tmp_path / "it's a shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table order_lines as select * from store_lines")
        connection.execute("create table stock as select 1 as pieces")
    before = path.read_bytes()
    profiles = Profiles.open(path)
    assert profiles.customers() == 2
    assert any("stock" in note for note in profiles.notes)
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_folder_of_files(tmp_path: Path, store_lines: pd.DataFrame, suffix: str) -> None:
    parts = tmp_path / "profiles [2025] *" / "order_lines"
    parts.mkdir(parents=True)
    for number, part in enumerate((store_lines.head(1), store_lines.tail(3))):
        if suffix == "csv":
            part.to_csv(parts / f"part-{number}.csv", index=False)
        else:
            part.to_parquet(parts / f"part-{number}.parquet", index=False)
    (parts / "_SUCCESS").touch()
    assert Profiles.open(parts.parent).table("order_lines").count().execute() == 4


def test_digest_is_of_the_contents(
    tmp_path: Path, store_folder: Write, store_lines: pd.DataFrame
) -> None:
    lines = store_lines.assign(shop=[1, 2, 3, 4], new=[True, False, True, False])
    attributes = customers(occurred_at=["2025-01-01"] * 2, age=[41, 33], zip=["01067", "10115"])
    tables = {"order_lines": lines, "customers": attributes}
    digest = Profiles.open(store_folder(**tables)).digest()
    shutil.rmtree(tmp_path / "profiles")
    assert Profiles.open(store_folder(".csv", **tables)).digest() == digest
    shuffled = {name: frame.iloc[::-1] for name, frame in tables.items()}
    assert Profiles.from_tables(shuffled).digest() == digest
    for column, value in {"net_value": 10.01, "shop": 9, "order_id": "o9"}.items():
        changed = lines.copy()
        changed.loc[0, column] = value
        assert Profiles.from_tables({**tables, "order_lines": changed}).digest() != digest
    twice = pd.concat([lines, lines])
    assert Profiles.from_tables({**tables, "order_lines": twice}).digest() != digest


def test_columns_of_csv_get_the_types_that_they_show(
    store_folder: Write, store_lines: pd.DataFrame
) -> None:
    attributes = pd.DataFrame(
        {
            "customer_id": [7.0, 8.0],
            "age": ["41", ""],
            "zip": ["01067", "10115"],
            "staff": ["True", "false"],
            "born": ["1980-01-01", "1990-02-03"],
            "empty": ["", ""],
        }
    )
    lines = store_lines.assign(customer_id=[7, 7, 8, 8])
    table = Profiles.open(store_folder(".csv", order_lines=lines, customers=attributes)).table(
        "customers"
    )
    schema = {name: str(dtype).split("(")[0] for name, dtype in table.schema().items()}
    assert schema == {
        "customer_id": "string",
        "occurred_at": "timestamp",
        "known_at": "timestamp",
        "age": "float64",
        "zip": "string",
        "staff": "boolean",
        "born": "timestamp",
        "empty": "string",
    }
    assert table.customer_id.to_pyarrow().to_pylist() == ["7", "8"]


def test_csv_dialects(tmp_path: Path) -> None:
    (tmp_path / "order_lines.csv").write_text(
        "\ufeffcustomer_id;order_id;occurred_at;net_value\n"
        '"Müller; ""Söhne""";1;2025-01-01T12:00:00+01:00;3.5\n#7;2;2025-01-02;-1\n',
        encoding="utf-8",
    )
    table = Profiles.open(tmp_path).table("order_lines")
    assert table.customer_id.to_pyarrow().to_pylist() == ['Müller; "Söhne"', "#7"]


@pytest.mark.parametrize("frame", [pa.Table.from_pandas, ibis.memtable, pd.DataFrame])
def test_from_frames_of_several_libraries(
    store_lines: pd.DataFrame, frame: Callable[[pd.DataFrame], object]
) -> None:
    assert Profiles.from_tables({"order_lines": frame(store_lines)}).customers() == 2


def test_nothing_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone") == (
        f"A profile store was expected at {tmp_path / 'gone'}, but there is nothing. "
        "Check the path; `neigung import` makes a store."
    )


def test_another_kind_of_url() -> None:
    text = refused("mysql://user:secret@host/db")
    assert "found mysql://" in text
    assert "PostgreSQL" in text
    assert "secret" not in text


def test_folder_without_order_lines(store_folder: Write, store_lines: pd.DataFrame) -> None:
    folder = store_folder(order_line=store_lines)
    assert refused(folder).startswith(
        f"order_lines is needed, but {folder} has no table of a profile. Not a table of a profile, "
        "ignored: order_line (did you mean order_lines?). Add the table order_lines, without which"
    )
    assert "has only visits" in refused(store_folder(visits=store_lines))


def test_same_table_twice(store_folder: Write, store_lines: pd.DataFrame) -> None:
    folder = store_folder(order_lines=store_lines)
    store_folder(".csv", order_lines=store_lines)
    assert "has order_lines.csv and order_lines.parquet. Remove all but one." in refused(folder)


def test_two_formats_in_one_folder(tmp_path: Path, store_lines: pd.DataFrame) -> None:
    parts = tmp_path / "order_lines"
    parts.mkdir()
    assert "must hold either Parquet or CSV files, but has no such file" in refused(tmp_path)
    store_lines.to_parquet(parts / "a.parquet")
    store_lines.to_csv(parts / "b.csv")
    assert "must hold either Parquet or CSV files, but has both" in refused(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 600])
def test_corrupt_parquet(store_folder: Write, store_lines: pd.DataFrame, keep: int) -> None:
    folder = store_folder(order_lines=store_lines)
    file = folder / "order_lines.parquet"
    file.write_bytes(file.read_bytes()[:keep])
    text = refused(folder)
    assert text.startswith(f"{file} cannot be read: ")
    assert text.endswith("Write the file anew or restore it.")


def test_parquet_with_corrupt_pages(store_folder: Write) -> None:
    numbers = np.random.default_rng(0).random(2000)
    frame = pd.DataFrame(
        {
            "customer_id": numbers.astype(str),
            "order_id": numbers.astype(str),
            "occurred_at": pd.Timestamp("2025-01-01"),
            "net_value": numbers,
        }
    )
    folder = store_folder(order_lines=frame)
    file = folder / "order_lines.parquet"
    content = bytearray(file.read_bytes())
    content[50:3000] = b"\xff" * 2950
    file.write_bytes(content)
    assert "cannot be read: " in refused(folder)


def test_csv_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "order_lines.csv"
    file.write_bytes(b"customer_id,order_id,occurred_at,net_value\nM\xfcller,1,2025-01-01,3\n")
    assert "order_lines.csv cannot be read: " in refused(tmp_path)
    file.write_text("customer_id,order_id,occurred_at,net_value\n1,2,2025-01-01,3,4,5,6\n")
    assert "order_lines" in refused(tmp_path)
    file.write_text("")
    assert "order_lines" in refused(tmp_path)


def test_file_of_another_kind(tmp_path: Path) -> None:
    other = tmp_path / "shop.xlsx"
    other.touch()
    assert "is neither. Put one file per table into a folder" in refused(other)
    database = tmp_path / "shop.duckdb"
    database.write_text("this is not a database, though it is called one" * 100)
    assert "shop.duckdb cannot be read: " in refused(database)


def test_unknown_table_in_memory(store_lines: pd.DataFrame) -> None:
    with pytest.raises(ProfileError, match=r"'order' is no table of a profile"):
        Profiles.from_tables({"order": store_lines})


def test_empty_tables(store_lines: pd.DataFrame) -> None:
    nobody = store_lines.head(0)
    with pytest.raises(ProfileError, match="order_lines: needs rows, but is empty"):
        Profiles.from_tables({"order_lines": nobody})
    profiles = Profiles.from_tables({"order_lines": store_lines, "returns": nobody})
    assert "returns" not in profiles
    assert "returns is empty and counts as absent." in profiles.notes


def test_table_that_is_not_there(store_lines: pd.DataFrame) -> None:
    profiles = Profiles.from_tables({"order_lines": store_lines})
    with pytest.raises(ProfileError, match="The table visits is needed, but memory has only"):
        profiles.table("visits")


def test_unknown_columns_are_kept_with_one_note(store_lines: pd.DataFrame) -> None:
    lines = store_lines.assign(weather="sun", mood=1, cutoff="2025-01-01")
    profiles = Profiles.from_tables({"order_lines": lines})
    columns = profiles.table("order_lines").columns
    assert columns[-2:] == ("weather", "mood")
    assert "cutoff" not in columns
    assert [note for note in profiles.notes if "order_lines" in note] == [
        "order_lines: cutoff is a reserved name and was left out.",
        "order_lines: unknown columns, kept and ignored: weather, mood.",
    ]


def test_absent_tables_are_noted(store_lines: pd.DataFrame) -> None:
    notes = Profiles.from_tables({"order_lines": store_lines}).notes
    assert len(notes) == 1
    assert notes[0].startswith("Absent, so that their features are left out: customers, returns")


def test_undated_customers_count_from_their_first_row(store_lines: pd.DataFrame) -> None:
    attributes = pd.DataFrame(
        {
            "customer_id": ["björn", "anna", "anna", "carl", "nobody"],
            "occurred_at": [None, "2024-06-01", None, None, None],
            "known_at": [None, "2024-06-02", "2025-01-20", None, None],
            "tier": list("abcde"),
            "first": list("abcde"),
        }
    )
    visits = pd.DataFrame(
        {
            "customer_id": ["carl", "björn"],
            "occurred_at": ["2025-01-09", "2025-01-04"],
            "kind": "view",
        }
    )
    profiles = Profiles.from_tables(
        {"order_lines": store_lines, "customers": attributes, "visits": visits}
    )
    table = profiles.table("customers").to_pandas()
    assert table.tier.tolist() == list("abcd")
    assert table.occurred_at.tolist() == [
        pd.Timestamp(day) for day in ("2025-01-04", "2024-06-01", "2025-01-20", "2025-01-09")
    ]
    assert table.known_at.tolist() == [
        pd.Timestamp(day) for day in ("2025-01-04", "2024-06-02", "2025-01-20", "2025-01-09")
    ]
    assert any(note.startswith("customers: 4 rows without occurred_at") for note in profiles.notes)
    assert any(
        note.startswith("customers: 1 rows without occurred_at left out") for note in profiles.notes
    )


def test_customers_without_the_column_of_dates(store_lines: pd.DataFrame) -> None:
    profiles = Profiles.from_tables(
        {"order_lines": store_lines, "customers": customers(tier=["a", "b"])}
    )
    assert profiles.table("customers").occurred_at.to_pandas().tolist() == [
        pd.Timestamp("2025-01-01 10:00"),
        pd.Timestamp("2025-01-05 12:30"),
    ]


def test_labels_are_known_from_their_cutoff(store_lines: pd.DataFrame) -> None:
    labels = pd.DataFrame({"customer_id": ["anna"], "cutoff": ["2025-03-01"], "value": [1]})
    profiles = Profiles.from_tables({"order_lines": store_lines, "labels": labels})
    row = profiles.table("labels").to_pandas().iloc[0]
    assert row.cutoff == row.occurred_at == row.known_at == pd.Timestamp("2025-03-01")


def test_large_tables_stay_where_they_are(
    monkeypatch: pytest.MonkeyPatch, store_folder: Write, store_lines: pd.DataFrame
) -> None:
    folder = store_folder(order_lines=store_lines)
    held = Profiles.open(folder)
    monkeypatch.setattr(store, "MATERIALISE_UP_TO", 2)
    seen = Profiles.open(folder, memory_limit="1GB")
    assert seen.digest() == held.digest()
    assert seen.table("order_lines").schema() == held.table("order_lines").schema()


def test_shows_itself(store_lines: pd.DataFrame) -> None:
    profiles = Profiles.from_tables(
        {"order_lines": store_lines.assign(**{"<b>": 1}), "customers": customers()}
    )
    assert repr(profiles) == (
        "Profiles('memory', 2 customers, 2025-01-01 to 2025-02-01, tables: customers, order_lines)"
    )
    assert "<td>order_lines</td>" in profiles._repr_html_()
    assert "&lt;b&gt;" in profiles._repr_html_()


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_times_with_a_zone_from_frames_and_files(tmp_path: Path, unit: str) -> None:
    noon = pd.Series(pd.to_datetime(["2025-01-01 12:00:00.000000", "2025-07-01 12:00:00.000001"]))
    times = noon.dt.tz_localize("Europe/Berlin").dt.as_unit(unit)
    lines = pd.DataFrame({"customer_id": ["a", "b"], "order_id": ["1", "2"], "net_value": 1.0})
    lines["occurred_at"] = times
    table = pa.Table.from_pandas(lines, preserve_index=False)
    assert table.schema.field("occurred_at").type.unit == unit
    pq.write_table(table, tmp_path / "order_lines.parquet", version="2.6")
    expected = (datetime(2025, 1, 1, 11), datetime(2025, 7, 1, 10, 0, 0, 1))
    assert Profiles.from_tables({"order_lines": lines}).span() == expected
    assert Profiles.open(tmp_path).span() == expected
