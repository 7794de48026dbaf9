"""The gate: which registered version may become the champion that is scored with and served.

A version passes when it beats the best baseline (where the study asks for that) and is not worse
than the present champion on the very same test, and when no reviewer has rejected it. A person may
overrule the gate with a reason, which is recorded. Nobody can overrule a changed artefact, nor the
review that a study demands: that would be one person's word in place of a second person's, and the
second person is what was demanded.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neigung.errors import GateError, InputError, TrackingError
from neigung.tracking.connection import connected
from neigung.tracking.registry import (
    CHALLENGER,
    CHAMPION,
    LEAK_TAG,
    REPORT_DIGEST_TAG,
    VersionInfo,
    evaluation_of,
    load,
    versions,
)
from neigung.tracking.review import Review, reviews, signable_report

if TYPE_CHECKING:
    from neigung.evaluation.tested import Tested
    from neigung.models.version import Version
    from neigung.study import Study

SAME_TEST = {
    "test_cutoff": "test cutoff",
    "data_digest": "data",
    "question_digest": "question",
    "test_sample": "sample to test on",
}
"""The tags that must agree before the metrics of two versions are comparable."""


def tested_on(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of `SAME_TEST`, "" where one is unknown; older releases tested on everybody.

    >>> tested_on({"data_digest": "e0"})["test_sample"]
    'all'
    """
    return {name: tags.get(name, "") for name in SAME_TEST} | {
        "test_sample": tags.get("test_sample", "all")
    }


@dataclass(frozen=True)
class Promotion:
    """A champion that was made: `previous` is the version it replaced, None when there was none.

    `notes` say what the gate could not check, `overruled` which objections `why` set aside,
    `approval` is the review that it stands on, None where nobody approved it.

    >>> print(Promotion("purchase_30d", 3, 2, notes=("no test in common",)).text)
    purchase_30d: version 3 is champion, in place of version 2.
      Note: no test in common
    """

    study: str
    version: int
    previous: int | None
    why: str | None = None
    overruled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    approval: Review | None = None

    @property
    def text(self) -> str:
        """What happened, for the terminal."""
        before = "" if self.previous is None else f", in place of version {self.previous}"
        lines = [f"{self.study}: version {self.version} is champion{before}."]
        if self.approval is not None:
            lines.append(f"  Review: {self.approval.text}")
        lines += [f"  Overruled ({self.why}): {reason}" for reason in self.overruled]
        lines += [f"  Note: {note}" for note in self.notes]
        return "\n".join(lines)


def promote(
    study: Study, version: int | str, *, force: bool = False, why: str | None = None
) -> Promotion:
    """Make a version the champion, if it earned that.

    The objections are: it does not beat the best baseline although `acceptance.beat_baseline`; its
    verdict is about another metric than `acceptance.metric`; it is worse in that metric (point
    estimate) than the present champion, both tested at the same cutoff on the same data. With
    other data or another cutoff the two are not comparable and only the baseline counts; the
    promotion notes that. It reads what came after the cutoff, or what separates the outcomes alone,
    and the study does not declare that as `known_in_advance`. And: a reviewer rejected it, and
    nobody approved it since.

    With `force` and a reason `why` the objections are recorded on the version (`forced_why`,
    `forced_at` in UTC, `forced_against`) and overruled.

    Where the study demands a review (`acceptance.review: required`, in the study given here or in
    the one that the version was trained with), the newest review must approve the version, and its
    report and artefact must still be those that were approved. `force` does not help against that,
    as it is the word of whoever promotes, and a demanded review is that of a second person; nor
    does a changed line in the study file, unless the version is trained again.

    Raises GateError with all objections, InputError for `force` without `why` (and `why` without
    `force`), TrackingError when there is no such version or its artefact was changed. After an
    error nothing has changed.
    """
    why = (why or "").strip()
    if force != bool(why):
        needed, found = ("why", "force") if force else ("force", "why")
        raise InputError(
            f"Overruling the gate needs both force and why, found only {found}. Add {needed}: the "
            "reason is recorded on the version."
        )
    artefact, candidate = load(study.name, version)
    if artefact.study.get("name") != study.name:
        raise GateError(
            f"Version {candidate.version} of {study.name} was trained for the study "
            f"{artefact.study.get('name')}, so it cannot be its champion. Choose another version."
        )
    champion = next((one for one in versions(study.name) if CHAMPION in one.aliases), None)
    reasons = _against_baseline(study, evaluation_of(candidate))
    reasons += _leaking(candidate)
    notes: list[str] = []
    if champion is not None and champion.version != candidate.version:
        if obstacle := _incomparable(candidate, champion):
            notes.append(f"not compared with the champion, version {champion.version}: {obstacle}")
        else:
            reasons += _against_champion(study.acceptance.metric, candidate, champion)
    approval, objections, told = _reviewed(study, artefact, candidate, reasons)
    reasons += objections
    notes += told
    if reasons and not force:
        raise GateError(
            f"Version {candidate.version} of {study.name} does not become champion: "
            f"{'; '.join(reasons)}. Train a better one, or overrule with --force and a --why."
        )
    _move(candidate, champion, why, reasons, approval)
    previous = None if champion is None else champion.version
    return Promotion(
        study.name,
        candidate.version,
        None if previous == candidate.version else previous,
        why or None,
        tuple(reasons),
        tuple(notes),
        approval,
    )


def _reviewed(
    study: Study, artefact: Version, candidate: VersionInfo, reasons: list[str]
) -> tuple[Review | None, list[str], list[str]]:
    """The approval that counts, objections and notes; GateError where a demanded one is lacking."""
    history, objection = _history(candidate)
    newest = history[-1] if history and objection is None else None
    notes = _still_rejecting(history)
    trained_with = artefact.study.get("acceptance", {}).get("review")
    if "required" in (study.acceptance.review, trained_with):
        if lacking := objection or _unreviewed(candidate, newest):
            raise GateError(_refusal(candidate, lacking, reasons))
    elif objection is not None:
        return None, [objection], notes
    elif newest and not newest.fits(candidate.tags.get(REPORT_DIGEST_TAG, ""), candidate.digest):
        return None, [], [*notes, f"what was {newest.brief} was another report or artefact"]
    return newest, [], notes


def _history(candidate: VersionInfo) -> tuple[list[Review], str | None]:
    """All reviews, and what they say against the version, if they do or nobody can tell."""
    try:
        history = reviews(candidate)
    except TrackingError as error:
        return [], str(error).rstrip(".")
    if history and not history[-1].approved:
        return history, f"it was {history[-1].brief}"
    return history, None


def _unreviewed(candidate: VersionInfo, newest: Review | None) -> str | None:
    """What a demanded review lacks, None when the version is approved as it is."""
    if newest is None:
        return "nobody has reviewed it yet"
    try:
        report = signable_report(candidate)
    except TrackingError as error:
        return f"what was {newest.brief} is no longer there: {str(error).rstrip('.')}"
    if newest.fits(report.digest, candidate.digest):
        return None
    return (
        f"what was {newest.brief} was the report {newest.report_digest[:12]} on the "
        f"artefact {newest.artefact_digest[:12]}, and the version now has the report "
        f"{report.digest[:12]} on the artefact {candidate.digest[:12]}"
    )


def _refusal(candidate: VersionInfo, unreviewed: str, reasons: list[str]) -> str:
    also = f" Also: {'; '.join(reasons)}." if reasons else ""
    return (
        f"Version {candidate.version} of {candidate.study} does not become champion: its study "
        f"demands a review (acceptance.review: required), and {unreviewed}.{also} Have it reviewed "
        f"with `neigung review STUDY --version {candidate.version} --decision approve --by NAME "
        "--note TEXT`. --force does not overrule this: it is the word of whoever promotes, and a "
        "demanded review is that of a second person. A study that can do without one says "
        "acceptance.review: optional and is trained again."
    )


def _still_rejecting(history: list[Review]) -> list[str]:
    """Who said no and did not take it back, though another one's yes came later."""
    last = {one.by: one for one in history}
    return [
        f"it was {one.brief}; {history[-1].by} approved it later"
        for one in last.values()
        if not one.approved and history[-1].approved
    ]


def _against_baseline(study: Study, evaluation: Tested) -> list[str]:
    verdict, metric = evaluation.verdict, study.acceptance.metric
    if verdict.metric != metric:
        return [f"it was judged by {verdict.metric}, but the study's acceptance asks for {metric}"]
    if not verdict.judged:
        return [f"there are too few outcomes to judge: {verdict.text_en.rstrip('.')}"]
    if study.acceptance.beat_baseline and not verdict.beats_baseline:
        return [verdict.text_en[0].lower() + verdict.text_en[1:].rstrip(".")]
    return []


def _leaking(candidate: VersionInfo) -> list[str]:
    leak = candidate.tags.get(LEAK_TAG)
    if not leak:
        return []
    return [
        f"{leak[0].lower()}{leak[1:].rstrip('.')} (leave it out, give the rows of customers the "
        "time when they were recorded, or say in the study why it is known before the cutoff, "
        "known_in_advance: {NAME: reason}, and train again)"
    ]


def _incomparable(candidate: VersionInfo, champion: VersionInfo) -> str | None:
    """Why two versions' metrics do not measure the same thing, None when they do."""
    ours, theirs = tested_on(candidate.tags), tested_on(champion.tags)
    for tag, what in SAME_TEST.items():
        mine, its = ours[tag], theirs[tag]
        if not mine or mine != its:
            return f"another {what} ({_short(mine)} against {_short(its)})"
    return None


def _short(value: str) -> str:
    return (value if " of " in value else value[:10]) or "unknown"


def _against_champion(metric: str, candidate: VersionInfo, champion: VersionInfo) -> list[str]:
    from neigung.evaluation.metric import ALL_METRICS

    mine, its = (one.metrics.get(f"test.{metric}", math.nan) for one in (candidate, champion))
    sign = 1 if ALL_METRICS[metric].higher_is_better else -1
    if math.isnan(its) or sign * mine >= sign * its:
        return []
    return [
        f"it is worse than the present champion, version {champion.version}, on the same test "
        f"({metric} {mine:.4f} against {its:.4f})"
    ]


def _move(
    candidate: VersionInfo,
    champion: VersionInfo | None,
    why: str,
    reasons: list[str],
    approval: Review | None,
) -> None:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    name, number = candidate.study, str(candidate.version)
    forced = {"forced_why": why, "forced_at": now, "forced_against": "; ".join(reasons)}
    promoted = {"promoted_at": now}
    if champion is not None and champion.version != candidate.version:
        promoted["replaced_version"] = str(champion.version)
    if approval is not None:
        promoted["promoted_review"] = approval.path
    with connected() as client:
        # The reason is there before the alias is: no forced champion without its record.
        for key, value in forced.items() if why else ():
            client.set_model_version_tag(name, number, key, value)
        client.set_registered_model_alias(name, CHAMPION, number)
        if CHALLENGER in candidate.aliases:
            client.delete_registered_model_alias(name, CHALLENGER)
        for key, value in promoted.items():
            client.set_model_version_tag(name, number, key, value)
