"""How well uplift models find effects that are known, beside EconML and causalml.

    .venv/bin/python benchmarks/uplift_models.py [--shapes "discounts, randomised;advert"]
        [--seeds 3] [--rows 0.25] [--out DIR] [--peers econml causalml]

Each shape is a trial drawn from a formula, so that every customer's expected effect given the
features is known. All models are fitted to the same rows (Parquet files in `--out`) on one
thread and judged on other customers of the same trial:

- gain: what the chosen arms earn (effect less the arm's cost; no arm if none pays), as a share of
  what perfect knowledge of the effects would earn. "best single arm" is everybody's best arm.
- error: root mean squared error of the effects over their spread (standard deviation within an
  arm), all arms pooled; 1 is what the true mean effect for everybody would have. Where there is
  no effect: mean absolute prediction over the spread of the outcome.
- seconds: processor time of fit and predict.

The peers run in environments of their own, made on first use; one seed of them takes five minutes a
trial (`--peers` without a name leaves them out).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from uplift_trials import SHAPES, Trial, drawn

PEERS = ("econml", "causalml")


def our_candidates(train: Trial, new: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame, float]]:
    """Effects for new customers by the parts of the model, one after the other, and by all."""
    import lightgbm as lgb

    from neigung.models.encoding import FrameEncoder
    from neigung.models.offers.uplift import UpliftModel
    from neigung.models.offers.uplift_response import BOOSTER, ROUNDS, treatment_design
    from neigung.models.offers.uplift_trial import checked_arms

    arms, codes = checked_arms(train.arm, len(train.y), "none", train.rates)
    rates = None if train.rates is None else [train.rates[arm] for arm in arms]
    design = treatment_design(len(arms), rates)
    encoder = FrameEncoder.fit(train.X)
    array, fresh = encoder.transform(train.X), encoder.transform(new)
    binary = bool(np.isin(train.y, (0, 1)).all())
    found, spent = [], []
    for turn in range(2):
        begun = time.process_time()
        params = {
            **BOOSTER,
            "objective": "binary" if binary else "regression",
            "min_data_in_leaf": min(BOOSTER["min_data_in_leaf"], len(array) // 40),
            "num_threads": 1,
            "seed": turn,
        }
        if turn == 0 and binary and rates is not None:
            params["monotone_constraints"] = [0] * (array.shape[1] + design.shape[1] - 1) + [1]
        data = lgb.Dataset(
            np.column_stack([array, design[codes]]),
            train.y,
            categorical_feature=encoder.categorical_indices,
            params=params,
        )
        booster = lgb.train(params, data, ROUNDS)
        said = [
            booster.predict(np.column_stack([fresh, np.tile(row, (len(new), 1))]), num_threads=1)
            for row in design
        ]
        found.append(np.column_stack([one - said[0] for one in said[1:]]))
        spent.append(time.process_time() - begun)
    yield "one response model", pd.DataFrame(found[0], columns=arms), spent[0]
    yield "two response models", pd.DataFrame(sum(found) / 2, columns=arms), sum(spent)

    begun = time.process_time()
    model = UpliftModel(rates=train.rates).fit(train.X, train.y, train.arm, train.chance)
    effects = model.predict(new)
    spent_all = time.process_time() - begun
    yield (
        "students, not calibrated",
        pd.DataFrame(model._guess(new), columns=model.arms_),
        spent_all,
    )
    yield "UpliftModel", effects, spent_all


def peer_candidates(name: str, folder: Path) -> None:
    """Runs inside a peer's environment: reads the trial, writes the effects it finds."""
    import warnings

    warnings.filterwarnings("ignore")
    about = json.loads((folder / "about.json").read_text())
    train, new = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "new"))
    y, arm = train.pop("__y").to_numpy(), train.pop("__arm").to_numpy()
    names = ["none", *about["arms"]]
    both = pd.get_dummies(pd.concat([train, new]), dtype=float)
    both = both.fillna(both.iloc[: len(train)].median())
    X, fresh = both.to_numpy()[: len(train)], both.to_numpy()[len(train) :]
    codes = np.array([names.index(one) for one in arm])
    shares = np.bincount(codes) / len(codes)
    leaf = max(5, min(100, len(X) // 200))

    from lightgbm import LGBMClassifier, LGBMRegressor

    common: dict[str, Any] = {
        "n_estimators": 100,
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_child_samples": leaf,
        "n_jobs": 1,
        "verbose": -1,
    }

    def keep(label: str, work: Callable[[], Any]) -> None:
        begun = time.process_time()
        try:
            effects = np.asarray(work(), dtype=float).reshape(len(fresh), -1)
        except Exception as error:
            print(f"{label}: {type(error).__name__}: {error}", file=sys.stderr)
            return
        frame = pd.DataFrame(effects, columns=about["arms"])
        frame.to_parquet(folder / f"{label}.parquet")
        (folder / f"{label}.seconds").write_text(str(time.process_time() - begun))

    if name == "econml":
        from econml.dml import CausalForestDML
        from econml.dr import ForestDRLearner
        from sklearn.dummy import DummyClassifier

        assigned = DummyClassifier() if about["randomised"] else LGBMClassifier(**common)

        def forest() -> Any:
            model = CausalForestDML(
                model_y=LGBMRegressor(**common),
                model_t=assigned,
                discrete_treatment=True,
                categories=list(range(len(names))),
                n_estimators=400,
                min_samples_leaf=leaf,
                n_jobs=1,
                random_state=0,
            )
            return model.fit(y, codes, X=X).const_marginal_effect(fresh)

        def robust_forest() -> Any:
            model = ForestDRLearner(
                model_regression=LGBMRegressor(**common),
                model_propensity=assigned,
                categories=list(range(len(names))),
                n_estimators=400,
                min_samples_leaf=leaf,
                n_jobs=1,
                random_state=0,
            )
            return model.fit(y, codes, X=X).const_marginal_effect(fresh)

        keep("EconML CausalForestDML", forest)
        keep("EconML ForestDRLearner", robust_forest)
        return

    from causalml.inference.meta import BaseXRegressor
    from causalml.inference.tree import UpliftRandomForestClassifier

    def x_learner() -> Any:
        def chances(rows: int) -> dict[int, np.ndarray]:
            return {
                k: np.full(rows, shares[k] / (shares[k] + shares[0])) for k in range(1, len(names))
            }

        model = BaseXRegressor(learner=LGBMRegressor(**common), control_name=0)
        known = about["randomised"]
        model.fit(X=X, treatment=codes, y=y, p=chances(len(X)) if known else None)
        return model.predict(fresh, p=chances(len(fresh)) if known else None)

    def uplift_forest() -> Any:
        model = UpliftRandomForestClassifier(
            n_estimators=100,
            max_depth=6,
            min_samples_leaf=leaf,
            control_name="none",
            n_jobs=1,
            random_state=0,
        )
        model.fit(X, treatment=arm.astype(str), y=y.astype(int))
        order = [one for one in model.classes_ if one != "none"]
        return pd.DataFrame(model.predict(fresh), columns=order)[about["arms"]]

    keep("causalml X-learner", x_learner)
    if set(np.unique(y)) <= {0.0, 1.0}:
        keep("causalml UpliftRandomForest", uplift_forest)


def judged(effects: pd.DataFrame, test: Trial) -> tuple[float, float]:
    """Gain and error as the module's docstring says."""
    truth, costs = test.effects.to_numpy(), test.costs
    found = effects[list(test.effects.columns)].to_numpy()
    spread = np.sqrt(truth.var(axis=0).mean())
    if spread < 1e-12:
        return float("nan"), float(np.abs(found).mean() / test.y.std())
    best = np.maximum((truth - costs).max(axis=1), 0).mean()
    choice = np.column_stack([np.zeros(len(found)), found - costs]).argmax(axis=1)
    worth = np.column_stack([np.zeros(len(found)), truth - costs])
    got = worth[np.arange(len(found)), choice].mean()
    return float(got / best), float(np.sqrt(((found - truth) ** 2).mean()) / spread)


def results(shape: str, seed: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row per model."""
    train, test = drawn(shape, seed, options.rows)
    folder = Path(options.out) / f"{shape.replace(' ', '_').replace(',', '')}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    arms = list(test.effects.columns)
    if not (folder / "about.json").exists():
        train.X.assign(__y=train.y, __arm=train.arm.astype(str)).to_parquet(
            folder / "train.parquet"
        )
        test.X.to_parquet(folder / "new.parquet")
        about = {"arms": arms, "randomised": train.chance is not None}
        (folder / "about.json").write_text(json.dumps(about))
    truth = test.effects - test.costs
    single = max(0.0, truth.mean().max()) / max(np.maximum(truth.max(axis=1), 0).mean(), 1e-12)
    rows = [{"model": "best single arm", "gain": single, "error": np.nan, "seconds": np.nan}]
    if np.sqrt(test.effects.to_numpy().var()) < 1e-12:
        rows = []
    for label, effects, seconds in our_candidates(train, test.X):
        gain, error = judged(effects, test)
        rows.append({"model": label, "gain": gain, "error": error, "seconds": seconds})
    for peer, python in options.python.items():
        done = folder / f"{peer}.done"
        if not done.exists():
            command = [python, __file__, "--inside", peer, str(folder)]
            subprocess.run(command, check=False)
            done.touch()
    for path in sorted(folder.glob("*.seconds")):
        gain, error = judged(pd.read_parquet(path.with_suffix(".parquet")), test)
        seconds = float(path.read_text())
        rows.append({"model": path.stem, "gain": gain, "error": error, "seconds": seconds})
    return [{"shape": shape, "seed": seed, **row} for row in rows]


def table(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Cells: mean and range over the seeds."""
    lines = []
    for (shape, model), part in pd.DataFrame(rows).groupby(["shape", "model"], sort=False):
        cells = [shape, model]
        for name, digits in (("gain", 2), ("error", 3 if shape.startswith("no ") else 2)):
            values = part[name].dropna()
            cells.append(
                f"{values.mean():.{digits}f} ({values.min():.{digits}f} to "
                f"{values.max():.{digits}f})"
                if len(values)
                else ""
            )
        seconds = part["seconds"].mean()
        lines.append([*cells, "" if np.isnan(seconds) else f"{seconds:.1f}"])
    return lines


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        peer_candidates(sys.argv[2], Path(sys.argv[3]))
        return
    from measuring import KEPT, NoPeerError, Report, options, peer_python, scaled

    parser = options(__doc__)
    parser.add_argument("--shapes", default="", help="names or their beginnings, by ;")
    parser.add_argument("--seeds", type=int, help="default 3 times the size")
    parser.add_argument("--rows", type=float, help="share of a trial's rows; default 0.25 times")
    parser.add_argument("--out", help="keep results here, and do not compute them twice")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    given = parser.parse_args()
    report, missing = Report(given), []
    given.rows = given.rows or max(0.1, 0.25 * given.size)
    given.python = {}
    for peer in given.peers:
        try:
            given.python[peer] = peer_python(peer)
        except NoPeerError as error:
            missing.append(str(error))
    wanted = [one for one in given.shapes.split(";") if one]
    rows: list[dict[str, Any]] = []
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        given.out = given.out or folder
        for shape in SHAPES:
            if wanted and not any(shape.startswith(one) for one in wanted):
                continue
            for seed in range(given.seeds or scaled(3, given.size)):
                rows += results(shape, seed, given)
                print(f"{shape}, seed {seed}", file=sys.stderr)
    heads = ["trial", "model", "gain", "error", "seconds"]
    note = f"Not measured: {'; '.join(missing)}." if missing else ""
    report.table(heads, table(rows), note=note)
    report.close()


if __name__ == "__main__":
    main()
