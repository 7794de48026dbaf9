"""From a study and its profiles to one tested, explained and registered version."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.study import Study

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from rich.text import Text

    from neigung.evaluation.evaluate import Evaluation
    from neigung.explanation.explain import Explanation
    from neigung.features.feature import Language
    from neigung.models.artefact import Artefact
    from neigung.models.classifier import PropensityClassifier
    from neigung.models.dataset import Dataset
    from neigung.models.rolling import RollingFit
    from neigung.models.splits import Splits
    from neigung.models.tuning import FoldData, TuningResult
    from neigung.tracking.runs import LoggedRun

STATE = Path(".neigung")
"""Where unfinished work is kept: the trials of a tuning."""

LANGUAGES: tuple[Language, ...] = ("en", "de")


@dataclass(frozen=True)
class TrainedRun:
    """What a training made; shows its evaluation in a notebook.

    `version` is the registered version, `run_id` MLflow's run, `report` the page in English.
    """

    study: Study
    version: int
    run_id: str
    artefact: Artefact
    evaluation: Evaluation
    explanation: Explanation
    report: str
    notes: tuple[str, ...]

    def __rich__(self) -> Text:
        from rich.text import Text

        verdict = self.evaluation.verdict
        text = Text(
            f"{self.study.name}: version {self.version}, artefact {self.artefact.digest[:12]}, "
            f"run {self.run_id}\n"
        )
        text.append(verdict.text_en, "green" if verdict.beats_baseline else "bold red")
        return text

    def __repr__(self) -> str:
        return f"TrainedRun({self.study.name!r}, version={self.version}, run_id={self.run_id!r})"

    def _repr_html_(self) -> str:
        return self.evaluation._repr_html_()


def train(
    study: Study | Path | str,
    profiles: Profiles | Path | str | None = None,
    *,
    reporter: Reporter | None = None,
) -> TrainedRun:
    """Tune, fit, calibrate, test, explain, log and register one version of a study.

    Trees are fitted on the earlier cutoffs, tuned and calibrated on folds among these, and tested
    on the last cutoff; nothing is learned from an outcome that was not over by then. `profiles`
    takes the place of the study's own.

    Raises InputError when study and data do not fit, LeakageError when the future reached the
    past. Nothing is registered then. Finished trials are kept in `.neigung`, so that the same call
    goes on where an interrupted one stopped.
    """
    from neigung.evaluation.baselines import REQUIRED_COLUMNS
    from neigung.models.dataset import build_dataset, study_cutoffs
    from neigung.models.drift import without_dated
    from neigung.models.leakage import check_leakage
    from neigung.models.rolling import fit_rolling
    from neigung.models.splits import make_splits

    reporter = reporter or Reporter()
    study = study if isinstance(study, Study) else Study.load(study)
    if not isinstance(profiles, Profiles):
        with reporter.task("Opening the profiles"):
            profiles = Profiles.open(study.profiles if profiles is None else profiles)
    cutoffs = study_cutoffs(study, profiles)
    splits = make_splits(cutoffs, study.target.horizon_days, study.model.folds)
    with reporter.task("Features and labels") as tick:
        dataset = build_dataset(study, profiles, also=REQUIRED_COLUMNS, on_step=tick)
    with reporter.task("Looking for leaks"):
        check_leakage(dataset, splits, study, profiles)
        data_digest = profiles.digest()
    if study.features == "all":  # who names features gets them
        dataset = without_dated(dataset, splits)
    notes = (*profiles.notes, *dataset.notes)
    for note in notes:
        reporter.say(f"  Note: {note}")
    tuned = _tune(study, splits, dataset, reporter)

    with reporter.task("Fitting, calibrating and testing"):
        fitted = fit_rolling(dataset, splits, tuned.best_params, study.model.seed)
        test = dataset.at(splits.test)
        evaluation = _evaluate(study, splits, dataset, fitted)
        artefact = _artefact(study, splits, dataset, fitted.model, data_digest)
    provenance = {"git_commit": git_commit(), "data_digest": data_digest}
    with reporter.task("Explaining"):
        reports, explanation = _explain(artefact, evaluation, test, provenance, notes)
    with reporter.task("Tracking"):
        logged = _track(
            study, profiles, dataset, tuned, artefact, evaluation, explanation, reports, provenance
        )
    return TrainedRun(
        study=study,
        version=logged.version,
        run_id=logged.run_id,
        artefact=artefact,
        evaluation=evaluation,
        explanation=explanation,
        report=reports["en"],
        notes=notes,
    )


def git_commit() -> str | None:
    """The commit of the current folder's repository, None outside of one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


class _Folds(Sequence["FoldData"]):
    """The rows of each fold, copied only while they are looked at."""

    def __init__(self, dataset: Dataset, splits: Splits) -> None:
        self._dataset, self._folds = dataset, splits.folds

    def __len__(self) -> int:
        return len(self._folds)

    def __getitem__(self, index: Any) -> Any:
        from neigung.models.tuning import FoldData

        fold = self._folds[index]
        train, valid = self._dataset.at(*fold.train), self._dataset.at(fold.validation)
        return FoldData(train.X, train.y, valid.X, valid.y)


def _tune(study: Study, splits: Splits, dataset: Dataset, reporter: Reporter) -> TuningResult:
    from neigung.models.tuning import tune

    folds = _Folds(dataset, splits)
    with reporter.task("Tuning") as tick:
        tuned = tune(
            folds,
            trials=study.model.trials,
            seed=study.model.seed,
            time_limit_seconds=study.model.time_limit_seconds,
            storage=STATE / "tuning" / f"{study.name}.db",
            on_trial=lambda trial: tick(trial["number"] + 1, study.model.trials),
        )
    if tuned.stopped_early:
        reporter.say(
            f"  Note: the time limit ended the tuning after {len(tuned.trials)} of "
            f"{study.model.trials} trials; a faster machine may find another model."
        )
    return tuned


def _evaluate(study: Study, splits: Splits, dataset: Dataset, fitted: RollingFit) -> Evaluation:
    """The model beside its opponents on the test, and how both fared at earlier cutoffs.

    The folds chose the parameters, so their figures are an impression of stability, no proof.
    """
    from neigung.evaluation.baselines import fit_baselines
    from neigung.evaluation.evaluate import evaluate

    def predictions(
        model: PropensityClassifier, cutoffs: tuple[dt.datetime, ...], rows: Dataset
    ) -> dict[str, npt.NDArray[np.float64]]:
        opponents = fit_baselines(dataset.at(*cutoffs), study.target.horizon_days)
        found = {one.name: one.predict_proba(rows.frame) for one in opponents}
        return {"model": model.predict_proba(rows.X)[:, 1], **found}

    folds = []
    for fold, model in fitted.folds:
        rows = dataset.at(fold.validation)
        folds.append((fold.validation, rows.y, rows.groups, predictions(model, fold.train, rows)))
    test = dataset.at(splits.test)
    return evaluate(
        test,
        predictions(fitted.model, splits.train, test),
        metric=study.acceptance.metric,
        folds=folds,
        segments=_segments(test),
        seed=study.model.seed,
    )


def _segments(rows: Dataset) -> pd.DataFrame:
    """How the customers are divided for a look at each part: by activity and by attribute."""
    import pandas as pd

    from neigung.evaluation.evaluate import activity_segment

    frame = rows.frame
    segments: dict[str, Any] = {
        "activity": activity_segment(
            frame["days_since_last_order"], frame["days_since_first_order"]
        )
    }
    for column in rows.columns:
        if column.theme == "attributes" and column.kind == "category":
            segments[column.name] = frame[column.name]
    return pd.DataFrame(segments)


def _artefact(
    study: Study,
    splits: Splits,
    dataset: Dataset,
    model: PropensityClassifier,
    data_digest: str,
) -> Artefact:
    from neigung.models.artefact import Artefact, reference_table

    test = dataset.at(splits.test)
    return Artefact(
        model,
        dataset.columns,
        # Where the profiles lay is no part of what was learned.
        study=study.to_dict() | {"profiles": None, "my_features": None},
        meta={
            "data_digest": data_digest,
            "study_digest": study.digest(),
            "splits": splits.to_dict(),
            "rows": {"train": len(dataset.at(*splits.train)), "test": len(test)},
        },
        reference=reference_table(model.predict_proba(test.X)[:, 1]),
    )


def _explain(
    artefact: Artefact,
    evaluation: Evaluation,
    test: Dataset,
    provenance: Mapping[str, Any],
    notes: tuple[str, ...],
) -> tuple[dict[Language, str], Explanation]:
    from neigung.explanation.explain import explain
    from neigung.explanation.report import build_report

    explanation = explain(artefact, test)
    pages = {
        language: build_report(
            artefact,
            evaluation,
            test,
            language=language,
            provenance=provenance,
            notes=notes,
            explanation=explanation,
        )
        for language in LANGUAGES
    }
    return pages, explanation


def _track(
    study: Study,
    profiles: Profiles,
    dataset: Dataset,
    tuned: TuningResult,
    artefact: Artefact,
    evaluation: Evaluation,
    explanation: Explanation,
    reports: Mapping[Language, str],
    provenance: Mapping[str, Any],
) -> LoggedRun:
    from neigung.tracking.runs import log_training

    first, last = profiles.span()
    return log_training(
        study,
        artefact,
        evaluation,
        dataset_info={
            "digest": provenance["data_digest"],
            "first_order": first.isoformat(),
            "last_order": last.isoformat(),
            "rows": len(dataset),
            "cutoffs": [cutoff.isoformat() for cutoff in dataset.cutoffs],
            "splits": artefact.meta["splits"],
            "notes": [*profiles.notes, *dataset.notes],
        },
        trials=tuned.trials,
        figures={
            "gains": evaluation.plot_gains(),
            "calibration": evaluation.plot_calibration(),
            "metrics": evaluation.plot_metrics(),
            "folds": evaluation.plot_folds(),
            "importance": explanation.plot_importance(),
            "beeswarm": explanation.plot_beeswarm(),
        },
        files={f"report_{language}.html": page for language, page in reports.items()},
        input_example=dataset.at(dataset.cutoffs[-1]).X.head(3),
        git_commit=provenance["git_commit"],
    )
