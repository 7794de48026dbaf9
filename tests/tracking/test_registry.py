from __future__ import annotations

import hashlib
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from neigung.errors import InputError, TrackingError
from neigung.language import catalogue
from neigung.tracking import registry
from tests.tracking.conftest import STUDY, make_artefact, make_rows, train


def test_versions_come_oldest_first(trained: Path) -> None:
    found = registry.versions(STUDY.name)
    assert [one.version for one in found] == [1, 2, 3, 4, 5]
    assert [one.created for one in found] == sorted(one.created for one in found)
    assert found[-1].aliases == ("challenger",)
    assert found[0].metrics["test.average_precision"] > found[1].metrics["test.average_precision"]


@pytest.mark.parametrize("version", [3, "3", "challenger", "latest"])
def test_a_loaded_artefact_predicts_as_the_trained_one(trained: Path, version: int | str) -> None:
    artefact, info = registry.load(STUDY.name, version)
    assert info.version == (3 if version in (3, "3") else 5)
    assert artefact.digest == info.digest
    X = make_rows(30)
    np.testing.assert_array_equal(artefact.contributions(X), make_artefact().contributions(X))


def test_the_champion_follows_its_alias(trained: Path) -> None:
    MlflowClient().set_registered_model_alias(STUDY.name, "champion", "2")
    assert registry.load(STUDY.name, "champion")[1].version == 2


def test_a_folder_without_a_store_stays_without_one(tmp_path: Path) -> None:
    with pytest.raises(
        TrackingError, match=r"no MLflow store at .*mlflow\.db yet\. Run `neigung t"
    ):
        registry.load(STUDY.name, "latest")
    assert list(tmp_path.iterdir()) == []


def test_a_study_never_trained(store: Path) -> None:
    assert registry.versions(STUDY.name) == []
    with pytest.raises(TrackingError, match="Study purchase_30d has no registered version; run"):
        registry.load(STUDY.name, "champion")


def test_a_version_that_is_not_there(trained: Path) -> None:
    with pytest.raises(TrackingError, match="has no version 9; registered: 1, 2, 3, 4, 5"):
        registry.load(STUDY.name, 9)


def test_no_champion_yet_says_how_to_make_one(trained: Path) -> None:
    with pytest.raises(TrackingError, match=r"no champion yet.*neigung promote STUDY --version 5"):
        registry.load(STUDY.name, "champion")


@pytest.mark.parametrize("word", ["Champion", "newest", "-1", "1.5", "²", "", "9" * 5000])
def test_a_version_that_is_none(trained: Path, word: str) -> None:
    with pytest.raises(InputError, match="A version is a number"):
        registry.load(STUDY.name, word)


def test_another_artefact_than_the_registered_one_is_refused(trained: Path) -> None:
    MlflowClient().set_model_version_tag(STUDY.name, "1", "artefact_digest", "0" * 64)
    with pytest.raises(TrackingError, match="registered with the artefact digest 000000000000"):
        registry.load(STUDY.name, 1)


def test_a_changed_file_is_refused(store: Path) -> None:
    train(0.5)
    (model,) = store.rglob("model.txt")
    model.write_text(model.read_text() + " ")
    with pytest.raises(TrackingError, match=r"used: data/artefact/model.txt must .* was changed"):
        registry.load(STUDY.name, 1)


def test_artifacts_that_are_gone_are_one_line(store: Path) -> None:
    train(0.5)
    shutil.rmtree(store / "mlruns")
    with pytest.raises(TrackingError) as caught:
        registry.load(STUDY.name, 1)
    assert "\n" not in str(caught.value)


def test_a_file_that_the_run_does_not_have(trained: Path) -> None:
    version = registry.find(STUDY.name, 1)
    with pytest.raises(TrackingError, match="run of version 1 of study purchase_30d has no nope"):
        registry.run_artifact(version, "nope.html")


def test_the_report_of_a_version_in_both_languages(store: Path) -> None:
    train(0.5, files={"report_en.html": "<p>reason</p>", "report_de.html": "<p>Gründe</p>"})
    assert registry.report_of(STUDY.name, 1) == "<p>reason</p>"
    assert registry.report_of(STUDY.name, "challenger", "de") == "<p>Gründe</p>"


def test_a_report_in_a_language_that_came_later(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version keeps the pages and the digest it was trained with."""
    pages = {one: f"<p>{one}</p>" for one in ("en", "de", "cs")}
    files = {f"report_{one}.html": page for one, page in pages.items()}
    train(0.5, files={name: files[name] for name in ("report_en.html", "report_de.html")})
    shutil.copy(catalogue.LOCALE / "de.po", tmp_path)
    (tmp_path / "cs.po").touch()
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path)
    train(0.6, files=files)
    old, new = (registry.read_report(registry.find(STUDY.name, one)) for one in (1, 2))
    assert old.recorded == old.digest == hashlib.sha256(b"<p>en</p><p>de</p>").hexdigest()
    assert new.recorded == new.digest == hashlib.sha256(b"<p>en</p><p>cs</p><p>de</p>").hexdigest()
    assert registry.report_of(STUDY.name, 2, "cs") == "<p>cs</p>"
    with pytest.raises(InputError, match="written in en or de, found 'cs'"):
        registry.report_of(STUDY.name, 1, "cs")


def test_an_evaluation_that_cannot_be_read(store: Path) -> None:
    train(0.5)
    (path,) = store.rglob("evaluation.json")
    path.write_text('{"cutoff": "2011-11-09"}')
    with pytest.raises(TrackingError, match=r"evaluation\.json of version 1 .* cannot be read"):
        registry.evaluation_of(registry.find(STUDY.name, 1))


def test_a_server_that_does_not_answer_is_one_line_soon(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        uri = f"http://me:secret@127.0.0.1:{held.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        started = time.monotonic()
        with pytest.raises(TrackingError, match="reachable MLflow store is needed") as caught:
            registry.versions(STUDY.name)
    assert time.monotonic() - started < 100  # MLflow itself would try for 254
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:///broken.db", "not a database"),
        ("sqlite:////proc/nowhere/mlflow.db", "no MLflow store at /proc/nowhere"),
        ("postgresql+nodriver://me:secret@localhost/x", "nodriver"),
        ("carrier-pigeon://x", "carrier-pigeon"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, message: str
) -> None:
    (tmp_path / "broken.db").write_text("no database, but long enough to be looked at" * 50)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    started = time.monotonic()
    with pytest.raises(TrackingError, match=message) as caught:
        registry.versions(STUDY.name)
    assert time.monotonic() - started < 100
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
