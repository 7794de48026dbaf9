"""Samples of a large shop: rows of everybody's table, counted right, and refused when too few."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.models.cutoffs import study_cutoffs
from neigung.models.dataset import Dataset, build_dataset, build_features
from neigung.models.leakage import check_leakage
from neigung.models.propensity.sample_size import check_sample
from neigung.models.sampling import draw
from neigung.models.splits import Splits, make_splits
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.study import Study
from tests.conftest import STUDY

Frames = dict[str, pd.DataFrame]

ROWS = 90
KEYS = ["cutoff", "customer_id"]


def study(rows: int | None = ROWS, **changes: Any) -> Study:
    return Study.from_dict(STUDY | {"model": {"trials": 1, "folds": 1, "rows": rows}} | changes)


@pytest.fixture(scope="module")
def profiles(small_tables: Frames) -> Profiles:
    return Profiles.from_tables(small_tables)


@pytest.fixture(scope="module")
def second_hop(profiles: Profiles) -> str:
    """A feature that reads the rows of everybody."""
    from neigung.features.library import library

    return next(one.columns[0].name for one in library(profiles) if one.source.of_everyone)


@pytest.fixture(scope="module")
def whole(profiles: Profiles, second_hop: str) -> Dataset:
    return build_dataset(study(None), profiles, also=(second_hop,))


@pytest.fixture(scope="module")
def some(profiles: Profiles, second_hop: str) -> Dataset:
    return build_dataset(study(), profiles, also=(second_hop,))


@pytest.fixture(scope="module")
def splits(whole: Dataset) -> Splits:
    return make_splits(whole.cutoffs, 14, 1)


def test_a_row_of_the_sample_is_the_row_of_the_whole(
    whole: Dataset, some: Dataset, second_hop: str
) -> None:
    assert whole.sampling is None
    assert 0 < len(some) < len(whole)
    assert some.frame[second_hop].notna().any()
    same = whole.frame.merge(some.frame[KEYS], on=KEYS)
    for name in whole.frame.columns.drop(KEYS):
        values, again = same[name].astype(object), some.frame[name].astype(object)
        pd.testing.assert_series_equal(values, again, check_names=False)


def test_who_trains_trains_at_every_cutoff(whole: Dataset, some: Dataset, splits: Splits) -> None:
    sampling = some.sampling
    assert sampling is not None
    trained = set(some.at(*splits.train).groups)
    for cutoff in splits.train:
        assert set(some.at(cutoff).groups) == trained & set(whole.at(cutoff).groups)
    assert sampling.train_of == len(whole.at(*splits.train))
    assert len(some.at(*splits.train)) == pytest.approx(ROWS, abs=40)
    # The test has fewer rows than were asked for, so it is whole.
    assert sampling.test_of == len(whole.at(splits.test)) == len(some.at(splits.test))
    assert sampling.left_out_of() == {"train_of": sampling.train_of}
    [note] = sampling.notes()
    assert f"About {ROWS} of {sampling.train_of} training rows" in note
    assert note in some.notes


def test_the_test_is_drawn_apart(profiles: Profiles) -> None:
    asked = study(20)
    sampling = draw(asked, profiles, study_cutoffs(asked, profiles))
    assert sampling is not None
    assert sampling.tested is not None
    assert sampling.learned is not None
    assert sampling.tested.salt != sampling.learned.salt
    assert sampling.tested.share * sampling.test_of == pytest.approx(20)
    newest = build_features(asked, profiles, sampling.test, sample=sampling.tested)
    assert 0 < len(newest) < sampling.test_of


def test_more_than_there_are_is_all(profiles: Profiles, whole: Dataset) -> None:
    sampling = draw(study(10_000), profiles, whole.cutoffs)
    assert sampling is not None
    assert sampling.left_out_of() == {}
    assert sampling.notes() == ()
    assert all(sampling.at(cutoff) is None for cutoff in whole.cutoffs)


def test_of_the_users_own_outcomes_those_that_are_known_count(small_tables: Frames) -> None:
    labels = small_tables["labels"].sort_values("customer_id")
    profiles = Profiles.from_tables(small_tables | {"labels": labels.head(len(labels) // 2)})
    asked = study(20, target={"kind": "custom", "horizon_days": 30})
    cutoffs = study_cutoffs(asked, profiles)
    sampling = draw(asked, profiles, cutoffs)
    assert sampling is not None
    everybody = build_past(profiles, asked, cutoffs[-1]).spine.to_pandas()["customer_id"]
    labelled = set(labels.head(len(labels) // 2).query("cutoff == @cutoffs[-1]")["customer_id"])
    assert sampling.test_of == len(labelled & set(everybody)) < len(everybody)


def test_an_honest_sample_does_not_leak(some: Dataset, splits: Splits, profiles: Profiles) -> None:
    check_leakage(some, splits, study(), profiles)


def test_too_few_to_learn_from(profiles: Profiles, splits: Splits) -> None:
    few = build_dataset(study(30), profiles)
    with pytest.raises(StudyError, match=r"model\.rows 30 at least 10 rows of either .* Raise"):
        check_sample(few, splits, study(30))
    check_sample(replace(few, sampling=None), splits, study(None))  # then there is no more to take
    with pytest.raises(StudyError, match=r"found none: .*Raise model\.rows"):
        build_dataset(study(1), profiles)
