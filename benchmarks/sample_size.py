"""What fewer training rows cost in quality: how large `model.rows` should be.

    .venv/bin/python benchmarks/sample_size.py [--size 1] [--salts 3]

Two shops: a simulated one of 50,000 customers at size 1, with every table, and the 2,469 households
of the Complete Journey. A model is fitted to the rows of some customers, whom a hash of their id
chooses as `model.rows` does, and to all rows; all are tested on everybody at the newest cutoff, a
whole horizon later. Each has the default parameters and as many trees as its own folds ask for.
Several salts of the hash stand for the luck of the draw. Intervals (95 %) come from a bootstrap
over the customers of the test, with the same draws for both models, of the mean over the salts.

A second table asks what it would do to test on the customers who were learned from instead.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from measuring import Report, options, scaled

from neigung.evaluation.bootstrap import bootstrap
from neigung.evaluation.metric import METRICS
from neigung.models.dataset import Dataset, build_dataset
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.propensity.rolling import fit_rolling
from neigung.models.propensity.tuning import FoldData, tune
from neigung.models.splits import Splits, make_splits
from neigung.profiles.store import Profiles
from neigung.simulation.simulate import simulate
from neigung.study import Study

CUSTOMERS = 50_000
SIZES = (5_000, 10_000, 30_000, 100_000, 300_000)
JUDGED = ("auroc", "average_precision", "log_loss")
REPETITIONS = 300
SEED = 7

Floats = npt.NDArray[np.float64]


def simulated(store: str) -> Study:
    """Who will buy within 30 days?"""
    return Study.from_dict(
        {
            "name": "sample_size",
            "profiles": store,
            "target": {"kind": "purchase", "horizon_days": 30},
            "population": {"active_within_days": 365},
            "legal_basis": {"legitimate_interest": "profiling"},
            "cutoffs": {"last": "latest", "every_days": 30, "count": 12},
        }
    )


def hashed(ids: npt.NDArray[np.object_], salt: str) -> Floats:
    """The hash of each id as a share of all hashes (n,), as `Sample` compares it."""
    texts = (hashlib.md5(f"neigung:{salt}:{one}".encode()).hexdigest() for one in ids)
    return np.array([int(text[:12], 16) / 16**12 for text in texts])


def only(dataset: Dataset, chosen: npt.NDArray[np.bool_]) -> Dataset:
    """Some of the rows."""
    return replace(dataset, frame=dataset.frame[chosen].reset_index(drop=True))


def fitted(rows: Dataset, splits: Splits) -> PropensityClassifier:
    """The default model of these rows, with as many trees as its folds ask for."""
    folds = []
    for fold in splits.folds:
        train, valid = rows.at(*fold.train), rows.at(fold.validation)
        folds.append(FoldData(train.X, train.y, valid.X, valid.y))
    params = tune(folds, trials=1, seed=SEED).best_params
    return fit_rolling(rows, splits, params, SEED).model


def compared(
    dataset: Dataset, splits: Splits, salts: Sequence[str], report: Report, shop: str
) -> None:
    """Fit every size with every salt and print how each fares beside all rows."""
    train, test = dataset.at(*splits.train), dataset.at(splits.test)
    ids, codes = np.unique(train.groups, return_inverse=True)
    shares = {salt: hashed(ids, salt)[codes] for salt in salts}
    scores: dict[str, Floats] = {"all": said(fitted(train, splits), test)}
    seen: dict[int, list[tuple[float, float]]] = {}
    sizes = [size for size in SIZES if size < 0.8 * len(train)]
    for size in sizes:
        for salt in salts:
            inside = shares[salt] < size / len(train)
            scores[f"{size} {salt}"] = said(fitted(only(train, inside), splits), test)
            known = np.isin(test.groups, np.unique(train.groups[inside]))
            seen.setdefault(size, []).append(flattered(test, scores[f"{size} {salt}"], known))
            print(f"  {shop}: {inside.sum():,} rows, {salt}", flush=True)
    found = bootstrap(test.y, scores, test.groups, JUDGED, repetitions=REPETITIONS, seed=SEED)
    rows = []
    for size in sizes:
        cells = [f"{size:,}"]
        for metric in JUDGED:
            place = list(METRICS).index(metric)
            names = [f"{size} {salt}" for salt in salts]
            draws = np.mean([found.draws[name]["metrics"][:, place] for name in names], axis=0)
            values = [float(found.values[name]["metrics"][place]) for name in names]
            whole = float(found.values["all"]["metrics"][place])
            low, high = np.quantile(draws - found.draws["all"]["metrics"][:, place], [0.025, 0.975])
            mean = float(np.mean(values))
            cells += [
                f"{mean:.4f} ({min(values):.4f} to {max(values):.4f})",
                f"{mean - whole:+.4f} ({low:+.4f} to {high:+.4f})",
            ]
            report.figure(f"{shop}, {size:,} rows: {metric} lost", mean - whole, "")
        rows.append(cells)
    whole_cells = [f"{len(train):,} (all)"]
    for metric in JUDGED:
        place = list(METRICS).index(metric)
        whole_cells += [f"{float(found.values['all']['metrics'][place]):.4f}", ""]
    heads = ["training rows"]
    for name in ("AUROC", "average precision", "log loss"):
        heads += [name, "minus all rows"]
    note = (
        f"{len(ids):,} customers at {len(splits.train)} training cutoffs, {len(dataset.columns)} "
        f"features; tested on {len(test):,} customers, of whom {test.y.mean():.1%} buy. Mean of "
        f"{len(salts)} draws of customers (range); difference with 95 % interval."
    )
    report.table(heads, [*rows, whole_cells], title=shop, note=note)
    flattery = [
        [f"{size:,}", *(f"{np.mean([one[side] for one in values]):.4f}" for side in (0, 1))]
        for size, values in seen.items()
    ]
    report.table(
        ["training rows", "AUROC of those learned from", "of the others"],
        flattery,
        note="The same models on the same test, by whether the customer was learned from.",
    )


def said(model: PropensityClassifier, test: Dataset) -> Floats:
    """The probabilities of the test (n,)."""
    return np.asarray(model.predict_proba(test.X)[:, 1])


def flattered(test: Dataset, scores: Floats, known: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """AUROC of the customers who were learned from, and of the others."""
    from sklearn.metrics import roc_auc_score

    return tuple(float(roc_auc_score(test.y[one], scores[one])) for one in (known, ~known))  # type: ignore[return-value]


def main() -> None:
    """Parse the options and compare."""
    parser = options(__doc__)
    parser.add_argument("--salts", type=int, help="default 3 times the size")
    given = parser.parse_args()
    report = Report(given)
    salts = ["learn", "other", "third", "fourth", "fifth"][: given.salts or scaled(3, given.size)]
    with tempfile.TemporaryDirectory() as folder:
        customers = scaled(CUSTOMERS, given.size, 2000)
        simulate(Path(folder) / "shop", customers=customers, seed=1)
        shops = {"simulated": simulated(str(Path(folder) / "shop"))}
        journey = Path(__file__).parent.parent / "configs" / "purchase_7d.yaml"
        if given.size >= 1 and Path("data/complete_journey").exists():
            shops["Complete Journey"] = Study.load(journey)
        for name, study in shops.items():
            profiles = Profiles.open(study.profiles)
            dataset = build_dataset(study, profiles)
            splits = make_splits(dataset.cutoffs, study.target.horizon_days, study.model.folds)
            compared(dataset, splits, salts, report, name)
    report.close()


if __name__ == "__main__":
    main()
