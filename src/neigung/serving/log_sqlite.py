"""A decision log in one SQLite file, shared by several processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from neigung.errors import InputError
from neigung.language import Message
from neigung.serving.log_tables import ENTRIES, GONE, LogUnavailable

MARGIN = 256
"""Erased rows that stay between those that are given back and the living. SQLite joins a page
with its neighbours when rows are deleted, and leaves copies of the rows it moves: within a margin
of some pages, these are of erased rows only."""

_BEGIN = "BEGIN IMMEDIATE"
_PAUSE = 0.00025


class Sqlite:
    """A SQLite file in WAL mode; a commit is on disk when it returns (synchronous=FULL).

    The file is readable by its owner only. It must be on a disk of this machine: WAL mode works on
    no network drive.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self.path = path
        self.name = str(path)
        self._patience = patience
        self.engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=sa.pool.NullPool, hide_parameters=True
        )

    def prepare(self, create: bool) -> None:
        """An empty file where there is none, readable by its owner only."""
        if not create and not self.path.exists():
            raise InputError(
                Message(
                    "A decision log is needed in {path}, but there is no such file. Name the one "
                    "that the service writes to.",
                    path=self.path,
                )
            )
        try:
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise InputError(
                Message(
                    "The decision log needs a file that it can write, but {path} cannot be "
                    "written: {reason}. Name another.",
                    path=self.path,
                    reason=error.strerror,
                )
            ) from None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=rw",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            # Erased content is overwritten with zeros.
            connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
                break
            except sqlite3.OperationalError:
                # Where two processes change the mode at once, SQLite lets one fail without waiting.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        if mode != "wal":
            raise sqlite3.OperationalError("the file's drive does not allow SQLite's WAL mode")

    def lock(self, connection: sa.Connection) -> None:
        """The same as `begin`: SQLite has one writer at a time."""
        self.begin(connection)

    def begin(self, connection: sa.Connection) -> None:
        """Take the write lock, before anything is read that may be changed meanwhile.

        Asked for every quarter of a millisecond: SQLite itself sleeps up to a tenth of a second,
        in which a busier process would take the lock again and again.
        """
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA busy_timeout = 0")
        deadline = time.monotonic() + self._patience
        while True:
            try:
                raw.execute(_BEGIN)
                return
            except sqlite3.OperationalError as error:
                locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not locked or time.monotonic() > deadline:
                    raise sa.exc.OperationalError(_BEGIN, None, error) from None
            time.sleep(_PAUSE)

    def identity(self) -> object:
        """The file's own number: SQLite would go on writing to one that was deleted or replaced."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def insert(self, table: sa.Table) -> sa.Insert:
        """See `Database`."""
        return insert(table).on_conflict_do_nothing()

    def erase(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
        """Overwrite the entries with zeros of the same size, so that no row moves."""
        nothing = {
            ENTRIES.c.bucket: GONE,
            ENTRIES.c.owner: sa.func.zeroblob(sa.func.length(ENTRIES.c.owner)),
            ENTRIES.c.body: sa.func.zeroblob(sa.func.length(ENTRIES.c.body)),
            ENTRIES.c.once: sa.case(
                (ENTRIES.c.once.is_(None), None),
                else_=sa.func.randomblob(sa.func.length(ENTRIES.c.once)),
            ),
        }
        return connection.execute(sa.update(ENTRIES).where(which).values(nothing)).rowcount

    def compact(self, connection: sa.Connection) -> None:
        """Delete erased rows that are older than all others, but for the last `MARGIN`."""
        oldest = sa.select(sa.func.min(ENTRIES.c.id)).where(ENTRIES.c.bucket != GONE)
        newest = sa.select(sa.func.max(ENTRIES.c.id))
        end = sa.func.coalesce(oldest.scalar_subquery(), newest.scalar_subquery())
        connection.execute(sa.delete(ENTRIES).where(ENTRIES.c.id < end - MARGIN))

    def scrub(self, connection: sa.Connection) -> None:
        """Carry the write-ahead log over into the file and cut it to nothing."""
        deadline = time.monotonic() + self._patience
        checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"
        while connection.exec_driver_sql(checkpoint).one()[0]:
            if time.monotonic() > deadline:
                raise LogUnavailable(
                    Message(
                        "The entries are erased, but {log}-wal must be emptied too, and others "
                        "were reading it all the time. Run the command again.",
                        log=self.name,
                    )
                )
            time.sleep(0.01)
