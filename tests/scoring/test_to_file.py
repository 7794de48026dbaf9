"""Scoring as a stream: the same rows as in memory, whole or not at all, and again after a kill."""

from __future__ import annotations

import datetime as dt
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neigung.errors import InputError, NeigungError, StudyError
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring import score, to_file
from neigung.scoring.batches import BatchNotes, score_batches
from neigung.scoring.to_file import score_to
from neigung.scoring.work_folder import working_beside
from neigung.study import Study
from neigung.tracking.registry import load
from tests.conftest import Shop
from tests.processes import PATIENCE

ROWS = 16
"""Rows of a batch: a shop of some fifty customers gives several."""


@pytest.fixture
def small(trained: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with a version, scored in small batches by this process."""
    monkeypatch.setattr(to_file, "ROWS_AT_ONCE", ROWS)
    return trained


@pytest.fixture
def undisturbed(small: Shop) -> bytes:
    """The file that is to come out."""
    to("undisturbed.parquet")
    return Path("undisturbed.parquet").read_bytes()


def to(out: str | Path, **options: Any) -> to_file.ScoredFile:
    return score_to("study.yaml", out, **({"version": 1, "workers": 1} | options))


def parts(out: str = "scores.parquet") -> set[str]:
    """What an unfinished run left, but for the manifest and half-written files."""
    folder = Path(f".{out}.parts")
    found = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    return {name for name in found if not name.startswith(".")} - {"manifest.json"}


def test_a_stream_gives_what_is_scored_in_memory(small: Shop) -> None:
    told = to("scores.parquet")
    score.write_scores(score.score("study.yaml", version=1), Path("memory.parquet"))
    streamed, memory = pq.read_table("scores.parquet"), pq.read_table("memory.parquet")
    assert streamed.schema.equals(memory.schema)
    assert streamed.equals(memory)
    assert pq.ParquetFile("scores.parquet").num_row_groups > 1
    bands = streamed["band"].to_pandas().value_counts()
    assert told.rows == len(streamed)
    assert dict(told.groups) == bands.to_dict()
    assert list(told.groups.values()) == sorted(bands, reverse=True)
    assert small.files() == {"scores.parquet", "memory.parquet"}


def test_processes_give_the_same_bytes(small: Shop, undisturbed: bytes) -> None:
    to("scores.parquet", workers=2)
    assert Path("scores.parquet").read_bytes() == undisturbed
    to("none.parquet", workers=1, reasons=0)
    assert "reasons" not in pq.read_schema("none.parquet").names


KILLED = """
import os, signal, sys
from neigung.scoring import to_file
to_file.ROWS_AT_ONCE = {rows}
name, number = sys.argv[1], int(sys.argv[2])
kind, _, name = name.rpartition(".")
home = to_file.pq.ParquetWriter if kind else to_file
real, calls = getattr(home, name), []
def killed(*given, **options):
    calls.append(1)
    if len(calls) > number:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **options)
setattr(home, name, killed)
to_file.score_to("study.yaml", "scores.parquet", version=1, workers=1)
"""


@pytest.mark.slow
def test_killed_in_every_phase_it_goes_on(small: Shop, undisturbed: bytes) -> None:
    """One run after the other dies, each a step further; the last one gives the same bytes."""
    for where, left in (
        (("writer.write_table", 1), set()),  # in the middle of the features
        (("_score_part", 1), {"features.parquet", "artefact", "part-000000.parquet"}),
        (("writer.write_table", 1), {"part-000001.parquet"}),  # in the middle of the file
    ):
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", KILLED.format(rows=ROWS), *map(str, where)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
        assert parts() >= left
        assert left or not parts()
        assert "whole.parquet" not in parts()
        assert not Path("scores.parquet").exists()
    to("scores.parquet")
    assert Path("scores.parquet").read_bytes() == undisturbed
    assert small.files() == {"scores.parquet", "undisturbed.parquet"}


class Console:
    """Keeps what a reporter says."""

    is_terminal = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print(self, text: str, **_: Any) -> None:
        self.lines.append(text)

    @property
    def notes(self) -> list[str]:
        return [line.strip() for line in self.lines if "Note:" in line]


def stopping(monkeypatch: pytest.MonkeyPatch, error: BaseException, after: int = 1) -> None:
    """Let the run fail when it has scored so many batches."""
    real, calls = to_file._score_part, []

    def failing(job: Any, number: int) -> int:
        calls.append(number)
        if len(calls) > after:
            raise error
        return int(real(job, number))

    monkeypatch.setattr(to_file, "_score_part", failing)


def test_only_what_is_missing_is_done_again(
    small: Shop, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("scores.parquet").write_bytes(b"old")
    with monkeypatch.context() as patch:
        stopping(patch, KeyboardInterrupt(), after=2)
        with pytest.raises(KeyboardInterrupt):
            to("scores.parquet")
    assert Path("scores.parquet").read_bytes() == b"old"
    scored: list[int] = []
    real = to_file._score_part
    monkeypatch.setattr(
        to_file, "_score_part", lambda job, number: scored.append(number) or real(job, number)
    )
    monkeypatch.setattr(to_file, "write_features", lambda *_: pytest.fail("done before"))
    console = Console()
    to("scores.parquet", reporter=Reporter(console))  # type: ignore[arg-type]
    assert scored
    assert min(scored) == 2
    assert not console.notes
    assert Path("scores.parquet").read_bytes() == undisturbed


def test_what_was_begun_otherwise_is_begun_anew(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopping(patch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            to("scores.parquet", reasons=1)
    console = Console()
    to("scores.parquet", reasons=2, cutoff="2025-05-01", reporter=Reporter(console))  # type: ignore[arg-type]
    [note] = console.notes
    assert "begun with another cutoff, reasons; scoring starts anew" in note
    table = pq.read_table("scores.parquet")
    assert max(map(len, table["reasons"].to_pylist())) == 2
    assert set(table["cutoff"].to_pylist()) == {dt.datetime(2025, 5, 1)}


def test_a_store_that_changed_since_is_scored_as_it_is_now(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    with monkeypatch.context() as patch:
        stopping(patch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            to("scores.parquet")
    place = Path("profiles/order_lines.parquet")
    lines = pd.read_parquet(place)
    lines.assign(net_value=lines["net_value"] * 3).to_parquet(place, index=False)
    to("scores.parquet")
    to("new.parquet")
    assert Path("scores.parquet").read_bytes() == Path("new.parquet").read_bytes()


def test_a_full_disk_is_one_message(
    small: Shop, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("scores.parquet").write_bytes(b"old")
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        stopping(patch, full, after=2)
        ended = small.run(
            "score", "study.yaml", "--version", 1, "--out", "scores.parquet", "--workers", 1
        )
    assert ended.code == 1
    assert "scores.parquet needs about" in ended.message
    assert "B free. Make room and run the same command again" in ended.message
    assert Path("scores.parquet").read_bytes() == b"old"
    assert {"features.parquet", "part-000000.parquet", "part-000001.parquet"} < parts()
    to("scores.parquet")
    assert Path("scores.parquet").read_bytes() == undisturbed


def test_a_full_disk_before_anything_is_finished(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_table(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_table)
    with pytest.raises(NeigungError, match=r"scores.parquet needs about \d"):
        to("scores.parquet")
    assert small.files() == set()


@pytest.mark.slow
def test_a_worker_that_is_killed_is_one_message(
    small: Shop, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = to_file._begin_worker
    monkeypatch.setattr(to_file, "_begin_worker", _die)
    with pytest.raises(NeigungError, match=r"one ended before its work.*--workers 1"):
        to("scores.parquet", workers=2)
    assert "features.parquet" in parts()
    monkeypatch.setattr(to_file, "_begin_worker", real)
    to("scores.parquet")
    assert Path("scores.parquet").read_bytes() == undisturbed


def _die(line: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_another_model_at_the_same_place(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    told = to("scores.parquet")
    artefact, info = load("buy", 1)
    other = replace(artefact, bands=(("everybody", 0.0),))
    monkeypatch.setattr(to_file, "version_of", lambda *_: (other, info))
    assert dict(to("scores.parquet").groups) == {"everybody": told.rows}


def test_one_process_at_a_time(small: Shop) -> None:
    with (
        working_beside(Path("scores.parquet")),
        pytest.raises(InputError, match=r"scores.parquet is being written by another process"),
    ):
        to("scores.parquet")
    to("scores.parquet")


def test_a_link_is_followed(small: Shop, undisturbed: bytes) -> None:
    Path("real").mkdir()
    Path("link.parquet").symlink_to("real/scores.parquet")
    to("link.parquet")
    assert Path("link.parquet").is_symlink()
    assert Path("real/scores.parquet").read_bytes() == undisturbed
    assert [entry.name for entry in Path("real").iterdir()] == ["scores.parquet"]


@pytest.mark.parametrize("command", ["score", "features", "offers"])
@pytest.mark.parametrize(("out", "found"), [("profiles", "found the folder"), ("study.yaml/x", "")])
def test_an_out_that_cannot_be_written_is_told_first(
    filled: Shop, monkeypatch: pytest.MonkeyPatch, command: str, out: str, found: str
) -> None:
    monkeypatch.setattr(Profiles, "open", lambda *_: pytest.fail("began to work"))
    ended = filled.run(command, "study.yaml", "--out", out)
    assert ended.code == 2
    assert (found or "cannot be written") in ended.message
    assert filled.files() == set()


@pytest.mark.parametrize("command", ["score", "features", "offers"])
def test_a_malformed_cutoff_is_told_before_anything_is_opened(
    filled: Shop, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(Study, "load", lambda *_: pytest.fail("began to work"))
    ended = filled.run(command, "study.yaml", "--cutoff", "yesterday", "--out", "x")
    assert ended.code == 2
    assert "A cutoff is a date such as" in ended.message
    assert filled.files() == set()


def test_a_run_that_cannot_begin_leaves_nothing(small: Shop) -> None:
    with pytest.raises(StudyError, match="lies before the data"):
        to("scores.parquet", cutoff="1999-01-01")
    assert small.files() == set()


def test_unseen_values_are_counted_over_all_batches(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    place = Path("profiles/customers.parquet")
    customers = pd.read_parquet(place)
    customers.loc[customers.index % 4 > 0, "income"] = "gigantic"
    customers.to_parquet(place, index=False)
    console = Console()
    scored = to("scores.parquet", reporter=Reporter(console))  # type: ignore[arg-type]
    [note] = [line.strip() for line in console.lines if "Doubtful:" in line]
    assert ROWS < int(note.split()[1]) <= scored.rows
    assert "values of attribute_income are unknown to the model, such as gigantic" in note


@pytest.fixture
def rows(trained: Shop) -> Callable[[int], Iterator[pa.RecordBatch]]:
    """Everybody's features in batches."""
    from neigung.models.dataset import feature_query
    from neigung.profiles.store import Profiles

    artefact, _ = load("buy", 1)
    names = [column.name for column in artefact.columns]
    profiles = Profiles.open("profiles")
    study = Study.load("study.yaml")
    query = feature_query(study, profiles, dt.datetime(2025, 5, 1), names)
    table = profiles.engine.prepared(query.table.order_by("customer_id"))()
    return lambda size: iter(table.combine_chunks().to_batches(max_chunksize=size))


def test_batches_need_the_files_of_an_artefact_and_nothing_else(
    rows: Callable[[int], Iterator[pa.RecordBatch]],
) -> None:
    artefact, _ = load("buy", 1)
    whole = pa.Table.from_batches(score_batches(rows(10_000), artefact, 1))
    cut = pa.Table.from_batches(score_batches(rows(7), artefact.files, 1))
    assert cut.equals(whole.combine_chunks())
    changed = artefact.files | {"model.txt": b"tree"}
    with pytest.raises(InputError, match=r"model.txt must be as it was saved"):
        next(score_batches(rows(7), changed, 1))
    short = (batch.drop_columns(["order_count"]) for batch in rows(7))
    with pytest.raises(InputError, match="1 are missing: order_count"):
        next(score_batches(short, artefact, 1))


def test_many_rows_are_told_the_same_as_few(
    rows: Callable[[int], Iterator[pa.RecordBatch]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What explains large batches tells what explains small ones does, typical values too."""
    from neigung.explanation import contributions

    artefact, _ = load("buy", 1)
    [few] = score_batches(rows(10_000), artefact, 1)
    monkeypatch.setattr(contributions, "MANY_ROWS", 5)
    [many] = score_batches(rows(10_000), artefact, 1)
    assert many["probability"].equals(few["probability"])
    told, expected = (one["reasons"].to_pylist() for one in (many, few))
    for row, same in zip(told, expected, strict=True):
        assert [one["text_en"] for one in row] == [one["text_en"] for one in same]
        for one, other in zip(row, same, strict=True):
            assert one["contribution"] == pytest.approx(other["contribution"], abs=1e-5)


def test_a_slow_explanation_is_told(
    rows: Callable[[int], Iterator[pa.RecordBatch]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neigung.explanation import contributions

    monkeypatch.setattr(contributions, "MANY_ROWS", 5)
    monkeypatch.setattr(contributions, "_bulk", lambda *_: None)
    notes: list[BatchNotes] = []
    artefact, _ = load("buy", 1)
    scored = list(score_batches(rows(20), artefact, 1, 3, notes.append))
    slow = sum(len(batch) for batch in scored if len(batch) >= 5)
    assert sum(one.slow for one in notes) == slow > 20
    console = Console()
    score.say_notes(notes, artefact, Reporter(console))  # type: ignore[arg-type]
    assert any(f"the reasons of {slow} customers took longer" in one for one in console.notes)
