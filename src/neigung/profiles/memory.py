"""How much memory the engine may take, and what is said when that is too little."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import duckdb

from neigung.errors import InputError, NeigungError

VARIABLE = "NEIGUNG_MEMORY_LIMIT"
"""The environment variable that holds the limit where none is given."""

LEAST = 250_000_000
"""Less is refused at once: it would be found too little only after minutes of work."""

SHARE, LEAST_SHARE = 0.2, 4_000_000_000
"""Where nobody sets a limit: this part of what DuckDB would take, and no less than that if there.

DuckDB would take four fifths of the machine before it writes anything to disk, though what runs
there beside it, such as the training that reads its tables, needs memory, too.
"""

STEP = 1.3
"""The limits that are tried after a failure lie so far apart."""

_UNITS = {
    "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip


class MemoryLimitError(NeigungError):
    """The memory that the engine may take does not suffice."""


def limit_in_bytes(given: str | None) -> int | None:
    """The memory limit in bytes: the one given, else that of the environment; None without one.

    Raises InputError for what is no amount of memory, or too little for any store.

    >>> limit_in_bytes("4GB"), limit_in_bytes("1.5 GiB")
    (4000000000, 1610612736)
    """
    text = given if given is not None else os.environ.get(VARIABLE)
    if not text:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*", text, re.IGNORECASE)
    source = "the memory limit" if given is not None else VARIABLE
    if found is None:
        raise InputError(
            f"A number with the unit MB, GB or TB is needed as {source}, such as 4GB, found "
            f"'{text}'. Write it so."
        )
    limit = int(float(found[1]) * _UNITS[found[2].upper()])
    if limit < LEAST:
        raise InputError(
            f"At least {_told(LEAST)} are needed as {source}, found '{text}'. Raise it."
        )
    return limit


def share_of(whole: int) -> int:
    """The bytes to begin with where nobody set a limit and DuckDB would take `whole`.

    >>> share_of(100_000_000_000), share_of(12_000_000_000), share_of(3_000_000_000)
    (20000000000, 4000000000, 3000000000)
    """
    return min(whole, max(LEAST_SHARE, int(whole * SHARE)))


def shortage(
    con: Any, limit: int | None, error: Exception, run: Callable[[], Any]
) -> MemoryLimitError | None:
    """What to say when `run`, a query of the DuckDB connection `con`, failed with `error`.

    Where the limit is too small, the query is run again with ever larger ones, as far as the
    machine has room, and the limit restored: only so is known what suffices, as the engine says
    what it was short of when it gave up, and not what it needs in the end. None when `error` has
    nothing to do with memory.
    """
    line = first_line(error)
    full = "max_temp_directory_size" in str(error) or "No space left" in str(error)
    if full and isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException):
        place = setting(con, "temp_directory")
        return MemoryLimitError(
            f"What does not fit into memory is written to {os.path.dirname(place)}, and there is "
            f"no room: {line}. Make room there, name another folder in TMPDIR, or raise the "
            "memory limit."
        )
    if not isinstance(error, duckdb.OutOfMemoryException):
        return None
    if limit is None:
        return MemoryLimitError(
            f"The memory of this machine does not suffice: {line}. Use a larger one, or less "
            "data: a shorter retention_days, fewer features."
        )
    enough = _enough(con, limit, run)
    advice = (
        f"With {_told(enough)} this step works: raise --memory-limit or {VARIABLE} to that."
        if enough
        else "Nor does what this machine has left. Use a larger one, or fewer features."
    )
    return MemoryLimitError(f"The memory limit of {_told(limit)} does not suffice. {advice}")


def _enough(con: Any, limit: int, run: Callable[[], Any]) -> int | None:
    """The least of the limits tried with which the query runs; None if none does."""
    import psutil

    most = limit + psutil.virtual_memory().available // 2
    tried = _rounded_up(limit * STEP)
    try:
        while tried <= most:
            con.execute(f"SET memory_limit = '{tried}B'")
            try:
                run()
            except duckdb.OutOfMemoryException:
                tried = _rounded_up(tried * STEP)
            else:
                return tried
        return None
    finally:
        con.execute(f"SET memory_limit = '{limit}B'")


def _rounded_up(size: float) -> int:
    """A size in whole hundreds of megabytes."""
    return -(-int(size) // 100_000_000) * 100_000_000


def setting(con: Any, name: str) -> str:
    """A setting of the DuckDB connection `con`, as text."""
    (value,) = con.execute("SELECT current_setting(?)", [name]).fetchone()
    return str(value)


def first_line(error: Exception) -> str:
    """The first line of what an error says, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _told(size: int) -> str:
    return f"{size / 1e9:.1f}GB" if size >= 1e9 else f"{-(-size // 1_000_000)}MB"
