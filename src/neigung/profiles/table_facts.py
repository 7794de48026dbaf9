"""What a profile store holds, table by table, for people who were not there when it was filled."""

from __future__ import annotations

import pandas as pd

from neigung.profiles.contract import TABLES
from neigung.profiles.store import Profiles


def table_facts(profiles: Profiles) -> pd.DataFrame:
    """One row per table, in the contract's order; one query each.

    Columns: `table`, `rows`, `customers` (different ones), `first` and `last`: when the oldest and
    the newest row happened, UTC; of labels, their cutoffs.

    >>> lines = pd.DataFrame({"customer_id": [7, 7, 8], "order_id": ["a", "b", "c"],
    ...     "occurred_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-02-03"]),
    ...     "net_value": [10.0, 5.5, 20.0]})
    >>> facts = table_facts(Profiles.from_tables({"order_lines": lines}))
    >>> facts[["table", "rows", "customers"]].values.tolist(), f"{facts['last'][0]:%d.%m.%Y}"
    ([['order_lines', 3, 2]], '03.02.2025')
    """
    found = []
    for name in TABLES:
        if name not in profiles:
            continue
        table = profiles.table(name)
        at = table.cutoff if name == "labels" else table.occurred_at
        facts = table.aggregate(
            rows=table.count(),
            customers=table.customer_id.nunique(),
            first=at.min(),
            last=at.max(),
        )
        found.append({"table": name, **facts.to_pyarrow().to_pylist()[0]})
    types = {"first": "datetime64[us]", "last": "datetime64[us]"}
    return pd.DataFrame(found, columns=["table", "rows", "customers", "first", "last"]).astype(
        types
    )
