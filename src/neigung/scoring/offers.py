"""The necessary discount of every customer of a study at one cutoff, within a budget."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neigung.errors import StudyError
from neigung.models.dataset import build_features
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring.batches import BatchNotes
from neigung.scoring.cutoffs import instant, opened, parse_cutoff
from neigung.scoring.score import say_notes, version_of
from neigung.study import Study
from neigung.study.decision import Decision

if TYPE_CHECKING:
    from neigung.decisions.offers import OfferPlan


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
