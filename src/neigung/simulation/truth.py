"""The truth of a simulated retailer, for evaluation only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.errors import InputError

FOLDER = "_truth"
"""Where the truth lies in a simulated store; names that begin so are no tables of a store."""


@dataclass(frozen=True)
class Truth:
    """What nobody can see.

    Attributes:
        offers: one row per offer, as in the table offers: offer_id, customer_id, cutoff,
            campaign_id, arm (the one given), assignment_probability (of that arm, also where
            staff chose), p_ARM for each arm (the probability to order within 14 days under it,
            apart from other offers in that time; missing for arms that the wave did not have),
            basket (expected value of the order before discount, in euro), segment (sure thing,
            persuadable, lost cause, put off) and traceable (mean gain in probability under the
            reference arm, 10 % or email, of all who behave alike: the most that a model of
            behaviour could know).
        customers: one row per customer: orders_per_year, left_at (no order of their own accord
            from then on), movable (persuadable, immovable or put off), thrift (price sensitivity)
            and depth (how deep a discount must be), which both show in behaviour, strength (of
            the response) and threshold (the discount of half the effect), of which depth is but a
            part, and basket.
    """

    offers: pd.DataFrame
    customers: pd.DataFrame


def read_truth(out: str | Path) -> Truth:
    """The truth of the simulated store in the folder `out`.

    Raises InputError when `out` is no simulated store.
    """
    folder = Path(out) / FOLDER
    if not (folder / "offers").is_dir() or not (folder / "customers").is_dir():
        raise InputError(
            f"The truth of a simulated store was needed, but {out} holds none. "
            "Name a folder that `neigung simulate` wrote."
        )
    return Truth(_read(folder / "offers"), _read(folder / "customers"))


def _read(folder: Path) -> pd.DataFrame:
    parts = [pq.ParquetFile(part).read() for part in sorted(folder.glob("part-*.parquet"))]
    frame: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return frame
