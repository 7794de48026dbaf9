"""A store that others write to while it is read: no result mixes two of its states."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles import store
from neigung.profiles.sources import files as source
from neigung.profiles.store import Profiles
from tests.conftest import Shop

Write = Callable[..., Path]


@pytest.fixture
def nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tables count as too large to be copied into the engine."""
    monkeypatch.setattr(store, "MATERIALISE_UP_TO", 0)


def refusal(profiles: Profiles) -> str:
    with pytest.raises(ProfileError) as error:
        profiles.check_unchanged()
    return str(error.value)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_tables_that_the_engine_holds_do_not_depend_on_their_files(
    store_folder: Write, store_lines: pd.DataFrame, suffix: str
) -> None:
    folder = store_folder(suffix, order_lines=store_lines)
    profiles = Profiles.open(folder)
    store_folder(suffix, order_lines=store_lines.head(2))
    with profiles.reading():
        assert profiles.table("order_lines").count().execute() == 4
    (folder / f"order_lines{suffix}").unlink()
    profiles.check_unchanged()


@pytest.mark.usefixtures("nothing_is_held")
def test_text_is_copied_at_opening_whatever_its_size(
    store_folder: Write, store_lines: pd.DataFrame
) -> None:
    folder = store_folder(".csv", order_lines=store_lines)
    profiles = Profiles.open(folder)
    (folder / "order_lines.csv").unlink()
    with profiles.reading():
        assert profiles.customers() == 2


@pytest.mark.usefixtures("nothing_is_held")
def test_files_that_are_read_again_must_stay(
    store_folder: Write, store_lines: pd.DataFrame
) -> None:
    folder = store_folder(order_lines=store_lines)
    profiles = Profiles.open(folder)
    with profiles.reading():
        assert profiles.customers() == 2
    store_folder(order_lines=store_lines.head(2))
    text = refusal(profiles)
    assert f"{folder} changed while it was read: order_lines: order_lines.parquet was writt" in text
    assert "Nothing was written" in text
    assert "Run the command again" in text
    (folder / "order_lines.parquet").unlink()
    assert "order_lines.parquet is gone" in refusal(profiles)
    with pytest.raises(ProfileError, match="is gone"), profiles.reading():
        profiles.customers()


@pytest.mark.usefixtures("nothing_is_held")
def test_what_has_nothing_to_do_with_the_tables_may_change(
    store_folder: Write, store_lines: pd.DataFrame
) -> None:
    folder = store_folder(order_lines=store_lines)
    profiles = Profiles.open(folder)
    (folder / "notes.txt").write_text("new")
    store_folder(returns=store_lines)
    profiles.check_unchanged()


@pytest.mark.usefixtures("nothing_is_held")
def test_a_file_cut_short_while_it_is_read(store_folder: Write, store_lines: pd.DataFrame) -> None:
    folder = store_folder(order_lines=store_lines)
    profiles = Profiles.open(folder)
    os.truncate(folder / "order_lines.parquet", 100)
    with pytest.raises(ProfileError, match="parquet was written anew"), profiles.reading():
        profiles.customers()


@pytest.mark.usefixtures("nothing_is_held")
def test_errors_of_a_store_that_stayed_are_their_own(
    store_folder: Write, store_lines: pd.DataFrame
) -> None:
    profiles = Profiles.open(store_folder(order_lines=store_lines))
    with pytest.raises(ZeroDivisionError), profiles.reading():
        raise ZeroDivisionError


@pytest.mark.usefixtures("nothing_is_held")
def test_a_duckdb_file_may_be_replaced_but_not_overwritten(
    tmp_path: Path, store_lines: pd.DataFrame
) -> None:
    def write(path: Path, lines: pd.DataFrame) -> None:
        with duckdb.connect(str(path)) as connection:
            connection.register("lines", lines)
            connection.execute("create table order_lines as select * from lines")

    path = tmp_path / "shop.duckdb"
    write(path, store_lines)
    profiles = Profiles.open(path)
    write(tmp_path / "new.duckdb", store_lines.head(2))
    content = path.read_bytes()
    (tmp_path / "new.duckdb").replace(path)
    with profiles.reading():
        assert profiles.table("order_lines").count().execute() == 4
    profiles.connection.disconnect()

    again = Profiles.open(path)
    path.write_bytes(content)
    assert "shop.duckdb was written anew" in refusal(again)


@pytest.mark.parametrize("what", ["rewritten", "removed", "cut", "added"])
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_store_that_changes_while_it_is_opened(
    store_folder: Write,
    store_lines: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    what: str,
) -> None:
    visits = store_lines.assign(kind="view")
    folder = store_folder(suffix, order_lines=store_lines, visits=visits)
    file = folder / f"visits{suffix}"
    read = source._read

    def then_another_changes(connection: Any, table: Any, *given: Any) -> Any:
        found = read(connection, table, *given)
        if table.name == "order_lines":
            if what == "rewritten":
                store_folder(suffix, visits=visits.head(1))
            elif what == "removed":
                file.unlink()
            elif what == "cut":
                os.truncate(file, 10)
            else:
                store_folder(suffix, returns=store_lines.assign(value=1))
        return found

    monkeypatch.setattr(source, "_read", then_another_changes)
    said = {"removed": "is gone", "added": "has come"}.get(what, "was written anew")
    with pytest.raises(ProfileError, match=f"changed while it was read: .*{said}"):
        Profiles.open(folder)


def test_signature(tmp_path: Path, store_folder: Write, store_lines: pd.DataFrame) -> None:
    folder = store_folder(order_lines=store_lines)
    signature = Profiles.open(folder).signature()
    assert Profiles.open(folder).signature() == signature
    moved = folder.rename(tmp_path / "elsewhere")
    assert Profiles.open(moved).signature() == signature
    os.utime(moved / "order_lines.parquet", ns=(1, 1))
    assert Profiles.open(moved).signature() != signature
    memory = Profiles.from_tables({"order_lines": store_lines})
    assert memory.signature() == memory.digest()
    memory.check_unchanged()


@pytest.mark.usefixtures("nothing_is_held")
@pytest.mark.parametrize("command", ["features", "train"])
def test_nothing_is_written_from_two_states(
    quick: Shop, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lines = quick.folder / "profiles" / "order_lines.parquet"
    opened = Profiles.open.__func__  # type: ignore[attr-defined]

    def and_then_it_changes(cls: type[Profiles], *given: Any, **more: Any) -> Profiles:
        profiles: Profiles = opened(cls, *given, **more)
        pd.read_parquet(lines).iloc[::2].to_parquet(lines, index=False)
        return profiles

    monkeypatch.setattr(Profiles, "open", classmethod(and_then_it_changes))
    out = ["--out", "features.parquet"] if command == "features" else []
    ended = quick.run(command, "study.yaml", *out)
    assert ended.code == 2
    assert "order_lines.parquet was written anew. Nothing was written" in ended.message
    assert not any(name.endswith(".parquet") for name in quick.files())
    monkeypatch.undo()
