"""Loads trained models of every kind; registered models name this module as their loader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neigung.errors import StudyError
from neigung.models import kinds, sealed
from neigung.models.version import Version
from neigung.study import Orders

if TYPE_CHECKING:
    import pandas as pd

    from neigung.study import Study


def load_artefact(path: str | Path | Mapping[str, bytes]) -> Version:
    """The artefact in a folder, or of the `files` of one, of whichever kind it is.

    Raises InputError when a file is missing, was changed, or is of another format version, and when
    this release knows no such kind.
    """
    content, texts = sealed.read_version(path)
    found: Version = kinds.of_content(content).artefact.from_files(content, texts)
    return found


def check_question(study: Study, artefact: Version, version: int) -> None:
    """A version answers the study as it is now.

    Raises:
        StudyError: It was trained with another target, retention, or idea of an order.
    """
    for key in ("target", "retention_days", "orders"):
        now = study.to_dict()[key]
        # What an order is was not said by older studies, nor where it is the default.
        then = artefact.study.get(key, Orders().model_dump())
        if then != now:
            raise StudyError(
                f"Study {study.name}: version {version} was trained with another {key} ({then}) "
                f"than the study has now ({now}). Train again, or put it back."
            )


class _PyfuncModel:
    """What `mlflow.pyfunc` calls; see `Version.predict`."""

    def __init__(self, artefact: Version) -> None:
        self.artefact = artefact

    def predict(
        self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        return self.artefact.predict(model_input)


def _load_pyfunc(path: str) -> _PyfuncModel:
    """Entry point of `mlflow.pyfunc`, which names this module as its `loader_module`."""
    return _PyfuncModel(load_artefact(path))
