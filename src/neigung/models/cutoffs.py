"""The cutoffs of a study in its data."""

from __future__ import annotations

import datetime as dt

from neigung.errors import StudyError
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import every, latest_cutoff
from neigung.study import Study
from neigung.targets.target import check_tables


def study_cutoffs(study: Study, profiles: Profiles) -> list[dt.datetime]:
    """The cutoffs of a study in its data, oldest first; the last one is the final test.

    Raises StudyError when the target lacks its table, the test's horizon is not covered by the
    data, or a cutoff lies before them.
    """
    check_tables(study, profiles.tables)
    first, last = profiles.span(study.cutoffs.trust_dates)
    horizon = study.target.horizon_days
    if study.target.kind == "custom":
        return _labelled_cutoffs(study, profiles)
    if study.cutoffs.last == "latest":
        newest = latest_cutoff(last, horizon)
    else:
        newest = study.cutoffs.last
        if newest + dt.timedelta(days=horizon) > end_of(last):
            raise StudyError(
                f"Study {study.name}: the cutoff {newest:%Y-%m-%d} with a horizon of {horizon} "
                f"days needs data until {newest + dt.timedelta(days=horizon):%Y-%m-%d}, but the "
                f"last order is of {last:%Y-%m-%d %H:%M}. Move cutoffs.last to "
                f"{latest_cutoff(last, horizon):%Y-%m-%d} or earlier, or write 'latest'."
            )
    cutoffs = every(newest, study.cutoffs.every_days, study.cutoffs.count)
    if cutoffs[0] <= first:
        fitting = sum(cutoff > first for cutoff in cutoffs)
        advice = (
            f"Lower cutoffs.count to {fitting} or less"
            if fitting
            else f"Lower target.horizon_days: the data span {(last - first).days} days"
        )
        raise StudyError(
            f"Study {study.name}: {study.cutoffs.count} cutoffs every {study.cutoffs.every_days} "
            f"days up to {newest:%Y-%m-%d} start at {cutoffs[0]:%Y-%m-%d}, but the first order is "
            f"of {first:%Y-%m-%d}. {advice}."
        )
    return cutoffs


def _labelled_cutoffs(study: Study, profiles: Profiles) -> list[dt.datetime]:
    """For the user's own outcomes: the newest cutoffs of the table labels."""
    labels = profiles.table("labels")
    given = sorted(labels.select("cutoff").distinct().to_pyarrow()["cutoff"].to_pylist())
    given = [stamp.replace(tzinfo=None) for stamp in given]
    if study.cutoffs.last != "latest":
        last = study.cutoffs.last
        if last not in given:
            raise StudyError(
                f"Study {study.name}: the cutoff {last:%Y-%m-%d %H:%M} has no row in the table "
                f"labels, which spans {given[0]:%Y-%m-%d %H:%M} to {given[-1]:%Y-%m-%d %H:%M}. "
                "Move cutoffs.last, or write 'latest'."
            )
        given = [cutoff for cutoff in given if cutoff <= last]
    given = given[-study.cutoffs.count :]
    first, end = profiles.span(study.cutoffs.trust_dates)
    outside = [cutoff for cutoff in given if not first < cutoff <= end_of(end)]
    if outside:
        raise StudyError(
            f"Study {study.name}: {len(outside):,} of {len(given):,} cutoffs of the table labels "
            f"lie outside of the data, such as {outside[-1]:%Y-%m-%d %H:%M}: the orders span "
            f"{first:%Y-%m-%d} to {end:%Y-%m-%d}. Mend or leave out such rows, or name the newest "
            "cutoff to use in cutoffs.last."
        )
    return given


def end_of(last: dt.datetime) -> dt.datetime:
    """The midnight after the last order: until then the data may be complete."""
    return dt.datetime.combine(last.date(), dt.time()) + dt.timedelta(days=1)


def most_cutoffs(study: Study, profiles: Profiles) -> int:
    """How many cutoffs a study could have in its data; 0 where a table of labels names them."""
    if study.target.kind == "custom":
        return 0
    newest, first = study_cutoffs(study, profiles)[-1], profiles.span()[0]
    # A cutoff needs an order before it.
    seconds = (newest - first).total_seconds() - 1e-6
    return int(seconds // (86_400 * study.cutoffs.every_days)) + 1
