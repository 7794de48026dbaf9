"""From when on a row of the table customers counts that has no date of its own."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from neigung.profiles.alike import spelled_otherwise
from neigung.profiles.engine import Engine
from neigung.profiles.quality_report import Finding, Severity
from neigung.profiles.validation import free_name


def dated_customers(
    engine: Engine, tables: Mapping[str, ir.Table], said: list[Finding]
) -> ir.Table | None:
    """The customers, each row with the time from which it counts; None where none has one."""
    customers = tables["customers"]
    undated = _count(customers.filter(customers.occurred_at.isnull()))
    if not undated:
        return customers
    # Labels are outcomes, not something that happened before them.
    others = [
        table.select("customer_id", first=table.occurred_at)
        for name, table in tables.items()
        if name not in ("customers", "labels")
    ]
    seen = ibis.union(*others) if len(others) > 1 else others[0]
    # A shop's own columns may have any name.
    owner, first, row = (free_name(name, customers.columns) for name in ("owner", "first", "row"))
    firsts = seen.group_by(**{owner: seen.customer_id}).aggregate(**{first: seen["first"].min()})
    if engine.ordered:
        customers = customers.mutate(**{row: ibis.row_number()})
    joined = customers.left_join(firsts, customers.customer_id == firsts[owner])
    at = ibis.coalesce(joined.occurred_at, joined.known_at, joined[first])
    dated = joined.mutate(occurred_at=at, known_at=ibis.coalesce(joined.known_at, at))
    dated = dated.filter(at.notnull())
    if engine.ordered:
        dated = dated.order_by(row)
    table = engine.hold("customers_dated", dated.select(tables["customers"].columns))
    left = _count(table)
    dropped = _count(customers) - left
    doubt = (
        f"customers: {undated:,} rows without occurred_at count as known from the customer's "
        "first row in another table. Give them the date when they were recorded."
    )
    said.append(Finding("warn", "customers", doubt))
    if dropped:
        left_out = (
            f"customers: {dropped:,} rows without occurred_at left out, as their customers have "
            "no row in another table."
        )
        alike = spelled_otherwise(tables["customers"], seen)
        severity: Severity = "bad" if alike or not left else "warn"
        said.append(Finding(severity, "customers", f"{left_out} {alike or ''}".rstrip()))
    return table if left else None


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
