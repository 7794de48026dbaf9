"""Learns and tests the chance of an outcome: purchase, churn or the user's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neigung.language import Message
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.study import Study
from neigung.training.fitted import Fitted, Variations, other_seeds, sensitive_columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from neigung.evaluation.propensity.evaluate import Evaluation
    from neigung.models.dataset import Dataset
    from neigung.models.propensity.artefact import Artefact
    from neigung.models.propensity.classifier import PropensityClassifier
    from neigung.models.propensity.rolling import RollingFit
    from neigung.models.propensity.tuning import FoldData, TuningResult
    from neigung.models.splits import Splits

STATE = Path(".neigung")
"""Where unfinished work is kept: the trials of a tuning."""

OTHER_SEEDS = 3
"""With so many other seeds the final trees are fitted again, to see what the seed decides."""


def fit_propensity(study: Study, profiles: Profiles, reporter: Reporter) -> Fitted:
    """Tune, fit, calibrate and test the model of a study of purchase, churn or custom.

    Trees are fitted on the earlier cutoffs, tuned and calibrated on folds among these, and tested
    on the last cutoff; nothing is learned from an outcome that was not over by then.
    """
    from neigung.evaluation.propensity.baselines import REQUIRED_COLUMNS
    from neigung.models.cutoffs import most_cutoffs, study_cutoffs
    from neigung.models.dataset import build_dataset
    from neigung.models.leakage import check_leakage
    from neigung.models.leaks import certain_leaks, declared
    from neigung.models.propensity.rolling import fit_rolling
    from neigung.models.propensity.sample_size import check_sample
    from neigung.models.splits import make_splits
    from neigung.models.time_leaking import without_dated

    sensitive = sensitive_columns(study, profiles)
    also = [*REQUIRED_COLUMNS, *(column.name for column in sensitive)]
    cutoffs = study_cutoffs(study, profiles)
    splits = make_splits(
        cutoffs, study.target.horizon_days, study.model.folds, most_cutoffs(study, profiles)
    )
    with reporter.task("Features and labels") as tick:
        dataset = build_dataset(study, profiles, also=also, on_step=tick)
    check_sample(dataset, splits, study)
    with reporter.task("Looking for leaks"):
        check_leakage(dataset, splits, study, profiles)
        data_digest = profiles.digest()
        profiles.check_unchanged()  # rather than after the tuning
    if study.features == "all":  # who names features gets them
        dataset = without_dated(dataset, splits.train, study.model.time_leaking_features)
    known, leaks = declared(study, dataset), certain_leaks(study, profiles, dataset)
    notes = (
        *profiles.notes,
        *dataset.notes,
        *(
            Message("Known in advance, as the study says: {name} ({why})", name=name, why=why)
            for name, why in known.items()
        ),
    )
    for leak in leaks:
        reporter.say(f"  Leak: {leak.text}.")
    for note in notes:
        reporter.say(f"  Note: {note}")
    tuned = _tune(study, splits, dataset, reporter)

    with reporter.task("Fitting, calibrating and testing"):
        fitted = fit_rolling(dataset, splits, tuned.best_params, study.model.seed)
        evaluation = _evaluate(study, profiles, splits, dataset, fitted)
        before, before_scores = fitted.out_of_sample(dataset)
        artefact = _artefact(study, splits, dataset, fitted.model, data_digest, before)
    return Fitted(
        artefact=artefact,
        leaks=leaks,
        known_in_advance=tuple(known),
        evaluation=evaluation,
        dataset=dataset,
        test=dataset.at(splits.test),
        data_digest=data_digest,
        notes=notes,
        sensitive=tuple(column for column in sensitive if column.name in dataset.frame),
        before=before,
        before_scores=before_scores,
        variations=_variations(study, splits, dataset, fitted, tuned.best_params),
        trials=tuned.trials,
    )


class _Folds(Sequence["FoldData"]):
    """The rows of each fold, copied only while they are looked at."""

    def __init__(self, dataset: Dataset, splits: Splits) -> None:
        self._dataset, self._folds = dataset, splits.folds

    def __len__(self) -> int:
        return len(self._folds)

    def __getitem__(self, index: Any) -> Any:
        from neigung.models.propensity.tuning import FoldData

        fold = self._folds[index]
        train, valid = self._dataset.at(*fold.train), self._dataset.at(fold.validation)
        return FoldData(train.X, train.y, valid.X, valid.y)


def _tune(study: Study, splits: Splits, dataset: Dataset, reporter: Reporter) -> TuningResult:
    from neigung.models.propensity.tuning import tune

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


def _evaluate(
    study: Study, profiles: Profiles, splits: Splits, dataset: Dataset, fitted: RollingFit
) -> Evaluation:
    """The model beside its opponents on the test, and how both fared at earlier cutoffs.

    The folds chose the parameters, so their figures are an impression of stability, no proof.
    """
    from neigung.evaluation.few_outcomes import FEWEST_OUTCOMES, Outlook, customers_with_rarer
    from neigung.evaluation.propensity.baselines import fit_baselines
    from neigung.evaluation.propensity.evaluate import evaluate
    from neigung.models.outlook import outcomes_elsewhere

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
    elsewhere: list[Outlook] = []
    if customers_with_rarer(test.y, test.groups) < FEWEST_OUTCOMES:
        for horizon, at, everybody, found in outcomes_elsewhere(study, profiles, FEWEST_OUTCOMES):
            cutoff = None if at is None else f"{at:%Y-%m-%d}"
            elsewhere.append(Outlook(horizon, found, cutoff, everybody))
    return evaluate(
        test,
        predictions(fitted.model, splits.train, test),
        metric=study.acceptance.metric,
        folds=folds,
        segments=_segments(test),
        seed=study.model.seed,
        outlook=elsewhere,
    )


def _variations(
    study: Study, splits: Splits, dataset: Dataset, fitted: RollingFit, params: dict[str, Any]
) -> Variations:
    from neigung.models.propensity.rolling import fit_rolling, fit_with_seed

    test = dataset.at(splits.test)

    def with_seed(seed: int) -> npt.NDArray[np.float64]:
        model = fit_with_seed(dataset, splits, fitted.model, seed)
        return model.predict_proba(test.X)[:, 1]

    def without(names: Collection[str]) -> npt.NDArray[np.float64]:
        kept = tuple(column for column in dataset.columns if column.name not in names)
        # Calibrated anew: other trees say other things, and the comparison is to be fair.
        fewer = replace(dataset, columns=kept)
        model = fit_rolling(fewer, splits, params, study.model.seed).model
        return model.predict_proba(replace(test, columns=kept).X)[:, 1]

    return Variations(other_seeds(study.model.seed, OTHER_SEEDS), with_seed, without)


def _segments(rows: Dataset) -> pd.DataFrame:
    """How the customers are divided for a look at each part: by activity and by attribute."""
    import pandas as pd

    from neigung.evaluation.propensity.segments import activity_segment

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
    before: Dataset,
) -> Artefact:
    from neigung.models.propensity.artefact import Artefact, reference_table
    from neigung.models.unseen import unseen_shares
    from neigung.models.usual import usual_values

    test = dataset.at(splits.test)
    rows = {"train": len(dataset.at(*splits.train)), "test": len(test)}
    if dataset.sampling is not None:
        rows |= dataset.sampling.left_out_of()
    return Artefact(
        model,
        dataset.columns,
        study=study.stored(),
        meta={
            "data_digest": data_digest,
            "study_digest": study.digest(),
            "splits": splits.to_dict(),
            "rows": rows,
            "usual": usual_values(before.X, dataset.columns),
            **unseen_shares(model.encoder_.unknown(test.X)),
        },
        reference=reference_table(model.predict_proba(test.X)[:, 1]),
    )
