"""Names and numbers in the form that MLflow can store."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Metric


def key(name: str) -> str:
    """A name in the letters that MLflow takes: an arm may be called 10%.

    >>> key("test.uplift.10%")
    'test.uplift.10_'
    """
    return re.sub(r"[^\w.\-: /]", "_", name)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested keys joined by dots; what is not set is left out.

    >>> list(flat({"target": {"kind": "churn", "where": None}, "features": ["a", "b"]}))
    [('target.kind', 'churn'), ('features', 'a, b')]
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{key}", ", ".join(map(str, value))
        elif value is not None:
            yield f"{prefix}{key}", value


def finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that MLflow can store and plot.

    >>> finite({"auroc": 0.8, "lift": None, "brier": float("nan")})
    {'auroc': 0.8}
    """
    return {
        key: float(value)
        for key, value in values.items()
        if value is not None and math.isfinite(value)
    }


def metrics(values: Mapping[str, float]) -> list[Metric]:
    """Numbers as MLflow's metrics of this moment."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(key(name), value, now, 0) for name, value in values.items()]
