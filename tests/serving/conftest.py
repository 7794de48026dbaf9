"""A shop with two champions and their snapshots, and a service that runs on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from neigung.simulation.simulate import simulate
from neigung.snapshots.write import write_snapshot
from neigung.study import Study
from neigung.tracking.gate import promote
from neigung.training.train import train
from tests.conftest import train_quickly
from tests.serving.running import Running, running
from tests.stores import small_store

BUY: dict[str, Any] = {
    "name": "buy",
    "profiles": "small",
    "target": {"kind": "purchase", "horizon_days": 14},
    "legal_basis": {"consent": "profiling"},
    "population": {"active_within_days": 200},
    "cutoffs": {"last": "latest", "every_days": 20, "count": 3},
    "model": {"trials": 1, "folds": 1},
}
DISCOUNT: dict[str, Any] = {
    "name": "discount",
    "profiles": "simulated",
    "target": {"kind": "offer", "horizon_days": 14, "campaigns": ["discount-test-*"]},
    "legal_basis": {"legitimate_interest": "marketing"},
    "cutoffs": {"last": "latest", "every_days": 84, "count": 4},
    "features": ["order_count", "days_since_last_order", "discount_share", "last_order_channel"],
    "decision": {"margin_rate": 0.45, "contact_cost": 0.05},
}
STUDIES = ("buy.yaml", "discount.yaml")


@pytest.fixture(scope="session")
def discounting(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    """A folder with two stores and the study discount, its champion and its snapshot."""
    folder = tmp_path_factory.mktemp("discounting")
    shutil.copyfile(empty_mlflow, folder / "mlflow.db")
    (folder / "small").mkdir()
    for name, frame in small_store(60).items():
        frame.to_parquet(folder / "small" / f"{name}.parquet", index=False)
    simulate(folder / "simulated", 1500, 1)
    with_champion(folder, DISCOUNT)
    return folder


@pytest.fixture(scope="session")
def trained(discounting: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two studies, their champions and their snapshots; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "house"
    shutil.copytree(discounting, folder)
    with_champion(folder, BUY)
    return folder


@pytest.fixture(scope="session")
def light(discounting: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a model that reads a tenth as much, so that a service starts soon."""
    folder = tmp_path_factory.mktemp("light") / "house"
    shutil.copytree(discounting, folder)
    with_champion(
        folder, BUY | {"features": ["order_count", "days_since_last_order", "last_order_channel"]}
    )
    return folder


def with_champion(folder: Path, content: dict[str, Any]) -> None:
    """Train a study in a folder, elect the version and write its snapshot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        train_quickly(patch)
        path = Path(f"{content['name']}.yaml")
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        study = Study.load(path)
        run = train(study)
        promote(study, run.version, force=True, why="for a test")
        write_snapshot(study, Path("snapshots") / study.name)


@pytest.fixture
def house(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trained folder that a test may change, as the current folder."""
    folder = tmp_path / "house"
    shutil.copytree(trained, folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="package")
def service(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of both studies that tests share and do not harm; it ends with these tests.

    Nothing changes that it would have to follow soon, and to look every second costs a lot.
    """
    folder = tmp_path_factory.mktemp("served") / "house"
    shutil.copytree(trained, folder)
    with running(folder, studies=STUDIES, poll_seconds=10.0) as one:
        yield one
