"""Entries of a decision log as the service makes them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from neigung.explanation.reasons import Reason
from neigung.serving.entry import Entry

KEY = b"a secret of the tests, long enough"
AT = dt.datetime(2026, 3, 1, 12, 30, 15, 123457)
COLUMNS = tuple(f"column_{number}" for number in range(20))
REASONS = (
    Reason("days", 41.0, -0.75, "Last order 41 days ago", "Letzte Bestellung vor 41 Tagen"),
    Reason("channel", "web", 0.25, "Mostly orders by web", "Bestellt meist über web"),
    Reason("gap", None, 0.125, "Usual gap: unknown", "Üblicher Abstand: unbekannt"),
)
DEFINITION = {
    "name": "buy",
    "profiles": "postgresql://shop:password@db/profiles",
    "target": {"kind": "purchase", "horizon_days": 30},
    "legal_basis": {"consent": "profiling", "legitimate_interest": None},
    "retention_days": 1095,
}


def entry(customer_id: str = "c1", number: int = 0, **changes: Any) -> Entry:
    """An entry; those of different numbers differ in all that is personal."""
    numbers = np.random.default_rng(number)
    values: dict[str, Any] = {
        "customer_id": customer_id,
        "study": "buy",
        "version": 3,
        "artefact_digest": "ab" * 32,
        "kind": "prediction",
        "cutoff": dt.datetime(2026, 2, 28),
        "source": "snapshot",
        "features_digest": numbers.bytes(16).hex(),
        "outputs": {"probability": float(numbers.random()), "percentile": 55.5, "band": "medium"},
        "contributions": numbers.normal(size=len(COLUMNS) + 1),
        "columns": COLUMNS,
        "unit": "log_odds",
        "arm": None,
        "reasons": REASONS,
        "client": "crm",
        "definition": DEFINITION,
    }
    return Entry(**(values | changes))
