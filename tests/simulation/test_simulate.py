"""The store that is written: valid, complete, reproducible, all of it or nothing."""

import hashlib
import importlib
from pathlib import Path
from typing import Any

import pytest

from neigung.errors import InputError
from neigung.profiles.contract import TABLES
from neigung.profiles.quality import check
from neigung.profiles.store import Profiles
from neigung.simulation import read_truth, simulate

# The package's name `simulate` is the function.
ROOM = importlib.import_module("neigung.simulation.simulate")


def digest(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_valid_store_with_every_table(shop: Path) -> None:
    profiles = Profiles.open(shop)
    assert profiles.notes == ()
    assert set(profiles.tables) == set(TABLES)
    assert profiles.customers() == 40_000
    report = check(profiles)
    assert report.returns_without_order == 0
    assert all(table.duplicates == 0 for table in report.tables)
    assert all(not table.rows_of_unknown for table in report.tables)
    late = {table.name for table in report.tables if table.lateness}
    assert late == {"customers", "order_lines", "returns"}


def test_nothing_of_the_truth_stands_in_the_tables(shop: Path) -> None:
    own = {
        "customers": {"region", "age_group", "sex", "acquired_through", "uses_app"},
    }
    for name, table in Profiles.open(shop).tables.items():
        contract = {column.name for column in TABLES[name].columns}
        assert set(table.columns) - contract == own.get(name, set())


@pytest.mark.parametrize("customers", [1, 2, 7])
def test_the_smallest_shops_are_valid(tmp_path: Path, customers: int) -> None:
    result = simulate(tmp_path / "shop", customers, 11)
    assert Profiles.open(tmp_path / "shop").customers() == customers
    assert result.rows["customers"] >= customers
    assert len(read_truth(tmp_path / "shop").customers) == customers


def test_same_seed_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ROOM, "CHUNK", 400)
    steps: list[tuple[int, int]] = []
    simulate(tmp_path / "a", 1_500, 1, on_step=lambda done, of: steps.append((done, of)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    monkeypatch.setattr(ROOM, "_WORKERS", 1)
    simulate(tmp_path / "b", 1_500, 1)
    first, second = digest(tmp_path / "a"), digest(tmp_path / "b")
    assert first == second
    simulate(tmp_path / "b", 1_500, 2)
    other = digest(tmp_path / "b")
    assert other.keys() == first.keys()
    assert not set(other.values()) & set(first.values())


def test_chunks_differ_and_ids_are_unique(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ROOM, "CHUNK", 300)
    simulate(tmp_path / "a", 1_000, 1)
    profiles = Profiles.open(tmp_path / "a")
    for table, key in (
        ("contacts", "contact_id"), ("offers", "offer_id"), ("service_cases", "case_id"),
    ):  # fmt: skip
        ids = profiles.table(table)[key].to_pandas()
        assert ids.is_unique
    lines = profiles.table("order_lines").to_pandas()
    assert lines.groupby("order_id").customer_id.nunique().max() == 1
    assert lines.customer_id.nunique() == 1_000
    assert read_truth(tmp_path / "a").customers.orders_per_year.is_unique


def test_days_shift_the_offers(tmp_path: Path) -> None:
    simulate(tmp_path / "a", 500, 1, days=200)
    offers = read_truth(tmp_path / "a").offers
    assert 0 < offers.cutoff.nunique() <= 12
    first, last = Profiles.open(tmp_path / "a").span()
    assert (last - first).days < 200


def test_an_earlier_simulation_is_replaced(tmp_path: Path) -> None:
    simulate(tmp_path / "a", 60, 1)
    result = simulate(tmp_path / "a", 30, 1)
    assert len(read_truth(tmp_path / "a").customers) == 30
    assert result.summary.startswith(f"{tmp_path / 'a'}: ")


def test_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(InputError, match="not overwritten"):
        simulate(tmp_path, 10, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 0}, "number of customers must be from 1 to 99,999,999, found 0"),
        ({"customers": 10**8}, "found 100,000,000"),
        ({"customers": 5, "seed": -1}, "seed must be 0 or more, found -1"),
        ({"customers": 5, "days": 100}, "at least 180 days long"),
    ],
)
def test_numbers_out_of_range(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        simulate(tmp_path / "a", **arguments)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_write_leaves_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    out = tmp_path / "a"
    monkeypatch.setattr(ROOM, "CHUNK", 20)
    simulate(out, 40, 1)
    before = digest(out)
    write = ROOM._write
    written = []

    def breaks(table: Any, path: Path) -> None:
        written.append(path)
        if len(written) > 15:
            raise failure
        write(table, path)

    monkeypatch.setattr(ROOM, "_write", breaks)
    for target in (out, tmp_path / "b"):
        written.clear()
        with pytest.raises(type(failure) if isinstance(failure, OSError) else KeyboardInterrupt):
            simulate(target, 60, 2)
    assert digest(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
