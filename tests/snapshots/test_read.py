"""Snapshots as the service reads them: found by id, whole, shared, and steady while replaced."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neigung.errors import InputError
from neigung.features.feature import Column
from neigung.snapshots.read import CONTENT, Contents, Explained, Snapshot, digest_of
from neigung.snapshots.write import Explanation, write

IDS = sorted(["a", "Z", "zz", "é", "Ä", "ÄÄ", "10", "9", "😀", "\uffff", " ", "k\x00", "k"])
COLUMNS = tuple(
    Column(name, name, None, "count", "orders", kind, name, name)
    for name, kind in (("orders", "number"), ("tier", "category"), ("share", "number"))
)


def contents(**changes: Any) -> Contents:
    whole = Contents(
        study={"name": "buy", "features": "all"},
        cutoff=dt.datetime(2025, 5, 1, 12),
        columns=COLUMNS,
        tables={"order_lines": {"net_value": "decimal(18, 4)"}},
        notes=("1 feature left out: no table visits (visit_count)",),
    )
    return dataclasses.replace(whole, **changes)


def tables(seed: float = 0.0) -> dict[str, pa.Table]:
    count = len(IDS)
    orders = np.arange(count) + seed
    orders[:3] = [np.nan, -0.0, 5e-324]
    tiers = [None if row % 4 == 1 else f"tier {row} ä" for row in range(count)]
    return {
        "features": pa.table(
            {"customer_id": IDS, "orders": orders, "tier": tiers, "share": 1 / (1 + orders)}
        ),
        "others": pa.table(
            {"customer_id": ["b", "c"], "code": ["no_consent", "not_in_population"]}
        ),
        "shared/products": pa.table({"product_id": ["p", "q"], "price": [1.5, None]}),
    }


def fill(matrix: np.ndarray) -> None:
    matrix[:] = np.arange(matrix.size).reshape(matrix.shape)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    explained = contents(explained=Explained(3, "abc"))
    write(tmp_path / "snap", explained, tables(), Explanation(("share", "orders"), fill))
    return tmp_path / "snap"


@pytest.fixture
def snapshot(folder: Path) -> Snapshot:
    return Snapshot.open(folder)


def test_what_was_written_is_read(snapshot: Snapshot) -> None:
    expected = contents(explained=Explained(3, "abc"))
    for one in dataclasses.fields(Contents):
        assert getattr(snapshot, one.name) == getattr(expected, one.name)
    assert len(snapshot) == len(IDS)
    assert len(snapshot.digest) == 64
    assert "buy at 2025-05-01 12:00, 13 customers" in repr(snapshot)
    assert snapshot.shared()["products"].equals(tables()["shared/products"])


def test_every_customer_is_found_and_nobody_else(snapshot: Snapshot) -> None:
    assert [snapshot.find(one) for one in IDS] == list(range(len(IDS)))
    for stranger in ("", "b", "z", "zzz", "K", "e", "\ud83d", "\udfff", "k\x00\x00", "x" * 10_000):
        assert snapshot.find(stranger) is None
        assert snapshot.refused(stranger) == ("no_consent" if stranger == "b" else None)
    assert snapshot.refused("c") == "not_in_population"
    assert snapshot.refused("a") is None


def test_values_are_those_written_to_the_bit(snapshot: Snapshot) -> None:
    rows = [5, 0, 1, 2, 2, 12]
    found = snapshot.values(rows, ["share", "tier", "orders"])
    assert list(found) == ["share", "tier", "orders"]
    written = tables()["features"]
    for name in ("orders", "share"):
        assert found[name].dtype == np.float64
        assert found[name].tobytes() == written[name].to_numpy()[rows].tobytes()
    assert found["tier"].dtype == object
    assert found["tier"].tolist() == [written["tier"][row].as_py() for row in rows]
    assert snapshot.values([], ["orders", "tier"])["tier"].shape == (0,)


def test_a_column_that_is_not_there_is_named(snapshot: Snapshot) -> None:
    with pytest.raises(InputError, match=r"study buy at 2025-05-01 needs the columns visits"):
        snapshot.values([0], ["orders", "visits"])


def test_contributions_keep_their_order_and_the_base_comes_last(snapshot: Snapshot) -> None:
    expected = np.arange(3.0 * len(IDS)).reshape(len(IDS), 3)
    found = snapshot.contributions([4, 0, 12])
    assert found is not None
    assert found.tolist() == expected[[4, 0, 12]].tolist()
    assert snapshot.arms([0]) is None


def test_without_a_version_nothing_is_explained(tmp_path: Path) -> None:
    snapshot = write(tmp_path / "snap", contents(), tables())
    assert snapshot.explained is None
    assert snapshot.contributions([0]) is None
    assert snapshot.arms([0]) is None


def test_arms_are_kept_beside_the_contributions_to_their_uplift(tmp_path: Path) -> None:
    arms = np.array([f"{row % 3}%" for row in range(len(IDS))], dtype=object)

    def fill_and_tell(matrix: np.ndarray) -> np.ndarray:
        fill(matrix)
        return arms

    snapshot = write(
        tmp_path / "snap",
        contents(explained=Explained(1, "x")),
        tables(),
        Explanation(("orders", "share"), fill_and_tell),
    )
    assert snapshot.arms([3, 1, 1]) == ["0%", "1%", "1%"]
    found = snapshot.contributions([1])
    assert found is not None
    assert found.tolist() == [[3.0, 4.0, 5.0]]


def test_nobody_else_may_be_known(tmp_path: Path) -> None:
    without = tables()
    without["others"] = without["others"].slice(0, 0)
    snapshot = write(tmp_path / "snap", contents(), without)
    assert snapshot.refused("b") is None


def test_equal_contents_have_equal_digests(tmp_path: Path) -> None:
    first = write(tmp_path / "one", contents(), tables())
    assert write(tmp_path / "two", contents(), tables()).digest == first.digest
    assert write(tmp_path / "two", contents(), tables(1.0)).digest != first.digest
    later = contents(cutoff=dt.datetime(2025, 5, 2))
    assert write(tmp_path / "two", later, tables()).digest != first.digest


def test_a_replaced_snapshot_goes_on_working(folder: Path, snapshot: Snapshot) -> None:
    before = {name: column.copy() for name, column in snapshot.values([5], ["orders"]).items()}
    new = write(folder, contents(), tables(7.0))
    assert snapshot.values([5], ["orders"]) == before
    assert new.values([5], ["orders"])["orders"].tolist() == [12.0]
    shutil.rmtree(folder)
    assert snapshot.find("a") is not None
    assert snapshot.contributions([12]) is not None
    assert new.shared()["products"].num_rows == 2


def test_only_one_folder_is_left_and_a_link_is_followed(folder: Path) -> None:
    link = folder.with_name("current")
    link.symlink_to(folder, target_is_directory=True)
    write(link, contents(), tables(2.0))
    assert link.is_symlink()
    assert Snapshot.open(folder).values([5], ["orders"])["orders"].tolist() == [7.0]
    assert {entry.name for entry in folder.parent.iterdir()} == {"snap", "current"}
    assert {entry.name for entry in folder.iterdir()} == {
        *("features.arrow", "others.arrow", "shared", CONTENT)
    }


def test_opening_while_it_is_swapped_gives_the_old_or_the_new(tmp_path: Path) -> None:
    """Never a mixture: the first number of each snapshot tells which tables it must have."""
    place, done = tmp_path / "snap", threading.Event()
    write(place, contents(notes=("0",)), tables(0.0))

    def swap() -> None:
        for number in range(1, 60):
            write(place, contents(notes=(f"{number}",)), tables(float(number)))
        done.set()

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen = set()
    try:
        while not done.is_set():
            found = Snapshot.open(place, verify=False)
            [note] = found.notes
            assert found.values([5], ["orders"])["orders"].tolist() == [5.0 + float(note)]
            seen.add(note)
    finally:
        swapping.join()
    assert len(seen) > 2


def test_a_failure_leaves_the_old_one(folder: Path) -> None:
    before = Snapshot.open(folder).digest

    def fail(matrix: np.ndarray) -> None:
        raise RuntimeError("no memory")

    explained = contents(explained=Explained(4, "d"))
    with pytest.raises(RuntimeError, match="no memory"):
        write(folder, explained, tables(), Explanation(("orders",), fail))
    assert Snapshot.open(folder).digest == before
    assert [entry.name for entry in folder.parent.iterdir()] == ["snap"]


@pytest.mark.parametrize("taken", ["folder", "file"])
def test_something_else_is_not_overwritten(tmp_path: Path, taken: str) -> None:
    place = tmp_path / "profiles"
    mine = place
    if taken == "folder":
        place.mkdir()
        mine = place / "order_lines.parquet"
    mine.write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        write(place, contents(), tables())
    assert mine.read_text() == "precious"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "snap").mkdir()
    assert len(write(tmp_path / "snap", contents(), tables())) == len(IDS)


def test_what_is_shared_has_a_plain_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"letters and digits, found '../../etc/x'"):
        write(tmp_path / "snap", contents(), tables() | {"shared/../../etc/x": pa.table({})})
    assert not (tmp_path / "snap").exists()


def damaged(folder: Path) -> Iterator[tuple[str, bool]]:
    """Ways to damage a snapshot, and whether only the digests tell."""
    for name in ("features.arrow", "others.arrow", "contributions.arrow", "shared/products.arrow"):
        place = folder / name
        whole = place.read_bytes()
        place.unlink()
        yield f"{name} gone", False
        place.write_bytes(whole[:-8])
        yield f"{name} cut", False
        middle = len(whole) // 2
        place.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        yield f"{name} changed", True
        place.write_bytes(whole)
    place = folder / CONTENT
    text = place.read_text()
    for other in ("", "{", "[]", "null", "{}", text[:-5], text.replace("abc", "abd"), "\x00"):
        place.write_text(other)
        yield f"{CONTENT}: {other[:10]}", False
    for change in ({"files": {}}, {"files": 3}, {"columns": [{}]}, {"cutoff": "soon"}):
        content = json.loads(text) | change
        place.write_text(json.dumps(content | {"digest": digest_of(content)}))
        yield f"{CONTENT}: {change}", False
    sneaky = json.loads(text)
    sneaky["files"]["shared/../../x.arrow"] = sneaky["files"]["others.arrow"]
    shutil.copy(folder / "others.arrow", folder.parent / "x.arrow")
    place.write_text(json.dumps(sneaky | {"digest": digest_of(sneaky)}))
    yield f"{CONTENT} names a file elsewhere", False
    place.write_text(text)


def test_damage_is_told(folder: Path) -> None:
    before = Snapshot.open(folder)
    for what, quiet in damaged(folder):
        with pytest.raises(InputError, match=r"missing or was changed\. Write the snapshot again"):
            pytest.fail(f"{what}: {Snapshot.open(folder)}")
        if not quiet:
            with pytest.raises(InputError, match="Write the snapshot again"):
                pytest.fail(f"{what}: {Snapshot.open(folder, verify=False)}")
    assert Snapshot.open(folder).digest == before.digest


def test_another_format_is_refused(folder: Path) -> None:
    content = json.loads((folder / CONTENT).read_text()) | {"format_version": 2}
    (folder / CONTENT).write_text(json.dumps(content | {"digest": digest_of(content)}))
    with pytest.raises(InputError, match=r"needs format version 1, but has 2\. Write it again"):
        Snapshot.open(folder)


@pytest.mark.parametrize("there", ["nothing", "file", "folder"])
def test_no_snapshot(tmp_path: Path, there: str) -> None:
    place = tmp_path / "snap"
    if there == "file":
        place.write_text("")
    elif there == "folder":
        place.mkdir()
    with pytest.raises(InputError, match=r"needed at .*snap, .*`neigung features STUDY --snapshot"):
        Snapshot.open(place)
