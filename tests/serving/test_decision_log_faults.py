"""What happens to a log in SQLite when processes die, disks fill, files vanish, locks stay."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neigung.serving import decision_log
from neigung.serving.decision_log import DecisionLog, LogUnavailable
from neigung.serving.entry import pack, squeeze
from neigung.serving.log_rows import Keyed
from tests.serving.entries import AT, KEY, entry

_WRITER = """
import sys
from neigung.serving.decision_log import DecisionLog
from tests.serving.entries import AT, KEY, entry

name, first, last = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
log = DecisionLog.open(sys.argv[1], KEY, patience=30)
for number in range(first, last):
    log.write([entry(f"{name}/{number}", number)], AT)
    print(number, flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/decisions.db"


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    with DecisionLog.open(url, KEY, patience=0.3) as log:
        yield log


class Writer:
    """Another process that writes entries and says so after each."""

    def __init__(self, url: str, name: str, entries: int) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, url, name, "0", str(entries)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self.process.stdout is not None
        self.out = self.process.stdout
        assert self.out.readline() == "ready\n"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


def holds(log: DecisionLog, customer_id: str) -> bool:
    return len(log.why(customer_id)) == 1


def test_what_was_written_survives_the_death_of_the_writer(url: str) -> None:
    writer = Writer(url, "w", 100_000)
    writer.go()
    said = [int(writer.out.readline()) for _ in range(100)]
    writer.process.send_signal(signal.SIGKILL)
    said += [int(line) for line in writer.out.read().split("\n")[:-1]]
    writer.process.wait()
    with DecisionLog.open(url, KEY) as log:
        assert all(holds(log, f"w/{number}") for number in said)
        # At most the one in flight is there besides.
        assert not holds(log, f"w/{len(said) + 1}")
        log.write([entry()], AT)
        assert holds(log, "c1")


def test_processes_begin_a_log_and_write_to_it_together(url: str) -> None:
    writers = [Writer(url, name, 60) for name in "abc"]
    for writer in writers:
        writer.go()
    for writer in writers:
        assert len(writer.out.read().split()) == 60
        assert writer.process.wait() == 0
    with DecisionLog.open(url, KEY) as log:
        assert all(holds(log, f"{name}/{number}") for name in "abc" for number in range(60))


def test_commits_are_synchronous(log: DecisionLog) -> None:
    connection = log._session.connection()
    asked = ("synchronous", "journal_mode", "secure_delete")
    found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == [2, "wal", 1]


def test_only_the_owner_reads_the_files(log: DecisionLog, tmp_path: Path) -> None:
    log.write([entry()], AT)
    files = list(tmp_path.glob("decisions.db*"))
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_lock_that_stays_is_waited_for_and_then_said(log: DecisionLog, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "decisions.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match=r"cannot be written now: database is locked\. Mend"):
        log.write([entry("c1")], AT)
    assert 0.3 <= time.monotonic() - began < 4  # SQLite itself would wait for 5
    with pytest.raises(LogUnavailable, match="cannot be cleared now"):
        log.forget("c1")
    assert log.why("c1") == []
    other.execute("ROLLBACK")
    log.write([entry("c2")], AT)
    assert (holds(log, "c1"), holds(log, "c2")) == (False, True)


def test_a_lock_that_goes_is_waited_for(log: DecisionLog, tmp_path: Path) -> None:
    other = sqlite3.connect(
        tmp_path / "decisions.db", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, other.execute, ["ROLLBACK"])
    timer.start()
    log.write([entry()], AT)
    timer.join()
    assert holds(log, "c1")


def test_who_waits_too_long_for_the_turn_is_not_written_later(log: DecisionLog) -> None:
    with log._turn, pytest.raises(LogUnavailable, match=r"others have been writing for 0\.3 s"):
        log.write([entry("c1")], AT)
    log.write([entry("c2")], AT)
    assert (holds(log, "c1"), holds(log, "c2")) == (False, True)


def test_no_more_than_so_many_wait(log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "MOST_WAITING", 3)
    log.write([entry(f"many/{number}") for number in range(5)], AT)  # nobody else waits
    waiting = threading.Thread(target=log.write, args=([entry("a"), entry("b")], AT))
    with log._turn:
        waiting.start()
        while not log._queue:
            pass
        with pytest.raises(LogUnavailable, match="2 entries wait for the decision log already"):
            log.write([entry("c"), entry("d")], AT)
    waiting.join()
    assert [holds(log, name) for name in "abcd"] == [True, True, False, False]


def test_a_file_that_vanished_is_not_written_to_and_found_again(
    log: DecisionLog, tmp_path: Path
) -> None:
    log.write([entry("c1")], AT)
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in tmp_path.glob("decisions.db*"):
        file.rename(moved / file.name)
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="unable to open database file"):
            log.write([entry("c2")], AT)
    assert not (tmp_path / "decisions.db").exists()
    for file in moved.iterdir():
        file.rename(tmp_path / file.name)
    log.write([entry("c3")], AT)
    assert [holds(log, f"c{number}") for number in (1, 2, 3)] == [True, False, True]


def test_a_file_that_was_replaced_is_written_to(log: DecisionLog, tmp_path: Path) -> None:
    log.write([entry("c1")], AT)
    other = tmp_path / "other.db"
    DecisionLog.open(f"sqlite:///{other}", KEY).close()
    for file in tmp_path.glob("decisions.db-*"):
        file.unlink()
    other.replace(tmp_path / "decisions.db")
    log.write([entry("c2")], AT)
    assert (holds(log, "c1"), holds(log, "c2")) == (False, True)


def test_a_file_with_another_key_in_its_place_is_left_alone(
    log: DecisionLog, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    DecisionLog.open(f"sqlite:///{other}", b"another secret, 32 bytes or more").close()
    for file in tmp_path.glob("decisions.db-*"):
        file.unlink()
    other.replace(tmp_path / "decisions.db")
    with pytest.raises(LogUnavailable, match="needs the key that it was begun with"):
        log.write([entry("c1")], AT)


def fill(write: Callable[[int], None]) -> int:
    """How many writes succeed until the disk is full."""
    for number in range(20_000):
        try:
            write(number)
        except LogUnavailable:
            return number
    raise AssertionError("the disk was never full")


def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        filler = disk / "filler"
        filler.write_bytes(b"0" * 500_000)
        with DecisionLog.open(f"sqlite:///{disk}/decisions.db", KEY) as log:
            written = fill(lambda number: log.write([entry(f"a/{number}")], AT))
            assert written > 20
            with pytest.raises(LogUnavailable, match="written now: database or disk is") as caught:
                log.write([entry("c1")], AT)
            assert "c1" not in str(caught.value)
            filler.unlink()
            log.write([entry("c2")], AT)
            assert all(holds(log, f"a/{number}") for number in range(written))
            assert (holds(log, "c1"), holds(log, "c2")) == (False, True)
            assert log.forget("a/3") == 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


_LIMITED = """
import resource, signal, sys
from neigung.serving.decision_log import DecisionLog
from tests.serving.entries import AT, KEY, entry
from tests.serving.test_decision_log_faults import fill, holds

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = DecisionLog.open(sys.argv[1], KEY)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
written = fill(lambda number: log.write([entry(f"a/{number}")], AT))
assert written > 20
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.write([entry("c2")], AT)
assert all(holds(log, f"a/{number}") for number in range(written))
assert holds(log, "c2")
print("fine")
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs limits of file sizes")
def test_a_file_that_may_not_grow_is_said_and_survived(url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LIMITED, url],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert (ended.stdout, ended.stderr) == ("fine\n", "")


def test_the_id_is_never_in_the_files(log: DecisionLog, tmp_path: Path) -> None:
    log.write([entry("Lieselotte Müller")], AT)
    found = contents(tmp_path)
    assert Keyed(KEY).owner("Lieselotte Müller")[1] in found
    assert b"Lieselotte" not in found
    assert b"Last order" not in found  # squeezed, so that reading along takes intent
    assert b"password" not in found  # of the study's profiles


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("decisions.db*"))


def test_erased_bytes_are_gone_from_the_files(
    log: DecisionLog, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from what pages hold in their gaps: after splits and purges, with others connected."""
    monkeypatch.setattr(decision_log, "PURGED_AT_ONCE", 100)
    traces: dict[str, list[bytes]] = {}
    lately: set[str] = set()
    with DecisionLog.open(url, KEY) as other:
        for day in range(30):
            names = [f"c{(day * 40 + number * 7) % 300}" for number in range(40)]
            given = [entry(name, day * 40 + number) for number, name in enumerate(names)]
            for one in given:
                body = squeeze(pack(one))
                pieces = [body[start : start + 16] for start in range(20, len(body) - 16, 50)]
                owner = Keyed(KEY).owner(one.customer_id)[1]
                traces.setdefault(one.customer_id, [owner]).extend(pieces)
            (log, other)[day % 2].write(given, AT + dt.timedelta(days=day))
            if day >= 10:
                lately.update(names)
        assert all(piece in contents(tmp_path) for piece in traces["c0"])
        forgotten = [f"c{number}" for number in range(0, 300, 9)]
        for name in forgotten[:20]:
            assert log.forget(name) > 0
        assert log.purge(AT + dt.timedelta(days=10)) > 300
        for name in forgotten[20:]:
            other.forget(name)
        found = contents(tmp_path)
        assert [name for name in forgotten for piece in traces[name] if piece in found] == []
        assert (tmp_path / "decisions.db-wal").stat().st_size == 0
        assert all(holds(log, name) == (name in lately) for name in traces.keys() - {*forgotten})
        assert len(lately - {*forgotten}) > 100


def test_forgetting_says_when_traces_must_stay_for_now(log: DecisionLog, tmp_path: Path) -> None:
    log.write([entry("c1"), entry("c2")], AT)
    reader = sqlite3.connect(tmp_path / "decisions.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM neigung_log_entries").fetchone()
    with pytest.raises(LogUnavailable, match=r"erased, but .*-wal must be emptied too"):
        log.forget("c1")
    assert log.why("c1") == []
    reader.execute("ROLLBACK")
    assert log.forget("c1") == 0
    assert (tmp_path / "decisions.db-wal").stat().st_size == 0


def test_a_copy_made_while_writing_is_whole(log: DecisionLog, tmp_path: Path) -> None:
    """A backup, as SQLite makes it."""
    log.write([entry("c1")], AT)
    source = sqlite3.connect(tmp_path / "decisions.db")
    target = sqlite3.connect(tmp_path / "copy.db")
    source.backup(target)
    source.close()
    target.close()
    with DecisionLog.open(f"sqlite:///{tmp_path}/copy.db", KEY, create=False) as copy:
        assert holds(copy, "c1")
