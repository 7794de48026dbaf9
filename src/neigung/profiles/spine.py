"""The rows to predict for: which customers, at which cutoff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from neigung.profiles import consent
from neigung.profiles.sample import Sample
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, Past, counts, of_order, past_rows
from neigung.study import Study

_DAYS_OF_AN_ORDER = 31
"""Further apart than that the lines of an order do not lie, but where its id stands for several;
then somebody counts as active by the later ones: here as there, whoever is asked about alone."""


def build_past(
    profiles: Profiles,
    study: Study,
    cutoff: dt.datetime,
    sample: Sample | None = None,
    rows: Mapping[str, ir.Table] | None = None,
) -> Past:
    """The past of the study's population at one cutoff; its `spine` are the rows to predict for.

    The population are the customers with an order within `population.active_within_days` (or the
    retention) before the cutoff, as far as the legal basis covers them; with a `sample` only those
    in it, though what their features read of everybody stays everybody's. The spine is written to
    a temporary table of the store's connection, so that many queries can share it. `rows` are the
    tables without the rows of others, from `rows_of`, where several cutoffs share a sample.
    """
    engine = profiles.engine
    instant = engine.hold("cutoff_of_spine", engine.instants([cutoff]))
    covered = consent.covered(profiles, instant, study.legal_basis)
    if covered is not None:
        covered = engine.hold("covered", covered)
    # A cutoff that is written into the query lets the engine pass over files of other times.
    tables = profiles.tables if rows is None else rows
    spine = _everybody(tables["order_lines"], cutoff, study)
    spine = spine if sample is None else sample.of(spine)
    spine = engine.hold("spine", spine if covered is None else spine.semi_join(covered, KEYS))
    return Past(
        tables,
        spine,
        study.retention_days,
        covered,
        everybodys=None if rows is None else profiles.tables,
        cutoff=cutoff,
        complete_days=_days(study) if covered is None and sample is None else None,
        zero_orders=study.orders.count_zero,
    )


def rows_of(profiles: Profiles, sample: Sample) -> dict[str, ir.Table]:
    """The tables with only the rows of a sample's customers, read once for many cutoffs."""
    engine = profiles.engine
    everybody = profiles.table("order_lines").select("customer_id").distinct()
    chosen = engine.hold("sampled", sample.of(everybody))
    return {
        name: engine.hold(f"sampled_{name}", table.semi_join(chosen, "customer_id"))
        for name, table in profiles.tables.items()
    }


def eligible(profiles: Profiles, study: Study, pairs: ir.Table) -> ir.Table:
    """Those `pairs` of `customer_id` and `cutoff` for whom the study predicts, lazily.

    Each customer is looked at just before their own cutoff: active as the study's population
    asks, and covered by its legal basis.
    """
    covered = consent.covered(profiles, pairs, study.legal_basis)
    return _active(profiles, study, pairs.select(*KEYS).distinct() if covered is None else covered)


def past_of_pairs(
    profiles: Profiles, study: Study, pairs: ir.Table, own_rows_only: bool = False
) -> Past:
    """The past of `pairs` of `customer_id` and `cutoff` that are known to be eligible.

    Like `build_past` it writes temporary tables of fixed names, so that a query compiled for one
    set of pairs serves the next. With `own_rows_only` nobody else's rows can be read.
    """
    spine = profiles.engine.hold("pairs", pairs.select(*KEYS))
    covered = None
    if not own_rows_only:
        instants = spine.select("cutoff").distinct()
        covered = consent.covered(profiles, instants, study.legal_basis)
    if covered is not None:
        covered = profiles.engine.hold("covered_of_pairs", covered)
    return Past(
        profiles.tables,
        spine,
        study.retention_days,
        covered,
        own_rows_only,
        zero_orders=study.orders.count_zero,
    )


def _active(profiles: Profiles, study: Study, candidates: ir.Table) -> ir.Table:
    """The candidates with an order lately enough before their cutoff."""
    return _ordered(Past(profiles.tables, candidates, _near(study)).rows("order_lines"), study)


def _ordered(lines: ir.Table, study: Study) -> ir.Table:
    """Who has, among these past lines, those of an order that counts and began lately enough.

    It did when its first line is late enough, or a paid one so late that the first must be.
    """
    lines = lines.mutate(paid=_paid(lines, study))
    orders = lines.group_by(*KEYS, "order_id").agg(
        **of_order(lines),
        began=lines.days_ago.max(),
        newest=lines.days_ago.min(where=lines.paid),
    )
    orders = orders.filter(counts(orders, study.orders.count_zero))
    active = study.population.active_within_days
    if active is not None:
        surely = (orders.newest <= active - _DAYS_OF_AN_ORDER).fill_null(False)
        orders = orders.filter((orders.began <= active) | surely)
    return orders.select(*KEYS).distinct()


def _paid(lines: ir.Table, study: Study) -> ir.BooleanValue:
    return lines.net_value >= 0 if study.orders.count_zero else lines.net_value > 0


def _everybody(lines: ir.Table, cutoff: dt.datetime, study: Study) -> ir.Table:
    """Who has an order that counts and began lately enough before one cutoff.

    To make the orders of all customers would take long. Nearly all have a line so late that its
    order began lately enough, and none that takes from a total. Of those whose latest line lies at
    the far end of the time that is looked at, only the orders of that end are made; of those with
    a line below zero all.
    """
    active, days = study.population.active_within_days, _days(study)
    at = ibis.literal(cutoff, "timestamp(6)")
    lines = lines.mutate(cutoff=at)
    some = past_rows(lines, days)
    if active is not None:
        some = some.filter(some.days_ago <= active)
    some = some.select("customer_id", "occurred_at", "net_value")
    found = some.group_by("customer_id").agg(
        newest=some.occurred_at.max(where=_paid(some, study)), least=some.net_value.min()
    )

    def made(lines: ir.Table, who: ir.Table) -> ir.Table:
        theirs = lines.semi_join(who.select("customer_id"), "customer_id")
        return _ordered(past_rows(theirs, _near(study)), study)

    whole = found.filter(found.least >= 0)
    taken = made(lines, found.filter(found.least < 0))
    if active is None:
        sure = whole.filter(whole.newest.notnull())
        return sure.mutate(cutoff=at).select(*KEYS).union(taken)
    far = cutoff - dt.timedelta(days=max(active - _DAYS_OF_AN_ORDER, 0))
    end = ibis.literal(far, "timestamp(6)")
    sure = whole.filter(whole.newest >= end).mutate(cutoff=at).select(*KEYS)
    of_far_end = lines.filter(lines.occurred_at <= end)
    return sure.union(taken).union(made(of_far_end, whole.filter(whole.newest < end)))


def _days(study: Study) -> int:
    """How old an order may be that makes somebody one of the population, and a day more."""
    active_within = study.population.active_within_days
    # `_everybody` decides; without older rows to look at it is faster.
    return min(study.retention_days, (active_within or study.retention_days) + 1)


def _near(study: Study) -> int:
    """How old the first line of an order may be that has one within `_days`."""
    return min(study.retention_days, _days(study) + _DAYS_OF_AN_ORDER)
