"""A decision log in a PostgreSQL database, shared by the services of several machines."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from neigung.errors import InputError
from neigung.language import Message
from neigung.serving.log_tables import ENTRIES

_CREATING = 7_305_412_660_128_351_041
"""Any number: the name of the lock that those who create the tables take."""


class Postgres:
    """Tables in the database of a URL; a commit is on disk when it returns, whatever its default.

    What is erased is deleted and vacuumed. The server's write-ahead log, replicas and backups keep
    traces of it for as long as they are kept themselves.
    """

    def __init__(self, url: sa.URL, patience: float) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise InputError(
                Message(
                    "A decision log in PostgreSQL needs psycopg, which is not installed. "
                    "Run: pip install 'neigung[postgres]'"
                )
            ) from None
        self.name = url.render_as_string(hide_password=True)
        milliseconds = int(patience * 1000)
        self.engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=sa.pool.NullPool,
            hide_parameters=True,
            connect_args={
                "connect_timeout": max(2, round(patience)),
                "tcp_user_timeout": milliseconds,
                "options": f"-c synchronous_commit=on -c lock_timeout={milliseconds} "
                f"-c statement_timeout={milliseconds}",
            },
        )

    def prepare(self, create: bool) -> None:
        """The database is there or it is not."""

    def lock(self, connection: sa.Connection) -> None:
        """One at a time, until the transaction ends: IF NOT EXISTS alone is not safe from races."""
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))

    def begin(self, connection: sa.Connection) -> None:
        """Nothing: the driver begins."""

    def identity(self) -> object:
        """Always the same; a lost connection shows at its next use."""
        return self.name

    def insert(self, table: sa.Table) -> sa.Insert:
        """See `Database`."""
        return insert(table).on_conflict_do_nothing()

    def erase(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
        """Delete the entries."""
        return connection.execute(sa.delete(ENTRIES).where(which)).rowcount

    def compact(self, connection: sa.Connection) -> None:
        """Left to autovacuum."""

    def scrub(self, connection: sa.Connection) -> None:
        """Vacuum, which takes its time."""
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql("SET statement_timeout = 0")
        alone.exec_driver_sql(f"VACUUM {ENTRIES.name}")
