"""Which rows of a large shop are enough: so many to learn from, and as many to be tested on.

With 12 cutoffs and a million customers each, `model.rows: 200000` learns from about 18,000
customers at all eleven training cutoffs, and tests on 200,000 at the twelfth. The two are drawn
apart, so that the test holds those who were learned from in the proportion in which they will be
scored: a test on the same customers would flatter a model that remembers them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neigung.language import Message
from neigung.profiles.sample import Sample
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import is_over
from neigung.study import Study

_LEARNED = Message(
    "About {rows:,} of {of:,} training rows: those of the {percent:.2g} % of customers whom the "
    "hash of their id chooses (model.rows)."
)
_TESTED = Message(
    "About {rows:,} of {of:,} test rows: those, drawn apart from them, of the {percent:.2g} % of "
    "customers whom the hash of their id chooses (model.rows)."
)


@dataclass(frozen=True)
class Sampling:
    """Whom a dataset holds at its cutoffs.

    Parameters
    ----------
    test : the newest cutoff.
    learned, tested : the customers before it and at it; None means all.
    train_of, test_of : how many rows there are in all to learn from and to test on.
    """

    test: dt.datetime
    learned: Sample | None
    tested: Sample | None
    train_of: int
    test_of: int

    def at(self, cutoff: dt.datetime) -> Sample | None:
        """Who is looked at there."""
        return self.tested if cutoff == self.test else self.learned

    def left_out_of(self) -> dict[str, int]:
        """Of how many rows a part is a sample; without the parts that are whole."""
        found = {}
        if self.learned is not None:
            found["train_of"] = self.train_of
        if self.tested is not None:
            found["test_of"] = self.test_of
        return found

    def notes(self) -> tuple[str, ...]:
        """What is left out, in words."""
        told = []
        for sample, of, about in (
            (self.learned, self.train_of, _LEARNED),
            (self.tested, self.test_of, _TESTED),
        ):
            if sample is not None:
                rows = round(sample.share * of)
                told.append(about.having(rows=rows, of=of, percent=100 * sample.share))
        return tuple(told)


def draw(study: Study, profiles: Profiles, cutoffs: Sequence[dt.datetime]) -> Sampling | None:
    """Whom to look at so that `model.rows` is kept; None where the study does not ask for it.

    The cutoffs are the study's, oldest first; everybody is counted at those that train or test.
    """
    rows = study.model.rows
    if rows is None:
        return None
    test = cutoffs[-1]
    train = [one for one in cutoffs if is_over(one, study.target.horizon_days, by=test)]
    train_of = sum(_rows_at(study, profiles, cutoff) for cutoff in train)
    test_of = _rows_at(study, profiles, test)
    learned, tested = _sample(rows, train_of, "learn"), _sample(rows, test_of, "test")
    return Sampling(test, learned, tested, train_of, test_of)


def _sample(rows: int, of: int, salt: str) -> Sample | None:
    return Sample(rows / of, salt) if rows < of else None


def _rows_at(study: Study, profiles: Profiles, cutoff: dt.datetime) -> int:
    spine: Any = build_past(profiles, study, cutoff).spine
    if study.target.kind == "custom":  # who has no outcome is no row
        labels = profiles.table("labels")
        spine = spine.semi_join(labels, ("customer_id", "cutoff"))
    return int(spine.count().to_pyarrow().as_py())
