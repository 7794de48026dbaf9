"""The numbers of an evaluation by the names under which a report and a run refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from neigung.evaluation.frames import finite, interval_numbers

Tables = Mapping[str, pd.DataFrame]
"""The tables of an evaluation, by name."""

MODEL = "model"
"""The name of our model among the baselines of an evaluation."""


def headline_numbers(tables: Tables, n_rows: int, base_rate: float) -> dict[str, float]:
    """The numbers of the test for a glance: see `Evaluation.headline_numbers`."""
    values: dict[str, Any] = {"test.rows": n_rows, "test.base_rate": base_rate}
    for row in tables["metrics"].to_dict("records"):
        owner = "test" if row["model"] == MODEL else f"baseline.{row['model']}"
        values |= interval_numbers(f"{owner}.{row['metric']}", row)
    for row in tables["differences"].to_dict("records"):
        values |= interval_numbers(f"difference.{row['baseline']}.{row['metric']}", row)
    return finite(values)


def propensity_numbers(tables: Tables) -> dict[str, float]:
    """Those of the tables of probabilities, `top` among them: see `Evaluation.numbers`."""
    values: dict[str, Any] = {}
    for row in tables["folds"].to_dict("records"):
        name = f"fold.{row['cutoff']:%Y-%m-%d}.{row['model']}.{row['metric']}"
        values |= interval_numbers(name, row)
    for row in tables["segments"].to_dict("records"):
        level = f"segment.{row['segment']}.{row['level']}"
        values |= {f"{level}.{key}": row[key] for key in ("n", "positives")}
        values |= interval_numbers(f"{level}.{row['model']}.{row['metric']}", row)
    for row in tables["top"].to_dict("records"):
        values |= _top_numbers(row)
    bins = tables["calibration"]
    own = bins[bins["model"] == MODEL]
    for i, row in enumerate(own.to_dict("records"), start=1):
        values |= {f"calibration.{i}.{key}": row[key] for key in ("predicted", "n")}
        values |= interval_numbers(f"calibration.{i}.observed", row, "observed")
    return finite(values)


def offer_numbers(tables: Tables) -> dict[str, float]:
    """Those of the tables of offers: see `OfferEvaluation.numbers`."""
    values: dict[str, Any] = {}
    for row in _rows(tables["metrics"], "policy_value"):
        values |= interval_numbers(f"policy.{row['model']}", row)
    for row in _rows(tables["differences"], "policy_value"):
        values |= interval_numbers(f"policy_lead.{row['baseline']}", row)
    for row in tables["arm_effects"].to_dict("records"):
        name = f"effect.{row['arm']}"
        values |= interval_numbers(name, row, "effect")
        values |= interval_numbers(f"{name}.naive", row, "naive", "naive_")
        values |= {f"{name}.{key}": row[key] for key in ("n", "mean", "p", "needed")}
    for row in tables["rankings"].to_dict("records"):
        values |= interval_numbers(f"ranking.{row['arm']}.{row['model']}.{row['metric']}", row)
    for row in tables["bands"].to_dict("records"):
        name = f"band.{row['arm']}.{row['band']}"
        values |= {f"{name}.{key}": row[key] for key in ("n", "predicted")}
        values |= interval_numbers(f"{name}.effect", row, "effect")
    for row in tables["overlap"].to_dict("records"):
        values |= {
            f"overlap.{row['arm']}.{key}": value
            for key, value in row.items()
            if key not in ("arm", "usable")
        }
    for row in tables["balance"].to_dict("records"):
        name = f"balance.{row['column']}.{row['arm']}"
        values |= {f"{name}.{key}": row[key] for key in ("before", "after")}
    for row in tables["placebo"].to_dict("records"):
        name = ".".join(filter(None, ("placebo", row["check"], row["arm"])))
        values |= interval_numbers(name, row)
    return finite(values)


def _top_numbers(row: dict[Any, Any]) -> dict[str, Any]:
    name = f"top.{100 * row['share']:g}"
    plain = ("customers", "found", "rate", "baseline_found", "baseline_found_share")
    values: dict[str, Any] = {f"{name}.{key}": row[key] for key in plain}
    for key in ("found_share", "lift", "more"):
        values |= interval_numbers(f"{name}.{key}", row, key, f"{key}_")
    return values


def _rows(table: pd.DataFrame, metric: str) -> list[dict[Any, Any]]:
    return table[table["metric"] == metric].to_dict("records")
