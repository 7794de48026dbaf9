"""Folders in which a log says which files still count: those of Delta, Hudi, Iceberg and Spark.

Files of retired versions lie in them beside the current ones, so that reading all counts rows
twice.
"""

from __future__ import annotations

import re
from pathlib import Path

_ADVICE = "Export the current version into a folder of its own, for example with"
_LOGS: tuple[tuple[str, str, str, str], ...] = (
    (
        "_delta_log",
        r"\d{20}\.(json|checkpoint.*\.parquet)|_last_checkpoint",
        "a Delta table",
        "DuckDB: COPY (FROM delta_scan('{folder}')) TO 'NEW.parquet'",
    ),
    (
        ".hoodie",
        r".*",
        "a Hudi table",
        "Spark: spark.read.format('hudi').load('{folder}').write.parquet('NEW')",
    ),
    (
        "metadata",
        r".*\.metadata\.json(\.gz)?|version-hint\.text",
        "an Iceberg table",
        "DuckDB: COPY (FROM iceberg_scan('{folder}')) TO 'NEW.parquet'",
    ),
    (
        "_spark_metadata",
        r"\d+(\.compact)?",
        "the output of a stream of Spark",
        "Spark: spark.read.parquet('{folder}').write.parquet('NEW')",
    ),
)


def log_of(folder: Path) -> str | None:
    """Why a folder cannot be read file by file; None where it can.

    >>> log_of(Path("."))
    """
    for name, files, what, command in _LOGS:
        log = folder / name
        if log.is_dir() and any(re.fullmatch(files, one.name) for one in log.iterdir()):
            return (
                f"{folder} is {what}: only its log ({name}) says which files still count. "
                f"{_ADVICE} {command.format(folder=folder)}."
            )
    return None
