"""Values that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding

_MUCH = 20  # one in so many


def _says(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables.values():
        much = {name: n for name, n in table.missing.items() if n * _MUCH >= table.rows}
        if much:
            shares = ", ".join(f"{name} ({n / table.rows:.0%})" for name, n in much.items())
            yield Finding(
                "warn",
                table.name,
                f"{table.name}: values are missing in {shares}. Features of these columns know "
                "that much less.",
            )


CHECK = Check("missing", _says)
