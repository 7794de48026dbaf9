"""The command line as a process, and what a stop leaves behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neigung.cli import command_line as cli
from tests.conftest import Shop
from tests.processes import PATIENCE, wait_for


@pytest.fixture
def process(filled: Shop) -> Callable[..., subprocess.Popen[str]]:
    """Starts `neigung` as a process of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from neigung.cli import main; main()", *arguments]
        return subprocess.Popen(
            command,
            cwd=filled.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_wrong_input_ends_a_process_with_two(process: Callable[..., Any]) -> None:
    ended = process("train", "nowhere.yaml")
    out, err = ended.communicate(timeout=PATIENCE)
    assert (ended.returncode, out) == (2, "")
    assert err == "Error: Study nowhere.yaml: no such file. Give the path of a YAML file.\n"


def test_ctrl_c_is_as_good_as_sigterm(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(cli.signal, "signal", handlers.__setitem__)
    shop.run("--version")
    assert handlers.keys() == {signal.SIGINT, signal.SIGTERM}
    assert handlers[signal.SIGINT] is handlers[signal.SIGTERM]


def test_an_interrupted_training_leaves_nothing_half_made(
    filled: Shop, process: Callable[..., Any]
) -> None:
    filled.study(model={"trials": 400})
    running = process("train", "study.yaml")
    trials = filled.folder / ".neigung" / "tuning" / "buy.db"
    wait_for(lambda: finished(trials) or running.poll() is not None)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2, err
    assert err.count("Error: ") == 1
    assert "Traceback" not in err
    assert "Interrupted" in err
    assert filled.files() == {".neigung"}
    assert not (filled.folder / "mlflow.db").exists()

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{trials}"
    [search] = optuna.get_all_study_names(storage)
    kept = optuna.load_study(study_name=search, storage=storage).trials
    assert kept
    assert {trial.state.name for trial in kept} <= {"COMPLETE", "PRUNED"}
    assert np.isfinite([trial.value for trial in kept]).all()


def finished(trials: Path) -> bool:
    """Whether a trial of a search is over, of which nothing may be written yet."""
    with suppress(sqlite3.OperationalError):
        address = f"file:{trials}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as stored:
            [found] = stored.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'")
            return bool(found[0])
    return False


def test_an_interrupted_query_is_an_interruption(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(**_: object) -> None:
        raise RuntimeError("Query interrupted")  # DuckDB 2.0, on Ctrl-C

    monkeypatch.setattr(cli, "app", stop)
    ended = shop.run()
    assert ended.code == 2
    assert "Interrupted" in ended.message


def test_a_swallowed_interrupt_is_not_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Python cannot raise an interrupt, as in a callback of a weak reference."""
    monkeypatch.setattr(cli.sys, "unraisablehook", None)
    monkeypatch.setattr(cli, "STOP", threading.Event())
    with pytest.raises(KeyboardInterrupt):
        cli._stop(15, None)
    hook = sys.unraisablehook
    told = {"exc_type": None, "exc_traceback": None, "err_msg": None, "object": None}
    hook(SimpleNamespace(exc_value=KeyboardInterrupt(), **told))
    assert capsys.readouterr().err == ""
    assert cli.STOP.is_set()
    shown: list[object] = []
    monkeypatch.setattr(sys, "__unraisablehook__", shown.append)
    hook(SimpleNamespace(exc_value=ValueError(), **told))
    assert len(shown) == 1
