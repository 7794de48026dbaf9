"""Columns whose values stand in the names of folders, such as `channel=web`, as Hive has them.

Only folders between a table and its files count: what lies above has other reasons for its name.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.profiles.sources.folder import Files

FILE = "_neigung_file"
"""The column of the file of each row while it is read."""

NOTHING = "__HIVE_DEFAULT_PARTITION__"


class PartitionError(Exception):
    """A column has other values in the files than in the names of their folders."""


@ibis.udf.scalar.builtin(name="url_decode")  # type: ignore[untyped-decorator]
def _decoded(text: dt.string) -> dt.string:
    """A text without escapes."""


def read(table: ir.Table, files: Files) -> ir.Table:
    """The rows with the columns of folders' names, as text.

    Raises PartitionError when a file has one of these columns with other values.
    """
    if not files.partitions:
        return table
    below = table[FILE].substr(len(str(files.entry)))
    values = {}
    for name in files.partitions:
        # Hive escapes in names what a folder's name must not hold.
        form = f"/(?:{re.escape(name)}|{re.escape(quote(name))})=([^/]*)/"
        value = _decoded(below.re_extract(form, 1))
        values[name] = value.nullif(NOTHING).nullif("")
    for name in set(values) & set(table.columns):
        _require_same(table, name, values[name], files)
    return table.mutate(**values).drop(FILE)


def _require_same(table: ir.Table, name: str, value: ir.Value, files: Files) -> None:
    own = table[name].cast("string")
    other = ~own.identical_to(value)
    found = table.aggregate(
        rows=other.sum(), own=own.argmin(table[FILE], where=other), folder=value.min(where=other)
    )
    [row] = found.to_pyarrow().to_pylist()
    if row["rows"]:
        raise PartitionError(
            f"{files.entry}: {name} stands in the files and in the names of their folders, but "
            f"{row['rows']:,} rows differ, such as {row['own']!r} in {name}={row['folder']}. "
            "Remove the column from the files, or move them into other folders."
        )
