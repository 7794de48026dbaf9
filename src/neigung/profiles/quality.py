"""What a shop should know about its profiles before it trusts a prediction made from them.

All numbers are aggregates inside the engine; what is said of them stands in `checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from neigung.errors import ProfileError
from neigung.profiles.checks import CHECKS
from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.checks.negative_values import COUNTED
from neigung.profiles.checks.returns import returns_without_order
from neigung.profiles.consent import covered
from neigung.profiles.contract import TABLES
from neigung.profiles.ends import present
from neigung.profiles.quality_report import (
    SEVERITIES,
    Finding,
    Gap,
    Lateness,
    Permission,
    QualityReport,
    TableQuality,
)
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import days_between
from neigung.study import LegalBasis

_LONGEST_GAPS = 3

_USUAL = 0.95


def check(profiles: Profiles, problems: Sequence[Finding] = ()) -> QualityReport:
    """The state of `profiles`, and what is wrong or doubtful in them, the most harmful first.

    `problems` are what `Profiles.open` could not mend, where it was asked to go on nevertheless.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": [7, 8], "order_id": ["a", "b"],
    ...     "occurred_at": ["2025-01-01", "2025-01-04"], "net_value": [10, 5]})
    >>> report = check(Profiles.from_tables({"order_lines": lines}))
    >>> report.tables[0].longest_gaps[0].days
    2
    """
    numbers = {name: _counted(profiles, name, CHECKS, whole=True) for name in _present(profiles)}
    tables = {name: _table_quality(profiles, name, row) for name, row in numbers.items()}
    facts = Facts(
        profiles, present(), {n: t.rows for n, t in tables.items()}, numbers, tables,
        _permissions(profiles),
    )  # fmt: skip
    findings = [*problems, *(finding for one in CHECKS for finding in one.says(facts))]
    if all(finding.severity == "ok" for finding in findings):
        findings.append(Finding("ok", "", "Nothing to mend was found."))
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return QualityReport(
        profiles.location,
        tuple(tables.values()),
        returns_without_order(facts),
        facts.number("order_lines", COUNTED),
        facts.permissions or (),
        profiles.notes,
        tuple(findings),
    )


def open_sound(
    location: Any,
    *,
    latest: bool = True,
    trusted: bool = False,
    say: Callable[[str], None] | None = None,
) -> Profiles:
    """The profiles at a place, for work that must not be wrong.

    `latest` and `trusted` are those of `require_sound`; `say` is told of far orders that do no
    harm to a given cutoff. Raises ProfileError as `Profiles.open` and `require_sound` do.
    """
    profiles = Profiles.open(location)
    told = require_sound(profiles, latest=latest, trusted=trusted)
    if say is not None and not latest:
        for doubt in told:
            say(f"  Doubtful: {doubt}")
    return profiles


def require_sound(
    profiles: Profiles, *, doubts: bool = False, latest: bool = True, trusted: bool = False
) -> tuple[str, ...]:
    """What training and scoring ask first: one pass over each table.

    Parameters
    ----------
    profiles : the store.
    doubts : ask all checks, not only those that can refuse.
    latest : something is taken from where the data end; far orders do no harm where not.
    trusted : somebody who knows says that all dates are right.

    Raises ProfileError, with a line each, when something would make numbers wrong. Returns what
    is doubtful of what was asked: sentences with count and example.
    """
    asked = CHECKS if doubts else tuple(one for one in CHECKS if one.refuses)
    numbers = {name: _counted(profiles, name, asked) for name in _present(profiles)}
    rows = {name: int(row["rows"]) for name, row in numbers.items()}
    facts = Facts(profiles, present(), rows, numbers, latest=latest, trusted=trusted)
    findings = [finding for one in asked for finding in one.says(facts)]
    refused = [finding.text for finding in findings if finding.severity == "refused"]
    if refused:
        raise ProfileError("\n".join(refused))
    return tuple(one.text for one in findings if one.severity in ("bad", "warn"))


def _present(profiles: Profiles) -> list[str]:
    return [name for name in TABLES if name in profiles]


def _counted(
    profiles: Profiles, name: str, asked: Sequence[Check], whole: bool = False
) -> dict[str, Any]:
    """What the checks count of a table, and with `whole` what the report shows: in one pass."""
    table = profiles.table(name)
    counts: dict[str, ir.Value] = {"rows": table.count()}
    for one in asked:
        counts |= one.counts(name, table)
    if whole:
        counts |= _shown(table)
    return _first(table.aggregate(**counts))


def _shown(table: ir.Table) -> dict[str, ir.Value]:
    """The aggregates of a table's line in the report."""
    late = days_between(table.occurred_at, table.known_at)
    is_late = table.known_at > table.occurred_at
    return {
        **{f"missing {column}": table[column].isnull().sum() for column in table.columns},
        "customers": table.customer_id.nunique(),
        "first": table.occurred_at.min(),
        "last": table.occurred_at.max(),
        # Of equal rows the hashes are equal; of others, at 64 bits, as good as never.
        "distinct": ibis.struct({c: table[c] for c in table.columns}).hash().nunique(),
        "late": is_late.sum(),
        "median": late.quantile(0.5, where=is_late),
        "p95": late.quantile(0.95, where=is_late),
        "most": late.max(where=is_late),
    }


def _table_quality(profiles: Profiles, name: str, row: Mapping[str, Any]) -> TableQuality:
    table = profiles.table(name)
    gaps, without, usual = _gaps(table)
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
        usual_gap_days=usual,
    )


def _gaps(table: ir.Table) -> tuple[tuple[Gap, ...], int, float]:
    """The longest runs of days without a row, how many such days there are, and a usual run.

    That is one of the steps from day to day, of which one in twenty is longer; of a shop that is
    hardly ever silent none at all.
    """
    days = table.select(day=table.occurred_at.date()).distinct()
    days = days.mutate(before=days.day.lag().over(ibis.window(order_by=days.day)))
    days = days.mutate(length=days.day.delta(days.before, unit="day") - 1)
    steps = days.filter(days.length.notnull())
    counted = _first(
        steps.aggregate(without=steps.length.sum(), usual=steps.length.quantile(_USUAL))
    )
    longest = steps.filter(steps.length > 0).order_by(steps.length.desc(), steps.day)
    one = timedelta(days=1)
    return (
        tuple(
            Gap(row["before"] + one, row["day"] - one)
            for row in longest.limit(_LONGEST_GAPS).to_pyarrow().to_pylist()
        ),
        int(counted["without"] or 0),
        float(counted["usual"] or 0),
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


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _first(table: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row
