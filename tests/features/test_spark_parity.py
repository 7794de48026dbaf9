"""Spark gives the feature table, the targets, the population and the digest that DuckDB gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from neigung.features.library import library
from neigung.features.table import FeatureSet
from neigung.profiles.consent import covered
from neigung.profiles.quality import check
from neigung.profiles.spine import build_past, eligible
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Future, Past
from neigung.study import ChurnTarget, LegalBasis, PurchaseTarget, Study, Where
from neigung.targets.offer import outcomes
from neigung.targets.target import label, reference
from tests import spark as stores
from tests.conftest import STUDY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEYS = ["customer_id", "cutoff"]


@dataclass(frozen=True)
class Both:
    """One store on two engines, and the cutoffs to look at it from."""

    duckdb: Profiles
    spark: Profiles
    cutoffs: tuple[dt.datetime, ...]

    def agree(self, asked: Callable[[Profiles], Any], keys: list[str] = KEYS) -> pd.DataFrame:
        """Ask both for a table; what they give must be equal, and is given back."""
        expected, found = (
            asked(profiles).to_pyarrow().to_pandas().sort_values(keys)
            for profiles in (self.duckdb, self.spark)
        )
        assert_equal(expected.reset_index(drop=True), found.reset_index(drop=True), keys)
        return expected

    def past(self, profiles: Profiles) -> Past:
        """Everybody with an order, at each cutoff."""
        instants = profiles.engine.instants(self.cutoffs)
        everybody = profiles.table("order_lines").select("customer_id").distinct()
        spine = profiles.engine.hold("everybody", everybody.cross_join(instants))
        return Past(profiles.tables, spine, stores.RETENTION)


def assert_equal(expected: pd.DataFrame, found: pd.DataFrame, keys: list[str]) -> None:
    """Equal columns, keys and values; floats to 1e-9 of their size."""
    assert list(found.columns) == list(expected.columns)
    assert len(found) == len(expected)
    wrong = []
    for name in expected.columns:
        left, right = expected[name], found[name]
        if pd.api.types.is_float_dtype(left) and pd.api.types.is_float_dtype(right):
            whole = left.dropna().mod(1).eq(0).all()
            same = np.isclose(left, right, rtol=0 if whole else 1e-9, atol=0, equal_nan=True)
        else:
            same = ((left == right) | (left.isna() & right.isna())).to_numpy()
        if not same.all():
            row = expected[~same].iloc[0]
            where = " ".join(str(row[key]) for key in keys)
            wrong.append(f"{name}: {(~same).sum()} differ, {where}: {row[name]!r}, "
                         f"{found[~same].iloc[0][name]!r} on Spark")  # fmt: skip
    assert not wrong, "\n".join(wrong)


def simulated(folder: Path) -> Path:
    from neigung.simulation import simulate

    simulate(folder, customers=60, seed=3)
    return folder


STORES: dict[str, tuple[Callable[[Path], Path], tuple[dt.datetime, ...]]] = {
    "adversarial": (
        lambda folder: stores.write(stores.adversarial(), folder),
        (stores.CUTOFF, dt.datetime(2025, 2, 10, 12, 30, 0, 5)),
    ),
    "simulated": (simulated, (dt.datetime(2025, 11, 1),)),
    "complete journey": (
        lambda folder: stores.write(stores.complete_journey(), folder),
        (dt.datetime(2017, 10, 1),),
    ),
}


@pytest.fixture(scope="module", params=STORES)
def both(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Both:
    make, cutoffs = STORES[request.param]
    folder = make(tmp_path_factory.mktemp("stores") / "store")
    url = f"spark://{stores.MASTER}/?folder={folder}"
    return Both(Profiles.open(folder), Profiles.open(url), cutoffs)


only_the_worst = pytest.mark.parametrize("both", ["adversarial"], indirect=True)
"""What the other stores would tell nothing more about."""


def test_the_same_store(both: Both) -> None:
    assert both.spark.notes == both.duckdb.notes
    assert both.spark.span() == both.duckdb.span()
    assert both.spark.digest() == both.duckdb.digest()
    assert list(both.spark.tables) == list(both.duckdb.tables)
    for name, table in both.duckdb.tables.items():
        assert both.spark.table(name).columns == table.columns


def test_every_feature(both: Both) -> None:
    def features(profiles: Profiles) -> Any:
        past = both.past(profiles)
        return FeatureSet.select(library(past), None, past).table(past)

    found = both.agree(features)
    assert len(found) >= 10
    assert len(found.columns) > 90


@only_the_worst
def test_features_of_a_window_alone(both: Both) -> None:
    names = ["order_count_30d", "order_value_90d", "order_categories_mean_90d"]
    study = Study.from_dict({**STUDY, "features": names})

    def features(profiles: Profiles) -> Any:
        past = build_past(profiles, study, stores.CUTOFF)
        return FeatureSet.select(library(past), names, past).table(past)

    assert both.agree(features)["order_count_30d"].nunique() > 2


def test_every_target(both: Both) -> None:
    targets: dict[str, Any] = {
        "purchase": PurchaseTarget(kind="purchase", horizon_days=30),
        "where": PurchaseTarget(
            kind="purchase", horizon_days=30,
            where=Where(category=("a\\b", "d'or", "tea"), channel=("web", "v")),
        ),
        "churn": ChurnTarget(kind="churn", horizon_days=30),
        "spends less": ChurnTarget(kind="churn", horizon_days=30, spend_below=0.5),
    }  # fmt: skip

    def labels(profiles: Profiles) -> Any:
        past = both.past(profiles)
        joined = outcomes(Future(profiles.tables, past.spine, 30))
        for name, target in targets.items():
            future = Future(profiles.tables, reference(past, target), 30)
            one = label(future, target).rename({name: "label"})
            joined = joined.join(one, KEYS)
        return joined

    found = both.agree(labels)
    assert found["purchase"].nunique() == 2


@only_the_worst
def test_the_users_own_outcomes(both: Both) -> None:
    study = Study.from_dict({**STUDY, "target": {"kind": "custom", "horizon_days": 30}})

    def labels(profiles: Profiles) -> Any:
        past = both.past(profiles)
        return label(Future(profiles.tables, past.spine, 30), study.target)

    assert len(both.agree(labels)) == 12


@only_the_worst
@pytest.mark.parametrize("basis", ["consent", "legitimate_interest"])
def test_who_is_covered(both: Both, basis: str) -> None:
    def verdicts(profiles: Profiles) -> Any:
        instants = profiles.engine.instants(both.cutoffs)
        return covered(profiles, instants, LegalBasis(**{basis: "profiling"}))

    assert len(both.agree(verdicts)) > 3


@only_the_worst
def test_who_is_predicted_for(both: Both) -> None:
    study = Study.from_dict({**STUDY, "population": {"active_within_days": 30}})
    found = both.agree(lambda profiles: build_past(profiles, study, stores.CUTOFF).spine)
    asked = pa.Table.from_pandas(found, preserve_index=False)

    def again(profiles: Profiles) -> Any:
        return eligible(profiles, study, profiles.engine.pairs(asked))

    assert len(both.agree(again)) == len(found) > 3


@only_the_worst
def test_the_same_report_of_quality(both: Both) -> None:
    expected, found = (check(one).to_dict() for one in (both.duckdb, both.spark))
    for report in (expected, found):
        report.pop("location", None)
    assert found == expected
