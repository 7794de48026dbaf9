"""The second look at time: re-derives from the finished tables that no future reached the past.

It shares nothing with `profiles.timeline`: the tables are cut with their own conditions, features
and labels are built again from what is left, and every number must be the same.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.api.types import is_float_dtype

from neigung.errors import LeakageError
from neigung.models.dataset import Dataset, as_frame, label_rows, study_features
from neigung.models.offers.dataset import (
    OfferDataset,
    OfferSplits,
    only_own_rows,
    shows_discounts,
    with_margin,
)
from neigung.models.splits import Splits
from neigung.profiles.sample import Sample
from neigung.profiles.spine import build_past, eligible, past_of_pairs
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Future
from neigung.study import Study
from neigung.targets.offer import outcomes

MOST_ROWS = 2_000
"""So many offers are looked at again at either end of time."""

_KEYS = ["customer_id", "cutoff"]


def check_leakage(dataset: Dataset, splits: Splits, study: Study, profiles: Profiles) -> None:
    """Refuse a dataset in which the future reached the past; costs two cutoffs' features.

    Raises LeakageError when a training outcome ends after the cutoff it is
    judged at; when a feature of the oldest or the newest cutoff changes once everything is
    deleted that happened or became known at or after it; or when a label changes once everything
    is deleted that happened before the cutoff or after its horizon, but for which orders had begun.
    """
    check_splits(splits, study.target.horizon_days)
    for cutoff in sorted({dataset.cutoffs[0], splits.test}):
        kept = dataset.at(cutoff).frame
        where = f"at the cutoff {cutoff:%Y-%m-%d}"
        sample = None if dataset.sampling is None else dataset.sampling.at(cutoff)
        again = _from_the_past(dataset, study, profiles, cutoff, sample)
        _compare(kept.drop(columns="label"), again, where)
        _compare(kept[[*_KEYS, "label"]], _labels(study, profiles, cutoff, sample), where)


def check_splits(splits: Splits, horizon_days: int) -> None:
    """Raise LeakageError when an outcome overlaps the cutoff it must precede."""
    horizon = pd.Timedelta(days=horizon_days)
    pairs = [(cutoff, splits.test) for cutoff in splits.train]
    pairs += [(cutoff, fold.validation) for fold in splits.folds for cutoff in fold.train]
    for early, late in pairs:
        if pd.Timestamp(early) + horizon > pd.Timestamp(late):
            raise LeakageError(
                f"The outcome of the cutoff {early:%Y-%m-%d} ends after the cutoff "
                f"{late:%Y-%m-%d} it must precede (horizon {horizon_days} days). Nothing was "
                "trained."
            )


def check_offer_leakage(
    dataset: OfferDataset, splits: OfferSplits, study: Study, profiles: Profiles
) -> None:
    """Refuse offers into which the future reached; costs the features of a few thousand offers.

    Raises LeakageError when a training outcome ends after the test begins; when one of the oldest
    or newest offers is not in the table offers as it stands in the dataset; when one of their
    features, or the reason to have them in the dataset at all, changes once everything is deleted
    that happened or became known at or after them; or when an outcome changes once everything is
    deleted that happened before them or after their horizon.
    """
    _check_offer_splits(dataset, splits, study.target.horizon_days)
    frame = dataset.frame
    own_rows_only = only_own_rows(frame["cutoff"], profiles)
    for end in ("oldest", "newest"):
        keep: Any = "first" if end == "oldest" else "last"
        rows = frame.drop_duplicates("customer_id", keep=keep)
        if not own_rows_only:  # all of one instant, so that everybody's rows can be cut there
            instant = frame["cutoff"].iloc[0 if end == "oldest" else -1]
            rows = rows[rows["cutoff"] == instant]
        rows = rows.head(MOST_ROWS) if end == "oldest" else rows.tail(MOST_ROWS)
        _check_offers(dataset, rows.reset_index(drop=True), study, profiles, end, own_rows_only)


def _check_offer_splits(dataset: OfferDataset, splits: OfferSplits, horizon_days: int) -> None:
    learned = splits.train(dataset).frame["cutoff"].max() + pd.Timedelta(days=horizon_days)
    tested = splits.test(dataset).frame["cutoff"].min()
    if learned > min(pd.Timestamp(splits.test_start), tested):
        raise LeakageError(
            f"The newest training outcome ends on {learned:%Y-%m-%d %H:%M}, after the test begins "
            f"on {splits.test_start:%Y-%m-%d %H:%M} (horizon {horizon_days} days). Nothing was "
            "trained."
        )


def _check_offers(
    dataset: OfferDataset,
    rows: pd.DataFrame,
    study: Study,
    profiles: Profiles,
    end: str,
    own_rows_only: bool,
) -> None:
    """Compare offers, one of each customer, with what a store tells that is cut at each of them."""
    where = f"among the {end} offers, around {rows['cutoff'].iloc[0]:%Y-%m-%d},"
    asked = pa.Table.from_pandas(rows[_KEYS], preserve_index=False)
    pairs = profiles.engine.hold("offers_again", profiles.engine.pairs(asked))
    given = profiles.table("offers").semi_join(
        pairs, [("customer_id", "customer_id"), ("occurred_at", "cutoff")]
    )
    given = given.select("customer_id", "offer_id", "arm", cutoff=given.occurred_at)
    told = ["offer_id", "arm"]
    found = given.distinct().to_pandas().astype({"cutoff": "M8[us]"})
    unknown = len(rows) - len(rows[[*_KEYS, *told]].merge(found))
    if unknown:
        raise LeakageError(
            f"{where[0].upper()}{where[1:]} {unknown} of {len(rows)} are not in the table offers "
            "with this customer, instant and arm. Nothing was trained."
        )

    horizon = dt.timedelta(days=study.target.horizon_days)
    if own_rows_only:
        before, after = _cut_each(profiles, pairs, None), _cut_each(profiles, pairs, horizon)
    else:
        instant = rows["cutoff"].iloc[0].to_pydatetime()
        before = _cut(profiles, None, instant, known=True)
        after = _cut(profiles, instant, instant + horizon, known=False)

    past = past_of_pairs(before, study, eligible(before, study, pairs), own_rows_only)
    results = ["label", "purchase", "value", "gross", "margin"]
    at_hand = ["discount_rate", "assignment_probability", "campaign_id"]
    computed = rows.columns.difference([*_KEYS, *told, *at_hand, *results], sort=False)
    features = study_features(study, past, also=list(computed))
    again = profiles.engine.prepared(features.table(past))()
    again = again.append_column("label", again["cutoff"])
    names = [column.name for column in features.columns if column.name in rows.columns]
    _compare(rows[[*_KEYS, *names]], as_frame(again, features.columns), where)

    days, zero = study.target.horizon_days, study.orders.count_zero
    future = Future(after.tables, pairs, days, zero, _lines_before(profiles, pairs))
    came = outcomes(future).to_pyarrow()
    schema = pa.schema(
        [(key, came.schema.field(key).type) for key in _KEYS] + [("arm", pa.string())]
    )
    arms = pa.Table.from_pandas(rows[[*_KEYS, "arm"]], schema=schema, preserve_index=False)
    came = came.join(arms, keys=_KEYS, join_type="inner")
    came = with_margin(came, study, dataset.rates, shows_discounts(profiles))
    frame = as_frame(came, (), results[1:])
    _compare(rows[[*_KEYS, *results]], frame, where)


def _cut_each(profiles: Profiles, pairs: ir.Table, horizon: dt.timedelta | None) -> Profiles:
    """The store of the customers of `pairs`, each cut at their own instant.

    Without a horizon, what had happened and was known before it; with one, what happened from
    then until the horizon was over.
    """
    tables = {}
    for name, table in profiles.tables.items():
        if name == "labels":
            continue
        cut = table.inner_join(pairs, "customer_id")
        if horizon is None:
            kept = (cut.occurred_at < cut.cutoff) & (cut.known_at < cut.cutoff)
        else:
            end = cut.cutoff + ibis.interval(days=horizon.days)
            kept = (cut.occurred_at >= cut.cutoff) & (cut.occurred_at < end)
        tables[name] = cut.filter(kept).select(table.columns)
    return Profiles(profiles.location, profiles.engine, tables, profiles.said)


def _lines_before(profiles: Profiles, pairs: ir.Table) -> ir.Table:
    """The order lines of the customers of `pairs` before their own instant.

    They come back to the future that is cut from the store for one thing: to tell which of its
    orders had begun.
    """
    lines = profiles.table("order_lines")
    found = lines.inner_join(pairs, "customer_id")
    return found.filter(found.occurred_at < found.cutoff).select(lines.columns)


def _cut(profiles: Profiles, start: dt.datetime | None, end: dt.datetime, known: bool) -> Profiles:
    """The store without the rows outside of start <= occurred_at < end (and known before it)."""
    tables = {}
    for name, table in profiles.tables.items():
        if "occurred_at" in table.columns and name != "labels":
            inside = table.occurred_at < end
            if start is not None:
                inside = inside & (table.occurred_at >= start)
            if known:
                inside = inside & (table.known_at < end)
            table = table.filter(inside)
        tables[name] = table
    return Profiles(profiles.location, profiles.engine, tables, profiles.said)


def _from_the_past(
    dataset: Dataset, study: Study, profiles: Profiles, cutoff: dt.datetime, sample: Sample | None
) -> pd.DataFrame:
    profiles = _cut(profiles, None, cutoff, known=True)
    past = build_past(profiles, study, cutoff, sample)
    computed = [
        name for name in dataset.frame.columns if name not in ("customer_id", "cutoff", "label")
    ]
    features = study_features(study, past, also=computed)
    rows = profiles.engine.prepared(features.table(past))()
    rows = rows.append_column("label", rows["cutoff"])
    return as_frame(rows, features.columns).drop(columns="label")


def _labels(
    study: Study, profiles: Profiles, cutoff: dt.datetime, sample: Sample | None
) -> pd.DataFrame:
    past = build_past(_cut(profiles, None, cutoff, known=True), study, cutoff, sample)
    end = cutoff + dt.timedelta(days=study.target.horizon_days)
    begun = _cut(profiles, None, cutoff, known=False).table("order_lines")
    rows = label_rows(study, _cut(profiles, cutoff, end, known=False), past, begun)
    return as_frame(rows, ())


def _compare(found: pd.DataFrame, again: pd.DataFrame, where: str) -> None:
    if not found[_KEYS].equals(again[_KEYS]):
        only = set(found["customer_id"]) ^ set(again["customer_id"])
        raise LeakageError(
            f"{where[0].upper()}{where[1:]} other customers are found once the future is deleted "
            f"({len(only)} differ). Nothing was trained."
        )
    for name in found.columns.drop(_KEYS):
        differs = _differ(found[name], again[name])
        if differs.any():
            raise LeakageError(
                f"The column {name} leaks: {where} it differs for {int(differs.sum())} of "
                f"{len(found)} customers from what is found when all that the other side of the "
                "cutoff holds is deleted. Nothing was trained."
            )


def _differ(left: pd.Series[Any], right: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    if is_float_dtype(left) and is_float_dtype(right):
        # Threads add the floats of a user's own feature in another order each time.
        return ~np.isclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True)
    left, right = left.astype(object), right.astype(object)
    return np.asarray((left != right) & ~(left.isna() & right.isna()), dtype=bool)
