"""A store that is not there yet, and several who want it at once."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from neigung.tracking import connection
from neigung.tracking.connection import connected
from neigung.tracking.runs import _experiment

FIRST_USE = """
import sys, time
from neigung.tracking.connection import connected
from neigung.tracking.runs import _experiment
import mlflow.store.tracking.sqlalchemy_store
print("ready", flush=True)
sys.stdin.readline()
with connected(create=True) as client:
    _experiment(client, sys.argv[1])
"""


def test_first_uses_of_a_new_store_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "100%25 a%20b #1 [neu] & 'x'"
    folder.mkdir()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USE, study],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for study in ("purchase", "churn", "churn")
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = [process.communicate("\n")[1] for process in _go(started)]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert [path.name for path in folder.iterdir()] == ["mlflow.db"]
    assert list(tmp_path.iterdir()) == [folder]
    with sqlite3.connect(folder / "mlflow.db") as database:
        found = database.execute("SELECT name FROM experiments ORDER BY name").fetchall()
    assert found == [("Default",), ("churn",), ("purchase",)]


def _go(processes: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return processes


def test_a_store_that_was_begun_and_not_ended_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(connection.os, "link", killed)
        with pytest.raises(KeyboardInterrupt), connected(create=True):
            pass
    assert not list(tmp_path.iterdir())


def test_a_drive_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def refused(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(connection.os, "link", refused)
    with connected(create=True) as client:
        assert _experiment(client, "churn") == _experiment(client, "churn")
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_artifacts_lie_in_the_folder_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "100%25 a?b #1"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with connected(create=True) as client:
        run = client.create_run(_experiment(client, "churn")).info.run_id
        client.log_text(run, "whole", "a/b.txt")
        assert Path(client.download_artifacts(run, "a/b.txt")).read_text() == "whole"
    assert list(tmp_path.iterdir()) == [folder]
    assert len(list(folder.rglob("b.txt"))) == 1
