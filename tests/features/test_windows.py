"""Columns of windows are made of the rows of the window alone, and are the same to the last bit."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest

from neigung.features.feature import Feature, feature
from neigung.features.library import library
from neigung.features.sources import COMBINED, ORDER_LINES, ORDERS
from neigung.features.table import FeatureSet
from neigung.features.windows import only_where
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, Past
from neigung.study import Study
from tests.spark import CUTOFF, RETENTION, adversarial


@pytest.fixture(scope="module")
def past() -> Past:
    """Of a store of ties, late lines, and orders whose lines lie days apart."""
    return _past(adversarial())


def _past(tables: dict[str, pd.DataFrame], **changes: Any) -> Past:
    content = {
        "name": "windows",
        "profiles": "memory",
        "target": {"kind": "purchase", "horizon_days": 7},
        "legal_basis": {"none_needed": "test"},
        "retention_days": RETENTION,
    }
    study = Study.from_dict(content | changes)
    return build_past(Profiles.from_tables(tables), study, CUTOFF)


def _query(past: Past, features: tuple[Feature, ...], names: Any) -> ir.Table:
    return FeatureSet.select(features, names, past).table(past)


def _found(query: ir.Table) -> pd.DataFrame:
    return query.to_pandas().sort_values(list(KEYS)).reset_index(drop=True)


def _bounded(query: ir.Table) -> bool:
    """Whether older rows were left out: an interval of days that is not the retention."""
    days = set(re.findall(r"INTERVAL '(\d+)' DAY", str(ibis.to_sql(query, dialect="duckdb"))))
    return bool(days - {str(RETENTION)})


def test_who_ordered_just_before_the_population_has_no_row() -> None:
    """Where the spine is complete, lines are not joined with it: their last day has others, too."""
    lines = adversarial()["order_lines"]
    at = CUTOFF - dt.timedelta(days=60.5)
    nearly = {"customer_id": "nearly", "order_id": "n", "occurred_at": at, "known_at": at}
    lines = pd.concat([lines, lines.iloc[:1].assign(**nearly)])
    past = _past({"order_lines": lines}, population={"active_within_days": 60})
    assert past.complete_days == 61
    names = ["order_count_60d", "order_value_30d"]
    query = _query(past, library(past), names)
    joined = _query(replace(past, complete_days=None), library(past), names)
    assert [str(ibis.to_sql(one)).count('"spine"') for one in (query, joined)] == [1, 2]
    found = _found(query)
    assert "nearly" not in set(found.customer_id)
    pd.testing.assert_frame_equal(found, _found(joined), check_exact=True)


def test_windows_of_orders_are_made_of_their_own_rows(past: Past) -> None:
    features = library(past)
    of_window: dict[int, list[str]] = defaultdict(list)
    for one in features:
        columns = [c for c in one.columns if one.source == ORDERS and c.window is not None]
        # Some read what older orders tell, as the days since the order before.
        if columns and _bounded(_query(past, features, [columns[0].name])):
            for column in columns:
                of_window[column.window or 0].append(column.name)
    whole = _found(_query(past, features, None))
    bounded = set()
    for days, names in of_window.items():
        query = _query(past, features, names)
        bounded |= {days} if _bounded(query) else set()
        expected = whole[[*KEYS, *names]]
        pd.testing.assert_frame_equal(_found(query), expected, check_exact=True)
    assert bounded == {7, 30, 60, 90, 180, 365}
    # There are orders that began before a window and had lines in it.
    lines = past.rows("order_lines").to_pandas()
    age = lines.groupby(["customer_id", "order_id"]).days_ago.agg(["min", "max"])
    for days in bounded:
        assert ((age["min"] <= days) & (age["max"] > days + 1)).any()


@feature(ORDERS, windows=(30,), empty=0, unit="orders")
def kept(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Web orders.

    de: Bestellungen im Netz.
    """
    return orders.count(where=within & (orders.channel == "web"))


@feature(ORDERS, windows=(30,), empty=0, unit="orders")
def left_out(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Orders, of whatever age.

    de: Bestellungen jeden Alters.
    """
    return orders.count()


@feature(ORDERS, windows=(30,), empty=0, unit="orders")
def either(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Orders in the window or in the web.

    de: Bestellungen im Zeitraum oder im Netz.
    """
    return orders.count(where=within | (orders.channel == "web"))


@feature(ORDERS, windows=(30,), unit="orders")
def none_of_those_there(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Orders, missing where there are none at all but zero where they are older.

    de: Bestellungen.
    """
    return orders.count(where=within)


@feature(ORDERS, windows=(30,), unit="days")
def gap(orders: ir.Table, within: ir.Value) -> ir.Value:
    """Days since the order before, which may be older than the window.

    de: Tage seit der Bestellung davor.
    """
    return orders.gap_days.max(where=within)


@feature(ORDER_LINES, windows=(30,), empty=0, unit="count")
def web_lines(lines: ir.Table, within: ir.Value) -> ir.Value:
    """Lines of orders in the web.

    de: Positionen im Netz.
    """
    return lines.count(where=within & (lines.channel == "web"))


@feature(ORDERS, unit="days")
def age(orders: ir.Table) -> ir.Value:
    """Days since the first order.

    de: Tage seit der ersten Bestellung.
    """
    return orders.days_ago.max()


@pytest.mark.parametrize(
    ("one", "bounded"),
    [
        (kept, True),
        (web_lines, True),
        (left_out, False),
        (either, False),
        (none_of_those_there, False),
        (gap, False),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_a_function_does_decides_what_is_read(past: Past, one: Feature, bounded: bool) -> None:
    query = _query(past, (one, age), [one.name])
    assert _bounded(query) == bounded
    # Beside a feature that reads the whole past its source is read as a whole.
    of_lines = feature(one.source, unit="days")(age.function)
    beside = _query(past, (one, of_lines), None)
    assert not _bounded(beside)
    pd.testing.assert_frame_equal(
        _found(query), _found(beside)[[*KEYS, f"{one.name}_30d"]], check_exact=True
    )


def test_what_reads_a_table_by_itself_is_no_aggregate_of_these_rows() -> None:
    orders = ibis.table({"value": "int64", "lately": "boolean"}, name="orders")
    own = orders.value.sum(where=orders.lately)
    assert only_where([own], [orders.lately])
    assert not only_where([own - orders.value.max().as_scalar()], [orders.lately])


def test_a_past_of_one_cutoff_passes_over_files_of_other_times(past: Past) -> None:
    sql = str(ibis.to_sql(past.rows("visits"), dialect="duckdb"))
    assert "MAKE_TIMESTAMP(2025, 4, 1" in sql
    several = replace(past, cutoff=None).rows("visits")
    assert "MAKE_TIMESTAMP" not in str(ibis.to_sql(several, dialect="duckdb"))
    assert several.count().execute() == past.rows("visits").count().execute()


def test_one_window_of_a_combined_feature(past: Past) -> None:
    @feature(ORDERS, windows=(30, 90), empty=0, unit="orders")
    def own_count(orders: ir.Table, within: ir.Value) -> ir.Value:
        """Orders.

        de: Bestellungen.
        """
        return orders.count(where=within)

    @feature(COMBINED, windows=(30, 90), of=("own_count",), unit="orders")
    def doubled(row: ir.Table, days: int) -> ir.Value:
        """Twice the orders.

        de: Doppelte Bestellungen.
        """
        return row[f"own_count_{days}d"] * 2

    both = _found(_query(past, (own_count, doubled), None))
    one = _query(past, (own_count, doubled), ["doubled_30d"])
    assert "INTERVAL '91' DAY" not in str(ibis.to_sql(one, dialect="duckdb"))
    pd.testing.assert_frame_equal(_found(one), both[[*KEYS, "doubled_30d"]])
    assert both.doubled_30d.max() > 0


def test_an_ingredient_that_nobody_reads_is_not_computed(past: Past) -> None:
    @feature(COMBINED, of=("kept",), unit="days")
    def constant(row: ir.Table) -> ir.Value:
        """Seven, whatever there is.

        de: Sieben.
        """
        return ibis.literal(7.0)

    assert set(_found(_query(past, (kept, constant), ["constant"])).constant) == {7.0}
