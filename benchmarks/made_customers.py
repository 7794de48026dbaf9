"""Made-up customers with the columns of the real library, for benchmarks that need no store."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neigung.features.feature import Column
from neigung.features.library import library
from neigung.models.dataset import Dataset

ATTRIBUTES = {
    "age": ["18-29", "30-39", "40-49", "50-59", "60+"],
    "sex": ["female", "male", "diverse"],
    "region": [f"region {number:02d}" for number in range(16)],
    "income": ["low", "middle", "high"],
}


def columns_of(count: int) -> tuple[Column, ...]:
    """The first of the library, and the attributes."""
    found = [column for one in library() for column in one.columns][: count - len(ATTRIBUTES)]
    for name in ATTRIBUTES:
        key = f"attribute_{name}"
        texts = (f"Attribute “{name}”", f"Merkmal „{name}“")
        found.append(Column(key, key, None, "category", "attributes", "category", *texts))
    return tuple(found)


def made(columns: tuple[Column, ...], count: int, cutoff: str, seed: int) -> Dataset:
    """Customers at one cutoff; those who ordered often, and lately, order again."""
    rng = np.random.default_rng(seed)
    eager = rng.gamma(1.5, 1.0, count)
    frame: dict[str, Any] = {
        "customer_id": np.char.add("customer-", np.arange(count).astype(str)).astype(object),
        "cutoff": np.full(count, np.datetime64(cutoff, "us")),
    }
    for column in columns:
        if column.kind == "category":
            levels = ATTRIBUTES.get(column.name.removeprefix("attribute_"), ["web", "app", "store"])
            codes = rng.integers(-1, len(levels), count)
            frame[column.name] = pd.Categorical.from_codes(codes, levels)
            continue
        frame[column.name] = values(column.unit, eager, rng)
    odds = 1.2 * np.log(eager) - 0.3 + 0.3 * rng.normal(size=count)
    frame["label"] = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    return Dataset(pd.DataFrame(frame), columns)


def values(unit: str, eager: Any, rng: np.random.Generator) -> Any:
    """Numbers as a feature of this unit has them, a tenth of them missing where that can be."""
    count = len(eager)
    if unit == "share":
        found = rng.beta(1 + eager, 3)
    elif unit in ("days", "hours", "clock"):
        found = np.round(rng.gamma(1.2, 40 / (0.3 + eager)), 1)
    elif unit in ("currency", "ratio", "points"):
        found = np.round(rng.gamma(1 + eager, 20), 2)
    else:
        return rng.poisson(3 * eager).astype(float)
    return np.where(rng.random(count) < 0.1, np.nan, found)
