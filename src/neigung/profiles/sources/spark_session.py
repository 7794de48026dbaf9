"""Finds Spark and the tables of a profile store in it.

A store is named `spark://HOST:PORT/DATABASE` (a cluster and a database of its catalog),
`spark://HOST:PORT/?folder=PATH` (a folder that all executors can read) or
`spark://local[2]/?folder=PATH` (Spark on this machine, with two threads).
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from neigung.errors import ProfileError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


CONNECT_SECONDS = 5.0
"""So long a master may take to answer; Spark itself would go on trying for minutes."""

_FORM = "spark://HOST:PORT/DATABASE or spark://local[2]/?folder=PATH"

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
"""What the meaning of the expressions depends on."""

_ON_THIS_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
    # Planning the rest of so wide a query anew after each step takes longer than its steps.
    "spark.sql.adaptive.enabled": "false",
}
"""Settings for Spark with a few threads of this machine."""


@dataclass(frozen=True)
class Place:
    """Where a store on Spark is.

    >>> Place.of("spark://local[2]/?folder=/data/shop")
    Place(master='local[2]', database=None, folder='/data/shop')
    >>> Place.of("spark://10.0.0.7:7077/shop")
    Place(master='spark://10.0.0.7:7077', database='shop', folder=None)
    """

    master: str
    database: str | None
    folder: str | None

    @classmethod
    def of(cls, url: str) -> Place:
        """Read a URL; ProfileError when it is not of the known form."""
        found = re.fullmatch(r"spark://([^/?]+)(?:/([^?]*))?(?:\?(.*))?", url)
        asked = parse_qs(found[3] or "") if found else {}
        local = found and re.fullmatch(r"local(\[(\d+|\*)\])?", found[1])
        if not found or set(asked) - {"folder"} or not (local or ":" in found[1]):
            raise ProfileError(f"A profile store on Spark is {_FORM}, found {url}. Mend the URL.")
        master = found[1] if local else f"spark://{found[1]}"
        folder = asked.get("folder", [None])[0]
        database = unquote(found[2] or "").strip("/") or None
        if database and folder:
            raise ProfileError(
                f"A profile store is a database or a folder, but {url} names both. Leave one out."
            )
        return cls(master, database, folder)


def is_of_spark(location: object) -> bool:
    """Whether a location is a URL of Spark or a session."""
    if isinstance(location, str):
        return location.startswith("spark://")
    return type(location).__module__.startswith("pyspark.sql")


def place_of_files(location: Any) -> str:
    """The folder of a store that `is_of_spark`; for tables of a catalog or session, whose files
    nobody names, a URL.

    Raises ProfileError for a URL of another form.

    >>> place_of_files("spark://local[2]/?folder=/data/shop"), place_of_files("spark://db:7077/crm")
    ('/data/shop', 'spark://')
    """
    place = Place.of(location) if isinstance(location, str) else None
    return (place.folder if place else None) or "spark://"


def session_of(place: Place, memory_limit: str | None) -> SparkSession:
    """A session on a master; one that is there already, if it is on the same."""
    from pyspark.sql import SparkSession

    master = place.master
    there = _active()
    if there is not None:
        if there.sparkContext.master != master:
            raise ProfileError(
                f"Spark on {master} is needed, but this process has a session on "
                f"{there.sparkContext.master} already. Stop it, or give it to Profiles.open."
            )
        return there
    _check_java()
    _check_master(master)
    builder = (
        SparkSession.builder.master(master)
        .appName("neigung")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
    )
    if place.folder:
        # Spark makes a folder for tables of a catalog, where there are none; in the working one.
        aside = tempfile.mkdtemp(prefix="neigung-spark-")
        atexit.register(shutil.rmtree, aside, ignore_errors=True)
        builder = builder.config("spark.sql.warehouse.dir", Path(aside).as_uri())
    if master.startswith("local"):
        # Its workers are processes of this machine: of this very Python, not of another one.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        for name, value in _ON_THIS_MACHINE.items():
            builder = builder.config(name, value)
        if memory_limit:
            builder = builder.config("spark.driver.memory", _of_java(memory_limit))
    told = tempfile.TemporaryFile("w+")  # noqa: SIM115 - Java writes to it as long as it runs
    try:
        with warnings.catch_warnings(), _errors_to(told.fileno()):
            warnings.simplefilter("ignore", FutureWarning)  # about pandas, which is not used here
            return builder.getOrCreate()
    except Exception as error:
        from neigung.profiles.sources.spark import reason

        told.seek(0)
        lines = [line for line in told.read().splitlines() if line[:1].strip()]  # not Java's stack
        last = (lines or [""])[-1][:200]
        raise ProfileError(
            f"Spark on {master} could not be started: {reason(error)} ({last}). Check that Java "
            "is 17 or newer, and that master and workers accept applications."
        ) from None


@contextmanager
def _errors_to(file: int) -> Iterator[None]:
    """What this process and those that it starts write to the error stream goes into a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _active() -> SparkSession | None:
    """The session that this process has."""
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession()


def _of_java(size: str) -> str:
    """A size such as "4GB" as Java reads it."""
    return re.sub(r"(?i)\s*(i?b)$", "", size.strip()).lower()


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")):
        where = f"JAVA_HOME is {home}, where there is none" if home else "none was found"
        raise ProfileError(
            f"Spark needs Java 17 or newer, but {where}. Install it (Debian: apt-get install "
            "default-jre-headless) or set JAVA_HOME."
        )


def _check_master(master: str) -> None:
    """Raise ProfileError when no master of `spark://HOST:PORT,HOST:PORT` takes a connection."""
    if not master.startswith("spark://"):
        return
    told = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            if not port.isdigit():
                raise OSError(f"{port!r} is no port")
            with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
                return
        except (OSError, OverflowError) as error:
            told.append(f"{address}: {error}")
    raise ProfileError(
        f"The Spark master of {master} cannot be reached ({'; '.join(told)}). Check the address "
        "and that the master runs."
    )


def not_of_py4j(record: logging.LogRecord) -> bool:
    """Whether a line of the log is not the stack of an interrupt, which is told once elsewhere."""
    return "while sending command" not in str(record.msg)


def own_session(session: SparkSession) -> SparkSession:
    """A session beside the given one: the same cluster and catalog, its own views and settings."""
    if "connect" in type(session).__module__:
        raise ProfileError(
            "A session of Spark Connect has no context of its own to run on. Give a session that "
            "was made with master(...)."
        )
    from pyspark.errors import PySparkException

    own = session.newSession()
    for name, value in session.conf.getAll.items():
        if name.startswith("spark.sql.") and own.conf.isModifiable(name):
            try:
                own.conf.set(name, value)
            except PySparkException:  # some may be set once only
                continue
    for name, value in _SETTINGS.items():
        own.conf.set(name, value)
    own.catalog.setCurrentCatalog(session.catalog.currentCatalog())
    own.catalog.setCurrentDatabase(session.catalog.currentDatabase())
    return own
