import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from neigung.errors import InputError
from neigung.evaluation import bootstrap as metrics
from neigung.evaluation.bootstrap import bootstrap, measure
from neigung.evaluation.metric import METRICS


def calibrated(n, seed):
    """Outcomes drawn from uniform probabilities: AUROC 5/6, Brier 1/6, log loss 1/2."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return (rng.random(n) < p).astype(float), p


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.9, 1.0])),
        min_size=2,
        max_size=60,
    ).filter(lambda rows: len({y for y, _ in rows}) == 2)
)
def test_agrees_with_scikit_learn(rows):
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = measure(y, p)
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(y, p))
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(y, p))
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, p))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, p))


def test_named_functions_give_the_same_numbers():
    y, p = calibrated(500, 0)
    found = measure(y, p)
    for name in ("auroc", "average_precision", "log_loss", "brier", "calibration_error"):
        assert getattr(metrics, name)(y, p) == pytest.approx(found[name])
    for percent in (10, 20, 30):
        assert metrics.lift(y, p, percent / 100) == pytest.approx(found[f"lift_{percent}"])


def test_integer_weights_equal_repeated_rows():
    y, p = calibrated(200, 1)
    p = p.round(1)
    weights = np.random.default_rng(2).integers(0, 4, 200)
    ranked = metrics._Ranked(y, p)
    weighed = ranked.weigh(weights[None].astype(float))["metrics"][0]
    repeated = measure(np.repeat(y, weights), np.repeat(p, weights))
    rows = {"sample_weight": weights}
    assert weighed[0] == pytest.approx(sk.roc_auc_score(y, p, **rows))
    assert weighed[1] == pytest.approx(sk.average_precision_score(y, p, **rows))
    for i, name in enumerate(METRICS):
        # The bins of the calibration error are cut on the sample, once.
        if name != "calibration_error":
            assert weighed[i] == pytest.approx(repeated[name]), name


def test_lift_and_gains_by_hand():
    y = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    p = np.arange(10, 0, -1) / 10
    assert metrics.lift(y, p, 0.2) == pytest.approx(1 / 0.3)
    assert metrics.lift(y, p, 0.3) == pytest.approx(2 / 3 / 0.3)
    curve = metrics._Ranked(y, p).once()["gains"]
    assert curve[[0, 5, 20, -1]].tolist() == pytest.approx([0, 1 / 3, 1, 1])


def test_equal_scores_count_in_proportion():
    y = np.array([1, 0] * 50)
    assert measure(y, np.full(100, 0.5))["lift_10"] == pytest.approx(1)
    assert metrics.lift(y[::-1], np.full(100, 0.5), 0.1) == pytest.approx(1)


def test_calibration_error_by_hand_and_on_known_truth():
    y = np.array([0, 0, 1, 0, 1, 1, 0, 1])
    p = np.array([0.1, 0.1, 0.2, 0.2, 0.8, 0.8, 0.9, 0.9])
    # Two bins: predicted 0.15 and 0.85, observed 0.25 and 0.75.
    assert metrics.calibration_error(y, p, bins=2) == pytest.approx(0.1)
    y, p = calibrated(20_000, 3)
    assert metrics.calibration_error(y, p) < 0.02
    assert metrics.calibration_error(y, p**2) > 0.1


def calibration_curve(y, p):
    return bootstrap(y, {"model": p}, np.arange(len(y)), repetitions=2).calibration()


def test_calibration_curve_has_bins_of_equal_mass_and_keeps_ties_together():
    y, p = calibrated(1000, 4)
    curve = calibration_curve(y, p)
    assert curve["n"].tolist() == [100] * 10
    assert curve["predicted"].is_monotonic_increasing
    np.testing.assert_allclose(curve["predicted"], curve["observed"], atol=0.15)
    tied = calibration_curve(y, np.where(p < 0.7, 0.3, 0.9))
    assert tied["predicted"].tolist() == pytest.approx([0.3, 0.9])
    assert tied["n"].sum() == 1000


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_gives_nan_with_a_reason(outcome):
    y, p = np.full(50, outcome), np.linspace(0.1, 0.9, 50)
    table = bootstrap(y, {"model": p}, np.arange(50), repetitions=20).table().set_index("metric")
    for name, metric in METRICS.items():
        assert np.isnan(table.loc[name, "value"]) == metric.needs_both, name
        if metric.needs_both:
            assert table.loc[name, "reason"] == f"needs both outcomes, found only {outcome}"
            assert np.isnan(table.loc[name, ["low", "high"]].astype(float)).all()
    assert np.isnan(metrics.lift(y, p))


@pytest.mark.filterwarnings("error")
def test_one_customer_has_values_but_no_interval():
    table = bootstrap([0, 1, 1], {"model": [0.1, 0.2, 0.9]}, ["a"] * 3, repetitions=20).table()
    assert table["value"].notna().all()
    assert table[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1], [0.5], "one length"),
        ([], [], "above zero"),
        ([0, 2], [0.5, 0.5], "must be 0 or 1"),
        ([0, float("nan")], [0.5, 0.5], "must be 0 or 1"),
        ([0, 1], [0.5, 1.5], r"0\.\.1"),
        ([0, 1], [0.5, float("nan")], r"0\.\.1"),
    ],
)
def test_wrong_input_is_an_input_error(y, p, message):
    with pytest.raises(InputError, match=message):
        measure(y, p)


def test_bootstrap_refuses_unknown_metrics_and_wrong_groups():
    with pytest.raises(InputError, match=r"auroc, .*but found gini"):
        bootstrap([0, 1], {"model": [0.1, 0.2]}, [1, 2], metrics=["gini"])
    with pytest.raises(InputError, match="as many groups, found 1"):
        bootstrap([0, 1], {"model": [0.1, 0.2]}, [1])
    with pytest.raises(InputError, match="share above 0"):
        metrics.lift([0, 1], [0.1, 0.2], 0)


def test_bootstrap_is_deterministic_and_depends_on_the_seed():
    y, p = calibrated(300, 5)
    one, same, other = (
        bootstrap(y, {"model": p}, np.arange(300), repetitions=50, seed=seed).table()
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one["low"].equals(other["low"])


def test_intervals_cover_the_truth_even_when_rows_are_copies():
    truth = {"auroc": 5 / 6, "brier": 1 / 6, "log_loss": 0.5}
    covered, naive = dict.fromkeys(truth, 0), 0
    seeds = 80
    for seed in range(seeds):
        # Each customer is met four times with the same outcome: a quarter of the information.
        y, p = (np.repeat(v, 4) for v in calibrated(250, seed))
        customers = np.repeat(np.arange(250), 4)
        for groups in (customers, np.arange(1000)):
            table = bootstrap(y, {"m": p}, groups, list(truth), repetitions=100, seed=seed).table()
            table = table.set_index("metric")
            for name, value in truth.items():
                inside = table.loc[name, "low"] <= value <= table.loc[name, "high"]
                if groups is customers:
                    covered[name] += inside
                elif name == "brier":
                    naive += inside
    assert all(0.88 <= count / seeds <= 0.995 for count in covered.values()), covered
    assert naive / seeds < 0.8


def test_differences_are_paired():
    y, p = calibrated(800, 6)
    rng = np.random.default_rng(7)
    worse = np.clip(p + rng.normal(0, 0.1, 800), 0, 1)
    result = bootstrap(y, {"model": p, "same": p, "worse": worse}, np.arange(800))
    rows = result.differences().set_index(["baseline", "metric"])
    assert (rows.loc["same", ["value", "low", "high"]] == 0).all(axis=None)
    auroc = rows.loc[("worse", "auroc")]
    assert 0 < auroc["low"] < auroc["value"] < auroc["high"]
    table = result.table().set_index(["model", "metric"])
    width = table.loc[("model", "auroc"), "high"] - table.loc[("model", "auroc"), "low"]
    assert auroc["high"] - auroc["low"] < width / 2
    assert rows.loc[("same", "log_loss"), "best"]
    assert not rows.loc[("worse", "log_loss"), "best"]


def test_curves_have_bands_around_them():
    y, p = calibrated(500, 8)
    result = bootstrap(y, {"model": p}, np.arange(500), repetitions=100)
    gains, calibration = result.gains(), result.calibration()
    assert ((gains["low"] <= gains["gain"]) & (gains["gain"] <= gains["high"])).all()
    inside = calibration["observed"].between(calibration["low"], calibration["high"])
    assert inside.all()
    assert calibration["n"].sum() == 500


def test_large_data_cost_fewer_repetitions_and_little_time(monkeypatch):
    y, p = calibrated(20_000, 9)
    start = time.process_time()
    result = bootstrap(y, dict.fromkeys("abcd", p), np.arange(20_000))
    assert result.repetitions == 500
    assert time.process_time() - start < 10
    monkeypatch.setattr(metrics, "_BUDGET", 20_000 * 150)
    assert bootstrap(y, {"a": p}, np.arange(20_000)).repetitions == 150
    assert bootstrap(y, {"a": p, "b": p}, np.arange(20_000)).repetitions == 100
