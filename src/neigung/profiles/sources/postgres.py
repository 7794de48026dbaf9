"""Profile stores in PostgreSQL: read once, as they are at one instant, into the engine.

`postgresql://USER@HOST:PORT/DATABASE?schema=SCHEMA` names a store. Without a schema it is the first
of the user's search path. All other options are those of libpq, and so is what the URL leaves open:
PGPASSWORD, a password file, a service. Tables, views, materialized views, partitioned and foreign
tables count as tables.

The rows come over in batches, with a cursor on the server, out of one read-only transaction: what
others write meanwhile is not seen. Afterwards the engine computes on its own copy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from neigung.errors import ProfileError
from neigung.locations import is_url, passwords, shown
from neigung.profiles.contract import TABLES, Kind
from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.sources.source import Opened, Source, close_to, no_files, plain
from neigung.profiles.sources.spelling import misspelt

if TYPE_CHECKING:
    import psycopg

SCHEMES = ("postgresql", "postgres")

ROWS_AT_ONCE = 10_000
"""So many rows of a table are in this process outside of the engine."""

PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""How long a silent server is waited for, where the URL does not say."""

LOCK_SECONDS = 30
"""How long a table is waited for that somebody is rebuilding."""

_PLAIN = {
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "oid": "int64",
    "real": "float32",
    "double precision": "float64",
    "boolean": "boolean",
    "bytea": "binary",
}
"""Types that arrive as they are. All others come as text, in which there may be what has no place
in Arrow, such as 'infinity' for a time and 'NaN' for a decimal."""

_TIMES = {
    "timestamp without time zone": "timestamp(6)",
    "timestamp with time zone": "timestamp('UTC', 6)",
    "date": "date",
}

_TEXTS = ("string", "id")
"""The kinds that are text in the engine."""

_MOST_DIGITS = 38
"""Of a decimal in the engine."""

_ARRIVED, _CURSOR = "arrived_rows", "neigung_rows"


@dataclass(frozen=True)
class _Column:
    """A column of a table.

    `type` is as PostgreSQL writes it, of a domain the one below; `category` is PostgreSQL's letter
    for its like; `kind` is the contract's, None for a column that it does not name.
    """

    name: str
    type: str
    category: str
    kind: Kind | None

    @property
    def arrives(self) -> dt.DataType:
        """The type on the way."""
        if self.category == "A":
            element = self.type.removesuffix("[]")
            return dt.Array(dt.dtype(_PLAIN.get(element, "string")))
        return dt.dtype(_PLAIN.get(self.type, "string"))

    @property
    def becomes(self) -> dt.DataType | None:
        """The type in the engine, None for one that it has no use for."""
        if self.category == "A" or self.type in _PLAIN:
            return self.arrives
        number = re.fullmatch(r"numeric(?:\((\d+),(-?\d+)\))?", self.type)
        digits, scale = (int(part or -1) for part in number.groups()) if number else (-1, -1)
        exact = 0 <= scale <= digits <= _MOST_DIGITS
        if self.kind and (self.kind not in _TEXTS or (number and not exact)):
            return dt.string  # the contract casts it, and can name what is wrong
        if number:
            return dt.Decimal(digits, scale) if exact else dt.float64
        time = _TIMES.get(re.sub(r"\(\d\)", "", self.type))
        if time:
            return dt.dtype(time)
        text = self.kind or self.category in "SE" or self.type in ("uuid", "json", "jsonb")
        return dt.string if text else None

    def asked(self, table: ir.Table) -> ir.Value:
        """The expression for the server."""
        return table[self.name] if self.type in _PLAIN else table[self.name].cast(self.arrives)

    def kept(self, table: ir.Table) -> ir.Value:
        """The expression for the engine, on what arrived."""
        value = table[self.name]
        if self.type.startswith("numeric") and self.category != "A":
            value = value.nullif("NaN")
            if self.kind in _TEXTS:
                value = value.re_replace(r"\.0+$", "")
        elif self.kind is None and self.type.startswith(("timestamp", "date")):
            # A time without end is one that nobody knows yet.
            value = ibis.ifelse(value.endswith("infinity"), ibis.null("string"), value)
        return value if self.becomes == self.arrives else value.try_cast(self.becomes)


def _takes(location: Any) -> bool:
    return is_url(location) and str(location).partition("://")[0] in SCHEMES


def _open(location: Any, wanted: Collection[str], memory_limit: str | None) -> Opened:
    engine = DuckDBEngine.open(memory_limit)
    tables, names, notes = read_tables(engine.connection, str(location), wanted)
    said = (*misspelt(names, wanted), *close_to(names), *plain(notes))
    return Opened(shown(location), engine, tables, said)


SOURCE = Source(_takes, _open, no_files)


def read_tables(
    engine: Any, location: str, wanted: Collection[str]
) -> tuple[dict[str, ir.Table], list[str], tuple[str, ...]]:
    """The wanted tables of the store at `location`, unchecked, copied into `engine`.

    Returns them, the names of all tables in the schema, and notes. Raises ProfileError when psycopg
    is missing, the server, the database or the schema cannot be reached, or a table cannot be read.
    """
    place = shown(location)
    server, schema = _parted(location)
    with _connected(server, passwords(location), place) as connection:
        import psycopg

        try:
            schema, kinds = _relations(connection, schema, place)
            names = [name for name in TABLES if name in kinds and name in wanted]
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                _lock(connection, schema, [name for name in names if kinds[name] in "rpv"])
                copied = _Copying(engine, connection, schema, place)
                tables = {name: copied.table(name) for name in names}
        except (psycopg.Error, UnicodeError) as error:
            raise ProfileError(_refusal(error, place)) from None
    return tables, list(kinds), tuple(copied.notes)


def _parted(location: str) -> tuple[str, str | None]:
    """The URL that libpq is given, without passwords, and the schema."""
    server, _, query = shown(location).partition("?")
    options = [option.partition("=") for option in query.split("&") if option]
    schemas = [unquote(value) for name, _, value in options if name == "schema"]
    rest = "&".join("".join(option) for option in options if option[0] != "schema")
    return f"{server}?{rest}" if rest else server, schemas[-1] if schemas else None


@contextmanager
def _connected(url: str, secrets: dict[str, str], place: str) -> Iterator[psycopg.Connection]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise ProfileError(
            "A profile store in PostgreSQL needs psycopg, which is not installed. "
            "Run: pip install 'neigung[postgres]'"
        ) from None
    try:
        asked = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise ProfileError(
            f"A profile store in PostgreSQL is named postgresql://USER@HOST:PORT/DATABASE?"
            f"schema=SCHEMA, but {place} cannot be understood: {_line(error)}. Write other "
            "characters than letters and digits as %40 and the like."
        ) from None
    given: dict[str, Any] = {
        **PATIENCE,
        "fallback_application_name": "neigung",
        **asked,
        **secrets,
        "client_encoding": "utf8",
    }
    try:
        # Sessions are often pooled, and a pooled one cannot keep prepared statements.
        connection = psycopg.connect(**given, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise ProfileError(f"{place} cannot be opened: {_line(error)}. {_advice(error)}") from None
    with connection:
        yield connection


def _relations(
    connection: psycopg.Connection, schema: str | None, place: str
) -> tuple[str, dict[str, str]]:
    """The schema, and the tables in it with the letters that PostgreSQL has for their kinds."""
    if schema is None:
        found = connection.execute("SELECT current_schema()").fetchone()
        schema = found[0] if found else None
    schemas = [name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")]
    if schema is None or schema not in schemas:
        close = get_close_matches(schema or "", schemas, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        named = f"has no schema {schema}{hint}" if schema else "has no schema of this user"
        raise ProfileError(f"The database of {place} {named}. Name one with ?schema=SCHEMA.")
    rows = connection.execute(
        "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = "
        "(SELECT oid FROM pg_namespace WHERE nspname = %s) "
        "AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition",
        [schema],
    )
    return schema, dict(rows.fetchall())


def _lock(connection: psycopg.Connection, schema: str, names: Sequence[str]) -> None:
    """Keep tables from being emptied or rebuilt: a transaction that began before a TRUNCATE sees
    none of the rows from before or after it. Others can read and write as before."""
    from psycopg import sql

    milliseconds = LOCK_SECONDS * 1000
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(milliseconds)))
    connection.execute("SET LOCAL timezone = 'UTC'")
    connection.execute("SET LOCAL datestyle = 'ISO'")
    connection.execute("SET LOCAL extra_float_digits = 1")
    if names:
        # Before anything is read, lest it is emptied between the two.
        tables = sql.SQL(", ").join(sql.Identifier(schema, name) for name in names)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(tables))


class _Copying:
    """Tables on their way from the server into the engine, with what was said about them."""

    def __init__(
        self, engine: Any, connection: psycopg.Connection, schema: str, place: str
    ) -> None:
        self.engine, self.connection, self.schema, self.place = engine, connection, schema, place
        self.notes: list[str] = []

    def table(self, name: str) -> ir.Table:
        """All rows of a table, in the engine."""
        columns = self._columns(name)
        # What arrives as text has no type of which Ibis could think that it need not be cast.
        served = {one.name: _PLAIN.get(one.type, dt.unknown) for one in columns}
        source = ibis.table(served, name=name, database=self.schema)
        asked = source.select(**{one.name: one.asked(source) for one in columns})
        self._arrives(asked.schema().to_pyarrow().empty_table())
        arrived = self.engine.table(_ARRIVED)
        typed = arrived.select(**{one.name: one.kept(arrived) for one in columns})
        held = self.engine.create_table(f"raw_{name}", schema=typed.schema(), temp=True)
        try:
            for rows in self._rows(asked):
                self._arrives(rows)
                self.engine.insert(f"raw_{name}", typed)
        except (pa.ArrowException, TypeError) as error:
            raise ProfileError(
                f"The table {name} in {self.place} cannot be read: {_line(error)}. Make a view of "
                "it without the column that holds this."
            ) from None
        finally:
            self.engine.con.unregister(_ARRIVED)
        return held

    def _rows(self, asked: ir.Table) -> Iterator[pa.Table]:
        """The rows in parts; a cursor of the server, as the client's own would fetch them all."""
        kind = asked.schema().as_struct().to_pyarrow()
        with self.connection.cursor(_CURSOR) as cursor:
            cursor.execute(ibis.to_sql(asked, dialect="postgres").encode())
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield pa.Table.from_struct_array(pa.array(rows, kind))

    def _arrives(self, rows: pa.Table) -> None:
        self.engine.con.register(_ARRIVED, rows)

    def _columns(self, name: str) -> list[_Column]:
        """The columns that the engine can hold: of a type it knows, each name once in any case."""
        columns = _columns(self.connection, self.schema, name)
        firsts: dict[str, str] = {}
        for column in sorted((one.name for one in columns), key=lambda one: one != one.lower()):
            firsts.setdefault(column.lower(), column)
        kept = [
            one
            for one in columns
            if one.becomes is not None and firsts[one.name.lower()] == one.name
        ]
        if not kept:
            raise ProfileError(
                f"The table {name} in {self.place} has no column that can be read. Add its "
                "columns, or rename it."
            )
        left = [f"{one.name} ({one.type})" for one in columns if one not in kept]
        if left:
            self.notes.append(
                f"{name}: left out, being of a type that features cannot read or named as another "
                f"column in other case: {', '.join(left)}."
            )
        return kept


def _columns(connection: psycopg.Connection, schema: str, table: str) -> list[_Column]:
    """The columns of a table in their order, their types below any domain."""
    rows = connection.execute(
        """
        WITH RECURSIVE found AS (
          SELECT attname, attnum, atttypid AS type, atttypmod AS modifier
          FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
          JOIN pg_namespace ON pg_namespace.oid = relnamespace
          WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped
          UNION ALL
          SELECT attname, attnum, typbasetype, typtypmod
          FROM found JOIN pg_type ON oid = type WHERE typtype = 'd'
        )
        SELECT attname, format_type(type, modifier), typcategory::text
        FROM found JOIN pg_type ON oid = type WHERE typtype <> 'd' ORDER BY attnum
        """,
        [schema, table],
    )
    kinds = {column.name: column.kind for column in TABLES[table].columns}
    return [_Column(name, kind, letter, kinds.get(name)) for name, kind, letter in rows]


_ADVICE = {
    ("password", "pg_hba", "authentication", "role "): "Check the user, and set PGPASSWORD.",
    ("database ",): "Name another database in the URL.",
    ("SSL", "certificate"): "Check sslmode and the certificates.",
}
_OTHER_ADVICE = "Check host and port, and that the server runs and can be reached from here."


def _advice(error: Exception) -> str:
    said = str(error)
    for words, advice in _ADVICE.items():
        if any(word in said for word in words):
            return advice
    return _OTHER_ADVICE


def _refusal(error: Exception, place: str) -> str:
    """What is said when the server, or a value, ends the reading."""
    from psycopg import errors

    said = _line(error)
    if isinstance(error, errors.InsufficientPrivilege):
        return f"{place} cannot be read: {said}. GRANT this user USAGE and SELECT there."
    if isinstance(error, errors.LockNotAvailable):
        return (
            f"{place} cannot be read: for {LOCK_SECONDS} seconds somebody has been rebuilding a "
            "table of it. Run the command again when that is over."
        )
    if isinstance(error, errors.OperationalError):
        return (
            f"{place} could not be read to the end: {said}. Nothing was written; run the command "
            "again."
        )
    return f"{place} cannot be read: {said}. Mend it there, or give the reader a view."


def _line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
