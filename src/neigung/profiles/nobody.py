"""Why a cutoff has nobody to predict for: how many customers are left after each step."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import ibis.expr.types as ir

from neigung.profiles.sample import Sample
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import past_rows
from neigung.study import LegalBasis, Population, Study

EVERYBODY = LegalBasis(none_needed="counted only")


def why_nobody(
    study: Study, profiles: Profiles, cutoff: dt.datetime, sample: Sample | None = None
) -> str:
    """At which step the last customer was lost, and what helps: one message."""
    whole = study.model_copy(update={"legal_basis": EVERYBODY, "population": Population()})
    steps = [f"{_count(build_past(profiles, whole, cutoff).spine):,} had an order known before it"]

    def said(lost: str, advice: str) -> str:
        found = ", ".join([*steps, lost]) if lost else steps[0]
        return (
            f"Study {study.name}: at the cutoff {cutoff:%Y-%m-%d} at least one customer is needed, "
            f"found none: {found}. {advice}"
        )

    if steps[0].startswith("0 "):
        first, last = profiles.span()
        return said(
            "",
            f"Orders reach from {first:%Y-%m-%d} to {last:%Y-%m-%d}, and count for "
            f"{study.retention_days} days. Move cutoffs.last or lower cutoffs.count, raise "
            "retention_days, or look at known_at of order_lines.",
        )
    days = study.population.active_within_days
    if days is not None:
        active = study.model_copy(update={"legal_basis": EVERYBODY})
        left = _count(build_past(profiles, active, cutoff).spine)
        if not left:
            newest = _newest_order(study, profiles, cutoff)
            return said(
                f"none of them in the last {days} days",
                f"The newest order known then is of {newest:%Y-%m-%d}. Raise "
                "population.active_within_days, or move the cutoff.",
            )
        steps.append(f"{left:,} of them in the last {days} days")
    covered = _count(build_past(profiles, study, cutoff).spine)
    if not covered:
        return said("the legal basis covers none", _consents(study, profiles, cutoff))
    steps.append(f"the legal basis covers {covered:,}")
    if sample is not None and not _count(build_past(profiles, study, cutoff, sample).spine):
        return said("the sample of model.rows holds none", "Raise model.rows.")
    if study.target.kind == "custom":
        return said(
            "none of them has a row in labels with this cutoff",
            "Compare customer_id of labels with order_lines, or leave the cutoff out of labels.",
        )
    return said("none has an outcome", "Check the target.")


def _consents(study: Study, profiles: Profiles, cutoff: dt.datetime) -> str:
    """What customers did agree to, and when, and so what helps."""
    basis = study.legal_basis
    purpose = str(basis.consent or basis.legitimate_interest)
    if basis.consent is None:
        return (
            f"All of them have objected to {purpose}. See that consents.granted is not turned "
            "round."
        )
    consents = profiles.table("consents")
    agreed = consents.filter(consents.granted).group_by("purpose")
    rows = agreed.agg(n=consents.customer_id.nunique(), first=consents.known_at.min())
    found = {row["purpose"]: row for row in rows.to_pyarrow().to_pylist()}
    mine, others = found.get(purpose), {k: v for k, v in found.items() if k != purpose}
    if mine is not None and mine["first"] >= cutoff:
        return (
            f"{mine['n']:,} customers agreed to {purpose}, the first on {mine['first']:%Y-%m-%d}, "
            "after this cutoff. Lower cutoffs.count, so that the oldest cutoff lies after it."
        )
    if mine is not None:
        return (
            f"{mine['n']:,} customers agreed to {purpose} at some time, but none of these was one "
            "of them, or they withdrew. Compare customer_id of consents with order_lines."
        )
    told = ", ".join(f"{row['n']:,} customers agreed to {name}" for name, row in others.items())
    return (
        f"{told or 'Nobody agreed to anything'}, none to {purpose}. A consent to one purpose is "
        f"none to another: record the consents to {purpose}, or name the basis that you have, such "
        "as legal_basis: {legitimate_interest: " + purpose + "}."
    )


def _newest_order(study: Study, profiles: Profiles, cutoff: dt.datetime) -> dt.datetime:
    whole = study.model_copy(update={"legal_basis": EVERYBODY, "population": Population()})
    past = replace(build_past(profiles, whole, cutoff), complete_days=None)
    orders = past_rows(past.rows("order_lines"), study.retention_days)
    newest: dt.datetime = orders.occurred_at.max().to_pyarrow().as_py()
    return newest


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
