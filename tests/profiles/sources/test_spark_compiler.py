"""Expressions mean on Spark what they mean on DuckDB, value by value."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from neigung.profiles.engine import DuckDBEngine
from neigung.profiles.sources.spark import SparkEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RNG = np.random.default_rng(7)
FLOATS = [
    *(
        0.0,
        -0.0,
        1.5,
        2.5,
        -2.5,
        1.00115,
        2.00005,
        1e-4,
        9.99e-5,
        3e-7,
        12345678.9,
        1e7,
        1e15,
        1e16,
    ),
    *(1.5e16, 1.1e23, 1.25e-100, 1e100),
    *RNG.normal(size=100),
    *RNG.normal(size=100) * 1e-7,
    *RNG.integers(0, 10**9, 100) / 1e4,
]
TEXTS = [
    *("1d", "1f", "1e3", ".5", "5.", "", "abc", "12,5", "-0.00005", "0.00015", "99999999999999"),
    *("2024", "2024-01", "10:00", "20240105", "2024-1-5", "2024-01-05T10:00:00+02:00"),
    *("2024-01-05T10:00:00Z", "2024-02-30", "2024-01-05 10:11:12.123456", "t", "no", "0", "on"),
    *("v", "f", " \t\n\r\x0b\x0cv f\x0b", "a\\b", "d'or", "Ünï", "  "),
]


class Engines:
    """The same rows on both engines."""

    def __init__(self, session: SparkSession, rows: pa.Table) -> None:
        rows = rows.append_column("row", pa.array(range(len(rows)), pa.int64()))
        spark, duckdb = SparkEngine(session.newSession()), DuckDBEngine.open()
        spark.session.conf.set("spark.sql.session.timeZone", "UTC")
        duckdb.connection.con.register("rows", rows)
        frame = spark.session.createDataFrame(rows)
        self.tables = (duckdb.connection.table("rows"), spark.named("rows", frame))

    def agree(self, asked: Any) -> None:
        """What is asked of the table must give the same values; floats to their last bits."""
        expected, found = (asked(table).to_pyarrow().to_pylist() for table in self.tables)
        wrong = [
            (name, left[name], right[name])
            for left, right in zip(expected, found, strict=True)
            for name in left
            if not _same(left[name], right[name])
        ]
        assert not wrong, wrong[:5]


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return bool(np.isclose(left, right, rtol=1e-14, atol=0, equal_nan=True))
    return repr(left) == repr(right)


def test_floats(spark: SparkSession) -> None:
    def asked(t: ir.Table) -> ir.Table:
        x = t.x
        casts = {
            "text": x.cast("string"), "money": x.try_cast("decimal(18, 4)"),
            "days": (x % 100).try_cast("decimal(18, 6)"), "whole": x.try_cast("int64"),
            "small": (x % 100).try_cast("int32"), "absent": x.isnull(), "here": x.notnull(),
        }  # fmt: skip
        return t.select("row", **casts).order_by("row")

    Engines(
        spark, pa.table({"x": [*FLOATS, float("nan"), float("inf"), -float("inf"), None]})
    ).agree(asked)


def test_texts(spark: SparkSession) -> None:
    def asked(t: ir.Table) -> ir.Table:
        x = t.x
        casts = {
            "number": x.try_cast("float64"), "money": x.try_cast("decimal(18, 4)"),
            "truth": x.try_cast("boolean"), "stripped": x.strip(), "blank": x.strip() == "",
            "time": x.try_cast("timestamp('UTC')").cast("timestamp(6)").cast("string"),
            "same": x.isin(["a\\b", "d'or", "v"]), "md5": x.hexdigest("md5"),
            "groups": x.re_replace("([0-9])[.-]", r"\1$1"),
        }  # fmt: skip
        return t.select("row", **casts).order_by("row")

    Engines(spark, pa.table({"x": [*TEXTS, None]})).agree(asked)


def test_decimals_times_and_aggregates(spark: SparkSession) -> None:
    start = dt.datetime(2024, 2, 28, 23, 59, 59, 999_999)
    times = [start + dt.timedelta(seconds=1.234567 * k**3) for k in range(40)]
    money = [Decimal(int(n)).scaleb(-6) for n in RNG.integers(-(10**9), 10**9, 40)]
    rows = pa.table(
        {
            "group": [k % 7 for k in range(40)],
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "d": pa.array([None, *money[1:]], pa.decimal128(18, 6)),
            "cents": pa.array([Decimal(k).scaleb(-2) for k in range(40)], pa.decimal128(2, 2)),
        }
    )

    def asked(t: ir.Table) -> ir.Table:
        few = t.group > 4
        return (
            t.group_by("group")
            .agg(
                count=t.count(where=few), number=t.d.count(where=few), total=t.d.sum(where=few),
                mean=t.d.mean().cast("float64"), middle=t.d.median(),
                high=t.d.quantile(0.75, where=t.d > 0),
                seconds=t.at.epoch_seconds().cast("float64").max(), whole=t.d.cast("int64").min(),
                text=t.d.cast("string").max(), cents=t.cents.cast("string").min(),
                hour=t.at.hour().max(), weekday=t.at.day_of_week.index().max(),
                days=t.at.date().nunique(), floats=t.d.cast("float64").median(where=few),
            )
            .order_by("group")
        )  # fmt: skip

    Engines(spark, rows).agree(asked)
