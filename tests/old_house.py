"""The house of version 0.1, unpacked: see `tests/data/version_0_1/README.md`."""

from __future__ import annotations

import platform
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version as installed
from pathlib import Path

PACKED = Path(__file__).parent / "data" / "version_0_1" / "house.tar.xz"
PLACE = "/house-of-version-0.1"
"""Stands in MLflow's files for the folder."""


def unpack(folder: Path) -> None:
    """The house in a new folder, MLflow's files as if it had been made there."""
    with tarfile.open(PACKED) as packed:
        packed.extractall(folder, filter="data")
    for path in folder.glob("mlruns/**/*"):
        if path.is_file() and PLACE.encode() in (content := path.read_bytes()):
            path.write_bytes(content.replace(PLACE.encode(), str(folder).encode()))
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        for table, column in list(_texts(store)):
            store.execute(
                f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)',  # noqa: S608
                (PLACE, str(folder)),
            )
        store.commit()


def _texts(store: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for _, column, kind, *_ in store.execute(f'PRAGMA table_info("{table}")').fetchall():
            if kind.startswith(("VARCHAR", "TEXT")):
                yield table, column


def machine() -> dict[str, str]:
    """Where it is equal, the same training gives the same bytes; as `make.py` wrote it down."""
    from numpy._core._multiarray_umath import __cpu_features__

    libraries = ("numpy", "scipy", "scikit-learn", "lightgbm", "pandas", "duckdb")
    return {name: installed(name) for name in libraries} | {
        "processor": platform.machine(),
        "features": " ".join(sorted(name for name, there in __cpu_features__.items() if there)),
    }
