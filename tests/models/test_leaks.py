"""Features that hold the future, and what a study declares of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.features.feature import Column
from neigung.models.dataset import Dataset
from neigung.models.leaks import declared, future_dates
from neigung.study import Study


def column(name: str, theme: str = "attributes", unit: str = "days") -> Column:
    return Column(name, name, None, unit, theme, "number", name, name)


def dataset(days: Any, *columns: Column) -> Dataset:
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(days))]})
    frame["cutoff"] = pd.Timestamp("2025-06-01")
    for one in columns:
        frame[one.name] = days
    return Dataset(frame, columns)


def study(**known: str) -> Study:
    return Study.from_dict(
        {
            "name": "s",
            "profiles": "p",
            "target": {"kind": "purchase", "horizon_days": 30},
            "legal_basis": {"none_needed": "test"},
            "known_in_advance": known,
        }
    )


def test_dates_after_the_cutoff_are_leaks_and_others_are_not() -> None:
    last = column("attribute_last_order")
    [leak] = future_dates(dataset([10.0, -3.0, np.nan, 0.0], last))
    assert leak.text == (
        "attribute_last_order lies after the cutoff in 1 of 4 rows (such as 2025-06-04 after "
        "2025-06-01)"
    )
    assert future_dates(dataset([10_000.0, 0.0, np.nan], last)) == []
    mistyped = np.append(np.full(2000, 5.0), -70_000.0)
    assert future_dates(dataset(mistyped, last)) == []
    for other in (column("attribute_x", unit="ratio"), column("trend", theme="rhythm")):
        assert future_dates(dataset([-1.0], other)) == []


@pytest.mark.parametrize("name", ["last order", "Last_Order", "attribute_last_order"])
def test_a_study_declares_by_the_name_of_the_attribute_or_of_the_feature(name: str) -> None:
    rows = dataset([-1.0], column("attribute_last_order"))
    assert declared(study(**{name: "planned"}), rows) == {"attribute_last_order": "planned"}


def test_an_unknown_name_is_refused_with_a_hint() -> None:
    rows = dataset([-1.0], column("attribute_last_order"))
    with pytest.raises(StudyError, match=r"names 'attribute_last_oder'.*mean attribute_last_order"):
        declared(study(attribute_last_oder="planned"), rows)
