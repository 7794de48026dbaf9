"""The dataset of an offer study: one row per offer, with features from before it.

Offers overlap: a customer may get the next one while the outcome of the last is still watched.
Both rows are kept. The effect is then that of this offer given whatever usually follows it, which
is what a shop gets that goes on as it did; where arms are drawn at random it is estimated without
bias. Leaving out rows because of what came later would not be: whether another offer follows may
itself depend on the arm. How many offers are followed by another within the horizon is noted. Two
offers to one customer at the very same instant cannot be told apart, and both are left out.

The worked example, offers every 10 days, a horizon of 14 days and a test of 20 days from day 60:

    day           0  10  20  30  40  50  60  70  80
    train         x   x   x   x   x
    neither                           x               (its outcome ends on day 64, in the test)
    test                                  t   t
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from neigung.errors import StudyError
from neigung.models.dataset import Dataset, OnStep, as_frame, asked_for, study_features
from neigung.models.offers.assignment import trial_probabilities
from neigung.models.offers.study_offers import start_of_test, study_offers
from neigung.profiles.spine import past_of_pairs
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, Future
from neigung.study import Study
from neigung.study.decision import ArmCost, Decision
from neigung.targets.offer import outcomes

FEW_INSTANTS = 60
LINES_IN_ALL = 300_000_000
"""Features may read everybody's rows at up to so many distinct instants, and as long as these are
up to so many order lines; about five minutes of work on two cores."""

LINES_AT_ONCE = 6_000_000
"""About so many order lines are aggregated at once, each once for every cutoff it precedes."""

_GIVEN = ("offer_id", "arm", "discount_rate", "assignment_probability", "campaign_id")
_OUTCOMES = ("purchase", "value", "gross", "margin")


@dataclass(frozen=True)
class OfferDataset(Dataset):
    """Offers to learn from: whom, when, which arm, what was known before and what came of it.

    Parameters
    ----------
    frame : one row per offer, sorted by cutoff, customer and offer: `customer_id`, `cutoff` (when
        the offer was made), `label` (the study's outcome), `offer_id`, `arm`, `discount_rate` and
        `assignment_probability` (NaN where unknown), `campaign_id` (None where unknown),
        `purchase` (0 or 1), `value` (net), `gross` (net and discount), `margin` (NaN without a
        margin rate; contact costs not taken off), all in the horizon, and the features.
    columns, notes : as in `Dataset`.
    control : the arm that the others are compared with.
    arms : the other arms, by discount rate, then by name.
    rates : their discount rates, 0 for an arm without a discount; None when none is one.
    outcome : what the label is: `purchase`, `value` or `margin`.
    margin_rate : what `margin` was computed with.
    """

    control: str = "none"
    arms: tuple[str, ...] = ()
    rates: Mapping[str, float] | None = None
    outcome: str = "purchase"
    margin_rate: float | None = None

    @property
    def arm(self) -> npt.NDArray[np.object_]:
        """The arm each row got (n,)."""
        return self.frame["arm"].to_numpy(dtype=object)

    @property
    def campaign(self) -> npt.NDArray[np.object_]:
        """The campaign of each row (n,), None where unknown."""
        return self.frame["campaign_id"].to_numpy(dtype=object)

    @property
    def assignment_probability(self) -> npt.NDArray[np.float64]:
        """The chance of the arm that each row got (n,), NaN where unknown."""
        return self._floats("assignment_probability")

    @property
    def dose(self) -> dict[str, float] | None:
        """The rates as a dose that effects may rise with: only if each arm has one of its own.

        >>> rows = OfferDataset(pd.DataFrame(), (), rates={"push": 0.0, "10%": 0.1})
        >>> rows.dose, replace(rows, rates={"5%": 0.05, "10%": 0.1}).dose
        (None, {'5%': 0.05, '10%': 0.1})
        """
        values = list((self.rates or {}).values())
        usable = bool(values) and min(values) > 0 and len(set(values)) == len(values)
        return dict(self.rates or {}) if usable else None

    def chances(self, seed: int) -> pd.DataFrame:
        """The chance of every arm for every row (n, control + arms), rows that sum to 1.

        As recorded, else estimated from these very rows, out of fold. Who gets an arm may change
        from campaign to campaign, so that the campaign counts beside the features. No outcome
        plays a part.
        """
        X, names = self.X, [self.control, *self.arms]
        if self.frame["campaign_id"].nunique() > 1:
            X = X.assign(campaign_id=self.frame["campaign_id"].astype("category"))
        found, _ = trial_probabilities(
            X,
            pd.Index(names).get_indexer(pd.Index(self.arm)),
            self.assignment_probability,
            names,
            pd.factorize(self.groups)[0],
            seed,
        )
        return pd.DataFrame(found, columns=names)

    @property
    def purchase(self) -> npt.NDArray[np.float64]:
        """Whether the customer ordered in the horizon (n,)."""
        return self._floats("purchase")

    @property
    def value(self) -> npt.NDArray[np.float64]:
        """What the customer paid in the horizon (n,), in the shop's currency."""
        return self._floats("value")

    @property
    def gross(self) -> npt.NDArray[np.float64]:
        """The same before discounts (n,)."""
        return self._floats("gross")

    @property
    def margin(self) -> npt.NDArray[np.float64]:
        """What remains of the value after the cost of the goods (n,); NaN without a margin rate."""
        return self._floats("margin")

    def between(self, start: dt.datetime, end: dt.datetime) -> OfferDataset:
        """The offers of start <= cutoff < end; they share the memory of the whole."""
        at = self.frame["cutoff"]
        first, last = (int(at.searchsorted(pd.Timestamp(instant))) for instant in (start, end))
        return replace(self, frame=self.frame.iloc[first:last].reset_index(drop=True))

    def _floats(self, name: str) -> npt.NDArray[np.float64]:
        return self.frame[name].to_numpy(dtype="float64")

    def _repr_html_(self) -> str:
        by_arm = self.frame.groupby("arm").agg(
            offers=("offer_id", "size"),
            customers=("customer_id", "nunique"),
            label_mean=("label", "mean"),
        )
        by_arm = by_arm.reindex([arm for arm in (self.control, *self.arms) if arm in by_arm.index])
        head = f"<p>{len(self):,} offers, {len(self.columns)} features</p>"
        return head + str(by_arm.to_html(float_format="{:.3f}".format))


@dataclass(frozen=True)
class OfferSplits:
    """Which offers train and which test.

    The test are the offers of test_start <= cutoff < test_end. The training are those whose
    outcome was over by `test_start`; those between the two serve neither.
    """

    test_start: dt.datetime
    test_end: dt.datetime
    horizon_days: int

    def train(self, dataset: OfferDataset) -> OfferDataset:
        """The offers whose outcome was over when the test began."""
        newest = self.test_start - dt.timedelta(days=self.horizon_days)
        return dataset.between(dt.datetime.min, newest + dt.timedelta(microseconds=1))

    def test(self, dataset: OfferDataset) -> OfferDataset:
        """The newest offers, of which no model has seen anything."""
        return dataset.between(self.test_start, self.test_end)

    def to_dict(self) -> dict[str, Any]:
        """The spans as ISO strings, for an artefact and its report."""
        newest = self.test_start - dt.timedelta(days=self.horizon_days)
        return {
            "train_until": newest.isoformat(),
            "test_start": self.test_start.isoformat(),
            "test_end": self.test_end.isoformat(),
            "horizon_days": self.horizon_days,
        }


def offer_splits(dataset: OfferDataset, study: Study) -> OfferSplits:
    """Split offers in time so that no outcome is learned from before it was over.

    The test are the offers of the `cutoffs.every_days` days from `cutoffs.last` on. With `latest`
    the test ends with the day of the newest offer of the dataset.

    Raises StudyError when the training or the test lacks offers, or one of the arms.

    >>> days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(0, 80, 10), unit="D")
    >>> frame = pd.DataFrame({"customer_id": "a", "cutoff": days, "label": 0.0,
    ...     "arm": ["none", "10%"] * 4})
    >>> dataset = OfferDataset(frame, (), arms=("10%",))
    >>> study = Study.from_dict({"name": "offers", "profiles": "data/profiles",
    ...     "target": {"kind": "offer", "horizon_days": 14},
    ...     "legal_basis": {"consent": "marketing"},
    ...     "cutoffs": {"last": "2025-03-02", "every_days": 20, "count": 4}})
    >>> splits = offer_splits(dataset, study)
    >>> [f"{day:%m-%d}" for day in splits.train(dataset).cutoffs]
    ['01-01', '01-11', '01-21', '01-31', '02-10']
    >>> [f"{day:%m-%d}" for day in splits.test(dataset).cutoffs]
    ['03-02', '03-12']
    """
    start = start_of_test(study, dataset.frame["cutoff"].max() if len(dataset) else None)
    every = dt.timedelta(days=study.cutoffs.every_days)
    splits = OfferSplits(start, start + every, study.target.horizon_days)
    train, test = splits.train(dataset), splits.test(dataset)
    until = start - dt.timedelta(days=splits.horizon_days)
    spans = (
        (test, "test", f"from {start:%Y-%m-%d} to {splits.test_end:%Y-%m-%d}"),
        (train, "training", f"up to {until:%Y-%m-%d}, whose outcome is over by then"),
    )
    for part, name, span in spans:
        got = part.frame["arm"].value_counts()
        lacking = [arm for arm in (dataset.control, *dataset.arms) if arm not in got.index]
        if lacking:
            found = ", ".join(f"{arm}: {n:,}" for arm, n in got.items()) or "none at all"
            raise StudyError(
                f"Study {study.name}: the {name} needs offers of every arm, but among those {span} "
                f"there is none of {', '.join(lacking)} (found {found}). {_where(dataset)} Move "
                "cutoffs.last, change cutoffs.every_days or count, or leave the arm out with "
                "target.arms."
            )
    return splits


def _where(dataset: OfferDataset) -> str:
    """From when to when each arm was given, for the message that one is missing."""
    if not len(dataset):
        return "No offer lies in the span of the study."
    span = dataset.frame.groupby("arm")["cutoff"].agg(["min", "max"])
    told = [
        f"{arm} from {span['min'][arm]:%Y-%m-%d} to {span['max'][arm]:%Y-%m-%d}"
        for arm in span.index
    ]
    return f"In the span of the study are {'; '.join(told)}."


def build_offer_dataset(
    study: Study,
    profiles: Profiles,
    *,
    also: Sequence[str] = (),
    on_step: OnStep | None = None,
) -> OfferDataset:
    """Features, arms and outcomes of the study's offers.

    Parameters
    ----------
    study : what is offered, to whom and when: target and cutoffs choose the offers, population
        and legal basis the customers, each as they stood just before their offer.
    profiles : the store.
    also : feature columns to compute even if the study does not name them.
    on_step : called after each part with how many are done, and of how many.

    Features that read everybody's rows are left out where the offers have too many instants for
    them (`only_own_rows`). Raises StudyError when the offers, their arms or their probabilities do
    not fit the study, and when training or test lack an arm.
    """
    rows, arms, notes = study_offers(study, profiles)
    bare = rows.assign(label=np.nan)
    offer_splits(OfferDataset(bare, (), control=arms.control, arms=arms.treatments), study)
    parts: list[pa.Table] = []
    query: Callable[[], pa.Table] | None = None
    own_rows_only = only_own_rows(rows["cutoff"], profiles)
    sizes = _batches(rows["cutoff"], profiles, own_rows_only)
    given = pa.Table.from_pandas(rows, schema=_schema(), preserve_index=False)
    for number, (start, size) in enumerate(sizes, start=1):
        batch = given.slice(start, size)
        past = past_of_pairs(profiles, study, profiles.engine.pairs(batch), own_rows_only)
        if query is None:
            features = study_features(study, past, also)
            # Every past stands in the same tables, so one query serves all batches.
            query = profiles.engine.prepared(features.table(past))
        zero = study.orders.count_zero
        future = Future(profiles.tables, past.spine, study.target.horizon_days, zero)
        came = outcomes(future).to_pyarrow()
        joined = batch.join(came, keys=list(KEYS), join_type="inner")
        parts.append(joined.join(query(), keys=list(KEYS), join_type="inner"))
        if on_step:
            on_step(number, len(sizes))
    shown = shows_discounts(profiles)
    table = with_margin(pa.concat_tables(parts), study, arms.rates, shown)
    frame = as_frame(table, features.columns, [*_GIVEN, *_OUTCOMES])
    return OfferDataset(
        frame,
        asked_for(study, features),
        (*features.notes, *notes),
        control=arms.control,
        arms=arms.treatments,
        rates=arms.rates,
        outcome=_outcome(study),
        margin_rate=study.decision.margin_rate,
    )


def only_own_rows(cutoffs: pd.Series[Any], profiles: Profiles) -> bool:
    """Whether these offers have too many instants to read everybody's rows at each of them."""
    instants = cutoffs.nunique()
    return bool(instants > FEW_INSTANTS or instants * _lines(profiles) > LINES_IN_ALL)


def _lines(profiles: Profiles) -> int:
    return int(profiles.table("order_lines").count().to_pyarrow().as_py())


def _batches(
    cutoffs: pd.Series[Any], profiles: Profiles, own_rows_only: bool
) -> list[tuple[int, int]]:
    """Where each batch of rows begins and how many it has, so that memory stays bounded."""
    lines = _lines(profiles)
    most = int(np.clip(LINES_AT_ONCE * profiles.customers() // lines, 1_000, 200_000))
    if own_rows_only:
        return [(start, min(most, len(cutoffs) - start)) for start in range(0, len(cutoffs), most)]
    # Everybody's lines are read once for each instant of a batch.
    together = max(1, LINES_AT_ONCE // lines)
    instant = pd.factorize(cutoffs)[0] // together
    batches = []
    for number in range(int(instant[-1]) + 1):
        first, last = np.searchsorted(instant, [number, number + 1])
        batches += [(start, min(most, last - start)) for start in range(first, last, most)]
    return batches


def _schema() -> pa.Schema:
    text, number = pa.string(), pa.float64()
    kinds = dict(zip(_GIVEN, (text, text, number, number, text), strict=True))
    return pa.schema({"customer_id": text, "cutoff": pa.timestamp("us"), **kinds})


def with_margin(
    rows: pa.Table, study: Study, rates: Mapping[str, float] | None, shown: bool
) -> pa.Table:
    """The rows with `margin` and `label`; where order lines do not show discounts, with `gross`.

    Net values are what was paid. Where no `discount_value` stands beside them (`shown`), the price
    before the discount follows from what the row's arm gave away: its cost in the study, or its
    rate among `rates`.
    """
    if not shown:
        rows = _before_discounts(rows, study.decision, rates or {})
    value, gross = rows["value"].to_numpy(), rows["gross"].to_numpy()
    rate = study.decision.margin_rate
    margin = np.full(len(value), np.nan) if rate is None else value - (1 - rate) * gross
    rows = rows.append_column("margin", pa.array(margin))
    return rows.append_column("label", rows[_outcome(study)])


def _before_discounts(rows: pa.Table, decision: Decision, rates: Mapping[str, float]) -> pa.Table:
    value = rows["value"].to_numpy()
    gross = value.copy()
    arms = np.array(rows["arm"].to_pylist(), dtype=object)
    for arm in {*rates, *decision.cost}:
        cost = decision.cost.get(arm, ArmCost(rate=rates.get(arm, 0.0)))
        redeemed = (arms == arm) & (rows["purchase"].to_numpy() > 0)
        gross[redeemed] += cost.amount
        if cost.rate < 1:  # what is free has no price to be told from
            gross[redeemed] /= 1 - cost.rate
    position = rows.schema.get_field_index("gross")
    return rows.set_column(position, "gross", pa.array(gross))


def shows_discounts(profiles: Profiles) -> bool:
    """Whether the order lines say what was given away."""
    return "discount_value" in profiles.table("order_lines").columns


def _outcome(study: Study) -> str:
    assert study.target.kind == "offer"
    return study.target.outcome
