"""Features, scores, reasons, offers and snapshots of a study's population at one cutoff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.batch_scoring import ROWS_AT_ONCE, TYPES, BatchNotes, score_batches
from neigung.decision import Decision
from neigung.errors import InputError, StudyError
from neigung.feature_file import write_features
from neigung.files import refuse_place, replacing, replacing_folder
from neigung.models.dataset import build_features, feature_query
from neigung.models.unseen import together
from neigung.profiles.age import tell_age
from neigung.profiles.engine import DistributedEngine
from neigung.profiles.quality import open_sound
from neigung.profiles.sources.spark_session import is_of_spark
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import latest_cutoff
from neigung.progress import Reporter
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.decisions.offers import OfferPlan
    from neigung.features.feature import Column
    from neigung.models.dataset import Dataset
    from neigung.models.version import Version
    from neigung.snapshot import Snapshot
    from neigung.tracking.registry import VersionInfo


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
    parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    artefact, info = version_of(study, version)
    profiles = opened(study, profiles, cutoff, reporter)
    with reporter.task("Features"), profiles.reading():
        names = [column.name for column in artefact.columns]
        query = feature_query(
            study, profiles, instant(cutoff, profiles, study, reporter), names=names
        )
        rows = profiles.engine.prepared(query.table.order_by("customer_id"))()
    notes: list[BatchNotes] = []
    with reporter.task("Scores") as tick:
        parts = []
        batches = rows.combine_chunks().to_batches(max_chunksize=ROWS_AT_ONCE)
        for scored in score_batches(batches, artefact, info.version, reasons, notes.append):
            parts.append(_as_frame(scored))
            tick(sum(map(len, parts)), len(rows))
    say_notes(notes, artefact, reporter)
    return pd.concat(parts, ignore_index=True)


def say_notes(notes: Sequence[BatchNotes], artefact: Version, reporter: Reporter) -> None:
    """Say once what is to be told about all batches.

    Raises InputError where the model knows none of the values of a column of categories.
    """
    unknown = together(one.unknown for one in notes)
    artefact.require_known(unknown)
    many = artefact.many_unknown(unknown)
    for one in unknown.values():
        if one.count:
            what = "Doubtful" if one in many else "Note"
            worse = ", more than in the test" if one in many else ""
            reporter.say(f"  {what}: {one.text}{worse}; they count as missing.")
    slow = sum(one.slow for one in notes)
    if slow:
        reporter.say(
            f"  Note: the reasons of {slow} customers took longer: the quick way to compute them "
            "did not agree with LightGBM's own, which was taken."
        )


def _as_frame(scored: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = scored.to_pandas()
    texts = [name for name in ("band", "recommended_arm") if name in frame]
    frame = frame.astype({"model_version": "int64"} | dict.fromkeys(texts, object))
    if "reasons" in frame:
        frame["reasons"] = pd.Series(scored["reasons"].to_pylist(), dtype=object)
    return frame


def version_of(study: Study, version: int | str) -> tuple[Version, VersionInfo]:
    """A version that still answers the study; raises as `score` does."""
    from neigung.models.artefact import check_question
    from neigung.tracking.registry import load

    artefact, info = load(study.name, version)
    check_question(study, artefact, info.version)
    return artefact, info


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
    from neigung.models.offers.artefact import as_offers

    reporter = reporter or Reporter()
    check_limits(budget, revenue_target)
    parse_cutoff(cutoff)
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
    found, info = version_of(study, version)
    artefact = as_offers(found)
    profiles = opened(study, profiles, cutoff, reporter)
    with reporter.task("Features"), profiles.reading():
        names = [column.name for column in artefact.columns]
        at = instant(cutoff, profiles, study, reporter)
        dataset = build_features(study, profiles, at, names=names)
    say_notes([BatchNotes(artefact.unknown(dataset.X))], artefact, reporter)
    if Decision(**artefact.study["decision"]) != study.decision:
        reporter.say(
            "  Note: the study's decision is another one than at the training; offers follow the "
            "new one, the recommended arms of `neigung score` the old one."
        )
    if info.tags.get("beats_baseline") != "true":
        reporter.say(f"  Note: version {info.version} was not proven. {info.tags.get('verdict')}")
    with reporter.task("Offers"):
        plan = plan_offers(
            dataset.X, artefact.model, study.decision, budget=budget, revenue_target=revenue_target
        )
    keys = dataset.frame[["customer_id", "cutoff"]].assign(model_version=info.version)
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
    reporter = reporter or Reporter()
    parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    profiles = opened(study, profiles, cutoff, reporter)
    with reporter.task("Features"), profiles.reading():
        return build_features(study, profiles, instant(cutoff, profiles, study, reporter))


def features_to(
    study: Study | Path | str,
    out: Path,
    cutoff: dt.datetime | str = "latest",
    *,
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> WrittenFeatures:
    """Write what `features` gives to a Parquet file, batch by batch, whole or not at all.

    On Spark `out` becomes a folder of Parquet files, each written by the executor that computed
    it, in no particular order; one that holds anything else is left alone.

    Raises as `features` does, and InputError when `out` cannot be written.
    """
    reporter = reporter or Reporter()
    at = parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    location = study.profiles if profiles is None else profiles
    if not (isinstance(location, Profiles) or is_of_spark(location)):
        refuse_place(out)
    profiles = opened(study, location, cutoff, reporter)
    engine = profiles.engine
    (refuse_folder_of_parts if isinstance(engine, DistributedEngine) else refuse_place)(out)
    with reporter.task("Features") as tick, profiles.reading():
        query = feature_query(study, profiles, at or instant(cutoff, profiles, study, reporter))
        if isinstance(engine, DistributedEngine):
            with replacing_folder(out) as parts:
                engine.write(query.table, parts)
        else:
            write_features(query, profiles, out, ROWS_AT_ONCE, tick)
    return WrittenFeatures(query.rows, query.columns, query.notes)


@dataclass(frozen=True)
class WrittenFeatures:
    """What was written: for how many customers, which columns, and what was left out."""

    rows: int
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def refuse_folder_of_parts(folder: Path) -> None:
    """Raise InputError where no folder of parts can be written without loss."""
    others = [path.name for path in folder.glob("*") if not path.name.startswith("part-")]
    if others or (folder.exists() and not folder.is_dir()):
        raise InputError(
            f"A folder for the parts of the file is needed, but {folder} "
            f"{f'holds other files ({others[0]})' if others else 'is a file'}. Name another one."
        )


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
    parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    profiles = opened(study, profiles, cutoff, reporter)
    if version == CHAMPION and not any(CHAMPION in one.aliases for one in versions(study.name)):
        reporter.say(
            f"  Note: study {study.name} has no champion yet, so no contributions are kept. Write "
            "the snapshot again after `neigung promote`."
        )
        version = None
    explained = None if version is None else version_of(study, version)
    return write_snapshot_of(
        study, profiles, instant(cutoff, profiles, study, reporter), Path(out), explained, reporter
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


def opened(
    study: Study,
    profiles: Profiles | Path | str | None,
    cutoff: dt.datetime | str,
    reporter: Reporter,
) -> Profiles:
    """The profiles, or without any the study's own, refused where they would give wrong numbers.

    Orders far from all others move a `latest` cutoff only, so that for another one they are told.
    """
    return open_sound(
        study.profiles if profiles is None else profiles,
        latest=parse_cutoff(cutoff) is None,
        trusted=study.cutoffs.trust_dates,
        say=reporter.say,
    )


def instant(
    cutoff: dt.datetime | str,
    profiles: Profiles,
    study: Study | None = None,
    reporter: Reporter | None = None,
) -> dt.datetime:
    """A cutoff from a date, a time, or `latest`: the newest midnight the data reach (UTC).

    With `latest` the reporter is told how old the data are. Raises InputError when it is none of
    these, and StudyError when the data are older than the study allows.
    """
    given = parse_cutoff(cutoff)
    if given is not None:
        return given
    _, last = profiles.span(study is not None and study.cutoffs.trust_dates)
    if study is not None:
        tell_age(study, last, reporter or Reporter())
    return latest_cutoff(last, horizon_days=0)


def parse_cutoff(cutoff: dt.datetime | str) -> dt.datetime | None:
    """The instant that is written there, UTC without a zone; None for `latest`.

    Raises InputError as `instant` does, but needs no data.

    >>> parse_cutoff("2025-03-01T02:00:00+02:00")
    datetime.datetime(2025, 3, 1, 0, 0)
    """
    if cutoff == "latest":
        return None
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


def _write(table: pa.Table, out: Path) -> None:
    with replacing(out) as temporary:
        pq.write_table(table, temporary, compression="zstd")
