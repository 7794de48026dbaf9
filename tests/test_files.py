from __future__ import annotations

import os
from pathlib import Path

import pytest

from neigung.errors import InputError
from neigung.files import replacing, write_text


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "Käufer.txt"
    write_text(place, "grün\n")
    assert place.read_text(encoding="utf-8") == "grün\n"
    assert place.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_fails_half_way_leaves_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    place = tmp_path / "scores"
    write_text(place, "old")

    def fail() -> None:
        with replacing(place) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        fail()
    assert place.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="A file is needed"):
        write_text(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "file" / "below", "x")


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    # Stands for a device such as /dev/null, which an ordinary file must not take the place of.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(InputError, match="An ordinary file is needed to write to"):
            write_text(tmp_path / name, "x")
    assert (tmp_path / "pipe").is_fifo()
    assert {entry.name for entry in tmp_path.iterdir()} == {"pipe", "link"}


def test_a_link_keeps_pointing_at_the_file_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "scores").write_text("old")
    link = tmp_path / "scores"
    link.symlink_to("real/scores")
    write_text(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "scores").read_text() == "new"
