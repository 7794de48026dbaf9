"""Runs inside the environment of featuretools: 30 aggregates of orders, by windows.

    python run_featuretools.py FOLDER CUTOFF...

Rows are dated by when they were known, which is how featuretools keeps the future out. The windows
are calls of their own, as a training window belongs to a call.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import featuretools as ft
import pandas as pd

WINDOWS = (7, 30, 60, 90, 180, 365)


def main() -> None:
    warnings.filterwarnings("ignore")
    folder, *times = sys.argv[1:]
    wall, cpu = time.perf_counter(), time.process_time()
    lines = pd.read_parquet(
        Path(folder), columns=["customer_id", "order_id", "known_at", "net_value"]
    )
    lines["net_value"] = lines["net_value"].astype("float64")
    orders = lines.groupby(["order_id", "customer_id"], observed=True, as_index=False).agg(
        known_at=("known_at", "min"), value=("net_value", "sum")
    )
    entities = ft.EntitySet("shop")
    entities.add_dataframe(
        dataframe_name="customers",
        dataframe=orders[["customer_id"]].drop_duplicates(),
        index="customer_id",
    )
    entities.add_dataframe(
        dataframe_name="orders", dataframe=orders, index="order_id", time_index="known_at"
    )
    entities.add_relationship("customers", "customer_id", "orders", "customer_id")
    columns = 0
    for cutoff in times:
        at = pd.Timestamp(cutoff) - pd.Timedelta(microseconds=1)
        active = orders.loc[orders["known_at"] <= at, "customer_id"].unique()
        rows = pd.DataFrame({"customer_id": active, "time": at})
        for days in WINDOWS:
            matrix, names = ft.dfs(
                entityset=entities,
                target_dataframe_name="customers",
                cutoff_time=rows,
                training_window=f"{days} days",
                agg_primitives=["count", "sum", "mean", "max", "std"],
                trans_primitives=[],
                include_cutoff_time=True,
                max_depth=2,
                n_jobs=1,
            )
            columns += len(names)
            assert len(matrix) == len(active)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "columns": columns // len(times),
                "version": ft.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
