"""A bundle of today's champions: built by BentoML, started where no MLflow is reachable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from neigung.errors import InputError, TrackingError
from neigung.serving.access import add_key
from neigung.serving.bundle import write_bundle
from neigung.serving.secret import load_secret
from neigung.serving.settings import Settings, load_studies
from neigung.serving.studies import Pinned
from neigung.tracking.registry import load
from tests.processes import end, free_port
from tests.serving.conftest import STUDIES
from tests.serving.load import profile
from tests.serving.running import Running


@pytest.fixture
def bundle(house: Path) -> Path:
    write_bundle([Path(study) for study in STUDIES], house / "bundle")
    return house / "bundle"


def test_a_bundle_holds_the_champions_and_says_so(house: Path) -> None:
    said = write_bundle([Path(study) for study in STUDIES], house / "bundle")
    assert said.splitlines()[:2] == [
        f"buy version 1, discount version 1: {house / 'bundle'}",
        f"Next: bentoml build {house / 'bundle'}",
    ]
    pinned = Pinned(house / "bundle" / "artefacts")
    for study in ("buy", "discount"):
        artefact, info = pinned.load(study)
        registered, expected = load(study, "champion")
        assert info == expected
        assert artefact.digest == registered.digest


def test_a_bundle_is_whole_in_itself(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.read(bundle / "serving.json")
    assert [study.name for study in load_studies(settings)] == ["buy", "discount"]
    assert settings.artefacts == str(bundle / "artefacts")
    assert not settings.follow_registry
    # What changes day by day belongs to the place where the service runs.
    monkeypatch.setenv("NEIGUNG_HOME", "/srv/neigung")
    settings = Settings.read(bundle / "serving.json")
    assert settings.snapshots == "/srv/neigung/snapshots"
    assert settings.log == "sqlite:////srv/neigung/.neigung/decisions.db"
    assert (bundle / "neigung" / "serving" / "service.py").is_file()
    assert not list(bundle.rglob("__pycache__"))
    file = yaml.safe_load((bundle / "bentofile.yaml").read_text())
    assert file["labels"] == {"buy": "1", "discount": "1"}
    needed = (bundle / "requirements.txt").read_text().splitlines()
    assert all("==" in one for one in needed)
    names = {one.split("==")[0] for one in needed}
    assert {"bentoml", "lightgbm", "duckdb"} <= names
    # What these need themselves, too, be it under a condition or for an extra; nothing besides.
    assert {"opentelemetry-api", "aiohttp", "multidict", "gunicorn"} <= names
    assert {"neigung", "pytest", "pyspark", "colorama"}.isdisjoint(names)


def test_a_bundle_takes_features_of_ones_own_along(house: Path) -> None:
    own = house / "mine.py"
    own.write_text("from neigung.features.feature import Feature\n")
    content = yaml.safe_load((house / "buy.yaml").read_text()) | {"my_features": "mine.py"}
    (house / "buy.yaml").write_text(yaml.safe_dump(content))
    write_bundle([house / "buy.yaml"], house / "bundle")
    own.unlink()
    [study] = load_studies(Settings.read(house / "bundle" / "serving.json"))
    assert study.my_features is not None
    assert Path(study.my_features).read_text().startswith("from neigung")


def test_nothing_but_a_bundle_is_replaced(house: Path) -> None:
    precious = house / "small"
    with pytest.raises(InputError, match="holds something else"):
        write_bundle([Path("buy.yaml")], precious)
    assert (precious / "order_lines.parquet").exists()
    for _ in range(2):
        write_bundle([Path("buy.yaml")], house / "bundle")
    assert (house / "bundle" / "bentofile.yaml").exists()


def test_without_a_champion_nothing_is_written(house: Path) -> None:
    content = yaml.safe_load((house / "buy.yaml").read_text()) | {"name": "untrained"}
    (house / "untrained.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(TrackingError, match="Study untrained has no registered version"):
        write_bundle([Path("buy.yaml"), Path("untrained.yaml")], house / "bundle")
    assert not (house / "bundle").exists()


def test_what_was_changed_afterwards_is_refused(bundle: Path) -> None:
    pinned = Pinned(bundle / "artefacts")
    other, _ = load("discount", "champion")
    info = replace(pinned.info("buy"), digest=other.digest)
    artefact, _ = pinned.load("buy")
    pinned.write(artefact, info)
    with pytest.raises(TrackingError, match=r"was pinned with the digest .* Pin it anew"):
        pinned.load("buy")
    (bundle / "artefacts" / "buy" / "version.json").write_text("{}")
    with pytest.raises(TrackingError, match=r"The version of study buy is needed in .*json, but"):
        pinned.info("buy")


def test_a_built_bento_answers_like_the_service_without_a_registry(
    bundle: Path, service: Running, tmp_path: Path
) -> None:
    house = bundle.parent
    settings = json.loads((bundle / "serving.json").read_text())
    # How many workers there are is tested elsewhere, and each takes seconds to start.
    (bundle / "serving.json").write_text(json.dumps(settings | {"workers": 1}))
    env = {**os.environ, "BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    env["NEIGUNG_HOME"] = str(house)
    env |= {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "PIP_NO_INDEX": "1"}
    build = [sys.executable, "-m", "bentoml", "build", "--output", "tag", str(bundle)]
    built = subprocess.run(build, env=env, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    tag = built.stdout.split("__tag__:")[-1].strip()
    for needless in ("mlflow.db", "mlruns", "buy.yaml", "discount.yaml", "bundle"):
        path = house / needless
        path.rename(tmp_path / needless)
    with started(house, tag, env) as bento:
        with pa.memory_map(str(house / "snapshots" / "buy" / "features.arrow")) as source:
            known = pa.ipc.open_file(source).read_all()["customer_id"].to_pylist()
        customers = [{"customer_id": one} for one in known] + [profile("new")]
        for path, content in (
            ("/v1/predict", {"customers": customers}),
            ("/v1/offers", {"customers": customers}),
        ):
            told = bento.post(path, content)
            assert told.status_code == 200
            assert told.json() == service.post(path, content).json()
        models = bento.get("/v1/models").json()["models"]
        assert models == service.get("/v1/models").json()["models"]
        assert "/v1/predict" in bento.get("/docs.json").json()["paths"]


@contextmanager
def started(folder: Path, tag: str, env: dict[str, str]) -> Iterator[Running]:
    """A bento as it is started in a container: nothing but keys, secret and snapshots at hand."""
    scopes = ["predict:*", "offers:*", "models", "docs"]
    key = add_key(folder / ".neigung" / "keys.json", "campaigns", scopes)
    load_secret("NEIGUNG_LOG_KEY", folder / ".neigung" / "log.key", create=True)
    port = free_port()
    command: list[Any] = [sys.executable, "-m", "bentoml", "serve", tag, "--port", str(port)]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
        )
    bento = Running(folder, f"http://127.0.0.1:{port}", key, process, Settings(studies=("-",)), 0.0)
    try:
        bento.wait_until_ready()
        yield bento
    finally:
        end(process)
