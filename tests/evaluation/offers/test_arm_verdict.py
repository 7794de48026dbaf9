import numpy as np
import pytest
from scipy.stats import norm

from neigung.evaluation.clusters import Clusters
from neigung.evaluation.offers.arm_verdict import FAMILY_ERROR, arm_effects, arm_sentences
from neigung.evaluation.offers.overlap import floored, overlap_table
from neigung.evaluation.offers.uplift import dr_scores, effect_scores
from tests.evaluation.offer_trials import ARMS, offers


def judged(test, smallest=0.03):
    known = test.probabilities.to_numpy()
    overlap = overlap_table(test.arm, ARMS, known, test.randomised, "none")
    chances = floored(known, test.randomised)
    effects = effect_scores(dr_scores(test.y, test.arm, ARMS, chances, test.expected), "none")
    clusters = Clusters(test.groups)
    table = arm_effects(test.y, test.arm, effects, overlap, "none", clusters, smallest)
    return table.set_index("arm", drop=False)


def test_a_large_effect_is_found_and_has_its_sentence():
    table = judged(offers(n=8000))
    assert table.loc["20%", "verdict"] == "found"
    assert table.loc["20%", "low"] > 0
    english, german = (
        arm_sentences(table, "purchase", "none", 0.03, 8000, language)[2]
        for language in ("en", "de")
    )
    assert english.startswith("20%: effect found, +")
    assert "points (+" in english
    assert german.startswith("20%: Wirkung gefunden, +")
    assert "Punkte (+" in german


def test_none_found_needs_an_interval_that_excludes_worthwhile_effects():
    none = offers(n=8000, effect=0.0)
    table = judged(none, smallest=0.1)
    assert table["verdict"].tolist() == ["none"] * 3
    assert (table["high"] < 0.1).all()
    sentence = arm_sentences(table, "purchase", "none", 0.1, 8000)[0]
    assert "no effect found" in sentence
    assert "rule out 10.00 points" in sentence
    assert judged(none, smallest=0.005)["verdict"].tolist() == ["unknown"] * 3


def test_not_enough_data_says_how_much_would_be():
    table = judged(offers(n=600, effect=0.3), smallest=0.03)
    assert table["verdict"].tolist() == ["unknown"] * 3
    assert (table["needed"] > 600).all()
    sentence = arm_sentences(table, "purchase", "none", 0.03, 600, "de")[0]
    assert "zu wenige Daten" in sentence
    assert "es sind 600" in sentence


def test_the_offers_needed_suffice():
    """With as many offers as were said to be needed, 80 % of the studies find the effect."""
    one = judged(offers(n=3000, effect=0.0), smallest=0.05)
    needed = int(one.loc["20%", "needed"])
    p = 0.13
    per_arm = 2 * p * (1 - p) * 4  # variance of a difference between two of four arms, times n
    reach = norm.isf(FAMILY_ERROR / 6) + norm.ppf(0.8)
    assert needed == pytest.approx(per_arm * (reach / 0.05) ** 2, rel=0.15)


@pytest.mark.parametrize("targeted", [0.0, 0.5])
def test_zero_effect_is_hardly_ever_found(targeted):
    """100 studies with four arms and no effect: at most 5 may find one; 2 are expected."""
    found = sum(
        (judged(offers(n=1500, seed=s, effect=0.0, targeted=targeted))["verdict"] == "found").any()
        for s in range(100)
    )
    assert found <= 5


def test_arms_with_few_orders_are_not_certain():
    """60 customers, 3 % of whom buy: an arm without a single order proves nothing."""
    found = 0
    for seed in range(100):
        test = offers(n=4000, seed=seed, effect=0.0)
        rng = np.random.default_rng(seed)
        arm = np.where(np.arange(4000) < 60, "20%", np.where(np.arange(4000) % 2, "5%", "none"))
        arm = rng.permutation(arm.astype(object))
        shares = [(arm == name).mean() for name in ARMS]
        changed = offers(
            n=4000,
            seed=seed,
            arm=arm,
            y=(rng.random(4000) < 0.03).astype(float),
            probabilities=test.probabilities * 0 + shares,
            expected=test.expected * 0 + 0.03,
        )
        found += judged(changed).loc["20%", "verdict"] == "found"
    assert found <= 5


def test_plain_difference_is_fooled_by_targeting():
    """Offers went to buyers and do nothing: the plain difference sees a large effect."""
    table = judged(offers(n=8000, effect=0.0, targeted=1.0))
    assert table.loc["20%", "naive_low"] > 0.05
    assert table.loc["20%", "low"] < 0 < table.loc["20%", "high"]


def test_broken_overlap_is_never_found():
    test = offers(n=8000, effect=2.0)
    chances = test.probabilities.to_numpy().copy()
    without = (np.arange(8000) < 800) & (test.arm != "20%")
    chances[without] = [0.3334, 0.3333, 0.3333, 0.0]
    table = judged(offers(n=8000, effect=2.0, probabilities=test.probabilities * 0 + chances))
    assert table.loc["20%", ["verdict", "reason"]].tolist() == ["unknown", "overlap"]
    assert np.isnan(table.loc["20%", "effect"])
    assert table.loc["10%", "verdict"] == "found"
    assert "no chance" in arm_sentences(table, "purchase", "none", 0.03, 8000)[2]


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_arms_with_few_rows_are_unknown(rows):
    test = offers(n=2000, effect=3.0)
    kept = np.flatnonzero(test.arm == "20%")[:rows]
    arm = np.where(np.isin(np.arange(2000), kept) | (test.arm != "20%"), test.arm, "10%")
    table = judged(offers(n=2000, effect=3.0, arm=arm))
    assert table.loc["20%", ["n", "verdict", "reason"]].tolist() == [rows, "unknown", "arm_rows"]
    assert table.loc["20%", "needed"] > 0
    sentence = arm_sentences(table, "purchase", "none", 0.03, 2000)[2]
    assert f"only {rows} offers" in sentence


def test_without_controls_nothing_is_known():
    test = offers(n=1000)
    table = judged(offers(n=1000, arm=np.where(test.arm == "none", "5%", test.arm)))
    assert table["reason"].tolist() == ["control_rows"] * 3
    assert np.isnan(table["naive"]).all()
    assert "too few customers with none" in arm_sentences(table, "purchase", "none", 0.03, 1)[0]


def test_constant_outcomes_are_unknown():
    table = judged(offers(n=1000, y=np.zeros(1000)))
    assert table["reason"].tolist() == ["constant"] * 3
    assert "all outcomes are the same" in arm_sentences(table, "purchase", "none", 0.0, 1)[0]


def test_few_outcomes_are_told_of_offers_not_drawn_by_lot_too():
    y = np.zeros(1000)
    y[:8] = 1
    table = judged(offers(n=1000, y=y))
    assert set(table["reason"]) == {"outcomes"}
    for observational in (False, True):
        said = arm_sentences(table, "purchase", "none", 0.03, 1000, observational=observational)
        assert all("have the rarer outcome" in sentence for sentence in said)


def test_repeated_customers_widen_the_interval():
    alone = judged(offers(n=4000))
    doubled = offers(n=4000)
    rows = np.repeat(np.arange(2000), 2)
    parts = {
        name: np.asarray(getattr(doubled, name))[rows] for name in ("y", "arm", "randomised")
    } | {name: getattr(doubled, name).iloc[rows] for name in ("probabilities", "expected")}
    twice = judged(offers(n=4000, groups=rows, **parts))
    width = [(table["high"] - table["low"]).mean() for table in (alone, twice)]
    assert width[1] == pytest.approx(width[0] * np.sqrt(2), rel=0.1)
