"""Small profile stores for the tests of this room."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Frames = dict[str, pd.DataFrame]


@pytest.fixture
def store_lines() -> pd.DataFrame:
    """Four order lines of two customers."""
    return pd.DataFrame(
        {
            "customer_id": ["anna", "anna", "björn", "björn"],
            "order_id": ["o1", "o1", "o2", "o3"],
            "occurred_at": pd.to_datetime(
                ["2025-01-01 10:00", "2025-01-01 10:00", "2025-01-05 12:30", "2025-02-01 00:00"]
            ),
            "net_value": [10.0, 2.5, 7.25, 100.0],
            "discount_value": [0.0, 0.5, 0.0, 10.0],
        }
    )


@pytest.fixture
def store_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes frames as a folder of Parquet (or CSV) files and gives its path."""

    def write(suffix: str = ".parquet", **frames: pd.DataFrame) -> Path:
        folder = tmp_path / "profiles"
        folder.mkdir(exist_ok=True)
        for name, frame in frames.items():
            if suffix == ".parquet":
                frame.to_parquet(folder / f"{name}.parquet", index=False)
            else:
                frame.to_csv(folder / f"{name}{suffix}", index=False)
        return folder

    return write
