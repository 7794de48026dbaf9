"""The secret of the decision log: from the environment, or from a file that may be made."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neigung.errors import InputError
from neigung.serving.secret import load_secret

NAME = "NEIGUNG_TEST_SECRET"
LONG = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("f" * 32)
    assert load_secret(NAME, file) == b"f" * 32
    monkeypatch.setenv(NAME, "  ")
    assert load_secret(NAME, str(file)) == b"f" * 32
    monkeypatch.setenv(NAME, f"{LONG}\n")
    assert load_secret(NAME, file) == LONG.encode()
    assert load_secret(NAME) == LONG.encode()


def test_a_file_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "key"
    made = load_secret(NAME, file, create=True)
    assert len(made) == 64
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_secret(NAME, file, create=True) == made
    assert [one.name for one in file.parent.iterdir()] == ["key"]
    assert load_secret(NAME, tmp_path / "other", create=True) != made


def test_all_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    for number in range(20):
        file = tmp_path / str(number)
        with ThreadPoolExecutor(8) as threads:
            jobs = [threads.submit(load_secret, NAME, file, create=True) for _ in range(8)]
        assert len({job.result() for job in jobs}) == 1


def test_a_missing_secret_says_where_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"in the environment variable {NAME}, found none"):
        load_secret(NAME)
    with pytest.raises(InputError, match=f"needed in .*key or .* {NAME}, found neither"):
        load_secret(NAME, tmp_path / "key")
    assert not (tmp_path / "key").exists()


def test_a_short_secret_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("hunter2" + " " * 40 + "\n")
    with pytest.raises(
        InputError, match=r"at least 32 bytes is needed in .*key, found 7"
    ) as caught:
        load_secret(NAME, file, create=True)
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv(NAME, "x" * 31)
    with pytest.raises(InputError, match=f"variable {NAME}, found 31"):
        load_secret(NAME, file)


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read or made: Is a directory"):
        load_secret(NAME, tmp_path, create=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be read or made"):
        load_secret(NAME, tmp_path / "file" / "key", create=True)
    assert os.listdir(tmp_path) == ["file"]
