"""Columns in the names of folders, below a table and above the store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.store import Profiles

LINES = pd.DataFrame(
    {
        "customer_id": ["1"] * 4,
        "order_id": list("abcd"),
        "occurred_at": pd.date_range("2024-01-01", periods=4),
        "net_value": 10.0,
        "channel": ["web", "web", "app", "app"],
    }
)


def column(folder: Path, name: str, table: str = "order_lines", key: str = "order_id") -> dict:  # type: ignore[type-arg]
    rows = Profiles.open(folder).table(table).select(key, name).to_pyarrow().to_pylist()
    return {row[key]: row[name] for row in rows}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("name", ["category", "product_id", "customer_id", "shop"])
def test_values_come_back_as_they_were(tmp_path: Path, name: str, suffix: str) -> None:
    values = ["Käse", "a/b", None if name != "customer_id" else "x=1", "007"]
    frame = LINES.assign(**{name: values})
    for value, rows in frame.groupby(name, dropna=False):
        # Spark and Hive escape what a folder's name must not hold.
        shown = "__HIVE_DEFAULT_PARTITION__" if pd.isna(value) else value.replace("/", "%2F")
        place = tmp_path / "order_lines" / f"{name}={shown}"
        place.mkdir(parents=True)
        write(rows.drop(columns=name), place / f"p{suffix}")
    assert column(tmp_path, name) == dict(zip("abcd", values, strict=True))


def test_numbers_stay_codes_and_become_numbers_where_all_are(tmp_path: Path) -> None:
    for shop, year in (("007", "2024"), ("010", "2025")):
        place = tmp_path / "order_lines" / f"shop={shop}" / f"year={year}"
        place.mkdir(parents=True)
        write(LINES.assign(order_id=shop), place / "p.parquet")
    assert column(tmp_path, "shop") == {"007": "007", "010": "010"}
    assert column(tmp_path, "year") == {"007": 2024.0, "010": 2025.0}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_folders_above_the_store_say_nothing(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "channel=export" / "age=3"
    folder.mkdir(parents=True)
    write(LINES, folder / f"order_lines{suffix}")
    assert column(folder, "channel") == dict(zip("abcd", LINES["channel"], strict=True))
    assert "age" not in Profiles.open(folder).table("order_lines").columns


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_column_in_files_and_folders(tmp_path: Path, suffix: str) -> None:
    for channel, rows in LINES.groupby("channel"):
        place = tmp_path / "order_lines" / f"channel={channel}"
        place.mkdir(parents=True)
        write(rows, place / f"p{suffix}")
    assert column(tmp_path, "channel") == dict(zip("abcd", LINES["channel"], strict=True))
    (tmp_path / "order_lines" / "channel=app").rename(tmp_path / "order_lines" / "channel=store")
    with pytest.raises(ProfileError, match="2 rows differ, such as 'app' in channel=store"):
        Profiles.open(tmp_path)


def test_folders_that_name_other_columns(tmp_path: Path) -> None:
    for place in ("channel=web", "category=tea"):
        (tmp_path / "order_lines" / place).mkdir(parents=True)
        write(LINES, tmp_path / "order_lines" / place / "p.parquet")
    with pytest.raises(ProfileError, match="must all name the same columns"):
        Profiles.open(tmp_path)


def write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
