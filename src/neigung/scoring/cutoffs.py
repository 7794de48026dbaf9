"""Which cutoff is meant, and the profiles that it is asked of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from neigung.errors import InputError
from neigung.profiles.age import tell_age
from neigung.profiles.quality import open_sound
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import latest_cutoff
from neigung.progress import Reporter
from neigung.study import Study


def opened(
    study: Study,
    profiles: Profiles | Path | str | None,
    cutoff: dt.datetime | str,
    reporter: Reporter,
) -> Profiles:
    """The profiles, or without any the study's own, refused where they would give wrong numbers.

    Orders far from all others move a `latest` cutoff only, so that for another one they are told.
    """
    return open_sound(
        study.profiles if profiles is None else profiles,
        latest=parse_cutoff(cutoff) is None,
        trusted=study.cutoffs.trust_dates,
        say=reporter.say,
    )


def instant(
    cutoff: dt.datetime | str,
    profiles: Profiles,
    study: Study | None = None,
    reporter: Reporter | None = None,
) -> dt.datetime:
    """A cutoff from a date, a time, or `latest`: the newest midnight the data reach (UTC).

    With `latest` the reporter is told how old the data are. Raises InputError when it is none of
    these, and StudyError when the data are older than the study allows.
    """
    given = parse_cutoff(cutoff)
    if given is not None:
        return given
    _, last = profiles.span(study is not None and study.cutoffs.trust_dates)
    if study is not None:
        tell_age(study, last, reporter or Reporter())
    return latest_cutoff(last, horizon_days=0)


def parse_cutoff(cutoff: dt.datetime | str) -> dt.datetime | None:
    """The instant that is written there, UTC without a zone; None for `latest`.

    Raises InputError as `instant` does, but needs no data.

    >>> parse_cutoff("2025-03-01T02:00:00+02:00")
    datetime.datetime(2025, 3, 1, 0, 0)
    """
    if cutoff == "latest":
        return None
    if isinstance(cutoff, str):
        try:
            cutoff = dt.datetime.fromisoformat(cutoff)
        except ValueError:
            raise InputError(
                "A cutoff is a date such as 2017-12-01, a date with time, or 'latest', found "
                f"'{cutoff}'."
            ) from None
    if cutoff.tzinfo is not None:
        cutoff = cutoff.astimezone(dt.UTC).replace(tzinfo=None)
    return cutoff
