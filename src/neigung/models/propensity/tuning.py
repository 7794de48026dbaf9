"""The search for a booster's parameters, on folds that end before calibration and test."""

import hashlib
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.locations import sqlite_address
from neigung.models.encoding import FrameEncoder
from neigung.models.propensity.classifier import DEFAULTS, PATIENCE, binary_labels, training_params

MAX_ROUNDS = 300
"""Most trees of a trial; the slowest learning rate of the search needs no more."""

LANES = 2
"""Trials that run at the same time: fixed, so that the search does not depend on the machine.
Small data gain more from that than from LightGBM's own threads, which wait for each other by
spinning and crawl as soon as another program takes one of the cores."""

METRICS: Mapping[str, tuple[str, str]] = {
    "log_loss": ("binary_logloss", "minimize"),
    "auroc": ("auc", "maximize"),
    "average_precision": ("average_precision", "maximize"),
}
"""Our names, LightGBM's names, and where better lies."""


@dataclass(frozen=True)
class FoldData:
    """Rows to learn from and later rows to judge by, of one fold."""

    X_train: pd.DataFrame
    y_train: npt.ArrayLike
    X_valid: pd.DataFrame
    y_valid: npt.ArrayLike


@dataclass(frozen=True)
class TuningResult:
    """What the search found.

    `best_params` are for `PropensityClassifier`, with the number of trees; `best_value` is the mean
    of the metric over the folds; each trial is a dict of number, params, value and state
    ("complete" or "pruned"); `stopped_early` says that the time limit ended the search.
    """

    best_params: dict[str, Any]
    best_value: float
    trials: list[dict[str, Any]]
    stopped_early: bool


def tune(
    folds: Sequence[FoldData],
    *,
    trials: int,
    seed: int,
    time_limit_seconds: float | None = None,
    storage: Path | None = None,
    study_name: str = "tuning",
    metric: str = "log_loss",
    on_trial: Callable[[dict[str, Any]], None] | None = None,
    num_threads: int = 2,
) -> TuningResult:
    """Search parameters by the mean metric over folds, the first trial being `DEFAULTS`.

    Tree-structured Parzen estimator (Bergstra et al., "Algorithms for hyper-parameter
    optimization", NeurIPS 2011) as in Optuna; a trial that is worse than the median of the earlier
    ones after a fold is pruned. The number of trees comes from early stopping on the folds: the
    median over them. Every trial has a seed of its own, so that a search that was interrupted
    and resumed makes the same trials as one that was not.

    Args:
        folds: At least one, see `splits.make_splits`.
        trials: How many, pruned ones and those found in `storage` included; at least 1.
        seed: Of the search and of the boosters.
        time_limit_seconds: No further trials start after that; the first two always run.
        storage: SQLite file that keeps finished trials. Trials on other data, another seed or
            metric do not count; only one process at a time may use a study of the file.
        study_name: Name of the search within `storage`.
        metric: A key of `METRICS`.
        on_trial: Called with the dict of each trial that this call has run.
        num_threads: Threads over all concurrent trials; changes speed only.

    Raises:
        InputError: A fold with one outcome only, an unknown metric, an unusable storage.

    >>> X = pd.DataFrame({"orders": np.arange(300) % 20})
    >>> y = (X["orders"] > 9).astype(float)
    >>> found = tune([FoldData(X[:200], y[:200], X[200:], y[200:])], trials=2, seed=7)
    >>> [trial["state"] for trial in found.trials], found.best_value < 0.1
    (['complete', 'complete'], True)
    """
    with warnings.catch_warnings():
        # Without ipywidgets, tqdm complains in notebooks about a bar that is never drawn.
        warnings.simplefilter("ignore")
        import optuna  # noqa: F401

    if metric not in METRICS or trials < 1 or not folds:
        raise InputError(
            f"Tuning needs a metric of {', '.join(METRICS)}, at least 1 trial and 1 fold, "
            f"but found {metric}, {trials} trials and {len(folds)} folds."
        )
    started = time.monotonic()
    lgb_metric, direction = METRICS[metric]
    lanes = [_Lane(folds, seed, lgb_metric, max(1, num_threads // LANES)) for _ in range(LANES)]
    digest = hashlib.sha256(repr((seed, metric, lanes[0].digest)).encode()).hexdigest()
    store = None if storage is None else _open(storage, f"{study_name}-{digest[:16]}", direction)
    done: list[Any] = store.get_trials() if store else []
    # What sampler and pruner know: the trials of earlier rounds and nothing else, so that neither
    # the speed of the threads nor an interruption changes what comes next.
    known = _new_study(direction)
    stopped_early = False
    with ThreadPoolExecutor(min(num_threads, LANES)) as pool:
        for first in range(0, trials, LANES):
            missing = range(max(first, len(done)), min(first + LANES, trials))
            over = time.monotonic() - started >= (time_limit_seconds or math.inf)
            if missing and done and over:
                stopped_early = True
                break
            asked = [_ask(known, seed, index) for index in missing]
            for trial in pool.map(_Lane.run, lanes, asked):
                if store:
                    store.add_trial(trial)
                done.append(trial)
                if on_trial is not None:
                    on_trial(_as_dict(len(done) - 1, trial))
            known.add_trials(done[first : first + LANES])
    done = done[:trials]
    complete = [trial for trial in done if trial.state.name == "COMPLETE"]
    best = (min if direction == "minimize" else max)(complete, key=lambda trial: trial.value)
    rounds = max(1, round(median(best.user_attrs["rounds"])))
    return TuningResult(
        best_params={**best.params, "n_estimators": rounds},
        best_value=best.value,
        trials=[_as_dict(index, trial) for index, trial in enumerate(done)],
        stopped_early=stopped_early,
    )


class _Lane:
    """All folds, binned once for the trials that one thread runs one after the other.

    Each lane bins its own, for LightGBM writes to a data set while it trains on it.
    """

    def __init__(self, folds: Sequence[FoldData], seed: int, metric: str, threads: int) -> None:
        self.seed, self.metric, self.threads = seed, metric, threads
        self.digest: list[str] = []
        self.folds = [
            self._bin(fold, f"fold {number} of {len(folds)}")
            for number, fold in enumerate(folds, 1)
        ]

    def _bin(self, fold: FoldData, name: str) -> tuple[Any, Any]:
        import lightgbm as lgb

        rows = len(fold.X_train), len(fold.X_valid)
        y_train = binary_labels(fold.y_train, rows[0], f"the training rows of {name}")
        y_valid = binary_labels(fold.y_valid, rows[1], f"the validation rows of {name}")
        encoder = FrameEncoder.fit(fold.X_train)
        X_train, X_valid = encoder.transform(fold.X_train), encoder.transform(fold.X_valid)
        for array in (X_train, y_train, X_valid, y_valid):
            self.digest.append(hashlib.sha256(np.ascontiguousarray(array).data).hexdigest())
        common: dict[str, Any] = {
            "categorical_feature": encoder.categorical_indices,
            "params": self._params({}, X_train.shape),
        }
        train = lgb.Dataset(X_train, y_train, **common).construct()
        return train, lgb.Dataset(X_valid, y_valid, reference=train, **common).construct()

    def _params(self, chosen: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
        params = training_params(chosen, shape, seed=self.seed, num_threads=self.threads)
        return {**params, "n_estimators": MAX_ROUNDS, "metric": self.metric}

    def run(self, trial: Any) -> Any:
        """Fit the trial's parameters fold by fold; returns it complete or pruned."""
        import lightgbm as lgb
        from optuna.trial import TrialState, create_trial

        means: dict[int, float] = {}
        rounds: list[int] = []
        total = 0.0
        state = TrialState.COMPLETE
        for step, (train, valid) in enumerate(self.folds):
            params = self._params(trial.params, (train.num_data(), train.num_feature()))
            booster = lgb.train(
                params,
                train,
                params.pop("n_estimators"),
                valid_sets=[valid],
                callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
            )
            # Threads add up in another order, which shows in the last digits of a sum.
            total += round(float(booster.best_score["valid_0"][self.metric]), 10)
            rounds.append(booster.best_iteration)
            means[step] = total / (step + 1)
            trial.report(means[step], step)
            if step + 1 < len(self.folds) and trial.should_prune():
                state = TrialState.PRUNED
                break
        return create_trial(
            state=state,
            value=means[step],
            params=trial.params,
            distributions=trial.distributions,
            intermediate_values=means,
            user_attrs={"rounds": rounds},
        )


def _ask(known: Any, seed: int, index: int) -> Any:
    from optuna.samplers import TPESampler

    if index == 0:
        known.enqueue_trial({name: DEFAULTS[name] for name in _space()})
    # A sampler per trial, so that its random numbers depend on the trial's number alone. Without
    # the constant liar it does not see trials that were asked for and not added, as ours are.
    draw = int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
    known.sampler = TPESampler(seed=draw, constant_liar=False)
    return known.ask(_space())


def _space() -> dict[str, Any]:
    from optuna.distributions import FloatDistribution, IntDistribution

    # Shopping histories hold little signal in each row: the strongly regularised end won on them.
    return {
        "learning_rate": FloatDistribution(0.02, 0.1, log=True),
        "num_leaves": IntDistribution(4, 32, log=True),
        "min_data_in_leaf": IntDistribution(10, 500, log=True),
        "feature_fraction": FloatDistribution(0.05, 0.8, log=True),
        "bagging_fraction": FloatDistribution(0.5, 1.0),
        "lambda_l1": FloatDistribution(1e-3, 10.0, log=True),
        "lambda_l2": FloatDistribution(1e-2, 100.0, log=True),
        "path_smooth": FloatDistribution(1.0, 100.0, log=True),
    }


def _new_study(direction: str, name: str | None = None, storage: str | None = None) -> Any:
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(
            storage=storage,
            study_name=name,
            direction=optuna.study.StudyDirection[direction.upper()],
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        )
    finally:
        optuna.logging.set_verbosity(verbosity)


def _open(path: Path, name: str, direction: str) -> Any:
    """The study in the file, to which finished trials are added."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _new_study(direction, name, sqlite_address(path.resolve()))
    except (SQLAlchemyError, OptunaError, OSError, RuntimeError) as error:
        raise InputError(
            f"Tuning keeps its trials in an SQLite file, but {path} cannot be used as one "
            f"({str(error).splitlines()[0]}). Delete it or name another file."
        ) from error


def _as_dict(index: int, trial: Any) -> dict[str, Any]:
    return {
        "number": index,
        "params": dict(trial.params),
        "value": trial.value,
        "state": trial.state.name.lower(),
    }
