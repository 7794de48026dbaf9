"""The way to MLflow: quiet, within a bounded time, and with errors that fit on one line.

The store is MLflow's own default, `sqlite:///mlflow.db` in the current folder with the artifacts in
`./mlruns`, unless `MLFLOW_TRACKING_URI` or `mlflow.set_tracking_uri` names another one.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from neigung.errors import TrackingError
from neigung.locations import sqlite_address, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What the user has not decided. MLflow's own values would wait minutes for a server that is not
# there, phone home, draw progress bars, and copy a stranger's uv.lock beside the model.
DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
}
CONNECT_SECONDS = 10
NOISY_LOGGERS = ("mlflow", "alembic", "urllib3")


@contextmanager
def connected(*, create: bool = False) -> Iterator[MlflowClient]:
    """A client of the active store; whatever MLflow cannot do leaves as a TrackingError.

    With `create`, a SQLite store that does not exist yet is made (1 to 3 s), else it is an error:
    who only reads leaves no empty database behind. The environment and the log levels are as
    before afterwards.
    """
    with _environment(**DEFAULTS):
        with warnings.catch_warnings():
            # Without ipywidgets, tqdm complains in notebooks about a bar that is never drawn.
            warnings.simplefilter("ignore")
            import mlflow
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        with _quiet():
            uri = mlflow.get_tracking_uri()
            broken = (MlflowException, SQLAlchemyError, OSError)
            try:
                with _no_folders_by_address(uri):
                    _knock(uri, create)
                    client = mlflow.MlflowClient()
                    client.search_experiments(max_results=1)
            except (*broken, ImportError) as error:
                raise TrackingError(
                    f"A reachable MLflow store is needed, but {shown(uri)} cannot be opened: "
                    f"{_first_line(error)}. Start or mend it, or set MLFLOW_TRACKING_URI (unset, "
                    "it is sqlite:///mlflow.db in the current folder)."
                ) from None
            try:
                yield client
            except broken as error:
                raise TrackingError(
                    f"MLflow at {shown(uri)} failed: {_first_line(error)}. Check that the store "
                    "and its artifact folder are reachable and writable, then try again."
                ) from error


def shown(uri: str) -> str:
    """A URI that may be printed: without user and password.

    >>> shown("postgresql://me:secret@db.example/mlflow")
    'postgresql://***@db.example/mlflow'
    """
    return re.sub(r"//[^/@\s]+@", "//***@", uri)


def _knock(uri: str, create: bool) -> None:
    """Try a database once: MLflow itself would try ten times with growing pauses."""
    import sqlalchemy
    from mlflow.store.db.db_types import DATABASE_ENGINES
    from sqlalchemy.pool import NullPool

    dialect = uri.partition(":")[0].partition("+")[0]
    if dialect not in DATABASE_ENGINES:
        return
    url = sqlalchemy.make_url(uri)
    if dialect == "sqlite" and url.database and not Path(url.database).exists():
        if create:
            _make(Path(url.database))
            return
        raise TrackingError(
            f"There is no MLflow store at {url.database} yet. Run `neigung train` first, change "
            "to the folder where it was run, or set MLFLOW_TRACKING_URI."
        )
    timed = dialect in ("postgresql", "mysql")
    arguments = {"connect_timeout": CONNECT_SECONDS} if timed else {}
    engine = sqlalchemy.create_engine(uri, poolclass=NullPool, connect_args=arguments)
    try:
        sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _make(path: Path) -> None:
    """A new store, which has its name only when it is whole: who starts at the same time, or later
    after an end halfway, finds a whole one or none."""
    from mlflow import MlflowClient

    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with _environment(MLFLOW_SQLALCHEMYSTORE_POOLCLASS="NullPool"):  # keeps no file open
            client = MlflowClient(tracking_uri=sqlite_address(aside.absolute()))
            client.search_experiments(max_results=1)
        try:
            os.link(aside, path)
        except FileExistsError:
            pass  # another process was first
        except OSError:  # a drive without links
            if not path.exists():
                aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def place_of_artifacts(experiment: str) -> str | None:
    """Where the files of an experiment's runs lie; None where MLflow finds the place itself.

    Beside a SQLite file it takes a path for an address, and with a % in it writes elsewhere.
    """
    import mlflow

    here = Path.cwd()
    if sqlite_path(mlflow.get_tracking_uri()) is None or not set("%?") & set(str(here)):
        return None
    return (here / "mlruns" / experiment).as_uri()


@contextmanager
def _no_folders_by_address(uri: str) -> Iterator[None]:
    """MLflow makes a folder named like the address of a SQLite file, escapes and all, which stays
    empty: without it."""
    path = sqlite_path(uri)
    escaped = Path(uri.removeprefix("sqlite:///")).parent
    # Whether one was there before says nothing: another process may be making it, too.
    strange = [] if path is None else [escaped, *escaped.parents]
    try:
        yield
    finally:
        for folder in [one for one in strange if path and one not in path.parents]:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """With these variables, where the user has not decided them."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = shown(lines[0] if lines else type(error).__name__).rstrip(". ")
    return text if len(text) <= 300 else text[:299] + "…"
