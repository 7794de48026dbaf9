"""What counts as an order: once, at its first line, with a positive total."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest

from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Future
from neigung.study import Where
from neigung.targets.churn import no_order
from neigung.targets.offer import outcomes
from neigung.targets.purchase import purchase

CUTOFF = dt.datetime(2025, 6, 1)

LINES = [
    # who, order, when, net, category
    ("real", "1", "2025-06-03", 30.0, "tea"),
    ("begun", "2", "2025-05-30", 50.0, "tea"),  # its second line ships after the cutoff
    ("begun", "2", "2025-06-02", 20.0, "tea"),
    ("refund", "3", "2025-05-10", 50.0, "tea"),
    ("refund", "3", "2025-06-05", -50.0, "tea"),
    ("alone", "4", "2025-06-05", -50.0, "tea"),  # a refund with an id of its own
    ("zero", "5", "2025-06-05", 0.0, "tea"),
    ("voucher", "6", "2025-06-05", 25.0, "tea"),  # paid by a line of its own
    ("voucher", "6", "2025-06-05", -25.0, "voucher"),
    ("undone", "7", "2025-06-05", 40.0, "tea"),  # bought, and sent back a week later
    ("undone", "7", "2025-06-12", -40.0, "tea"),
    ("other", "2", "2025-06-04", 10.0, "tea"),  # another customer's number
    ("gift", "8", "2025-06-04", 10.0, "tea"),
    ("gift", "8", "2025-06-04", 0.0, "soap"),
]


def profiles() -> Profiles:
    columns = ["customer_id", "order_id", "occurred_at", "net_value", "category"]
    return Profiles.from_tables({"order_lines": pd.DataFrame(LINES, columns=columns)})


def future(store: Profiles | None = None, **more: Any) -> Future:
    store = store or profiles()
    frame = pd.DataFrame({"customer_id": sorted({row[0] for row in LINES}), "cutoff": CUTOFF})
    spine = ibis.memtable(frame, schema={"customer_id": "string", "cutoff": "timestamp(6)"})
    return Future(store.tables, spine, 30, **more)


def who(table: ir.Table, column: str = "label", value: float = 1.0) -> set[str]:
    rows = table.to_pyarrow().to_pandas()
    return set(rows.loc[rows[column] == value, "customer_id"])


@pytest.mark.parametrize(
    ("zero_orders", "expected"),
    [
        (False, {"real", "undone", "other", "gift"}),
        (True, {"real", "undone", "other", "gift", "zero", "voucher"}),
    ],
)
def test_who_ordered(zero_orders: bool, expected: set[str]) -> None:
    seen = future(zero_orders=zero_orders)
    assert who(purchase(seen, Where())) == expected
    assert who(no_order(seen), value=0.0) == expected
    assert who(outcomes(seen), "purchase") == expected


def test_a_gift_is_no_purchase_of_its_category() -> None:
    assert who(purchase(future(), Where(category=("soap",)))) == set()
    assert who(purchase(future(zero_orders=True), Where(category=("soap",)))) == {"gift"}


def test_an_offer_neither_earns_nor_loses_by_older_orders() -> None:
    rows = outcomes(future()).to_pyarrow().to_pandas().set_index("customer_id")
    assert rows["value"].drop(["real", "other", "gift"]).eq(0).all()
    assert rows.loc["real", "value"] == 30


def test_older_lines_are_looked_for_where_they_are_said_to_be() -> None:
    store = profiles()
    lines = store.tables["order_lines"]
    some = lines.filter(lines.customer_id == "begun")
    assert who(purchase(future(store, older=some), Where())) == {"real", "undone", "other", "gift"}
    nobody = lines.filter(ibis.literal(False))
    assert "begun" in who(purchase(future(store, older=nobody), Where()))
