"""The versions that a service begins with, in a folder: it starts without a registry."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from neigung.errors import InputError, TrackingError
from neigung.files import replacing_folder
from neigung.models.artefact import load_artefact
from neigung.tracking.registry import VersionInfo

if TYPE_CHECKING:
    from neigung.models.version import Version

_ARTEFACT, _VERSION = "artefact", "version.json"
_ATTEMPTS, _PAUSE_SECONDS = 20, 0.02


class Pinned:
    """One version of each study, in a folder of the study's name: artefact and `version.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, study: str) -> tuple[Version, VersionInfo]:
        """The version of a study, its digest verified; raises TrackingError.

        While another worker replaces it, it may be gone for an instant.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._load(study)
            except TrackingError:
                time.sleep(_PAUSE_SECONDS)
        return self._load(study)

    def info(self, study: str) -> VersionInfo:
        """Which version it is; raises TrackingError."""
        path = self.folder / study / _VERSION
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["created"] = dt.datetime.fromisoformat(content["created"])
            content["aliases"] = tuple(content["aliases"])
            return VersionInfo(**content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrackingError(
                f"The version of study {study} is needed in {path}, but cannot be read ({error}). "
                "Start the service with `neigung serve`, or build the bundle anew."
            ) from None

    def _load(self, study: str) -> tuple[Version, VersionInfo]:
        info = self.info(study)
        try:
            artefact = load_artefact(self.folder / study / _ARTEFACT)
        except InputError as error:
            raise TrackingError(str(error)) from None
        if artefact.digest != info.digest:
            raise TrackingError(
                f"The artefact of study {study} was pinned with the digest {info.digest[:12]}, "
                f"but has {artefact.digest[:12]}. Pin it anew."
            )
        return artefact, info

    def write(self, artefact: Version, info: VersionInfo) -> None:
        """Pin a version, whole or not at all."""
        with replacing_folder(self.folder / info.study) as folder:
            artefact.save(folder / _ARTEFACT)
            content = asdict(info) | {"created": info.created.isoformat()}
            (folder / _VERSION).write_text(json.dumps(content, indent=1), encoding="utf-8")
