"""What a quality report is made of, and how it shows itself."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

Severity = Literal["refused", "bad", "warn", "mended", "ok"]

SEVERITIES: tuple[Severity, ...] = ("refused", "bad", "warn", "mended", "ok")
"""The worst first: training and scoring refuse the first; what was certain was mended."""

_STYLES = {
    "refused": "bold red",
    "bad": "bold red",
    "warn": "yellow",
    "mended": "cyan",
    "ok": "green",
}


@dataclass(frozen=True)
class Gap:
    """A run of days (UTC) without any row, from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """The length of the run.

        >>> Gap(date(2025, 12, 24), date(2025, 12, 26)).days
        3
        """
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Lateness:
    """How much later than it happened the shop learned of a row; days, over the late rows."""

    share_late: float
    median_days: float
    p95_days: float
    max_days: float


@dataclass(frozen=True)
class TableQuality:
    """The state of one table.

    Attributes:
        name, rows, customers: the table, its rows, its distinct customers.
        first, last: the first and last `occurred_at`, UTC.
        days_without_rows: days between first and last that have no row.
        longest_gaps: the longest runs of such days, longest first.
        usual_gap_days: a run of such days that only one in twenty is longer than; 0 without any.
        missing: missing values, by column, where there are any.
        duplicates: rows that equal an earlier row in every column.
        rows_of_unknown: for order_lines, rows of customers who are not in `customers` (None
            without that table); elsewhere, rows of customers without any order line.
        lateness: None when nothing is known later than it happened.
    """

    name: str
    rows: int
    customers: int
    first: datetime
    last: datetime
    days_without_rows: int
    longest_gaps: tuple[Gap, ...]
    missing: dict[str, int]
    duplicates: int
    rows_of_unknown: int | None
    lateness: Lateness | None
    usual_gap_days: float = 0.0


@dataclass(frozen=True)
class Permission:
    """Shares of the customers with an order line who, at the last instant, have given consent
    for a purpose, and who have refused or withdrawn it. Who is in neither never said anything."""

    purpose: str
    granted: float
    refused: float


@dataclass(frozen=True)
class Finding:
    """One sentence that a shop can act on."""

    severity: Severity
    table: str
    text: str


@dataclass(frozen=True)
class QualityReport:
    """The state of a profile store; `findings` are sorted, the worst first."""

    location: str
    tables: tuple[TableQuality, ...]
    returns_without_order: int | None
    negative_values: int
    permissions: tuple[Permission, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON types; times in ISO form."""
        plain: dict[str, Any] = _plain(asdict(self))
        for table, given in zip(plain["tables"], self.tables, strict=True):
            for gap, length in zip(table["longest_gaps"], given.longest_gaps, strict=True):
                gap["days"] = length.days
        return plain

    def render(self) -> RenderableType:
        """The report for a terminal."""
        title = Text(f"Profiles in {self.location}")
        grid = RichTable(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        grid.add_column(_HEADINGS[0], no_wrap=True)
        for heading in _HEADINGS[1:]:
            grid.add_column(heading, justify="right", overflow="fold")
        for table in self.tables:
            grid.add_row(*_cells(table))
        lines = [
            Text.assemble((f"{finding.severity:<8}", _STYLES[finding.severity]), finding.text)
            for finding in self.findings
        ]
        return Group(grid, *lines)

    def __rich__(self) -> RenderableType:
        return self.render()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(table)) + "</tr>"
            for table in self.tables
        )
        findings = "".join(
            f"<li><b>{finding.severity}</b> {html.escape(finding.text)}</li>"
            for finding in self.findings
        )
        return (
            f"<p><b>Profiles in {html.escape(self.location)}</b></p><table><thead><tr>{head}</tr>"
            f"</thead><tbody>{body}</tbody></table><ul>{findings}</ul>"
        )


_HEADINGS = (
    "table",
    "rows",
    "customers",
    "first",
    "last",
    "empty days",
    "missing",
    "double",
    "unknown",
    "late",
)


def _cells(table: TableQuality) -> list[str]:
    return [
        table.name,
        f"{table.rows:,}",
        f"{table.customers:,}",
        f"{table.first:%Y-%m-%d}",
        f"{table.last:%Y-%m-%d}",
        f"{table.days_without_rows:,}",
        f"{sum(table.missing.values()):,}",
        f"{table.duplicates:,}",
        "–" if table.rows_of_unknown is None else f"{table.rows_of_unknown:,}",
        "–" if table.lateness is None else f"{table.lateness.share_late:.1%}",
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
