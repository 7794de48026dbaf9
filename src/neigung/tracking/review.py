"""A person's signature under a version: approved or rejected, by whom, why, and on which report.

What is signed are two digests, of the report that was read and of the artefact that is served; when
either changes, the signature no longer counts. MLflow decides who may write to its store, and so
who may sign: a name is what that person says.

Every review is a file of its own in the version's run, which nobody writes again, so that none is
lost when two people review at once. The version's tag `review` repeats the newest for lists.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
import unicodedata
import uuid
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Self, cast

from neigung.errors import InputError, TrackingError
from neigung.tracking.connection import connected
from neigung.tracking.registry import (
    FITNESS_TAG,
    Report,
    VersionInfo,
    load,
    numbered,
    read_report,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from neigung.study import Study

Decision = Literal["approve", "reject"]

DECISIONS: dict[str, str] = {"approve": "approved", "reject": "rejected"}
REVIEW_TAG = "review"
LONGEST_NAME, LONGEST_NOTE = 100, 5000
_TAGGED_NOTE = 500
"""So much of a note goes into the tag, whose length some registries limit to some thousands."""
_FOLDER = "reviews"
_ARTEFACT_META = re.compile(rb'<meta name="neigung-artefact" content="([0-9a-f]*)"')
_HIDING = ("Cc", "Cf", "Cs")
"""Kinds of characters that move the cursor, turn the direction of writing or are not seen: with
them one name could look like another."""
_HARMLESS = "\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


@dataclass(frozen=True)
class Review:
    """One decision about one version.

    `at` is UTC in ISO form; `number` counts the reviews that this one could know of, itself
    included, so that two at once have the same; `path` is its file in the run.

    >>> review = Review("purchase_30d", 3, "approve", "Ada", "Fair.", "2026-11-22T12:00:00+00:00",
    ...                 report_digest="5f70", artefact_digest="9d2e", number=1, path="reviews/1")
    >>> review.text
    'approved by Ada on 2026-11-22 12:00 UTC: Fair.'
    >>> review.fits("5f70", "9d2e"), review.fits("5f70", "0000")
    (True, False)
    """

    study: str
    version: int
    decision: Decision
    by: str
    note: str
    at: str
    report_digest: str
    artefact_digest: str
    number: int
    path: str

    @property
    def approved(self) -> bool:
        """Whether the version may speak to customers, in the reviewer's eyes."""
        return self.decision == "approve"

    @property
    def text(self) -> str:
        """Decision, name, time and note on one line."""
        note = " ".join(self.note.split())
        return f"{DECISIONS[self.decision]} by {self.by} on {self.day}: {note}"

    @property
    def brief(self) -> str:
        """`text` without its full stop and the rest of a long note, to stand in a sentence.

        >>> review = Review("a", 3, "reject", "Ada", "no " * 400, "2026-11-22T12:00:00+00:00",
        ...                 report_digest="5f70", artefact_digest="9d2e", number=1, path="a")
        >>> len(review.text), len(review.brief), review.brief[-6:]
        (1240, 541, ' no n…')
        """
        return replace(self, note=_beginning(self.note)).text.rstrip(".")

    @property
    def day(self) -> str:
        """The time to the minute, for readers."""
        return f"{dt.datetime.fromisoformat(self.at):%Y-%m-%d %H:%M} UTC"

    @property
    def recorded(self) -> str:
        """What was put down, for the terminal."""
        return "\n".join(
            [
                f"{self.study}: version {self.version} is {DECISIONS[self.decision]} by {self.by}.",
                f"  Time:     {self.at}",
                f"  Report:   {self.report_digest}",
                f"  Artefact: {self.artefact_digest}",
                f"  Note:     {' '.join(self.note.split())}",
                f"  Recorded in MLflow: {self.path} of the version's run, newest as tag "
                f"'{REVIEW_TAG}'.",
            ]
        )

    def fits(self, report_digest: str, artefact_digest: str) -> bool:
        """Whether it is about this report and this artefact."""
        return (self.report_digest, self.artefact_digest) == (report_digest, artefact_digest)

    def to_json(self) -> str:
        """As its file holds it."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, content: str | bytes) -> Self:
        """Inverse of `to_json`; ValueError for anything else."""
        found = json.loads(content)
        if not isinstance(found, dict) or set(found) != {field.name for field in fields(cls)}:
            raise ValueError("its keys are not those of a review")
        kinds = {"version": int, "number": int}
        if any(type(value) is not kinds.get(key, str) for key, value in found.items()):
            raise ValueError("its values are not those of a review")
        if found["decision"] not in DECISIONS:
            raise ValueError(f"there is no decision '{found['decision']}'")
        dt.datetime.fromisoformat(found["at"])
        return cls(**found)


def review(study: Study, version: int | str, decision: str, *, by: str, note: str) -> Review:
    """Record that a person approves or rejects a version, with the digests of what they read.

    `version` is a number: an alias may move between reading and signing. `by` is a name of at most
    100 characters, `note` says why in at most 5000. The newest review of a version counts; of two
    at once, a rejection. All of them stay.

    Raises InputError for an unknown decision, a name or note that is empty, too long or unreadable,
    and a version of another study; TrackingError when there is no such version, and when its
    report or artefact is missing or not the one of its training. After an error nothing has
    changed.
    """
    if decision not in DECISIONS:
        raise InputError(f"A decision is approve or reject, found '{decision}'.")
    by = _readable("name (--by)", " ".join(by.split()), LONGEST_NAME)
    note = _readable("note (--note)", "\n".join(note.strip().splitlines()), LONGEST_NOTE)
    number = _number(version)
    artefact, info = load(study.name, number)
    if artefact.study.get("name") != study.name:
        raise InputError(
            f"Version {number} of {study.name} was trained for the study "
            f"{artefact.study.get('name')}, so it cannot be reviewed for this one. Review it as a "
            "version of its own study."
        )
    report = signable_report(info)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with connected() as client:
        earlier = _paths(client, info)
        place = 1 + max((_order(path)[0] for path in earlier), default=0)
        stamp = re.sub(r"[-:]|\+.*", "", now)
        made = Review(
            study.name,
            number,
            cast(Decision, decision),
            by,
            note,
            now,
            report.digest,
            info.digest,
            place,
            f"{_FOLDER}/{place:04d}_{decision}_{stamp}Z_{uuid.uuid4().hex[:12]}.json",
        )
        client.log_text(info.run_id, made.to_json(), made.path)
        _tag_newest(client, info, made)
    return made


def reviews(version: VersionInfo) -> list[Review]:
    """All reviews of a version from its run; the last one counts.

    Raises TrackingError when a file cannot be read, or the one that the version names is gone:
    then nobody can say what was decided.
    """
    with connected() as client, tempfile.TemporaryDirectory() as folder:
        paths = _paths(client, version)
        found = [_read(client, version, path, folder) for path in paths]
    named = tagged_review(version)
    if named is not None and named.path not in paths:
        raise TrackingError(
            f"Version {version.version} of study {version.study} was last {named.text}, but "
            f"{named.path} is no longer in its run. Restore the file, or review the version again."
        )
    return found


def tagged_review(version: VersionInfo) -> Review | None:
    """The newest review as the version's tag repeats it, its note shortened; None without one."""
    try:
        return Review.from_json(version.tags[REVIEW_TAG])
    except (KeyError, ValueError):
        return None


def signable_report(version: VersionInfo) -> Report:
    """The report of a version, if it is the one of its training and about its artefact.

    Raises TrackingError when a page is missing or was changed, when it is about another artefact,
    and when an older release trained the version without recording the report's digest.
    """
    report = read_report(version)
    name = f"version {version.version} of study {version.study}"
    if not report.recorded:
        raise TrackingError(
            f"A review signs the digest of the report that the training wrote, but {name} has "
            "none recorded: an older release of neigung trained it. Train it again with "
            "`neigung train STUDY` and review the new version."
        )
    for language, page in report.pages.items():
        told = _ARTEFACT_META.search(page)
        about = told[1].decode() if told else ""
        if about != version.digest:
            raise TrackingError(
                f"The report (report_{language}.html) of {name} is about the artefact "
                f"{about[:12] or 'none'}, but the version serves {version.digest[:12]}. Train it "
                "again with `neigung train STUDY` and review the new version."
            )
    return report


def standing(version: VersionInfo, report: Report) -> str:
    """What a report is and who reviewed it, for the terminal."""
    known = {
        **{"fit": "fit for use", "care": "use with care", "not_fit": "not fit for use"},
        "open": "none, too few outcomes",
    }
    verdict = known.get(version.tags.get(FITNESS_TAG, ""), "none, an older release trained it")
    checked = "as the training wrote it" if report.recorded else "the training recorded none"
    lines = [
        f"  Version {version.version} of {version.study}, artefact {version.digest}",
        f"  Report digest {report.digest} ({checked})",
        f"  Verdict: {verdict}",
    ]
    try:
        history = reviews(version)
    except TrackingError as error:
        # Who shall review it again needs the report.
        return "\n".join([*lines, f"  Review: {error}"])
    for one in history:
        fits = one.fits(report.digest, version.digest)
        lines.append(f"  Review: {one.text}{'' if fits else ' (of another report or artefact)'}")
    return "\n".join(lines if history else [*lines, "  Review: none yet"])


def _number(version: int | str) -> int:
    number = numbered(version)
    if isinstance(number, str):
        raise InputError(
            f"A review is about one version by its number, found '{number:.40}': an alias may move "
            "between reading and signing. Take the number that the report shows."
        )
    return number


def _readable(what: str, text: str, longest: int) -> str:
    """A text that can be shown anywhere as it was meant."""
    if not any(unicodedata.category(letter)[0] in "LN" for letter in text):
        raise InputError(f"A review needs a {what}, found {text!r}. Say it in words.")
    if len(text) > longest:
        raise InputError(
            f"A {what} has at most {longest:,} characters, found {len(text):,}. Shorten it."
        )
    for letter in text:
        if unicodedata.category(letter) in _HIDING and letter not in _HARMLESS:
            raise InputError(
                f"A {what} is plain text, found the invisible character U+{ord(letter):04X}. Leave "
                "it out."
            )
    return text


def _beginning(note: str) -> str:
    return note if len(note) <= _TAGGED_NOTE else note[: _TAGGED_NOTE - 1] + "…"


def _tag_newest(client: MlflowClient, version: VersionInfo, made: Review) -> None:
    """Repeat the newest review on the version, also when others review at the same moment.

    Who writes the tag looks afterwards whether a newer review has come: whoever is last then
    leaves the newest one there, and not their own.
    """
    newest, tagged = made, ""
    with tempfile.TemporaryDirectory() as folder:
        while True:
            paths = _paths(client, version)
            if paths[-1] != newest.path:
                newest = _read(client, version, paths[-1], folder)
            if newest.path == tagged:
                return
            value = asdict(newest) | {"note": _beginning(newest.note)}
            client.set_model_version_tag(
                version.study,
                str(version.version),
                REVIEW_TAG,
                json.dumps(value, ensure_ascii=False),
            )
            tagged = newest.path


def _paths(client: MlflowClient, version: VersionInfo) -> list[str]:
    """The files of all reviews, the one that counts last."""
    listed = client.list_artifacts(version.run_id, _FOLDER)
    return sorted((one.path for one in listed if not one.is_dir), key=_order)


def _order(path: str) -> tuple[int, bool, str]:
    """By number, not by clock: clocks differ. Of two at once, a rejection counts."""
    number, _, rest = PurePosixPath(path).name.partition("_")
    return (int(number) if number.isdigit() else 0, rest.startswith("reject_"), path)


def _read(client: MlflowClient, version: VersionInfo, path: str, folder: str) -> Review:
    content = Path(client.download_artifacts(version.run_id, path, folder)).read_bytes()
    try:
        found = Review.from_json(content)
        if (found.study, found.version, found.path) != (version.study, version.version, path):
            raise ValueError("it is about another version")
    except ValueError as error:
        raise TrackingError(
            f"The review {path} of version {version.version} of study {version.study} cannot be "
            f"read: {error}. It was changed: restore it, or train again."
        ) from None
    return found
