"""The tables of the decision log, and what a database of it must be able to do."""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

from neigung.errors import InputError, NeigungError

SCHEMA_VERSION = 1

BUCKETS = 1 << 16
"""Customers are looked up by 16 bits of their keyed hash. When an index page is split, SQLite
leaves copies of keys behind that nobody can erase; a bucket of so many tells little of anybody."""

GONE = 2 * BUCKETS
"""The bucket of erased rows. Like the buckets, from `BUCKETS` on, it takes three bytes."""

_metadata = sa.MetaData()
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# What the log itself is: its schema's version, and a hash that tells another key.
FACTS = sa.Table(
    "neigung_log",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# What answered: a version of a study's model, by one kind of answer; content is JSON.
VERSIONS = sa.Table(
    "neigung_log_versions",
    _metadata,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("study", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("artefact_digest", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.UniqueConstraint("study", "kind", "version", "artefact_digest"),
    implicit_returning=False,
)

# Idempotency keys: keyed hashes of the key and of the body it came with.
REQUESTS = sa.Table(
    "neigung_log_requests",
    _metadata,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("name", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    implicit_returning=False,
)

# Answered predictions, in the order in which they were written. All that is personal is in
# `owner` (32 bytes) and `body`; `once` tells an entry that a repeated request brings again.
ENTRIES = sa.Table(
    "neigung_log_entries",
    _metadata,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("bucket", sa.Integer, nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("version_id", _Number, sa.ForeignKey(VERSIONS.c.id), nullable=False),
    sa.Column("once", sa.LargeBinary),
    sa.Column("owner", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    implicit_returning=False,
)

# Only for entries that have one: an index more is a page more in each commit.
_repeated = ENTRIES.c.once.is_not(None)
sa.Index(
    "ix_neigung_log_entries_once",
    ENTRIES.c.once,
    unique=True,
    sqlite_where=_repeated,
    postgresql_where=_repeated,
)

create_tables = _metadata.create_all


class LogUnavailable(NeigungError):  # noqa: N818 (a state, not a mistake)
    """The decision log cannot be written or read now; what was to be answered may not be."""


class IdempotencyConflict(InputError):  # noqa: N818 (as HTTP calls it)
    """An idempotency key that came before with another body."""


class Database(Protocol):
    """Where a decision log lives."""

    engine: sa.Engine
    name: str
    """As messages name it, without a password."""

    def prepare(self, create: bool) -> None:
        """Make sure of the place where the tables are, or are to be created."""

    def lock(self, connection: sa.Connection) -> None:
        """Begin to write; of several that create the tables, one at a time."""

    def begin(self, connection: sa.Connection) -> None:
        """Begin to write, as a transaction that was begun."""

    def identity(self) -> object:
        """What the name leads to; with another than at the start, a connection is worthless."""

    def insert(self, table: sa.Table) -> sa.Insert:
        """An insert that leaves out rows whose unique columns are there already."""

    def erase(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
        """Erase entries; how many there were."""

    def compact(self, connection: sa.Connection) -> None:
        """Give back the room of erased entries, as far as that leaves no traces of others."""

    def scrub(self, connection: sa.Connection) -> None:
        """Make erased bytes vanish from the files too, over a connection of its own."""
