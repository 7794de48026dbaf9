"""Runs whose process was killed: a killed process can say nothing, so the next training does."""

from __future__ import annotations

import hashlib
import os
import platform
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROCESS_TAG = "process"
"""Which process writes a run: the machine, hashed, and the number of the process there."""


def process_tag() -> dict[str, str]:
    """The tag of a run that this process writes."""
    return {PROCESS_TAG: f"{_machine()} {os.getpid()}"}


def end_interrupted(client: MlflowClient, experiment: str) -> None:
    """End as KILLED the runs, and as FAILED the models, that a process of here did not finish.

    Runs of other machines are left alone, as are those of a number that another process has now.
    """
    from mlflow.entities import LoggedModelStatus

    unfinished = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    killed = [run for run in unfinished if _is_dead(run.data.tags.get(PROCESS_TAG, ""))]
    if not killed:
        return
    ids = {run.info.run_id for run in killed}
    for model in client.search_logged_models([experiment]):
        if model.source_run_id in ids and model.status == LoggedModelStatus.PENDING:
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
    for run in killed:  # last, so that a second kill leaves them to be found again
        client.set_terminated(run.info.run_id, "KILLED")


def _is_dead(process: str) -> bool:
    machine, _, number = process.partition(" ")
    return machine == _machine() and number.isdigit() and not psutil.pid_exists(int(number))


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]
