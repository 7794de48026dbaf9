"""What a shop should know about its profiles before it trusts a prediction made from them.

All numbers are aggregates inside the engine.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from neigung.profiles.consent import covered
from neigung.profiles.contract import TABLES
from neigung.profiles.quality_report import (
    SEVERITIES,
    Finding,
    Gap,
    Lateness,
    Permission,
    QualityReport,
    Severity,
    TableQuality,
)
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import days_between
from neigung.study import LegalBasis

_LONGEST_GAPS = 3
_LONG_GAP_DAYS = 7


def check(profiles: Profiles) -> QualityReport:
    """The state of `profiles`, which are valid already: `Profiles.open` sees to that.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": [7, 8], "order_id": ["a", "b"],
    ...     "occurred_at": ["2025-01-01", "2025-01-04"], "net_value": [10, 5]})
    >>> report = check(Profiles.from_tables({"order_lines": lines}))
    >>> report.tables[0].longest_gaps[0].days
    2
    """
    tables = tuple(_table_quality(profiles, name) for name in TABLES if name in profiles)
    lines = profiles.table("order_lines")
    orphans = None
    if "returns" in profiles:
        orphans = _count(profiles.table("returns").anti_join(lines, "order_id"))
    negative = _count(lines.filter(lines.net_value < 0))
    permissions = _permissions(profiles)
    findings = [
        *(finding for table in tables for finding in _table_findings(table)),
        *_store_findings(profiles, tables, orphans, negative, permissions),
        *(Finding("warn", "", note) for note in profiles.notes if "occurred_at" in note),
    ]
    if all(finding.severity == "ok" for finding in findings):
        findings.append(Finding("ok", "", "Nothing to mend was found."))
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return QualityReport(
        profiles.location, tables, orphans, negative, permissions, profiles.notes, tuple(findings)
    )


def _table_quality(profiles: Profiles, name: str) -> TableQuality:
    table = profiles.table(name)
    late = days_between(table.occurred_at, table.known_at)
    is_late = table.known_at > table.occurred_at
    row = _first(
        table.aggregate(
            **{f"missing {column}": table[column].isnull().sum() for column in table.columns},
            rows=table.count(),
            customers=table.customer_id.nunique(),
            first=table.occurred_at.min(),
            last=table.occurred_at.max(),
            # Of equal rows the hashes are equal; of others, at 64 bits, as good as never.
            distinct=ibis.struct({c: table[c] for c in table.columns}).hash().nunique(),
            late=is_late.sum(),
            median=late.quantile(0.5, where=is_late),
            p95=late.quantile(0.95, where=is_late),
            most=late.max(where=is_late),
        )
    )
    gaps, without = _gaps(table)
    lateness = None
    if row["late"]:
        lateness = Lateness(row["late"] / row["rows"], row["median"], row["p95"], row["most"])
    return TableQuality(
        name=name,
        rows=row["rows"],
        customers=row["customers"],
        first=row["first"],
        last=row["last"],
        days_without_rows=without,
        longest_gaps=gaps,
        missing={c: row[f"missing {c}"] for c in table.columns if row[f"missing {c}"]},
        duplicates=row["rows"] - row["distinct"],
        rows_of_unknown=_rows_of_unknown(profiles, name),
        lateness=lateness,
    )


def _gaps(table: ir.Table) -> tuple[tuple[Gap, ...], int]:
    """The longest runs of days without a row, and how many such days there are in all."""
    days = table.select(day=table.occurred_at.date()).distinct()
    days = days.mutate(before=days.day.lag().over(ibis.window(order_by=days.day)))
    days = days.mutate(length=days.day.delta(days.before, unit="day") - 1)
    days = days.filter(days.length > 0)
    without = days.length.sum().to_pyarrow().as_py() or 0
    longest = days.order_by(days.length.desc(), days.day).limit(_LONGEST_GAPS)
    one = timedelta(days=1)
    return (
        tuple(
            Gap(row["before"] + one, row["day"] - one) for row in longest.to_pyarrow().to_pylist()
        ),
        int(without),
    )


def _rows_of_unknown(profiles: Profiles, name: str) -> int | None:
    known = "customers" if name == "order_lines" else "order_lines"
    if known not in profiles:
        return None
    return _count(profiles.table(name).anti_join(profiles.table(known), "customer_id"))


def _permissions(profiles: Profiles) -> tuple[Permission, ...]:
    if "consents" not in profiles:
        return ()
    consents = profiles.table("consents")
    buyers = profiles.table("order_lines").select("customer_id").distinct()
    # Just after the last order or statement, so that both are known.
    last = max(profiles.span()[1], consents.known_at.max().to_pyarrow().as_py())
    cutoffs = profiles.engine.instants([last + timedelta(microseconds=1)])
    total = _count(buyers)
    shares = []
    for purpose in ("profiling", "marketing"):
        yes = covered(profiles, cutoffs, LegalBasis(consent=purpose))
        not_no = covered(profiles, cutoffs, LegalBasis(legitimate_interest=purpose))
        granted = _count(buyers.semi_join(yes, "customer_id"))
        refused = total - _count(buyers.semi_join(not_no, "customer_id"))
        shares.append(Permission(purpose, granted / total, refused / total))
    return tuple(shares)


def _table_findings(table: TableQuality) -> list[Finding]:
    findings = []

    def warn(text: str, severity: Severity = "warn") -> None:
        findings.append(Finding(severity, table.name, f"{table.name}: {text}"))

    if table.duplicates:
        warn(
            f"{_share(table.duplicates, table.rows)} equal another row in every column. Check "
            "that the export does not write rows twice."
        )
    span = (table.last.date() - table.first.date()).days + 1
    if table.name in ("order_lines", "visits") and table.days_without_rows < span / 2:
        for gap in table.longest_gaps:
            if gap.days >= _LONG_GAP_DAYS:
                warn(
                    f"no row on the {gap.days} days from {gap.first} to {gap.last}. "
                    "Unless the shop was closed, load these days again."
                )
    missing = {column: n for column, n in table.missing.items() if n * 20 >= table.rows}
    if missing:
        shares = ", ".join(f"{name} ({n / table.rows:.0%})" for name, n in missing.items())
        warn(f"values are missing in {shares}. Features of these columns know that much less.")
    if table.rows_of_unknown:
        who = (
            "belong to customers who are not in the table customers, so that their attributes "
            "are missing"
            if table.name == "order_lines"
            else "belong to customers without any order line. If they are buyers, check that "
            "both tables use the same ids"
        )
        most = table.rows_of_unknown * 2 > table.rows and table.name != "order_lines"
        warn(f"{_share(table.rows_of_unknown, table.rows)} {who}.", "bad" if most else "warn")
    if table.lateness and table.lateness.p95_days > 1:
        late = table.lateness
        warn(
            f"{late.share_late:.1%} of the rows became known late: half of these after "
            f"{late.median_days:.1f} days, the latest after {late.max_days:.1f}. "
            "Predictions made before do not see them."
        )
    return findings


def _store_findings(
    profiles: Profiles,
    tables: tuple[TableQuality, ...],
    orphans: int | None,
    negative: int,
    permissions: tuple[Permission, ...],
) -> list[Finding]:
    findings = []
    rows = {table.name: table.rows for table in tables}
    first, last = profiles.span()
    days = (last.date() - first.date()).days + 1
    findings.append(
        Finding(
            "ok",
            "order_lines",
            f"{profiles.customers():,} customers with {rows['order_lines']:,} order lines on "
            f"{days:,} days from {first:%Y-%m-%d} to {last:%Y-%m-%d}.",
        )
    )
    if orphans:
        share = _share(orphans, rows["returns"])
        text = f"returns: {share} name an order that is not in order_lines. Check the order ids."
        findings.append(Finding("warn", "returns", text))
    if negative:
        share = _share(negative, rows["order_lines"])
        text = f"order_lines: {share} have a negative net_value. Goods sent back go into returns."
        findings.append(Finding("warn", "order_lines", text))
    for table in tables:
        if table.name != "order_lines" and table.last - last > timedelta(days=366):
            text = (
                f"{table.name}: rows reach {table.last:%Y-%m-%d}, long after the last order. "
                "Check for made-up dates."
            )
            findings.append(Finding("warn", table.name, text))
    if not permissions:
        text = (
            "There is no table consents, so nothing shows who may be profiled and contacted. "
            "A study then needs another legal basis than consent."
        )
        findings.append(Finding("warn", "consents", text))
    for permission in permissions:
        what = "profiled" if permission.purpose == "profiling" else "contacted"
        text = (
            f"consents: {permission.granted:.1%} of the customers with an order have agreed to "
            f"be {what}, {permission.refused:.1%} have refused."
        )
        findings.append(Finding("ok" if permission.granted else "bad", "consents", text))
    return findings


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} rows ({part / whole:.1%})"


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _first(table: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row
