from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from neigung.errors import InputError, TrackingError
from neigung.judgement.fitness import Fitness
from neigung.models.propensity.artefact import Artefact
from neigung.tracking import registry
from neigung.tracking.runs import LoggedRun
from tests.tracking.conftest import (
    STUDY,
    TRIALS,
    make_artefact,
    make_evaluation,
    make_rows,
    pages,
    train,
)


def runs_of(experiment: str) -> list[Run]:
    return list(MlflowClient().search_runs([experiment]))


def the_run() -> Run:
    """The only run of the study's experiment that is no trial."""
    found = MlflowClient().get_experiment_by_name(STUDY.name)
    (run,) = [r for r in runs_of(found.experiment_id) if "trial" not in r.data.tags]
    return run


@pytest.fixture
def logged(store: Path) -> LoggedRun:
    from matplotlib.figure import Figure

    (store / "notes.txt").write_text("Grüße", encoding="utf-8")
    figure = Figure()
    figure.subplots().plot([0, 1])
    return train(
        0.5,
        trials=TRIALS,
        figures={"gains": figure},
        files={"report.html": "<p>ü</p>", "extra/notes.txt": store / "notes.txt"},
    )


def test_a_run_holds_what_a_reviewer_asks_for(logged: LoggedRun, store: Path) -> None:
    run = MlflowClient().get_run(logged.run_id)
    evaluation = make_evaluation(0.5)
    artefact = make_artefact()

    assert run.info.status == "FINISHED"
    assert run.data.params["study.target.horizon_days"] == "30"
    assert run.data.params["model.num_leaves"] == "5"
    assert run.data.tags["artefact_digest"] == artefact.digest
    assert run.data.tags["data_digest"] == "d" * 64
    assert run.data.tags["study_digest"] == STUDY.digest()
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    assert run.data.tags["neigung_version"]

    metrics = run.data.metrics
    table = evaluation.metrics.set_index(["model", "metric"])
    own, rule = table.loc[("model", "auroc")], table.loc[("recency_rule", "auroc")]
    for end, column in {"": "value", ".low": "low", ".high": "high"}.items():
        assert metrics[f"test.auroc{end}"] == own[column]
        assert metrics[f"baseline.recency_rule.auroc{end}"] == rule[column]
    difference = evaluation.verdict.difference
    assert metrics["difference.recency_rule.average_precision"] == difference
    assert metrics["fold.auroc"] == own["value"]

    (data,) = run.inputs.dataset_inputs
    assert data.dataset.digest == "d" * 36
    assert json.loads(data.dataset.profile)["rows"] == 400


def test_its_files_can_be_read_back(logged: LoggedRun) -> None:
    version = registry.find(STUDY.name, logged.version)
    resolved = yaml.safe_load(registry.run_artifact(version, "study.yaml"))
    assert resolved == STUDY.to_dict()
    assert registry.run_artifact(version, "report.html").decode() == "<p>ü</p>"
    assert registry.run_artifact(version, "extra/notes.txt").decode() == "Grüße"
    assert registry.run_artifact(version, "plots/gains.png").startswith(b"\x89PNG")
    evaluation = registry.evaluation_of(version)
    assert evaluation.to_dict() == make_evaluation(0.5).to_dict()


def test_the_evidence_and_what_a_reviewer_signs_are_kept(store: Path) -> None:
    class Examined:
        """As much of an Evidence as is logged."""

        fitness = Fitness("care", ())

        def to_dict(self) -> dict[str, Any]:
            return {"fitness": self.fitness.to_dict(), "note": "für Prüfer"}

        def numbers(self) -> dict[str, float]:
            return {"test.auroc": 0.1 + 0.2}

    files = pages("ab" * 32)
    logged = train(0.5, evidence=Examined(), files=files)
    version = registry.find(STUDY.name, logged.version)
    told = json.loads(registry.run_artifact(version, "evidence.json"))
    assert told == {"fitness": {"verdict": "care", "lights": []}, "note": "für Prüfer"}
    assert json.loads(registry.run_artifact(version, "numbers.json")) == {"test.auroc": 0.1 + 0.2}
    written = [registry.run_artifact(version, f"report_{one}.html") for one in ("en", "de")]
    assert written == [files["report_en.html"].encode(), files["report_de.html"].encode()]
    run = MlflowClient().get_run(logged.run_id)
    for tags in (version.tags, run.data.tags):
        assert tags["report_digest"] == hashlib.sha256(b"".join(written)).hexdigest()
        assert tags["fitness"] == "care"


def test_trials_are_nested_runs(logged: LoggedRun) -> None:
    children = [r for r in runs_of(logged.experiment_id) if r.info.run_id != logged.run_id]
    assert {r.data.tags["mlflow.parentRunId"] for r in children} == {logged.run_id}
    found = {r.data.tags["trial"]: r for r in children}
    assert found["0"].data.metrics == {"value": 0.5}
    assert found["0"].data.params == {"num_leaves": "31", "eta": "0.1"}
    assert found["1"].data.metrics == {}
    assert found["1"].data.tags["state"] == "pruned"
    assert {r.info.status for r in children} == {"FINISHED"}


def test_the_version_is_challenger_and_carries_the_headlines(logged: LoggedRun) -> None:
    (version,) = registry.versions(STUDY.name)
    assert (version.version, version.aliases) == (logged.version, ("challenger",))
    assert version.run_id == logged.run_id
    assert version.model_uri == logged.model_uri
    assert version.digest == make_artefact().digest
    assert version.metrics["test.auroc"] == make_evaluation(0.5).value("auroc")
    assert version.tags["beats_baseline"] == "true"

    second = train(0.6)
    aliases = {one.version: one.aliases for one in registry.versions(STUDY.name)}
    assert aliases == {logged.version: (), second.version: ("challenger",)}


def test_plain_mlflow_loads_the_model(logged: LoggedRun) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{STUDY.name}@challenger")
    X = make_rows(50)
    plain = X.astype({"city": object})
    plain.loc[3, "city"] = None
    X.loc[3, "city"] = None
    expected = make_artefact().predict(X)
    pd.testing.assert_frame_equal(model.predict(plain), expected)
    # The stored example is a valid input, gaps and all.
    assert len(model.predict(model.input_example)) == 5
    signature = model.metadata.signature
    assert signature.inputs.input_names() == list(X)
    assert signature.outputs.input_names() == ["probability", "percentile", "band"]


def test_nothing_is_pickled(logged: LoggedRun, store: Path) -> None:
    files = [path for path in (store / "mlruns").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"MLmodel", "artefact.json", "model.txt"}
    for path in files:
        assert path.suffix not in {".pkl", ".pickle", ".joblib", ".skops", ".cloudpickle"}
        assert not path.read_bytes().startswith(b"\x80"), f"{path} looks like a pickle"
    (described,) = [path for path in files if path.name == "MLmodel"]
    flavors = yaml.safe_load(described.read_text())["flavors"]
    assert list(flavors) == ["python_function"]
    assert flavors["python_function"]["loader_module"] == "neigung.models.artefact"
    assert not {"python_model", "cloudpickle_version"} & set(flavors["python_function"])
    requirements = (described.parent / "requirements.txt").read_text()
    assert "cloudpickle" not in requirements
    assert all("==" in line for line in requirements.split())


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "KILLED"), (OSError, "FAILED")])
def test_a_run_that_breaks_off_registers_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch, error: Any, status: str
) -> None:
    def interrupted(*_: object) -> None:
        raise error("half-way")

    monkeypatch.setattr(Artefact, "save", interrupted)
    with pytest.raises(TrackingError if error is OSError else error, match="half-way"):
        train(0.5)
    assert the_run().info.status == status
    assert registry.versions(STUDY.name) == []
    assert MlflowClient().search_registered_models() == []


def test_breaking_off_at_the_very_last_step_registers_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(0.5)
    assert the_run().info.status == "KILLED"
    assert registry.versions(STUDY.name) == []


def test_the_users_own_active_run_stays_untouched(store: Path) -> None:
    with mlflow.start_run() as mine:
        logged = train(0.5)
        active = mlflow.active_run()
        assert active is not None
        assert active.info.run_id == mine.info.run_id
    assert logged.run_id != mine.info.run_id
    assert MlflowClient().get_run(mine.info.run_id).data.params == {}


def test_a_run_of_mlflow_projects_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    run = MlflowClient().get_run(train(0.5).run_id)
    assert run.data.tags["project_run_id"] == "f" * 32


def test_a_fresh_store_is_made_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "uv.lock").write_text("of somebody else")
    (tmp_path / "pyproject.toml").write_text("")
    before = dict(os.environ)
    train(0.5)
    assert (tmp_path / "mlflow.db").exists()
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before
    assert not list((tmp_path / "mlruns").rglob("uv.lock"))


def test_a_deleted_experiment_says_how_to_restore_it(store: Path) -> None:
    client = MlflowClient()
    experiment = client.create_experiment(STUDY.name)
    client.delete_experiment(experiment)
    with pytest.raises(TrackingError, match=f"restore --experiment-id {experiment}"):
        train(0.5)


@pytest.mark.parametrize("path", ["../outside.txt", "/outside.txt"])
def test_files_stay_inside_the_run(store: Path, path: str) -> None:
    with pytest.raises(InputError, match="inside the run"):
        train(0.5, files={path: "text"})
    assert the_run().info.status == "FAILED"
