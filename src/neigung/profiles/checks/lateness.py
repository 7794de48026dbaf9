"""Rows that became known later than they happened."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables.values():
        late = table.lateness
        if late and late.p95_days > 1:
            yield Finding(
                "warn",
                table.name,
                f"{table.name}: {late.share_late:.1%} of the rows became known late: half of "
                f"these after {late.median_days:.1f} days, the latest after {late.max_days:.1f}. "
                "Predictions made before do not see them.",
            )


CHECK = Check("lateness", _says)
