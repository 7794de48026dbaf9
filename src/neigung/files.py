"""Writes files and folders whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neigung.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well.

    A link is followed. Raises InputError when the folder cannot be written, or when a folder or a
    device such as /dev/null, which a file must not take the place of, is there already.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    refuse_place(path)
    given, path = path, Path(os.path.realpath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(given, error.strerror or str(error)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def refuse_place(path: Path) -> None:
    """Raise InputError where no file can be written, before hours of work for it; writes nothing.

    >>> refuse_place(Path("."))
    Traceback (most recent call last):
        ...
    neigung.errors.InputError: A file is needed to write to, found the folder .. Name a file.
    """
    if path.is_dir():
        raise InputError(f"A file is needed to write to, found the folder {path}. Name a file.")
    if path.exists() and not path.is_file():
        raise InputError(
            f"An ordinary file is needed to write to, found the device or pipe {path}. Name a file."
        )
    around = Path(os.path.realpath(path)).parent
    while not around.exists():
        around = around.parent
    if not around.is_dir():
        raise _unwritable(path, f"{around} is no folder")
    if not os.access(around, os.W_OK | os.X_OK):
        raise _unwritable(path, f"nothing may be written in the folder {around}")


def _unwritable(path: Path, why: str) -> InputError:
    return InputError(f"{path} cannot be written: {why}. Name a file in a folder that can.")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` that takes its place when the block ends well.

    What lay at `path` stays as it was when anything fails. Raises InputError when the folder
    around it cannot be written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing_folder(folder / "store") as temporary:
    ...     _ = (temporary / "a.txt").write_text("whole")
    >>> (folder / "store" / "a.txt").read_text()
    'whole'
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(
            f"The folder {path} cannot be written: {error.strerror}. Name another folder."
        ) from error
    fresh, old = work / "new", work / "old"
    try:
        fresh.mkdir()
        yield fresh
        try:
            if path.exists():
                os.replace(path, old)
            os.replace(fresh, path)
        except BaseException:
            if old.exists() and not path.exists():
                os.replace(old, path)
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
