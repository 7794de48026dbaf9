"""Where a test with too few outcomes would have more: counted in the data, not guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from neigung.models.cutoffs import study_cutoffs
from neigung.models.dataset import label_rows
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import latest_cutoff
from neigung.study import Population, Study

HORIZONS = (7, 14, 30, 60, 90, 180, 365)


def outcomes_elsewhere(
    study: Study, profiles: Profiles, needed: int
) -> Iterator[tuple[int | None, dt.datetime | None, bool, int]]:
    """Other tests of the same study: horizon, cutoff, whether of everybody, and their outcomes.

    Longer horizons at the newest cutoff that the data allow, until one has enough; then everybody
    with an order instead of the active; for the user's own labels the cutoff with most of them.
    """
    if study.target.kind == "custom":
        counts = {c: _rarer(study, profiles, c) for c in study_cutoffs(study, profiles)}
        best = max(counts, key=lambda cutoff: (counts[cutoff], cutoff))
        yield None, best, False, counts[best]
        return
    first, last = profiles.span()
    now = study.target.horizon_days
    for horizon in HORIZONS:
        cutoff = latest_cutoff(last, horizon)
        if horizon <= now or cutoff <= first:
            continue
        target = study.target.model_copy(update={"horizon_days": horizon})
        found = _rarer(study.model_copy(update={"target": target}), profiles, cutoff)
        yield horizon, None, False, found
        if found >= needed:
            return
    if study.target.kind == "purchase" and study.population.active_within_days is not None:
        wider = study.model_copy(update={"population": Population()})
        yield now, None, True, _rarer(wider, profiles, latest_cutoff(last, now))


def _rarer(study: Study, profiles: Profiles, cutoff: dt.datetime) -> int:
    """Of one cutoff each customer has one row."""
    labels = label_rows(study, profiles, build_past(profiles, study, cutoff))
    hits, rows = int(sum(labels["label"].to_pylist())), int(labels.num_rows)
    return min(hits, rows - hits)
