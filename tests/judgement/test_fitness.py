import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.offers.offer_evaluation import evaluate_offers
from neigung.evaluation.propensity.evaluate import evaluate
from neigung.evaluation.stability import assess_stability, seed_table
from neigung.judgement.checks import CHECKS
from neigung.judgement.fitness import Fitness, judge_fitness
from neigung.judgement.light import Light
from neigung.language import Message
from tests.evaluation.columns import column
from tests.evaluation.offer_trials import offers

N = 1200


def rows(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"c{i}": rng.normal(size=N) for i in range(5)})
    p = 1 / (1 + np.exp(1.5 - frame.sum(axis=1)))
    return frame, np.asarray(p), (rng.random(N) < p).astype(float)


@pytest.fixture(scope="module")
def parts():
    """A sound model: its evaluation, and what `assess_stability` is made from."""
    (before, p, train_y), (test, q, y) = rows(1), rows(2)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * N})
    folds = [(pd.Timestamp("2024-04-01"), train_y, np.arange(N), {"model": p, "bg_nbd": p * 0.5})]
    folds[0][3]["bg_nbd"] = np.full(N, 0.3)
    evaluation = evaluate(
        SimpleNamespace(frame=frame, y=y, groups=np.arange(N)),
        {"model": q, "bg_nbd": np.full(N, 0.3)},
        folds=folds,
        segments=pd.DataFrame({"part": np.where(np.arange(N) % 2, "a", "b")}),
        repetitions=60,
    )
    seeds = seed_table("average_precision", q, {1: 0.98 * q + 0.01}, y)
    found = {
        "before": before,
        "after": {"test": test},
        "columns": [column(name) for name in before],
        "scores": {"before": p, "test": q},
        "importance": dict.fromkeys(before, 1.0),
        "train_y": train_y,
        "test_y": y,
        "seeds": seeds,
    }
    return evaluation, found


@pytest.fixture(scope="module")
def fair():
    groups = pd.DataFrame({"attribute": ["sex", "sex"], "level": ["f", "m"], "reason": ["", ""]})
    groups["n"] = N // 2
    comparisons = groups.assign(p=0.5)
    return SimpleNamespace(
        groups=groups,
        comparisons=comparisons,
        concerns=lambda language="en": (),
        doubts=lambda language="en": (),
        unneeded=lambda metric: False,
        n_rows=N,
    )


def test_a_sound_model_is_fit(parts, fair):
    evaluation, found = parts
    fitness = judge_fitness(evaluation, stability=assess_stability(**found), fairness=fair)
    assert [light.status for light in fitness.lights] == ["good"] * 8
    keys = ["baseline", "calibration", "time", "segments", "fairness", "drift", "leak", "seed"]
    assert [light.key for light in fitness.lights] == keys
    assert fitness.verdict == "fit"
    assert (fitness.text(), fitness.text("de")) == ("Fit for use", "Einsetzbar")
    assert fitness.reasons == ()
    numbers = {f"fitness.{status}": 0.0 for status in ("good", "care", "bad", "unknown")}
    assert fitness.numbers() == numbers | {"fitness.good": 8.0}


def test_one_doubt_is_enough_for_care(parts, fair):
    evaluation, found = parts
    stability = assess_stability(**found | {"importance": {"c1": 1.0}})
    fitness = judge_fitness(evaluation, stability=stability, fairness=fair)
    assert (fitness.verdict, fitness.text("de")) == ("care", "Mit Vorsicht einsetzbar")
    assert [light.key for light in fitness.reasons] == ["leak"]


def test_what_was_not_examined_is_no_all_clear(parts):
    fitness = judge_fitness(parts[0])
    assert fitness.verdict == "care"
    assert [light.status for light in fitness.lights[4:]] == ["unknown"] * 4


def test_a_planted_leak_makes_it_unfit(parts, fair):
    evaluation, found = parts
    leaky = found | {
        "before": found["before"].assign(c0=found["train_y"]),
        "after": {"test": found["after"]["test"].assign(c0=found["test_y"])},
        "importance": {"c0": 9.0, "c1": 1.0},
    }
    fitness = judge_fitness(evaluation, stability=assess_stability(**leaky), fairness=fair)
    assert (fitness.verdict, fitness.text()) == ("not_fit", "Not fit for use")
    assert fitness.reasons[0].key == "leak"
    assert "“EN c0” nearly decides alone" in fitness.reasons[0].text()


def test_offers_have_lights_of_their_own(fair):
    fitness = judge_fitness(evaluate_offers(offers(n=600)), fairness=fair)
    keys = ["effect", "arms", "placebo", "overlap", "fairness", "drift", "leak", "seed"]
    assert [light.key for light in fitness.lights] == keys
    order = ["bad", "care", "unknown"]
    ranks = [order.index(light.status) for light in fitness.reasons]
    assert ranks == sorted(ranks)


def test_json_round_trip(parts):
    fitness = judge_fitness(parts[0])
    text = json.dumps(fitness.to_dict(), allow_nan=False)
    again = Fitness.from_dict(json.loads(text))
    assert again.lights == fitness.lights
    assert again.verdict == fitness.verdict
    assert json.dumps(again.to_dict()) == text


def test_html_says_the_words_and_is_escaped():
    light = Light("leak", "bad", Message("<t>"), Message("<script>"))
    html = Fitness("not_fit", (light,))._repr_html_()
    assert "<script>" not in html
    assert "<t>" not in html
    assert "bad" in html
    assert "Not fit for use" in html


def test_titles_are_topics_in_both_languages():
    every = {check for checks in CHECKS.values() for check in checks}
    assert len({check.code for check in every}) == len(every)
    assert all(english and german for english, german in (check.title.stored() for check in every))
    light = Light("seed", "care", Message("a"), Message("b"))
    assert light.word() == "with care"
    assert light.word("de") == "mit Vorsicht"
