"""The facts of a store are those that pandas counts in the frames it was made from."""

from __future__ import annotations

import pandas as pd

from neigung.profiles.contract import TABLES
from neigung.profiles.store import Profiles
from neigung.profiles.table_facts import table_facts


def test_facts_are_what_the_frames_hold(small_tables: dict[str, pd.DataFrame]) -> None:
    facts = table_facts(Profiles.from_tables(small_tables)).set_index("table")
    assert list(facts.index) == [name for name in TABLES if name in small_tables]
    for name, frame in small_tables.items():
        at = pd.to_datetime(frame["cutoff" if name == "labels" else "occurred_at"])
        found = facts.loc[name]
        assert found["rows"] == len(frame)
        assert found["customers"] == frame["customer_id"].nunique()
        assert (found["first"], found["last"]) == (at.min(), at.max())


def test_absent_and_empty_tables_have_no_row(small_tables: dict[str, pd.DataFrame]) -> None:
    given = {"order_lines": small_tables["order_lines"], "visits": small_tables["visits"].head(0)}
    assert table_facts(Profiles.from_tables(given))["table"].tolist() == ["order_lines"]
