"""A small shop to try the commands on: profiles, a study and an MLflow store of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# The processors are shared by processes already: threads that wait for work only take them away.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pandas as pd
import pytest
import yaml
from hypothesis import settings

from neigung.cli import command_line
from neigung.language import catalogue
from tests.language.pseudo import write_pseudo
from tests.postgres import Server
from tests.stores import small_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from neigung.profiles.store import Profiles
    from neigung.progress import Reporter
    from neigung.report.evidence import Evidence
    from neigung.study import Study
    from neigung.training.fitted import Fitted

# The same examples in each run: a failure is the change's, not the dice's.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

collect_ignore_glob = ["data/*"]
"""What made the files of older versions imports these versions."""

STUDY: dict[str, Any] = {
    "name": "buy",
    "profiles": "profiles",
    "target": {"kind": "purchase", "horizon_days": 14},
    "legal_basis": {"consent": "profiling"},
    "cutoffs": {"last": "latest", "every_days": 20, "count": 4},
    "features": ["order_count", "days_since_last_order", "last_order_channel", "attribute_income"],
    "model": {"trials": 1, "folds": 1},
}
FILLED = ("order_lines", "customers", "consents", "visits", "labels")
"""The tables that the study reads and two more: to open a store of all takes twice as long."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """What went wrong, which must be said once, on the error stream, without a traceback."""
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        [start] = [i for i, line in enumerate(lines) if line.startswith("Error: ")]
        return "\n".join(lines[start:]).removeprefix("Error: ")


@dataclass(frozen=True)
class Shop:
    """The current folder as somebody has it who works with Neigung."""

    folder: Path
    run: Callable[..., Ended]

    def write(self, tables: Mapping[str, pd.DataFrame], suffix: str = ".parquet") -> None:
        """Write the profile store anew."""
        shutil.rmtree(self.folder / "profiles", ignore_errors=True)
        (self.folder / "profiles").mkdir()
        for name, frame in tables.items():
            path = self.folder / "profiles" / f"{name}{suffix}"
            save = frame.to_csv if suffix == ".csv" else frame.to_parquet
            save(path, index=False)

    def study(self, **changes: Any) -> str:
        """Write the study with other values; a dict changes some keys of a part."""
        content = dict(STUDY)
        for key, value in changes.items():
            whole = not isinstance(value, dict) or key in ("target", "legal_basis")
            content[key] = value if whole else {**content.get(key, {}), **value}
        (self.folder / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return "study.yaml"

    def files(self) -> set[str]:
        """What was made in the folder beside profiles and study."""
        own = ("profiles", "study.yaml", "mlflow.db")
        return {entry.name for entry in self.folder.iterdir() if entry.name not in own}


@pytest.fixture(scope="session")
def small_tables() -> dict[str, pd.DataFrame]:
    return small_store(60)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, for all tests of a process."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Spark on this machine, for all tests of a process."""
    from tests.spark import start

    session = start(tmp_path_factory.mktemp("warehouse"))
    yield session
    session.stop()


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shop:
    """An empty folder, and the command line, called in this process as `neigung` calls it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line.signal, "signal", lambda *_: None)

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["neigung", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        return Ended(ended.value.code or 0, out, err)

    return Shop(tmp_path, run)


@pytest.fixture
def filled(shop: Shop, small_tables: dict[str, pd.DataFrame]) -> Shop:
    """A shop with a store of some tables and a study, nothing trained."""
    shop.write({name: small_tables[name] for name in FILLED})
    shop.study()
    return shop


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without runs: migrating a fresh one takes seconds, a copy none."""
    folder = tmp_path_factory.mktemp("empty_mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        from neigung.tracking.connection import connected

        with connected(create=True):
            pass
    return folder / "mlflow.db"


def train_quickly(patch: pytest.MonkeyPatch) -> None:
    """Let trainings look for nothing, neither leaks nor evidence, and write no page and no picture.

    That is most of the work.
    """
    from matplotlib.figure import Figure

    from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
    from neigung.evaluation.propensity.evaluate import Evaluation
    from neigung.explanation.explain import Explanation
    from neigung.models import leakage
    from neigung.report import driver
    from neigung.training import examine

    patch.setattr(leakage, "check_leakage", lambda *_: None)
    patch.setattr(leakage, "check_offer_leakage", lambda *_: None)
    patch.setattr(driver, "build_report", lambda *_, **__: "<html>")
    patch.setattr(Evaluation, "figures", lambda _: {})
    patch.setattr(OfferEvaluation, "figures", lambda _: {})
    for name in ("plot_importance", "plot_beeswarm"):
        patch.setattr(Explanation, name, lambda *_, **__: Figure())
    draw_nothing(patch)
    patch.setattr(examine, "gather", lambda *given: (bare_evidence(*given), ()))


def draw_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let pages and runs hold empty pictures: drawing takes half of a whole training."""
    from matplotlib.figure import Figure

    from neigung.report import page

    patch.setattr(page, "_svg", lambda _: b"<svg/>")
    patch.setattr(page, "_png", lambda _: b"")
    patch.setattr(Figure, "savefig", lambda _, place, **__: place.write_bytes(b""))


def bare_evidence(study: Study, profiles: Profiles, fitted: Fitted, reporter: Reporter) -> Evidence:
    """The evidence of a model that nobody examined."""
    from neigung.explanation.explain import explain
    from neigung.judgement.fitness import judge_fitness
    from neigung.report.evidence import Evidence

    return Evidence(
        evaluation=fitted.evaluation,
        explanation=explain(fitted.artefact, fitted.test),
        fitness=judge_fitness(fitted.evaluation),
    )


@pytest.fixture
def quick(filled: Shop, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop that trains in a few seconds, see `train_quickly`."""
    train_quickly(monkeypatch)
    shutil.copyfile(empty_mlflow, filled.folder / "mlflow.db")
    return filled


@pytest.fixture(scope="session")
def trained_folder(
    tmp_path_factory: pytest.TempPathFactory,
    small_tables: dict[str, pd.DataFrame],
    empty_mlflow: Path,
) -> Path:
    """A folder with one trained version, made once; only its pictures are empty."""
    from neigung.training.train import train

    folder = tmp_path_factory.mktemp("trained")
    shutil.copyfile(empty_mlflow, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        shop = Shop(folder, lambda: None)
        shop.write(small_tables)
        draw_nothing(patch)
        train(shop.study())
    return folder


@pytest.fixture
def trained(shop: Shop, trained_folder: Path) -> Shop:
    """A shop with one version, not yet champion; what a test changes it changes in a copy.

    The version was trained on a store of all tables, of which some are here.
    """
    for name in ("mlflow.db", "study.yaml", *(f"profiles/{table}.parquet" for table in FILLED)):
        (shop.folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(trained_folder / name, shop.folder / name)
    return shop


SHARING = {
    f"tests/{room}/test_{name}.py": room
    for room, names in {
        "serving": ("service", "service_faults", "service_requests", "bundle", "serve", "studies"),
        "report": ("report", "traced", "offer_report", "report_in_browser", "lookup",
                        "model_card"),
    }.items()
    for name in names
} | dict.fromkeys(
    ("tests/serving/test_decision_log.py", "tests/profiles/sources/test_postgres.py"),
    "postgres",
) | dict.fromkeys(
    [f"tests/{name}.py" for name in
     ("training/test_train", "scoring/test_score", "scoring/test_to_file", "cli/test_cli",
      "snapshots/test_write")], "trained"
) | dict.fromkeys(
    [f"tests/{name}.py" for name in
     ("profiles/sources/test_spark", "profiles/sources/test_spark_compiler",
      "features/test_spark_parity")], "spark"
) | dict.fromkeys(
    [f"tests/simulation/test_{name}.py" for name in ("behaviour", "simulate", "truth")],
    "simulation",
)  # fmt: skip
"""Tests that share what takes long to make: champions, snapshots, services; models and pages; a
server of databases; one trained version; Spark; a large simulated shop."""

LONG = ("test_notebooks.py", "test_docs.py", "training/test_offers.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What one process works on for minutes begins first, lest the others wait at the end."""
    order = ("serving", "trained", *(f"tests/{name}" for name in LONG), "report")
    places = {scope: place for place, scope in enumerate(order)}
    items.sort(key=lambda item: places.get(_scope(item.nodeid), len(order)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each file goes to one process, so that its fixtures are made once; in the order of above."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    config.option.loadscopereorder = False  # would begin with the files of most tests
    return Scheduling(config, log)


def _scope(nodeid: str) -> str:
    file = nodeid.split("::")[0]
    return SHARING.get(file, file)


@pytest.fixture
def pseudo(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of languages with the pseudo-language beside the others."""
    folder = tmp_path_factory.mktemp("locale")
    write_pseudo(folder)
    monkeypatch.setattr(catalogue, "LOCALE", folder)
    return folder
