"""Features of a few customers whose rows come with the request, by the expressions of the batch.

The expressions are planned once, over tables whose rows are those of the request at hand; each
source's aggregates are a statement of their own, and one more combines them.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from neigung.errors import FeatureError, InputError
from neigung.features.feature import Column
from neigung.features.live_engine import Engine, LiveRows
from neigung.features.live_tables import UnfitValueError
from neigung.profiles.rows import ProfileRows
from neigung.study import Study

__all__ = ["LiveFeatures", "LiveRows"]


class LiveFeatures:
    """Computes a study's features for customers whose rows come with the request.

    Parameters
    ----------
    study : whose population, legal basis, retention and own features count.
    tables : the store's tables, each with its columns and their types, as a snapshot holds them.
        A profile's rows of other tables are ignored, and so are columns that the store lacks.
    shared : what everybody's rows said (`Past.shared`), as a snapshot holds it.
    names : the feature columns to compute, in order.

    Raises FeatureError when a column cannot be computed from these tables.
    """

    def __init__(
        self,
        study: Study,
        tables: Mapping[str, Mapping[str, str]],
        shared: Mapping[str, pa.Table],
        names: Sequence[str],
    ) -> None:
        self._arguments = (study, tables, shared, tuple(names))
        self._engine = Engine(*self._arguments)
        self._lock = threading.Lock()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns computed."""
        return self._engine.columns

    def compute(
        self,
        profiles: Sequence[ProfileRows],
        cutoffs: Sequence[dt.datetime],
        covered: Sequence[bool | None] | None = None,
        now: dt.datetime | None = None,
    ) -> LiveRows:
        """The features of each profile at its cutoff (UTC): bit for bit those of the batch.

        Where `covered` is true, the store is known to hold the customer's consent: it counts unless
        the profile brings statements of its own. With `now`, the legal basis must cover a customer
        then as well as at the cutoff: a later withdrawal counts. Several threads may call it; one
        call is worked on at a time. Raises UnfitValueError for values that do not fit the store's
        columns or cannot be computed with, FeatureError when the engine fails.
        """
        instants = [_utc(cutoff) for cutoff in cutoffs]
        if len(instants) != len(profiles):
            raise InputError(
                f"Each profile needs a cutoff: {len(profiles)} profiles, {len(instants)} cutoffs. "
                "Give as many."
            )
        known = [None] * len(profiles) if covered is None else covered
        with self._lock:
            try:
                return self._engine.compute(profiles, instants, known, now)
            except _OF_VALUES as error:
                raise self._culprit(error, profiles, instants) from None
            except duckdb.Error as error:
                # After an internal error an engine answers nothing any more.
                self._engine = Engine(*self._arguments)
                raise _failed(error) from None

    def _culprit(
        self, error: Exception, profiles: Sequence[ProfileRows], cutoffs: Sequence[dt.datetime]
    ) -> Exception:
        """The error for a profile that the engine cannot compute with, found by halving."""
        low, high = 0, len(profiles)
        while high - low > 1:
            middle = (low + high) // 2
            if self._computes(profiles[low:middle], cutoffs[low:middle]):
                low = middle
            else:
                high = middle
        if self._computes(profiles[low:high], cutoffs[low:high]):
            return _failed(error)
        problem = "must have values to compute with; an amount may be too large"
        return UnfitValueError(low, "", problem)

    def _computes(self, profiles: Sequence[ProfileRows], cutoffs: Sequence[dt.datetime]) -> bool:
        try:
            self._engine.compute(profiles, cutoffs, [None] * len(profiles), None)
        except _OF_VALUES:
            return False
        return True


_OF_VALUES = (duckdb.DataError, duckdb.ProgrammingError)
"""What the engine raises for values: a sum that overflows, a text that is no date."""


def _failed(error: Exception) -> FeatureError:
    # The engine's own message may quote a customer's values, so it is not handed on.
    return FeatureError(
        f"The features of a profile cannot be computed ({type(error).__name__}). Mend the feature "
        "of your own that does this, or leave it out of the study."
    )


def _utc(cutoff: dt.datetime) -> dt.datetime:
    return cutoff if cutoff.tzinfo is None else cutoff.astimezone(dt.UTC).replace(tzinfo=None)
