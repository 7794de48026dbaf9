from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.models.encoding import FrameEncoder
from neigung.models.rows import Rows


def test_every_shape_of_the_same_values_gives_the_same_array() -> None:
    seen = pd.DataFrame({"n": [1.0, 2.0, np.nan], "c": pd.Categorical(["b", None, "a"])})
    encoder = FrameEncoder.fit(seen)
    expected = np.array([[1, 1], [2, np.nan], [np.nan, 0]])
    shapes = [
        seen,
        pd.DataFrame({"c": ["b", None, "a"], "n": pd.array([1, 2, None], dtype="Int64")}),
        pd.DataFrame({"n": [1, 2, None], "c": ["b", None, "a"]}, dtype=object),
        pd.DataFrame({"n": [Decimal(1), Decimal(2), None], "c": ["b", np.nan, "a"], "more": "x"}),
        seen.assign(c=pd.Categorical(["b", None, "a"], categories=["z", "b", "a"])),
    ]
    for shape in shapes:
        np.testing.assert_array_equal(encoder.transform(shape), expected)


def test_booleans_and_empty_columns_are_numbers() -> None:
    X = pd.DataFrame({"b": [True, False], "none": [None, None], "o": [True, None]})
    encoder = FrameEncoder.fit(X)
    np.testing.assert_array_equal(encoder.transform(X), [[1, np.nan, 1], [0, np.nan, np.nan]])


def test_an_all_missing_text_column_stays_usable() -> None:
    X = pd.DataFrame({"n": [1, 2], "c": pd.Categorical([None, None])})
    encoder = FrameEncoder.fit(X)
    assert encoder.unseen(X.assign(c=["web", None])) == {"c": 1}


def test_the_most_frequent_categories_are_kept_and_the_rest_counted() -> None:
    X = pd.DataFrame({"c": ["x"] * 5 + ["ö"] * 3 + ["a", "b"]})
    encoder = FrameEncoder.fit(X, max_categories=3)
    assert encoder.categories["c"] == ("a", "x", "ö")
    assert encoder.unseen(X) == {"c": 1}


@pytest.mark.parametrize(
    "column",
    [["1", "2"], pd.Categorical(["1", "2"]), [1, "2"], pd.to_datetime(["2025-01-01"] * 2)],
)
def test_text_for_numbers_is_refused_by_name(column: object) -> None:
    encoder = FrameEncoder.fit(pd.DataFrame({"orders": [1, 2]}))
    with pytest.raises(InputError, match="Feature orders needs numbers, but found"):
        encoder.transform(pd.DataFrame({"orders": column}))


def test_mixed_columns_are_refused_at_training() -> None:
    with pytest.raises(InputError, match="Feature mixed needs numbers"):
        FrameEncoder.fit(pd.DataFrame({"mixed": [1, "web"]}))


def test_missing_columns_are_named() -> None:
    encoder = FrameEncoder.fit(pd.DataFrame({"a": [1, 2], "b": [1, 2], "c": [1, 2]}))
    with pytest.raises(InputError, match="3 features are needed, but 2 are missing: a, c"):
        encoder.transform(pd.DataFrame({"b": [1]}))


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame(index=range(3)),
        pd.DataFrame({"a": [1, 1], "b": [None, None], "c": ["x", "x"]}),
        pd.DataFrame({"a": []}),
    ],
)
def test_nothing_that_varies_is_refused(X: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="At least one feature must vary"):
        FrameEncoder.fit(X)


def test_doubled_names_and_arrays_are_refused() -> None:
    with pytest.raises(InputError, match="found twice: a"):
        FrameEncoder.fit(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="DataFrame with named features is needed"):
        FrameEncoder.fit(np.zeros((2, 2)))  # type: ignore[arg-type]


@pytest.mark.parametrize("trained", [["1.0", "2.0"], ["1", "2"], [1, 2], [1.0, 2.0]])
@pytest.mark.parametrize(
    "asked", [["1", "2"], ["1.0", "2.0"], [1, 2], [1.0, 2.0], [np.int8(1), np.float32(2)]]
)
def test_one_category_however_its_number_is_written(
    trained: list[object], asked: list[object]
) -> None:
    encoder = FrameEncoder.fit(pd.DataFrame({"c": pd.Categorical(trained)}))
    for column in (asked, pd.Categorical(asked), pd.array(asked, dtype=object)):
        X = pd.DataFrame({"c": column})
        assert encoder.transform(X).tolist() == [[0], [1]]
        assert encoder.unseen(X) == {}
    rows = Rows({"c": np.array(asked, dtype=object)})
    assert encoder.transform(rows).tolist() == [[0], [1]]


def test_booleans_as_words_as_values_and_as_numbers_are_the_same_categories() -> None:
    for trained in (["false", "true"], ["False", "True"], ["0", "1"]):
        encoder = FrameEncoder.fit(pd.DataFrame({"c": trained}))
        for asked in ([False, True], ["False", "TRUE"], [0, 1], ["0", "1.0"]):
            assert encoder.transform(pd.DataFrame({"c": asked})).tolist() == [[0], [1]]


def test_spellings_in_one_column_become_one_category_and_others_stay_as_they_are() -> None:
    encoder = FrameEncoder.fit(pd.DataFrame({"c": ["1", "1.0", "1.0", "2", "007", "7", "1.5"]}))
    assert encoder.categories["c"] == ("007", "1.0", "1.5", "2", "7")
    old = FrameEncoder(("c",), {"c": ("1", "1.0")})  # kept by a release that told them apart
    assert old.transform(pd.DataFrame({"c": ["1", "1.0"]})).tolist() == [[0], [1]]
