"""Tables in memory, of pandas, Arrow, Polars or Ibis, as the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from neigung.errors import ProfileError
from neigung.profiles.contract import TABLES
from neigung.profiles.sources.source import did_you_mean, unreadable, with_known_times


def memory_tables(connection: Any, frames: Mapping[str, Any]) -> dict[str, ir.Table]:
    """Frames of pandas, Arrow, Polars or Ibis as tables of `connection`, unchecked.

    Raises ProfileError when a table is unknown or cannot be read.
    """
    unknown = [name for name in frames if name not in TABLES]
    if unknown:
        names = ", ".join(map(repr, unknown))
        raise ProfileError(
            f"{names} is no table of a profile{did_you_mean(unknown[0], TABLES)}. "
            f"The tables are {', '.join(TABLES)}."
        )
    tables = {}
    for name, frame in frames.items():
        try:
            connection.con.register(f"raw_{name}", _contract_first(name, _arrow(frame)))
            tables[name] = with_known_times(connection.table(f"raw_{name}"))
        except (pa.ArrowException, duckdb.Error, TypeError, ValueError) as error:
            raise unreadable(f"The table {name}", error) from error
    return tables


def _contract_first(name: str, table: pa.Table) -> pa.Table:
    """The columns of the contract before those of the store's own: of names that differ by case
    alone the engine leaves the first as it is."""
    known = [column.name for column in TABLES[name].columns]
    names = table.column_names
    order = sorted(range(len(names)), key=lambda index: names[index] not in known)
    return table.select(order)


def _arrow(frame: Any) -> pa.Table:
    if isinstance(frame, ir.Table):
        table = frame.to_pyarrow()
    elif isinstance(frame, pd.DataFrame):
        table = pa.Table.from_pandas(frame, preserve_index=False)
    else:
        table = pa.table(frame)
    for index, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            # A column of nothing has no type in Arrow, but needs one in the engine.
            table = table.set_column(index, field.name, table.column(index).cast(pa.string()))
    return table
