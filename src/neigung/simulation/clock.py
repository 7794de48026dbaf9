"""The retailer's calendar: seconds since its first day, seasons, weekdays and hours.

All times inside the room are whole seconds since `START`, so that no rounding moves an order
across a cutoff.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

START = date(2024, 1, 1)
DAY = 86_400
HOUR = 3_600

_EPOCH = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp())
_MONTHS = (0.85, 0.85, 0.95, 1.0, 1.0, 0.95, 0.85, 0.85, 1.0, 1.05, 1.4, 1.45)
_WEEKDAYS = (1.05, 1.0, 0.95, 0.95, 0.9, 0.95, 1.2)
_HOURS = (1, 1, 0, 0, 0, 2, 4, 5, 6, 6, 6, 7, 6, 6, 6, 7, 8, 10, 12, 12, 9, 6, 3, 2)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def microseconds(seconds: Ints) -> Ints:
    """Times of the room as microseconds since 1970, as the tables have them."""
    return (seconds + _EPOCH) * 1_000_000


class Calendar:
    """How busy each day is.

    weight: relative order rate of each day, 1 on average over a year.

    >>> calendar = Calendar(366)
    >>> bool(calendar.weight[340] > calendar.weight[40])
    True
    """

    def __init__(self, days: int) -> None:
        self.days = days
        dates = [START + timedelta(days=day) for day in range(days)]
        weight = np.array([_MONTHS[d.month - 1] * _WEEKDAYS[d.weekday()] for d in dates])
        christmas = np.array([d.month == 12 and d.day > 21 for d in dates])
        self.weight: Floats = np.where(christmas, weight * 0.5, weight) / np.mean(_MONTHS)
        self._passed = np.concatenate([[0.0], np.cumsum(self.weight)])

    def busy_days(self, first: Ints, last: Ints) -> Floats:
        """The sum of the weights of the days from `first` up to, not including, `last`."""
        passed: Floats = self._passed[last] - self._passed[first]
        return passed

    def instants(self, rng: np.random.Generator, first: Ints, last: Ints) -> Ints:
        """One time for each pair of days, drawn by how busy days and hours are."""
        passed = rng.random(len(first)) * self.busy_days(first, last) + self._passed[first]
        day = np.searchsorted(self._passed, passed, side="right") - 1
        at: Ints = np.clip(day, first, last - 1) * DAY + time_of_day(rng, len(first))
        return at


def _day_times() -> Ints:
    shares = np.concatenate([[0.0], np.cumsum(_HOURS) / np.sum(_HOURS)])
    quantiles = (np.arange(65_536) + 0.5) / 65_536
    times: Ints = (np.interp(quantiles, shares, np.arange(25.0)) * HOUR).astype(np.int64)
    return times


_DAY_TIMES = _day_times()


def time_of_day(rng: np.random.Generator, count: int) -> Ints:
    """Seconds since midnight (UTC), few at night."""
    times: Ints = _DAY_TIMES[rng.integers(0, 65_536, count, dtype=np.uint16)]
    return times
