from __future__ import annotations

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
