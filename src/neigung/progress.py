"""Says how far long work is: a bar on a terminal, plain lines elsewhere, nothing when silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Tick = Callable[[int, int], None]


class Reporter:
    """Where progress goes.

    Parameters
    ----------
    console : a rich console, or None to stay silent.
    stop : set when the user asks to stop. The work then ends with KeyboardInterrupt at its next
        step, also where a library swallowed the one that the signal raised.

    >>> with Reporter().task("Features") as tick:
    ...     tick(1, 12)
    """

    def __init__(self, console: Console | None = None, stop: threading.Event | None = None) -> None:
        self.console = console
        self.stop = stop

    def say(self, text: str) -> None:
        """One line of its own."""
        if self.console:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, text: str) -> Iterator[Tick]:
        """A piece of work; the yielded function takes how many steps are done, and of how many."""
        with self._shown(text) as tick:

            def checked(done: int, total: int) -> None:
                tick(done, total)
                self._go_on()

            yield checked
        self._go_on()

    def _go_on(self) -> None:
        if self.stop is not None and self.stop.is_set():
            raise KeyboardInterrupt

    @contextmanager
    def _shown(self, text: str) -> Iterator[Tick]:
        if self.console is None:
            yield lambda done, total: None
        elif self.console.is_terminal:
            with _bar(self.console) as bar:
                task = bar.add_task(text, total=None)
                yield lambda done, total: bar.update(task, completed=done, total=total)
        else:
            begun = time.monotonic()
            self.say(f"{text} …")
            last = [0]

            def tick(done: int, total: int) -> None:
                quarter = 4 * done // max(total, 1)
                if quarter > last[0] and done < total:
                    last[0] = quarter
                    self.say(f"{text}: {done} of {total}")

            yield tick
            self.say(f"{text}: done in {time.monotonic() - begun:.1f} s")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
