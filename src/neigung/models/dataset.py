"""The dataset of a study: features and labels at its cutoffs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from neigung.errors import StudyError
from neigung.features.feature import Column
from neigung.features.library import library, load_user_features
from neigung.features.sources import SPLIT_LINES
from neigung.features.table import FeatureSet
from neigung.language import Message
from neigung.models.cutoffs import end_of, study_cutoffs
from neigung.models.sampling import Sampling, draw
from neigung.profiles.nobody import why_nobody
from neigung.profiles.sample import Sample
from neigung.profiles.spine import build_past, rows_of
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, Future, Past
from neigung.study import Study
from neigung.targets.target import label, reference

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from or to predict for.

    Parameters
    ----------
    frame : one row per customer and cutoff, sorted by cutoff and customer: `customer_id`,
        `cutoff`, `label` (1.0 or 0.0; missing when nothing was watched) and the features, numbers
        as float64 and categories as pandas categories.
    columns : the columns a model reads, in order; the frame may hold more, for baselines.
    notes : which features were left out, and why.
    sampling : whom it holds of all there are, None for everybody.
    """

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    sampling: Sampling | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def X(self) -> pd.DataFrame:
        """The columns a model reads (n, p)."""
        return self.frame[[column.name for column in self.columns]]

    @property
    def y(self) -> npt.NDArray[np.float64]:
        """The labels (n,)."""
        return self.frame["label"].to_numpy(dtype="float64")

    @property
    def groups(self) -> npt.NDArray[np.object_]:
        """The customer of each row (n,): rows of one customer are no independent draws."""
        return self.frame["customer_id"].to_numpy(dtype=object)

    @property
    def cutoffs(self) -> tuple[dt.datetime, ...]:
        """The cutoffs, oldest first."""
        return tuple(stamp.to_pydatetime() for stamp in sorted(self.frame["cutoff"].unique()))

    def at(self, *cutoffs: dt.datetime) -> Dataset:
        """The rows of some cutoffs; those of neighbours share the memory of the whole."""
        rows = np.flatnonzero(self.frame["cutoff"].isin(list(cutoffs)))
        together = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
        chosen: Any = slice(rows[0], rows[-1] + 1) if together else rows
        return replace(self, frame=self.frame.iloc[chosen].reset_index(drop=True))

    def _repr_html_(self) -> str:
        by_cutoff = self.frame.groupby("cutoff").agg(
            customers=("customer_id", "nunique"), label_mean=("label", "mean")
        )
        head = f"<p>{len(self):,} rows, {len(self.columns)} features</p>"
        return head + str(by_cutoff.to_html(float_format="{:.3f}".format))


def study_features(study: Study, past: Past, also: Sequence[str] = ()) -> FeatureSet:
    """The features a study asks for, and `also` some more, as far as the store has them."""
    own = load_user_features(study.my_features) if study.my_features else ()
    wanted = None if study.features == "all" else [*study.features, *also]
    chosen = FeatureSet.select([*library(past), *own], wanted, past)
    return _of_own_rows(study, chosen) if past.own_rows_only else chosen


def _of_own_rows(study: Study, chosen: FeatureSet) -> FeatureSet:
    """Without the features that read other customers' rows, and what is computed from them."""
    lost: list[str] = []
    for one in chosen.features:  # ingredients come before what combines them
        if one.source.of_everyone or any(part in lost for part in one.of):
            lost.append(one.name)
    columns = tuple(column for column in chosen.columns if column.feature not in lost)
    told = dict.fromkeys(column.feature for column in chosen.columns if column.feature in lost)
    if not told:
        return chosen
    reason = Message.counted(
        "1 feature left out: they read everybody's rows at each instant, of which the offers have "
        "too many ({names:some})",
        "{n} features left out: they read everybody's rows at each instant, of which the offers "
        "have too many ({names:some})",
        n=len(told),
        names=[*told],
    )
    if not columns:
        raise StudyError(f"Study {study.name}: no feature is left; {reason}. Name other features.")
    features = tuple(one for one in chosen.features if one.name not in lost)
    return FeatureSet(features, columns, (*chosen.notes, reason))


def build_dataset(
    study: Study,
    profiles: Profiles,
    *,
    also: Sequence[str] = (),
    on_step: OnStep | None = None,
) -> Dataset:
    """Features and labels of the study's population at all its cutoffs.

    Parameters
    ----------
    study : what is predicted, for whom and when.
    profiles : the store.
    also : feature columns to compute even if the study does not name them.
    on_step : called after each cutoff with how many are done, and of how many.

    Raises StudyError when a cutoff has nobody to predict for, the target lacks its table, or the
    study is of offers, which have cutoffs of their own: see `offers.dataset`.
    """
    if study.target.kind == "offer":
        raise StudyError(
            f"Study {study.name}: each offer has a cutoff of its own. Build its dataset with "
            "build_offer_dataset."
        )
    cutoffs = study_cutoffs(study, profiles)
    sampling = draw(study, profiles, cutoffs)
    whole = profiles.tables
    # Nothing of this past is computed: it only tells which features there are.
    features = study_features(study, Past(whole, whole["order_lines"], study.retention_days), also)
    parts = []
    for rows in rows_by_cutoff(study, profiles, features, cutoffs, sampling):
        parts.append(rows)
        if on_step:
            on_step(len(parts), len(cutoffs))
    return Dataset(
        as_frame(pa.concat_tables(parts), features.columns),
        asked_for(study, features),
        (*features.notes, *(() if sampling is None else sampling.notes())),
        sampling,
    )


def rows_by_cutoff(
    study: Study,
    profiles: Profiles,
    features: FeatureSet,
    cutoffs: Sequence[dt.datetime],
    sampling: Sampling | None = None,
) -> Iterator[pa.Table]:
    """The rows of one cutoff after the other: `customer_id`, `cutoff`, features and `label`.

    What the cutoffs share is computed once, and held until the last. Raises StudyError when a
    cutoff has nobody to predict for.
    """
    samples = [None if sampling is None else sampling.at(cutoff) for cutoff in cutoffs]
    with profiles.engine.holding():
        tables = {
            sample: _shared(study, profiles, features, sample)
            if samples.count(sample) > 1
            else profiles.tables
            for sample in dict.fromkeys(samples)
        }
        queries: dict[Sample | None, Callable[[], pa.Table]] = {}
        for cutoff, sample in zip(cutoffs, samples, strict=True):
            past = build_past(profiles, study, cutoff, sample, tables[sample])
            if sample not in queries:
                # Every past stands in the same tables, so one query serves all cutoffs.
                of_any_cutoff = replace(past, cutoff=None) if samples.count(sample) > 1 else past
                queries[sample] = profiles.engine.prepared(features.table(of_any_cutoff))
            rows = queries[sample]()
            rows = rows.join(label_rows(study, profiles, past), keys=list(KEYS), join_type="inner")
            if not rows.num_rows:
                raise StudyError(why_nobody(study, profiles, cutoff, sample))
            yield rows


def _shared(
    study: Study, profiles: Profiles, features: FeatureSet, sample: Sample | None
) -> Mapping[str, ir.Table]:
    """What many cutoffs of the same customers read, held for all of them."""
    tables = profiles.tables if sample is None else rows_of(profiles, sample)
    past = Past(
        tables,
        tables["order_lines"],
        study.retention_days,
        zero_orders=study.orders.count_zero,
    )
    return features.shared(past, profiles.engine)


def asked_for(study: Study, features: FeatureSet) -> tuple[Column, ...]:
    """The columns that the study asks for, without those computed for others' sake."""
    wanted = study.features
    return tuple(
        c for c in features.columns if wanted == "all" or c.name in wanted or c.feature in wanted
    )


@dataclass(frozen=True)
class FeatureQuery:
    """The features of a population at one cutoff, not yet computed.

    Parameters
    ----------
    table : `customer_id`, `cutoff` and the columns, a row for each customer, in no particular
        order: to collect, or to stream with `Profiles.engine.batches`. It reads temporary tables
        of the store's engine, which the next query of that engine replaces.
    columns : the feature columns, in order.
    notes : which features were left out, and why.
    rows : how many rows it has.
    """

    table: ir.Table
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    rows: int


def feature_query(
    study: Study,
    profiles: Profiles,
    cutoff: dt.datetime,
    names: Sequence[str] | None = None,
    sample: Sample | None = None,
) -> FeatureQuery:
    """Features at one cutoff, lazily: whom to predict for is known, their features are a query.

    `names` asks for these columns instead of the study's, `sample` for some customers. Raises
    StudyError when the cutoff lies outside of the data, has nobody to predict for, or the store
    cannot give a named column.
    """
    first, last = profiles.span(study.cutoffs.trust_dates)
    if not first < cutoff <= end_of(last):
        side, advice = ("before", "a later") if cutoff <= first else ("after", "an earlier")
        raise StudyError(
            f"Study {study.name}: the cutoff {cutoff:%Y-%m-%d %H:%M} lies {side} the data, whose "
            f"orders span {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}. Choose {advice} one, "
            "or 'latest'."
        )
    past = build_past(profiles, study, cutoff, sample)
    features = study_features(study, past) if names is None else _named(names, study, past)
    rows = int(past.spine.count().to_pyarrow().as_py())
    if not rows:
        raise StudyError(why_nobody(study, profiles, cutoff, sample))
    return FeatureQuery(features.table(past), features.columns, features.notes, rows)


def build_features(
    study: Study,
    profiles: Profiles,
    cutoff: dt.datetime,
    *,
    names: Sequence[str] | None = None,
    sample: Sample | None = None,
) -> Dataset:
    """Features at one cutoff, without labels: to score with, or to look at.

    Arguments and errors are those of `feature_query`.
    """
    query = feature_query(study, profiles, cutoff, names, sample)
    rows = profiles.engine.prepared(query.table)()
    rows = rows.append_column("label", pa.nulls(rows.num_rows, pa.float64()))
    return Dataset(as_frame(rows, query.columns), query.columns, query.notes)


def _named(names: Sequence[str], study: Study, past: Past) -> FeatureSet:
    """The features of these columns, in their order; raises StudyError when some are not there."""
    available = study_features(study.model_copy(update={"features": "all"}), past)
    by_name = {column.name: column for column in available.columns}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise StudyError(
            f"Study {study.name}: the model needs {', '.join(missing)}, which this store and "
            f"study cannot give. Add what is missing to the store (it has "
            f"{', '.join(past.tables)}) or to my_features, or train again without."
        )
    chosen = study_features(study.model_copy(update={"features": tuple(names)}), past)
    return replace(chosen, columns=tuple(by_name[name] for name in names))


def label_rows(
    study: Study, profiles: Profiles, past: Past, older: ir.Table | None = None
) -> pa.Table:
    """The labels of the rows of one past.

    All that is known of the past here is the reference, and `older`, which tells the orders that
    had begun (see `Future`): without it, the lines of orders that do not lie at one instant, where
    the past holds them, or else all order lines.
    """
    older = past.tables.get(SPLIT_LINES) if older is None else older
    rows, days = reference(past, study.target), study.target.horizon_days
    future = Future(profiles.tables, rows, days, study.orders.count_zero, older)
    return label(future, study.target).to_pyarrow()


def as_frame(rows: pa.Table, columns: Sequence[Column], more: Sequence[str] = ()) -> pd.DataFrame:
    """Arrow rows as a frame in a fixed order of rows and columns; `more` follow the label."""
    frame: pd.DataFrame = rows.to_pandas()
    frame["customer_id"] = frame["customer_id"].astype(str)
    frame["cutoff"] = frame["cutoff"].astype("datetime64[us]")
    for column in columns:
        if column.kind == "category":
            values = frame[column.name].astype(object)
            frame[column.name] = pd.Categorical(values, sorted(values.dropna().unique()))
    frame = frame.sort_values(list(KEYS)[::-1], ignore_index=True)
    return frame[[*KEYS, "label", *more, *(column.name for column in columns)]]
