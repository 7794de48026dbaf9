"""Scores that executors of Spark compute: the same as those of one machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.dataset as pds
import pytest

from neigung.errors import InputError
from neigung.models.dataset import build_features
from neigung.models.propensity.artefact import Artefact
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.profiles.store import Profiles
from neigung.scoring import score, to_file
from neigung.scoring.cutoffs import instant
from neigung.scoring.to_file import score_to
from neigung.study import Study
from tests import spark as stores
from tests.conftest import Shop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def study(
    shop: Shop, small_tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> Study:
    """A study with a version that reads numbers and a category."""
    stores.write(small_tables, shop.folder / "profiles")
    shop.study(legal_basis={"none_needed": "test"})
    study = Study.load(shop.folder / "study.yaml")
    profiles = Profiles.open("profiles")
    rows = build_features(study, profiles, instant("latest", profiles))
    columns = tuple(
        column
        for column in rows.columns
        if column.kind == "category" or column.name in ("days_since_last_order", "order_count_90d")
    )
    assert {column.kind for column in columns} == {"category", "number"}
    dataset = dataclasses.replace(rows, columns=columns)
    outcome = np.random.default_rng(1).random(len(rows)) < 0.5
    model = PropensityClassifier({"n_estimators": 20, "min_child_samples": 2})
    model.fit(dataset.X, outcome)
    artefact = Artefact(model, columns, study={}, meta={}, reference=(0.2, 0.4, 0.6))
    for room in (to_file, score):
        monkeypatch.setattr(room, "version_of", lambda *_: (artefact, SimpleNamespace(version=3)))
    return study


def on_spark(shop: Shop) -> str:
    return f"spark://{stores.MASTER}/?folder={shop.folder}/profiles"


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows in the order of their customers, with contributions to nine digits."""
    rows: list[dict[str, Any]] = frame.sort_values("customer_id").to_dict("records")
    for row in rows:
        row["reasons"] = [
            dict(one) | {"contribution": round(one["contribution"], 9)} for one in row["reasons"]
        ]
    return rows


def test_executors_score_like_one_machine(spark: SparkSession, shop: Shop, study: Study) -> None:
    written = score_to(study, "scores", reasons=2, profiles=on_spark(shop))
    found = pds.dataset("scores", format="parquet").to_table().to_pandas()
    expected = score.score(study, reasons=2, profiles="profiles")
    assert written.rows == len(expected) > 0
    assert sum(written.groups.values()) == len(expected)
    assert list(found.columns) == list(expected.columns)
    assert plain(found) == plain(expected)
    assert {path.suffix for path in Path("scores").iterdir()} == {".parquet"}


def test_other_files_are_left_alone(spark: SparkSession, shop: Shop, study: Study) -> None:
    with pytest.raises(InputError, match="holds other files"):
        score_to(study, ".", profiles=on_spark(shop))
