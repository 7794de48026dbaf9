"""The decision log: an answered prediction is on disk before it is answered.

Customers stand in it under a keyed hash of their id, never under the id itself.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from neigung.errors import InputError
from neigung.language import Message
from neigung.serving.entry import Entry, Told, microseconds
from neigung.serving.log_postgres import Postgres
from neigung.serving.log_rows import Keyed, Write, told
from neigung.serving.log_session import Session
from neigung.serving.log_sqlite import Sqlite
from neigung.serving.log_tables import (
    ENTRIES,
    GONE,
    REQUESTS,
    VERSIONS,
    Database,
    IdempotencyConflict,
    LogUnavailable,
)
from neigung.serving.requests import RequestKey

__all__ = ["DecisionLog", "Entry", "IdempotencyConflict", "LogUnavailable", "RequestKey", "Told"]

PATIENCE = 2.0
"""Seconds that a write waits for its turn, and as many for a locked or silent database."""

MOST_WAITING = 20_000
"""Entries that may wait to be written, about 50 MB; what comes beyond is refused at once."""

PURGED_AT_ONCE = 500
"""Entries that are purged in one transaction, between which others can write."""

_TROUBLE = {
    "opened": Message(
        "The decision log {log} cannot be opened now: {reason}. Mend the database or its disk, and "
        "try again."
    ),
    "read": Message(
        "The decision log {log} cannot be read now: {reason}. Mend the database or its disk, and "
        "try again."
    ),
    "written": Message(
        "The decision log {log} cannot be written now: {reason}. Mend the database or its disk, "
        "and try again."
    ),
    "cleared": Message(
        "The decision log {log} cannot be cleared now: {reason}. Mend the database or its disk, "
        "and try again."
    ),
}


class DecisionLog:
    """Answered predictions in a database.

    Safe to be used by several threads, and by several processes that each open it (after a fork).

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> url = f"sqlite:///{folder.name}/decisions.db"
    >>> entry = Entry("c1", "buy", 3, "ab12", "prediction", dt.datetime(2026, 1, 1), "snapshot",
    ...     "ff", {"probability": 0.25}, None, (), "log_odds", None, (), "crm")
    >>> with DecisionLog.open(url, key=b"0" * 32) as log:
    ...     log.write([entry], dt.datetime(2026, 1, 2))
    ...     [(str(told.at), told.entry.outputs) for told in log.why("c1")]
    ...     log.forget("c1"), log.why("c1")
    [('2026-01-02 00:00:00', {'probability': 0.25})]
    (1, [])
    >>> folder.cleanup()
    """

    def __init__(self, database: Database, keyed: Keyed, patience: float = PATIENCE) -> None:
        self._database = database
        self._keyed = keyed
        self._patience = patience
        self._session = Session(database, keyed)
        self._queue: list[Write] = []
        self._door = threading.Lock()  # of the queue; held for an instant
        self._turn = threading.Lock()  # to use the session

    @classmethod
    def open(
        cls, url: str, key: bytes, *, create: bool = True, patience: float = PATIENCE
    ) -> DecisionLog:
        """The log at `sqlite:///PATH` or `postgresql://USER@HOST/DATABASE`.

        Parameters
        ----------
        key : the secret of the customers' hashes, at least 32 bytes, the same for ever.
        create : whether to begin a log where there is none.
        patience : seconds to wait for a turn, and as many for a database that is locked.

        Raises InputError for another kind of URL, a short or another key, or a log that is missing
        or was written by a newer version of Neigung; LogUnavailable when the database does not
        answer.
        """
        keyed = Keyed(key)
        database = _database(url, patience)
        database.prepare(create)
        log = cls(database, keyed, patience)
        with log._translated("opened"):
            log._session.connect(create)
        return log

    def write(
        self, entries: Sequence[Entry], at: dt.datetime, request: RequestKey | None = None
    ) -> None:
        """Write entries; when this returns, they are on disk. All of them, or none.

        Writers that wait for the disk at the same time are written together. With `request`, what
        this very request has logged already is not logged twice. Raises IdempotencyConflict when
        its key came before with another body, and LogUnavailable when the entries could not be
        written, or not in time (then they may still be); it works again when the trouble is over.
        """
        if not entries and request is None:
            return
        mine = self._keyed.prepared(entries, at, request)
        with self._door:
            waiting = sum(len(one.rows) for one in self._queue)
            if waiting and waiting + len(mine.rows) > MOST_WAITING:
                raise LogUnavailable(
                    f"{waiting:,} entries wait for the decision log already, {MOST_WAITING:,} are "
                    "allowed. Try again later, or find a faster disk."
                )
            self._queue.append(mine)
        if self._turn.acquire(timeout=self._patience):
            try:
                # Whoever had the turn before may have written these along with its own.
                if not mine.done:
                    self._write_waiting()
            finally:
                self._turn.release()
        else:
            with self._door:
                if mine in self._queue:
                    self._queue.remove(mine)
            if not mine.done:
                raise LogUnavailable(self._trouble("written", self._busy))
        failure = mine.failure
        if failure is not None:
            try:
                raise failure
            finally:
                # Else exception and frame would hold each other, and the request with them.
                del failure, mine

    def why(self, customer_id: str, at: dt.datetime | None = None) -> list[Told]:
        """The newest entry of each study and kind, or the newest that was there at `at`.

        The newest is what was written last, whatever the clock said. Sorted by study and kind.
        Raises LogUnavailable.
        """
        newest = (
            sa.select(sa.func.max(ENTRIES.c.id))
            .join(VERSIONS)
            .where(self._of(customer_id))
            .group_by(VERSIONS.c.study, VERSIONS.c.kind)
        )
        if at is not None:
            newest = newest.where(ENTRIES.c.at <= microseconds(at))
        found = (
            sa.select(ENTRIES.c.at, ENTRIES.c.body, VERSIONS)
            .join(VERSIONS)
            .where(ENTRIES.c.id.in_(newest))
            .order_by(VERSIONS.c.study, VERSIONS.c.kind)
        )
        with self._translated("read"), self._database.engine.connect() as connection:
            return [told(customer_id, row) for row in connection.execute(found)]

    def forget(self, customer_id: str) -> int:
        """Erase a customer's entries, also their bytes in the files; how many there were.

        Raises LogUnavailable; then run it again, even if no entries are left.
        """
        which = self._of(customer_id)
        with self._alone("cleared"):
            with self._session.transaction() as connection:
                erased = self._database.erase(connection, which)
            self._scrub()
        return erased

    def purge(self, older_than: dt.datetime) -> int:
        """Erase all that is older, idempotency keys too; the number of entries.

        Others can write meanwhile. Raises LogUnavailable.
        """
        end, purged, erased = microseconds(older_than), 0, PURGED_AT_ONCE
        old = sa.select(ENTRIES.c.id).where(ENTRIES.c.at < end, ENTRIES.c.bucket != GONE)
        some = ENTRIES.c.id.in_(old.limit(PURGED_AT_ONCE))
        while erased == PURGED_AT_ONCE:
            with self._alone("cleared"), self._session.transaction() as connection:
                erased = self._database.erase(connection, some)
                self._database.compact(connection)
            purged += erased
        with self._alone("cleared"):
            with self._session.transaction() as connection:
                connection.execute(sa.delete(REQUESTS).where(REQUESTS.c.at < end))
            self._scrub()
        return purged

    def close(self) -> None:
        """Let go of the database; a later use opens it again."""
        with self._turn:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _of(self, customer_id: str) -> sa.ColumnElement[bool]:
        bucket, owner = self._keyed.owner(customer_id)
        return sa.and_(ENTRIES.c.bucket == bucket, ENTRIES.c.owner == owner)

    def _write_waiting(self) -> None:
        """Write all that waits in one transaction. Needs the turn."""
        with self._door:
            batch, self._queue = self._queue, []
        # In one order, so that two processes with the same requests do not wait for each other.
        batch.sort(key=lambda one: one.request["name"] if one.request else b"")
        failure: str | None = "interrupted"
        try:
            self._session.commit(batch)
            failure = None
        except (sa.exc.SQLAlchemyError, InputError) as error:
            failure = _reason(error)
        finally:
            if failure is not None:
                self._session.close()
            for one in batch:
                if failure is not None:
                    one.failure = LogUnavailable(self._trouble("written", failure))
                one.done = True

    def _scrub(self) -> None:
        with self._database.engine.connect() as connection:
            self._database.scrub(connection)

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """The turn; errors of the database as LogUnavailable."""
        if not self._turn.acquire(timeout=self._patience):
            raise LogUnavailable(self._trouble(what, self._busy))
        try:
            with self._translated(what):
                yield
        except BaseException:
            self._session.close()
            raise
        finally:
            self._turn.release()

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise LogUnavailable(self._trouble(what, _reason(error))) from None

    @property
    def _busy(self) -> str:
        return Message("others have been writing for {patience:g} s", patience=self._patience)

    def _trouble(self, what: str, reason: str) -> str:
        return _TROUBLE[what].having(log=self._database.name, reason=reason)


def _database(url: str, patience: float) -> Database:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        parsed = sa.URL.create("no URL")
    kind = parsed.drivername.split("+")[0]
    if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return Sqlite(Path(str(parsed.database)), patience)
    if kind in ("postgresql", "postgres"):
        return Postgres(parsed, patience)
    found = Message("{kind} without a path", kind=kind) if kind == "sqlite" else kind
    raise InputError(
        Message(
            "A decision log needs sqlite:///PATH or postgresql://USER@HOST/DATABASE, found "
            "{found}. Give one of the two.",
            found=found,
        )
    )


def _reason(error: Exception) -> str:
    """What the database says, in a line; never the values of a statement."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0].rstrip(".") if said else type(error).__name__
