"""The checks of the reports: a file each, and here which kind of model has which, in order.

A new check is one file and its name below; a kind of model that comes new gets an entry.
"""

from neigung.judgement.check import Check
from neigung.judgement.checks import (
    arms,
    baseline,
    calibration,
    drift,
    effect,
    fairness,
    leak,
    overlap,
    placebo,
    seed,
    segments,
    time,
)

_SHARED = (fairness.CHECK, drift.CHECK, leak.CHECK, seed.CHECK)

CHECKS: dict[str, tuple[Check, ...]] = {
    "propensity": (baseline.CHECK, calibration.CHECK, time.CHECK, segments.CHECK, *_SHARED),
    "offer": (effect.CHECK, arms.CHECK, placebo.CHECK, overlap.CHECK, *_SHARED),
}
"""By kind of model; the front page tells them in this order."""
