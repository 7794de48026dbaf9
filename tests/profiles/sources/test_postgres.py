"""A store in PostgreSQL is the same store as in files, read at one instant, and keeps its secrets;
against a real server."""

from __future__ import annotations

import datetime as dt
import socket
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from neigung.errors import ProfileError
from neigung.profiles.sources import postgres as reader
from neigung.profiles.store import Profiles
from neigung.scoring.features import features
from neigung.serving.bundle import write_bundle
from neigung.study import Study
from tests.conftest import STUDY, Shop
from tests.postgres import Server

psycopg = pytest.importorskip("psycopg")

Frames = dict[str, pd.DataFrame]
SECRET = "s3cr/et@x"
LINES = """create table order_lines as
    select 'c' || i % 7 as customer_id, 'o' || i as order_id, 9.5::numeric(8, 2) as net_value,
        timestamp '2025-01-01' + i * interval '1 hour' as occurred_at
    from generate_series(1, {}) as i"""


@pytest.fixture
def url(postgres: Server) -> str:
    """An empty database."""
    return postgres.database()


@pytest.fixture
def do(url: str) -> Callable[[str], object]:
    """Run SQL, as somebody else than the reader."""

    def run(sql: str) -> object:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(sql)

    return run


@pytest.fixture(scope="module")
def shop_url(postgres: Server, small_tables: Frames) -> str:
    """The small store in a schema of its own, which no test writes to."""
    url = postgres.database()
    engine = sa.create_engine(url.replace("postgresql", "postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema if exists shop cascade"))
        connection.execute(sa.text("create schema shop"))
        for name, frame in small_tables.items():
            frame.to_sql(name, connection, schema="shop", index=False)
    engine.dispose()
    return f"{url}?schema=shop"


def refused(location: str) -> str:
    with pytest.raises(ProfileError) as error:
        Profiles.open(location)
    assert SECRET not in str(error.value)
    return str(error.value)


def test_a_store_is_the_same_in_postgresql_and_in_files(
    shop_url: str, small_tables: Frames, tmp_path: Path
) -> None:
    for name, frame in small_tables.items():
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    here, there = Profiles.open(tmp_path), Profiles.open(shop_url)
    assert list(there.tables) == list(here.tables)
    for name in here.tables:
        assert there.table(name).schema() == here.table(name).schema(), name
    assert there.digest() == here.digest() == there.signature()
    study = Study.from_dict({**STUDY, "features": "all"})
    mine, theirs = (features(study, profiles=one) for one in (here, there))
    assert mine.columns == theirs.columns
    pd.testing.assert_frame_equal(mine.frame, theirs.frame)


def test_only_some_tables(shop_url: str) -> None:
    profiles = Profiles.open(shop_url, only=("consents",))
    assert list(profiles.tables) == ["consents"]
    assert "postgres://" in Profiles.open(shop_url.replace("postgresql", "postgres")).location


def test_types(url: str, do: Callable[[str], object]) -> None:
    do("create type level as enum ('gold', 'silver')")
    do("create domain amount as numeric(10, 2); create domain price as amount check (value > 0)")
    do("""create table order_lines (customer_id bigint, order_id numeric, product_id uuid,
        occurred_at timestamptz, known_at timestamp(3), net_value price, quantity numeric,
        channel level, category char(6))""")
    do("""insert into order_lines values
        (7, 1.00, '00000000-0000-0000-0000-000000000001', '2025-01-01 10:00+02', null, 10.5, 'NaN',
            'gold', 'a'),
        (8, 12345678901234567890123, null, '2025-01-02 00:00+00', '2025-01-03', 1, 2.5, null, '')
    """)
    do("""create table customers as select '7' as customer_id, date '2025-01-01' as occurred_at,
        '{"a": 1}'::jsonb as facts, array['x', 'y,"'] as tags, array[1, null] as numbers,
        'infinity'::timestamp as until, date '2024-02-29' as born, 1.25::numeric as ratio,
        'NaN'::numeric as unknown, 123456789.123456789::numeric(18, 9) as exact, true as member,
        '\\x00ff'::bytea as raw, interval '1 day' as pause, 1 as "Twice", 2 as twice,
        1::real as part, 'täg' || chr(10) || '''"\\' as "odd %s ""name"" "
    """)
    profiles = Profiles.open(url)
    lines = profiles.table("order_lines").to_pyarrow().to_pylist()
    assert [line["customer_id"] for line in lines] == ["7", "8"]
    assert [line["order_id"] for line in lines] == ["1", "12345678901234567890123"]
    assert lines[0]["occurred_at"] == dt.datetime(2025, 1, 1, 8)
    assert [line["known_at"] for line in lines] == [dt.datetime(2025, 1, d, h) for d, h in
                                                    ((1, 8), (3, 0))]  # fmt: skip
    assert [line["net_value"] for line in lines] == [Decimal("10.5"), Decimal(1)]
    assert [line["quantity"] for line in lines] == [None, 2.5]
    assert [line["channel"] for line in lines] == ["gold", None]
    assert lines[0]["product_id"].endswith("-000000000001")
    [customer] = profiles.table("customers").to_pyarrow().to_pylist()
    kept = {name: customer[name] for name in list(customer)[3:]}
    assert kept == {
        "facts": '{"a": 1}', "tags": ["x", 'y,"'], "numbers": [1, None], "until": None,
        "born": dt.date(2024, 2, 29), "ratio": 1.25, "unknown": None,
        "exact": Decimal("123456789.123456789"), "member": True, "raw": b"\x00\xff", "twice": 2,
        "part": 1.0, 'odd %s "name" ': "täg\n'\"\\",
    }  # fmt: skip
    [note] = [note for note in profiles.notes if "left out, being" in note]
    assert note.endswith("pause (interval), Twice (integer).")


def test_views_and_partitions_are_tables(url: str, do: Callable[[str], object]) -> None:
    do(LINES.format(5).replace("order_lines", "stored"))
    do("create view order_lines as select * from stored")
    do("create materialized view returns as select *, net_value as value from stored")
    do("""create table visits (customer_id text, occurred_at timestamp, kind text)
        partition by list (kind); create table views partition of visits for values in ('view');
        insert into visits values ('c1', '2025-01-01', 'view')""")
    do("create table order_line as select 1 as one")
    profiles = Profiles.open(url)
    assert list(profiles.tables) == ["order_lines", "returns", "visits"]
    assert any("order_line (did you mean order_lines?)" in note for note in profiles.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("occurred_at = 'infinity'", "occurred_at must be .* row 1: 'infinity'"),
        ("net_value = 'NaN'", "net_value must be filled"),
        ("customer_id = ' '", "customer_id must be filled"),
        ("occurred_at = '0044-03-15 BC'", "occurred_at must be"),
    ],
)
def test_broken_rows(url: str, do: Callable[[str], object], change: str, said: str) -> None:
    do(LINES.format(1))
    do(f"update order_lines set {change}")  # noqa: S608
    with pytest.raises(ProfileError, match=said):
        Profiles.open(url)


def test_tables_that_cannot_be_read(url: str, do: Callable[[str], object]) -> None:
    assert "order_lines is needed" in refused(url)
    do("create table order_lines ()")
    assert "order_lines in" in refused(url)
    do("drop table order_lines")
    do("create table order_lines (customer_id text)")
    assert "order_lines: needs rows, but is empty" in refused(url)
    do("drop table order_lines")
    do(LINES.format(1))
    do("alter table order_lines add tags text[]; update order_lines set tags = '{{a},{b}}'")
    assert "Make a view of it without" in refused(url)
    do("alter table order_lines drop tags, alter net_value type money using net_value::money")
    assert "net_value must be a finite amount" in refused(url)


def test_what_others_write_meanwhile_is_not_seen(
    url: str, do: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(LINES.format(50))
    do("create table customers as select distinct customer_id, 1 as age from order_lines")
    quiet = Profiles.open(url)
    copy = reader._Copying.table
    blocked = []

    def while_others_write(self: Any, name: str) -> Any:
        table = copy(self, name)
        if name == "customers":
            do("delete from order_lines where order_id < 'o3'; delete from customers")
            do("insert into order_lines values ('new', 'new', 1, now())")
            # A transaction that sees the old rows would see none after this.
            with pytest.raises(psycopg.errors.LockNotAvailable) as error:
                do("set lock_timeout = 50; truncate order_lines")
            blocked.append(error)
        return table

    monkeypatch.setattr(reader._Copying, "table", while_others_write)
    assert Profiles.open(url).digest() == quiet.digest()
    assert blocked
    monkeypatch.undo()
    assert Profiles.open(url, only=("order_lines",)).customers() == 8


def test_rows_come_in_parts(
    url: str, do: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(LINES.format(1050))
    monkeypatch.setattr(reader, "ROWS_AT_ONCE", 100)
    arrive = reader._Copying._arrives
    sizes, open_cursors = [], []

    def counted(self: Any, rows: Any) -> None:
        sizes.append(len(rows))
        found = self.connection.execute("select name from pg_cursors").fetchall()
        open_cursors.append(found)
        arrive(self, rows)

    monkeypatch.setattr(reader._Copying, "_arrives", counted)
    assert Profiles.open(url).table("order_lines").count().execute() == 1050
    assert sizes == [0, *[100] * 10, 50]
    assert all(found == [("neigung_rows",)] for found in open_cursors[1:])


def test_a_table_that_is_being_rebuilt(
    url: str, do: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(LINES.format(1))
    monkeypatch.setattr(reader, "LOCK_SECONDS", 0.05)
    with psycopg.connect(url) as other:
        other.execute("truncate order_lines")
        assert "somebody has been rebuilding a table" in refused(url)


def test_a_connection_that_is_lost(
    url: str, do: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(LINES.format(50))
    monkeypatch.setattr(reader, "ROWS_AT_ONCE", 10)
    arrive = reader._Copying._arrives

    def cut(self: Any, rows: Any) -> None:
        arrive(self, rows)
        if len(rows):
            do(f"select pg_terminate_backend({self.connection.info.backend_pid})")

    monkeypatch.setattr(reader._Copying, "_arrives", cut)
    text = refused(url)
    assert "could not be read to the end" in text
    assert "Nothing was written; run the command again." in text


def test_permission_denied(url: str, postgres: Server, do: Callable[[str], object]) -> None:
    do(LINES.format(1))
    do("do $$ begin if to_regrole('guest') is null then create role guest login; end if; end $$")
    place = url.replace("test@", f"guest:{SECRET}@")
    assert "has no schema of this user" in refused(place)
    do("grant usage on schema public to guest")
    text = refused(place)
    assert "permission denied for table order_lines. GRANT" in text
    do("grant select on order_lines to guest")
    assert Profiles.open(place).customers() == 1


def test_servers_that_cannot_be_used(url: str) -> None:
    place = url.replace("test@", f"test:{SECRET}@")
    assert "has no schema publik (did you mean public?)" in refused(f"{place}?schema=publik")
    nowhere = refused(place.replace("/postgres", "/gone"))
    assert 'database "gone" does not exist. Name another database' in nowhere
    assert "Check the user, and set PGPASSWORD." in refused(place.replace("test:", "nobody:"))
    assert "Check sslmode" in refused(f"{place}?sslmode=require")
    assert 'cannot be understood: invalid URI query parameter: "foo"' in refused(f"{place}?foo=1")
    assert "Check host and port" in refused(f"postgresql://me:{SECRET}@127.0.0.1:1/shop")


def test_a_silent_server_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        text = refused(f"postgresql://me@127.0.0.1:{port}/shop?connect_timeout=1")
    assert "timeout" in text
    assert 0 < int(reader.PATIENCE["connect_timeout"]) <= 30


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "Run: pip install 'neigung[postgres]'" in refused(f"postgresql://me:{SECRET}@db/shop")


def test_the_password_reaches_the_server_and_nobody_else(
    url: str, do: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(LINES.format(1))
    given = []
    connect = psycopg.connect

    def seen(**arguments: Any) -> Any:
        given.append(arguments["password"])
        return connect(**arguments)

    monkeypatch.setattr(psycopg, "connect", seen)
    profiles = Profiles.open(url.replace("test@", f"test:{SECRET}@"))
    Profiles.open(url + "?password=s3cr%2Fet%40x")
    assert given == [SECRET, SECRET]
    assert profiles.location == url
    shown = repr(profiles) + profiles._repr_html_() + repr(vars(profiles))
    assert SECRET not in shown


def test_a_study_does_not_tell_the_password(tmp_path: Path) -> None:
    place = f"postgresql://me:{SECRET}@db/crm?schema=shop"
    study = Study.from_dict({**STUDY, "profiles": place})
    assert study.profiles == place
    assert study.to_dict()["profiles"] == "postgresql://me@db/crm?schema=shop"
    assert SECRET not in f"{study!r} {study}"
    broken = tmp_path / "study.yaml"
    broken.write_text(f"profiles: {place}: x: y\n  b: [")
    with pytest.raises(ValueError, match="not readable as YAML") as error:
        Study.load(broken)
    assert SECRET not in str(error.value)


def test_commands_take_a_url_and_keep_its_password(quick: Shop, shop_url: str) -> None:
    place = shop_url.replace("test@", f"test:{SECRET}@")
    study = quick.study(profiles=place)
    told = [
        quick.run("check", place, "--json", "quality.json"),
        quick.run("train", study, "--profiles", place),
        quick.run("promote", study, "--version", 1, "--force", "--why", "a test"),
        quick.run("features", study, "--out", "features.parquet", "--snapshot", "snapshot"),
        quick.run("score", study, "--out", "scores.parquet"),
    ]
    for ended in told:
        assert ended.code == 0, ended.err
        assert SECRET not in ended.out + ended.err
    write_bundle([Path(study)], quick.folder / "bundle")
    assert pd.read_parquet("scores.parquet").customer_id.is_unique
    (quick.folder / study).unlink()
    files = [path for path in quick.folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    holding = [path for path in files if SECRET.encode() in path.read_bytes()]
    assert holding == []
    [bundled] = (quick.folder / "bundle" / "studies").glob("*.yaml")
    assert f"profiles: {shop_url}" in bundled.read_text()
