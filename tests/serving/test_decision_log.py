"""What is written is found again, by its customer only, and erased for good; on both databases."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from neigung.errors import InputError
from neigung.serving import decision_log, log_session, log_sqlite
from neigung.serving.decision_log import DecisionLog, IdempotencyConflict, LogUnavailable
from neigung.serving.entry import pack, squeeze
from neigung.serving.log_rows import Keyed
from neigung.serving.log_tables import ENTRIES, FACTS, VERSIONS
from neigung.serving.requests import RequestKey
from tests.postgres import Server
from tests.serving.entries import AT, DEFINITION, KEY, entry

HOUR = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/log/decisions.db"
    server: Server = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    with DecisionLog.open(url, KEY) as log:
        yield log


def count(log: DecisionLog, table: sa.Table = ENTRIES) -> int:
    with log._database.engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def only(log: DecisionLog, customer_id: str = "c1", at: dt.datetime | None = None) -> Any:
    [told] = log.why(customer_id, at)
    return told


def test_what_is_written_is_told_exactly(log: DecisionLog) -> None:
    given = entry(cutoff=dt.datetime(2026, 2, 28, 23, 59, 59, 999999), arm="10%", unit="money")
    log.write([given], AT)
    told = only(log)
    assert told.at == AT
    for name in (one.name for one in dataclasses.fields(given)):
        if name not in ("contributions", "definition"):
            assert getattr(told.entry, name) == getattr(given, name), name
    assert told.entry.contributions.tobytes() == given.contributions.tobytes()
    kept = {key: DEFINITION[key] for key in ("target", "legal_basis", "retention_days")}
    assert told.entry.definition == kept


def test_outputs_keep_numbers_of_every_kind(log: DecisionLog) -> None:
    outputs = {"a": np.float64(0.1) + 0.2, "b": np.int64(3), "c": [AT], "d": {"ä": float("inf")}}
    log.write([entry(outputs=outputs, contributions=None, reasons=())], AT)
    told = only(log).entry
    assert told.outputs == {"a": 0.1 + 0.2, "b": 3, "c": [AT.isoformat()], "d": {"ä": float("inf")}}
    assert (told.contributions, told.reasons) == (None, ())
    with pytest.raises(TypeError, match="found object"):
        log.write([entry(outputs={"a": object()})], AT)


def test_times_with_a_zone_become_utc(log: DecisionLog) -> None:
    zone = dt.timezone(2 * HOUR)
    log.write([entry(cutoff=AT.replace(tzinfo=zone))], AT.replace(tzinfo=zone))
    told = only(log)
    assert (told.at, told.entry.cutoff) == (AT - 2 * HOUR, AT - 2 * HOUR)
    assert log.why("c1", AT.replace(tzinfo=zone)) != []
    assert log.why("c1", AT.replace(tzinfo=zone) - HOUR) == []


def test_the_newest_of_each_study_and_kind_is_told(log: DecisionLog) -> None:
    log.write([entry(number=1), entry(study="leave"), entry(kind="offer"), entry("c2")], AT)
    log.write([entry(number=2, version=4, artefact_digest="cd" * 32)], AT + HOUR)
    found = [(told.entry.study, told.entry.kind, told.entry.version) for told in log.why("c1")]
    assert found == [("buy", "offer", 3), ("buy", "prediction", 4), ("leave", "prediction", 3)]


def test_what_was_in_force_at_a_time_is_told(log: DecisionLog) -> None:
    for number in range(3):
        log.write([entry(number=number)], AT + number * HOUR)
    second = entry(number=1).outputs
    assert only(log, at=AT + HOUR).entry.outputs == second
    assert only(log, at=AT + 2 * HOUR - dt.timedelta(microseconds=1)).entry.outputs == second
    assert log.why("c1", AT - HOUR) == []


def test_a_clock_that_was_wrong_does_not_hide_what_came_after(log: DecisionLog) -> None:
    log.write([entry(number=1)], AT + 24 * HOUR)  # the clock was a day ahead
    log.write([entry(number=2)], AT)
    assert only(log).entry.outputs == entry(number=2).outputs
    assert only(log, at=AT + 48 * HOUR).entry.outputs == entry(number=2).outputs


def test_customers_are_told_apart_even_in_one_bucket(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Keyed.owner
    monkeypatch.setattr(Keyed, "owner", lambda self, one: (65536, real(self, one)[1]))
    log.write([entry("c1", 1), entry("c2", 2)], AT)
    assert only(log, "c2").entry.outputs == entry(number=2).outputs
    assert log.forget("c1") == 1
    assert (len(log.why("c1")), len(log.why("c2"))) == (0, 1)


@pytest.mark.parametrize("customer_id", ["ä \0 \U0001f600", "\ud800", "' OR 1=1 --", "x" * 10_000])
def test_any_id_is_an_id(log: DecisionLog, customer_id: str) -> None:
    log.write([entry(customer_id)], AT)
    assert only(log, customer_id).entry.customer_id == customer_id
    assert log.forget(customer_id) == 1


def test_a_profile_without_an_id_is_nobodys(log: DecisionLog) -> None:
    log.write([entry("", 1), entry("", 2)], AT)
    assert count(log) == 2
    for ask in (log.why, log.forget):
        with pytest.raises(InputError, match="A customer's id is needed, found none"):
            ask("")


def test_columns_are_kept_once_for_each_version(log: DecisionLog) -> None:
    log.write([entry(f"c{number}") for number in range(10)], AT)
    log.write([entry(study="leave"), entry(kind="offer"), entry(version=4)], AT)
    log.close()
    log.write([entry()], AT)
    assert (count(log), count(log, VERSIONS)) == (14, 4)


def test_a_repeated_request_is_logged_once(log: DecisionLog) -> None:
    first = RequestKey("k1", "crm", "body")
    given = [entry("c1", 1), entry("c2", 2)]
    log.write(given, AT, first)
    log.write(given, AT + HOUR, first)
    assert count(log) == 2
    assert only(log).at == AT
    # What was answered differently is another answer, and belongs into the log.
    log.write([entry("c1", 3), entry("c2", 2)], AT + HOUR, first)
    assert count(log) == 3
    assert only(log).entry.outputs == entry(number=3).outputs


def test_a_repeated_request_with_another_body_is_refused(log: DecisionLog) -> None:
    log.write([entry("c1", 1)], AT, RequestKey("k1", "crm", "body"))
    with pytest.raises(IdempotencyConflict, match="came before with another body"):
        log.write([entry("c2", 2)], AT, RequestKey("k1", "crm", "other"))
    assert log.why("c2") == []
    log.write([entry("c3", 3)], AT, RequestKey("k1", "other client", "other"))
    log.write([], AT, RequestKey("k2", "crm", "body"))
    with pytest.raises(IdempotencyConflict):
        log.write([], AT, RequestKey("k2", "crm", "other"))
    log.write([entry("c4", 4)], AT)
    assert count(log) == 3


def test_a_conflict_fails_alone(log: DecisionLog) -> None:
    log.write([], AT, RequestKey("k1", "crm", "body"))
    outcome = together(
        log,
        lambda: log.write([entry("c1", 1)], AT, RequestKey("k1", "crm", "other")),
        lambda: log.write([entry("c2", 2)], AT, RequestKey("k2", "crm", "body")),
        lambda: log.write([entry("c3", 3)], AT),
    )
    assert [type(one) for one in outcome] == [IdempotencyConflict, type(None), type(None)]
    assert [len(log.why(f"c{number}")) for number in (1, 2, 3)] == [0, 1, 1]


def test_the_same_request_twice_at_once_is_logged_once(log: DecisionLog) -> None:
    request = RequestKey("k1", "crm", "body")
    write = lambda: log.write([entry("c1", 1)], AT, request)  # noqa: E731
    assert together(log, write, write, write) == [None, None, None]
    assert count(log) == 1


def together(log: DecisionLog, *calls: Callable[[], None]) -> list[Exception | None]:
    """What becomes of calls that wait for their turn at the same time."""
    outcome: list[Exception | None] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            calls[number]()
        except Exception as error:
            outcome[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    with log._turn:
        for thread in threads:
            thread.start()
        while len(log._queue) < len(calls):
            pass
    for thread in threads:
        thread.join()
    return outcome


def test_who_waits_together_is_written_together(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    real = log_session.Session.commit

    def commit(self: Any, batch: Any) -> None:
        sizes.append(len(batch))
        real(self, batch)

    monkeypatch.setattr(log_session.Session, "commit", commit)
    writes = [lambda number=number: log.write([entry(f"c{number}")], AT) for number in range(20)]
    assert together(log, *writes) == [None] * 20
    assert sizes == [20]
    assert count(log) == 20


def test_many_threads_write_at_once(log: DecisionLog) -> None:
    def run(thread: int) -> None:
        for number in range(20):
            log.write([entry(f"{thread}/{number}")], AT)
            assert len(log.why(f"{thread}/{number}")) == 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(log) == 120


def test_forgetting_takes_all_of_one_customer_and_nothing_else(log: DecisionLog) -> None:
    log.write([entry("c1", 1), entry("c1", 2, study="leave"), entry("c2", 3)], AT)
    log.write([entry("c1", 4)], AT + HOUR)
    assert log.forget("c1") == 3
    assert log.forget("c1") == 0
    assert log.why("c1") == []
    assert only(log, "c2").entry.outputs == entry(number=3).outputs
    log.write([entry("c1", 5)], AT)
    assert only(log).entry.outputs == entry(number=5).outputs


def test_a_forgotten_customer_of_a_repeated_request_is_logged_again(log: DecisionLog) -> None:
    request = RequestKey("k1", "crm", "body")
    given = [entry("c1", 1), entry("c2", 2)]
    log.write(given, AT, request)
    log.forget("c1")
    log.write(given, AT + HOUR, request)
    assert (only(log, "c1").at, only(log, "c2").at) == (AT + HOUR, AT)


def test_purging_takes_what_is_older(log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "PURGED_AT_ONCE", 7)
    monkeypatch.setattr(log_sqlite, "MARGIN", 5)
    for number in range(30):
        log.write([entry(f"c{number}")], AT + number * HOUR, RequestKey(f"k{number}", "crm", "b"))
    assert log.purge(AT + 20 * HOUR) == 20
    assert log.purge(AT + 20 * HOUR) == 0
    assert [number for number in range(30) if log.why(f"c{number}")] == list(range(20, 30))
    assert count(log) in (10, 10 + 5)
    log.write([entry()], AT + 30 * HOUR, RequestKey("k1", "crm", "other"))
    with pytest.raises(IdempotencyConflict):
        log.write([entry()], AT, RequestKey("k25", "crm", "other"))
    assert log.purge(AT + 99 * HOUR) == 11
    log.write([entry()], AT)
    assert len(log.why("c1")) == 1


def test_another_key_is_refused(url: str) -> None:
    DecisionLog.open(url, KEY).close()
    with pytest.raises(InputError, match="needs the key that it was begun with"):
        DecisionLog.open(url, b"another secret of at least 32 bytes")
    with pytest.raises(InputError, match="at least 32 bytes, found 5"):
        DecisionLog.open(url, b"short")


def test_a_newer_schema_is_refused(url: str) -> None:
    with DecisionLog.open(url, KEY) as log, log._database.engine.begin() as connection:
        newer = sa.update(FACTS).where(FACTS.c.name == "schema_version").values(value="2")
        connection.execute(newer)
    with pytest.raises(InputError, match=r"newer version of Neigung \(schema 2, known is 1\)"):
        DecisionLog.open(url, KEY)


def test_a_database_that_is_no_log_is_not_made_one(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        with pytest.raises(InputError, match="there is no such file"):
            DecisionLog.open(url, KEY, create=False)
        url = f"sqlite:///{tmp_path}/other.db"
        sqlite3.connect(tmp_path / "other.db").close()
    with pytest.raises(InputError, match="but there is none"):
        DecisionLog.open(url, KEY, create=False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root:secret@db/x", "found mysql"),
        ("nonsense", "found no URL"),
        ("sqlite://", "found sqlite without a path"),
        ("sqlite:///:memory:", "found sqlite without a path"),
    ],
)
def test_other_urls_are_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=f"needs sqlite:///PATH .*{said}") as caught:
        DecisionLog.open(url, KEY)
    assert "secret" not in str(caught.value)


def test_postgres_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(InputError, match=r"pip install 'neigung\[postgres\]'"):
        DecisionLog.open("postgresql://shop@db/log", KEY)


def test_a_server_that_does_not_answer_is_said_without_the_password() -> None:
    with pytest.raises(LogUnavailable, match="cannot be opened now") as caught:
        DecisionLog.open("postgresql://shop:password@127.0.0.1:1/log", KEY, patience=0.5)
    assert "password" not in str(caught.value)


def test_a_server_that_was_stopped_is_found_again() -> None:
    server = Server()
    try:
        log = DecisionLog.open(server.database(), KEY)
        log.write([entry("c1")], AT)
        server.stop()
        with pytest.raises(LogUnavailable, match="cannot be written now"):
            log.write([entry("c2")], AT)
        with pytest.raises(LogUnavailable, match="cannot be read now"):
            log.why("c1")
        server.start()
        log.write([entry("c3")], AT)
        # A restart between two writes is not even noticed.
        server.stop("fast")
        server.start()
        log.write([entry("c4")], AT)
        assert [len(log.why(f"c{number}")) for number in (1, 2, 3, 4)] == [1, 0, 1, 1]
        log.close()
    finally:
        server.close()


def test_packed_entries_are_small() -> None:
    assert len(squeeze(pack(entry()))) < 700
