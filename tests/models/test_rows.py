from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neigung.errors import InputError
from neigung.models.encoding import FrameEncoder
from neigung.models.rows import Rows, answer, in_parts, index_of, matrix, some

SEEN = pd.DataFrame(
    {"orders": [1.0, 2.0, 3.0], "channel": pd.Categorical(["web", "app", "1"]), "age": [30, 40, 50]}
)
ENCODER = FrameEncoder.fit(SEEN)


def objects(*values: object) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    "values",
    [
        {"a": np.zeros(2), "b": np.zeros(3)},
        {"a": np.zeros(2), "b": np.zeros(1)},  # would be broadcast
        {"a": np.zeros((2, 1))},
        {"a": np.zeros(())},
    ],
)
def test_columns_that_do_not_fit_together_are_refused(values: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match="columns of one length"):
        Rows(values)


def test_some_rows_are_taken_by_position_from_either_form() -> None:
    rows = Rows({"orders": np.array([1.0, 2.0, 3.0]), "channel": objects("web", None, "app")})
    assert rows.take(slice(1, 9))["orders"].tolist() == [2.0, 3.0]
    assert some(rows, np.array([2, 0]))["channel"].tolist() == ["app", "web"]
    assert len(rows.take([])) == 0
    assert some(SEEN, [2])["orders"].tolist() == [3.0]
    assert [part["orders"].tolist() for part in in_parts(rows, 2)] == [[1.0, 2.0], [3.0]]
    assert next(in_parts(rows, 3)) is rows
    assert [len(part) for part in in_parts(SEEN.head(0), 2)] == [0]


def test_answers_have_the_form_of_the_question() -> None:
    X = SEEN.set_axis(["a", "b", "c"])
    columns = {"high": np.array([0.1, 0.2, 0.3])}
    table = answer(X, columns)
    assert isinstance(table, pd.DataFrame)
    assert list(index_of(table)) == ["a", "b", "c"]
    rows = answer(Rows({"orders": np.zeros(3)}), columns)
    assert isinstance(rows, Rows)
    assert list(index_of(rows)) == [0, 1, 2]
    assert np.array_equal(matrix(rows, ["high"]), matrix(table, ["high"]))


VALUES = st.one_of(
    st.none(), st.sampled_from(["web", "app", "kiosk", "1", ""]), st.just(float("nan")), st.just(1)
)
NUMBERS = st.floats(width=64)


@given(st.lists(st.tuples(NUMBERS, VALUES), max_size=7))
def test_rows_are_read_as_a_frame_is(table: list[tuple[float, Any]]) -> None:
    orders = np.array([number for number, _ in table], dtype=np.float64)
    channel = objects(*(value for _, value in table))
    columns = {"age": orders[::-1], "channel": channel, "orders": orders, "else": channel}
    rows, frame = Rows(columns), pd.DataFrame(columns)
    wanted = ENCODER.transform(frame)
    assert wanted.shape == (len(table), 3)
    assert np.array_equal(ENCODER.transform(rows), wanted, equal_nan=True)
    assert ENCODER.unseen(rows) == ENCODER.unseen(frame)


@pytest.mark.parametrize(
    "ages",
    [
        np.array([30, 41]),
        np.array([True, False]),
        np.array([30, 41], dtype=np.float32),
        objects(30, None),
        objects(None, None),
        objects(2.5, float("nan")),
    ],
)
def test_numbers_of_other_types_are_read_as_in_a_frame(ages: np.ndarray) -> None:
    columns = {"orders": np.zeros(2), "channel": objects("web", "app"), "age": ages}
    wanted = ENCODER.transform(pd.DataFrame(columns))
    assert np.array_equal(ENCODER.transform(Rows(columns)), wanted, equal_nan=True)


def test_missing_columns_and_text_for_numbers_are_refused() -> None:
    columns = {"orders": np.zeros(1), "channel": objects("web"), "age": objects("old")}
    for ask in (ENCODER.transform, lambda rows: ENCODER.unseen(rows.take([0]))):
        with pytest.raises(InputError, match="3 features are needed, but 1 are missing: age"):
            ask(Rows({name: columns[name] for name in ("orders", "channel")}))
    with pytest.raises(InputError, match=r"Feature age needs numbers, but found .* 'old'"):
        ENCODER.transform(Rows(columns))
    with pytest.raises(InputError, match="DataFrame with named features is needed"):
        FrameEncoder.fit(Rows(columns))  # type: ignore[arg-type]


def test_equal_readers_read_once_and_others_for_themselves() -> None:
    rows = Rows({"orders": np.array([2.0]), "channel": objects("web"), "age": np.array([30.0])})
    calls: list[str] = []

    def reading(name: str) -> Callable[[], np.ndarray]:
        def read() -> np.ndarray:
            calls.append(name)
            return np.array([float(len(calls))])

        return read

    again = FrameEncoder(ENCODER.feature_names, dict(ENCODER.categories))
    other = FrameEncoder(ENCODER.feature_names, {"channel": ("web",)})
    first = rows.once(ENCODER, reading("first"))
    assert rows.once(again, reading("again")) is first
    assert rows.once(other, reading("other")).tolist() == [2.0]
    assert calls == ["first", "other"]
    assert ENCODER.transform(rows) is first  # hence nobody may change it
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0.0
    assert other.transform(rows.take([0])).tolist() == [[2.0, 0.0, 30.0]]
