"""From how many rows on explaining in bulk is faster than LightGBM itself.

    .venv/bin/python benchmarks/bulk_explanation.py [--columns 150] [--trees 400]

Both explain the same rows with the same model on one core in the same run; `first` also reads the
trees, as the first batch does, `later` finds them read. `MANY_ROWS` in explanation/contributions.py
is set by it.
"""

import numpy as np
import pandas as pd
from measuring import Report, Taken, in_turns, median, options, scaled, timed

import neigung.explanation.contributions as room
from neigung.explanation import bulk
from neigung.explanation.contributions import contributions
from neigung.models.propensity.artefact import Artefact, reference_table
from neigung.models.propensity.classifier import PropensityClassifier

SIZES = (50, 200, 500, 1_000, 2_000, 5_000, 20_000)
REPETITIONS = 3
FITTED = 20_000


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--columns", type=int, default=150)
    parser.add_argument("--trees", type=int, default=400)
    given = parser.parse_args()
    report = Report(given)
    # The smallest stay: what is asked is where the one overtakes the other.
    sizes = [rows for rows in SIZES if rows <= max(2_000, max(SIZES) * given.size)]

    fitted = scaled(FITTED, given.size, least=5_000)
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(given.columns)]
    X = pd.DataFrame(rng.normal(size=(max(fitted, *sizes), given.columns)), columns=names)
    y = (X.iloc[:, :10].sum(axis=1) + rng.normal(0, 3, len(X)) > 0).astype(float)
    model = PropensityClassifier({"n_estimators": given.trees, "num_leaves": 31})
    model.fit(X.head(fitted), y.head(fitted))
    artefact = Artefact(model, (), {}, {}, reference_table(model.predict_proba(X)[:, 1]))

    rows_of_table = []
    for rows in sizes:
        part = X.head(rows)

        def explained(least: int, first: bool, part: pd.DataFrame = part) -> Taken:
            room.MANY_ROWS = least
            if first:
                bulk._forests.clear()
            return timed(lambda: contributions(artefact, part))

        works = {
            "LightGBM": lambda rows=rows: explained(rows + 1, False),
            "first": lambda rows=rows: explained(rows, True),
            "later": lambda rows=rows: explained(rows, False),
        }
        taken = {name: median(runs) for name, runs in in_turns(works, REPETITIONS).items()}
        exact, first, later = (one.seconds for one in taken.values())
        rows_of_table.append(
            [f"{rows:,}", f"{exact:.2f}"]
            + [cell for own in (first, later) for cell in (f"{own:.2f}", f"{exact / own:.1f}")]
        )
        report.figure(
            f"{rows:,} rows", later, "s", peer="LightGBM", peer_value=exact, ratio=later / exact
        )
    heads = ["rows", "LightGBM, s", "first, s", "times as fast", "later, s", "times as fast"]
    report.table(heads, rows_of_table)
    report.close()


if __name__ == "__main__":
    main()
