from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from neigung.errors import InputError, TrackingError
from neigung.study import Study
from neigung.tracking import registry
from neigung.tracking import review as module
from neigung.tracking.review import Review, review, reviews, standing, tagged_review
from tests.tracking.conftest import STUDY, make_artefact, pages, train


def sign(
    version: int | str = 1, decision: str = "approve", study: Study = STUDY, **given: str
) -> Review:
    return review(study, version, decision, **{"by": "Ada", "note": "Fair by age.", **given})


def info(version: int = 1) -> registry.VersionInfo:
    return registry.find(STUDY.name, version)


def files(version: int = 1) -> list[str]:
    listed = MlflowClient().list_artifacts(info(version).run_id, "reviews")
    return [one.path for one in listed]


def page_of(folder: Path, version: int, language: str = "en") -> Path:
    (place,) = folder.rglob(f"{info(version).run_id}/artifacts/report_{language}.html")
    return place


def test_a_review_says_who_decided_what_when_and_on_what(reported: Path) -> None:
    made = sign(by="  Ada   Lovelace ", note=" Fair by age.\r\nMay be sent. ")
    assert (made.decision, made.by, made.note) == (
        *("approve", "Ada Lovelace"),
        "Fair by age.\nMay be sent.",
    )
    at = dt.datetime.fromisoformat(made.at)
    assert at.utcoffset() == dt.timedelta(0)
    assert abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=1)
    report = registry.read_report(info())
    assert made.report_digest == report.digest == info().tags["report_digest"]
    assert made.artefact_digest == make_artefact().digest
    assert reviews(info()) == [made]
    assert tagged_review(info()) == made
    for told in ("version 1 is approved by Ada Lovelace", made.report_digest, made.path):
        assert told in made.recorded


def test_all_reviews_stay_and_the_newest_counts(reported: Path) -> None:
    first, second = sign(), sign(decision="reject", by="Grace", note="Not fair by region.")
    before = {path: registry.run_artifact(info(), path) for path in files()}
    third = sign(by="Grace", note="Mended in the data.")
    assert reviews(info()) == [first, second, third]
    assert tagged_review(info()) == third
    assert {path: registry.run_artifact(info(), path) for path in before} == before
    assert files(2) == []
    assert tagged_review(info(2)) is None


def test_odd_characters_and_long_notes_come_back(reported: Path) -> None:
    by, note = "Zoë O'Neill <b> 李; DROP", "„Ja“ – 👍🏽 a\tb {{ 7 }} %s \\n\n" + "ü" * 4900
    made = sign(by=by, note=note)
    assert (made.by, made.note) == (by, note)
    assert reviews(info()) == [made]
    tagged = tagged_review(info())
    assert tagged is not None
    assert tagged.note == note[:499] + "…"
    assert len(info().tags["review"]) < 2000


WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "alias": ({"version": "latest"}, "by its number, found 'latest': an alias may move"),
    "long number": ({"version": "9" * 5000}, "by its number, found '9999"),
    "decision": ({"decision": "yes"}, "approve or reject, found 'yes'"),
    "no name": ({"by": "  "}, r"needs a name \(--by\), found ''"),
    "name of nothing": ({"by": "\u200b-"}, "needs a name"),
    "no note": ({"note": "\n"}, r"needs a note \(--note\), found ''"),
    "long name": ({"by": "A" * 101}, "at most 100 characters, found 101"),
    "long note": ({"note": "A" * 5001}, "at most 5,000 characters, found 5,001"),
    "escape": ({"by": "Ada\x1b[2J"}, r"invisible character U\+001B"),
    "turned": ({"by": "Ada\u202eecarG"}, r"U\+202E"),
    "hidden": ({"by": "A\u200bda"}, r"U\+200B"),
    "half a character": ({"note": "a\udcff"}, r"U\+DCFF"),
}


@pytest.mark.parametrize("case", WORDS)
def test_words_that_are_no_review_are_refused_before_anything(tmp_path: Path, case: str) -> None:
    given, told = WORDS[case]
    with pytest.raises(InputError, match=told) as caught:
        sign(**given)
    assert not isinstance(caught.value, TrackingError)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_signed_is_refused(reported: Path) -> None:
    for version, told in {
        9: "no version 9; registered: 1, 2, 3, 4, 5, 6",
        3: r"has no report_en\.html\. .* train again",
        4: r"report \(report_en\.html\) of version 4 .* about the artefact abababababab, but the",
        5: r"none recorded: an older release .* Train it again",
    }.items():
        with pytest.raises(TrackingError, match=told) as caught:
            sign(version)
        assert "\n" not in str(caught.value)
    for one in registry.versions(STUDY.name):
        assert "review" not in one.tags
    assert not list(reported.rglob("reviews"))


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_changed_page_is_refused(reported: Path, language: str) -> None:
    place = page_of(reported, 1, language)
    place.write_text(place.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(TrackingError, match=r"pages were changed afterwards\. Restore them or"):
        sign()
    assert files() == []


def test_a_page_that_is_gone_is_refused(reported: Path) -> None:
    page_of(reported, 1, "de").unlink()
    with pytest.raises(TrackingError, match=r"has no report_de\.html"):
        sign()


def test_a_changed_artefact_is_refused(reported: Path) -> None:
    MlflowClient().set_model_version_tag(STUDY.name, "1", "artefact_digest", "0" * 64)
    with pytest.raises(TrackingError, match="registered with the artefact digest 000000000000"):
        sign()
    assert files() == []


def test_a_version_of_another_study_is_refused(store: Path) -> None:
    other = make_artefact(STUDY.model_copy(update={"name": "churn_28d"}))
    train(0.5, artefact=other, files=pages(other.digest))
    with pytest.raises(InputError, match="trained for the study churn_28d"):
        sign()


def at_once(monkeypatch: pytest.MonkeyPatch, moment: str, other: str) -> None:
    """Somebody else reviews right before the call of MLflow named `moment`, once."""
    real = getattr(MlflowClient, moment)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(MlflowClient, moment, real)
        sign(decision=other, by="Grace")
        return real(*arguments, **named)

    monkeypatch.setattr(MlflowClient, moment, interrupted)


@pytest.mark.parametrize("mine", ["approve", "reject"])
def test_of_two_reviews_at_once_both_stay_and_a_rejection_counts(
    reported: Path, monkeypatch: pytest.MonkeyPatch, mine: str
) -> None:
    at_once(monkeypatch, "log_text", "reject" if mine == "approve" else "approve")
    sign(decision=mine)
    history = reviews(info())
    assert [one.number for one in history] == [1, 1]
    assert [one.decision for one in history] == ["approve", "reject"]
    assert tagged_review(info()) == history[-1]


def test_a_late_tag_does_not_hide_a_newer_review(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch, "set_model_version_tag", "approve")
    first = sign(decision="reject")
    history = reviews(info())
    assert [one.by for one in history] == ["Ada", "Grace"]
    assert history[0] == first
    assert tagged_review(info()) == history[-1]


def test_a_review_whose_tag_was_not_written_counts_all_the_same(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "set_model_version_tag", stopped)
    with pytest.raises(KeyboardInterrupt):
        sign(decision="reject")
    assert [one.decision for one in reviews(info())] == ["reject"]


def test_a_changed_review_is_named(reported: Path) -> None:
    made = sign()
    (place,) = reported.rglob(Path(made.path).name)
    whole = json.loads(place.read_text())
    for change in (
        {"decision": "approved"},
        {"version": 2},
        {"version": "1"},
        {"note": None},
        {"at": "yesterday"},
        {"more": "x"},
    ):
        place.write_text(json.dumps(whole | change))
        with pytest.raises(
            TrackingError, match=rf"review {made.path} .* cannot be read: .*restore"
        ):
            reviews(info())


def test_a_review_that_is_gone_is_named_and_can_be_made_again(reported: Path) -> None:
    made = sign(decision="reject")
    (place,) = reported.rglob(Path(made.path).name)
    place.unlink()
    with pytest.raises(TrackingError, match=r"was last rejected by Ada .* no longer in its run"):
        reviews(info())
    assert "no longer in its run" in standing(info(), registry.read_report(info()))
    again = sign()
    assert reviews(info()) == [again]


def test_a_tag_that_is_no_review_is_none(reported: Path) -> None:
    for value in ("", "[]", "{}", "approve"):
        MlflowClient().set_model_version_tag(STUDY.name, "1", "review", value)
        assert tagged_review(info()) is None


def test_the_standing_of_a_report(reported: Path) -> None:
    report = registry.read_report(info())
    told = standing(info(), report)
    assert f"Report digest {report.digest} (as the training wrote it)" in told
    assert f"artefact {make_artefact().digest}" in told
    assert "Verdict: none, an older release trained it" in told
    assert "Review: none yet" in told
    MlflowClient().set_model_version_tag(STUDY.name, "1", "fitness", "care")
    first, second = sign(), sign(decision="reject", by="Grace")
    told = standing(info(), report)
    assert "Verdict: use with care" in told
    assert told.endswith(f"  Review: {first.text}\n  Review: {second.text}")
    other = registry.Report({"en": b"a", "de": b"b"}, "")
    told = standing(info(), other)
    assert "(the training recorded none)" in told
    assert told.count("(of another report or artefact)") == 2


def test_a_name_is_limited_where_the_message_says(reported: Path) -> None:
    assert sign(by="A" * module.LONGEST_NAME, note="B" * module.LONGEST_NOTE).number == 1
