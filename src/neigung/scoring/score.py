"""Scores of a study's population at one cutoff, with reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.files import replacing
from neigung.models.dataset import feature_query
from neigung.models.unseen import together
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring.batches import ROWS_AT_ONCE, TYPES, BatchNotes, score_batches
from neigung.scoring.cutoffs import instant, opened, parse_cutoff
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.models.version import Version
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
    table = pa.Table.from_pandas(scores, schema=schema, preserve_index=False)
    with replacing(out) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _as_frame(scored: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = scored.to_pandas()
    texts = [name for name in ("band", "recommended_arm") if name in frame]
    frame = frame.astype({"model_version": "int64"} | dict.fromkeys(texts, object))
    if "reasons" in frame:
        frame["reasons"] = pd.Series(scored["reasons"].to_pylist(), dtype=object)
    return frame
