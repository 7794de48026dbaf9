import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters
from neigung.evaluation.offers.uplift import (
    SHARES,
    Ranked,
    auuc,
    dr_scores,
    effect_scores,
    qini,
    uplift_bands,
)
from tests.evaluation.offer_trials import ARMS, offers, truth


def effects_of(test, **changes):
    parts = {"probabilities": test.probabilities, "expected": test.expected} | changes
    return effect_scores(dr_scores(test.y, test.arm, ARMS, **parts), "none")


def test_scores_by_hand():
    # Chances 1/2 and expectation 0: the rows given the arm count twice, the others not at all.
    even, zero = np.full((4, 2), 0.5), np.zeros((4, 2))
    scores = dr_scores([1.0, 3.0, 5.0, 9.0], ["a", "a", "b", "b"], ["a", "b"], even, zero)
    # Shifted to a residual mean of zero (2 and 7), then twice what is left of the own arm.
    assert scores["a"].tolist() == [0, 4, 2, 2]
    assert scores["b"].tolist() == [7, 7, 3, 11]
    assert scores.mean().tolist() == [2, 7]


@pytest.mark.parametrize(
    ("wrong", "biased"),
    [(None, False), ("probabilities", False), ("expected", False), ("both", True)],
)
def test_either_the_chances_or_the_expectations_must_be_right(wrong, biased):
    """Targeted offers, 40 seeds: the mean error of the average effect, in standard errors."""
    errors, naive = [], []
    for seed in range(40):
        test = offers(n=3000, seed=seed, targeted=1.0)
        *_, p = truth(3000, seed)
        true = (p[:, 3] - p[:, 0]).mean()
        changes = {}
        if wrong in ("probabilities", "both"):
            changes["probabilities"] = np.full((3000, 4), 0.25)
        if wrong in ("expected", "both"):
            changes["expected"] = np.full((3000, 4), 0.2)
        errors.append(effects_of(test, **changes)["20%"].mean() - true)
        plain = test.y[test.arm == "20%"].mean() - test.y[test.arm == "none"].mean()
        naive.append(plain - true)

    def bias(found):
        return abs(np.mean(found)) / (np.std(found) / np.sqrt(40))

    assert (bias(errors) > 10) == biased
    if not biased:
        assert bias(errors) < 3.5
    assert bias(naive) > 10


def test_shifted_outcomes_do_not_widen_the_scores():
    """A season after the training moves all outcomes; the expectation is off by as much."""
    test = offers(n=2000)
    still = effects_of(test)
    moved = effects_of(test, expected=test.expected - 0.5)
    assert moved.std().to_numpy() == pytest.approx(still.std().to_numpy(), rel=1e-9)


def test_an_arm_that_nobody_got_is_its_expectation():
    test = offers(n=300)
    arm = np.where(test.arm == "20%", "10%", test.arm)
    scores = dr_scores(test.y, arm, ARMS, test.probabilities, test.expected)
    assert scores["20%"].tolist() == test.expected["20%"].tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": [1.0, np.nan]}, "known numbers, but 1 are not"),
        ({"arm": ["a", "c"]}, "among a, b, but found c"),
        ({"arm": ["a"]}, "one outcome and one arm per row"),
        ({"probabilities": [[0, 1], [0.5, 0.5]]}, "Arm a was given to 1 customers"),
        ({"probabilities": [[2, -1], [0.5, 0.5]]}, r"0\.\.1"),
        ({"probabilities": [[0.5, 0.5]]}, r"shape \(1, 2\)"),
        ({"expected": [[0, np.nan], [0, 0]]}, "but 1 of them are not"),
        ({"expected": pd.DataFrame({"a": [0, 0]})}, "b is missing"),
    ],
)
def test_wrong_input_is_an_input_error(changes, message):
    parts = {"y": [1.0, 0.0], "arm": ["a", "b"], "arms": ["a", "b"]}
    parts |= {"probabilities": np.full((2, 2), 0.5), "expected": np.zeros((2, 2))}
    with pytest.raises(InputError, match=message):
        dr_scores(**(parts | changes))


def test_curve_and_areas_by_hand():
    # Best first: 4, 2, 0, -2. V: 0, 1, 1.5, 1.5, 1.
    ranked = Ranked([3, 1, 2, 0], [4.0, 0.0, 2.0, -2.0])
    assert ranked.curve([0, 0.25, 0.5, 0.75, 1]).tolist() == [0, 1, 1.5, 1.5, 1]
    area = (0 + 1) / 2 / 4 + (1 + 1.5) / 2 / 4 + 1.5 / 4 + (1.5 + 1) / 2 / 4
    assert ranked.auuc().mean() == pytest.approx(area)
    assert ranked.qini().mean() == pytest.approx(area - 0.5)
    assert ranked.gain(0.5).mean() == pytest.approx(1.5)
    assert ranked.uplift(0.25).mean() == pytest.approx(4)
    assert ranked.uplift(1).mean() == pytest.approx(1)


def test_areas_are_those_under_the_curve():
    rng = np.random.default_rng(0)
    predicted, effects = rng.normal(size=500).round(1), rng.normal(size=500)
    ranked = Ranked(predicted, effects)
    grid = np.linspace(0, 1, 200_001)
    area = np.trapezoid(ranked.curve(grid), grid)
    assert ranked.auuc().mean() == pytest.approx(area, abs=1e-6)
    assert ranked.qini().mean() == pytest.approx(area - effects.mean() / 2, abs=1e-6)


def test_equal_predictions_are_a_lot():
    effects = np.random.default_rng(0).normal(1, 1, size=100)
    ranked = Ranked(np.zeros(100), effects)
    assert ranked.qini().mean() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(ranked.curve(SHARES), SHARES * effects.mean())
    assert ranked.uplift(0.1).mean() == pytest.approx(effects.mean())


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(1)
    predicted, effects = rng.integers(0, 5, 300).astype(float), rng.normal(size=300)
    groups = rng.integers(0, 100, 300)
    lot = rng.permutation(300)
    for what in ("qini", "auuc"):
        found = [
            Clusters(groups[rows]).mean(getattr(Ranked(predicted[rows], effects[rows]), what)())
            for rows in (np.arange(300), lot)
        ]
        assert found[0].value == pytest.approx(found[1].value)
        assert found[0].low == pytest.approx(found[1].low)
    one, other = (
        uplift_bands(predicted[rows], effects[rows], Clusters(groups[rows]))
        for rows in (np.arange(300), lot)
    )
    pd.testing.assert_frame_equal(one, other)


def test_better_rankings_have_higher_qini():
    test = offers(n=20_000, effect=2.0)
    effects = effects_of(test)["20%"]
    true = test.uplift["20%"]
    rng = np.random.default_rng(3)
    scores = {
        "perfect": true,
        "noisy": true + rng.normal(0, 0.3, len(true)),
        "lot": rng.random(len(true)),
        "worst": -true,
    }
    found = {k: Clusters(test.groups).mean(Ranked(v, effects).qini()) for k, v in scores.items()}
    assert found["perfect"].value > found["noisy"].value > found["lot"].value
    assert found["noisy"].clear
    assert not found["lot"].clear
    assert found["worst"].value == pytest.approx(-found["perfect"].value)


@pytest.mark.parametrize("what", ["qini", "auuc", "gain"])
def test_intervals_cover_the_truth(what):
    """Ranks are estimated from the same rows: 95 % of 300 small trials, customers twice each."""
    rng = np.random.default_rng(5)
    arguments = (0.2,) if what == "gain" else ()

    def draw(n):
        skill = rng.normal(size=n)
        return skill, 0.5 + skill + rng.normal(size=n)

    goal = getattr(Ranked(*draw(1_000_000)), what)(*arguments).mean()
    covered = 0
    for _ in range(300):
        predicted, effects = draw(150)
        rows = np.repeat(np.arange(150), 2)
        noise = rng.normal(0, 0.5, 300)
        found = Clusters(rows).mean(
            getattr(Ranked(predicted[rows], effects[rows] + noise), what)(*arguments)
        )
        covered += found.low < goal < found.high
    assert 273 <= covered <= 297


def test_binary_functions_agree_with_the_scores():
    test = offers(n=3000, effect=2.0)
    rows = np.isin(test.arm, ["none", "20%"])
    y, treated, predicted = test.y[rows], test.arm[rows] == "20%", test.uplift["20%"][rows]
    share = treated.mean()
    scores = dr_scores(
        y,
        np.where(treated, "b", "a"),
        ["a", "b"],
        np.tile([1 - share, share], (rows.sum(), 1)),
        np.zeros((rows.sum(), 2)),
    )
    effects = effect_scores(scores, "a")["b"]
    assert effects.mean() == pytest.approx(y[treated].mean() - y[~treated].mean())
    assert qini(y, treated, predicted).value == pytest.approx(
        Ranked(predicted, effects).qini().mean()
    )
    half = auuc(y, treated, predicted).value - qini(y, treated, predicted).value
    assert half == pytest.approx(effects.mean() / 2)
    assert Ranked(predicted, effects).uplift(0.1).mean() > effects.mean()


def test_targeting_does_not_fool_the_qini():
    """Offers went to buyers. Ranking by them looks good unless the chances are accounted for."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=40_000)
    chance = np.where(x > 1, 0.7, 0.2)
    treated = rng.random(40_000) < chance
    y = (rng.random(40_000) < 0.05 + 0.3 * (x > 1)).astype(float)
    fooled = qini(y, treated, x)
    honest = qini(y, treated, x, chance)
    assert fooled.clear
    assert not honest.clear


def test_bands_by_hand():
    table = uplift_bands([4, 3, 2, 1, 0] * 20, [9.0, 7, 5, 3, 1] * 20, Clusters(range(100)))
    assert table["band"].tolist() == [1, 2, 3, 4, 5]
    assert table["n"].tolist() == [20] * 5
    assert table["predicted"].tolist() == [4, 3, 2, 1, 0]
    assert table["effect"].tolist() == [9, 7, 5, 3, 1]
    one = uplift_bands([1] * 10, range(10), Clusters(range(10)))
    assert one[["band", "n", "effect"]].to_numpy().tolist() == [[1, 10, 4.5]]


def test_bands_have_the_interval_of_their_mean():
    effects = np.random.default_rng(0).normal(size=500)
    table = uplift_bands(np.arange(500) // 100, effects, Clusters(range(500)))
    best = Clusters(range(100)).mean(effects[400:])
    assert table["low"][0] == pytest.approx(best.low, abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: qini([1, 0], [1, 1], [1, 0]), "with the arm and rows without"),
        (lambda: qini([1, 0], [1, 2], [1, 0]), "with the arm and rows without"),
        (lambda: qini([1, 0], [1, 0], [1, np.nan]), "but found 1"),
    ],
)
def test_wrong_rankings_are_input_errors(call, message):
    with pytest.raises(InputError, match=message):
        call()
