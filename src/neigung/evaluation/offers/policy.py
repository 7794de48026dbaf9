"""What a choice of offers earns, and what simple choices would have earned with the same customers.

A policy gives each row an arm, or each arm with some chance. Its value is the mean of the doubly
robust scores of the arms it gives: V = 1/n * sum over i and a of policy(i, a) * score(i, a), in the
units of the scores, per customer. Two policies are compared row by row, so that what they have in
common cancels. Sources: Dudik, Langford and Li (2011), "Doubly robust policy evaluation and
learning", ICML; Athey and Wager (2021), "Policy learning with observational data", Econometrica 89.

The value is honest only for a policy fixed before the outcomes of these rows were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters, Estimate
from neigung.evaluation.offers.uplift import Ranked
from neigung.language.intervals import SAME

Floats = npt.NDArray[np.float64]


def policy_matrix(policy: Any, arms: Sequence[str]) -> Floats:
    """The chance (n, arms) with which a policy gives each arm; `policy` as labels (n,) or so.

    Raises InputError for unknown arms and chances that do not sum to 1.

    >>> policy_matrix(["5%", "none"], ["none", "5%"]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    given = np.asarray(policy)
    if given.ndim == 2:
        chances: Floats = given.astype(float)
        if chances.shape[1] != len(arms) or not (
            (chances >= 0).all() and np.allclose(chances.sum(axis=1), 1)
        ):
            raise InputError(
                f"A policy needs a chance for each of {', '.join(arms)} that sum to 1 in each row."
            )
        return chances
    numbers = pd.Index(list(arms)).get_indexer(pd.Index(given.astype(object)))
    if (numbers < 0).any():
        unknown = sorted({str(value) for value in given[numbers < 0]})
        raise InputError(
            f"A policy can give {', '.join(arms)}, but found {', '.join(unknown[:5])}."
        )
    return np.eye(len(arms))[numbers]


def policy_scores(policy: Any, scores: pd.DataFrame) -> Floats:
    """What each row (n,) contributes to the value of the policy; their mean is the value.

    >>> scores = pd.DataFrame({"none": [1.0, 2.0], "5%": [3.0, 0.0]})
    >>> policy_scores(["5%", "none"], scores).tolist()
    [3.0, 2.0]
    """
    chances = policy_matrix(policy, list(scores.columns))
    if len(chances) != len(scores):
        raise InputError(f"A policy for {len(scores)} rows has {len(chances)}.")
    values: Floats = np.einsum("ij,ij->i", chances, scores.to_numpy(dtype=float))
    return values


def policy_value(policy: Any, scores: pd.DataFrame, groups: Any = None) -> Estimate:
    """The value of a policy per customer, with its interval.

    `policy` (n,) labels or (n, arms) chances, `scores` (n, arms) as `dr_scores` gives them for
    what is to be earned, `groups` (n,) customers (default: each row its own).

    >>> scores = pd.DataFrame({"none": [1.0, 2.0], "5%": [3.0, 0.0]})
    >>> policy_value(["5%", "none"], scores).value
    2.5
    """
    clusters = Clusters(np.arange(len(scores)) if groups is None else groups)
    return clusters.mean(policy_scores(policy, scores))


def simple_policies(
    chosen: Any, arms: Sequence[str], control: str, purchase_score: Any
) -> dict[str, Floats]:
    """What a shop could do without the model, as chances (n, arms) by name.

    - `no_offer`: the control for everybody
    - `same_ARM`: that arm for everybody, for each arm
    - `random`: as many of each arm as the model gives, to customers drawn by lot (its expectation,
      no actual lot)
    - `likely_buyers`: as many of each arm as the model gives, to those most likely to buy anyway;
      who of them gets which arm is drawn by lot, equal scores share

    `chosen` (n,) the model's arms, `purchase_score` (n,) any number that rises with the likelihood
    to buy without an offer.

    >>> found = simple_policies(["5%", "none"], ["none", "5%"], "none", [0.1, 0.9])
    >>> list(found), found["likely_buyers"].tolist()
    (['no_offer', 'same_5%', 'random', 'likely_buyers'], [[1.0, 0.0], [0.0, 1.0]])
    """
    matrix = policy_matrix(chosen, arms)
    n, k = len(matrix), list(arms).index(control)
    policies = {"no_offer": np.tile(np.eye(len(arms))[k], (n, 1))}
    for i, name in enumerate(arms):
        if i != k:
            policies[f"{SAME}{name}"] = np.tile(np.eye(len(arms))[i], (n, 1))
    mix = matrix.mean(axis=0)
    policies["random"] = np.tile(mix, (n, 1))
    offers = mix.copy()
    offers[k] = 0
    share = offers.sum()
    buyers = policies["no_offer"].copy()
    if share > 0:
        first = Ranked(purchase_score, np.zeros(n)).top(share)[:, None]
        buyers = (1 - first) * buyers + first * (offers / share)
    policies["likely_buyers"] = buyers
    return policies
