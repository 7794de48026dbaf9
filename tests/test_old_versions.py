"""What version 0.1 left behind is read, served, explained, reported and promoted today.

The house and its answers of then were made with the code of that version; nothing is left out where
machine or libraries are others, but numbers may then differ in their last digits.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest

from neigung.errors import GateError
from neigung.explanation.explain import explain
from neigung.models.artefact import load_artefact
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring.score import score
from neigung.serving.access import ApiKey
from neigung.serving.clock import Clock
from neigung.serving.decision_log import DecisionLog
from neigung.serving.inventory import inventory
from neigung.serving.pinned import Pinned
from neigung.serving.predictor import Predictor
from neigung.serving.schemas import OffersRequest, PredictRequest
from neigung.serving.studies import ServedStudy
from neigung.serving.why import why_json, why_text
from neigung.study import Study
from neigung.tracking import registry
from neigung.tracking.gate import promote
from neigung.tracking.overview import write_overview
from neigung.tracking.review import reviews, signable_report, standing
from neigung.training.against_champion import compare_with_champion
from neigung.training.fitted import Fitted
from neigung.training.offers import fit_offers
from neigung.training.propensity import fit_propensity
from tests.old_house import machine, unpack

VERSIONS = ("buy/1", "buy/2", "discount/1")
KEY = ApiKey("crm", frozenset({"predict:*", "offers:*", "models"}))
NOW = dt.datetime(2025, 1, 2, 12, tzinfo=dt.UTC)
LOG = "sqlite:///decisions.db"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house of version 0.1; not to be changed."""
    folder = tmp_path_factory.mktemp("old") / "house"
    unpack(folder)
    return folder


@pytest.fixture(scope="module")
def then(unpacked: Path) -> dict[str, Any]:
    """What version 0.1 answered."""
    return json.loads((unpacked / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def current(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(unpacked)


@pytest.fixture
def house(unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house that a test may change, as the current folder."""
    unpack(tmp_path / "house")
    monkeypatch.chdir(tmp_path / "house")
    return tmp_path / "house"


def same(now: Any, before: Any, then: dict[str, Any]) -> None:
    """Equal, though more may be said; elsewhere than on `then["machine"]` but for last digits."""
    if isinstance(before, dict):
        for key, value in before.items():
            same(now[key], value, then)
    elif isinstance(before, list):
        assert len(now) == len(before)
        for mine, its in zip(now, before, strict=True):
            same(mine, its, then)
    elif isinstance(before, float) and machine() != then["machine"]:
        assert now == pytest.approx(before, rel=1e-6, abs=1e-9, nan_ok=True)
    else:
        assert now == before


def as_json(content: Any) -> Any:
    return json.loads(json.dumps(content, default=str))


@pytest.mark.parametrize("name", VERSIONS)
def test_versions_are_listed_and_say_the_same_of_everybody(name: str, then: dict[str, Any]) -> None:
    study, number = name.split("/")
    info = registry.find(study, number)
    artefact, _ = registry.load(study, info.version)
    before = then["versions"][name]
    assert artefact.digest == info.digest == before["digest"]
    assert list(info.aliases) == before["aliases"]
    assert info.metrics == before["metrics"]
    assert as_json(registry.evaluation_of(info).headline_numbers()) == before["headline"]
    scores = score(f"{study}.yaml", version=info.version, reasons=1)
    same(as_json(scores.to_dict("list")), before["scores"], then)
    assert load_artefact(dict(artefact.files)).digest == artefact.digest


def test_mlflow_finds_its_loader(then: dict[str, Any]) -> None:
    scores = pd.DataFrame(then["versions"]["buy/1"]["scores"])
    model = mlflow.pyfunc.load_model("models:/buy/1")
    X = _snapshot_rows("buy", model.metadata.signature.inputs.input_names())
    same(model.predict(X)["probability"].tolist(), scores["probability"].tolist(), then)


def _snapshot_rows(study: str, names: list[str]) -> pd.DataFrame:
    from neigung.snapshots.read import Snapshot

    snapshot = Snapshot.open(Path("snapshots") / study)
    return pd.DataFrame(snapshot.values(range(len(snapshot)), names))


@pytest.fixture
def served(house: Path) -> dict[str, ServedStudy]:
    """Both studies, with the snapshots and pinned versions of then."""
    clock = Clock(lambda: NOW.timestamp(), lambda: 0.0)
    return {
        name: ServedStudy(
            Study.load(f"{name}.yaml"), Path("snapshots") / name, Pinned(Path("pinned")),
            clock=clock,
        )
        for name in ("buy", "discount")
    }  # fmt: skip


@pytest.fixture
def log(house: Path) -> Iterator[DecisionLog]:
    """The log of then, which goes on."""
    with DecisionLog.open(LOG, Path(".neigung/log.key").read_bytes()) as log:
        yield log


def test_snapshots_are_served_and_the_log_goes_on(
    served: dict[str, ServedStudy], log: DecisionLog, then: dict[str, Any]
) -> None:
    for one in served.values():
        assert one.loaded.explained  # by the contributions in the snapshot of then
        one.refresh()
        assert not one.problems
    clock = Clock(lambda: NOW.timestamp() + 60, lambda: 0.0)
    predictor = Predictor(served, log, clock)
    asked = {name: json.dumps(content) for name, content in then["questions"].items()}
    said = {
        "predict": predictor.predict(PredictRequest.model_validate_json(asked["predict"]), KEY),
        "offers": predictor.offers(OffersRequest.model_validate_json(asked["offers"]), KEY),
    }
    for name, answer in said.items():
        same(as_json(answer), then["answers"][name], then)
    assert len(log.why("k001", NOW.replace(tzinfo=None))) == 3  # of then
    [newest, *_] = log.why("k001")
    assert newest.at == dt.datetime(2025, 1, 2, 12, 1)


def test_what_is_served_is_listed(served: dict[str, ServedStudy], then: dict[str, Any]) -> None:
    now = {one["study"]: one for one in inventory(served, KEY)["models"]}
    for before in then["answers"]["models"]["models"]:
        study = before["study"]
        cutoffs = *before.pop("training_cutoffs"), before.pop("test_cutoff")
        if study == "discount":
            assert cutoffs == (None,)  # an error of then
            cutoffs = "2024-08-14", "2024-08-28"
        told = *now[study]["training_cutoffs"], now[study]["test_cutoff"]
        assert told == tuple(map(dt.datetime.fromisoformat, cutoffs))
        same(as_json(now[study]), before, then)


def test_old_decisions_are_told(house: Path, then: dict[str, Any]) -> None:
    key = Path(".neigung/log.key")
    for customer, before in then["why_data"].items():
        assert json.loads(why_json(LOG, key, customer)) == before
    assert then["why_data"]["k041"]["predictions"]
    for language, text in then["why"].items():
        assert why_text(LOG, key, "k000", language=language) == text


@pytest.mark.parametrize("name", VERSIONS)
def test_reports_are_those_of_the_training(name: str, then: dict[str, Any]) -> None:
    study, number = name.split("/")
    info = registry.find(study, number)
    report = signable_report(info)
    assert report.digest == report.recorded == then["versions"][name]["report_digest"]
    for language in ("en", "de"):
        assert f'lang="{language}"' in registry.report_of(study, number, language)


def test_a_review_still_counts(house: Path) -> None:
    info = registry.find("buy", "champion")
    report = registry.read_report(info)
    [review] = reviews(info)
    assert review.approved
    assert review.by == "Ada"
    assert review.fits(report.digest, info.digest)
    assert "(of another report" not in standing(info, report)
    assert promote(_lenient("buy"), 1).approval == review


def test_the_gate_compares_old_versions(house: Path) -> None:
    with pytest.raises(GateError, match=r"worse than the present champion, version 1, on the same"):
        promote(_lenient("buy"), 2)
    promote(_lenient("buy"), 2, force=True, why="to see that it can be")
    assert registry.find("buy", "champion").version == 2
    assert promote(_lenient("buy"), 1).previous == 2


def _lenient(name: str) -> Study:
    study = Study.load(f"{name}.yaml")
    acceptance = study.acceptance.model_copy(update={"beat_baseline": False})
    return study.model_copy(update={"acceptance": acceptance})


def test_the_overview_shows_old_versions(house: Path) -> None:
    written = write_overview(house / "overview")
    assert (written.studies, written.versions, written.missing) == (2, 3, 0)


@pytest.fixture(scope="module")
def trained(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fitted]:
    """The studies of then fitted today, on the profiles of then."""
    folder = tmp_path_factory.mktemp("today")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copytree(unpacked / "profiles", "profiles")
        profiles = Profiles.open("profiles")
        return {
            name: fit(Study.load(unpacked / f"{name}.yaml"), profiles, Reporter())
            for name, fit in (("buy", fit_propensity), ("discount", fit_offers))
        }


@pytest.mark.parametrize("study", ["buy", "discount"])
def test_the_same_training_gives_the_same_artefact(
    study: str, trained: dict[str, Fitted], then: dict[str, Any]
) -> None:
    before, info = registry.load(study, 1)
    now = trained[study].artefact
    assert json.loads(now.files["artefact.json"]).keys() == (
        json.loads(before.files["artefact.json"]).keys()
    )
    assert now.study == before.study  # a new key of a study must not make another model of it
    assert now.files.keys() == before.files.keys()
    for key in ("data_digest", "study_digest", "splits", "rows"):
        assert as_json(now.meta)[key] == before.meta[key], key
    for column in before.columns:
        assert column in now.columns
    X = trained[study].test.X
    said = now.predict(X).select_dtypes("float"), before.predict(X).select_dtypes("float")
    np.testing.assert_allclose(*said, rtol=1e-6, atol=1e-9)
    if machine() == then["machine"]:
        assert now.digest == info.digest


@pytest.mark.parametrize("name", ["buy", "discount"])
def test_a_new_version_is_compared_with_the_champion_of_then(
    name: str, trained: dict[str, Fitted]
) -> None:
    fitted, study = trained[name], Study.load(f"{name}.yaml")
    compared, notes = compare_with_champion(study, fitted, explain(fitted.artefact, fitted.test))
    assert not notes
    assert compared is not None
    assert compared.champion == 1
