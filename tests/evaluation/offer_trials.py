"""Offers whose truth is known: plain arrays, no models."""

import numpy as np
import pandas as pd

from neigung.evaluation.offers.offers_tested import OfferTest

ARMS = ["none", "5%", "10%", "20%"]
RATES = np.array([0, 0.05, 0.1, 0.2])


def truth(n, seed, effect=1.0):
    """x (who buys anyway), z (whom discounts move) and the chance of an order under every arm."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    base = 1 / (1 + np.exp(2.2 - 0.8 * x))
    moved = np.clip(z, 0, 2)[:, None] * RATES * effect
    return x, z, np.clip(base[:, None] + moved, 0, 1)


def offers(n=4000, seed=0, effect=1.0, targeted=0.0, customers=None, **changes):
    """An `OfferTest` with the true expectations and chances; `targeted` gives more to buyers."""
    x, z, p = truth(n, seed, effect)
    rng = np.random.default_rng(seed + 1)
    chances = np.exp(targeted * x[:, None] * RATES * 5)
    chances /= chances.sum(axis=1, keepdims=True)
    given = (rng.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, len(ARMS) - 1)
    y = (rng.random(n) < p[np.arange(n), given]).astype(float)
    margin = 100 * (0.3 - RATES)
    earned = p * margin
    names = np.array(ARMS, dtype=object)
    table = {"columns": ARMS}
    parts = {
        "cutoff": pd.Timestamp("2025-06-01"),
        "outcome": "purchase",
        "control": "none",
        "arms": ARMS[1:],
        "y": y,
        "arm": names[given],
        "groups": np.arange(n) if customers is None else rng.integers(0, customers, n),
        "probabilities": pd.DataFrame(chances, **table),
        "randomised": np.full(n, targeted == 0),
        "expected": pd.DataFrame(p, **table),
        "uplift": pd.DataFrame(p[:, 1:] - p[:, [0]], columns=ARMS[1:]),
        "purchase_score": x,
        "worth": y * margin[given],
        "expected_worth": pd.DataFrame(earned, **table),
        "chosen": names[earned.argmax(axis=1)],
        "same_for_all": ARMS[int(earned.mean(axis=0).argmax())],
        "X": pd.DataFrame({"x": x, "z": z}),
    }
    return OfferTest(**(parts | changes))
