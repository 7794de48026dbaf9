"""Which offers a study learns from and is tested on, before anything is computed of them."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa

from neigung.errors import StudyError
from neigung.language import Message
from neigung.models.cutoffs import end_of
from neigung.profiles.spine import eligible
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, is_over, latest_cutoff
from neigung.study import Study
from neigung.targets.offer import Arms, find_arms, offers_of


def study_offers(study: Study, profiles: Profiles) -> tuple[pd.DataFrame, Arms, tuple[str, ...]]:
    """The offers that a study learns from and is tested on, without features and outcomes.

    Returns a frame of `customer_id`, `cutoff`, `offer_id`, `arm`, `discount_rate`,
    `assignment_probability` and `campaign_id`, sorted by cutoff and customer, the arms, and notes
    on what was left out. Raises StudyError as `build_offer_dataset` does.
    """
    offers = offers_of(study, profiles.tables)
    arms = find_arms(study, offers)
    notes: list[str] = []
    together = offers.group_by(*KEYS).agg(n=offers.count())
    ambiguous = together.filter(together.n > 1)
    offers = offers.anti_join(ambiguous, KEYS)
    dropped = int(ambiguous.n.sum().to_pyarrow().as_py() or 0)
    if dropped:
        notes.append(
            Message(
                "{offers:,} offers left out: their customer got another one at the very same "
                "instant.",
                offers=dropped,
            )
        )
        if not offers.count().to_pyarrow().as_py():
            raise StudyError(
                f"Study {study.name}: no offer is left; {notes[0]} Give each its own instant."
            )
    offers = offers.filter(offers.arm.isin([arms.control, *arms.treatments]))
    fit = eligible(profiles, study, offers)
    flagged = offers.left_join(fit.mutate(fit=True), KEYS)
    flagged = flagged.select(*offers.columns, fit=flagged.fit.fill_null(False))
    rows = _as_rows(flagged.to_pyarrow())
    rows = _in_span(study, rows, profiles.span(study.cutoffs.trust_dates)[1])
    outside = int((~rows["fit"]).sum())
    if outside:
        notes.append(
            Message(
                "{offers:,} of {all:,} offers left out: just before the offer the customer was not "
                "in the population or not covered by the legal basis.",
                offers=outside,
                all=len(rows),
            )
        )
    rows = rows[rows["fit"]].drop(columns="fit").reset_index(drop=True)
    rows, more = _comparable(rows, arms)
    notes += more
    rows, more = _known_chances(rows, arms)
    notes += more
    return rows, arms, (*notes, *_remarks(study, rows, arms))


def _as_rows(table: pa.Table) -> pd.DataFrame:
    rows: pd.DataFrame = table.to_pandas()
    rows["cutoff"] = rows["cutoff"].astype("datetime64[us]")
    return rows.sort_values(["cutoff", "customer_id"], ignore_index=True)


def _in_span(study: Study, rows: pd.DataFrame, last_order: dt.datetime) -> pd.DataFrame:
    """The offers from the oldest that the study uses to the end of its test."""
    horizon = study.target.horizon_days
    newest = latest_cutoff(last_order, horizon)
    over = rows[(rows["cutoff"] <= newest) & rows["fit"]]
    if study.cutoffs.last == "latest":
        if over.empty:
            first = f"{rows['cutoff'].min():%Y-%m-%d}" if len(rows) else "never"
            raise StudyError(
                f"Study {study.name}: offers are needed whose horizon of {horizon} days is over, "
                f"to customers in the population and covered by the legal basis; found none. The "
                f"first of {len(rows):,} offers is of {first}, the last order of "
                f"{last_order:%Y-%m-%d %H:%M}. Add newer orders, lower target.horizon_days, or "
                "check population and legal_basis."
            )
        start = start_of_test(study, over["cutoff"].max())
        rows = rows[rows["cutoff"] <= newest]
    else:
        start = study.cutoffs.last
    every = dt.timedelta(days=study.cutoffs.every_days)
    oldest = start - every * (study.cutoffs.count - 1)
    everywhen = rows["cutoff"]
    rows = rows[(everywhen >= oldest) & (everywhen < start + every)]
    if rows.empty:
        raise StudyError(
            f"Study {study.name}: the cutoffs span {oldest:%Y-%m-%d} to {start + every:%Y-%m-%d}, "
            f"but the offers are of {everywhen.min():%Y-%m-%d} to {everywhen.max():%Y-%m-%d}. "
            "Move cutoffs.last, or write 'latest'."
        )
    latest = rows["cutoff"].max()
    if not is_over(latest, horizon, by=end_of(last_order)):
        raise StudyError(
            f"Study {study.name}: the test from {start:%Y-%m-%d} to {start + every:%Y-%m-%d} has "
            f"offers until {latest:%Y-%m-%d}, which with a horizon of {horizon} days need data "
            f"until {latest + dt.timedelta(days=horizon):%Y-%m-%d}, but the last order is of "
            f"{last_order:%Y-%m-%d %H:%M}. Move cutoffs.last to {newest - every:%Y-%m-%d} or "
            "earlier, or write 'latest'."
        )
    return rows.reset_index(drop=True)


def start_of_test(study: Study, newest: pd.Timestamp | None) -> dt.datetime:
    """When the test begins; `newest` is the newest offer, with whose day a `latest` test ends."""
    if study.cutoffs.last != "latest":
        return study.cutoffs.last
    if newest is None:
        raise StudyError(f"Study {study.name}: at least one offer is needed, found none.")
    return end_of(newest.to_pydatetime()) - dt.timedelta(days=study.cutoffs.every_days)


def _comparable(rows: pd.DataFrame, arms: Arms) -> tuple[pd.DataFrame, list[str]]:
    """Without campaigns of which only the control is left: nobody in them could get an arm."""
    treated = rows.loc[rows["arm"] != arms.control, "campaign_id"].dropna().unique()
    idle = rows["campaign_id"].notna() & ~rows["campaign_id"].isin(treated)
    if not arms.left_out or not idle.any():
        return rows, []
    note = Message(
        "{offers:,} offers left out: target.arms leaves nothing but the control of {campaigns} "
        "campaigns.",
        offers=int(idle.sum()),
        campaigns=rows.loc[idle, "campaign_id"].nunique(),
    )
    return rows[~idle].reset_index(drop=True), [note]


def _known_chances(rows: pd.DataFrame, arms: Arms) -> tuple[pd.DataFrame, list[str]]:
    """The chance of each arm among the arms of the study, where others are left out."""
    share = rows["campaign_id"].map(lambda name: arms.kept_share.get(name)).astype("float64")
    known = rows["assignment_probability"].notna()
    if not arms.left_out or not known.any():
        return rows, []
    chance = (rows["assignment_probability"] / share).clip(upper=1.0)
    unknown = int((known & share.isna()).sum())
    note = Message(
        "{chances:,} assignment probabilities count as unknown: target.arms leaves arms out, and "
        "what remains for the others differs from customer to customer.",
        chances=unknown,
    )
    return rows.assign(assignment_probability=chance), [note] if unknown else []


def _remarks(study: Study, rows: pd.DataFrame, arms: Arms) -> list[str]:
    """What a reader of the effects should know."""
    days = study.target.horizon_days
    following = rows.sort_values(["customer_id", "cutoff"])
    gap = following.groupby("customer_id", sort=False)["cutoff"].diff()
    overlapping = int((gap < pd.Timedelta(days=days)).sum())
    notes: list[str] = []
    if overlapping:
        notes.append(
            Message(
                "{offers:,} of {all:,} offers were followed by another one to the same customer "
                "within the {days} days: their effect includes what usually follows.",
                offers=overlapping,
                all=len(rows),
                days=days,
            )
        )
    named = rows[rows["campaign_id"].notna()]
    controlled = set(named.loc[named["arm"] == arms.control, "campaign_id"])
    without = sorted(set(named["campaign_id"]) - controlled)
    if without:
        notes.append(
            Message.counted(
                "1 campaign without a row of the control ({names:some}): their effects rest on "
                "control rows of other campaigns.",
                "{n} campaigns without a row of the control ({names:some}): their effects rest on "
                "control rows of other campaigns.",
                n=len(without),
                names=without,
            )
        )
    return notes
