import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neigung.errors import StudyError
from neigung.models.splits import Splits, make_splits

START = datetime(2025, 1, 1)


def every(days: int, count: int) -> list[datetime]:
    return [START + timedelta(days=days * i) for i in range(count)]


def check(splits: Splits, cutoffs: set[datetime], horizon_days: int, folds: int) -> None:
    """The rule of the design, derived anew: an outcome ends before whatever judges begins."""
    horizon = timedelta(days=horizon_days)
    assert splits.test == max(cutoffs)
    assert splits.train == tuple(sorted(splits.train)) == tuple(sorted(set(splits.train)))
    assert all(c in cutoffs and c + horizon <= splits.test for c in splits.train)
    assert len(splits.folds) == folds
    validations = [fold.validation for fold in splits.folds]
    assert validations == sorted(set(validations))
    for fold in splits.folds:
        assert fold.train
        assert fold.validation in splits.train
        assert set(fold.train) == {c for c in splits.train if c + horizon <= fold.validation}


@settings(deadline=None)
@given(
    offsets=st.sets(st.integers(0, 700), min_size=1, max_size=40),
    horizon=st.integers(1, 90),
    folds=st.integers(1, 5),
)
def test_no_outcome_reaches_what_judges_it(offsets: set[int], horizon: int, folds: int) -> None:
    cutoffs = {START + timedelta(days=i) for i in offsets}
    try:
        splits = make_splits(cutoffs, horizon, folds)
    except StudyError:
        return
    check(splits, cutoffs, horizon, folds)


@settings(deadline=None)
@given(every_days=st.integers(1, 60), horizon=st.integers(1, 200), folds=st.integers(1, 6))
def test_the_count_in_the_message_is_the_least_that_fits(
    every_days: int, horizon: int, folds: int
) -> None:
    with pytest.raises(StudyError) as caught:
        make_splits(every(every_days, 2), horizon, folds)
    needed = int(str(caught.value).split(" cutoffs")[0].split()[-1])
    check(
        make_splits(every(every_days, needed), horizon, folds),
        set(every(every_days, needed)),
        horizon,
        folds,
    )
    with pytest.raises(StudyError):
        make_splits(every(every_days, needed - 1), horizon, folds)


def test_validation_outcomes_do_not_overlap_where_there_is_room() -> None:
    days = every(7, 30)
    splits = make_splits(days, 28, 3)
    assert [days.index(fold.validation) for fold in splits.folds] == [17, 21, 25]


def test_newest_validations_where_there_is_no_room() -> None:
    days = every(7, 15)
    splits = make_splits(days, 28, 3)
    assert [days.index(fold.validation) for fold in splits.folds] == [8, 9, 10]


def test_order_and_duplicates_do_not_matter() -> None:
    days = every(30, 9)
    assert make_splits([*days[::-1], days[3]], 30, 2) == make_splits(days, 30, 2)


@pytest.mark.parametrize(
    ("cutoffs", "horizon", "folds", "text"),
    [
        (
            every(30, 2),
            60,
            3,
            "3 folds with a 60-day horizon need 7 cutoffs, but 2025-01-01..2025-01-31 every 30 "
            "days gives 2. Raise cutoffs.count to 7 or lower model.folds.",
        ),
        (every(10, 1), 7, 1, "1 fold with a 7-day horizon needs 3 cutoffs that lie 7 days apart"),
        ([], 7, 2, "2 folds with a 7-day horizon need 4 cutoffs, but there is none"),
        ([START, *every(9, 4)[2:]], 30, 1, "3 cutoffs that lie 30 days apart"),
        (every(30, 12), 30, 0, "At least 1 fold"),
        (every(30, 12), 0, 3, "horizon is 0 days"),
    ],
)
def test_what_does_not_fit_is_said(
    cutoffs: list[datetime], horizon: int, folds: int, text: str
) -> None:
    with pytest.raises(StudyError, match=re.escape(text)):
        make_splits(cutoffs, horizon, folds)


def test_labels_at_one_cutoff_cannot_be_raised_by_a_key() -> None:
    with pytest.raises(StudyError) as caught:
        make_splits([START], 30, 3, most=0)
    text = str(caught.value)
    assert "the table labels has 1 (2025-01-01)" in text
    assert "Add the outcomes of earlier cutoffs to labels" in text
    assert "cutoffs.count" not in text
    with pytest.raises(StudyError, match=r"to labels or lower model\.folds"):
        make_splits(every(30, 2), 30, 3, most=0)
