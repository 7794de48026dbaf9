"""What a running service is told: one JSON file, named by the environment, read by every worker."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from neigung.errors import InputError
from neigung.files import write_text
from neigung.locations import is_url, sqlite_address, sqlite_path
from neigung.serving import places
from neigung.serving.middleware import Limits
from neigung.study import Study

PLACE = "NEIGUNG_SERVING"
"""The environment variable that names the file."""

HOME = "NEIGUNG_HOME"
"""The environment variable that names the folder of what changes day by day, where that is not the
current one: BentoML changes into a bento before it starts it."""

Seconds = Annotated[float, Field(gt=0)]
Many = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Settings of the service; paths are absolute once `resolved`.

    Parameters
    ----------
    studies : the YAML files of the studies that are served.
    profiles : the store whose consents count; None for each study's own.
    snapshots : the folder with one snapshot for each study, named after it.
    artefacts : the folder of the versions to begin with, see `Pinned`.
    follow_registry : whether new champions are picked up.
    log : where decisions are logged, the URL of a database.
    log_key : file with the secret under which customers stand in the log.
    keys : file with the API keys.
    workers, threads : processes, and requests that each of them works on at once.
    poll_seconds : how often champions, snapshots and consents are looked at anew.
    consent_max_age_seconds : when consents could not be read for so long, nobody is predicted.
    limits : of a request and of a worker, see `gate.Limits`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    studies: Annotated[tuple[str, ...], Field(min_length=1)]
    profiles: str | None = None
    snapshots: str = places.SNAPSHOTS
    artefacts: str = "artefacts"
    follow_registry: bool = True
    log: str = places.LOG
    log_key: str = places.LOG_KEY
    keys: str = places.KEYS
    workers: Many = 2
    threads: Many = 8
    poll_seconds: Seconds = 10.0
    consent_max_age_seconds: Seconds = 3600.0
    limits: Limits = Limits()

    def resolved(self, own: Path, here: Path) -> Settings:
        """With paths as they are from anywhere.

        What belongs to the settings (studies and artefacts) is looked for in the folder `own`, what
        changes day by day (snapshots, keys, the log) in the folder `here`.
        """
        log = self.log
        if file := sqlite_path(log):
            log = sqlite_address(here / file)
        changes: dict[str, Any] = {
            name: str(here / getattr(self, name)) for name in ("snapshots", "log_key", "keys")
        }
        changes["artefacts"] = str(own / self.artefacts)
        if self.profiles is not None and not is_url(self.profiles):
            changes["profiles"] = str(here / self.profiles)
        studies = tuple(str(own / study) for study in self.studies)
        return self.model_copy(update={**changes, "log": log, "studies": studies})

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        write_text(path, self.model_dump_json(indent=1))

    @classmethod
    def read(cls, path: Path | None = None) -> Settings:
        """The settings at `path`, or those that the environment names.

        Relative paths in the file are taken as `resolved` says. Raises InputError when
        there are none, or they cannot be used.
        """
        place = str(path or os.environ.get(PLACE, ""))
        if not place:
            raise InputError(
                f"The service needs its settings, but {PLACE} names no file. Start it with "
                "`neigung serve`, or set the variable."
            )
        try:
            content = json.loads(Path(place).read_text(encoding="utf-8"))
            folder = Path(place).parent.resolve()
            home = Path(os.environ.get(HOME) or Path.cwd()).resolve()
            return cls.model_validate(content).resolved(folder, home)
        except (OSError, ValueError, ValidationError) as error:
            raise InputError(
                f"The settings of the service in {place} cannot be used: "
                f"{' '.join(str(error).split())}. Start it with `neigung serve`."
            ) from None


def load_studies(settings: Settings) -> list[Study]:
    """The studies that are served; raises StudyError."""
    studies = [Study.load(path) for path in settings.studies]
    if settings.profiles is None:
        return studies
    return [study.model_copy(update={"profiles": settings.profiles}) for study in studies]
