"""Features, scores, reasons, offers and snapshots of a study's population at one cutoff."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace
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
    from neigung.decisions.offers import OfferPlan
    from neigung.explanation.reasons import Reason
    from neigung.features.feature import Column
    from neigung.models.artefact import Artefact
    from neigung.models.dataset import Dataset
    from neigung.models.offer_artefact import OfferArtefact
    from neigung.snapshot import Snapshot
    from neigung.tracking.registry import VersionInfo

REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("value", pa.string()),
        ("contribution", pa.float64()),
        ("text_en", pa.string()),
        ("text_de", pa.string()),
    ]
)
TYPES = {
    "customer_id": pa.string(),
    "cutoff": pa.timestamp("us"),
    "model_version": pa.int32(),
    "band": pa.string(),
    "recommended_arm": pa.string(),
    "reasons": pa.list_(REASON),
}
"""The types of the columns of a score or offer file; all others are float64."""


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
    `reasons` > 0, `reasons`: a list of feature, value, contribution (log-odds, of all features
    that tell the same fact), text_en and text_de, strongest first.

    For an offer study, in place of probability, percentile and band: per arm `uplift_ARM` in the
    outcome's units with its 95 % interval `uplift_ARM_low`, `uplift_ARM_high`, and
    `recommended_arm`. The reasons explain the uplift of the recommended arm, or of the arm with
    the largest uplift where none is recommended; their contributions are in the outcome's units.

    Raises TrackingError when there is no such version, StudyError when the study has changed so
    that the version no longer answers it, or the store cannot give the columns the model reads.
    """
    reporter = reporter or Reporter()
    study = study if isinstance(study, Study) else Study.load(study)
    artefact, scores, X = _scored(study, cutoff, version, profiles, reporter)
    if reasons:
        with reporter.task("Reasons"):
            told = [[_plain(one) for one in row] for row in _reasons(artefact, X, scores, reasons)]
            scores["reasons"] = pd.Series(told, dtype=object)
    return scores


def _scored(
    study: Study,
    cutoff: dt.datetime | str,
    version: int | str,
    profiles: Profiles | Path | str | None,
    reporter: Reporter,
) -> tuple[Artefact | OfferArtefact, pd.DataFrame, pd.DataFrame]:
    """The version, the scores of everybody, and the features they come from."""
    from neigung.models.dataset import build_features

    artefact, info = _version(study, version)
    profiles = Profiles.open(study.profiles if profiles is None else profiles)
    with reporter.task("Features"):
        names = [column.name for column in artefact.columns]
        dataset = build_features(study, profiles, instant(cutoff, profiles), names=names)
    with reporter.task("Scores"):
        scores = dataset.frame[["customer_id", "cutoff"]].copy()
        scores["model_version"] = info.version
        scores = scores.join(artefact.predict(dataset.X))
        for name, count in artefact.unseen(dataset.X).items():
            reporter.say(
                f"  Note: {count} customers have a value of {name} that the model does not know; "
                "it counts as missing."
            )
    return artefact, scores, dataset.X


def _version(study: Study, version: int | str) -> tuple[Artefact | OfferArtefact, VersionInfo]:
    """A version that still answers the study."""
    from neigung.models.artefact import check_question
    from neigung.tracking.registry import load

    artefact, info = load(study.name, version)
    check_question(study, artefact, info.version)
    return artefact, info


def _reasons(
    artefact: Artefact | OfferArtefact, X: pd.DataFrame, scores: pd.DataFrame, k: int
) -> list[list[Reason]]:
    from neigung.explanation.contributions import contributions
    from neigung.explanation.reasons import offer_reasons
    from neigung.explanation.reasons import reasons as explain_rows
    from neigung.models.artefact import Artefact

    if isinstance(artefact, Artefact):
        return explain_rows(contributions(artefact, X), X, k=k)
    return offer_reasons(artefact, X, scores["recommended_arm"].to_numpy(dtype=object), k=k)


def write_scores(scores: pd.DataFrame, out: Path) -> None:
    """Write what `score` or `offers` gave to a Parquet file, whole or not at all."""
    schema = pa.schema([(name, TYPES.get(name, pa.float64())) for name in scores.columns])
    _write(pa.Table.from_pandas(scores, schema=schema, preserve_index=False), out)


def offers(
    study: Study | Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    version: int | str = "champion",
    budget: float | None = None,
    revenue_target: float | None = None,
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> OfferPlan:
    """Who gets which offer: the necessary discount of every customer at a cutoff.

    `.frame` of what is returned has one row per customer: `customer_id`, `cutoff`,
    `model_version`; for the control and each arm `probability_ARM`, `value_ARM` and `margin_ARM`
    as expected within the horizon; `necessary_discount` and `recommended_arm`. `.summary` says
    what the offers are expected to cost and to earn.

    Without limits each customer gets the discount after which more no longer pays. With `budget`
    (expected cost of discounts and contacts) the offers are those that earn most within it, with
    `revenue_target` (expected net revenue within the horizon) the cheapest that reach it. Costs
    and margins are those of the study's `decision` as it is now.

    Raises StudyError without a margin rate or for another target, InputError for a budget below
    zero or a target out of reach, and otherwise as `score` does.
    """
    from neigung.decisions.offers import check_limits, plan_offers
    from neigung.models.offer_artefact import OfferArtefact
    from neigung.tracking.registry import find

    reporter = reporter or Reporter()
    check_limits(budget, revenue_target)
    study = study if isinstance(study, Study) else Study.load(study)
    if study.target.kind != "offer":
        raise StudyError(
            f"Study {study.name}: offers need the target offer, found {study.target.kind}. Name a "
            "study of offers."
        )
    if study.decision.margin_rate is None:
        raise StudyError(
            f"Study {study.name}: offers need decision.margin_rate, the margin as a share of the "
            "price without discount, found none. Add it to the study."
        )
    artefact, scores, X = _scored(study, cutoff, version, profiles, reporter)
    assert isinstance(artefact, OfferArtefact)  # the target is the version's own
    info = find(study.name, version)
    if artefact.study["decision"] != study.to_dict()["decision"]:
        reporter.say(
            "  Note: the study's decision is another one than at the training; offers follow the "
            "new one, the recommended arms of `neigung score` the old one."
        )
    if info.tags.get("beats_baseline") != "true":
        reporter.say(f"  Note: version {info.version} was not proven. {info.tags.get('verdict')}")
    with reporter.task("Offers"):
        plan = plan_offers(
            X, artefact.model, study.decision, budget=budget, revenue_target=revenue_target
        )
    keys = scores[["customer_id", "cutoff", "model_version"]]
    return replace(plan, frame=pd.concat([keys, plan.frame], axis=1))


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


def write_snapshot(
    study: Study | Path | str,
    out: Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    version: int | str | None = "champion",
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> Snapshot:
    """Write what the service knows of the study's population at a cutoff: see `snapshot`.

    The features are those of the study, and what `version` reads beyond them; its contributions
    are kept too, so that the service need not explain on the spot. None keeps none; so does
    `champion` where there is no champion yet, with a note. An earlier snapshot at `out` is
    replaced.

    Raises StudyError when the cutoff has nobody to predict for, when the study has changed so that
    the version no longer answers it, or when the store cannot give a column it reads;
    TrackingError when there is no such version, InputError when something else is at `out`.
    """
    from neigung.snapshot_writer import write_snapshot_of
    from neigung.tracking.registry import CHAMPION, versions

    reporter = reporter or Reporter()
    study = study if isinstance(study, Study) else Study.load(study)
    profiles = Profiles.open(study.profiles if profiles is None else profiles)
    if version == CHAMPION and not any(CHAMPION in one.aliases for one in versions(study.name)):
        reporter.say(
            f"  Note: study {study.name} has no champion yet, so no contributions are kept. Write "
            "the snapshot again after `neigung promote`."
        )
        version = None
    explained = None if version is None else _version(study, version)
    return write_snapshot_of(
        study, profiles, instant(cutoff, profiles), Path(out), explained, reporter
    )


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
