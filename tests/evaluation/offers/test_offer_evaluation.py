import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.metric import ALL_METRICS
from neigung.evaluation.offers.offer_evaluation import OfferEvaluation, evaluate_offers
from neigung.evaluation.offers.offers_tested import Placebo
from tests.evaluation.offer_trials import ARMS, offers
from tests.pictures.drawn import drawn

TABLES = (
    *("metrics", "differences", "folds", "arm_effects", "rankings", "bands", "curves"),
    *("balance", "overlap", "placebo"),
)


def placebo_of(trial, seed=0):
    rng = np.random.default_rng(seed)
    noise = trial.uplift * 0 + rng.normal(0, 0.01, trial.uplift.shape)
    return Placebo(rng.permutation(trial.arm), noise)


@pytest.fixture(scope="module")
def trial():
    return offers(n=12_000, effect=2.0, customers=9000)


@pytest.fixture(scope="module")
def evaluation(trial):
    return evaluate_offers(trial, placebo=placebo_of(trial))


def test_what_tracking_and_the_gate_read_is_there(evaluation):
    assert evaluation.cutoff == pd.Timestamp("2025-06-01")
    assert (evaluation.metric, evaluation.n_rows) == ("policy_value", 12_000)
    assert evaluation.n_customers < 9000
    assert 0.1 < evaluation.base_rate < 0.2
    assert evaluation.models == [
        *("model", "likely_buyers", "random", "no_offer", "same_5%", "same_10%", "same_20%"),
        "as_given",
    ]
    assert list(evaluation.folds.columns)[:3] == ["cutoff", "model", "metric"]
    assert evaluation.folds.empty
    assert set(evaluation.metrics["metric"]) <= set(ALL_METRICS)
    assert np.isnan(evaluation.value("auroc"))
    assert evaluation.value("qini", "random") == 0


def test_numbers_are_those_of_the_tables(evaluation):
    numbers = evaluation.numbers()
    assert evaluation.headline_numbers().items() < numbers.items()
    assert all(isinstance(value, float) and np.isfinite(value) for value in numbers.values())
    assert {name.split(".")[0] for name in evaluation.headline_numbers()} == {
        *("test", "baseline", "difference"),
    }
    assert numbers["test.customers"] == evaluation.n_customers
    assert numbers["test.policy_value"] == numbers["policy.model"]
    assert numbers["baseline.same_10%.policy_value.low"] == numbers["policy.same_10%.low"]
    assert numbers["policy_lead.random"] == numbers["difference.random.policy_value"]
    effect = evaluation.arm_effects.set_index("arm").loc["10%"]
    assert numbers["effect.10%"] == effect["effect"]
    assert numbers["effect.10%.high"] == effect["high"]
    assert numbers["effect.10%.naive.low"] == effect["naive_low"]
    assert numbers["effect.10%.n"] == effect["n"]
    band = evaluation.bands.set_index(["arm", "band"]).loc[("20%", 2)]
    assert numbers["band.20%.2.effect.low"] == band["low"]
    ranking = evaluation.rankings.set_index(["arm", "model", "metric"])
    key = ("5%", "likely_buyers", "qini")
    assert numbers["ranking.5%.likely_buyers.qini"] == ranking.loc[key, "value"]
    assert numbers["overlap.none.without_chance"] == 0
    balance = evaluation.balance.set_index(["column", "arm"]).loc[("x", "5%")]
    assert numbers["balance.x.5%.after"] == balance["after"]
    placebo = evaluation.placebo.set_index(["check", "arm"])
    assert numbers["placebo.effect.5%.low"] == placebo.loc[("effect", "5%"), "low"]
    assert numbers["placebo.qini"] == placebo.loc[("qini", ""), "value"]
    assert "placebo.spread.low" not in numbers


def test_a_policy_that_knows_the_truth_beats_the_simple_ones(evaluation):
    verdict = evaluation.verdict
    assert verdict.beats_baseline
    assert verdict.low > 0
    assert verdict.best_baseline in evaluation.opponents
    assert "earn more than every simple policy" in verdict.text_en
    assert "mehr als jede einfache Regel" in verdict.text_de
    model, best = (
        evaluation.value("policy_value", name) for name in ("model", verdict.best_baseline)
    )
    assert verdict.difference == pytest.approx(model - best)


def test_values_are_those_of_the_truth(trial, evaluation):
    earned = trial.expected_worth.to_numpy()
    truth = {
        "model": earned.max(axis=1).mean(),
        "no_offer": earned[:, 0].mean(),
        "same_20%": earned[:, 3].mean(),
        "as_given": earned.mean(),
    }
    rows = evaluation.metrics[evaluation.metrics["metric"] == "policy_value"].set_index("model")
    for name, value in truth.items():
        assert rows.loc[name, "low"] < value < rows.loc[name, "high"], name
    effect = (trial.expected["20%"] - trial.expected["none"]).mean()
    row = evaluation.arm_effects.set_index("arm").loc["20%"]
    assert row["low"] < effect < row["high"]


def test_metrics_are_the_means_of_the_arms(evaluation):
    for metric in ("qini", "auuc", "uplift_10"):
        rows = evaluation.rankings[evaluation.rankings["metric"] == metric]
        for model, some in rows.groupby("model"):
            assert some["value"].mean() == pytest.approx(evaluation.value(metric, model))
    half = evaluation.value("auuc") - evaluation.value("qini")
    assert half == pytest.approx(evaluation.arm_effects["effect"].mean() / 2)
    assert evaluation.value("uplift_20", "random") == pytest.approx(2 * half)
    difference = evaluation.differences.set_index(["baseline", "metric"])["value"]
    assert difference["random", "auuc"] == pytest.approx(evaluation.value("qini"))


def test_the_same_arm_for_all_was_chosen_before_the_test(trial):
    chosen = evaluate_offers(replace(trial, same_for_all="20%"))
    assert "same_20%" in chosen.opponents
    assert "same_5%" not in chosen.opponents
    best = chosen.differences[chosen.differences["best"]].set_index("metric")["baseline"]
    assert best["policy_value"] in chosen.opponents


def test_every_simple_policy_must_be_beaten(trial):
    """The model gives what a simple policy gives: beaten others do not help."""
    worst = replace(trial, chosen=np.full(12_000, "20%"), same_for_all="20%")
    verdict = evaluate_offers(worst).verdict
    assert not verdict.beats_baseline
    assert verdict.high < 0
    assert "earn less than a simple policy" in verdict.text_en
    assert "bringen weniger als" in verdict.text_de
    single = evaluate_offers(worst)
    rows = single.differences
    keep = ~rows["baseline"].isin(["no_offer", "as_given"])
    rows = rows[keep].assign(best=rows["baseline"] == "random")
    verdict = replace(single, differences=rows).verdict
    assert "are those of a simple policy" in verdict.text_en
    assert not verdict.beats_baseline


def test_the_verdict_names_the_first_policy_that_is_not_beaten(evaluation):
    rows = evaluation.differences.copy()
    at = (rows["metric"] == "policy_value") & (rows["baseline"] == "as_given")
    assert not rows.loc[at, "best"].any()
    rows.loc[at, "low"] = -0.1
    verdict = replace(evaluation, differences=rows).verdict
    assert not verdict.beats_baseline
    assert verdict.best_baseline == "as_given"
    assert "do not earn more than a simple policy, as it was done" in verdict.text_en


@pytest.mark.parametrize("arm", ["none", "10%"])
def test_giving_everybody_the_same_is_no_choice(trial, arm):
    """The model's choice is a simple policy: the difference is exactly nothing, not rounding."""
    rows = evaluate_offers(
        replace(trial, chosen=np.full(12_000, arm), same_for_all=arm)
    ).differences
    equal = ["random", "likely_buyers", "no_offer" if arm == "none" else "same_10%"]
    rows = rows[(rows["metric"] == "policy_value") & rows["baseline"].isin(equal)]
    assert rows[["value", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]] * 3


@pytest.mark.parametrize("metric", ["policy_value", "qini"])
def test_without_an_effect_the_model_wins_nothing(metric):
    """40 studies without an effect, offers that cost: no more than chance allows win."""
    wins = 0
    for seed in range(40):
        none = offers(n=1000, seed=seed, effect=0.0, X=None)
        rng = np.random.default_rng(seed)
        guessed = none.uplift * 0 + rng.normal(size=none.uplift.shape)
        chosen = np.array(ARMS, dtype=object)[rng.integers(0, 4, 1000)]
        verdict = evaluate_offers(replace(none, uplift=guessed, chosen=chosen), metric).verdict
        wins += verdict.beats_baseline
    assert wins <= 2


def test_no_effect_is_said_plainly():
    none = offers(n=4000, effect=0.0)
    verdict = evaluate_offers(none).verdict
    assert verdict.text_en.endswith("There are not enough data on any arm.")
    assert verdict.text_de.endswith("Zu keiner Angebotsart gibt es genug Daten.")


def test_qini_can_decide(trial):
    evaluation = evaluate_offers(trial, "qini")
    assert evaluation.verdict.metric == "qini"
    assert evaluation.verdict.beats_baseline
    assert "better than any simple ranking: Qini" in evaluation.verdict.text_en
    assert "gain more than offers by lot" in evaluation.ranking_sentence()
    turned = evaluate_offers(replace(trial, uplift=-trial.uplift), "qini")
    assert "worse than a simple ranking" in turned.verdict.text_en
    assert "schlechter als ein Los" in turned.ranking_sentence("de")


def test_equal_predictions_rank_nothing(trial):
    flat = evaluate_offers(replace(trial, uplift=trial.uplift * 0 + 0.1), "qini")
    assert flat.value("qini") == pytest.approx(0, abs=1e-12)
    assert not flat.verdict.beats_baseline
    assert "is not shown" in flat.ranking_sentence()
    assert flat.bands.groupby("arm").size().tolist() == [1, 1, 1]


def test_a_placebo_that_finds_something_forbids_the_win(trial, evaluation):
    fooled = evaluate_offers(trial, placebo=Placebo(trial.arm, trial.uplift))
    assert fooled.placebo_found
    assert not fooled.verdict.beats_baseline
    assert "none of this can be trusted" in fooled.verdict.text_en
    assert not evaluation.placebo_found
    assert "nothing was found" in evaluation.placebo_sentence()


def test_an_arm_that_the_test_lacks_is_unknown(trial):
    arm = np.where(trial.arm == "20%", "10%", trial.arm)
    evaluation = evaluate_offers(replace(trial, arm=arm))
    effects = evaluation.arm_effects.set_index("arm")
    assert effects.loc["20%", ["n", "verdict"]].tolist() == [0, "unknown"]
    assert set(evaluation.bands["arm"]) == {"5%", "10%"}
    rows = evaluation.rankings[evaluation.rankings["arm"] == "20%"]
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"arms"}
    given = evaluation.metrics.set_index(["model", "metric"])
    assert given.loc[("same_20%", "policy_value"), "reason"] == "support"
    assert np.isfinite(evaluation.value("policy_value", "same_10%"))


def test_choices_without_support_cannot_be_judged(trial):
    arm = np.where(trial.arm == "20%", "10%", trial.arm)
    evaluation = evaluate_offers(replace(trial, arm=arm, chosen=np.full(12_000, "20%")))
    assert not evaluation.verdict.beats_baseline
    assert "hardly ever given to their like" in evaluation.verdict.text_en
    assert "kaum je bekommen" in evaluation.verdict.text_de


def test_tiny_tests_are_judged_as_unknown():
    evaluation = evaluate_offers(offers(n=60))
    assert (evaluation.arm_effects["verdict"] == "unknown").all()
    assert np.isnan(evaluation.value("qini"))
    assert "no arm was given often enough" in evaluation.ranking_sentence()
    assert "no arm was given often enough" in evaluate_offers(offers(n=60), "qini").verdict.text_en
    assert evaluation._repr_html_()
    back = OfferEvaluation.from_dict(json.loads(json.dumps(evaluation.to_dict())))
    assert back.to_dict() == evaluation.to_dict()


def test_one_customer_has_no_intervals():
    evaluation = evaluate_offers(offers(n=400, groups=np.zeros(400)))
    assert "several customers" in evaluation.verdict.text_en
    assert (evaluation.arm_effects["verdict"] == "unknown").all()


def test_the_order_of_the_rows_does_not_matter(trial):
    small = offers(n=3000, effect=2.0, customers=2000)
    lot = np.random.default_rng(1).permutation(3000)
    turned = {}
    for name in ("y", "arm", "groups", "randomised", "purchase_score", "worth", "chosen"):
        turned[name] = getattr(small, name)[lot]
    for name in ("probabilities", "expected", "uplift", "expected_worth", "X"):
        turned[name] = getattr(small, name).iloc[lot]
    one, other = evaluate_offers(small), evaluate_offers(replace(small, **turned))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), atol=1e-9)
    assert one.verdict.text_en == other.verdict.text_en


def test_frames_may_hold_their_columns_in_any_order(trial):
    small = offers(n=1000)
    turned = {
        name: getattr(small, name).iloc[:, ::-1]
        for name in ("probabilities", "expected", "uplift", "expected_worth")
    }
    one, other = evaluate_offers(small), evaluate_offers(replace(small, **turned))
    assert one.to_dict() == other.to_dict()


def test_round_trip(evaluation):
    text = json.dumps(evaluation.to_dict(), allow_nan=False)
    assert json.loads(text)["kind"] == "offer"
    back = OfferEvaluation.from_dict(json.loads(text))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(back, name), getattr(evaluation, name))
    assert back.verdict == evaluation.verdict
    assert back.to_dict() == evaluation.to_dict()


def test_tables_and_page_show_the_numbers(evaluation):
    table = evaluation.table()
    assert table.index[:2].tolist() == ["model", "likely buyers first"]
    assert table.loc["no offer", "Qini"] == "–"
    assert " points (" in table.loc["model", "Qini"]
    german = evaluation.table("de")
    assert "Ertrag je Kunde" in german
    assert "," in german.loc["Modell", "Ertrag je Kunde"]
    page = evaluation._repr_html_()
    assert "12,000 offers" in page
    assert "effect found" in page


def test_sentences_are_in_both_languages(evaluation):
    for language, word in (("en", "Beside"), ("de", "Gegenüber")):
        sentences = evaluation.policy_sentences(language)
        assert len(sentences) == 7
        assert all(sentence.startswith(word) for sentence in sentences)
    assert len(evaluation.arm_sentences()) == 3
    assert len(evaluation.overlap_sentences("de")) == 6
    assert "Wirkung gefunden" in evaluation.arm_sentences("de")[2]


def test_money_has_no_points():
    small = offers(n=1000)
    money = replace(small, outcome="margin", y=small.worth, expected=small.expected_worth)
    evaluation = evaluate_offers(money)
    assert "points" not in " ".join(evaluation.arm_sentences())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": []}, "needs offers in the test span"),
        ({"arms": []}, "at least one other arm"),
        ({"arms": ["none", "5%"]}, "each once"),
        ({"worth": [1.0]}, "as many values of worth"),
        ({"worth": np.full(200, np.nan)}, "200 of 200 are not"),
        ({"purchase_score": np.full(200, np.inf)}, "Values of purchase_score"),
        ({"same_for_all": "30%"}, "but found 30%"),
        ({"X": pd.DataFrame({"x": [1.0]})}, "as many rows of features, found 1"),
        ({"y": np.full(200, np.nan)}, "Outcomes must be known"),
        ({"chosen": np.full(200, "30%")}, "but found 30%"),
        ({"arm": np.full(200, "30%")}, "but found 30%"),
    ],
)
def test_wrong_input_is_an_input_error(changes, message):
    with pytest.raises(InputError, match=message):
        evaluate_offers(offers(n=200, **changes))


def test_chances_must_match_the_arms():
    trial = offers(n=200)
    with pytest.raises(InputError, match="in 200 of 200 rows they do not; the first is row 0"):
        evaluate_offers(replace(trial, probabilities=trial.probabilities * 0.9))
    with pytest.raises(InputError, match="20% is missing"):
        evaluate_offers(replace(trial, probabilities=trial.probabilities.drop(columns="20%")))
    with pytest.raises(InputError, match="not by auroc"):
        evaluate_offers(trial, "auroc")


@pytest.mark.parametrize("effect", [0.0, 1.0])
@pytest.mark.parametrize("metric", ["policy_value", "qini"])
def test_what_nobody_drew_by_lot_is_a_difference_everywhere(effect, metric):
    given = offers(n=3000, effect=effect, randomised=np.full(3000, False))
    evaluation = evaluate_offers(given, metric)
    assert evaluation.observational
    both = ("en", "de")
    pictures = [figure for language in both for figure in evaluation.figures(language).values()]
    told = " ".join(
        [
            evaluation._repr_html_(),
            evaluation.verdict.text_de,
            *(text for language in both for text in evaluation.arm_sentences(language)),
            *(evaluation.ranking_sentence(language) for language in both),
            *(text for figure in pictures for text in drawn(figure)),
        ]
    )
    for claim in ("ffect", "changes", "gain more", "moves", "Wirkung", "bewirkt", "bewegt"):
        assert claim not in told, claim
    assert "adjusted difference" in told
    lot = evaluate_offers(offers(n=3000, effect=effect), metric)
    assert "What each arm changes" in drawn(lot.plot_effects())
