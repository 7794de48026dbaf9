import json
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.propensity.evaluate import Evaluation, evaluate

TABLES = ("metrics", "differences", "folds", "segments", "gains", "calibration")


def dataset(n, seed, cutoff="2024-05-01"):
    """Rows of a test cutoff, and the probabilities that made their outcomes."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    y = (rng.random(n) < p).astype(float)
    groups = np.array([f"ü{i}" for i in range(n)], dtype=object)
    frame = pd.DataFrame({"customer_id": groups, "cutoff": pd.Timestamp(cutoff)})
    return SimpleNamespace(frame=frame, y=y, groups=groups), p


def blurred(p, seed, by=1.0):
    rng = np.random.default_rng(seed)
    q = np.clip(p, 1e-3, 1 - 1e-3)
    return 1 / (1 + np.exp(-(np.log(q / (1 - q)) + rng.normal(0, by, len(p)))))


@pytest.fixture(scope="module")
def evaluation():
    test, p = dataset(1500, 1)
    folds = []
    for i, cutoff in enumerate(("2024-03-01", "2024-04-01")):
        fold, q = dataset(400, 10 + i)
        predictions = {"model": q, "bg_nbd": blurred(q, i), "recency_rule": blurred(q, 5 + i, 3)}
        folds.append((pd.Timestamp(cutoff), fold.y, fold.groups, predictions))
    segments = pd.DataFrame(
        {
            "activity": np.where(p > 0.6, "active", "new"),
            "town": [f"town {i % 30}" if i % 50 else None for i in range(1500)],
            "rare": ["few" if i < 10 else "many" for i in range(1500)],
            "outcome": pd.Categorical(np.where(test.y == 1, "bought", "not")),
        }
    )
    return evaluate(
        test,
        {"model": p, "bg_nbd": blurred(p, 3), "recency_rule": blurred(p, 4, 3)},
        folds=folds,
        segments=segments,
        repetitions=100,
    )


def test_a_better_model_beats_the_best_baseline(evaluation):
    verdict = evaluation.verdict
    assert verdict.beats_baseline
    assert (verdict.best_baseline, verdict.metric) == ("bg_nbd", "average_precision")
    assert 0 < verdict.low < verdict.difference < verdict.high
    assert verdict.text_en.startswith("The model beats the best baseline, BG/NBD: average prec")
    assert verdict.text_de.startswith("Das Modell schlägt das beste Vergleichsmodell (BG/NBD): ")


def test_direction_follows_the_metric():
    test, p = dataset(1500, 2)
    predictions = {"model": p, "bg_nbd": blurred(p, 1, 2)}
    for metric in ("log_loss", "brier"):
        verdict = evaluate(test, predictions, metric, repetitions=100).verdict
        assert verdict.beats_baseline
        assert verdict.high < 0


def test_a_losing_model_says_so():
    test, p = dataset(1500, 3)
    predictions = {"model": blurred(p, 1, 3), "rfm_logistic": p}
    verdict = evaluate(test, predictions, repetitions=100).verdict
    assert not verdict.beats_baseline
    assert verdict.text_en.startswith("The model loses to the best baseline, RFM logistic")
    assert verdict.text_de.startswith("Das Modell verliert gegen das beste Vergleichsmodell (logis")


def test_an_equal_model_is_not_better():
    test, p = dataset(800, 4)
    verdict = evaluate(test, {"model": p, "bg_nbd": p.copy()}, repetitions=100).verdict
    assert (verdict.beats_baseline, verdict.difference) == (False, 0)
    assert "does not beat" in verdict.text_en
    assert "may be chance" in verdict.text_en
    assert "nicht: mittlere Präzision" in verdict.text_de
    wins = 0
    for seed in range(40):
        test, p = dataset(300, 100 + seed)
        predictions = {"model": blurred(p, seed), "bg_nbd": blurred(p, 1000 + seed)}
        wins += evaluate(test, predictions, repetitions=60, seed=seed).verdict.beats_baseline
    # One-sided chance of 2.5 %; six of forty would be 15 %.
    assert wins < 6


def test_one_outcome_cannot_be_judged():
    test, p = dataset(100, 5)
    test.y[:] = 0
    evaluation = evaluate(test, {"model": p, "bg_nbd": p}, repetitions=20)
    assert not evaluation.verdict.beats_baseline
    assert not evaluation.verdict.judged
    assert evaluation.verdict.text_en.startswith("0 customers of the test have the rarer outcome")
    assert "zu wenige Ergebnisse, also kein Urteil" in evaluation.verdict.text_de
    assert json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert evaluation._repr_html_()
    for plot in ("gains", "calibration", "metrics", "folds"):
        getattr(evaluation, f"plot_{plot}")().savefig(BytesIO())


def test_facts(evaluation):
    assert (evaluation.n_rows, evaluation.n_customers) == (1500, 1500)
    assert evaluation.cutoff == pd.Timestamp("2024-05-01")
    assert evaluation.models == ["model", "bg_nbd", "recency_rule"]
    assert evaluation.value("auroc") == pytest.approx(5 / 6, abs=0.03)
    assert np.isnan(evaluation.value("gini"))
    best = evaluation.differences[evaluation.differences["best"]]
    assert best["metric"].is_unique
    assert len(best) == evaluation.metrics["metric"].nunique()


def test_folds_have_every_model_at_every_cutoff(evaluation):
    auroc = evaluation.folds[evaluation.folds["metric"] == "auroc"]
    assert auroc.groupby("cutoff")["model"].nunique().tolist() == [3, 3]
    assert (auroc["low"] < auroc["value"]).all()


def test_segments_list_every_row_and_say_why_not(evaluation):
    segments = evaluation.segments
    one = segments.drop_duplicates(["segment", "level"])
    assert (one.groupby("segment")["n"].sum() == 1500).all()
    positives = one.groupby("segment")["positives"].sum()
    assert (positives == round(1500 * evaluation.base_rate)).all()
    towns = one[one["segment"] == "town"]["level"].tolist()
    assert len(towns) == 13
    assert towns[-1] == "(other)"
    few = segments[segments["level"] == "few"].iloc[0]
    assert (few["n"], few["reason"]) == (10, "needs 50 rows, found 10")
    assert np.isnan(few["value"])
    assert (segments[segments["segment"] == "outcome"]["reason"].str.contains("both")).all()
    active = segments[(segments["level"] == "active") & (segments["metric"] == "auroc")]
    assert active["model"].tolist() == ["model", "bg_nbd"]
    assert (active["low"] < active["high"]).all()


def test_a_missing_level_is_named():
    test, p = dataset(200, 6)
    segments = pd.DataFrame({"town": ["Köln"] * 100 + [None] * 100})
    result = evaluate(test, {"model": p, "bg_nbd": p}, segments=segments, repetitions=20)
    assert set(result.segments["level"]) == {"Köln", "(missing)"}


def test_json_round_trip(evaluation):
    text = json.dumps(evaluation.to_dict(), allow_nan=False)
    again = Evaluation.from_dict(json.loads(text))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(evaluation, name))
    assert again.verdict == evaluation.verdict
    assert json.dumps(again.to_dict()) == text


def test_round_trip_without_folds_and_segments():
    test, p = dataset(100, 7)
    result = evaluate(test, {"model": p, "bg_nbd": p}, repetitions=20)
    again = Evaluation.from_dict(json.loads(json.dumps(result.to_dict())))
    assert len(again.folds) == len(again.segments) == 0
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name))


def test_same_seed_same_bytes():
    test, p = dataset(200, 8)
    one, two = (
        json.dumps(evaluate(test, {"model": p, "bg_nbd": p**2}, repetitions=30).to_dict())
        for _ in range(2)
    )
    assert one == two


def test_table_and_html_show_the_numbers(evaluation):
    table = evaluation.table("de")
    assert list(table.columns[:2]) == ["Modell", "BG/NBD"]
    assert f"{evaluation.value('auroc'):.3f}".replace(".", ",") in table.loc["AUROC", "Modell"]
    html = evaluation._repr_html_()
    assert "beats the best baseline" in html
    assert "1,500 customers" in html


def test_wrong_input():
    test, p = dataset(60, 9)
    with pytest.raises(InputError, match="at least one baseline, but found model"):
        evaluate(test, {"model": p})
    with pytest.raises(InputError, match=r"must be among auroc.* not gini"):
        evaluate(test, {"model": p, "bg_nbd": p}, "gini")
    with pytest.raises(InputError, match="each of the 60 test rows, but found 1"):
        evaluate(test, {"model": p, "bg_nbd": p}, segments=pd.DataFrame({"a": [1]}))


def test_numbers_are_those_of_the_tables(evaluation):
    numbers = evaluation.numbers()
    assert evaluation.headline_numbers().items() < numbers.items()
    assert all(isinstance(value, float) and np.isfinite(value) for value in numbers.values())
    assert numbers["test.rows"] == 1500
    assert numbers["test.auroc"] == evaluation.value("auroc")
    assert numbers["baseline.bg_nbd.auroc"] == evaluation.value("auroc", "bg_nbd")
    verdict = evaluation.verdict
    lead = "difference.bg_nbd.average_precision"
    assert [numbers[lead], numbers[f"{lead}.low"]] == [verdict.difference, verdict.low]
    fold = evaluation.folds.set_index(["cutoff", "model", "metric"])
    key = (pd.Timestamp("2024-03-01"), "bg_nbd", "brier")
    assert numbers["fold.2024-03-01.bg_nbd.brier.high"] == fold.loc[key, "high"]
    assert numbers["segment.rare.few.n"] == 10
    assert "segment.rare.few.model.auroc" not in numbers
    segment = evaluation.segments.set_index(["segment", "level", "model", "metric"])
    key = ("activity", "active", "model", "auroc")
    assert numbers["segment.activity.active.model.auroc"] == segment.loc[key, "value"]
    own = evaluation.calibration[evaluation.calibration["model"] == "model"].reset_index()
    assert numbers["calibration.10.predicted"] == own.loc[9, "predicted"]
    assert numbers["calibration.1.observed.low"] == own.loc[0, "low"]


def test_the_headline_holds_no_parts(evaluation):
    names = evaluation.headline_numbers()
    owners = {name.split(".")[0] for name in names}
    assert owners == {"test", "baseline", "difference"}
    assert "test.customers" not in names


def test_pictures_have_a_name_each(evaluation):
    names = {"gains", "calibration", "metrics", "folds", "lift", "top", "segments"}
    assert set(evaluation.figures()) == names
