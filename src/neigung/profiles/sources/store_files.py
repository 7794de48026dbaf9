"""The files that a profile store is read from, and whether they are still what was read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neigung.errors import ProfileError
from neigung.locations import shown
from neigung.profiles.sources.engines import source_of
from neigung.profiles.sources.names import format_of


@dataclass(frozen=True)
class FileState:
    """A file of a store: the table it is of (None: of all), and what changes with its contents."""

    table: str | None
    size: int
    changed_ns: int
    number: int = field(compare=False)
    """Of the file on its disk: another one when it was replaced rather than overwritten."""


@dataclass(frozen=True)
class StoreFiles:
    """The files of some tables of a store, as they were at one instant.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = (Path(folder.name) / "returns.csv").write_text("customer_id")
    >>> files = StoreFiles.of(folder.name, ["returns"])
    >>> files.check()
    >>> _ = (Path(folder.name) / "returns.csv").write_text("customer_id,order_id")
    >>> try:
    ...     files.check()
    ... except ProfileError as error:
    ...     "returns: returns.csv was written anew" in str(error)
    True
    >>> folder.cleanup()
    """

    location: str
    wanted: tuple[str, ...]
    states: Mapping[Path, FileState]

    @classmethod
    def of(cls, location: Any, wanted: Collection[str]) -> StoreFiles:
        """The files at a location; none for a server, and where there is no store."""
        none = cls(shown(location), tuple(wanted), {})
        try:
            owners = source_of(location).files(location, wanted)
            return replace(none, states=_states(owners))
        except (OSError, ProfileError):  # gone meanwhile, or no store
            return none

    def read_later(self, tables: Collection[str]) -> StoreFiles:
        """Only the files that queries on some of the tables read again after opening.

        Text is copied at opening.
        """
        states = {
            path: state
            for path, state in self.states.items()
            if (tables if state.table is None else state.table in tables)
            and format_of(path) != "text"
        }
        return replace(self, states=states)

    def check(self) -> None:
        """Raise ProfileError unless the same files are there, unchanged."""
        now = StoreFiles.of(self.location, self.wanted)
        self._compare(now.states, {*self.states, *now.states})

    def check_contents(self) -> None:
        """Raise ProfileError unless these files are unchanged; more files may have come."""
        owners = {path: state.table for path, state in self.states.items()}
        self._compare(_states(owners), set(self.states))

    def signature(self) -> str:
        """SHA-256 of names (below the store), sizes and times of change."""
        root = Path(self.location).expanduser()
        rows = [
            [path.relative_to(root).as_posix(), state.size, state.changed_ns]
            for path, state in self.states.items()
        ]
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()

    def _compare(self, now: Mapping[Path, FileState], paths: Collection[Path]) -> None:
        for path in sorted(paths):
            was, is_ = self.states.get(path), now.get(path)
            if was == is_ or _held_open(was, is_):
                continue
            what = "has come" if was is None else "is gone" if is_ is None else "was written anew"
            table = (was or is_ or FileState(None, 0, 0, 0)).table
            raise ProfileError(
                f"{self.location} changed while it was read: {f'{table}: ' if table else ''}"
                f"{path.name} {what}. Nothing was written, as a result must not mix two states of "
                "a store. Run the command again when nobody writes to the store, or on a copy."
            )


def _states(owners: Mapping[Path, str | None]) -> dict[Path, FileState]:
    states = {}
    for path, table in owners.items():
        try:
            found = path.stat()
        except OSError:
            continue
        states[path] = FileState(table, found.st_size, found.st_mtime_ns, found.st_ino)
    return states


def _held_open(was: FileState | None, is_: FileState | None) -> bool:
    """Whether a change does not matter: a DuckDB file stays open, so that the file that was there
    at the start is read to the end, also when another one took its name."""
    if was is None or was.table is not None:
        return False
    return is_ is None or is_.number != was.number
