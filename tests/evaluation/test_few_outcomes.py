"""Fewer outcomes than an interval can bear: a number, and no verdict."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.bootstrap import bootstrap, measure
from neigung.evaluation.few_outcomes import FEWEST_OUTCOMES, Outlook, customers_with_rarer
from neigung.evaluation.propensity.evaluate import Evaluation, evaluate
from neigung.judgement.fitness import judge_fitness

N = 300


def evaluation(positives: int, **more: object) -> Evaluation:
    """A model that knows the buyers beside one that knows nothing."""
    rng = np.random.default_rng(5)
    y = (np.arange(N) < positives).astype(float)
    p = np.clip(0.1 + 0.6 * y + rng.normal(0, 0.05, N), 0.01, 0.99)
    frame = pd.DataFrame({"cutoff": [pd.Timestamp("2025-06-01")] * N})
    test = SimpleNamespace(frame=frame, y=y, groups=np.arange(N))
    scores = {"model": p, "bg_nbd": rng.uniform(0.1, 0.2, N)}
    segments = pd.DataFrame({"channel": np.where(np.arange(N) % 2, "web", "app")})
    folds = [(pd.Timestamp("2025-05-01"), y, np.arange(N), scores)]
    return evaluate(test, scores, segments=segments, folds=folds, repetitions=100, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("positives", [1, 3, FEWEST_OUTCOMES - 1, N - 3])
def test_with_few_outcomes_of_either_kind_there_is_a_number_and_no_verdict(positives: int) -> None:
    found = evaluation(positives, outlook=[Outlook(90, 14), Outlook(180, 31)])
    few, verdict = min(positives, N - positives), found.verdict
    assert not verdict.judged
    assert not verdict.beats_baseline
    assert verdict.text_en.startswith(f"{few} customer")
    assert "at least 20 are needed to judge" in verdict.text_en
    assert "With a horizon of 90 days there are 14, with 180 days 31." in verdict.text_en
    assert "Mit einem Horizont von 90 Tagen sind es 14, mit 180 Tagen 31." in verdict.text_de
    for table in (found.metrics, found.differences, found.folds, found.segments, found.gains):
        assert table["low"].isna().all()
        assert table["high"].isna().all()
    assert found.value("auroc") > 0.9
    fitness = judge_fitness(found)
    assert fitness.verdict == "open"
    assert fitness.text() == "No verdict: too few outcomes"
    assert {light.status for light in fitness.lights} == {"unknown"}


def test_with_enough_there_is_one() -> None:
    found = evaluation(FEWEST_OUTCOMES)
    assert found.verdict.judged
    assert found.verdict.beats_baseline
    assert found.differences["low"].notna().any()


def test_customers_count_not_rows() -> None:
    y = np.append(np.ones(40), np.zeros(40))
    groups = np.append(np.repeat(["a", "b"], 20), [f"c{i}" for i in range(40)])
    assert customers_with_rarer(y, groups) == 2
    scores = {"model": np.linspace(0, 1, 80)}
    assert bootstrap(y, scores, groups, fewest=20).table()["low"].isna().all()
    assert bootstrap(y, scores, groups).table()["low"].notna().any()


def test_it_is_kept_and_what_an_older_release_kept_is_still_read() -> None:
    found = evaluation(3, outlook=[Outlook(90, 14), Outlook(None, 40, "2025-03-01")])
    kept = found.to_dict()
    again = Evaluation.from_dict(kept)
    assert again.verdict == found.verdict or again.verdict.text_en == found.verdict.text_en
    assert again.outlook == found.outlook
    older = {key: value for key, value in kept.items() if key not in ("outcomes", "outlook")}
    assert Evaluation.from_dict(older).verdict.judged


def test_nothing_reached_is_said() -> None:
    text = evaluation(3, outlook=[Outlook(90, 14)]).verdict.text_en
    assert text.endswith("there are 14. No setting tried reaches that with these data.")


def test_intervals_of_so_many_outcomes_hold_nine_times_in_ten() -> None:
    """The rule itself: coverage of AUROC's lead over a nested model, at the limit and far below."""
    rng = np.random.default_rng(0)

    def draw(n: int, base: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, z = rng.normal(size=(2, n))
        y = (rng.random(n) < 1 / (1 + np.exp(-(base + 1.2 * x + 0.6 * z)))).astype(float)
        return y, *(1 / (1 + np.exp(-margin)) for margin in (1.2 * x + 0.6 * z, 1.2 * x))

    def coverage(base: float) -> float:
        y, p, q = draw(200_000, base)
        truth = measure(y, p)["auroc"] - measure(y, q)["auroc"]
        hits, runs = 0, 300
        for seed in range(runs):
            y, p, q = draw(200, base)
            if 0 < y.sum() < len(y):
                found = bootstrap(y, {"model": p, "b": q}, np.arange(200), ["auroc"], 100, seed)
                row = found.differences().iloc[0]
                hits += bool(row["low"] <= truth <= row["high"])
        return hits / runs

    assert coverage(-2.8) > 0.88  # 20 of 200
    assert coverage(-5.2) < 0.75  # 3 of 200
