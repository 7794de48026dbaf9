import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.errors import InputError
from neigung.features.feature import Column
from neigung.models.artefact import _load_pyfunc
from neigung.models.propensity.artefact import Artefact, reference_table
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.sealed import FORMAT_VERSION


def customers(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"orders": rng.poisson(4, rows), "channel": rng.choice(["web", "Büro"], rows)})
    return X.astype({"orders": float, "channel": "category"})


def outcome(X: pd.DataFrame) -> np.ndarray:
    return np.asarray((X["orders"] + (X["channel"] == "web") > 4), dtype=float)


def column(name: str, kind: str) -> Column:
    return Column.from_dict(
        {
            "name": name,
            "feature": name,
            "window": None,
            "unit": "count",
            "theme": "orders",
            "kind": kind,
            "text_en": "Number of orders",
            "text_de": "Anzahl der Aufträge",
        }
    )


def make() -> Artefact:
    X = customers(300)
    model = PropensityClassifier({"n_estimators": 20}, random_state=1).fit(X, outcome(X))
    model.calibrate(customers(200, 1), outcome(customers(200, 1)))
    return Artefact(
        classifier=model,
        columns=(column("orders", "number"), column("channel", "category")),
        study={"name": "purchase_30d", "cutoffs": {"last": "2025-06-01"}},
        meta={
            "test": datetime(2025, 6, 1),
            "auroc": np.float64(0.8),
            "lift": float("nan"),
            "folds": (np.array([1, 2]), {"ok": np.True_}),
        },
        reference=reference_table(model.predict_proba(customers(250, 2))[:, 1]),
    )


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return make()


@pytest.fixture
def folder(artefact: Artefact, tmp_path: Path) -> Path:
    artefact.save(tmp_path / "artefact")
    return tmp_path / "artefact"


def test_predictions_survive_saving(artefact: Artefact, folder: Path) -> None:
    X = customers(100, 3)
    loaded = Artefact.load(folder)
    pd.testing.assert_frame_equal(loaded.predict(X), artefact.predict(X), check_exact=True)
    np.testing.assert_array_equal(loaded.contributions(X), artefact.contributions(X))
    assert loaded.columns == artefact.columns
    assert loaded.study == artefact.study
    assert loaded.digest == artefact.digest
    assert loaded.meta == {
        "test": "2025-06-01T00:00:00",
        "auroc": 0.8,
        "lift": None,
        "folds": [[1, 2], {"ok": True}],
    }


def test_what_is_usual_is_kept(artefact: Artefact, tmp_path: Path) -> None:
    assert artefact.usual == {}
    usual = {"orders": 4.0, "channel": None}
    replace(artefact, meta={**artefact.meta, "usual": usual}).save(tmp_path / "told")
    assert Artefact.load(tmp_path / "told").usual == usual


def test_an_artefact_from_before_there_were_facts_keeps_its_digest(folder: Path) -> None:
    text = (folder / "artefact.json").read_text(encoding="utf-8")
    columns = json.loads(text)["columns"]
    later = {"fact", "zero_en", "zero_de", "missing_en", "missing_de"}
    assert all(later.isdisjoint(column) for column in columns)
    digest = hashlib.sha256((folder / "checksums.json").read_bytes()).hexdigest()
    assert Artefact.load(folder).digest == digest


def test_only_data_is_written_and_nothing_else_lies_around(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == [
        "artefact.json",
        "checksums.json",
        "model.txt",
    ]
    assert [p.name for p in folder.parent.iterdir()] == ["artefact"]
    assert "Anzahl der Aufträge" in (folder / "artefact.json").read_text("utf-8")


def test_saving_again_replaces_and_gives_the_same_bytes(artefact: Artefact, folder: Path) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    (folder / "model.txt").write_text("damaged")
    Artefact.save(artefact, folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


_MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
from test_artefact import make
print(make().digest)
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_makes_the_same_digest(artefact: Artefact, hash_seed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _MAKE, os.path.dirname(__file__)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == artefact.digest


def test_any_difference_changes_the_digest(artefact: Artefact) -> None:
    assert make().digest == artefact.digest
    other = Artefact(
        artefact.classifier, artefact.columns, {"name": "churn"}, artefact.meta, artefact.reference
    )
    assert other.digest != artefact.digest


@pytest.mark.parametrize("name", ["model.txt", "artefact.json", "checksums.json"])
def test_damage_and_loss_are_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"1", b"2", 1)[:-2])
    with pytest.raises(InputError, match=rf"{name}.*(changed|damaged)"):
        Artefact.load(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"needs .*{name}, but it cannot be read"):
        Artefact.load(folder)


def test_a_newer_format_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neigung.models.sealed.FORMAT_VERSION", FORMAT_VERSION + 1)
    with pytest.raises(InputError, match=r"artefact\.json needs format version 2, but has 1"):
        Artefact.load(folder)


def test_a_folder_with_other_things_is_not_replaced(artefact: Artefact, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear")
    for target in (tmp_path, tmp_path / "diary.txt"):
        with pytest.raises(InputError, match="holds something else"):
            artefact.save(target)
    assert (tmp_path / "diary.txt").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    artefact.save(tmp_path / "empty")
    assert Artefact.load(tmp_path / "empty").digest == artefact.digest


def test_a_failed_save_leaves_the_old_one(
    artefact: Artefact, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        artefact.save(folder)
    assert [p.name for p in folder.parent.iterdir()] == ["artefact"]
    assert Artefact.load(folder).digest == artefact.digest


def test_bands_are_the_upper_tenth_and_the_next_three() -> None:
    X = pd.DataFrame({"orders": np.arange(2000.0)})
    model = PropensityClassifier({"n_estimators": 2}).fit(X, X["orders"] > 999)
    uniform = tuple(np.linspace(0, 1, 1001))
    artefact = Artefact(model, (), {}, {}, uniform)
    frame = pd.DataFrame({"p": [0.0, 0.3, 0.59, 0.61, 0.89, 0.91, 1.0]})
    percentile = artefact._percentile(frame["p"].to_numpy())
    assert percentile == pytest.approx(100 * frame["p"], abs=0.1)
    shown = Artefact(model, (), {}, {}, uniform, (("all", 0.0),)).predict(X)
    assert set(shown["band"]) == {"all"}
    bands = {p: artefact._band(np.array([p]))[0] for p in (0.0, 59.9, 60.0, 89.9, 90.0, 100.0)}
    assert list(bands.values()) == ["low", "low", "medium", "medium", "high", "high"]


@settings(max_examples=50, deadline=None)
@given(
    reference=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    scores=st.lists(st.floats(0, 1), min_size=2, max_size=20),
)
def test_percentiles_rise_with_the_probability(
    artefact: Artefact, reference: list[float], scores: list[float]
) -> None:
    table = reference_table(reference)
    tied = Artefact(artefact.classifier, (), {}, {}, table)
    percentile = tied._percentile(np.sort(scores))
    assert (np.diff(percentile) >= 0).all()
    assert (percentile >= 0).all()
    assert (percentile <= 100).all()
    assert tied._percentile(np.array(reference)).mean() == pytest.approx(50)


def test_the_reference_table_stays_small_and_keeps_the_ends() -> None:
    scores = np.random.default_rng(0).random(50_000)
    table = reference_table(scores)
    assert len(table) == 1001
    assert (table[0], table[-1]) == (scores.min(), scores.max())
    assert table[500] == pytest.approx(np.median(scores), abs=1e-3)


@pytest.mark.parametrize("scores", [[], [np.nan], [0.5, 1.1]])
def test_a_reference_that_is_none_is_refused(scores: list[float]) -> None:
    with pytest.raises(InputError, match="reference probabilities between 0 and 1"):
        reference_table(scores)


def test_pyfunc_takes_what_json_brings(artefact: Artefact, folder: Path) -> None:
    X = customers(20, 4)
    body = json.loads(X.astype({"orders": int}).to_json(orient="records"))
    body[3]["orders"] = None
    X.loc[3, "orders"] = np.nan
    for frame in (pd.DataFrame(body), pd.DataFrame(body, dtype=object)):
        answer = _load_pyfunc(str(folder)).predict(frame, params=None)
        pd.testing.assert_frame_equal(answer, artefact.predict(X), check_exact=True)
    assert list(answer.columns) == ["probability", "percentile", "band"]


def test_mlflow_loads_it_by_its_module(artefact: Artefact, folder: Path, tmp_path: Path) -> None:
    import mlflow.pyfunc

    mlflow.pyfunc.save_model(
        tmp_path / "model", loader_module="neigung.models.artefact", data_path=str(folder)
    )
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    X = customers(10, 5)
    pd.testing.assert_frame_equal(loaded.predict(X), artefact.predict(X), check_exact=True)
