"""Finds the label of a study's target for every row of a spine."""

from __future__ import annotations

import ibis.expr.types as ir

from neigung.errors import StudyError
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


def in_words(target: Target, language: str = "en") -> str:
    """The target as a sentence for reviewers.

    >>> in_words(PurchaseTarget(kind="purchase", horizon_days=7), "de")
    'Der Kunde bestellt in den nächsten 7 Tagen.'
    >>> in_words(OfferTarget(kind="offer", horizon_days=14, arms=["5%", "10%"]))
    'What an offer changes in the chance that the customer orders within the next 14 days (arms \
5%, 10% against none).'
    """
    days = target.horizon_days
    german = language == "de"
    if isinstance(target, PurchaseTarget):
        limits = [
            (("Kategorie: " if german else "category: ") if name == "category" else
             ("Kanal: " if german else "channel: ")) + ", ".join(values)
            for name, values in target.where
            if values is not None
        ]  # fmt: skip
        only = f" ({'; '.join(limits)})" if limits else ""
        if german:
            return f"Der Kunde bestellt in den nächsten {days} Tagen{only}."
        return f"The customer orders within the next {days} days{only}."
    if isinstance(target, ChurnTarget):
        if target.spend_below is None:
            if german:
                return f"Der aktive Kunde bestellt in den nächsten {days} Tagen nicht."
            return f"The active customer does not order within the next {days} days."
        share = round(100 * target.spend_below)
        if german:
            return (
                f"Der aktive Kunde gibt in den nächsten {days} Tagen weniger als {share} % dessen "
                f"aus, was er in den {days} Tagen davor ausgab."
            )
        return (
            f"The active customer spends, within the next {days} days, less than {share}% of what "
            f"they spent in the {days} days before."
        )
    if isinstance(target, OfferTarget):
        return _offer_in_words(target, german)
    if german:
        return f"Das eigene Ergebnis der Tabelle labels tritt ein (Horizont {days} Tage)."
    return f"The outcome given in the table labels comes true (horizon {days} days)."


_CHANGED = {
    "purchase": (
        "the chance that the customer orders within the next {days} days",
        "der Wahrscheinlichkeit, dass der Kunde in den nächsten {days} Tagen bestellt,",
    ),
    "value": (
        "what the customer spends within the next {days} days",
        "den Ausgaben des Kunden in den nächsten {days} Tagen",
    ),
    "margin": (
        "the margin that the customer brings within the next {days} days",
        "der Marge, die der Kunde in den nächsten {days} Tagen bringt,",
    ),
}


def _offer_in_words(target: OfferTarget, german: bool) -> str:
    changed = _CHANGED[target.outcome][german].format(days=target.horizon_days)
    control = target.control
    if german:
        arms = f"Varianten {', '.join(target.arms)}" if target.arms else "alle Varianten"
        only = f"; Kampagnen: {', '.join(target.campaigns)}" if target.campaigns else ""
        return f"Was ein Angebot an {changed} ändert ({arms} gegen {control}{only})."
    arms = f"arms {', '.join(target.arms)}" if target.arms else "all arms"
    only = f"; campaigns: {', '.join(target.campaigns)}" if target.campaigns else ""
    return f"What an offer changes in {changed} ({arms} against {control}{only})."
