"""Why there is nobody to predict for: the step at which the last customer was lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from neigung.errors import StudyError
from neigung.models.cutoffs import most_cutoffs
from neigung.models.dataset import build_dataset
from neigung.models.splits import make_splits
from neigung.profiles.nobody import why_nobody
from neigung.profiles.sample import Sample
from neigung.profiles.store import Profiles
from neigung.study import Study

CUTOFF = dt.datetime(2025, 6, 1)


def store(**tables: Any) -> Profiles:
    lines = pd.DataFrame({"customer_id": ["a", "b", "c"], "order_id": ["1", "2", "3"]})
    lines["occurred_at"] = pd.to_datetime(["2025-01-10", "2025-02-20", "2025-05-30"])
    lines["net_value"] = 10.0
    late = lines.tail(1).assign(order_id="4", occurred_at=pd.Timestamp("2025-12-01"))
    return Profiles.from_tables({"order_lines": pd.concat([lines, late]), **tables})


def consents(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "purpose", "occurred_at"])
    return frame.assign(granted=True, occurred_at=pd.to_datetime(frame["occurred_at"]))


def study(**changes: Any) -> Study:
    content: dict[str, Any] = {
        "name": "s",
        "profiles": "p",
        "target": {"kind": "purchase", "horizon_days": 30},
        "legal_basis": {"none_needed": "test"},
    }
    return Study.from_dict(content | changes)


def told(profiles: Profiles, cutoff: dt.datetime = CUTOFF, **changes: Any) -> str:
    return why_nobody(study(**changes), profiles, cutoff)


def test_consent_to_another_purpose_is_told_with_how_many_gave_it() -> None:
    agreed = consents(("a", "marketing", "2024-01-01"), ("b", "marketing", "2024-01-01"))
    text = told(store(consents=agreed), legal_basis={"consent": "profiling"})
    assert "3 had an order known before it, the legal basis covers none" in text
    assert "2 customers agreed to marketing, none to profiling" in text


def test_consents_that_are_younger_than_the_cutoff_name_the_day() -> None:
    agreed = consents(("a", "profiling", "2025-07-01"))
    text = told(store(consents=agreed), legal_basis={"consent": "profiling"})
    assert "1 customers agreed to profiling, the first on 2025-07-01, after this cutoff" in text
    assert "Lower cutoffs.count" in text


def test_consents_of_others_point_at_the_ids() -> None:
    agreed = consents(("x", "profiling", "2024-01-01"))
    text = told(store(consents=agreed), legal_basis={"consent": "profiling"})
    assert "Compare customer_id of consents with order_lines" in text


def test_nobody_ordered_or_was_active() -> None:
    assert "Orders reach from 2025-01-10 to 2025-12-01" in told(store(), dt.datetime(2025, 1, 1))
    text = told(store(), dt.datetime(2025, 9, 1), population={"active_within_days": 30})
    assert "3 had an order known before it, none of them in the last 30 days" in text
    assert "The newest order known then is of 2025-05-30" in text


def test_a_sample_and_labels() -> None:
    text = why_nobody(study(), store(), CUTOFF, Sample(1e-9, "test"))
    assert "the legal basis covers 3, the sample of model.rows holds none" in text
    assert "row in labels with this cutoff" in told(
        store(), target={"kind": "custom", "horizon_days": 30}
    )


def test_the_message_of_a_dataset_is_this_one() -> None:
    agreed = consents(("a", "marketing", "2024-01-01"))
    asked = study(
        legal_basis={"consent": "profiling"},
        cutoffs={"last": "2025-06-01", "every_days": 30, "count": 1},
    )
    with pytest.raises(StudyError, match="1 customers agreed to marketing, none to profiling"):
        build_dataset(asked, store(consents=agreed))


def test_too_few_cutoffs_say_what_the_data_can_give() -> None:
    days = [dt.datetime(2025, 1, 1) + dt.timedelta(days=30 * i) for i in range(4)]
    with pytest.raises(StudyError, match=r"far enough for 4 at most\. Lower target.horizon_days"):
        make_splits(days, 30, 3, most=4)
    with pytest.raises(StudyError, match=r"Raise cutoffs\.count to 5 or lower model\.folds\.$"):
        make_splits(days, 30, 3, most=9)
    with pytest.raises(StudyError, match=r"(?<!folds)\. Raise cutoffs\.count to 3\.$|count\.$"):
        make_splits(days[:2], 30, 1)


def test_labels_at_one_cutoff_ask_for_more_labels() -> None:
    with pytest.raises(StudyError, match=r"labels has 1 \(2025-06-01\)\. Add the outcomes of earl"):
        make_splits(
            [CUTOFF],
            30,
            3,
            most=most_cutoffs(study(target={"kind": "custom", "horizon_days": 30}), store()),
        )
    asked = study(cutoffs={"last": "2025-06-01", "every_days": 30, "count": 2})
    assert most_cutoffs(asked, store()) == 5
