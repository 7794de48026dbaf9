"""Finds the label of a study's target for every row of a spine."""

from __future__ import annotations

from collections.abc import Mapping

import ibis.expr.types as ir

from neigung.language import ENGLISH, Language
from neigung.profiles.timeline import Future, Past
from neigung.study import Study, Target
from neigung.targets import churn, custom, offer, purchase
from neigung.targets.kind import TargetKind

KINDS: Mapping[str, TargetKind] = {
    "purchase": purchase.KIND,
    "churn": churn.KIND,
    "custom": custom.KIND,
    "offer": offer.KIND,
}
"""Every target by its kind, as studies name it."""


def reference(past: Past, target: Target) -> ir.Table:
    """The spine, with what the target needs of the past to compare the future with."""
    return KINDS[target.kind].reference(past, target)


def label(future: Future, target: Target) -> ir.Table:
    """`customer_id`, `cutoff` and `label` (1.0 or 0.0) for the rows of the future's spine."""
    return KINDS[target.kind].label(future, target)


def check_tables(study: Study, tables: Mapping[str, ir.Table]) -> None:
    """Raise StudyError when the store lacks a table or column that the target reads."""
    KINDS[study.target.kind].check(study, tables)


def in_words(target: Target, language: Language = ENGLISH) -> str:
    """The target as a sentence for reviewers.

    >>> from neigung.study import OfferTarget, PurchaseTarget
    >>> in_words(PurchaseTarget(kind="purchase", horizon_days=7), "de")
    'Der Kunde bestellt in den nächsten 7 Tagen.'
    >>> in_words(OfferTarget(kind="offer", horizon_days=14, arms=["5%", "10%"]))
    'What an offer changes in the chance that the customer orders within the next 14 days (arms \
5%, 10% against none).'
    """
    return KINDS[target.kind].sentence(target).to(language)
