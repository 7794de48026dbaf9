"""How the feature table is put together: choice, gaps in the store, determinism, errors."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest
from ibis.config import Config

from neigung.errors import FeatureError
from neigung.features import COMBINED, ORDERS, feature
from neigung.features.feature import Feature
from neigung.features.library import library
from neigung.features.table import FeatureSet
from neigung.profiles.contract import TABLES
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
from tests.features.conftest import CUTOFFS, features_of, past_of
from tests.stores import small_store

OPTIONAL_TABLES = [
    "customers", "returns", "visits", "contacts", "responses", "service_cases", "loyalty",
]  # fmt: skip
OPTIONAL_COLUMNS = {
    table: [
        column.name
        for column in TABLES[table].columns
        if not column.required and column.name not in ("occurred_at", "known_at")
    ]
    for table in ("order_lines", *OPTIONAL_TABLES)
}
ALWAYS = (
    "days_since_last_order", "days_since_first_order", "order_days", "order_count", "order_value",
)  # fmt: skip


def test_number_of_columns(past: Past, frame: pd.DataFrame) -> None:
    assert 130 <= len(frame.columns) <= 190
    lines = Past({"order_lines": past.tables["order_lines"]}, past.spine, past.retention_days)
    assert len(FeatureSet.select(library(lines), None, lines).columns) >= 85


def test_one_row_per_row_of_the_spine(past: Past, frame: pd.DataFrame) -> None:
    spine = past.spine.to_pyarrow().to_pandas()
    assert len(frame) == len(spine) == len(spine.drop_duplicates())
    assert not frame.index.duplicated().any()


def test_numbers_are_floats_and_categories_strings(past: Past) -> None:
    chosen = FeatureSet.select(library(past), None, past)
    schema = chosen.table(past).schema()
    for column in chosen.columns:
        expected = "string" if column.kind == "category" else "float64"
        assert schema[column.name] == ibis.dtype(expected), column.name


def test_cutoffs_together_equal_cutoffs_alone(profiles: Profiles, frame: pd.DataFrame) -> None:
    for cutoff in CUTOFFS:
        alone = features_of(past_of(profiles, [cutoff]))
        together = frame[frame.index.get_level_values("cutoff") == cutoff]
        pd.testing.assert_frame_equal(alone, together, check_exact=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_neither_row_order_nor_threads_change_a_bit(
    store: dict[str, pd.DataFrame], frame: pd.DataFrame, threads: int
) -> None:
    shuffled = {name: table.sample(frac=1, random_state=threads) for name, table in store.items()}
    profiles = Profiles.from_tables(shuffled)
    profiles.connection.raw_sql(f"SET threads = {threads}")
    pd.testing.assert_frame_equal(features_of(past_of(profiles)), frame, check_exact=True)


def test_money_keeps_its_cents_whatever_the_order() -> None:
    """Floats summed in another order differ in the last bit; amounts here must not."""
    amounts = [0.1, 0.2, 0.3, 1e11, 0.7, 1e-4] * 40
    lines = pd.DataFrame(
        {
            "customer_id": "a",
            "order_id": [f"o{n}" for n in range(len(amounts))],
            "occurred_at": pd.date_range("2025-01-01", periods=len(amounts), freq="h"),
            "net_value": amounts,
        }
    )
    seen = {
        features_of(past_of(Profiles.from_tables({"order_lines": rows})))["order_value"].iloc[0]
        for rows in (lines, lines[::-1], lines.sample(frac=1, random_state=4))
    }
    assert seen == {4_000_000_000_052.004}


@pytest.mark.parametrize("table", OPTIONAL_TABLES)
def test_without_an_optional_table(past: Past, frame: pd.DataFrame, table: str) -> None:
    kept = {name: rows for name, rows in past.tables.items() if name != table}
    less = Past(kept, past.spine, past.retention_days)
    chosen = FeatureSet.select(library(less), None, less)
    assert any(f"no table {table}" in note for note in chosen.notes) or table == "customers"
    columns = set(chosen.table(less).columns) - {"customer_id", "cutoff"}
    assert columns < set(frame.columns)


def test_order_lines_alone(past: Past, frame: pd.DataFrame) -> None:
    less = Past({"order_lines": past.tables["order_lines"]}, past.spine, past.retention_days)
    found = features_of(less)
    pd.testing.assert_frame_equal(found, frame[found.columns], check_exact=True)


@pytest.mark.parametrize("place", range(max(map(len, OPTIONAL_COLUMNS.values()))))
def test_without_an_optional_column(past: Past, frame: pd.DataFrame, place: int) -> None:
    """One of each table that has so many: what is left has the values of before."""
    tables, dropped = dict(past.tables), []
    for table, columns in OPTIONAL_COLUMNS.items():
        for column in columns[place : place + 1]:
            tables[table] = tables[table].drop(column)
            dropped.append(column)
    found = features_of(Past(tables, past.spine, past.retention_days))
    # Without `resolved_at` the day a satisfaction was given is not known, so all count.
    unlike = ["satisfaction_mean_365d", "last_satisfaction"] if "resolved_at" in dropped else []
    kept = found.columns.difference(unlike, sort=False)
    assert len(kept) > 60
    pd.testing.assert_frame_equal(found[kept], frame[kept], check_exact=True)


def test_the_second_hop_sees_covered_customers_only(
    past: Past, store: dict[str, pd.DataFrame]
) -> None:
    covered = past.spine.filter(past.spine.customer_id < "k030")
    hops = tuple(one.name for one in library() if one.theme == "second hop")
    limited = features_of(Past(past.tables, covered, past.retention_days, covered), hops)
    less = {name: table[table["customer_id"] < "k030"] for name, table in store.items()}
    expected = features_of(past_of(Profiles.from_tables(less)), hops)
    pd.testing.assert_frame_equal(limited, expected, check_exact=True)
    open_to_all = features_of(Past(past.tables, covered, past.retention_days), hops)
    assert not limited.equals(open_to_all)


def test_own_columns_called_like_derived_ones_change_nothing(
    past: Past, frame: pd.DataFrame
) -> None:
    names = ("Discount", "After_Order", "open", "clicked", "newest", "Open_Rate", "gap_days")
    own = {name: ibis.literal("mine") for name in names}
    tables = {
        name: rows if name == "customers" else rows.mutate(**own)
        for name, rows in past.tables.items()
    }
    found = features_of(Past(tables, past.spine, past.retention_days))
    pd.testing.assert_frame_equal(found, frame, check_exact=True)


def test_absurd_amounts_do_not_fail() -> None:
    lines = small_store(customers=4)["order_lines"].assign(quantity=1e300)
    lines["net_value"] = 9e13
    lines["discount_value"] = 9e13
    found = features_of(past_of(Profiles.from_tables({"order_lines": lines})))
    assert found["order_value"].max() >= 9e13


def test_required_columns_alone_suffice() -> None:
    lines = small_store(customers=5)["order_lines"]
    lines = lines[["customer_id", "occurred_at", "order_id", "net_value"]]
    found = features_of(past_of(Profiles.from_tables({"order_lines": lines})))
    assert set(ALWAYS) <= set(found.columns)
    assert found["order_count"].gt(0).any()


def test_a_customer_without_rows_has_zeros_and_gaps(profiles: Profiles) -> None:
    row = features_of(past_of(profiles, [CUTOFFS[0]], ["nobody"])).iloc[0]
    assert row["order_count"] == row["order_value_90d"] == row["visit_count_7d"] == 0
    missing = ["days_since_last_order", "order_value_mean_365d", "open_share_365d"]
    assert row[[*missing, "loyalty_tier", "attribute_income"]].isna().all()


def test_a_customer_with_one_order_has_no_rhythm(profiles: Profiles) -> None:
    row = features_of(past_of(profiles, [CUTOFFS[1]], ["k000"], retention=1000)).iloc[0]
    assert row["order_count"] == 1
    assert row[["order_gap_median", "order_gap_mean", "recency_to_gap_median"]].isna().all()
    assert row["order_week_streak"] == 0


def test_long_ago_is_not_lately(profiles: Profiles) -> None:
    """After the last order, windows are empty while the whole retention is not."""
    row = features_of(past_of(profiles, [pd.Timestamp("2027-01-01")], retention=2000)).loc["k007"]
    assert row["order_count"].item() > 0
    assert row["order_count_365d"].item() == 0
    assert row["order_value_365d"].item() == 0
    assert row["weekend_order_share_365d"].isna().all()


class _SparkOptions(Config):
    treat_nan_as_null: bool = False


@pytest.fixture
def _spark_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling for Spark without pyspark: Ibis sets its options up with the backend only."""
    monkeypatch.setattr(ibis.options, "pyspark", _SparkOptions())


@pytest.mark.usefixtures("_spark_options")
@pytest.mark.parametrize("source", sorted({one.source.name for one in library()} - {"combined"}))
def test_every_source_compiles_for_spark(past: Past, source: str) -> None:
    own = tuple(one for one in library(past) if one.source.name == source)
    sql = ibis.to_sql(FeatureSet.select(own, None, past).table(past), dialect="pyspark")
    assert str(sql).startswith("WITH")


@pytest.mark.usefixtures("_spark_options")
def test_combined_features_compile_for_spark(past: Past) -> None:
    combined = tuple(one.name for one in library(past) if one.source is COMBINED)
    chosen = FeatureSet.select(library(past), combined, past)
    assert str(ibis.to_sql(chosen.table(past), dialect="pyspark")).startswith("WITH")


def test_a_choice_keeps_the_values(past: Past, frame: pd.DataFrame) -> None:
    wanted = ("order_count_30d", "recency_to_gap_median", "discount_share")
    found = features_of(past, wanted)
    assert list(found.columns) == [
        "order_count_30d", "recency_to_gap_median", "discount_share_90d", "discount_share_365d",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(found, frame[found.columns], check_exact=True)


def test_unknown_name(past: Past) -> None:
    with pytest.raises(FeatureError, match=r"'order_cuont', which nobody.*order_count"):
        FeatureSet.select(library(past), ("order_cuont",), past)


def test_defined_twice(past: Past) -> None:
    twice = (*library(past), library()[0])
    with pytest.raises(FeatureError, match="days_since_last_order is defined twice"):
        FeatureSet.select(twice, None, past)


def test_nothing_left(past: Past) -> None:
    lines = Past({"order_lines": past.tables["order_lines"]}, past.spine, past.retention_days)
    with pytest.raises(FeatureError, match="no table visits"):
        FeatureSet.select(library(), ("visit_count",), lines)


def test_a_function_that_fails(past: Past) -> None:
    def wrong(orders: ir.Table) -> ir.Value:
        """Wrong.

        de: Falsch.
        """
        return orders.no_such_column.sum()

    with pytest.raises(FeatureError, match=r"Feature wrong: .* orders: AttributeError"):
        _table(feature(ORDERS)(wrong), past)


def test_a_function_that_gives_no_expression(past: Past) -> None:
    def seven(orders: ir.Table) -> ir.Value:
        """Seven.

        de: Sieben.
        """
        return 7  # type: ignore[return-value]

    with pytest.raises(FeatureError, match=r"Feature seven: an Ibis expression .* found int"):
        _table(feature(ORDERS)(seven), past)


def test_features_in_a_circle(past: Past) -> None:
    def first(row: ir.Table) -> ir.Value:
        """First.

        de: Erstes.
        """
        return row.second

    def second(row: ir.Table) -> ir.Value:
        """Second.

        de: Zweites.
        """
        return row.first

    circle = (
        feature(COMBINED, of=("second",))(first),
        feature(COMBINED, of=("first",))(second),
    )
    with pytest.raises(FeatureError, match="in a circle, but first, second are"):
        FeatureSet.select(circle, None, past).table(past)


def test_a_combined_feature_may_build_on_a_combined_one(past: Past) -> None:
    def doubled(row: ir.Table) -> ir.Value:
        """Doubled.

        de: Verdoppelt.
        """
        return row.recency_to_gap_median * 2

    brought = (*library(past), feature(COMBINED, of=("recency_to_gap_median",))(doubled))
    found = features_of(past, ("doubled", "recency_to_gap_median"), brought)
    assert (found["doubled"].dropna() == 2 * found["recency_to_gap_median"].dropna()).all()


def _table(one: Feature, past: Past) -> ir.Table:
    return FeatureSet.select((one,), None, past).table(past)
