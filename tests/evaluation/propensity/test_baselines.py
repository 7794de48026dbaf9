import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.bootstrap import measure
from neigung.evaluation.propensity import baselines
from neigung.evaluation.propensity.baselines import (
    REQUIRED_COLUMNS,
    BGNBDBaseline,
    RecencyRule,
    RFMLogistic,
    baseline_text,
    fit_baselines,
)
from neigung.models.dataset import Dataset

KINDS = (RecencyRule, RFMLogistic, BGNBDBaseline)


def test_fit_baselines_gives_three_calibrated_opponents(world):
    train, _ = world(4000, 1)
    test, truth = world(4000, 2)
    best = measure(test["label"], truth)["auroc"]
    fitted = fit_baselines(Dataset(train, ()), horizon_days=30)
    assert [one.name for one in fitted] == ["recency_rule", "rfm_logistic", "bg_nbd"]
    for one in fitted:
        found = measure(test["label"], one.predict_proba(test))
        assert found["calibration_error"] < 0.04, one.name
        assert 0.65 < found["auroc"] < best, one.name
        assert one.text == baseline_text(one.name) != one.name
        assert one.text.to("de") == baseline_text(one.name, "de")


@pytest.mark.parametrize("kind", KINDS)
def test_churn_turns_the_sign(world, kind):
    train, _ = world(3000, 3)
    test, _ = world(1000, 4)
    buy = kind().fit(train, train["label"]).predict_proba(test)
    leave = kind().fit(train, 1 - train["label"]).predict_proba(test)
    np.testing.assert_allclose(buy, 1 - leave, atol=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_and_infinities_do_no_harm(world, kind):
    train, _ = world(500, 5)
    columns = list(REQUIRED_COLUMNS)
    train.loc[:50, columns] = np.nan
    train.loc[51:60, "days_since_last_order"] = np.inf
    p = kind().fit(train, train["label"]).predict_proba(train)
    assert ((p >= 0) & (p <= 1)).all()
    train[columns] = np.nan
    p = kind().fit(train, train["label"]).predict_proba(train)
    np.testing.assert_allclose(p, train["label"].mean(), atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outcome", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 3, 40])
def test_one_outcome_or_few_customers_answer_the_event_rate(world, kind, outcome, n):
    train, _ = world(n, 6)
    test, _ = world(50, 7)
    p = kind().fit(train, np.full(n, outcome)).predict_proba(test)
    np.testing.assert_allclose(p, outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_identical_customers_with_one_order_each_answer_the_event_rate(kind):
    frame = pd.DataFrame(1.0, index=range(20), columns=list(REQUIRED_COLUMNS))
    y = np.arange(20) % 4 == 0
    p = kind().fit(frame, y).predict_proba(frame)
    np.testing.assert_allclose(p, 0.25, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_same_data_give_the_same_numbers(world, kind, monkeypatch):
    monkeypatch.setattr(baselines, "_MOST_ROWS", 400)
    train, _ = world(1000, 8)
    one, two = (kind().fit(train, train["label"]).predict_proba(train) for _ in range(2))
    assert (one == two).all()


def test_recency_rule_chooses_the_own_rhythm_where_it_matters():
    rng = np.random.default_rng(9)
    gap, n = rng.choice([2.0, 60.0], 3000), 3000
    frame = pd.DataFrame(
        {
            "days_since_last_order": gap * rng.uniform(0, 4, n),
            "order_days": 11.0,
            "order_count": 11.0,
            "order_value": 100.0,
        }
    )
    frame["days_since_first_order"] = frame["days_since_last_order"] + 10 * gap
    overdue = frame["days_since_last_order"] / gap > 2
    rule = RecencyRule().fit(frame, overdue)
    assert rule.column_ == "relative_recency"
    assert rule.cuts_[0] == pytest.approx(2, abs=0.05)
    since = frame["days_since_last_order"] > 10
    assert RecencyRule().fit(frame, since).column_ == "days_since_last_order"


def test_bgnbd_is_fitted_on_the_newest_cutoff_and_recalibrated_on_all(world):
    old, _ = world(1000, 10)
    new, _ = world(1000, 11)
    old["cutoff"] = pd.Timestamp("2024-01-01")
    # Other histories at the old cutoff: they must not reach the four parameters.
    old["order_days"] = old["order_days"] * 5
    both = pd.concat([old, new], ignore_index=True)
    alone, joint = (BGNBDBaseline(30).fit(frame, frame["label"]) for frame in (new, both))
    assert alone.bgnbd_.r_ == joint.bgnbd_.r_
    assert not np.allclose(alone.predict_proba(new), joint.predict_proba(new), atol=1e-3)
