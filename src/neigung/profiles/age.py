"""How old data are, which nobody sees in a score."""

from __future__ import annotations

import datetime as dt

from neigung.errors import StudyError
from neigung.profiles.ends import present
from neigung.progress import Reporter
from neigung.study import Study


def tell_age(study: Study, last: dt.datetime, reporter: Reporter) -> None:
    """Say how old data are that end with an order of `last`.

    Raises StudyError when they are older than the study allows.
    """
    now = present()
    days, most = (now.date() - last.date()).days, study.cutoffs.max_age_days
    age = f"{days:,} day{'s' * (days != 1)} before today" if days > 0 else "today or later"
    if most is not None and days > most:
        raise StudyError(
            f"Study {study.name}: data of at most {most} days are wanted (cutoffs.max_age_days), "
            f"but the last order is of {last:%Y-%m-%d}, {age}. Load newer orders, or name a cutoff."
        )
    reporter.say(f"  The data end on {last:%Y-%m-%d}, {age}.")
