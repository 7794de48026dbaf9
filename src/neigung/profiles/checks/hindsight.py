"""Attributes of customers that hold the outcome."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.hindsight import hindsight
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    for one in hindsight(facts.store.tables):
        yield Finding(
            "bad",
            "customers",
            f"customers: {one.text}. Models would learn the outcome from it, and their versions "
            "cannot become champion. Give the rows occurred_at, when they were recorded, or leave "
            "the column out.",
        )


CHECK = Check("hindsight", _says)
