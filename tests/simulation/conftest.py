"""One simulated shop for the room's tests, read once."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from neigung.simulation import Truth, read_truth, simulate

SEED = 3


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of 40,000 customers in a folder."""
    out = tmp_path_factory.mktemp("simulation") / "shop"
    simulate(out, 40_000, SEED)
    return out


@pytest.fixture(scope="session")
def truth(shop: Path) -> Truth:
    """What nobody can see of `shop`."""
    return read_truth(shop)


@pytest.fixture(scope="session")
def tables(shop: Path) -> dict[str, pd.DataFrame]:
    """The tables of `shop`, money as floats."""
    frames = {}
    for folder in sorted(path for path in shop.iterdir() if path.is_dir()):
        if not folder.name.startswith("_"):
            frame = pq.read_table(folder).to_pandas()
            for money in {"net_value", "discount_value", "value"} & set(frame.columns):
                frame[money] = frame[money].astype(float)
            frames[folder.name] = frame
    return frames


@pytest.fixture(scope="session")
def outcomes(tables: dict[str, pd.DataFrame], truth: Truth) -> pd.DataFrame:
    """The truth of each offer with what happened: bought (0/1), net and gross value.

    Customers with another offer within the horizon are left out: their orders may belong to it.
    """
    offers = truth.offers.sort_values(["customer_id", "cutoff"])
    own = offers.groupby("customer_id").cutoff
    horizon = pd.Timedelta(days=14)
    offers = offers[~((own.diff() < horizon) | (-own.diff(-1) < horizon))]
    lines = tables["order_lines"].assign(gross=lambda table: table.net_value + table.discount_value)
    orders = lines.groupby(["customer_id", "order_id"]).agg(
        at=("occurred_at", "min"), net=("net_value", "sum"), gross=("gross", "sum")
    )
    both = offers[["offer_id", "customer_id", "cutoff"]].merge(
        orders.reset_index(), on="customer_id"
    )
    both = both[(both["at"] >= both.cutoff) & (both["at"] < both.cutoff + horizon)]
    within = both.groupby("offer_id").agg(
        orders=("net", "size"), net=("net", "sum"), gross=("gross", "sum")
    )
    offers = offers.join(within, on="offer_id")
    offers[["orders", "net", "gross"]] = offers[["orders", "net", "gross"]].fillna(0.0)
    return offers.assign(bought=(offers.orders > 0).astype(float))
