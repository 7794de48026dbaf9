"""A cluster of Spark that loses an executor, and then all of them, while they score.

The cluster is a real one, of a master and a worker with two executors. Run as a program, this file
scores on it, as a process of its own: a process has one session of Spark.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.dataset as pds
import pytest

from neigung.features.feature import Column
from neigung.models.dataset import FeatureQuery
from neigung.models.propensity.artefact import Artefact
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.scoring import on_spark
from neigung.scoring.batches import score_batches
from tests.processes import ask_each, started_by

# Compiling to Java takes longer than the work on so few rows.
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": LIGHT,
    "spark.executor.extraJavaOptions": LIGHT,
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.neigung.soon": "1s",
}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The URL of a cluster; none of its processes outlives it."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none.")
    found = importlib.util.find_spec("pyspark")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).parent / "bin" / "spark-class"
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": f"{LIGHT} -Dspark.master.rest.enabled=false",
    }

    def start(role: str, *arguments: object) -> subprocess.Popen[str]:
        command = [program, f"org.apache.spark.deploy.{role}", "--webui-port", 0, *arguments]
        return stack.enter_context(
            subprocess.Popen(
                [*map(str, command)], env=environment, stderr=subprocess.PIPE, text=True
            )
        )

    def said(process: subprocess.Popen[str], pattern: str) -> str:
        assert process.stderr is not None
        for line in process.stderr:
            if told := re.search(pattern, line):
                return told[0]
        raise AssertionError(f"The process ended without saying {pattern}.")

    with ExitStack() as stack:
        here = ["--host", "127.0.0.1", "--port", 0]
        master = start("master.Master", *here)
        stack.callback(master.kill)
        url = said(master, r"spark://127\.0\.0\.1:\d+")
        worker = start("worker.Worker", *here, "-c", 2, "-m", "1g", "-d", tmp_path / "work", url)
        stack.callback(end_all, worker.pid)
        said(worker, "Successfully registered with master")
        yield url


def end_all(process: int) -> None:
    """Kill a process and those that it started."""
    ask_each([process, *started_by(process)], psutil.Process.kill)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_scores_of_a_cluster_that_loses_executors(cluster: str, tmp_path: Path) -> None:
    (tmp_path / "spark-defaults.conf").write_text("\n".join(map(" ".join, SETTINGS.items())))
    environment = {
        **os.environ,
        "SPARK_CONF_DIR": str(tmp_path),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    (tmp_path / "out").mkdir()
    command = [sys.executable, __file__, cluster, str(tmp_path / "out")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == (
        "Spark: it waited for an executor and found none. Check that its workers run and have free "
        "processors and memory, then run the same command again. If they are only slow to come, "
        "set spark.neigung.wait to more than 120s.\n"
    )
    whole, after_loss = (scores(tmp_path / "out" / name) for name in ("whole", "executor lost"))
    assert len(whole) == 40
    pd.testing.assert_frame_equal(whole, after_loss)
    # Two processes were killed, one of them an executor; nothing else is left beside the scores.
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"whole", "executor lost", "executor killed", "worker killed"}


def scores(folder: Path) -> pd.DataFrame:
    assert {path.suffix for path in folder.iterdir()} == {".parquet"}
    frame = pds.dataset(folder, format="parquet").to_table().to_pandas()
    return frame.sort_values("customer_id", ignore_index=True)


def losing(
    batches: Iterator[pa.RecordBatch], mark: Path, whole_worker: bool = False, **given: Any
) -> Iterator[pa.RecordBatch]:
    """Score, and once, when there is something to lose, kill the executor or also its worker."""
    import psutil

    for scored in score_batches(batches, given["files"], given["version"], given["reasons"]):
        yield scored
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            continue
        _, executor, worker, *_ = psutil.Process().parents()
        assert "Executor" in " ".join(executor.cmdline())
        victims = [worker, *worker.children()] if whole_worker else [executor]
        for victim in victims:
            victim.send_signal(signal.SIGKILL)


def main(url: str, out: Path) -> None:
    """Score three times: undisturbed, with an executor that is lost, with all that are."""
    from neigung.profiles.sources import spark
    from neigung.profiles.sources.spark_session import Place, own_session, session_of

    engine = spark.SparkEngine(own_session(session_of(Place.of(f"{url}/?folder=/none"), None)))
    X = pd.DataFrame({"orders": np.arange(200) % 20})
    model = PropensityClassifier({"n_estimators": 30}).fit(X, X["orders"] > 9)
    orders = Column("orders", "orders", None, "count", "", "number", "Orders", "Bestellungen")
    artefact = Artefact(model, (orders,), study={}, meta={}, reference=(0.2, 0.4, 0.6))
    ids = [str(number) for number in range(40)]
    cutoff = pa.array([dt.datetime(2025, 5, 1)] * len(ids), pa.timestamp("us"))
    rows = engine.pairs(pa.table({"customer_id": ids, "cutoff": cutoff}))
    rows = rows.mutate(orders=rows.customer_id.cast("float64"))
    query = FeatureQuery(rows, (orders,), (), len(ids))

    def score(name: str) -> None:
        on_spark.score_on_executors(query, engine, artefact, 1, 1, out / name)

    score("whole")
    on_spark._scored = partial(losing, mark=out / "executor killed")
    score("executor lost")
    on_spark._scored = partial(losing, mark=out / "worker killed", whole_worker=True)
    spark.WAIT = "spark.neigung.soon"  # not before: executors take their time to start
    try:
        score("worker lost")
    except spark.ClusterError as error:
        print(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
