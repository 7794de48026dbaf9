"""The sources of profiles, and which of them a location belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neigung.errors import ProfileError
from neigung.locations import is_url
from neigung.profiles.sources import database, files, postgres, spark_tables
from neigung.profiles.sources.source import Source

SOURCES: tuple[Source, ...] = (
    spark_tables.SOURCE,
    postgres.SOURCE,
    files.SOURCE,
    database.SOURCE,
)


def source_of(location: Any) -> Source:
    """The source that opens a location; ProfileError when none does."""
    for source in SOURCES:
        if source.takes(location):
            return source
    if is_url(location):
        raise ProfileError(
            "A profile store is a folder of Parquet or CSV files, a DuckDB file, or the URL of "
            f"one in PostgreSQL or Spark, but found {str(location).partition('://')[0]}://. "
            "Export the tables to a folder."
        )
    if not Path(location).expanduser().exists():
        raise ProfileError(
            f"A profile store was expected at {Path(location).expanduser()}, but there is nothing. "
            "Check the path; `neigung import` makes a store."
        )
    raise ProfileError(
        f"A profile store is a folder of Parquet or CSV files, or a DuckDB file "
        f"({', '.join(database.ENDINGS)}), but {location} is neither. "
        "Put one file per table into a folder and name the folder."
    )
