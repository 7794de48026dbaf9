import pandas as pd
import pytest

from neigung.evaluation.fairness.fairness_limits import (
    is_too_unequal,
    judge_differences,
)


def judged(**numbers):
    row = {"attribute": "a", "level": "x", "low": -1.0, "high": -0.1, "p": 0.001} | numbers
    row["difference"] = row["value"] - row["others"]
    return judge_differences(pd.DataFrame([row]), usual=0.1).iloc[0]


def test_four_fifths_count_both_ways():
    assert not is_too_unequal(0.8, 1.0)
    assert is_too_unequal(0.79, 1.0)
    assert is_too_unequal(0.5, 0.39)
    assert not is_too_unequal(0.5, 0.41)
    assert not is_too_unequal(0, 0)


@pytest.mark.parametrize(
    ("measure", "value", "others", "large"),
    [
        ("error", 0.021, 0.0, True),
        ("error", -0.021, 0.0, True),
        ("error", 0.03, 0.02, False),
        ("selected", 0.07, 0.1, True),
        ("selected", 0.09, 0.1, False),
        ("found", 0.2, 0.1, True),
        ("auroc", 0.69, 0.8, True),
        ("auroc", 0.8, 0.69, False),
        ("auroc", 0.71, 0.8, False),
        ("observed", 0.01, 0.9, False),
    ],
)
def test_each_measure_has_its_limit(measure, value, others, large):
    row = judged(measure=measure, value=value, others=others)
    assert row["large"] == large
    assert row["concern"] == large
    assert not judged(measure=measure, value=value, others=others, p=0.06)["concern"]


def test_no_comparison_is_no_concern():
    columns = ["attribute", "level", "measure", "value", "others", "difference", "low", "high", "p"]
    table = judge_differences(pd.DataFrame(columns=columns), usual=0.1)
    assert table.empty
    assert table["concern"].dtype == bool
