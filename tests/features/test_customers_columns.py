"""Own columns of customers keep their values, whatever they are called."""

import ibis
import pandas as pd
import pytest

from neigung.features.library import library
from neigung.features.table import FeatureSet
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past

LINES = pd.DataFrame(
    {
        "customer_id": list("123"),
        "order_id": list("abc"),
        "occurred_at": ["2024-01-05"] * 3,
        "net_value": [10.0, 1, 2],
    }
)


@pytest.mark.parametrize(
    "name",
    [
        "_row",
        "_owner",
        "_first",
        "_at",
        "_breaks",
        "is_newest_version",
        "order",
        "rowid",
        "turn",
        "CUTOFF",
        "Days_Ago",
        "Customer_ID",
    ],
)
def test_names_of_inner_columns_are_free(name: str) -> None:
    own = pd.DataFrame({"customer_id": list("312"), name: [33.0, 11.0, 22.0]})
    profiles = Profiles.from_tables({"order_lines": LINES, "customers": own})
    spine = profiles.engine.pairs(
        Profiles.from_tables({"order_lines": LINES})
        .table("order_lines")
        .select("customer_id", cutoff=ibis.timestamp("2024-02-01"))
        .to_pyarrow()
    )
    past = Past(profiles.tables, spine, 1095)
    names = [one.name for one in library(past) if one.name.startswith("attribute_")]
    found = FeatureSet.select(library(past), tuple(names), past).table(past).to_pandas()
    assert found.set_index("customer_id").iloc[:, -1].to_dict() == {"1": 11, "2": 22, "3": 33}
