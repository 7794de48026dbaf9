"""Finds the label of a study's target for every row of a spine."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir

from neigung.errors import StudyError
from neigung.language import ENGLISH, Language, Message
from neigung.profiles.timeline import Future, Past
from neigung.study import ChurnTarget, OfferTarget, PurchaseTarget, Study, Target
from neigung.targets.churn import no_order, spend_before, spend_falls
from neigung.targets.custom import custom
from neigung.targets.offer import find_arms, offers_of
from neigung.targets.purchase import purchase


def reference(past: Past, target: Target) -> ir.Table:
    """The spine, with what the target needs of the past to compare the future with."""
    if isinstance(target, ChurnTarget) and target.spend_below is not None:
        return spend_before(past, target.horizon_days)
    return past.spine


def label(future: Future, target: Target) -> ir.Table:
    """`customer_id`, `cutoff` and `label` (1.0 or 0.0) for the rows of the future's spine."""
    if isinstance(target, PurchaseTarget):
        return purchase(future, target.where)
    if isinstance(target, ChurnTarget):
        if target.spend_below is not None:
            return spend_falls(future, target.spend_below)
        return no_order(future)
    if isinstance(target, OfferTarget):
        raise StudyError(
            "Offers have an arm and several outcomes each, not a label: see targets.offer.outcomes."
        )
    return custom(future.tables["labels"], future.spine)


def check_tables(study: Study, tables: dict[str, ir.Table]) -> None:
    """Raise StudyError when the store lacks a table or column that the target reads."""
    target = study.target
    if target.kind == "custom" and "labels" not in tables:
        raise StudyError(
            f"Study {study.name}: target custom needs the table labels "
            f"(customer_id, cutoff, value); found {', '.join(sorted(tables))}. Add it."
        )
    if isinstance(target, OfferTarget):
        find_arms(study, offers_of(study, tables))
    if isinstance(target, PurchaseTarget):
        columns = tables["order_lines"].columns
        for name, wanted in target.where:
            if wanted is not None and name not in columns:
                raise StudyError(
                    f"Study {study.name}: target.where.{name} needs the column "
                    f"order_lines.{name}; found {', '.join(columns)}. Add it, or drop the where."
                )


def in_words(target: Target, language: Language = ENGLISH) -> str:
    """The target as a sentence for reviewers.

    >>> in_words(PurchaseTarget(kind="purchase", horizon_days=7), "de")
    'Der Kunde bestellt in den nächsten 7 Tagen.'
    >>> in_words(OfferTarget(kind="offer", horizon_days=14, arms=["5%", "10%"]))
    'What an offer changes in the chance that the customer orders within the next 14 days (arms \
5%, 10% against none).'
    """
    return _sentence(target).to(language)


_LIMITS = {
    "category": Message("category: {names:names}"),
    "channel": Message("channel: {names:names}"),
}
_CHANGED = {
    "purchase": Message("the chance that the customer orders within the next {days} days"),
    "value": Message("what the customer spends within the next {days} days"),
    "margin": Message("the margin that the customer brings within the next {days} days"),
}


def _sentence(target: Target) -> Message:
    days = target.horizon_days
    if isinstance(target, PurchaseTarget):
        limits = [
            _LIMITS[name].having(names=values)
            for name, values in target.where
            if values is not None
        ]
        if not limits:
            return Message("The customer orders within the next {days} days.", days=days)
        return Message(
            "The customer orders within the next {days} days ({limits:names; }).",
            days=days,
            limits=limits,
        )
    if isinstance(target, ChurnTarget):
        if target.spend_below is None:
            return Message(
                "The active customer does not order within the next {days} days.", days=days
            )
        return Message(
            "The active customer spends, within the next {days} days, less than {share}% of what "
            "they spent in the {days} days before.",
            days=days,
            share=round(100 * target.spend_below),
        )
    if isinstance(target, OfferTarget):
        return _offer(target)
    return Message(
        "The outcome given in the table labels comes true (horizon {days} days).", days=days
    )


def _offer(target: OfferTarget) -> Message:
    arms = Message("all arms")
    if target.arms:
        arms = Message("arms {names:names}", names=target.arms)
    only: dict[str, Any] = {
        "changed": _CHANGED[target.outcome].having(days=target.horizon_days),
        "arms": arms,
        "control": target.control,
    }
    if not target.campaigns:
        return Message("What an offer changes in {changed} ({arms} against {control}).", **only)
    return Message(
        "What an offer changes in {changed} ({arms} against {control}; campaigns: "
        "{campaigns:names}).",
        **only,
        campaigns=target.campaigns,
    )
