import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.propensity.evaluate import Evaluation, evaluate
from neigung.judgement.fitness import judge_fitness

DATES = ("2024-02-01", "2024-03-01")


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, n)
    return p, (rng.random(n) < p).astype(float)


def judged(predict=lambda p: p, rival=lambda p: 0.2 + 0 * p, n=2000, **changes):
    """The lights of a model that predicts `predict` of the true chance, by key."""
    p, y = drawn(n, 1)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * n})
    test = SimpleNamespace(frame=frame, y=changes.pop("y", y), groups=np.arange(n))
    predictions = {"model": predict(p), "bg_nbd": rival(p)}
    evaluation = evaluate(test, predictions, repetitions=60, **changes)
    return {light.key: light for light in judge_fitness(evaluation).lights[:4]}


def folds(predict=lambda p: p, dates=DATES, rival=lambda p: 0.2 + 0 * p):
    found = []
    for i, date in enumerate(dates):
        p, y = drawn(500, 10 + i)
        predictions = {"model": predict(p), "bg_nbd": rival(p)}
        found.append((pd.Timestamp(date), y, np.arange(500), predictions))
    return found


def test_a_model_that_is_not_better_is_bad():
    good = judged()["baseline"]
    assert good.status == "good"
    assert "beats the best baseline" in good.text()
    assert judged(rival=lambda p: p)["baseline"].status == "bad"
    unknown = judged(y=np.zeros(2000))["baseline"]
    assert unknown.status == "unknown"
    assert unknown.text().startswith("0 customers of the test have the rarer outcome")
    assert "zu wenige Ergebnisse, also kein Urteil" in unknown.text("de")


@pytest.mark.parametrize(
    ("predict", "status"),
    [
        (lambda p: p, "good"),
        (lambda p: 1.05 * p.clip(max=0.95), "good"),
        (lambda p: 0.8 * p, "care"),
        (lambda p: (1.3 * p).clip(max=1), "care"),
        (lambda p: 0.3 * p, "bad"),
        # Right on average, wrong for everybody.
        (lambda p: np.where(p < np.median(p), 0.0, 0.4), "care"),
        (lambda p: np.where(p < np.median(p), 0.35, 0.05), "bad"),
    ],
)
def test_calibration_is_judged_beyond_chance(predict, status):
    assert judged(predict, n=6000)["calibration"].status == status


def test_chance_alone_does_not_make_probabilities_wrong():
    found = []
    for seed in range(40):
        p, y = drawn(150, 100 + seed)
        frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * 150})
        test = SimpleNamespace(frame=frame, y=y, groups=np.arange(150))
        evaluation = evaluate(test, {"model": p, "bg_nbd": p}, repetitions=2)
        found.append(judge_fitness(evaluation).lights[1].status)
    assert found.count("good") >= 37
    assert "bad" not in found


def test_calibration_says_its_numbers():
    p, y = drawn(2000, 1)
    light = judged(lambda p: 0.8 * p)["calibration"]
    told = f"{80 * p.mean():.1f}% predicted on average, {100 * y.mean():.1f}% observed"
    assert told in light.text()
    assert told.split("%")[0].replace(".", ",") in light.text("de")
    assert judged(y=np.zeros(2000))["calibration"].status == "unknown"
    assert judged(y=np.ones(2000))["calibration"].status == "unknown"


def test_earlier_cutoffs_are_looked_at_one_by_one():
    assert judged()["time"].status == "unknown"
    light = judged(folds=folds())["time"]
    assert light.status == "good"
    assert light.text().startswith("Ahead of the best simple model at each of 2 earlier cutoffs")
    once = judged(folds=folds(dates=DATES[:1]))["time"]
    assert "am einzigen früheren Stichtag besser" in once.text("de")
    behind = judged(folds=[*folds(), *folds(lambda p: 1 - p, ("2024-04-01",))])["time"]
    assert behind.status == "care"
    assert behind.text().startswith("Not ahead of the best simple model at 1 of 3 earlier")
    once = judged(folds=folds(lambda p: 1 - p, DATES[:1]))["time"]
    assert once.text("de").startswith("Am einzigen früheren Stichtag nicht besser")
    direction = judged(folds=folds(rival=lambda p: 1 - p), metric="log_loss")["time"]
    assert direction.status == "good"


def test_an_order_that_became_worse_is_seen():
    rng = np.random.default_rng(0)
    noise = rng.random(2000)
    light = judged(lambda p: 0.2 * p + 0.8 * noise, folds=folds())["time"]
    assert light.status == "care"
    assert "worse in the test than at every earlier cutoff: AUROC" in light.text()


def test_chance_alone_does_not_make_an_order_worse():
    light = judged(n=150, folds=folds())["time"]
    assert light.status == "good", light.text()
    sure = judged(folds=folds(lambda p: np.round(p, 1), DATES[:1]))["time"]
    assert sure.status == "good", sure.text()


def test_segments_in_which_a_simple_model_is_better():
    _, y = drawn(2000, 1)
    half = np.arange(2000) % 2 == 0
    parts = {"attribute_town": np.where(half, "Köln", "Bonn"), "tiny": np.where(y, "a", "b")}
    segments = pd.DataFrame(parts)
    good = judged(segments=segments)["segments"]
    assert good.status == "good"
    assert good.text().startswith("In none of the 2 segments")

    def wrong_in_bonn(p):
        return np.where(half, p, 0.2 * p[::-1])

    care = judged(wrong_in_bonn, rival=lambda p: 0.5 * p, segments=segments)["segments"]
    assert care.status == "care"
    assert "in 1 of 2 segments, most of all in town: Bonn, average precision 0." in care.text()
    assert "bei town: Bonn, mittlere Präzision 0," in care.text("de")
    one = judged(segments=segments[["attribute_town"]].assign(attribute_town="Köln"))["segments"]
    assert one.text().startswith("In the one segment")
    assert judged(segments=segments[["tiny"]])["segments"].status == "unknown"
    assert judged()["segments"].status == "unknown"


def test_segments_follow_the_direction_of_the_metric():
    evaluation_segments = pd.DataFrame({"part": ["x"] * 2000})
    light = judged(lambda p: 0.1 * p, rival=lambda p: p, segments=evaluation_segments,
                   metric="log_loss")["segments"]  # fmt: skip
    assert light.status == "care"


def test_a_test_of_one_customer_is_judged_without_a_fault():
    lights = judged(n=1, y=np.ones(1))
    assert [light.status for light in lights.values()] == ["unknown"] * 4
    assert not any(
        "nan" in light.text(language) for light in lights.values() for language in ("en", "de")
    )


def test_an_evaluation_read_back_gives_the_same_lights():
    p, y = drawn(300, 2)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2024-05-01")] * 300})
    test = SimpleNamespace(frame=frame, y=y, groups=np.arange(300))
    evaluation = evaluate(test, {"model": p, "bg_nbd": p**2}, folds=folds(), repetitions=20)
    again = Evaluation.from_dict(json.loads(json.dumps(evaluation.to_dict())))
    assert judge_fitness(again).lights == judge_fitness(evaluation).lights
