"""Rows that stand twice."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables.values():
        if table.duplicates:
            yield Finding(
                "warn",
                table.name,
                f"{table.name}: {facts.share(table.duplicates, table.name)} equal another row in "
                "every column. Check that the export does not write rows twice.",
            )


CHECK = Check("duplicates", _says)
