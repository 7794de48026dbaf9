"""What was mended or doubted when the store was opened."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    if facts.tables:  # before a training or scoring these are told as notes anyway
        yield from (one for one in facts.store.said if one.severity != "ok")


CHECK = Check("opening", _says)
