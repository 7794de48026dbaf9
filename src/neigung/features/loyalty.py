"""The loyalty programme: membership, points, tiers."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import COMBINED, EXACT, contract_rows
from neigung.profiles.timeline import KEYS, Past


def _loyalty(past: Past) -> ir.Table:
    """The past loyalty events; points as exact amounts, redeemed ones counted positive.

    `newest_tier` marks the events that last named a tier.
    """
    rows = contract_rows(past, "loyalty")
    named = rows.days_ago.min(where=rows.tier.notnull())
    return rows.mutate(
        points=rows.points.try_cast(EXACT).abs(),
        newest_tier=rows.days_ago == named.over(ibis.window(group_by=KEYS)),
    )


LOYALTY = Source("loyalty", ("loyalty",), _loyalty, "loyalty")


@feature(LOYALTY, unit="days", fact="membership")
def days_since_join(events: ir.Table) -> ir.Value:
    """Days since the customer joined the loyalty programme.

    de: Tage seit dem Beitritt zum Treueprogramm.

    reason: Joined the loyalty programme {value} ago

    reason de: Dem Treueprogramm vor {value} beigetreten

    missing: No membership in the loyalty programme on record

    missing de: Keine Mitgliedschaft im Treueprogramm bekannt
    """
    return events.days_ago.max(where=events.kind == "join")


@feature(LOYALTY, windows=(90, 365), empty=0, unit="points", needs=("points",), fact="points")
def points_earned(events: ir.Table, within: ir.Value) -> ir.Value:
    """Points earned.

    de: Gesammelte Punkte.

    reason: {value} earned {window}

    reason de: {value} {window} gesammelt
    """
    return ibis.ifelse(events.kind == "earn", events.points, 0).sum(where=within)


@feature(LOYALTY, windows=(365,), empty=0, unit="points", needs=("points",))
def points_redeemed(events: ir.Table, within: ir.Value) -> ir.Value:
    """Points redeemed.

    de: Eingelöste Punkte.

    reason: {value} redeemed {window}

    reason de: {value} {window} eingelöst
    """
    return ibis.ifelse(events.kind == "redeem", events.points, 0).sum(where=within)


@feature(LOYALTY, empty=0, unit="points", needs=("points",), fact="points")
def points_balance(events: ir.Table) -> ir.Value:
    """Points earned and not yet redeemed.

    de: Gesammelte, noch nicht eingelöste Punkte.

    reason: {value} left to redeem

    reason de: {value} zum Einlösen übrig
    """
    earned = ibis.ifelse(events.kind == "earn", events.points, 0).sum()
    return earned - ibis.ifelse(events.kind == "redeem", events.points, 0).sum()


@feature(
    COMBINED,
    of=("points_redeemed", "points_earned"),
    unit="share",
    theme="loyalty",
    fact="points_redeemed",
)
def points_redeem_share(row: ir.Table) -> ir.Value:
    """Points redeemed relative to points earned, last 365 days.

    de: Eingelöste im Verhältnis zu gesammelten Punkten, letzte 365 Tage.

    reason: Points redeemed in the last 365 days: {value} of those earned

    reason de: Eingelöste Punkte in den letzten 365 Tagen: {value} der gesammelten

    zero: Points redeemed in the last 365 days: none of those earned

    zero de: Eingelöste Punkte in den letzten 365 Tagen: keiner der gesammelten

    missing: No points earned in the last 365 days to redeem

    missing de: Keine Punkte in den letzten 365 Tagen zum Einlösen gesammelt
    """
    return ratio(row.points_redeemed_365d, row.points_earned_365d)


@feature(LOYALTY, unit="days", fact="points_redeemed")
def days_since_points_redeemed(events: ir.Table) -> ir.Value:
    """Days since points were last redeemed.

    de: Tage, seit zuletzt Punkte eingelöst wurden.

    reason: Last redeemed points {value} ago

    reason de: Zuletzt vor {value} Punkte eingelöst

    missing: No redeemed points on record

    missing de: Keine eingelösten Punkte bekannt
    """
    return events.days_ago.min(where=events.kind == "redeem")


@feature(LOYALTY, needs=("tier",), kind="category", fact="tier")
def loyalty_tier(events: ir.Table) -> ir.Value:
    """Tier in the loyalty programme.

    de: Stufe im Treueprogramm.

    reason: Loyalty tier “{value}”

    reason de: Treuestufe „{value}“

    missing: No loyalty tier on record

    missing de: Keine Treuestufe bekannt
    """
    return events.tier.max(where=events.newest_tier)


@feature(LOYALTY, unit="days", needs=("tier",), fact="tier")
def days_since_tier(events: ir.Table) -> ir.Value:
    """Days since the tier was last set.

    de: Tage, seit die Stufe zuletzt festgelegt wurde.

    reason: Loyalty tier last set {value} ago

    reason de: Treuestufe zuletzt vor {value} festgelegt

    missing: No loyalty tier on record

    missing de: Keine Treuestufe bekannt
    """
    return events.days_ago.min(where=events.newest_tier)


FEATURES: tuple[Feature, ...] = (
    days_since_join,
    points_earned,
    points_redeemed,
    points_balance,
    points_redeem_share,
    days_since_points_redeemed,
    loyalty_tier,
    days_since_tier,
)
