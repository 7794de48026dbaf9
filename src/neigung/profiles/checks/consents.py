"""Who may be profiled and contacted."""

from __future__ import annotations

from collections.abc import Iterator

from neigung.profiles.checks.check import Check, Facts
from neigung.profiles.quality_report import Finding


def _says(facts: Facts) -> Iterator[Finding]:
    if facts.permissions is None:
        return
    if not facts.permissions:
        yield Finding(
            "warn",
            "consents",
            "There is no table consents, so nothing shows who may be profiled and contacted. "
            "A study then needs another legal basis than consent.",
        )
    for permission in facts.permissions:
        what = "profiled" if permission.purpose == "profiling" else "contacted"
        yield Finding(
            "ok" if permission.granted else "bad",
            "consents",
            f"consents: {permission.granted:.1%} of the customers with an order have agreed to "
            f"be {what}, {permission.refused:.1%} have refused.",
        )


CHECK = Check("consents", _says)
