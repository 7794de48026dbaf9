"""Customers of one table whom another does not know."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables.values():
        if not table.rows_of_unknown:
            continue
        orders = table.name == "order_lines"
        who = (
            "belong to customers who are not in the table customers, so that their attributes "
            "are missing"
            if orders
            else "belong to customers without any order line. If they are buyers, check that "
            "both tables use the same ids"
        )
        most = table.rows_of_unknown * 2 > table.rows and not orders
        share = facts.share(table.rows_of_unknown, table.name)
        yield Finding("bad" if most else "warn", table.name, f"{table.name}: {share} {who}.")


CHECK = Check("unknown_customers", _says)
