"""Starts the service: checks everything first, then hands over to BentoML."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from neigung.errors import InputError
from neigung.serving.settings import PLACE, Settings, load_studies

SERVICE = "neigung.serving.service:NeigungService"


def settings_of(path: Path | None, **given: Any) -> Settings:
    """The settings of the command line, as far as given, over those of a file.

    Raises InputError when they cannot be used.
    """
    given = {name: value for name, value in given.items() if value is not None}
    try:
        content = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
        return Settings.model_validate({**content, **given})
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"Settings of the service as JSON are needed, but cannot be used: "
            f"{' '.join(str(error).split())}. Mend {path or 'the options'}."
        ) from None


def prepare(settings: Settings) -> list[str]:
    """Look at all that a worker will need, and get it: champions are pinned, a secret is made.

    Returns what is worth telling. Raises InputError, TrackingError or ProfileError with what is
    missing, so that nobody has to search for it in the log of a worker.
    """
    from neigung.profiles.consent import standing
    from neigung.serving.access import list_keys
    from neigung.serving.clock import Clock
    from neigung.serving.decision_log import DecisionLog
    from neigung.serving.pinned import Pinned
    from neigung.serving.places import LOG_KEY_VARIABLE
    from neigung.serving.secret import load_secret
    from neigung.serving.studies import check_version, open_snapshot
    from neigung.tracking.registry import CHAMPION, load

    said = []
    studies = load_studies(settings)
    names = [study.name for study in studies]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(f"Each study can be served once, but {', '.join(doubled)} is named twice.")
    pinned = Pinned(Path(settings.artefacts))
    for study, path in zip(studies, settings.studies, strict=True):
        if settings.follow_registry:
            pinned.write(*load(study.name, CHAMPION))
        artefact, info = pinned.load(study.name)
        standing(study.profiles, study.legal_basis, Clock().now())
        place = Path(settings.snapshots) / study.name
        if not place.is_dir():
            raise InputError(
                f"The service needs the snapshot of study {study.name} in {place}, and there is "
                f"none. Write it with `neigung features {path} --snapshot {place}`."
            )
        snapshot = open_snapshot(study, place, verify=False)
        check_version(study, artefact, info, snapshot)
        said.append(
            f"{study.name}: version {info.version}, {len(snapshot):,} customers as of "
            f"{snapshot.cutoff:%Y-%m-%d %H:%M}"
        )
        held = snapshot.explained
        if held is None or held.artefact_digest != info.digest:
            said.append(
                f"  Note: the snapshot does not hold the contributions of version {info.version}; "
                "each is explained when it is asked for, which takes longer."
            )
    active = [record for record in list_keys(Path(settings.keys)) if record.revoked is None]
    if not active:
        raise InputError(
            f"The service needs an API key in {settings.keys}, and there is none that counts. Add "
            "one with `neigung keys add NAME --scope predict:*`."
        )
    key = load_secret(LOG_KEY_VARIABLE, Path(settings.log_key), create=True)
    DecisionLog.open(settings.log, key).close()
    return said


def serve(settings: Settings, host: str, port: int) -> NoReturn:
    """Become the BentoML server; never returns, so that signals are the server's own.

    Its settings and the pinned versions lie in a folder of its own, `.neigung/serving-PORT`.
    """
    folder = own_folder(port)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # the URL of a database may hold its password
    settings.write(folder / "settings.json")
    os.environ |= environment(folder)
    os.execv(sys.executable, command(host, port))


def own_folder(port: int) -> Path:
    """Where a server keeps what it needs to start again."""
    return Path(".neigung").resolve() / f"serving-{port}"


def environment(folder: Path) -> dict[str, str]:
    """What a server needs in its environment, its settings being in a folder of its own.

    BentoML would tell its makers that it is used, and two servers of one BentoML home empty the
    folder with each other's metrics when they start.
    """
    return {
        PLACE: str(folder / "settings.json"),
        "BENTOML_DO_NOT_TRACK": "True",
        # With an arena for each thread the allocator keeps what large requests took.
        "MALLOC_ARENA_MAX": "2",
        "BENTOML_HOME": os.environ.get("BENTOML_HOME", str(folder / "bentoml")),
    }


def command(host: str, port: int) -> list[str]:
    """The command line of a server."""
    program = [sys.executable, "-m", "bentoml", "serve", SERVICE, "--host", host]
    return [*program, "--port", str(port), "--timeout-graceful-shutdown", "10"]
