import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def world():
    """Customers with rates of their own who order at random: frame and true probability."""

    def make(n, seed, horizon=30):
        rng = np.random.default_rng(seed)
        rate = rng.gamma(1, 1 / 30, n)
        age = rng.integers(10, 500, n).astype(float)
        repeats = rng.poisson(rate * age)
        last = np.where(repeats > 0, age * rng.beta(np.maximum(repeats, 1), 1), 0)
        frame = pd.DataFrame(
            {
                "customer_id": [f"käufer-{i}" for i in range(n)],
                "cutoff": pd.Timestamp("2024-05-01"),
                "days_since_last_order": age - last,
                "days_since_first_order": age,
                "order_days": repeats + 1.0,
                "order_count": repeats + 1.0,
                "order_value": (repeats + 1) * rng.lognormal(3, 0.5, n),
            }
        )
        p = 1 - np.exp(-rate * horizon)
        frame["label"] = (rng.random(n) < p).astype(float)
        return frame, p

    return make
