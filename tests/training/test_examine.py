"""What a model is examined for: on the right rows, beside the right other models."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from neigung.errors import InputError
from neigung.models.propensity.rolling import fit_rolling
from neigung.models.splits import make_splits
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.report.evidence import Evidence
from neigung.study import Study
from neigung.training.examine import gather
from neigung.training.fitted import Fitted, sensitive_columns
from neigung.training.propensity import fit_propensity
from tests.conftest import STUDY

Frames = dict[str, pd.DataFrame]

CHANGES: dict[str, Any] = {
    "features": ["order_count", "days_since_last_order", "return_value_share", "attribute_income"],
    "sensitive": ["income", "household_size"],
}


def study_of(**changes: Any) -> Study:
    return Study.from_dict(STUDY | CHANGES | changes)


@pytest.fixture(scope="module")
def profiles(small_tables: Frames) -> Profiles:
    return Profiles.from_tables(small_tables)


@pytest.fixture(scope="module")
def fitted(profiles: Profiles, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Income is read and sensitive, the size of the household only sensitive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("fitted"))
        return fit_propensity(study_of(), profiles, Reporter())


@pytest.fixture(autouse=True)
def _no_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def evidence(
    fitted: Fitted, profiles: Profiles, tmp_path_factory: pytest.TempPathFactory
) -> Evidence:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("gathered"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        found, notes = gather(study_of(), profiles, fitted, Reporter())
    assert notes == ()
    return found


def test_a_sensitive_attribute_is_compared_even_if_the_model_does_not_read_it(
    fitted: Fitted, evidence: Evidence
) -> None:
    read = [column.name for column in fitted.artefact.columns]
    assert "attribute_income" in read
    assert "attribute_household_size" not in read
    assert fitted.artefact.classifier.feature_names_ == tuple(read)
    fairness = evidence.fairness
    assert fairness is not None
    assert fairness.attributes == ("attribute_income", "attribute_household_size")
    assert fairness.used["column"].tolist() == ["attribute_income"]


def test_without_sensitive_columns_trees_and_calibration_are_learned_anew(
    fitted: Fitted, evidence: Evidence
) -> None:
    dataset, test = fitted.dataset, fitted.test
    kept = tuple(one for one in dataset.columns if one.name != "attribute_income")
    splits = make_splits(dataset.cutoffs, 14, 1)
    params = fitted.artefact.params
    model = fit_rolling(replace(dataset, columns=kept), splits, params, 7).model
    expected = model.predict_proba(test.frame[[one.name for one in kept]])[:, 1]
    assert fitted.variations.without is not None
    np.testing.assert_array_equal(fitted.variations.without({"attribute_income"}), expected)

    assert evidence.fairness is not None
    dropped = evidence.fairness.dropped.set_index("metric").loc["auroc"]
    assert dropped["without"] == pytest.approx(roc_auc_score(test.y, expected))
    assert dropped["with_"] == fitted.evaluation.value("auroc")


def test_nothing_is_dropped_where_no_sensitive_attribute_is_read(
    fitted: Fitted, profiles: Profiles
) -> None:
    def refuse(_: object) -> Any:
        raise AssertionError("nothing is to be fitted")

    untouched = tuple(one for one in fitted.sensitive if one.name != "attribute_income")
    variations = replace(fitted.variations, without=refuse, seeds=())
    bare = replace(fitted, sensitive=untouched, variations=variations)
    found, _ = gather(study_of(), profiles, bare, Reporter())
    assert found.fairness is not None
    assert found.fairness.dropped.empty
    assert found.stability is not None
    assert found.stability.seeds["registered"].tolist() == [True]


def test_seeds_are_other_models_on_the_same_test(fitted: Fitted, evidence: Evidence) -> None:
    assert evidence.stability is not None
    table = evidence.stability.seeds
    assert table["seed"].tolist() == [7, 8, 9, 10]
    assert table["value"][0] == fitted.evaluation.value("average_precision")
    assert (table["correlation"][1:] < 1).all()


def test_drift_is_told_to_the_test_and_to_the_newest_midnight(
    fitted: Fitted, profiles: Profiles, evidence: Evidence
) -> None:
    from neigung.scoring.features import features

    assert evidence.stability is not None
    drift = evidence.stability.drift
    names = ["score", *(column.name for column in fitted.artefact.columns)]
    assert {tuple(group["column"]) for _, group in drift.groupby("against")} == {tuple(names)}
    now = features(study_of(), profiles=profiles)
    missing = drift.set_index(["column", "against"])["missing_after"]
    share = now.frame["days_since_last_order"].isna().mean()
    assert missing["days_since_last_order", "now"] == share
    assert now.cutoffs[0] > pd.Timestamp(fitted.artefact.meta["splits"]["test"])
    newest = max(fitted.artefact.meta["splits"]["train"])
    assert fitted.before.cutoffs == (dt.datetime.fromisoformat(newest),)


def test_nobody_now_is_a_note(fitted: Fitted, small_tables: Frames) -> None:
    lines = small_tables["order_lines"]
    when = pd.Timestamp("2027-01-01")
    late = lines.head(1).assign(customer_id="stranger", occurred_at=when, known_at=when)
    profiles = Profiles.from_tables(
        {**small_tables, "order_lines": pd.concat([lines, late], ignore_index=True)}
    )
    cutoffs = {**STUDY["cutoffs"], "trust_dates": True}  # which end with the stranger, then
    study = study_of(population={"active_within_days": 60}, cutoffs=cutoffs)
    bare = replace(fitted, variations=replace(fitted.variations, seeds=(), without=None))
    found, notes = gather(study, profiles, bare, Reporter())
    assert len(notes) == 1
    assert notes[0].startswith("Drift up to now was not examined. ")
    assert "found none" in notes[0]
    assert found.stability is not None
    assert set(found.stability.drift["against"]) == {"test"}


def test_tables_say_how_many_columns_of_the_model_come_from_each(evidence: Evidence) -> None:
    assert evidence.tables is not None
    counts = evidence.tables.set_index("table")["features"]
    columns = [column.feature for column in evidence.explanation.contributions.columns]
    assert counts["customers"] == 1
    # A share of returns is made from returns and orders.
    assert counts["returns"] == columns.count("return_value_share") > 0
    assert counts["order_lines"] == len(columns) - 1
    assert counts["visits"] == 0


def test_the_same_again(fitted: Fitted, profiles: Profiles, evidence: Evidence) -> None:
    again, _ = gather(study_of(), profiles, fitted, Reporter())
    assert again.to_dict() == evidence.to_dict()
    assert again.numbers() == evidence.numbers()


def test_no_store_and_no_champion_is_nothing_to_tell(evidence: Evidence) -> None:
    assert evidence.comparison is None


def test_a_sensitive_attribute_that_is_not_there_is_told_at_once(profiles: Profiles) -> None:
    with pytest.raises(InputError, match=r"shoe_size.*There are: income, household_size"):
        fit_propensity(study_of(sensitive=["shoe_size"]), profiles, Reporter())


def test_names_decide_where_the_study_does_not(profiles: Profiles) -> None:
    found = sensitive_columns(study_of(sensitive=None), profiles)
    assert "attribute_income" in [column.name for column in found]
    assert sensitive_columns(study_of(sensitive=[]), profiles) == ()
