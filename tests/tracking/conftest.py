"""A real MLflow store for every test, and one that already holds versions.

Migrating a fresh SQLite store takes seconds, so each worker does it once and tests copy the file.
The artifacts stay where the template has them: tests that change some log their own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from neigung.evaluation.propensity.evaluate import Evaluation, evaluate
from neigung.features.feature import Column
from neigung.models.dataset import Dataset
from neigung.models.propensity.artefact import Artefact, reference_table
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.study import Study
from neigung.tracking.runs import LoggedRun, log_training

ABOUT = '<html><head><meta name="neigung-artefact" content="{}"></head><body>{}</body></html>'

STUDY = Study.from_dict(
    {
        "name": "purchase_30d",
        "profiles": "data/profiles",
        "target": {"kind": "purchase", "horizon_days": 30},
        "legal_basis": {"consent": "profiling"},
        "cutoffs": {"last": "2011-11-09", "every_days": 30, "count": 12},
    }
)
TRIALS = [
    {"number": 0, "value": 0.5, "state": "complete", "params": {"num_leaves": 31, "eta": 0.1}},
    {"number": 1, "value": None, "state": "pruned", "params": {"num_leaves": 7, "eta": 0.2}},
]


def make_rows(n: int = 240) -> pd.DataFrame:
    """Model columns with gaps and a category, most of it known to the model below."""
    rng = np.random.default_rng(3)
    orders = rng.integers(0, 20, n).astype(float)
    gap = np.where(rng.random(n) < 0.2, np.nan, rng.exponential(30, n))
    city = pd.Categorical(np.where(orders > 12, "Köln", "Bonn"), categories=["Bonn", "Köln"])
    return pd.DataFrame({"order_count_30d": orders, "order_gap_median": gap, "city": city})


def make_artefact(study: Study = STUDY, trees: int = 15) -> Artefact:
    X = make_rows()
    y = (X["order_count_30d"] > 9).to_numpy(dtype=float, copy=True)
    # A sliver of noise: calibration on perfectly separated outcomes knows no slope.
    y[::11] = 1 - y[::11]
    model = PropensityClassifier({"n_estimators": trees, "num_leaves": 5}, num_threads=1)
    model.fit(X, y).calibrate(X, y)
    columns = (
        Column("order_count_30d", "order_count", 30, "count", "value", "number", "n", "n"),
        Column("order_gap_median", "order_gap_median", None, "days", "rhythm", "number", "g", "g"),
        Column("city", "city", None, "category", "attributes", "category", "c", "c"),
    )
    table = reference_table(model.predict_proba(X)[:, 1])
    return Artefact(model, columns, study.to_dict(), {"rows": len(X)}, table)


def make_evaluation(skill: float, *, cutoff: str = "2011-11-09", **options: Any) -> Evaluation:
    """The model's score holds `skill` of the outcome, that of its baseline a fixed 0.2."""
    rng = np.random.default_rng(5)
    n = 400
    y = (rng.random(n) < 0.4).astype(float)
    noise = rng.random((2, n))
    scores = {
        "model": skill * y + (1 - skill) * noise[0],
        "recency_rule": 0.2 * y + 0.8 * noise[1],
    }
    scores = {name: np.clip(score, 0.01, 0.99) for name, score in scores.items()}
    frame = pd.DataFrame({"customer_id": np.arange(n).astype(str), "label": y})
    frame["cutoff"] = pd.Timestamp(cutoff)
    folds = [(pd.Timestamp("2011-10-10"), y, frame["customer_id"], scores)]
    return evaluate(Dataset(frame, ()), scores, folds=folds, repetitions=40, **options)


def train(skill: float, *, data: str = "d" * 64, study: Study = STUDY, **changes: Any) -> LoggedRun:
    """Log a training whose model has this skill; `changes` replace arguments of log_training."""
    given = {
        "study": study,
        "artefact": make_artefact(study),
        "evaluation": make_evaluation(skill),
        "dataset_info": {"digest": data, "rows": 400, "cutoffs": ["2011-10-10", "2011-11-09"]},
        "trials": [],
        "figures": {},
        "files": {},
        "input_example": make_rows(5),
        "git_commit": "abc123",
    } | changes
    return log_training(given.pop("study"), given.pop("artefact"), given.pop("evaluation"), **given)


def pages(digest: str) -> dict[str, str]:
    """The report on an artefact, for `files` of a training."""
    return {
        "report_en.html": ABOUT.format(digest, "reasons"),
        "report_de.html": ABOUT.format(digest, "Gründe"),
    }


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    """A folder with `mlflow.db`, which holds the versions of `trained`."""
    folder = tmp_path_factory.mktemp("mlflow")
    shutil.copyfile(empty_mlflow, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        train(0.5)
        train(0.05)
        train(0.6)
        train(0.4)
        train(0.4, data="e" * 64)
    return folder


@pytest.fixture
def store(empty_mlflow: Path, tmp_path: Path) -> Path:
    """The current folder with an empty store."""
    shutil.copyfile(empty_mlflow, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def trained(template: Path, tmp_path: Path) -> Path:
    """A store with five versions of STUDY, none of them champion, version 5 the challenger.

    1: good. 2: loses to its baseline. 3: better than 1. 4: worse than 1, yet beats the baseline.
    5: as 4, on other data.
    """
    shutil.copyfile(template / "mlflow.db", tmp_path / "mlflow.db")
    return tmp_path


def with_acceptance(**changes: Any) -> Study:
    acceptance = STUDY.acceptance.model_copy(update=changes)
    return STUDY.model_copy(update={"acceptance": acceptance})


@pytest.fixture(scope="session")
def reviewable(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the versions of `reported`, and their artifacts."""
    folder = tmp_path_factory.mktemp("reviewable")
    shutil.copyfile(empty_mlflow, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        artefact = make_artefact()
        mine, others = pages(artefact.digest), pages("ab" * 32)
        train(0.5, artefact=artefact, files=mine)
        train(0.05, artefact=artefact, files=mine)
        train(0.5, artefact=artefact)
        train(0.5, artefact=artefact, files=others)
        train(0.5, artefact=artefact, files=mine)
        MlflowClient().delete_model_version_tag(STUDY.name, "5", "report_digest")
        demanding = with_acceptance(review="required")
        own = make_artefact(demanding)
        train(0.5, artefact=own, study=demanding, files=pages(own.digest))
    shutil.copytree(folder / "mlruns", folder / "untouched")
    return folder


@pytest.fixture
def reported(reviewable: Path, tmp_path: Path) -> Path:
    """A store with six versions of STUDY, and the folder of their artifacts, to be changed at will.

    1: good, with a report. 2: loses to its baseline, with a report. 3: without one. 4: its report
    is about another artefact. 5: of an older release that recorded no digest of the report.
    6: as 1, trained with a study that demands a review.
    """
    shutil.copyfile(reviewable / "mlflow.db", tmp_path / "mlflow.db")
    # The store knows the artifacts by their place, and MLflow keeps that in mind.
    shutil.rmtree(reviewable / "mlruns")
    shutil.copytree(reviewable / "untouched", reviewable / "mlruns")
    return reviewable / "mlruns"
