"""A store is written as a whole or not at all, and never over something else."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from neigung import files
from neigung.errors import InputError
from neigung.profiles.writer import write_store

LINES = {"order_lines": pd.DataFrame({"customer_id": ["a"]})}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_new_folder_and_again(tmp_path: Path) -> None:
    result = write_store(tmp_path / "deep" / "shop", LINES, "test", {"odd lines": 3})
    assert result.to_dict() == {
        "path": str(tmp_path / "deep" / "shop"),
        "rows": {"order_lines": 1},
        "set_aside": {"odd lines": 3},
    }
    before = contents(tmp_path)
    write_store(tmp_path / "deep" / "shop", LINES, "test", {"odd lines": 3})
    assert contents(tmp_path) == before
    assert set(before) == {"deep/shop/order_lines.parquet", "deep/shop/profiles.json"}


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_store(tmp_path / "empty", LINES, "test", {})
    with pytest.raises(InputError, match="holds a store made by test, which is not overwritten"):
        write_store(tmp_path / "empty", LINES, "other", {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="but holds something else, which is not overwritten"):
        write_store(tmp_path / "mine", LINES, "test", {})
    with pytest.raises(InputError, match="is a file"):
        write_store(tmp_path / "mine" / "thesis.txt", LINES, "test", {})
    with pytest.raises(InputError, match="cannot be written"):
        write_store(tmp_path / "mine" / "thesis.txt" / "shop", LINES, "test", {})
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("broken", ["write", "replace"])
def test_failure_keeps_the_earlier_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    shop = tmp_path / "shop"
    write_store(shop, LINES, "test", {})
    before = contents(tmp_path)
    if broken == "write":

        def fail(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(pq, "write_table", fail)
    else:
        replace = files.os.replace

        def fail_second(source: Path, target: Path) -> None:
            if source.name == "new":
                raise KeyboardInterrupt
            replace(source, target)

        monkeypatch.setattr(files.os, "replace", fail_second)
    with pytest.raises(KeyboardInterrupt):
        write_store(shop, {"order_lines": pd.DataFrame({"customer_id": ["b"]})}, "test", {})
    assert contents(tmp_path) == before
