"""What a source of profiles gives, and how it names what it passes over.

Nothing is checked here but that a table can be found and opened; `validation` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from neigung.errors import ProfileError
from neigung.profiles.contract import TABLES
from neigung.profiles.engine import Engine
from neigung.profiles.quality_report import Finding, Severity

Tables = dict[str, ir.Table]


@dataclass(frozen=True)
class Opened:
    """A store as its source gives it.

    Attributes:
        name: where it is, as it may be shown.
        engine: what holds the tables.
        tables: those that are there, unchecked.
        said: what was passed over, mended, doubted or refused.
        options_beside: the folder in which `tables.yaml` says how values are written; None for a
            source that has no such file.
    """

    name: str
    engine: Engine
    tables: Tables
    said: tuple[Finding, ...] = ()
    options_beside: Path | None = None


@dataclass(frozen=True)
class Source:
    """A kind of place where profiles lie.

    Attributes:
        takes: whether a location is of this kind; the first source that says so opens it.
        open: the wanted tables at a location, given a bound of memory such as "4GB". Raises
            ProfileError when there is no store or it cannot be opened.
        files: the files that are read there, with the table that each is of (None: of all).
    """

    takes: Callable[[Any], bool]
    open: Callable[[Any, Collection[str], str | None], Opened]
    files: Callable[[Any, Collection[str]], Mapping[Path, str | None]]


def no_files(location: Any, wanted: Collection[str]) -> Mapping[Path, str | None]:
    """Of a server."""
    return {}


def unreadable(what: object, error: Exception) -> ProfileError:
    """The error for a file or table that the engine cannot read."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ProfileError(
        f"{what} cannot be read: {reason.rstrip('.')}. Write the file anew or restore it."
    )


def plain(notes: Iterable[str]) -> tuple[Finding, ...]:
    """Notes as findings that nobody need act on."""
    return tuple(Finding("ok", "", note) for note in notes)


def close_to(names: Iterable[str]) -> tuple[Finding, ...]:
    """What is said of names that were perhaps meant to be tables of a profile."""
    return other_names(name for name in names if did_you_mean(name, TABLES))


def other_names(names: Iterable[str]) -> tuple[Finding, ...]:
    """What is said of names that are no tables of a profile."""
    others = sorted(name for name in names if name not in TABLES)
    if not others:
        return ()
    hints = [did_you_mean(name.partition(".")[0], TABLES) for name in others]
    shown = ", ".join(f"{n}{hint}" for n, hint in list(zip(others, hints, strict=True))[:_SHOWN])
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    severity: Severity = "warn" if any(hints) else "ok"
    return (Finding(severity, "", f"Not a table of a profile, ignored: {shown}{more}."),)


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """` (did you mean visits?)`, or nothing."""
    close = get_close_matches(name.lower(), list(choices), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def with_known_times(table: ir.Table) -> ir.Table:
    """Times of nanoseconds with a zone as times of microseconds.

    DuckDB 2 has a type for them that Ibis 12 does not know, and pandas writes such files.
    """
    fine = [name for name, kind in table.schema().items() if "TIMESTAMPTZ_NS" in str(kind)]
    return table.mutate(**{name: table[name].cast("timestamp('UTC')") for name in fine})


_SHOWN = 5
