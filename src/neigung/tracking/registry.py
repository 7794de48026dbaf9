"""The registered versions of a study: find them, load them, read what their run logged."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from neigung.errors import InputError, TrackingError
from neigung.language import ENGLISH, STORED, Language, checked
from neigung.tracking.connection import connected

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from neigung.evaluation.tested import Tested
    from neigung.models.version import Version

CHAMPION, CHALLENGER, LATEST = "champion", "challenger", "latest"
LONGEST_NUMBER = 18
"""Digits of a version: more are no number of any store, and Python reads no number of thousands."""
ARTEFACT_PATH = "data/artefact"
"""Where the artefact lies in a version: what MLflow makes of a data folder named `artefact`."""
EVALUATION_PATH = "evaluation.json"
DIGEST_TAG = "artefact_digest"
REPORT_DIGEST_TAG = "report_digest"
FITNESS_TAG = "fitness"
LEAK_TAG = "leak"
"""What the report says of a leak that closes the gate; absent where there is none."""
METRIC_TAG, UNIT_TAG = "acceptance_metric", "acceptance_unit"
BASELINE_TAG, BASELINE_VALUE_TAG = "best_baseline", "best_baseline_value"
REPORT_LANGUAGES_TAG = "report_languages"
"""The languages a report is written in; a version without the tag has those of `STORED`."""
_PAGE = 1000
"""How many versions are asked for at once."""


@dataclass(frozen=True)
class VersionInfo:
    """One registered version of a study.

    `metrics` are the headline metrics of the test cutoff (`test.auroc`, …), `digest` is that of
    the artefact, `created` is UTC without a zone, `tags` is all that was recorded on the version.

    >>> VersionInfo("purchase_30d", 3, "4f1c", "9d2e", dt.datetime(2011, 12, 9)).model_uri
    'models:/purchase_30d/3'
    """

    study: str
    version: int
    run_id: str
    digest: str
    created: dt.datetime
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def model_uri(self) -> str:
        """What `mlflow.pyfunc.load_model` takes."""
        return f"models:/{self.study}/{self.version}"


def versions(study_name: str) -> list[VersionInfo]:
    """All versions of a study, oldest first; none is an empty list.

    Raises TrackingError when the store cannot be reached.
    """
    with connected() as client:
        return _versions(client, study_name)


def find(study_name: str, version: int | str) -> VersionInfo:
    """One version of a study: a number, `champion`, `challenger` or `latest`.

    Raises TrackingError when there is none, InputError when `version` is something else.
    """
    version = numbered(version)
    if not isinstance(version, int) and version not in (CHAMPION, CHALLENGER, LATEST):
        raise InputError(
            f"A version is a number, {CHAMPION}, {CHALLENGER} or {LATEST}, found '{version:.40}'."
        )
    there = versions(study_name)
    if not there:
        raise TrackingError(
            f"Study {study_name} has no registered version; run `neigung train …` first."
        )
    if version == LATEST:
        return there[-1]
    for one in there:
        if version == one.version or version in one.aliases:
            return one
    listed = ", ".join(str(one.version) for one in there)
    if version == CHAMPION:
        raise TrackingError(
            f"Study {study_name} has no champion yet (registered: {listed}). Make one with "
            f"`neigung promote STUDY --version {there[-1].version}`, or name a version."
        )
    what = CHALLENGER if version == CHALLENGER else f"version {version}"
    raise TrackingError(f"Study {study_name} has no {what}; registered: {listed}.")


def numbered(version: int | str) -> int | str:
    """A version that is written as a number as one, any other as it is.

    >>> numbered("3"), numbered("latest"), numbered("²"), numbered("0" * 19)
    (3, 'latest', '²', '0000000000000000000')
    """
    if isinstance(version, int) or len(version) > LONGEST_NUMBER:
        return version
    return int(version) if version.isascii() and version.isdigit() else version


def load(study_name: str, version: int | str) -> tuple[Version, VersionInfo]:
    """The artefact of a version, with its digest checked against what was registered.

    `version` is a number, `champion`, `challenger` or `latest`. Raises TrackingError when there is
    no such version, when its files are gone, or when they are not those that were registered.
    """
    from neigung.models.artefact import load_artefact

    info = find(study_name, version)
    with connected(), tempfile.TemporaryDirectory() as folder:
        from mlflow.artifacts import download_artifacts

        place = download_artifacts(f"{info.model_uri}/{ARTEFACT_PATH}", dst_path=folder)
        try:
            artefact = load_artefact(place)
        except InputError as error:
            # It was read from a copy that is gone; what to mend lies in the store.
            told = str(error).replace(f"{place}", ARTEFACT_PATH)
            raise TrackingError(
                f"The artefact of version {info.version} of study {study_name} cannot be used: "
                f"{told}"
            ) from None
    if artefact.digest != info.digest:
        raise TrackingError(
            f"Version {info.version} of study {study_name} was registered with the artefact digest "
            f"{info.digest[:12] or 'none'}, but its files have {artefact.digest[:12]}: they were "
            "changed afterwards. Use another version or train again."
        )
    return artefact, info


def run_artifact(version: VersionInfo, path: str) -> bytes:
    """The bytes of a file that the run of a version logged, such as `evaluation.json`.

    Raises TrackingError when the run has no such file.
    """
    with connected() as client:
        return fetch(client, version, path)


def fetch(client: MlflowClient, version: VersionInfo, path: str) -> bytes:
    """`run_artifact` with a client that is there already."""
    with tempfile.TemporaryDirectory() as folder:
        parent = str(PurePosixPath(path).parent)
        listed = client.list_artifacts(version.run_id, None if parent == "." else parent)
        if path not in {one.path for one in listed}:
            raise TrackingError(
                f"The run of version {version.version} of study {version.study} has no {path}. "
                "It was deleted, or the run was not made by `neigung train`; train again."
            )
        return Path(client.download_artifacts(version.run_id, path, folder)).read_bytes()


def evaluation_of(version: VersionInfo) -> Tested:
    """The evaluation of a version on its test cutoff, as its run logged it.

    Raises TrackingError when the run has none that can be read.
    """
    from neigung.models import kinds

    content = run_artifact(version, EVALUATION_PATH)
    try:
        found = json.loads(content)
        kind = kinds.named(found.get("kind", kinds.PROPENSITY.name))
        evaluation: Tested = kind.evaluation.from_dict(found)
        return evaluation
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrackingError(
            f"The {EVALUATION_PATH} of version {version.version} of study {version.study} cannot "
            f"be read ({type(error).__name__}: {error}). It was changed or made by another release "
            "of neigung; train again."
        ) from None


@dataclass(frozen=True)
class Report:
    """The report of a version as its run holds it.

    `pages` are the bytes by language, `digest` is theirs, `recorded` the one that the training
    put on the version: the same, or empty for a version of an older release that recorded none.

    >>> report = Report({"en": b"<p>reason</p>", "de": "<p>Gründe</p>".encode()}, "")
    >>> report.digest[:12], report.page("de")
    ('62ce25a3a812', '<p>Gründe</p>')
    """

    pages: Mapping[str, bytes] = field(repr=False)
    recorded: str

    @property
    def digest(self) -> str:
        """What a reviewer signs: SHA-256 over the English page and then the others by name."""
        return report_digest(self.pages)

    def page(self, language: str) -> str:
        """The page in one language; raises InputError where there is none in it."""
        if language not in self.pages:
            there = " or ".join(self.pages)
            raise InputError(f"A report is written in {there}, found '{language}'.")
        return self.pages[language].decode()


def report_digest(pages: Mapping[str, bytes]) -> str:
    """SHA-256 over the bytes of the pages, the English one first, the others by name.

    >>> report_digest({"de": b"b", "en": b"a"}) == hashlib.sha256(b"ab").hexdigest()
    True
    """
    ordered = sorted(pages, key=lambda one: (one != ENGLISH, one))
    return hashlib.sha256(b"".join(pages[one] for one in ordered)).hexdigest()


def report_languages(version: VersionInfo) -> tuple[Language, ...]:
    """The languages that the report of a version is written in."""
    said = version.tags.get(REPORT_LANGUAGES_TAG)
    return STORED if said is None else tuple(said.split())


def read_report(version: VersionInfo) -> Report:
    """The report of a version, checked against the digest that its training recorded.

    Raises TrackingError when a page is missing or was changed afterwards.
    """
    with connected() as client:
        return fetch_report(client, version)


def fetch_report(client: MlflowClient, version: VersionInfo) -> Report:
    """`read_report` with a client that is there already."""
    pages = {one: fetch(client, version, f"report_{one}.html") for one in report_languages(version)}
    report = Report(pages, version.tags.get(REPORT_DIGEST_TAG, ""))
    if report.recorded and report.recorded != report.digest:
        raise TrackingError(
            f"The training of version {version.version} of study {version.study} wrote the report "
            f"{report.recorded[:12]}, but its run now holds {report.digest[:12]}: the pages were "
            "changed afterwards. Restore them or train again."
        )
    return report


def report_of(study_name: str, version: int | str = CHAMPION, language: str = "en") -> str:
    """The report of a version as HTML: the very page that its training made.

    Raises TrackingError when there is no such version or its report was changed afterwards,
    InputError for a language that no report is written in.
    """
    checked(language)
    return read_report(find(study_name, version)).page(language)


def all_versions() -> dict[str, list[VersionInfo]]:
    """All versions of all studies by the study's name, sorted by name, oldest version first.

    Models that others registered in the same store are left out: no version of theirs carries the
    digest of an artefact. Raises TrackingError when the store cannot be reached.
    """
    with connected() as client:
        models = _all(client.search_registered_models)
        aliases = {model.name: model.aliases for model in models}
        found: dict[str, list[VersionInfo]] = {}
        for one in _all(client.search_model_versions):
            if DIGEST_TAG in one.tags:
                info = _info(one, aliases.get(one.name, {}))
                found.setdefault(one.name, []).append(info)
    return {name: sorted(found[name], key=lambda one: one.version) for name in sorted(found)}


def _all(search: Callable[..., Any]) -> list[Any]:
    """Everything that a search of MLflow finds, page by page."""
    found: list[Any] = []
    token = None
    while True:
        page = search(max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _versions(client: MlflowClient, study_name: str) -> list[VersionInfo]:
    # The aliases come from the registered model: searches leave them out in some stores.
    models = client.search_registered_models(filter_string=f"name='{study_name}'", max_results=1)
    if not models:
        return []
    aliases = models[0].aliases
    found = client.search_model_versions(f"name='{study_name}'")
    return sorted((_info(one, aliases) for one in found), key=lambda one: one.version)


def _info(found: Any, aliases: Mapping[str, str]) -> VersionInfo:
    number = int(found.version)
    created = dt.datetime.fromtimestamp(found.creation_timestamp / 1000, dt.UTC)
    return VersionInfo(
        study=found.name,
        version=number,
        run_id=found.run_id or "",
        digest=found.tags.get(DIGEST_TAG, ""),
        created=created.replace(tzinfo=None),
        aliases=tuple(sorted(name for name, at in aliases.items() if int(at) == number)),
        metrics={k: float(v) for k, v in found.tags.items() if k.startswith("test.")},
        tags=dict(found.tags),
    )
