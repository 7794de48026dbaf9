"""Writing a profile store: all of it or nothing, and never over something else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.errors import InputError
from neigung.files import replacing_folder
from neigung.profiles.sources.folder import MARKER


@dataclass(frozen=True)
class ImportResult:
    """What an import made.

    Attributes:
        path: the folder of the profile store.
        rows: rows written, by table.
        set_aside: rows of the source that were left out or changed, by reason.

    >>> result = ImportResult("shop", {"order_lines": 2000}, {"lines without a customer": 31})
    >>> print(result.summary)
    shop: 2,000 order_lines
    lines without a customer: 31
    """

    path: str
    rows: dict[str, int]
    set_aside: dict[str, int]

    @property
    def summary(self) -> str:
        """The result in words, one line for the tables and one for each reason."""
        tables = ", ".join(f"{rows:,} {name}" for name, rows in self.rows.items())
        reasons = [f"{reason}: {rows:,}" for reason, rows in self.set_aside.items()]
        return "\n".join([f"{self.path}: {tables}", *reasons])

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON types."""
        return asdict(self)


def check_free(out: Path, importer: str) -> None:
    """Raise InputError unless `out` is absent, empty, or an earlier store of `importer`.

    Importers call it before they read anything, so that a wrong target costs no time.
    """
    if not out.exists():
        return
    advice = "Name a folder that does not exist yet."
    if not out.is_dir():
        raise InputError(
            f"A folder was needed for the profile store, but {out} is a file. {advice}"
        )
    if not any(out.iterdir()):
        return
    try:
        earlier = json.loads((out / MARKER).read_text(encoding="utf-8")).get("importer")
    except (OSError, ValueError, AttributeError):
        earlier = None
    if earlier != importer:
        kind = "something else" if earlier is None else f"a store made by {earlier}"
        raise InputError(
            f"{out} must be empty or an earlier store of {importer}, but holds {kind}, "
            f"which is not overwritten. {advice}"
        )


def write_store(
    out: Path,
    tables: Mapping[str, pd.DataFrame],
    importer: str,
    set_aside: Mapping[str, int],
) -> ImportResult:
    """Write `tables` as Parquet files into the folder `out`, atomically.

    The same tables give the same bytes. An earlier store of the same importer is replaced, and
    stays as it was when anything fails; a folder that holds something else raises InputError.
    """
    check_free(out, importer)
    rows = {name: len(table) for name, table in tables.items()}
    marker = {"importer": importer, "rows": rows, "set_aside": dict(set_aside)}
    with replacing_folder(out) as fresh:
        for name, table in tables.items():
            # pandas' own metadata would put its version into the bytes.
            arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
            pq.write_table(
                arrow,
                fresh / f"{name}.parquet",
                compression="zstd",
                coerce_timestamps="us",  # as other engines read them, Spark among them
                allow_truncated_timestamps=True,
            )
        text = json.dumps(marker, indent=2, ensure_ascii=False) + "\n"
        (fresh / MARKER).write_text(text, encoding="utf-8")
    return ImportResult(str(out), rows, dict(set_aside))
