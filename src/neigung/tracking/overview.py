"""The overview of all studies as a folder: one page, and beside it the reports it links to.

The table is read from the tags of the versions alone. Reports are fetched once: a page that lies in
the folder as its training made it is not fetched again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from neigung.errors import InputError, TrackingError
from neigung.files import write_bytes, write_text
from neigung.language import checked
from neigung.tracking.connection import connected
from neigung.tracking.gate import tested_on
from neigung.tracking.registry import (
    BASELINE_TAG,
    BASELINE_VALUE_TAG,
    FITNESS_TAG,
    METRIC_TAG,
    REPORT_DIGEST_TAG,
    UNIT_TAG,
    VersionInfo,
    all_versions,
    fetch,
    fetch_report,
    report_languages,
)
from neigung.tracking.review import tagged_review

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from neigung.report.overview_page import ListedReview, ListedVersion

INDEX = "index.html"
_KEPT = ".reports.json"
"""What was fetched: by the place of each page its SHA-256, run and report digest."""
_PLACE = re.compile(r"[\w-]+/\d+_\w+\.html", re.ASCII)


@dataclass(frozen=True)
class WrittenOverview:
    """An overview on disk: how much it lists, and how the reports came there.

    >>> print(WrittenOverview(Path("out/index.html"), 2, 7, fetched=1, kept=5, missing=1).text)
    Overview: out/index.html (2 studies, 7 versions)
      Reports: 1 fetched, 5 unchanged, 1 version without a report
    """

    path: Path
    studies: int
    versions: int
    fetched: int = 0
    kept: int = 0
    missing: int = 0
    changed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What was written, for the terminal."""
        told = f"{self.fetched} fetched, {self.kept} unchanged"
        if self.missing:
            told += f", {_plural(self.missing, 'version')} without a report"
        lines = [
            f"Overview: {self.path} ({_plural(self.studies, 'study', 'studies')}, "
            f"{_plural(self.versions, 'version')})",
            f"  Reports: {told}",
        ]
        lines += [
            f"  Note: the report of {name} was changed after its training; it is not linked"
            for name in self.changed
        ]
        return "\n".join(lines)


def write_overview(folder: Path, language: str = "en") -> WrittenOverview:
    """Write `index.html` about all studies of the MLflow store, and their reports beside it.

    The report of version 3 of a study is `STUDY/3_en.html`. Pages of versions that are gone from
    the store are removed; each file is written whole or not at all, the overview last.

    Raises TrackingError when the store cannot be reached or holds no version, InputError for a
    language that no report is written in and for a folder that cannot be written.
    """
    from neigung.report.overview_page import ListedStudy, build_overview

    checked(language)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"A folder is needed for the overview, found the file {folder}.")
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    found = all_versions()
    if not found:
        raise TrackingError(
            "The MLflow store holds no version of a study yet. Run `neigung train STUDY` first, or "
            "set MLFLOW_TRACKING_URI to the store that has some."
        )
    shelf = _Shelf(folder, language)
    try:
        with connected() as client:
            studies = [
                ListedStudy(
                    name=name,
                    target=there[-1].tags.get("target", ""),
                    versions=tuple(_listed(one, *shelf.put(client, one)) for one in there),
                )
                for name, there in found.items()
            ]
        page = build_overview(studies, now, language)
        write_text(folder / INDEX, page)
        shelf.clear()
    finally:
        shelf.remember()
    return WrittenOverview(
        folder / INDEX,
        len(found),
        sum(map(len, found.values())),
        shelf.fetched,
        shelf.kept,
        shelf.missing,
        tuple(shelf.changed),
    )


@dataclass
class _Shelf:
    """The reports beside the overview."""

    folder: Path
    language: str
    fetched: int = 0
    kept: int = 0
    missing: int = 0
    changed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.there = self._remembered()
        self.living: set[str] = set()

    def put(self, client: MlflowClient, version: VersionInfo) -> tuple[str | None, str]:
        """Where the report of a version lies, and whether it could be checked."""
        base = f"{_folder_name(version.study)}/{version.version}"
        self.living |= {f"{base}_{one}.html" for one in report_languages(version)}
        place = f"{base}_{self.language}.html"
        digest = version.tags.get(REPORT_DIGEST_TAG, "")
        state = "checked" if digest else "unchecked"
        origin = {"run": version.run_id, "report": digest}
        entry = self.there.get(place)
        if entry and entry | origin == entry and entry["sha256"] == self._digest(place):
            self.kept += 1
            return place, state
        if not self._has_report(client, version):
            self.missing += 1
            return None, "missing"
        page = f"report_{self.language}.html"
        try:
            whole = fetch_report(client, version).pages if digest else {}
        except TrackingError:
            self.changed.append(f"version {version.version} of {version.study}")
            return None, "changed"
        content = whole[self.language] if digest else fetch(client, version, page)
        write_bytes(self.folder / place, content)
        self.there[place] = origin | {"sha256": hashlib.sha256(content).hexdigest()}
        self.fetched += 1
        return place, state

    def clear(self) -> None:
        """Remove the pages of versions that the store no longer has."""
        for place in set(self.there) - self.living:
            del self.there[place]
            (self.folder / place).unlink(missing_ok=True)

    def remember(self) -> None:
        """Keep what was fetched, also when the rest failed."""
        if self.there or self.folder.exists():
            write_text(self.folder / _KEPT, json.dumps(self.there, indent=1, sort_keys=True))

    def _has_report(self, client: MlflowClient, version: VersionInfo) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            listed = {one.path for one in client.list_artifacts(version.run_id)}
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        needed = {*report_languages(version), self.language}
        return {f"report_{one}.html" for one in needed} <= listed

    def _digest(self, place: str) -> str | None:
        try:
            with (self.folder / place).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    def _remembered(self) -> dict[str, dict[str, str]]:
        try:
            found = json.loads((self.folder / _KEPT).read_text(encoding="utf-8"))
            return {place: entry for place, entry in found.items() if _PLACE.fullmatch(place)}
        except (OSError, ValueError, AttributeError):
            return {}


def _listed(version: VersionInfo, report: str | None, state: str) -> ListedVersion:
    from neigung.report.overview_page import ListedVersion

    tags, numbers = version.tags, version.metrics
    # Older releases told the acceptance metric only by its interval.
    guessed = (name[5:-4] for name in numbers if name.endswith(".low"))
    metric = tags.get(METRIC_TAG) or next(guessed, "")
    test = tuple(tested_on(tags).values())
    return ListedVersion(
        number=version.version,
        created=version.created,
        fitness=tags.get(FITNESS_TAG, ""),
        metric=metric,
        unit=tags.get(UNIT_TAG, ""),
        value=numbers.get(f"test.{metric}", math.nan),
        low=numbers.get(f"test.{metric}.low", math.nan),
        high=numbers.get(f"test.{metric}.high", math.nan),
        baseline=tags.get(BASELINE_TAG, ""),
        baseline_value=_number(tags.get(BASELINE_VALUE_TAG, "")),
        test=test if all(test) else (f"version {version.version}",),
        tested=_time(tags.get("test_cutoff", "")),
        aliases=version.aliases,
        review=_review(version),
        report=report,
        report_state=state,
    )


def _review(version: VersionInfo) -> ListedReview | None:
    from neigung.report.overview_page import ListedReview

    found = tagged_review(version)
    if found is None:
        return None
    return ListedReview(
        approved=found.approved,
        by=found.by,
        note=found.note,
        at=dt.datetime.fromisoformat(found.at).astimezone(dt.UTC).replace(tzinfo=None),
        stale=found.approved
        and not found.fits(version.tags.get(REPORT_DIGEST_TAG, ""), version.digest),
    )


def _time(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _folder_name(study: str) -> str:
    """A folder for a study: its name, unless that is no name of ours and could lead elsewhere."""
    tame = re.sub(r"[^a-z0-9_]", "_", study)
    return tame if tame == study else f"{tame}-{hashlib.sha256(study.encode()).hexdigest()[:12]}"


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
