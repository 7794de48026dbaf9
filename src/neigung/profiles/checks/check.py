"""What a check of a profile store is: what it counts, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import ibis.expr.types as ir

from neigung.profiles.ends import Ends
from neigung.profiles.quality_report import Finding, Permission, TableQuality


class Store(Protocol):
    """What checks need of `Profiles`."""

    location: str
    engine: Any
    said: tuple[Finding, ...]
    tables: dict[str, ir.Table]

    def __contains__(self, name: object) -> bool: ...

    def table(self, name: str) -> ir.Table:
        """The table of a name."""
        ...

    def span(self) -> tuple[datetime, datetime]:
        """From when to when orders reach."""
        ...

    def ends(self) -> Ends:
        """Where they do, and how many lie far from there."""
        ...


@dataclass(frozen=True)
class Facts:
    """What a check may know.

    Attributes:
        store: the profiles, for what only a broken rule gives cause to ask.
        now: the present instant, UTC without a zone.
        rows: how many rows each table has.
        numbers: what all checks counted, by table and name.
        tables: what the report shows of each table; empty before a training or scoring, where
            only what is wrong or doubtful is asked.
        permissions: who may be profiled and contacted; None where that was not asked.
        latest: whether something is taken from where the data end, such as a `latest` cutoff.
        trusted: whether somebody who knows says that all dates are right.
    """

    store: Store
    now: datetime
    rows: Mapping[str, int]
    numbers: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, TableQuality] = field(default_factory=dict)
    permissions: tuple[Permission, ...] | None = None
    latest: bool = True
    trusted: bool = False

    def number(self, table: str, name: str) -> Any:
        """What a check counted; 0 where the table or its column is absent."""
        return self.numbers.get(table, {}).get(name) or 0

    def share(self, part: int, table: str) -> str:
        """`3 of 100 rows (3.0%)`."""
        whole = self.rows[table]
        return f"{part:,} of {whole:,} rows ({part / whole:.1%})"


def _nothing(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    return {}


@dataclass(frozen=True)
class Check:
    """One question to a store.

    Attributes:
        code: its name, unique, for machines.
        says: the findings, given the facts; worst first.
        counts: the aggregates it needs of a table (given its name), by names of its own. Those of
            all checks are computed in one pass over the table.
        refuses: whether it can find what training and scoring have to refuse; such a check runs
            before each of them and must not read the table twice where nothing is wrong.
    """

    code: str
    says: Callable[[Facts], Iterable[Finding]]
    counts: Callable[[str, ir.Table], Mapping[str, ir.Value]] = _nothing
    refuses: bool = False


def example(table: ir.Table, where: ir.BooleanValue, *columns: str) -> dict[str, Any] | None:
    """Some columns of one of the rows for which a condition holds, always the same one."""
    rows = table.filter(where).select(*columns).order_by(list(columns)).limit(1)
    found: list[dict[str, Any]] = rows.to_pyarrow().to_pylist()
    return found[0] if found else None
