"""The studies that are served: champion, snapshot and consents, each followed as it changes."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from neigung.errors import InputError, NeigungError, ProfileError
from neigung.explanation.reasons import ReasonWriter
from neigung.features.live import LiveFeatures
from neigung.locations import shown
from neigung.models.artefact import check_question
from neigung.models.rows import Rows
from neigung.profiles.consent import Standing, standing
from neigung.serving import metrics
from neigung.serving.clock import Clock
from neigung.serving.pinned import Pinned
from neigung.snapshots.read import Snapshot
from neigung.study import Study
from neigung.tracking import registry
from neigung.tracking.registry import CHAMPION, VersionInfo

if TYPE_CHECKING:
    from neigung.models.version import Version

REREAD_SECONDS = 600.0
"""Consents of unchanged files are read anew after this, as those dated ahead come into force."""

SETTLING_SECONDS, SETTLED_SECONDS = 20.0, 60.0
"""Within a minute of a change they are read anew more often: another machine's clock may be ahead,
and a withdrawal dated by it must not wait."""

_TRIED_ROWS = 20

logger = logging.getLogger("neigung.serving")

_COMPILER = ThreadPoolExecutor(1, "compiler")

NOBODY = Standing("consent", pa.array([], pa.string()), np.empty(0, dtype=bool))
EVERYBODY = Standing("none_needed", pa.array([], pa.string()), np.empty(0, dtype=bool))


@dataclass(frozen=True)
class Loaded:
    """One version of a study with a snapshot: all that a prediction needs, never changed.

    `live` is still being compiled when a worker has just started, which need not keep those waiting
    who ask by id.
    """

    info: VersionInfo
    artefact: Version
    names: tuple[str, ...]
    writer: ReasonWriter
    snapshot: Snapshot
    live: Future[LiveFeatures]

    @property
    def explained(self) -> bool:
        """Whether the snapshot holds the contributions of this very artefact."""
        held = self.snapshot.explained
        return held is not None and held.artefact_digest == self.artefact.digest


class ServedStudy:
    """A study as it is served now; `refresh` follows what changed, and keeps what works.

    Parameters
    ----------
    study : what is served.
    place : the folder of its snapshot.
    pinned : the version to begin with; a newer champion is pinned in turn, so that a worker that
        starts anew needs no registry.
    follow : whether the champion is followed in the registry.
    clock : tells which consents are in force.

    Consents that cannot be read at the start are tried again; until then their age is infinite and
    nobody may be predicted. Raises InputError or TrackingError without a pinned version and a
    snapshot that suits it.
    """

    def __init__(
        self,
        study: Study,
        place: Path,
        pinned: Pinned,
        *,
        follow: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.study = study
        self.place = place
        self.clock = clock or Clock()
        self.problems: dict[str, str] = {}
        self._pinned = pinned
        self._follow = follow
        self._snapshot_mark = _mark(place)
        self._snapshot_failure: tuple[Any, InputError] | None = None
        self._consent_mark: Any = None
        self._consents_read = self._consents_true = -math.inf
        self._consents_changed = -math.inf
        artefact, info = pinned.load(study.name)
        self.loaded = self._prepared(artefact, info, self._snapshot(), wait=False)
        self.standing = NOBODY
        self._attempt("consents", self._follow_consents)

    def consents_age(self) -> float:
        """Seconds since it was last seen that the consents are as they are known here."""
        if self.study.legal_basis.none_needed is not None:
            return 0.0
        return time.monotonic() - self._consents_true

    def refresh(self) -> None:
        """Follow the champion, the snapshot and the consents; what fails stays as it was."""
        self._attempt("snapshot", self._follow_snapshot)
        self._attempt("consents", self._follow_consents)
        if self._follow:
            self._attempt("champion", self._follow_champion)

    def _attempt(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            # Whatever breaks beneath must not break what is served.
            self._say(what, _said(what, error))
        else:
            self._say(what, None)

    def _say(self, what: str, problem: str | None) -> None:
        before = self.problems.get(what)
        if problem is None:
            self.problems.pop(what, None)
            if before is not None:
                logger.warning("study %s: %s is well again", self.study.name, what)
        elif problem != before:
            self.problems[what] = problem
            logger.warning("study %s: %s stays as it was: %s", self.study.name, what, problem)

    def _follow_champion(self) -> None:
        found = registry.find(self.study.name, CHAMPION)
        if (found.version, found.digest) == (self.loaded.info.version, self.loaded.info.digest):
            return
        artefact, info = registry.load(self.study.name, found.version)
        self.loaded = self._with_snapshot(artefact, info)
        self._pinned.write(artefact, info)
        logger.info("study %s: serves version %d", self.study.name, info.version)

    def _with_snapshot(self, artefact: Version, info: VersionInfo) -> Loaded:
        if self._snapshot_failure is not None:
            # A snapshot that does not suit the version of before may be the one for this version.
            try:
                found = self._prepared(artefact, info, self._snapshot())
            except InputError:
                pass
            else:
                self._snapshot_failure = None
                return found
        return self._prepared(artefact, info, self.loaded.snapshot)

    def _follow_snapshot(self) -> None:
        mark = _mark(self.place)
        if mark == self._snapshot_mark:
            return
        if self._snapshot_failure is not None and self._snapshot_failure[0] == mark:
            raise self._snapshot_failure[1]
        try:
            loaded = self.loaded
            self.loaded = self._prepared(loaded.artefact, loaded.info, self._snapshot())
        except InputError as error:
            # It will be as broken at the next look, and reading it whole takes long.
            self._snapshot_failure = mark, error
            raise
        self._snapshot_mark, self._snapshot_failure = mark, None
        cutoff = self.loaded.snapshot.cutoff
        logger.info("study %s: serves the snapshot of %s", self.study.name, cutoff)

    def _follow_consents(self) -> None:
        if self.study.legal_basis.none_needed is not None:
            self.standing = EVERYBODY
            return
        mark = _consent_mark(self.study.profiles)
        now = time.monotonic()
        settling = self._consents_read - self._consents_changed < SETTLED_SECONDS
        pause = SETTLING_SECONDS if settling else REREAD_SECONDS
        if mark is None or mark != self._consent_mark or now - self._consents_read > pause:
            self.standing = self._read_consents()
        else:
            self._consents_true = now

    def _read_consents(self) -> Standing:
        mark = _consent_mark(self.study.profiles)
        # What is written while it is read is read once more at the next turn.
        found = standing(self.study.profiles, self.study.legal_basis, self.clock.now())
        if len(self.standing.customer_ids) and not len(found.customer_ids):
            # Where no statement counts as agreement, objections would be lost with the table.
            raise ProfileError(
                f"The consents in {shown(self.study.profiles)} are needed, but none is left of "
                f"{len(self.standing.customer_ids)}. Put them back, or start the service anew."
            )
        now = time.monotonic()
        if mark != self._consent_mark:
            self._consents_changed = now
        self._consent_mark = mark
        self._consents_read = self._consents_true = now
        return found

    def _snapshot(self) -> Snapshot:
        return open_snapshot(self.study, self.place)

    def _prepared(
        self,
        artefact: Version,
        info: VersionInfo,
        snapshot: Snapshot,
        *,
        wait: bool = True,
    ) -> Loaded:
        names = check_version(self.study, artefact, info, snapshot)
        self._try(artefact, info, snapshot, names)
        tables, shared = snapshot.tables, snapshot.shared()
        live = _COMPILER.submit(LiveFeatures, self.study, tables, shared, names)
        if wait:
            live.result()
        return Loaded(
            info=info,
            artefact=artefact,
            names=names,
            writer=ReasonWriter(artefact.columns, artefact.usual),
            snapshot=snapshot,
            live=live,
        )

    def _try(
        self,
        artefact: Version,
        info: VersionInfo,
        snapshot: Snapshot,
        names: tuple[str, ...],
    ) -> None:
        """A version answers for a few customers before it answers for all."""
        rows = Rows(snapshot.values(range(min(_TRIED_ROWS, len(snapshot))), names))
        told = artefact.predict(rows)
        numbers = [told[name] for name in told if told[name].dtype == np.float64]
        if not all(np.isfinite(one).all() for one in numbers):
            raise NeigungError(
                f"Version {info.version} of study {self.study.name} predicts what is no number."
            )


def open_snapshot(study: Study, place: Path, *, verify: bool = True) -> Snapshot:
    """The snapshot of a study; raises InputError when there is none, or it is of other settings."""
    snapshot = Snapshot.open(place, verify=verify)
    name = snapshot.study["name"]
    if name != study.name:
        raise InputError(
            f"The snapshot of study {study.name} is needed in {place}, but it is that of {name}. "
            "Write it anew."
        )
    for key in ("legal_basis", "retention_days", "population", "orders"):
        now = study.to_dict()[key]
        then = snapshot.study.get(key, now)  # older studies did not say what an order is
        if then != now:
            raise InputError(
                f"The snapshot in {place} was written with another {key} ({then}) than study "
                f"{study.name} has now ({now}). Write it anew with `neigung features`."
            )
    return snapshot


def check_version(
    study: Study, artefact: Version, info: VersionInfo, snapshot: Snapshot
) -> tuple[str, ...]:
    """The features that a version reads; raises InputError when it cannot be served."""
    check_question(study, artefact, info.version)
    names = tuple(column.name for column in artefact.columns)
    held = {column.name for column in snapshot.columns}
    missing = [name for name in names if name not in held]
    if missing:
        raise InputError(
            f"Version {info.version} of study {study.name} reads {', '.join(missing[:5])}"
            f"{', …' if len(missing) > 5 else ''}, which the snapshot of "
            f"{snapshot.cutoff:%Y-%m-%d %H:%M} does not hold. Write the snapshot anew with "
            "`neigung features`."
        )
    return names


def when_compiled(work: Callable[[], None]) -> None:
    """Do something once all is compiled that waits for it."""
    _COMPILER.submit(work)


class Watcher:
    """Refreshes all studies again and again, in a thread of its own, until it is stopped."""

    def __init__(self, studies: list[ServedStudy], seconds: float) -> None:
        self._studies = studies
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Look once, so that all is loaded that looking needs, and go on in the background."""
        self._look()
        self._thread.start()

    def stop(self) -> None:
        """End after the present turn."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        for study in self._studies:
            study.refresh()
            _measure(study)


def _measure(served: ServedStudy) -> None:
    name = served.study.name
    metrics.MODEL_VERSION.labels(study=name).set(served.loaded.info.version)
    metrics.CONSENTS_AGE.labels(study=name).set(served.consents_age())
    metrics.TROUBLES.labels(study=name).set(len(served.problems))


def _mark(place: Path) -> Any:
    """What changes when a snapshot does, or one of its files."""
    try:
        found = [(str(file), file.stat()) for file in sorted(place.rglob("*"))]
    except OSError:
        return None
    return [(name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in found]


def _consent_mark(location: str) -> Any:
    """What changes when the consents of a store do; None where only reading tells."""
    path = Path(location).expanduser()
    if path.is_file():
        files = [path, *path.parent.glob(f"{path.name}.wal")]
    else:
        files = [
            file
            for entry in path.glob("consents*")
            for file in ([entry] if entry.is_file() else sorted(entry.rglob("*")))
        ]
    found = [(str(file), file.stat()) for file in files]
    return [(name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in found] or None


def _said(what: str, error: Exception) -> str:
    """The error in a line. One about consents may quote a customer's row, so it is only named."""
    name = type(error).__name__
    if what == "consents":
        return f"{name}. `neigung check` says what is wrong."
    return f"{name}: {' '.join(str(error).split())[:500]}"
