"""A training in MLflow: one run with everything a reviewer asks for, then one registered version.

Everything goes through a client with explicit run ids, never through MLflow's global active run,
so a run that the user has open in a notebook stays what it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from neigung.errors import InputError, TrackingError
from neigung.language import languages
from neigung.locations import shown
from neigung.study import Orders
from neigung.tracking.connection import connected, place_of_artifacts
from neigung.tracking.interrupted import end_interrupted, process_tag
from neigung.tracking.logged_model import log_model
from neigung.tracking.registry import (
    BASELINE_TAG,
    BASELINE_VALUE_TAG,
    CHALLENGER,
    DIGEST_TAG,
    EVALUATION_PATH,
    FITNESS_TAG,
    LEAK_TAG,
    METRIC_TAG,
    REPORT_DIGEST_TAG,
    REPORT_LANGUAGES_TAG,
    UNIT_TAG,
    report_digest,
)
from neigung.tracking.storable import finite, flat, key, metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric

    from neigung.evaluation.tested import Tested
    from neigung.models.version import Version
    from neigung.report.evidence import Evidence
    from neigung.study import Study


QUESTION = ("target", "population", "legal_basis", "retention_days")
"""The parts of a study that decide what is predicted for whom: other answers, another test."""
MODEL = "model"
"""The name of our model among the baselines of an evaluation."""
PARENT_TAG = "mlflow.parentRunId"
EVIDENCE_PATH, NUMBERS_PATH = "evidence.json", "numbers.json"


@dataclass(frozen=True)
class LoggedRun:
    """Where a training lies in MLflow.

    >>> LoggedRun("4f1c", "1", 3, "models:/purchase_30d/3").version
    3
    """

    run_id: str
    experiment_id: str
    version: int
    model_uri: str


def log_training(
    study: Study,
    artefact: Version,
    evaluation: Tested,
    *,
    evidence: Evidence | None = None,
    dataset_info: Mapping[str, Any],
    trials: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Figure],
    files: Mapping[str, Path | str],
    input_example: pd.DataFrame,
    git_commit: str | None,
) -> LoggedRun:
    """Log a training as one run of the study's experiment and register its artefact.

    `dataset_info` holds `digest` (of the data), `parts` (an artefact's rows by part) and whatever
    else describes the data (cutoffs, spans, notes), ready for JSON. A trial is `number`, `value`,
    `params` and optionally `state` and `seconds`; each becomes a nested run. `figures` become
    `plots/NAME.png`; `files` maps the path in the run to a file (Path) or to a text, beside
    `study.yaml`, `evaluation.json` and `dataset.json`, which are always there. `input_example`
    holds a few rows of the model's columns.

    `evidence` becomes `evidence.json` and `numbers.json` (every number that a page shows, by the
    name that the page gives it), its verdict the tag `fitness`. Of the files `report_en.html`,
    `report_de.html` and further languages' the digest is kept in the tag `report_digest`: it is
    what reviewers sign.

    The version comes last, with the alias challenger: whatever fails or is interrupted before ends
    the run as FAILED or KILLED and registers nothing. What a killed process could not end, the
    next call on its machine ends. Raises TrackingError when the store cannot be reached or written.
    """
    contents = {path: _bytes(content) for path, content in files.items()}
    tags = _tags(study, artefact, evaluation, dataset_info) | _report_tags(evidence, contents)
    with connected(create=True) as client, tempfile.TemporaryDirectory() as folder:
        experiment = _experiment(client, study.name)
        end_interrupted(client, experiment)
        run = client.create_run(
            experiment,
            tags=tags | _environment_tags(git_commit) | process_tag(),
            run_name=f"{study.name}-{artefact.digest[:8]}",
        ).info.run_id
        try:
            _log_numbers(client, run, study, artefact, evaluation)
            _log_dataset(client, run, study, dataset_info)
            own = {
                "study.yaml": yaml.safe_dump(study.to_dict(), sort_keys=False, allow_unicode=True),
                EVALUATION_PATH: _json(evaluation.to_dict()),
                "dataset.json": _json(dataset_info),
            }
            if evidence is not None:
                own[EVIDENCE_PATH] = _json(evidence.to_dict())
                own[NUMBERS_PATH] = _json(evidence.numbers())
            contents |= {path: text.encode() for path, text in own.items()}
            _log_files(client, run, Path(folder) / "run", figures, contents)
            _log_trials(client, experiment, run, trials)
            model = log_model(client, experiment, run, Path(folder), artefact, input_example)
            client.set_terminated(run)
            version = _register(client, study.name, model, tags | _headline(evaluation))
        except BaseException as error:
            with contextlib.suppress(Exception):
                client.set_terminated(run, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
    return LoggedRun(run, experiment, version, f"models:/{study.name}/{version}")


@contextlib.contextmanager
def _made_by_another() -> Iterator[None]:
    """Not an error: what is made here is there meanwhile, as another training began with us."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        with _made_by_another():
            return str(client.create_experiment(name, artifact_location=place_of_artifacts(name)))
        found = client.get_experiment_by_name(name)
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"The runs of study {name} need the MLflow experiment {name}, but it was deleted. "
            f"Restore it with `mlflow experiments restore --experiment-id {found.experiment_id}`, "
            "or name the study otherwise."
        )
    return str(found.experiment_id)


def _tags(
    study: Study, artefact: Version, evaluation: Tested, dataset_info: Mapping[str, Any]
) -> dict[str, str]:
    """What the run and the version have in common."""
    question = {key: study.to_dict()[key] for key in QUESTION}
    if study.orders != Orders():  # as nobody asked when the first versions were registered
        question["orders"] = study.to_dict()["orders"]
    rows = dataset_info.get("parts", {})
    return {
        DIGEST_TAG: artefact.digest,
        "target": study.target.kind,
        "data_digest": str(dataset_info["digest"]),
        "test_cutoff": evaluation.cutoff.isoformat(),
        # Of one hash, so that samples of one size hold the same customers.
        "test_sample": f"{rows['test']} of {rows['test_of']}" if "test_of" in rows else "all",
        "question_digest": hashlib.sha256(_json(question).encode()).hexdigest(),
        "study_digest": study.digest(),
        "neigung_version": installed("neigung"),
    }


def _report_tags(evidence: Evidence | None, contents: Mapping[str, bytes]) -> dict[str, str]:
    """What a review is about, as far as there is a report."""
    pages = {language: contents.get(f"report_{language}.html") for language in languages()}
    there = {language: page for language, page in pages.items() if page is not None}
    tags: dict[str, str] = {}
    if evidence is not None:
        tags[FITNESS_TAG] = evidence.fitness.verdict
        for light in evidence.fitness.lights:
            if light.key == "leak" and light.status == "bad":
                tags[LEAK_TAG] = light.text()
    if len(there) == len(pages):
        tags[REPORT_DIGEST_TAG] = report_digest(there)
        tags[REPORT_LANGUAGES_TAG] = " ".join(there)
    return tags


def _environment_tags(git_commit: str | None) -> dict[str, str]:
    tags = {"mlflow.source.name": "neigung", "mlflow.source.type": "LOCAL"}
    if git_commit:
        tags["mlflow.source.git.commit"] = tags["git_commit"] = git_commit
    # `mlflow run` opens a run of its own in another experiment; this is the way back to it.
    if project_run := os.environ.get("MLFLOW_RUN_ID"):
        tags["project_run_id"] = project_run
    return tags


def _log_numbers(
    client: MlflowClient, run: str, study: Study, artefact: Version, evaluation: Tested
) -> None:
    from mlflow.entities import Param

    params = {f"study.{name}": value for name, value in flat(study.to_dict())}
    params |= {f"model.{name}": value for name, value in flat(artefact.params)}
    client.log_batch(
        run,
        metrics=[*metrics(evaluation.headline_numbers()), *_fold_metrics(evaluation)],
        params=[Param(key(name), str(value)[:6000]) for name, value in params.items()],
    )


def _headline(evaluation: Tested) -> dict[str, str]:
    """The tags by which versions are told apart: the model's metrics and the verdict."""
    intervals = (".low", ".high")
    numbers = {
        name: repr(value)
        for name, value in evaluation.headline_numbers().items()
        if name.startswith("test.")
        and (not name.endswith(intervals) or name.startswith(f"test.{evaluation.metric}."))
    }
    verdict = evaluation.verdict
    return numbers | {
        "beats_baseline": str(verdict.beats_baseline).lower(),
        BASELINE_TAG: verdict.best_baseline,
        BASELINE_VALUE_TAG: repr(evaluation.value(evaluation.metric, verdict.best_baseline)),
        METRIC_TAG: evaluation.metric,
        UNIT_TAG: evaluation.unit(evaluation.metric),
        "verdict": verdict.text_en,
    }


def _fold_metrics(evaluation: Tested) -> list[Metric]:
    """The model's metrics per fold as one series each; the step counts the fold cutoffs."""
    from mlflow.entities import Metric

    own = evaluation.folds[evaluation.folds["model"] == MODEL]
    steps = {cutoff: step for step, cutoff in enumerate(sorted(own["cutoff"].unique()))}
    now = int(time.time() * 1000)
    return [
        Metric(f"fold.{row['metric']}", row["value"], now, steps[row["cutoff"]])
        for row in own.to_dict("records")
        if math.isfinite(row["value"])
    ]


def _log_dataset(
    client: MlflowClient, run: str, study: Study, dataset_info: Mapping[str, Any]
) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=study.name,
        digest=str(dataset_info["digest"])[:36],  # MLflow's limit
        source_type="local",
        source=_json({"profiles": shown(study.profiles)}),
        profile=_json(dataset_info),
    )
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run, [DatasetInput(dataset, [context])])


def _log_files(
    client: MlflowClient,
    run: str,
    folder: Path,
    figures: Mapping[str, Figure],
    contents: Mapping[str, bytes],
) -> None:
    folder.mkdir()
    for path, content in contents.items():
        place = folder / _inside(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    for name, figure in figures.items():
        place = folder / "plots" / _inside(f"{name}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(place, dpi=120, bbox_inches="tight")
    client.log_artifacts(run, str(folder))


def _bytes(content: Path | str) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content.encode()


def _inside(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise InputError(
            f"A path inside the run is needed, found {path!r}. Leave out '/' and '..'."
        )
    return path


def _log_trials(
    client: MlflowClient, experiment: str, run: str, trials: Sequence[Mapping[str, Any]]
) -> None:
    from mlflow.entities import Param

    for trial in trials:
        number = trial["number"]
        tags = {PARENT_TAG: run, "trial": str(number), "state": str(trial.get("state", ""))}
        tags |= process_tag()
        child = client.create_run(experiment, tags=tags, run_name=f"trial-{number}").info.run_id
        numbers = {key: trial.get(key) for key in ("value", "seconds")}
        client.log_batch(
            child,
            metrics=metrics(finite(numbers)),
            params=[Param(key, str(value)) for key, value in trial["params"].items()],
        )
        client.set_terminated(child)


def _register(client: MlflowClient, name: str, model: LoggedModel, tags: dict[str, str]) -> int:
    if not client.search_registered_models(filter_string=f"name='{name}'", max_results=1):
        with _made_by_another():
            client.create_registered_model(name)
    version = client.create_model_version(
        name,
        source=f"models:/{model.model_id}",
        run_id=model.source_run_id,
        tags=tags,
        model_id=model.model_id,
    ).version
    try:
        client.set_registered_model_alias(name, CHALLENGER, version)
    except BaseException:
        with contextlib.suppress(Exception):
            client.delete_model_version(name, version)
        raise
    return int(version)


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)
