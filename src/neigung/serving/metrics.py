"""The service's own numbers, beside those that BentoML counts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from prometheus_client import Counter, Gauge, Histogram, multiprocess

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

PREDICTIONS = Counter(
    "neigung_predictions_total",
    "Predictions answered.",
    labelnames=["study", "model_version", "source"],
)
REFUSALS = Counter(
    "neigung_refusals_total", "Customers not predicted, and why.", labelnames=["study", "code"]
)
STAGE_SECONDS = Histogram(
    "neigung_stage_seconds",
    "Time that a request spends on a stage.",
    labelnames=["stage"],
    buckets=_SECONDS,
)
MODEL_VERSION = Gauge(
    "neigung_model_version",
    "The version that is served.",
    labelnames=["study"],
    multiprocess_mode="livemin",
)
CONSENTS_AGE = Gauge(
    "neigung_consents_age_seconds",
    "How long ago the consents were last seen to be current.",
    labelnames=["study"],
    multiprocess_mode="livemax",
)
TROUBLES = Gauge(
    "neigung_troubles",
    "What cannot be followed at present: champion, snapshot, consents.",
    labelnames=["study"],
    multiprocess_mode="livemax",
)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage: features, model, reasons or log."""
    start = time.perf_counter()
    try:
        yield
    finally:
        STAGE_SECONDS.labels(stage=name).observe(time.perf_counter() - start)


def forget_the_dead() -> None:
    """Drop the gauges of workers that were killed: nobody else would, and they never change."""
    folder = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""))
    written = {file.stem.rpartition("_")[2] for file in folder.glob("gauge_live*_*.db")}
    for process in map(int, filter(str.isdigit, written)):
        if not psutil.pid_exists(process):
            multiprocess.mark_process_dead(process)  # type: ignore[no-untyped-call]
