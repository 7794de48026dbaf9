"""A folder beside a file in which the file's parts grow: what was finished outlives a kill."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from neigung.errors import InputError, NeigungError
from neigung.files import refuse_place, write_text

_MANIFEST = "manifest.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass
class WorkFolder:
    """Where the parts of the file `out` grow, of this process alone; see `working_beside`.

    Attributes:
        out: The file that is written.
        path: The folder.
        expected: Bytes that the folder is going to need in all, as far as is known.
    """

    out: Path
    path: Path
    expected: int = 0

    def begin(self, decided: Mapping[str, str]) -> list[str]:
        """Keep what is here if it was begun under the same conditions, else clear the folder.

        `decided` names all that decides the result. Returns the names of those that have changed
        since what was here was begun.
        """
        place = self.path / _MANIFEST
        try:
            before = dict(json.loads(place.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError):
            before = {}
        changed = [name for name in {**before, **decided} if before.get(name) != decided.get(name)]
        for entry in self.path.iterdir():
            if changed or entry.name.startswith("."):  # or what a killed process left half-written
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if changed:
            write_text(place, json.dumps(decided, indent=1, sort_keys=True))
        return changed if before else []

    def finish(self, whole: Path) -> None:
        """Put the finished file of this folder in its place."""
        os.replace(whole, os.path.realpath(self.out))


@contextmanager
def working_beside(out: Path) -> Iterator[WorkFolder]:
    """A folder for the parts of `out`, removed when the block ends well and kept when it does not.

    Raises InputError when `out` cannot be written or another process works on it; NeigungError when
    the disk is full.

    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "scores.parquet"
    >>> with working_beside(out) as work:
    ...     work.begin({"version": "1"})
    ...     write_text(work.path / "whole", "scores")
    ...     work.finish(work.path / "whole")
    []
    >>> [place.name for place in out.parent.iterdir()]
    ['scores.parquet']
    """
    refuse_place(out)
    real = Path(os.path.realpath(out))
    folder = real.parent / f".{real.name}.parts"
    with _locked(folder, out):
        work = WorkFolder(out, folder)
        try:
            yield work
        except BaseException as error:
            if not any(
                place.name[0] != "." and place.name != _MANIFEST for place in folder.iterdir()
            ):
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in _FULL:
                raise NeigungError(_full(work)) from error
            raise
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, out: Path) -> Iterator[None]:
    """One process at a time; the lock ends with the process that holds it, however that ends."""
    import fcntl

    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise InputError(
                f"{out} cannot be written: its parts need the folder {folder}: {error.strerror}. "
                "Name a file in a folder that can be written."
            ) from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{out} is being written by another process. Wait for its end, or name "
                    "another file."
                ) from None
            except OSError:
                pass  # A file system without locks.
            if not _is_still(folder, handle):
                continue  # Its last owner finished and removed it meanwhile.
            yield
            return
        finally:
            os.close(handle)


def _is_still(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(handle))
    except FileNotFoundError:
        return False


def _full(work: WorkFolder) -> str:
    used = sum(place.stat().st_size for place in work.path.rglob("*") if place.is_file())
    free = shutil.disk_usage(work.path.parent).free
    return (
        f"{work.out} needs about {_size(max(work.expected, used))} for itself and its parts in "
        f"{work.path}, found no room: {_size(used)} are written, {_size(free)} free. Make room "
        "and run the same command again, it goes on with what is finished; or name a file on "
        "another disk."
    )


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 1e7 else f"{count / 1e3:,.0f} kB"
