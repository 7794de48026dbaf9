"""What gets into a snapshot: the numbers of `neigung features` and of the explanations, to the bit,
and why nothing is known of everybody else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError, StudyError, TrackingError
from neigung.explanation import contributions as explaining
from neigung.models.dataset import build_features
from neigung.profiles.store import Profiles
from neigung.scoring.score import score
from neigung.snapshots import write
from neigung.snapshots.read import Snapshot
from neigung.snapshots.write import write_snapshot
from neigung.study import Study
from neigung.tracking.registry import load
from tests.conftest import STUDY, Shop
from tests.stores import small_store

CUTOFF = dt.datetime(2025, 5, 1)
FEW = ["order_count", "campaign_open_rate", "category_return_days", "product_due_by_others"]
BASES = [{"consent": "profiling"}, {"legitimate_interest": "profiling"}, {"none_needed": "a test"}]


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return Profiles.from_tables(small_store(60))


def study(**changes: Any) -> Study:
    return Study.from_dict(STUDY | {"features": "all", **changes})


def assert_holds(snapshot: Snapshot, frame: pd.DataFrame) -> None:
    """Every value of every customer, found by id, is that of the frame."""
    rows = [snapshot.find(one) for one in frame["customer_id"]]
    assert rows == list(range(len(frame)))
    names = [column.name for column in snapshot.columns]
    found = snapshot.values(list(range(len(frame))), names)
    for column in snapshot.columns:
        expected = frame[column.name]
        if column.kind == "category":
            texts = expected.astype(object)
            assert found[column.name].tolist() == texts.where(texts.notna(), None).tolist()
        else:
            assert found[column.name].tobytes() == expected.to_numpy(np.float64).tobytes()


@pytest.mark.parametrize("basis", BASES, ids=lambda one: next(iter(one)))
def test_features_are_those_of_the_batch(
    profiles: Profiles, tmp_path: Path, basis: dict[str, str]
) -> None:
    features: Any = "all" if "consent" in basis else FEW
    asked = study(legal_basis=basis, features=features)
    snapshot = write_snapshot(asked, tmp_path / "s", CUTOFF, version=None, profiles=profiles)
    dataset = build_features(asked, profiles, CUTOFF)
    assert snapshot.columns == dataset.columns
    assert len(snapshot.columns) > (130 if features == "all" else 3)
    assert snapshot.notes == dataset.notes
    assert_holds(snapshot, dataset.frame)
    assert Snapshot.open(tmp_path / "s").digest == snapshot.digest


@pytest.mark.parametrize("basis", BASES, ids=lambda one: next(iter(one)))
def test_all_others_are_known_with_the_reason(
    profiles: Profiles, tmp_path: Path, basis: dict[str, str]
) -> None:
    active = {"active_within_days": 20}
    asked = study(legal_basis=basis, population=active, features=["order_count"])
    snapshot = write_snapshot(asked, tmp_path / "s", CUTOFF, version=None, profiles=profiles)

    def population(**changes: Any) -> set[str]:
        other = study(features=["order_count"], legal_basis=basis, population={**active})
        other = other.model_copy(update=changes)
        return set(build_features(other, profiles, CUTOFF).frame["customer_id"])

    free = study(legal_basis={"none_needed": "a test"}).legal_basis
    tables = profiles.tables.values()
    everybody = {one for table in tables for one in table.customer_id.to_pyarrow().to_pylist()}
    found = {one: snapshot.refused(one) for one in everybody}
    inside = {one for one in everybody if snapshot.find(one) is not None}
    assert inside == population()
    assert {one for one, code in found.items() if code is None} == inside
    refused = {one for one, code in found.items() if code == "no_consent"}
    # Among the active ones, nothing but the legal basis keeps somebody out.
    assert population(legal_basis=free) - inside == refused & population(legal_basis=free)
    assert bool(refused) == ("none_needed" not in basis)
    assert "not_in_population" in found.values()
    assert snapshot.refused("nobody") is None


def test_what_is_shared_is_what_the_features_need(profiles: Profiles, tmp_path: Path) -> None:
    def shared(*features: str) -> dict[str, Any]:
        asked = study(features=list(features))
        place = tmp_path / features[0]
        return write_snapshot(asked, place, CUTOFF, version=None, profiles=profiles).shared()

    assert shared("order_count") == {}
    products = shared("product_age", "product_due_by_others")
    assert list(products) == ["products"]
    assert products["products"].column_names[0] == "product_id"
    keys = products["products"]["product_id"].to_pylist()
    assert keys == sorted(set(keys))
    assert set(shared("campaign_open_rate", "category_return_days")) == {"campaigns", "categories"}


def test_the_types_of_the_tables_can_be_read_again(profiles: Profiles, tmp_path: Path) -> None:
    asked = study(features=["order_count"])
    snapshot = write_snapshot(asked, tmp_path / "s", CUTOFF, version=None, profiles=profiles)
    assert list(snapshot.tables) == list(profiles.tables)
    for name, table in profiles.tables.items():
        again = {column: ibis.dtype(kind) for column, kind in snapshot.tables[name].items()}
        assert again == dict(table.schema().items())


def test_the_same_store_gives_the_same_bytes(tmp_path: Path) -> None:
    store, asked = small_store(30), study(features=FEW)
    digests = set()
    for seed in (1, 2):
        shuffled = {name: rows.sample(frac=1, random_state=seed) for name, rows in store.items()}
        made = write_snapshot(
            asked, tmp_path / "s", CUTOFF, version=None, profiles=Profiles.from_tables(shuffled)
        )
        digests.add(made.digest)
    assert len(digests) == 1


def test_the_champion_is_explained(trained: Shop) -> None:
    from neigung.tracking.gate import promote

    promote(Study.load("study.yaml"), 1, force=True, why="a test")
    snapshot = write_snapshot("study.yaml", "snap", CUTOFF)
    artefact, info = load("buy", "champion")
    assert snapshot.explained is not None
    assert snapshot.explained.version == 1
    assert snapshot.explained.artefact_digest == artefact.digest == info.digest

    names = [column.name for column in artefact.columns]
    dataset = build_features(Study.load("study.yaml"), Profiles.open("profiles"), CUTOFF)
    exact = explaining.contributions(artefact, dataset.frame[names])
    found = snapshot.contributions(range(len(dataset)))
    assert found is not None
    assert found[:, :-1].tobytes() == np.ascontiguousarray(exact.values).tobytes()
    assert set(found[:, -1]) == {exact.base}
    assert snapshot.arms([0]) is None

    scores = score("study.yaml", CUTOFF)
    assert scores["customer_id"].tolist() == dataset.frame["customer_id"].tolist()
    odds = np.log(scores["probability"] / (1 - scores["probability"]))
    np.testing.assert_allclose(found.sum(axis=1), odds, atol=1e-9)


def test_parts_are_explained_as_the_whole(trained: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bulk, where each part is long enough to be explained in bulk."""
    monkeypatch.setattr(explaining, "MANY_ROWS", 5)
    whole = write_snapshot("study.yaml", "snap", CUTOFF, version=1)
    rows = range(len(whole))
    before = whole.contributions(rows)
    monkeypatch.setattr(write, "ROWS_AT_ONCE", len(whole) // 3)
    after = write_snapshot("study.yaml", "snap", CUTOFF, version=1).contributions(rows)
    assert before is not None
    assert after is not None
    assert before.tobytes() == after.tobytes()


def test_without_a_champion_a_note_takes_the_place_of_contributions(trained: Shop) -> None:
    ended = trained.run("features", "study.yaml", "--cutoff", "2025-05-01", "--snapshot", "snap")
    assert ended.code == 0
    assert "study buy has no champion yet, so no contributions are kept" in ended.err
    assert "no model: snap" in ended.out
    assert Snapshot.open("snap").explained is None


def test_the_command_writes_what_is_asked_for(trained: Shop) -> None:
    common = ("features", "study.yaml", "--cutoff", "2025-05-01")
    ended = trained.run(*common, "--snapshot", "snap", "--version", "1")
    assert "contributions of version 1: snap" in ended.out
    assert Snapshot.open("snap").explained is not None
    ended = trained.run(*common, "--snapshot", "snap", "--version", "none", "--out", "f.parquet")
    assert "no model: snap" in ended.out
    snapshot, frame = Snapshot.open("snap"), pd.read_parquet("f.parquet")
    assert snapshot.explained is None
    assert_holds(snapshot, frame)
    assert trained.run(*common, "--snapshot", "snap", "--version", "7").code == 2
    assert "--snapshot FOLDER" in trained.run(*common).message
    assert Snapshot.open("snap").digest == snapshot.digest


def test_a_snapshot_needs_no_tracking_store_without_a_version(filled: Shop) -> None:
    write_snapshot("study.yaml", "snap", CUTOFF, version=None)
    assert filled.files() == {"snap"}
    with pytest.raises(TrackingError, match="no MLflow store"):
        write_snapshot("study.yaml", "snap", CUTOFF)


def test_a_model_that_reads_more_than_the_study_names(trained: Shop) -> None:
    trained.study(features=["order_value"])
    snapshot = write_snapshot("study.yaml", "snap", CUTOFF, version=1)
    artefact, _ = load("buy", 1)
    names = {column.name for column in snapshot.columns}
    assert names == {column.name for column in artefact.columns} | {
        name for name in names if name.startswith("order_value")
    }
    assert snapshot.study["features"] == ["order_value"]
    asked = Study.load("study.yaml")
    wanted = [column.name for column in artefact.columns]
    dataset = build_features(asked, Profiles.open("profiles"), CUTOFF, names=wanted)
    exact = explaining.contributions(artefact, dataset.X)
    found = snapshot.contributions(range(len(snapshot)))
    assert found is not None
    assert found[:, :-1].tobytes() == np.ascontiguousarray(exact.values).tobytes()


def test_a_version_that_does_not_fit_is_refused_before_anything_is_written(trained: Shop) -> None:
    with pytest.raises(StudyError, match="trained with another retention_days"):
        write_snapshot(trained.study(retention_days=30), "snap", CUTOFF, version=1)
    with pytest.raises(TrackingError, match="has no version 9"):
        write_snapshot(trained.study(), "snap", CUTOFF, version=9)
    (trained.folder / "profiles" / "customers.parquet").unlink()
    with pytest.raises(StudyError, match="the model needs attribute_income, which this store"):
        write_snapshot(trained.study(), "snap", CUTOFF, version=1)
    assert not (trained.folder / "snap").exists()


def test_the_store_itself_is_not_overwritten(filled: Shop) -> None:
    with pytest.raises(InputError, match="holds something else"):
        write_snapshot("study.yaml", "profiles", CUTOFF, version=None)
    assert Profiles.open("profiles").customers() > 50
