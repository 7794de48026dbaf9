"""Features, scores and reasons of a study's population at one cutoff."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.errors import InputError, StudyError
from neigung.files import replacing
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import latest_cutoff
from neigung.progress import Reporter
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.explanation.reasons import Reason
    from neigung.features.feature import Column
    from neigung.models.dataset import Dataset

REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("value", pa.string()),
        ("contribution", pa.float64()),
        ("text_en", pa.string()),
        ("text_de", pa.string()),
    ]
)
SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("cutoff", pa.timestamp("us")),
        ("model_version", pa.int32()),
        ("probability", pa.float64()),
        ("percentile", pa.float64()),
        ("band", pa.string()),
        ("reasons", pa.list_(REASON)),
    ]
)
"""The columns of a score file; without reasons the last one is left out."""


def score(
    study: Study | Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    version: int | str = "champion",
    reasons: int = 3,
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> pd.DataFrame:
    """Score the study's population at a cutoff with a registered version.

    Returns one row per customer, sorted by customer: `customer_id`, `cutoff`, `model_version`,
    `probability`, `percentile` (0 to 100, among the customers of the test), `band` and, with
    `reasons` > 0, `reasons`: a list of feature, value, contribution (log-odds), text_en and
    text_de, strongest first.

    Raises TrackingError when there is no such version, StudyError when the study has changed so
    that the version no longer answers it, or the store cannot give the columns the model reads.
    """
    from neigung.explanation.contributions import contributions
    from neigung.explanation.reasons import reasons as explain_rows
    from neigung.models.dataset import build_features
    from neigung.tracking.registry import load

    reporter = reporter or Reporter()
    study = study if isinstance(study, Study) else Study.load(study)
    artefact, info = load(study.name, version)
    for key in ("target", "retention_days"):
        then, now = artefact.study[key], study.to_dict()[key]
        if then != now:
            raise StudyError(
                f"Study {study.name}: version {info.version} was trained with another {key} "
                f"({then}) than the study has now ({now}). Train again, or put it back."
            )
    profiles = Profiles.open(study.profiles if profiles is None else profiles)
    with reporter.task("Features"):
        names = [column.name for column in artefact.columns]
        dataset = build_features(study, profiles, instant(cutoff, profiles), names=names)
    with reporter.task("Scores"):
        scores = dataset.frame[["customer_id", "cutoff"]].copy()
        scores["model_version"] = info.version
        scores = scores.join(artefact.predict(dataset.X))
        for name, count in artefact.classifier.unseen(dataset.X).items():
            reporter.say(
                f"  Note: {count} customers have a value of {name} that the model does not know; "
                "it counts as missing."
            )
    if reasons:
        with reporter.task("Reasons"):
            explained = contributions(artefact, dataset.X)
            rows = explain_rows(explained, dataset.X, k=reasons)
            told = [[_plain(one) for one in row] for row in rows]
            scores["reasons"] = pd.Series(told, dtype=object)
    return scores


def write_scores(scores: pd.DataFrame, out: Path) -> None:
    """Write what `score` gave to a Parquet file, whole or not at all."""
    schema = SCORES if "reasons" in scores else SCORES.remove(SCORES.get_field_index("reasons"))
    _write(pa.Table.from_pandas(scores, schema=schema, preserve_index=False), out)


def features(
    study: Study | Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> Dataset:
    """The features of the study's population at a cutoff, without labels.

    Raises StudyError when the cutoff has nobody to predict for.
    """
    from neigung.models.dataset import build_features

    reporter = reporter or Reporter()
    study = study if isinstance(study, Study) else Study.load(study)
    profiles = Profiles.open(study.profiles if profiles is None else profiles)
    with reporter.task("Features"):
        return build_features(study, profiles, instant(cutoff, profiles))


def write_features(dataset: Dataset, out: Path) -> None:
    """Write a feature table to a Parquet file, whole or not at all."""
    frame = dataset.frame.drop(columns="label")
    categories = frame.select_dtypes("category").columns
    frame = frame.astype(dict.fromkeys(categories, object))
    _write(pa.Table.from_pandas(frame, preserve_index=False), out)


def feature_list(
    study: Study | Path | str | None = None, profiles: Profiles | Path | str | None = None
) -> tuple[Column, ...]:
    """All feature columns there are: the library's, the store's attributes, the user's own."""
    from neigung.features.library import library, load_user_features

    found = list(library(Profiles.open(profiles)) if profiles is not None else library())
    if study is not None:
        study = study if isinstance(study, Study) else Study.load(study)
        found += load_user_features(study.my_features) if study.my_features else ()
    return tuple(column for one in found for column in one.columns)


def instant(cutoff: dt.datetime | str, profiles: Profiles) -> dt.datetime:
    """A cutoff from a date, a time, or `latest`: the newest midnight the data reach (UTC).

    Raises InputError when it is none of these.
    """
    if cutoff == "latest":
        return latest_cutoff(profiles.span()[1], horizon_days=0)
    if isinstance(cutoff, str):
        try:
            cutoff = dt.datetime.fromisoformat(cutoff)
        except ValueError:
            raise InputError(
                "A cutoff is a date such as 2017-12-01, a date with time, or 'latest', found "
                f"'{cutoff}'."
            ) from None
    if cutoff.tzinfo is not None:
        cutoff = cutoff.astimezone(dt.UTC).replace(tzinfo=None)
    return cutoff


def _plain(reason: Reason) -> dict[str, Any]:
    """A reason as a struct of fixed types: a value may be a number or a category."""
    value = None if reason.value is None else str(reason.value)
    return asdict(reason) | {"value": value}


def _write(table: pa.Table, out: Path) -> None:
    with replacing(out) as temporary:
        pq.write_table(table, temporary, compression="zstd")
