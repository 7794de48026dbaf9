"""Files that lie about in stores: each is read, passed over and told, or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.consent import standing
from neigung.profiles.quality_report import Finding
from neigung.profiles.store import Profiles
from neigung.study import LegalBasis

Write = Callable[..., Path]

BASIS = LegalBasis(legitimate_interest="profiling")
NOW = datetime(2025, 6, 1)
OBJECTION = pd.DataFrame(
    {
        "customer_id": ["anna"],
        "purpose": ["profiling"],
        "granted": [False],
        "occurred_at": ["2025-01-10"],
    }
)


@pytest.fixture
def store(store_folder: Write, store_lines: pd.DataFrame) -> Path:
    """A store whose order lines are a folder of one file."""
    folder: Path = store_folder()
    (folder / "order_lines").mkdir()
    store_lines.to_parquet(folder / "order_lines" / "part-0.parquet", index=False)
    return folder


def refusal(location: object, **given: object) -> str:
    with pytest.raises(ProfileError) as error:
        Profiles.open(location, **given)  # type: ignore[arg-type]
    return str(error.value)


def rows(folder: Path) -> int:
    return int(Profiles.open(folder).table("order_lines").count().execute())


@pytest.mark.parametrize(
    "name",
    [
        "_temporary/0/task_1/part-0.parquet",
        ".ipynb_checkpoints/part-0-checkpoint.parquet",
        "_delta_log/part-0.parquet",
        "2025/.part-0.parquet",
        "._part-0.parquet",
        "part-0.parquet.tmp",
        "part-0.parquet~",
        ".part-0.parquet.swp",
        "__MACOSX/part-0.parquet",
        "part-0 (1).parquet",
        "part-0 - Copy.parquet",
        "part-0 (Anna's conflicted copy 2025-01-01).parquet",
    ],
)
def test_dead_files_are_passed_over(store: Path, name: str) -> None:
    dead = store / "order_lines" / name
    dead.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(store / "order_lines" / "part-0.parquet", dead)
    assert rows(store) == 4
    told = [one.severity for one in Profiles.open(store).said if "passed over" in one.text]
    assert told == ([] if name.startswith(("._", "__MACOSX")) else ["mended"])


@pytest.mark.parametrize("name", ["_SUCCESS", ".part-0.parquet.crc", "Thumbs.db", ".DS_Store"])
def test_marks_of_systems_are_not_worth_a_word(store: Path, name: str) -> None:
    (store / "order_lines" / name).write_bytes(b"x")
    (store / name).write_bytes(b"x")
    profiles = Profiles.open(store)
    assert not [one for one in profiles.said if name in one.text]


@pytest.mark.parametrize(
    ("log", "what"),
    [
        ("_delta_log/00000000000000000001.json", "a Delta table"),
        (".hoodie/hoodie.properties", "a Hudi table"),
        ("metadata/v1.metadata.json", "an Iceberg table"),
        ("_spark_metadata/0", "the output of a stream of Spark"),
    ],
)
def test_folders_with_a_log_are_refused(store: Path, log: str, what: str) -> None:
    path = store / "order_lines" / log
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    text = refusal(store)
    assert f"order_lines is {what}: only its log" in text
    assert "Export the current version" in text


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("b.json", "b.json in "),
        ("b", "b in "),
        ("sub/b.orc", "sub/b.orc in "),
        ("b.csv", "has both"),
        ("b.parquet", "is empty (0 bytes)"),
        ("part-0 (1).parquet", "looks like a copy of part-0.parquet, but is another"),
    ],
)
def test_files_of_a_table_that_are_not_read(store: Path, name: str, part: str) -> None:
    path = store / "order_lines" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"" if name == "b.parquet" else b"x")
    assert part in refusal(store)


def test_empty_parts_of_text_are_passed_over(
    store_folder: Write, store_lines: pd.DataFrame
) -> None:
    folder = store_folder()
    (folder / "order_lines").mkdir()
    store_lines.to_csv(folder / "order_lines" / "part-0.csv", index=False)
    (folder / "order_lines" / "part-1.csv").touch()
    assert rows(folder) == 4


def test_papers_may_lie_beside(store: Path) -> None:
    for name in ("README.md", "order_lines.sql", "order_lines/schema.yaml"):
        (store / name).write_text("made by the shop")
    assert rows(store) == 4


@pytest.mark.parametrize(
    "ending",
    [".csv", ".CSV", ".tsv", ".txt", ".csv.gz", ".csv.bz2", ".csv.zst", ".pq", ".PARQUET", ".parq"],
)
def test_objections_are_read_whatever_the_ending(store: Path, ending: str) -> None:
    write(OBJECTION, store / f"consents{ending}")
    found = standing(store, BASIS, NOW)
    assert (found.covers("anna"), found.covers("björn")) == (False, True)


def write(frame: pd.DataFrame, path: Path) -> None:
    """A frame in the format that a name says."""
    if path.suffix.lower() in (".pq", ".parquet", ".parq"):
        frame.to_parquet(path, index=False)
        return
    packing = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}.get(path.suffix)
    delimiter = "\t" if ".tsv" in path.name else ","
    if packing == "zstd":
        duckdb.from_df(frame).write_csv(str(path), compression="zstd", header=True)
    else:
        frame.to_csv(path, index=False, sep=delimiter, compression=packing)


@pytest.mark.parametrize(
    "name",
    [
        "consents.json", "consents.jsonl", "consents.csv.zip", "consents.xlsx", "consents.feather",
        "consents.orc", "consents", "Consents.csv", "consent.csv", "CONSENTS.PARQUET",
        "consents (1).csv", "consents - Copy.csv", "consents.csv.tmp", ".consents.csv",
        "_consents.csv", "consents_2025.csv", "crm-consents.csv", "export/consents.csv",
        "export/2025/consents.json", "Consents/part-0.csv",
    ],
)  # fmt: skip
def test_objections_that_are_not_read_are_refused(store: Path, name: str) -> None:
    path = store / name
    path.parent.mkdir(parents=True, exist_ok=True)
    OBJECTION.to_csv(path, index=False)
    assert "consents" in refusal(store)
    assert path.parts[-1] in refusal(store) or "Consents" in refusal(store)
    assert "consents" in refusal(store, only=("consents",))
    problems: list[Finding] = []
    assert Profiles.open(store, problems=problems).customers() == 2
    assert [(one.severity, one.table) for one in problems] == [("refused", "consents")]


def test_what_was_asked_for_alone_is_looked_at(store: Path) -> None:
    (store / "visits.json").write_text("{}")
    write(OBJECTION, store / "consents.csv")
    assert list(Profiles.open(store, only=("consents",)).tables) == ["consents"]
    assert "visits: visits.json is not read" in refusal(store)


def test_copies_of_a_table(store_folder: Write, store_lines: pd.DataFrame) -> None:
    folder = store_folder(order_lines=store_lines)
    copy = folder / "order_lines (1).parquet"
    shutil.copy(folder / "order_lines.parquet", copy)
    assert "order_lines (1).parquet equals order_lines.parquet" in str(Profiles.open(folder).notes)
    store_lines.head(2).to_parquet(copy, index=False)
    assert "looks like a copy of order_lines.parquet, but is another" in refusal(folder)


def test_tables_in_folders_below_are_told(store: Path, store_lines: pd.DataFrame) -> None:
    (store / "old").mkdir()
    store_lines.to_parquet(store / "old" / "order_lines.parquet")
    [told] = [one for one in Profiles.open(store).said if "old/" in one.text]
    assert (told.severity, told.table) == ("warn", "order_lines")


def test_links(tmp_path: Path, store: Path, store_lines: pd.DataFrame) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store_lines.to_parquet(elsewhere / "part-1.parquet", index=False)
    (store / "order_lines" / "more").symlink_to(elsewhere)
    assert rows(store) == 8
    (store / "order_lines" / "again").symlink_to(elsewhere)
    (store / "order_lines" / "loop").symlink_to(store)
    assert rows(store) == 8
    write(OBJECTION, elsewhere / "objections.csv")
    (elsewhere / "part-1.parquet").unlink()
    (store / "order_lines" / "more").unlink()
    (store / "order_lines" / "again").unlink()
    (store / "consents").symlink_to(elsewhere)
    found = standing(store, BASIS, NOW)
    assert not found.covers("anna")
    (elsewhere / "objections.csv").unlink()
    elsewhere.rmdir()
    for text in (refusal(store), refusal(store, only=("consents",))):
        assert "consents" in text


def test_a_link_to_nothing_inside_a_table(store: Path) -> None:
    (store / "order_lines" / "part-1.parquet").symlink_to(store / "gone")
    assert "part-1.parquet is a link to nothing" in refusal(store)


def test_tables_of_a_database_in_other_letters(tmp_path: Path, store_lines: pd.DataFrame) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table order_lines as select * from store_lines")
        connection.execute("create table contact as select 1 as pieces")
        connection.execute('create table "Consents" as select * from OBJECTION')
    assert "consents: the table Consents is not read" in refusal(path)


def test_all_faults_of_files_at_once(store: Path) -> None:
    OBJECTION.to_csv(store / "Consents.csv", index=False)
    (store / "visits.xlsx").write_bytes(b"x")
    (store / "returns.csv").touch()
    problems: list[Finding] = []
    Profiles.open(store, problems=problems)
    assert {one.table for one in problems} == {"consents", "visits", "returns"}
    assert len(refusal(store).splitlines()) == 3
