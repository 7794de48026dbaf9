"""From how many rows on Woodelf explains faster than LightGBM itself.

    .venv/bin/python benchmarks/bulk_explanation.py [--columns 120] [--trees 200]

Both explain the same rows with the same model in the same run; the ratio is LightGBM's time over
Woodelf's, so above 1 Woodelf wins. `MANY_ROWS` in explanation/contributions.py is set by it.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from neigung.explanation.contributions import contributions
from neigung.models.artefact import Artefact, reference_table
from neigung.models.classifier import PropensityClassifier

SIZES = (500, 1_000, 2_000, 4_000, 8_000, 16_000, 50_000)
REPETITIONS = 3


def seconds(work: Callable[[], object]) -> float:
    """The median time of a few runs."""
    times = []
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--columns", type=int, default=120)
    options.add_argument("--trees", type=int, default=200)
    given = options.parse_args()

    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(given.columns)]
    X = pd.DataFrame(rng.normal(size=(max(SIZES), given.columns)), columns=names)
    y = (X.iloc[:, :10].sum(axis=1) + rng.normal(0, 3, len(X)) > 0).astype(float)
    model = PropensityClassifier({"n_estimators": given.trees, "num_leaves": 31}, num_threads=2)
    model.fit(X.head(20_000), y.head(20_000))
    artefact = Artefact(model, (), {}, {}, reference_table(model.predict_proba(X)[:, 1]))

    import neigung.explanation.contributions as room

    print(f"{given.columns} columns, {given.trees} trees, median of {REPETITIONS} runs")
    print(f"{'rows':>7} {'LightGBM s':>11} {'Woodelf s':>10} {'ratio':>6}")
    for rows in SIZES:
        part = X.head(rows)
        room.MANY_ROWS = rows + 1
        exact = seconds(lambda part=part: contributions(artefact, part))
        room.MANY_ROWS = rows
        bulk = seconds(lambda part=part: contributions(artefact, part))
        print(f"{rows:>7,} {exact:>11.2f} {bulk:>10.2f} {exact / bulk:>6.1f}")


if __name__ == "__main__":
    main()
