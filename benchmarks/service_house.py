"""The shop that the service's benchmark asks about: a store, a champion, snapshots and requests."""

from __future__ import annotations

import contextlib
import decimal
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from neigung.models.propensity.artefact import Artefact
from neigung.models.propensity.classifier import DEFAULTS
from neigung.models.propensity.tuning import TuningResult
from neigung.models.rows import Rows
from neigung.profiles.contract import TABLES
from neigung.serving.access import add_key
from neigung.simulation import simulate
from neigung.snapshots.read import Snapshot
from neigung.snapshots.write import write_snapshot
from neigung.study import Study
from neigung.tracking.gate import promote
from neigung.tracking.registry import load
from neigung.training.train import train

STUDY: dict[str, Any] = {
    "name": "buy",
    "profiles": "shop",
    "target": {"kind": "purchase", "horizon_days": 28},
    "legal_basis": {"consent": "profiling"},
    "cutoffs": {"last": "latest", "every_days": 28, "count": 4},
    "model": {"trials": 1, "folds": 1, "seed": 7},
}
LEAVES, TREES = 31, 400
PARAMS = {**DEFAULTS, "n_estimators": TREES, "num_leaves": LEAVES, "min_data_in_leaf": 20}
LINES = 60
MOST_IDS, PROFILES = 5_000, 200
"""How many different requests there are."""

HELD, SPOT = "held", "spot"
"""The folders of the snapshots: with the contributions of the champion, and without."""


@dataclass(frozen=True)
class House:
    """What lies in a folder, ready to be served."""

    folder: Path
    key: str
    artefact: Artefact
    snapshot: Snapshot

    @property
    def study(self) -> Path:
        return self.folder / "study.yaml"

    @property
    def model_uri(self) -> str:
        return f"models:/{STUDY['name']}@champion"

    @property
    def facts(self) -> dict[str, Any]:
        """What the model is, for those who read the figures."""
        shape = self.artefact.classifier.booster_.dump_model()["tree_info"]
        return {
            "customers in the snapshot": len(self.snapshot),
            "features": len(self.artefact.columns),
            "trees": len(shape),
            "leaves of a tree, mean": round(
                float(np.mean([one["num_leaves"] for one in shape])), 1
            ),
        }

    def ids(self) -> list[str]:
        """All customers of the snapshot, in a random order."""
        import pyarrow as pa

        with pa.memory_map(
            str(self.folder / "snapshots" / HELD / "buy" / "features.arrow")
        ) as file:
            table = pa.ipc.open_file(file).read_all()
        every: list[str] = table["customer_id"].to_pylist()
        np.random.default_rng(0).shuffle(every)
        return every

    def rows(self, ids: Sequence[str]) -> Rows:
        """The model's features of some customers."""
        found = [self.snapshot.find(one) for one in ids]
        names = [column.name for column in self.artefact.columns]
        return Rows(self.snapshot.values([row for row in found if row is not None], names))

    def encoded(self, ids: Sequence[str]) -> npt.NDArray[np.float64]:
        """The same as the booster reads them."""
        return self.artefact.classifier.encoder_.transform(self.rows(ids))


def build(folder: Path, customers: int) -> House:
    """Simulate, train with fixed parameters, promote, and write both snapshots."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with contextlib.chdir(folder):
        simulate("shop", customers, seed=1)
        Path("study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
        study = Study.load(Path("study.yaml"))
        # A training like any other, but for the search and the page.
        chosen = TuningResult(PARAMS, math.nan, [], stopped_early=False)
        with (
            patch("neigung.models.propensity.tuning.tune", return_value=chosen),
            patch("neigung.report.driver.build_report", return_value=""),
        ):
            version = train(study).version
        promote(study, version, force=True, why="for a benchmark")
        snapshot = write_snapshot(study, Path("snapshots") / HELD / study.name)
        write_snapshot(study, Path("snapshots") / SPOT / study.name, version=None)
        key = add_key(Path(".neigung/keys.json"), "benchmark", ["predict:*", "metrics"])
        artefact, _ = load(study.name, version)
    assert isinstance(artefact, Artefact)
    artefact.classifier.num_threads = 1
    return House(folder, key, artefact, snapshot)


def by_id(ids: Sequence[str], customers: int = 1) -> list[str]:
    """Requests for some customers each."""
    groups = [ids[start : start + customers] for start in range(0, len(ids), customers)]
    return [
        json.dumps({"customers": [{"customer_id": one} for one in group]})
        for group in groups
        if len(group) == customers
    ]


def by_profile(house: House, ids: Sequence[str]) -> tuple[list[str], dict[str, float]]:
    """Requests with a profile of about 60 order lines and rows in all tables; rows per table, mean.

    Few simulated customers buy so much, so each profile is made of several of those who have rows
    in all tables: the attributes and consents are the first's, the history is everybody's.
    """
    names = [
        name for name in TABLES if name != "labels" and (house.folder / "shop" / name).is_dir()
    ]
    tables = {name: _rows(house.folder / "shop" / name) for name in names}
    counts = pd.DataFrame({name: {k: len(v) for k, v in t.items()} for name, t in tables.items()})
    known = counts.loc[counts.index.isin(list(ids))].dropna()
    full = known.sort_values("order_lines", ascending=False).index
    cutoff = house.snapshot.cutoff.isoformat()
    requests, sizes = [], []
    for people in _groups([(one, int(known.order_lines[one])) for one in full]):
        profile = {
            name: [
                row
                for one in (people[:1] if name in ("customers", "consents") else people)
                for row in table[one]
            ]
            for name, table in tables.items()
        }
        requests.append(json.dumps({"customers": [{"profile": profile, "cutoff": cutoff}]}))
        sizes.append({name: len(rows) for name, rows in profile.items()})
    if not requests:
        raise SystemExit(
            "Too few customers for profiles with rows in all tables: raise --customers."
        )
    return requests, {
        name: round(float(np.mean([one[name] for one in sizes])), 1) for name in tables
    }


def for_peer(house: House, ids: Sequence[str]) -> list[str]:
    """The same customers as MLflow takes them: all features of one in each request."""
    rows = house.rows(ids)
    columns = [rows[name].tolist() for name in rows]
    return [
        json.dumps(
            {
                "dataframe_split": {
                    "columns": list(rows),
                    "data": [[None if value != value else value for value in row]],
                }
            }
        )
        for row in zip(*columns, strict=True)
    ]


def _groups(sized: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Customers who have about `LINES` order lines together, the largest with the smallest."""
    left, made = list(sized), 0
    while left and made < PROFILES:
        people, lines = [], 0
        for place in (0, -1):
            while left and lines + left[place][1] <= LINES + 5 and lines < LINES - 5:
                who, more = left.pop(place)
                people.append(who)
                lines += more
        if lines < LINES - 5:
            return
        made += 1
        yield people


def _rows(place: Path) -> Mapping[str, list[dict[str, Any]]]:
    """The rows of a table by customer, as JSON takes them, without what is missing."""
    frame = pd.read_parquet(place)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in frame.to_dict("records"):
        plain = {str(key): _plain(value) for key, value in row.items() if not pd.isna(value)}
        rows.setdefault(str(plain.pop("customer_id")), []).append(plain)
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value
