import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters
from neigung.evaluation.offers.policy import (
    policy_matrix,
    policy_scores,
    policy_value,
    simple_policies,
)
from neigung.evaluation.offers.uplift import dr_scores
from tests.evaluation.offer_trials import ARMS, offers

ARM3 = ["none", "5%", "10%"]


def policy_difference(policy, other, scores):
    """By how much a policy earns more than another one, paired row by row."""
    difference = policy_scores(policy, scores) - policy_scores(other, scores)
    return Clusters(np.arange(len(scores))).mean(difference)


def test_values_and_differences_by_hand():
    scores = pd.DataFrame([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], columns=ARM3)
    chosen = ["5%", "none", "10%"]
    assert policy_value(chosen, scores).value == pytest.approx((2 + 4 + 9) / 3)
    assert policy_difference(chosen, ["none"] * 3, scores).value == pytest.approx(1)
    even = np.full((3, 3), 1 / 3)
    assert policy_value(even, scores).value == pytest.approx(5)


def test_equal_policies_differ_by_nothing():
    scores = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 3)), columns=ARM3)
    found = policy_difference(["5%"] * 50, ["5%"] * 50, scores)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_paired_difference_is_surer_than_two_values():
    test = offers(n=5000, targeted=0.5)
    scores = dr_scores(test.worth, test.arm, ARMS, test.probabilities, test.expected_worth)
    nearly = np.where(np.arange(5000) % 20 == 0, "none", test.chosen)
    alone, paired = (
        policy_value(test.chosen, scores),
        policy_difference(test.chosen, nearly, scores),
    )
    assert paired.error < alone.error / 2


def test_the_value_of_a_policy_is_covered():
    """150 targeted studies: what the policy would have earned lies in 95 % of the intervals."""
    covered = 0
    for seed in range(150):
        test = offers(n=1500, seed=seed, targeted=0.7)
        # The expectation given is wrong on purpose; the chances are right.
        scores = dr_scores(test.worth, test.arm, ARMS, test.probabilities, np.full((1500, 4), 3.0))
        earned = test.expected_worth.to_numpy()[
            np.arange(1500), policy_matrix(test.chosen, ARMS).argmax(1)
        ]
        found = policy_value(test.chosen, scores, test.groups)
        covered += found.low < earned.mean() < found.high
    assert covered >= 135


def test_simple_policies_spend_what_the_model_spends():
    chosen = ["5%"] * 20 + ["10%"] * 10 + ["none"] * 70
    score = np.arange(100)
    found = simple_policies(chosen, ARM3, "none", score)
    assert list(found) == ["no_offer", "same_5%", "same_10%", "random", "likely_buyers"]
    for name in ("random", "likely_buyers"):
        assert found[name].mean(axis=0) == pytest.approx([0.7, 0.2, 0.1])
        assert found[name].sum(axis=1) == pytest.approx(np.ones(100))
    assert found["likely_buyers"][:70, 0] == pytest.approx(np.ones(70))
    assert found["likely_buyers"][70:, 0] == pytest.approx(np.zeros(30))
    assert found["random"][5] == pytest.approx([0.7, 0.2, 0.1])
    assert found["same_10%"][0].tolist() == [0, 0, 1]


def test_equally_likely_buyers_share():
    found = simple_policies(["5%", "none", "none", "none"], ARM3, "none", [1, 1, 0, 0])
    assert found["likely_buyers"][:, 1].tolist() == [0.5, 0.5, 0, 0]


def test_without_offers_likely_buyers_get_none():
    found = simple_policies(["none"] * 3, ARM3, "none", [1, 2, 3])
    assert found["likely_buyers"].tolist() == found["no_offer"].tolist()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (["5%", "15%"], "can give none, 5%, 10%, but found 15%"),
        (np.full((2, 2), 0.5), "chance for each of none, 5%, 10%"),
        (np.full((2, 3), 0.5), "sum to 1"),
        (["5%"] * 3, "for 2 rows has 3"),
    ],
)
def test_wrong_policies_are_input_errors(policy, message):
    scores = pd.DataFrame(np.zeros((2, 3)), columns=ARM3)
    with pytest.raises(InputError, match=message):
        policy_value(policy, scores)
