"""Processes that tests start, ask and end, on a machine that others may keep busy."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import psutil

Found = TypeVar("Found")
Told = TypeVar("Told")

PATIENCE = 240.0
"""Seconds that a busy machine may take for what a free one does at once: only failures last so."""

# Below the ports that systems hand out to connections, which nobody announces.
_PORTS = range(20_000, 32_000)


def wait_for(found: Callable[[], Found], seconds: float = PATIENCE) -> Found:
    """What `found()` gives as soon as it is true; an AssertionError when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on, and that hardly anybody else gets meanwhile."""
    while True:
        # Not of `random`, which is seeded alike in all processes that run tests.
        port = secrets.choice(_PORTS)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def started_by(process: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    with suppress(psutil.NoSuchProcess):
        return [one.pid for one in psutil.Process(process).children(recursive=True)]
    return []


def ask_each(
    processes: Iterable[int], question: Callable[[psutil.Process], Told]
) -> dict[int, Told]:
    """What each process says to a question; one that has ended by then says nothing."""
    told: dict[int, Told] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            told[process] = question(psutil.Process(process))
    return told


def end(process: subprocess.Popen[Any], patience: float = PATIENCE / 4) -> None:
    """Ask a process and all of its session to end, and end them when they do not."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
