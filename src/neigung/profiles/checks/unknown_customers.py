"""Customers of one table whom another does not know."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.alike import spelled_otherwise
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
        known = facts.store.table("customers" if orders else "order_lines")
        alike = spelled_otherwise(facts.store.table(table.name), known)
        most = table.rows_of_unknown * 2 > table.rows and (alike or not orders)
        share = facts.share(table.rows_of_unknown, table.name)
        text = f"{table.name}: {share} {who}. {alike or ''}".rstrip()
        yield Finding("bad" if most else "warn", table.name, text)


CHECK = Check("unknown_customers", _says)
