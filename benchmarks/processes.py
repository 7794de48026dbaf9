"""Asks processes that may end at any moment: one that has ended says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import psutil  # type: ignore[import-untyped]

Told = TypeVar("Told")


def family(process: int) -> list[psutil.Process]:
    """A process and all that it started; none when it has ended."""
    with suppress(psutil.NoSuchProcess):
        own = psutil.Process(process)
        return [own, *own.children(recursive=True)]
    return []


def ask_each(
    processes: Iterable[psutil.Process], question: Callable[[psutil.Process], Told]
) -> list[tuple[psutil.Process, Told]]:
    """What each process says to a question, beside it."""
    told = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            told.append((process, question(process)))
    return told
