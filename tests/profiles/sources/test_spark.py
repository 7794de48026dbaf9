"""Profiles on Spark: how a store is found, and what is said when it is not."""

from __future__ import annotations

import builtins
import datetime as dt
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.errors import PySparkException

from neigung.errors import FeatureError, LeakageError, NeigungError, ProfileError
from neigung.models.cutoffs import study_cutoffs
from neigung.models.dataset import build_dataset
from neigung.models.leakage import check_leakage
from neigung.models.splits import make_splits
from neigung.profiles.sample import Sample
from neigung.profiles.sources import spark_session
from neigung.profiles.sources.spark import ClusterError, told
from neigung.profiles.sources.spark_session import Place
from neigung.profiles.store import Profiles
from neigung.study import Study
from tests import spark as stores
from tests.conftest import Shop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def lines() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [7, 7, 8],
            "order_id": ["a", "b", "c"],
            "occurred_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-02-03"]),
            "net_value": [10.0, 5.5, 20.0],
        }
    )


def opened(folder: Path) -> Profiles:
    return Profiles.open(f"spark://{stores.MASTER}/?folder={folder}")


def refused(location: Any) -> str:
    with pytest.raises(ProfileError) as error:
        Profiles.open(location)
    assert "\n" not in str(error.value)
    assert "py4j" not in str(error.value)
    return str(error.value)


def test_a_folder_of_csv_files(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    (tmp_path / "order_lines").mkdir()
    for number, part in enumerate((lines.head(2), lines.tail(1))):
        part.assign(shelf=[3] * len(part)).to_csv(
            tmp_path / "order_lines" / f"{number}.csv", index=False
        )
    found, expected = opened(tmp_path), Profiles.open(tmp_path)
    assert found.table("order_lines").columns == expected.table("order_lines").columns
    assert found.digest() == expected.digest()
    assert found.span() == (dt.datetime(2025, 1, 1), dt.datetime(2025, 2, 3))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_columns_in_names_of_folders(
    spark: SparkSession, tmp_path: Path, lines: pd.DataFrame, suffix: str
) -> None:
    folder = tmp_path / "channel=export"
    for index, value in enumerate(("007", "Käse%20x", "__HIVE_DEFAULT_PARTITION__")):
        place = folder / "order_lines" / f"category={value}" / f"year={2023 + index}"
        place.mkdir(parents=True)
        part = lines.iloc[[index]]
        if suffix == "csv":
            part.to_csv(place / "p.csv", index=False)
        else:
            part.to_parquet(place / "p.parquet", index=False)
    found, expected = opened(folder), Profiles.open(folder)
    categories = found.table("order_lines").category.to_pyarrow().to_pylist()
    assert sorted(map(str, categories)) == ["007", "Käse x", "None"]
    assert found.digest() == expected.digest()
    (folder / "order_lines" / "category=007").rename(folder / "order_lines" / "order_id=007")
    assert "must all name the same columns" in refused(f"spark://{stores.MASTER}/?folder={folder}")


def test_text_that_only_the_other_engine_reads(
    spark: SparkSession, tmp_path: Path, lines: pd.DataFrame
) -> None:
    url = f"spark://{stores.MASTER}/?folder={tmp_path}"
    file = tmp_path / "order_lines.csv"
    lines.to_csv(file, index=False, sep=";")
    assert opened(tmp_path).digest() == Profiles.open(tmp_path).digest()
    lines.to_csv(file, index=False, encoding="utf-16")
    assert "Spark reads text in UTF-8" in refused(url)
    lines.to_csv(file, index=False)
    (tmp_path / "consents.json").write_text("{}")
    assert "consents.json is not read" in refused(url)
    (tmp_path / "tables.yaml").write_text("all: {time_zone: Europe/Berlin}")
    assert "tables.yaml says how files are read, which Spark does not do" in refused(url)


def test_a_folder_of_any_name_with_times_of_nanoseconds(
    spark: SparkSession, tmp_path: Path, lines: pd.DataFrame
) -> None:
    at = lines["occurred_at"].astype("datetime64[ns]") + pd.Timedelta(microseconds=1)
    table = pa.Table.from_pandas(lines.assign(occurred_at=at), preserve_index=False)
    assert table.schema.field("occurred_at").type.unit == "ns"
    folder = tmp_path / "Läden, [1] {a,b} 50% *?"
    folder.mkdir()
    pq.write_table(table, folder / "order_lines.parquet", version="2.6")
    first, last = opened(folder).span()
    assert (first, last) == (at.min().to_pydatetime(), at.max().to_pydatetime())


def test_text_in_a_folder_that_looks_like_a_pattern(
    spark: SparkSession, tmp_path: Path, lines: pd.DataFrame
) -> None:
    folder = tmp_path / "[1-2]"
    folder.mkdir()
    lines.to_csv(folder / "order_lines.csv", index=False)
    assert "Rename it, or write Parquet files." in refused(
        f"spark://{stores.MASTER}/?folder={folder}"
    )


def test_files_that_change_after_opening(
    spark: SparkSession, tmp_path: Path, lines: pd.DataFrame
) -> None:
    stores.write({"order_lines": lines}, tmp_path / "store")
    profiles = opened(tmp_path / "store")
    assert profiles.signature() == Profiles.open(tmp_path / "store").signature()
    profiles.check_unchanged()
    lines.head(1).to_parquet(tmp_path / "store" / "order_lines.parquet")
    with pytest.raises(ProfileError, match=r"changed while it was read: order_lines: .* anew"):
        profiles.check_unchanged()


def test_a_sample_is_of_the_same_customers(spark: SparkSession, tmp_path: Path) -> None:
    times = pd.to_datetime(["2025-01-01"] * 60)
    many = pd.DataFrame({"customer_id": [f"é{n}" for n in range(60)], "occurred_at": times})
    many = many.assign(order_id=many["customer_id"], net_value=1.0)
    stores.write({"order_lines": many}, tmp_path / "store")
    found, expected = (
        set(Sample(0.4, "a").of(store.table("order_lines")).to_pyarrow()["customer_id"].to_pylist())
        for store in (opened(tmp_path / "store"), Profiles.open(tmp_path / "store"))
    )
    assert found == expected
    assert 0 < len(found) < 60


def test_views_of_a_session(spark: SparkSession, lines: pd.DataFrame) -> None:
    spark.createDataFrame(lines).createOrReplaceTempView("order_lines")
    spark.range(3).createOrReplaceTempView("custmers")
    try:
        profiles = Profiles.open(spark)
        assert profiles.customers() == 2
        # Written by pandas as local times of the session's zone.
        assert profiles.span()[0] == dt.datetime(2025, 1, 1, 5)
        assert "custmers (did you mean customers?)" in profiles.notes[0]
        # What the user sees stays as it was: the views, the zone.
        assert {row.viewName for row in spark.sql("SHOW VIEWS").collect()} == {
            "custmers", "order_lines",
        }  # fmt: skip
        assert spark.conf.get("spark.sql.session.timeZone") == "America/New_York"
    finally:
        for view in ("order_lines", "custmers"):
            spark.catalog.dropTempView(view)


def test_a_database(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    stores.write({"order_lines": lines}, tmp_path / "store")
    spark.sql("CREATE DATABASE IF NOT EXISTS shop")
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS shop.order_lines USING parquet LOCATION '{tmp_path}/store'"
    )
    found = Profiles.open(f"spark://{stores.MASTER}/shop")
    assert found.digest() == Profiles.open(tmp_path / "store").digest()
    text = refused(f"spark://{stores.MASTER}/shops")
    assert "shops" in text
    assert "cannot be opened" in text


def test_a_broken_row_is_named(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    lines.loc[1, "order_id"] = " \t\x0b"
    stores.write({"order_lines": lines.astype({"net_value": str})}, tmp_path / "store")
    assert refused(f"spark://{stores.MASTER}/?folder={tmp_path}/store") == (
        "order_lines: order_id must be filled, but 1 of 3 rows breaks this, for example "
        "missing (it says ' \\t\\x0b'). Mend or leave out such rows."
    )


def test_files_that_are_not_what_they_seem(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "order_lines.parquet").write_text("no")
    assert "order_lines.parquet cannot be read" in refused(
        f"spark://{stores.MASTER}/?folder={tmp_path}"
    )
    assert "there is none" in refused(f"spark://{stores.MASTER}/?folder={tmp_path}/gone")


def test_a_missing_table(spark: SparkSession, tmp_path: Path) -> None:
    text = refused(f"spark://{stores.MASTER}/?folder={tmp_path}")
    assert "order_lines is needed" in text


@pytest.mark.parametrize(
    "url", ["spark://", "spark://local[x]/", "spark://host/db", "spark://local?folders=x"]
)
def test_other_forms_of_urls(url: str) -> None:
    assert "spark://HOST:PORT/DATABASE" in refused(url)


def test_a_database_and_a_folder() -> None:
    with pytest.raises(ProfileError, match="names both"):
        Place.of("spark://h:1/db?folder=x")


def test_without_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    real = builtins.__import__

    def missing(name: str, *given: Any, **named: Any) -> Any:
        if name.split(".")[0] in ("pyspark", "py4j"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *given, **named)

    for name in ("spark", "postgres"):
        monkeypatch.delitem(sys.modules, f"neigung.profiles.sources.{name}", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    assert "pip install 'neigung[spark]'" in refused("spark://local[2]/?folder=x")


def test_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spark_session, "_active", lambda: None)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "needs Java 17" in refused("spark://local[2]/?folder=x")
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "none was found" in refused("spark://local[2]/?folder=x")


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        yield taken.getsockname()[1]


def test_a_master_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setattr(spark_session, "_active", lambda: None)
    text = refused(f"spark://127.0.0.1:{closed_port}/shop")
    assert "cannot be reached" in text
    assert str(closed_port) in text


def test_another_master_than_the_process_has(spark: SparkSession) -> None:
    assert "has a session on local[2] already" in refused("spark://local[1]/?folder=x")


def test_batches_in_order(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    many = pd.concat([lines.assign(order_id=[f"{k}{o}" for o in "abc"]) for k in range(400)])
    profiles = opened(stores.write({"order_lines": many}, tmp_path / "store"))
    table = profiles.table("order_lines").order_by("order_id")
    batches = list(profiles.engine.batches(table, 500))
    assert max(batch.num_rows for batch in batches) <= 500
    assert pa.Table.from_batches(batches).equals(table.to_pyarrow().combine_chunks())


def test_a_feature_that_fails(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    profiles = opened(stores.write({"order_lines": lines}, tmp_path / "store"))
    table = profiles.table("order_lines")
    wrong = table.select(x=table.order_id.cast("int64"))
    with pytest.raises(FeatureError, match=r"cannot be computed: Spark: .*CAST_INVALID_INPUT"):
        profiles.engine.prepared(wrong)()
    with pytest.raises(NeigungError, match="CAST_INVALID_INPUT"):
        wrong.to_pyarrow()


def test_a_failure_on_an_executor(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    profiles = opened(stores.write({"order_lines": lines}, tmp_path / "store"))
    frame = profiles.engine.connection.frame(profiles.table("order_lines"))

    def fails(batches: Any) -> Any:
        raise OSError("No space left on device")

    full = "on an executor: OSError: No space left on device"
    with pytest.raises(NeigungError, match=full), told():
        frame.mapInArrow(fails, "x int").collect()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ModuleNotFoundError: No module named 'neigung'", "Install this package where"),
        ("pyspark.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] 3.9", "need the Python of this"),
    ],
)
def test_executors_that_cannot_run_this_package(said: str, advice: str) -> None:
    with pytest.raises(ClusterError, match=advice) as error, told():
        raise PySparkException(f"An exception was thrown from the Python worker:\nat x\n{said}\n")
    assert error.value.exit_code == 2
    assert said.removeprefix("pyspark.") in str(error.value)


def test_what_is_held_is_replaced(spark: SparkSession, tmp_path: Path, lines: pd.DataFrame) -> None:
    engine = opened(stores.write({"order_lines": lines}, tmp_path / "store")).engine
    first, second = (dt.datetime(2025, 1, day, 0, 0, 0, 1) for day in (1, 2))
    held = engine.hold("one", engine.instants([first]))
    query = engine.prepared(held)
    assert query()["cutoff"].to_pylist() == [first]
    engine.hold("one", engine.instants([second]))
    assert query()["cutoff"].to_pylist() == [second]


@pytest.fixture
def on_spark(spark: SparkSession, shop: Shop, small_tables: dict[str, pd.DataFrame]) -> str:
    """The URL of a store on Spark, with a study beside it."""
    stores.write(small_tables, shop.folder / "profiles")
    features = ["order_count", "order_value", "order_categories_mean", "attribute_income"]
    shop.study(legal_basis={"none_needed": "test"}, cutoffs={"count": 3}, features=features)
    return f"spark://{stores.MASTER}/?folder={shop.folder}/profiles"


@pytest.mark.slow
def test_features_are_written_by_the_executors(shop: Shop, on_spark: str) -> None:
    ended = shop.run("features", "study.yaml", "--out", "parts", "--profiles", on_spark)
    assert ended.code == 0, ended.err
    assert shop.run("features", "study.yaml", "--out", "one.parquet").code == 0
    assert {path.suffix for path in (shop.folder / "parts").iterdir()} == {".parquet"}
    found = pq.read_table("parts").to_pandas().sort_values("customer_id", ignore_index=True)
    expected = pq.read_table("one.parquet").to_pandas()
    pd.testing.assert_frame_equal(found, expected)
    # Again: its own parts are replaced, but nobody else's files.
    assert shop.run("features", "study.yaml", "--out", "parts", "--profiles", on_spark).code == 0
    refused = shop.run("features", "study.yaml", "--out", ".", "--profiles", on_spark)
    assert refused.code == 2
    assert "holds other files" in refused.message


@pytest.mark.slow
def test_the_data_of_a_training(shop: Shop, on_spark: str) -> None:
    study = Study.load(shop.folder / "study.yaml")
    splits = make_splits(study_cutoffs(study, Profiles.open("profiles")), 14, 1)
    expected, found = (
        build_dataset(study, Profiles.open(place)) for place in ("profiles", on_spark)
    )
    pd.testing.assert_frame_equal(found.frame, expected.frame, rtol=1e-9)
    check_leakage(found, splits, study, Profiles.open(on_spark))
    found.frame.loc[0, "order_count_90d"] += 1
    with pytest.raises(LeakageError, match="order_count_90d"):
        check_leakage(found, splits, study, Profiles.open(on_spark))
