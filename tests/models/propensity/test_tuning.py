import logging
import signal
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from neigung.errors import InputError
from neigung.models.propensity import tuning
from neigung.models.propensity.classifier import DEFAULTS, PropensityClassifier
from neigung.models.propensity.tuning import FoldData, TuningResult, tune


def rows(count: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(count, 4)), columns=list("abcd"))
    y = (rng.random(count) < expit(2 * X["a"] - X["b"] * X["c"])).astype(float)
    X["channel"] = pd.Categorical(rng.choice(["web", "app"], count))
    return X, y


FOLDS = [FoldData(*rows(120, i), *rows(80, 10 + i)) for i in range(3)]


class Killed(BaseException):
    """What a process feels when it is killed."""


def kill_after(count: int) -> Any:
    seen: list[int] = []

    def on_trial(trial: dict[str, Any]) -> None:
        seen.append(trial["number"])
        if len(seen) == count:
            raise Killed

    return on_trial


@pytest.fixture(scope="module")
def whole() -> TuningResult:
    return tune(FOLDS, trials=14, seed=7)


def test_finds_parameters_that_the_classifier_takes(whole: TuningResult) -> None:
    assert len(whole.trials) == 14
    assert [trial["number"] for trial in whole.trials] == list(range(14))
    complete = [trial for trial in whole.trials if trial["state"] == "complete"]
    assert whole.best_value == min(trial["value"] for trial in complete)
    assert whole.best_value <= whole.trials[0]["value"]
    assert 1 <= whole.best_params["n_estimators"] <= tuning.MAX_ROUNDS
    assert not whole.stopped_early
    PropensityClassifier(whole.best_params).fit(*rows(120, 0))


def test_the_first_trial_is_the_defaults_and_bad_trials_are_pruned(whole: TuningResult) -> None:
    first = whole.trials[0]["params"]
    assert first == {name: DEFAULTS[name] for name in first}
    assert {trial["state"] for trial in whole.trials} == {"complete", "pruned"}


def test_threads_and_storage_change_nothing(whole: TuningResult, tmp_path: Path) -> None:
    assert tune(FOLDS, trials=14, seed=7, num_threads=1) == whole
    assert tune(FOLDS, trials=14, seed=7, storage=tmp_path / "new" / "tuning.db") == whole


def test_another_seed_searches_elsewhere(whole: TuningResult) -> None:
    other = tune(FOLDS, trials=3, seed=8)
    assert other.trials[1]["params"] != whole.trials[1]["params"]


@pytest.mark.parametrize("done", [1, 3, 12])
def test_an_interrupted_search_resumes_with_the_same_trials(
    whole: TuningResult, tmp_path: Path, done: int
) -> None:
    file = tmp_path / "tuning.db"
    with pytest.raises(Killed):
        tune(FOLDS, trials=14, seed=7, storage=file, on_trial=kill_after(done))
    ran: list[int] = []
    resumed = tune(
        FOLDS,
        trials=14,
        seed=7,
        storage=file,
        on_trial=lambda trial: ran.append(trial["number"]),
    )
    assert resumed == whole
    assert ran == list(range(done, 14))


KILLED = """
import os, signal
from pathlib import Path
from neigung.models.propensity.tuning import tune
from tests.models.propensity.test_tuning import FOLDS

def on_trial(trial):
    if trial["number"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)

tune(FOLDS, trials=14, seed=7, storage=Path({file!r}), on_trial=on_trial)
"""


def test_a_killed_process_loses_nothing_that_was_finished(
    whole: TuningResult, tmp_path: Path
) -> None:
    file = tmp_path / "tuning.db"
    killed = subprocess.run([sys.executable, "-c", KILLED.format(file=str(file))], check=False)
    assert killed.returncode == -signal.SIGKILL
    ran: list[Any] = []
    assert tune(FOLDS, trials=14, seed=7, storage=file, on_trial=ran.append) == whole
    assert [trial["number"] for trial in ran] == list(range(5, 14))


def test_more_trials_go_on_where_the_search_ended(whole: TuningResult, tmp_path: Path) -> None:
    file = tmp_path / "tuning.db"
    assert tune(FOLDS, trials=5, seed=7, storage=file).trials == whole.trials[:5]
    assert tune(FOLDS, trials=14, seed=7, storage=file) == whole
    assert tune(FOLDS, trials=5, seed=7, storage=file).trials == whole.trials[:5]


def test_trials_on_other_data_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "tuning.db"
    tune(FOLDS, trials=2, seed=7, storage=file)
    ran: list[Any] = []
    tune(FOLDS[:1], trials=2, seed=7, storage=file, on_trial=ran.append)
    tune(FOLDS, trials=2, seed=8, storage=file, on_trial=ran.append)
    tune(FOLDS, trials=2, seed=7, metric="auroc", storage=file, on_trial=ran.append)
    assert len(ran) == 6
    tune(FOLDS, trials=2, seed=7, storage=file, on_trial=ran.append)
    assert len(ran) == 6


def test_the_time_limit_ends_the_search_between_trials(whole: TuningResult) -> None:
    short = tune(FOLDS, trials=14, seed=7, time_limit_seconds=1e-9)
    assert short.stopped_early
    assert short.trials == whole.trials[: tuning.LANES]
    assert short.best_params["n_estimators"] >= 1


@pytest.mark.parametrize("metric", ["auroc", "average_precision"])
def test_metrics_that_are_better_when_higher(metric: str) -> None:
    found = tune(FOLDS, trials=3, seed=7, metric=metric)
    assert found.best_value == max(trial["value"] for trial in found.trials)
    assert 0.6 < found.best_value <= 1


def test_nothing_is_logged_or_warned(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with caplog.at_level(logging.INFO), warnings.catch_warnings():
        warnings.simplefilter("error")
        tune(FOLDS, trials=2, seed=7, storage=tmp_path / "tuning.db")
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_fold_with_one_outcome_is_named() -> None:
    X, y = rows(120, 0)
    poor = FoldData(X, y, X, np.zeros(120))
    with pytest.raises(InputError, match="the validation rows of fold 2 of 2, but all 120 rows"):
        tune([FOLDS[0], poor], trials=1, seed=7)
    poor = FoldData(X, np.ones(120), X, y)
    with pytest.raises(InputError, match="the training rows of fold 1 of 2, but all 120 rows"):
        tune([poor, FOLDS[0]], trials=1, seed=7)


@pytest.mark.parametrize("wrong", [{"metric": "f1"}, {"trials": 0}, {"folds": []}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Tuning needs a metric of log_loss, auroc"):
        tune(**{"folds": FOLDS, "trials": 1, "seed": 7, **wrong})


def test_a_storage_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tuning.db"
    file.write_text("This is a letter, and not a short one, to somebody far away. " * 50)
    with pytest.raises(InputError, match="cannot be used as one"):
        tune(FOLDS, trials=1, seed=7, storage=file)
    with pytest.raises(InputError, match="cannot be used as one"):
        tune(FOLDS, trials=1, seed=7, storage=file / "below.db")
    assert file.read_text().startswith("This is a letter")


def test_the_storage_is_an_sqlite_file(tmp_path: Path) -> None:
    file = tmp_path / "tuning.db"
    tune(FOLDS, trials=2, seed=7, storage=file, study_name="purchase")
    with sqlite3.connect(file) as connection:
        names = [name for (name,) in connection.execute("SELECT study_name FROM studies")]
    assert [name.split("-")[0] for name in names] == ["purchase"]


@pytest.mark.parametrize("name", ["100%25", "a%20b", "a?b", "x#1", "Käufe & 'x' [neu]"])
def test_the_storage_lies_where_it_was_asked_for(tmp_path: Path, name: str) -> None:
    tune(FOLDS, trials=1, seed=7, storage=tmp_path / name / "tuning.db")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        tmp_path / name / "tuning.db"
    ]
