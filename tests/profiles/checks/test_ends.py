"""Times that cannot be are refused where numbers would be wrong, and doubted elsewhere."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.quality import check, open_sound, require_sound
from neigung.profiles.store import Profiles
from tests.profiles.test_ends import lines


def store(order_lines: pd.DataFrame, **tables: Any) -> Profiles:
    return Profiles.from_tables({"order_lines": order_lines, **tables})


def found(profiles: Profiles, *words: str) -> list[str]:
    """The severities of the findings that hold all these words."""
    return [
        one.severity for one in check(profiles).findings if all(word in one.text for word in words)
    ]


def test_an_order_far_ahead_is_refused_where_it_moves_a_cutoff() -> None:
    profiles = store(lines("2034-06-30"))
    named = "customer c0, order 400, 2034-06-30"
    assert found(profiles, "1 of 401 rows", "end on 2024-07-18", named) == ["refused"]
    with pytest.raises(ProfileError, match=named):
        require_sound(profiles)
    said: list[str] = []
    open_sound(profiles, latest=False, say=said.append)
    assert len(said) == 1
    assert named in said[0]
    assert require_sound(profiles, trusted=True)[0].startswith("order_lines: 1 of 401 rows")


@pytest.mark.parametrize("when", ["0001-01-01", "0031-12-24", "1899-12-30", "1970-01-01"])
def test_times_before_the_shop(when: str) -> None:
    text = lines().assign(occurred_at=lambda rows: rows["occurred_at"].astype(str))
    text.loc[7, "occurred_at"] = when
    assert found(store(text), "order_lines", f"customer c7, order 7, {when}") == ["refused"]
    visits = pd.DataFrame({"customer_id": ["c1"], "occurred_at": [when], "kind": ["view"]})
    assert found(store(lines(), visits=visits), "visits: 1 of 1 rows", when) == ["refused"]
    more = pd.DataFrame({"customer_id": "c1", "occurred_at": ["2024-03-01"] * 30, "kind": "view"})
    both = pd.concat([visits, more])
    assert found(store(lines(), visits=both), "visits: 1 of 31 rows", when) == ["warn"]


def test_attributes_may_be_old_but_not_as_old_as_a_default() -> None:
    customers = pd.DataFrame({"customer_id": ["c1"], "occurred_at": ["1968-05-04"], "tier": "a"})
    assert found(store(lines(), customers=customers), "have a time in") == []
    default = customers.assign(occurred_at="1900-01-01")
    assert found(store(lines(), customers=default), "customers: 1 of 1 rows") == ["warn"]


def test_what_became_known_after_today() -> None:
    late = lines().assign(known_at=lambda rows: rows["occurred_at"])
    late.loc[3, "known_at"] = pd.Timestamp("2199-12-31")
    assert found(store(late), "known_at", "order 3, 2199-12-31") == ["refused"]


def test_labels_and_cases_ahead_are_doubted() -> None:
    labels = pd.DataFrame({"customer_id": ["c1"], "cutoff": ["9999-12-31"], "value": [1]})
    assert found(store(lines(), labels=labels), "labels", "9999-12-31") == ["bad"]
    cases = pd.DataFrame({"customer_id": ["c1"], "case_id": ["1"], "kind": "question"})
    cases = cases.assign(occurred_at="2024-03-01", resolved_at="2199-12-31")
    assert found(store(lines(), service_cases=cases), "resolved_at") == ["warn"]
