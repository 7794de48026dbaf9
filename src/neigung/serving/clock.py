"""The time of day, as far as it can be trusted."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable


class Clock:
    """Instants (UTC, without a zone) that never go back, whatever happens to the system's clock.

    A clock that is set back would make a withdrawn consent count again, and put an entry of the
    decision log before what it followed. A jump forward is believed.

    >>> walls, ticks = iter([100.0, 40.0, 200.0]), iter([0.0, 5.0, 6.0])
    >>> clock = Clock(lambda: next(walls), lambda: next(ticks))
    >>> [clock.now().minute * 60 + clock.now().second for _ in range(1)], clock.now().second
    ([105], 20)
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        ticking: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._ticking = ticking
        self._lock = threading.Lock()
        self._last: tuple[float, float] | None = None

    def now(self) -> dt.datetime:
        """The present instant."""
        with self._lock:
            wall, tick = self._wall(), self._ticking()
            if self._last is not None:
                wall = max(wall, self._last[0] + tick - self._last[1])
            self._last = wall, tick
        return dt.datetime.fromtimestamp(wall, dt.UTC).replace(tzinfo=None)
