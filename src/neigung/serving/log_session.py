"""One connection to the decision log: what it is, checked, and how a batch is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from neigung.errors import InputError
from neigung.language import Message
from neigung.serving.log_rows import Keyed, Version, Write, content
from neigung.serving.log_tables import (
    ENTRIES,
    FACTS,
    REQUESTS,
    SCHEMA_VERSION,
    VERSIONS,
    Database,
    IdempotencyConflict,
    create_tables,
)


class Session:
    """A connection that is held, and made anew when it was lost; for one thread at a time."""

    def __init__(self, database: Database, keyed: Keyed) -> None:
        self.database = database
        self._keyed = keyed
        self._connection: sa.Connection | None = None
        self._identity: object = None
        self._versions: dict[Version, int] = {}

    def connection(self) -> sa.Connection:
        """The connection; raises what SQLAlchemy raises, and InputError as `connect`."""
        if self._connection is not None and self.database.identity() != self._identity:
            self.close()
        return self._connection or self.connect()

    def connect(self, create: bool = False) -> sa.Connection:
        """A new connection to a log, which is begun first with `create`, if there is none.

        Raises InputError when it is no log, or was begun with another key, or is newer than this.
        """
        self._identity = self.database.identity()
        self._connection = connection = self.database.engine.connect()
        try:
            if create:
                self._create(connection)
            self._check(connection)
        except BaseException:
            self.close()
            raise
        return connection

    def close(self) -> None:
        """Let go of the connection; what was not committed is undone."""
        connection, self._connection = self._connection, None
        self._versions.clear()
        if connection is not None:
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """The connection within a transaction that writes."""
        connection = self.connection()
        with connection.begin():
            self.database.begin(connection)
            yield connection

    def commit(self, batch: Sequence[Write]) -> None:
        """Write a batch and have it on disk; those with a conflict get it as their `failure`."""
        try:
            transaction = self._filled(batch)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # The server was started anew since the last use, and nothing was committed yet.
            self.close()
            transaction = self._filled(batch)
        transaction.commit()

    def _filled(self, batch: Sequence[Write]) -> sa.RootTransaction:
        """A transaction that is ready to be committed."""
        connection = self.connection()
        for version in sorted({one for write in batch for one in write.firsts}):
            if version not in self._versions:
                self._versions[version] = self._number(version, batch)
        transaction = connection.begin()
        self.database.begin(connection)
        asked = [one for one in batch if one.request is not None]
        if asked:
            self._check_requests(connection, asked)
        rows = [
            row | {"version_id": self._versions[version]}
            for one in batch
            if one.failure is None
            for row, version in zip(one.rows, one.versions, strict=True)
        ]
        if rows:
            connection.execute(self.database.insert(ENTRIES), rows)
        return transaction

    def _number(self, version: Version, batch: Sequence[Write]) -> int:
        """The id of a version, in a transaction of its own: it is kept whatever comes after."""
        first = next(one.firsts[version] for one in batch if version in one.firsts)
        row = version._asdict()
        with self.transaction() as connection:
            new = row | {"content": content(first)}
            connection.execute(self.database.insert(VERSIONS), [new])
            same = (VERSIONS.c[name] == value for name, value in row.items())
            return int(connection.execute(sa.select(VERSIONS.c.id).where(*same)).scalar_one())

    def _check_requests(self, connection: sa.Connection, asked: Sequence[Write]) -> None:
        """Keep the requests' keys; those that came before with another body fail."""
        given = [one.request for one in asked if one.request]
        counted = self.database.insert(REQUESTS).execution_options(preserve_rowcount=True)
        if connection.execute(counted, given).rowcount == len(given):
            return
        names = [row["name"] for row in given]
        known = sa.select(REQUESTS.c.name, REQUESTS.c.body).where(REQUESTS.c.name.in_(names))
        bodies = {row.name: row.body for row in connection.execute(known)}
        for one in asked:
            if one.request and bodies[one.request["name"]] != one.request["body"]:
                one.failure = IdempotencyConflict(
                    "An idempotency key is needed for one request only, but this one came before "
                    "with another body. Send the request with a new key."
                )

    def _create(self, connection: sa.Connection) -> None:
        with connection.begin():
            self.database.lock(connection)
            create_tables(connection)
            facts = self.database.insert(FACTS)
            connection.execute(facts, {"name": "schema_version", "value": str(SCHEMA_VERSION)})
            connection.execute(facts, {"name": "key_check", "value": self._key_check()})

    def _check(self, connection: sa.Connection) -> None:
        name = self.database.name
        if not sa.inspect(connection).has_table(FACTS.name):
            raise InputError(
                Message(
                    "A decision log is needed in {log}, but there is none. Name the database that "
                    "the service writes to.",
                    log=name,
                )
            )
        facts = {row.name: row.value for row in connection.execute(sa.select(FACTS))}
        connection.rollback()
        if int(facts["schema_version"]) > SCHEMA_VERSION:
            raise InputError(
                Message(
                    "The decision log {log} was written by a newer version of Neigung (schema "
                    "{found}, known is {known}). Install that version.",
                    log=name,
                    found=facts["schema_version"],
                    known=SCHEMA_VERSION,
                )
            )
        if facts["key_check"] != self._key_check():
            raise InputError(
                Message(
                    "The decision log {log} needs the key that it was begun with, but this is "
                    "another: nobody would be found in it. Give the first key.",
                    log=name,
                )
            )

    def _key_check(self) -> str:
        return self._keyed.hash("key check").hex()
