"""Tables of an evaluation as JSON and as named numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """A cell as JSON knows it: what is missing or no finite number becomes None.

    >>> plain(np.float64(0.5)), plain(float("nan")), plain(pd.Timestamp("2025-06-01"))
    (0.5, None, '2025-06-01T00:00:00')
    """
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table_to_dict(table: pd.DataFrame) -> dict[str, Any]:
    """A table, JSON-ready: its columns and its rows.

    >>> table_to_dict(pd.DataFrame({"n": [1], "value": [float("nan")]}))
    {'columns': ['n', 'value'], 'rows': [[1, None]]}
    """
    rows = [[plain(value) for value in row] for row in table.itertuples(index=False)]
    return {"columns": list(table.columns), "rows": rows}


def table_from_dict(data: Mapping[str, Any], types: Mapping[str, Any]) -> pd.DataFrame:
    """The inverse of `table_to_dict`; `types` holds those of the columns, see `typed`.

    >>> table_from_dict({"columns": ["n", "value"], "rows": [[1, None]]}, {"value": float})
       n  value
    0  1    NaN
    """
    return typed(pd.DataFrame(data["rows"], columns=data["columns"]), types)


def typed(table: pd.DataFrame, types: Mapping[str, Any]) -> pd.DataFrame:
    """The table with the types of its columns, which an empty frame and JSON do not know.

    >>> typed(pd.DataFrame(columns=["n"]), {"n": int, "value": float}).dtypes.tolist()
    [dtype('int64')]
    """
    return table.astype({name: kind for name, kind in types.items() if name in table})


def finite(values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among some values: what is missing or infinite is left out.

    >>> finite({"auroc": 0.8, "lift": None, "brier": float("nan"), "n": 3})
    {'auroc': 0.8, 'n': 3.0}
    """
    return {
        name: float(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }


def interval_numbers(
    name: str, row: Mapping[Any, Any], value: str = "value", before: str = ""
) -> dict[str, Any]:
    """A number and its interval by name: NAME, NAME.low and NAME.high.

    `value` is the column of the number, `before` what comes before `low` and `high`.

    >>> interval_numbers("lift", {"lift": 2.0, "lift_low": 1.5, "lift_high": 2.5}, "lift", "lift_")
    {'lift': 2.0, 'lift.low': 1.5, 'lift.high': 2.5}
    """
    return {
        name: row[value],
        f"{name}.low": row[f"{before}low"],
        f"{name}.high": row[f"{before}high"],
    }
