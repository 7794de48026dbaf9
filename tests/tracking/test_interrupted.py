"""What a killed training leaves in MLflow is ended by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from neigung.tracking.interrupted import PROCESS_TAG, process_tag
from tests.tracking.conftest import STUDY, TRIALS, train


def status(run: str) -> str:
    return str(MlflowClient().get_run(run).info.status)


def test_the_next_training_ends_what_was_killed(store: Path) -> None:
    client = MlflowClient()
    experiment = client.create_experiment(STUDY.name)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    machine, own = process_tag()[PROCESS_TAG].split()
    assert own == str(os.getpid())
    begun = {
        name: client.create_run(experiment, tags=tags).info.run_id
        for name, tags in {
            "killed": {PROCESS_TAG: f"{machine} {ended.pid}"},
            "alive": process_tag(),
            "elsewhere": {PROCESS_TAG: f"0123456789ab {ended.pid}"},
            "somebody's own": {},
        }.items()
    }
    models = {
        name: client.create_logged_model(experiment, name="model", source_run_id=begun[name])
        for name in ("killed", "alive")
    }
    run = train(0.5, trials=TRIALS)
    assert {name: status(one) for name, one in begun.items()} == {
        "killed": "KILLED",
        "alive": "RUNNING",
        "elsewhere": "RUNNING",
        "somebody's own": "RUNNING",
    }
    found = {name: client.get_logged_model(one.model_id).status for name, one in models.items()}
    assert {name: one.value for name, one in found.items()} == {
        "killed": "FAILED",
        "alive": "PENDING",
    }
    assert status(run.run_id) == "FINISHED"


def test_a_training_names_its_process(store: Path) -> None:
    run = train(0.5, trials=TRIALS)
    tags = MlflowClient().get_run(run.run_id).data.tags
    assert tags[PROCESS_TAG] == process_tag()[PROCESS_TAG]


@pytest.mark.parametrize("tag", ["", "nonsense", "a b c"])
def test_any_tag_of_that_name_is_harmless(store: Path, tag: str) -> None:
    client = MlflowClient()
    experiment = client.create_experiment(STUDY.name)
    run = client.create_run(experiment, tags={PROCESS_TAG: tag}).info.run_id
    train(0.5, trials=[])
    assert status(run) == "RUNNING"
