"""The rows to predict for: which customers, at which cutoff."""

from __future__ import annotations

import datetime as dt

import ibis

from neigung.profiles import consent
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, Past
from neigung.study import Study


def build_past(profiles: Profiles, study: Study, cutoff: dt.datetime) -> Past:
    """The past of the study's population at one cutoff; its `spine` are the rows to predict for.

    The population are the customers with an order within `population.active_within_days` (or the
    retention) before the cutoff, as far as the legal basis covers them. The spine is written to a
    temporary table of the store's connection, so that many queries can share it.
    """
    connection = profiles.connection
    instant = ibis.memtable({"cutoff": [cutoff]}, schema={"cutoff": "timestamp(6)"})
    instant = connection.create_table("cutoff_of_spine", instant, temp=True, overwrite=True)
    covered = consent.covered(profiles, instant, study.legal_basis)
    if covered is not None:
        covered = connection.create_table("covered", covered, temp=True, overwrite=True)
    everybody = profiles.table("order_lines").select("customer_id").distinct()
    candidates = everybody.cross_join(instant) if covered is None else covered
    orders = Past(profiles.tables, candidates, study.retention_days).rows("order_lines")
    active_within = study.population.active_within_days
    if active_within is not None:
        orders = orders.filter(orders.days_ago <= active_within)
    spine = orders.select(*KEYS).distinct()
    spine = connection.create_table("spine", spine, temp=True, overwrite=True)
    return Past(profiles.tables, spine, study.retention_days, covered)
