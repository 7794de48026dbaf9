"""What commands show on a terminal, and the stop that comes from there."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from neigung.progress import Reporter

STOP = threading.Event()
"""Set when the user asks to stop."""

PIPE_WIDTH = 160
"""How wide tables are where there is no terminal to fit."""


def reporter() -> Reporter:
    """Progress on the error output, which ends where the user asks to stop."""
    return Reporter(Console(stderr=True, emoji=False), STOP)


def out(result: Any) -> None:
    """Show a result on the standard output: as it shows itself, or as its plain text."""
    if hasattr(result, "__rich__") or isinstance(result, Table):
        wide = None if sys.stdout.isatty() else PIPE_WIDTH
        Console(width=wide).print(result, highlight=False, soft_wrap=not isinstance(result, Table))
    else:
        typer.echo(result)


def noted(notes: Iterable[str], result: str) -> None:
    """Show a result below the notes on it."""
    for note in notes:
        out(f"Note: {note}")
    out(result)
