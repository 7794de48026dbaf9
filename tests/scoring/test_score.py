"""Scores and reasons of a trained version: exact, whole, and the same numbers everywhere."""

from __future__ import annotations

import datetime as dt
import json
import re
from io import StringIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from neigung.errors import InputError, ProfileError, StudyError, TrackingError
from neigung.explanation.reasons import facts
from neigung.models.dataset import build_features
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring.batches import REASON
from neigung.scoring.cutoffs import instant
from neigung.scoring.features import feature_list
from neigung.scoring.score import score, write_scores
from neigung.study import Study
from neigung.tracking.registry import load
from tests.conftest import Shop, train_quickly

CUTOFF = dt.datetime(2025, 5, 1)
COLUMNS = [
    *("customer_id", "cutoff", "model_version", "probability", "percentile", "band", "reasons"),
]


def test_scores_are_those_of_mlflow_and_reasons_sum_to_them(trained: Shop) -> None:
    import mlflow.pyfunc

    from neigung.explanation.contributions import contributions

    study = Study.load("study.yaml")
    scores = score(study, CUTOFF, version=1, reasons=50)
    artefact, _ = load("buy", 1)
    names = [column.name for column in artefact.columns]
    X = build_features(study, Profiles.open("profiles"), CUTOFF, names=names).X

    model = mlflow.pyfunc.load_model("models:/buy/1")
    plain = X.astype(dict.fromkeys(X.select_dtypes("category"), object))
    served = model.predict(plain)
    assert served["probability"].tolist() == scores["probability"].tolist()
    assert served["band"].tolist() == scores["band"].tolist()

    odds = np.log(scores["probability"] / (1 - scores["probability"]))
    exact = contributions(artefact, X)
    np.testing.assert_allclose(exact.values.sum(axis=1) + exact.base, odds, atol=1e-9)
    fact = dict(zip(names, facts(artefact.columns), strict=True))
    sums = pd.DataFrame(exact.values).T.groupby([fact[name] for name in names]).sum().T
    for row, told in enumerate(scores["reasons"]):
        sizes = [abs(one["contribution"]) for one in told]
        assert sizes == sorted(sizes, reverse=True)
        assert len({fact[one["feature"]] for one in told}) == len(told)
        for one in told:
            assert one["contribution"] == pytest.approx(sums.loc[row, fact[one["feature"]]])
            assert one["text_en"]
            assert one["text_de"]
        assert sum(one["contribution"] for one in told) + exact.base == pytest.approx(odds[row])


def test_reasons_say_what_is_typical(trained: Shop) -> None:
    artefact, _ = load("buy", 1)
    assert set(artefact.usual) == {column.name for column in artefact.columns}
    told = [one for row in score("study.yaml", version=1)["reasons"] for one in row]
    typical = [one for one in told if " (typical" in one["text_en"]]
    assert len(typical) > 0.5 * len(told)
    assert all(" (typisch" in one["text_de"] for one in typical)


def test_the_file_has_the_columns_that_are_promised(trained: Shop) -> None:
    out = trained.folder / "deep" / "scores.parquet"
    scores = score("study.yaml", version="latest")
    write_scores(scores, out)
    table = pq.read_table(out)
    assert table.schema.names == COLUMNS
    assert table.schema.field("cutoff").type == pa.timestamp("us")
    assert table.schema.field("probability").type == pa.float64()
    assert table.schema.field("reasons").type.value_type == REASON
    assert table["customer_id"].to_pylist() == sorted(table["customer_id"].to_pylist())
    assert set(table["band"].to_pylist()) <= {"high", "medium", "low"}
    assert set(table["model_version"].to_pylist()) == {1}

    write_scores(score("study.yaml", version=1, reasons=0), out)
    assert pq.read_schema(out).names == COLUMNS[:-1]
    assert [entry.name for entry in out.parent.iterdir()] == ["scores.parquet"]


def test_an_older_version_scores_as_it_did(trained: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from neigung.training.train import train

    train_quickly(monkeypatch)
    before = score("study.yaml", CUTOFF, version=1)
    train(trained.study(features=["order_value"]))
    trained.study()
    pd.testing.assert_frame_equal(score("study.yaml", CUTOFF, version=1), before)
    assert not score("study.yaml", CUTOFF, version=2)["probability"].equals(before["probability"])


def test_a_store_without_a_table_the_model_reads(trained: Shop) -> None:
    (trained.folder / "profiles" / "customers.parquet").unlink()
    with pytest.raises(StudyError, match="the model needs attribute_income, which this store"):
        score("study.yaml", version=1)
    (trained.folder / "profiles" / "consents.parquet").unlink()
    with pytest.raises(InputError, match="needs the table consents"):
        score("study.yaml", version=1)


def test_unseen_categories_count_as_missing_and_are_told(trained: Shop) -> None:
    place = trained.folder / "profiles" / "customers.parquet"
    customers = pd.read_parquet(place)
    new = np.arange(len(customers)) % 3 == 0
    customers.assign(income=customers["income"].mask(new, "gigantic")).to_parquet(place)
    ended = trained.run("score", "study.yaml", "--version", "1", "--out", "scores.parquet")
    assert ended.code == 0
    assert re.search(
        r"Doubtful: (\d+) of \d+ values of attribute_income are unknown to the model, such as "
        "gigantic, more than in the test; they count as missing",
        ended.err,
    )


def test_categories_that_are_all_unknown_are_refused(trained: Shop) -> None:
    place = trained.folder / "profiles" / "customers.parquet"
    pd.read_parquet(place).assign(income="gigantic").to_parquet(place, index=False)
    ended = trained.run("score", "study.yaml", "--version", "1", "--out", "scores.parquet")
    assert ended.code == 2
    assert "values of attribute_income are unknown to the model, such as 'gigantic'" in ended.err
    assert not (trained.folder / "scores.parquet").exists()


@pytest.mark.parametrize(
    "changes", [{"retention_days": 30}, {"target": {"kind": "purchase", "horizon_days": 21}}]
)
def test_a_study_that_no_longer_fits_its_version_is_refused(
    trained: Shop, changes: dict[str, object]
) -> None:
    [key] = changes
    with pytest.raises(StudyError, match=f"version 1 was trained with another {key}"):
        score(trained.study(**changes), version=1)


def test_a_narrower_population_may_be_scored(trained: Shop) -> None:
    everybody = len(score("study.yaml", version=1))
    recent = len(score(trained.study(population={"active_within_days": 20}), version=1))
    assert 0 < recent < everybody


def test_no_such_version(trained: Shop) -> None:
    with pytest.raises(TrackingError, match="no champion yet"):
        score("study.yaml")


def test_scores_are_ready_for_json(trained: Shop) -> None:
    [first, *_] = score("study.yaml", version=1)["reasons"]
    assert json.loads(json.dumps(first)) == first


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2025-03-01", dt.datetime(2025, 3, 1)),
        ("2025-03-01T02:00:00+02:00", dt.datetime(2025, 3, 1)),
        (dt.datetime(2025, 3, 1, tzinfo=dt.UTC), dt.datetime(2025, 3, 1)),
    ],
)
def test_instants(filled: Shop, given: str | dt.datetime, expected: dt.datetime) -> None:
    profiles = Profiles.open("profiles")
    assert instant(given, profiles) == expected
    assert instant("latest", profiles) == dt.datetime(2025, 5, 14)


def test_the_list_of_features_shows_attributes_of_a_store(filled: Shop) -> None:
    brought = {column.name for column in feature_list()}
    assert "attribute_income" not in brought
    with_store = {column.name for column in feature_list(profiles="profiles")}
    assert brought < with_store
    assert "attribute_income" in with_store


def test_one_order_far_ahead_moves_nobody(trained: Shop) -> None:
    place = trained.folder / "profiles" / "order_lines.parquet"
    lines = pd.read_parquet(place)
    ahead = lines.tail(1).assign(order_id="typo", occurred_at=pd.Timestamp("2025-12-15"))
    pd.concat([lines, ahead.assign(known_at=pd.NaT)]).to_parquet(place)
    with pytest.raises(ProfileError, match=r"1 of .* order typo, 2025-12-15\. Mend"):
        score("study.yaml", version=1)
    screen = StringIO()
    given = score("study.yaml", CUTOFF, version=1, reporter=Reporter(Console(file=screen)))
    assert set(given["cutoff"]) == {pd.Timestamp(CUTOFF)}
    assert "Doubtful: order_lines: 1 of" in screen.getvalue()
    trained.study(cutoffs={"trust_dates": True})
    assert score("study.yaml", version=1)["cutoff"].iloc[0] == pd.Timestamp("2025-12-15")


def test_old_data_are_told_and_refused_where_the_study_says_so(trained: Shop) -> None:
    screen = StringIO()
    score("study.yaml", version=1, reporter=Reporter(Console(file=screen)))
    assert "The data end on 2025-05-14" in screen.getvalue()
    trained.study(cutoffs={"max_age_days": 3})
    with pytest.raises(StudyError, match="data of at most 3 days are wanted"):
        score("study.yaml", version=1)
    assert len(score("study.yaml", CUTOFF, version=1))
