"""Complaints and questions, and how they ended."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from neigung.features.feature import Feature, Source, feature, ratio
from neigung.features.sources import EXACT, contract_rows
from neigung.profiles.timeline import KEYS, Past, days_between


def _cases(past: Past) -> ir.Table:
    """The past cases; what lies at or after the cutoff in their own columns is blanked.

    A case row is rewritten when the case is resolved, so a row from before the cutoff may speak
    of the time after it: then it counts as not resolved, and its satisfaction as unknown.
    """
    rows = contract_rows(past, "service_cases")
    resolvable = "resolved_at" in past.tables["service_cases"].columns
    resolved = (rows.resolved_at < rows.cutoff).fill_null(False)
    said = resolved if resolvable else ibis.literal(True)
    took = days_between(rows.occurred_at, rows.resolved_at)
    rows = rows.mutate(
        resolved=resolved,
        took=ibis.cases((resolved, took.cast(EXACT))),
        satisfaction=ibis.cases((said, rows.satisfaction.try_cast(EXACT))),
    )
    rated = rows.days_ago.min(where=rows.satisfaction.notnull())
    return rows.mutate(newest_rating=rows.days_ago == rated.over(ibis.window(group_by=KEYS)))


SERVICE_CASES = Source("service_cases", ("service_cases",), _cases, "service")


@feature(SERVICE_CASES, windows=(90, 365), empty=0, unit="cases", fact="service_cases")
def case_count(cases: ir.Table, within: ir.Value) -> ir.Value:
    """Number of service cases.

    de: Anzahl der Servicefälle.

    reason: {value} {window}

    reason de: {value} {window}
    """
    return cases.count(where=within)


@feature(SERVICE_CASES, windows=(365,), empty=0, unit="cases", fact="complaints")
def complaint_count(cases: ir.Table, within: ir.Value) -> ir.Value:
    """Number of complaints.

    de: Anzahl der Beschwerden.

    reason: Complained {value} times {window}

    reason de: {window} {value}-mal beschwert

    zero: No complaints {window}

    zero de: Keine Beschwerden {window}
    """
    return (cases.kind == "complaint").sum(where=within)


@feature(SERVICE_CASES, unit="days", fact="service_cases")
def days_since_last_case(cases: ir.Table) -> ir.Value:
    """Days since the last service case.

    de: Tage seit dem letzten Servicefall.

    reason: Last service case {value} ago

    reason de: Letzter Servicefall vor {value}

    missing: No service case on record

    missing de: Kein Servicefall bekannt
    """
    return cases.days_ago.min()


@feature(SERVICE_CASES, unit="days", fact="complaints")
def days_since_last_complaint(cases: ir.Table) -> ir.Value:
    """Days since the last complaint.

    de: Tage seit der letzten Beschwerde.

    reason: Last complaint {value} ago

    reason de: Letzte Beschwerde vor {value}

    missing: No complaint on record

    missing de: Keine Beschwerde bekannt
    """
    return cases.days_ago.min(where=cases.kind == "complaint")


@feature(
    SERVICE_CASES,
    windows=(90,),
    empty=0,
    unit="cases",
    needs=("resolved_at",),
    fact="case_handling",
)
def open_case_count(cases: ir.Table, within: ir.Value) -> ir.Value:
    """Number of service cases {window} that are not yet resolved.

    de: Anzahl der Servicefälle {window}, die noch offen sind.

    reason: {value} {window} still open

    reason de: {value} {window} noch offen
    """
    return (~cases.resolved).sum(where=within)


@feature(SERVICE_CASES, windows=(365,), unit="days", needs=("resolved_at",), fact="case_handling")
def case_days_mean(cases: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days until a service case was resolved.

    de: Mittlere Zahl der Tage bis zur Lösung eines Servicefalls.

    reason: {value} on average until a service case was resolved {window}

    reason de: Im Schnitt {value} bis zur Lösung eines Servicefalls {window}

    missing: No resolved service case {window}

    missing de: Kein gelöster Servicefall {window}
    """
    return ratio(cases.took.sum(where=within), cases.took.count(where=within))


@feature(SERVICE_CASES, windows=(365,), unit="ratio", needs=("satisfaction",), fact="satisfaction")
def satisfaction_mean(cases: ir.Table, within: ir.Value) -> ir.Value:
    """Mean satisfaction (on the shop's own scale) with the service cases.

    de: Mittlere Zufriedenheit (auf der Skala des Shops) mit den Servicefällen.

    reason: Satisfaction with the service {window}: {value} on average

    reason de: Zufriedenheit mit dem Service {window}: im Schnitt {value}

    missing: No rating of the service {window}

    missing de: Keine Bewertung des Service {window}
    """
    return ratio(cases.satisfaction.sum(where=within), cases.satisfaction.count(where=within))


@feature(SERVICE_CASES, unit="ratio", needs=("satisfaction",), fact="satisfaction")
def last_satisfaction(cases: ir.Table) -> ir.Value:
    """Satisfaction with the last rated service case, on the shop's own scale.

    de: Zufriedenheit mit dem letzten bewerteten Servicefall, auf der Skala des Shops.

    reason: Satisfaction with the last rated service case: {value}

    reason de: Zufriedenheit mit dem zuletzt bewerteten Servicefall: {value}

    missing: No rated service case on record

    missing de: Kein bewerteter Servicefall bekannt
    """
    return cases.satisfaction.min(where=cases.newest_rating)


FEATURES: tuple[Feature, ...] = (
    case_count,
    complaint_count,
    days_since_last_case,
    days_since_last_complaint,
    open_case_count,
    case_days_mean,
    satisfaction_mean,
    last_satisfaction,
)
