"""An engine for expressions over very few rows.

What is dear for a million customers is cheap here, and the other way round: planning costs more
than running, and running costs by the number of columns and aggregates, not of rows.
"""

from __future__ import annotations

from typing import Any

import ibis

_NARROWING = (
    "expression_rewriter",
    "unused_columns",
    "common_subexpressions",
    "common_aggregate",
    "column_lifetime",
)
"""The engine's optimizers that pay over few rows; all others only make plans deeper."""


def connect() -> Any:
    """An engine in memory, of one thread, that never writes rows to disk."""
    connection = ibis.duckdb.connect(threads=1, autoinstall_known_extensions=False)
    engine = connection.con
    engine.execute("SET timezone = 'UTC'")
    engine.execute("SET temp_directory = ''")
    known = engine.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    others = ",".join(name for (name,) in known if name not in _NARROWING)
    engine.execute(f"SET disabled_optimizers = '{others}'")
    return connection
