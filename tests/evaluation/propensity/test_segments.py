import numpy as np
import pandas as pd

from neigung.evaluation.propensity.segments import activity_segment, levels, segment_text


def test_activity_segment_has_parameters():
    found = activity_segment([10, 100, 100], [20, 120, 400], new_within_days=150)
    assert list(found) == ["new", "new", "dormant"]
    found = activity_segment([10, 100, 100], [20, 120, 400], dormant_after_days=100)
    assert list(found) == ["new", "active", "active"]


def test_levels_hold_every_row_once_in_an_order_of_their_own():
    column = pd.Series(["b", "a", None, "c", "a", "b", "d"])
    found = levels(column, 2)
    assert [name for name, _ in found] == ["a", "b", "(other)"]
    assert np.sum([rows for _, rows in found], axis=0).tolist() == [1] * 7
    again = levels(column[::-1], 2)
    assert [(name, rows[::-1].tolist()) for name, rows in again] == [
        (name, rows.tolist()) for name, rows in found
    ]


def test_only_our_own_words_are_translated():
    assert segment_text("activity", language="de") == "Aktivität"
    assert segment_text("activity", "new", "de") == "neu"
    # A level of the user's own data stays what it is.
    assert segment_text("attribute_status", "new", "de") == "new"
    assert segment_text("attribute_status", "(missing)", "de") == "(fehlt)"
