from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from neigung.errors import GateError, InputError, TrackingError
from neigung.tracking import registry
from neigung.tracking.gate import promote
from neigung.tracking.review import Review, review
from tests.tracking.conftest import STUDY, make_artefact, make_evaluation, train, with_acceptance


def aliases() -> dict[str, int]:
    return {name: one.version for one in registry.versions(STUDY.name) for name in one.aliases}


def test_a_version_that_beats_its_baseline_becomes_champion(trained: Path) -> None:
    promotion = promote(STUDY, 1)
    assert (promotion.version, promotion.previous, promotion.notes) == (1, None, ())
    assert aliases() == {"champion": 1, "challenger": 5}
    tags = registry.find(STUDY.name, 1).tags
    at = dt.datetime.fromisoformat(tags["promoted_at"])
    assert at.utcoffset() == dt.timedelta(0)
    assert "forced_why" not in tags


def test_a_better_one_takes_its_place(trained: Path) -> None:
    promote(STUDY, 1)
    promotion = promote(STUDY, 3)
    assert promotion.previous == 1
    assert "in place of version 1" in promotion.text
    assert aliases()["champion"] == 3
    assert registry.find(STUDY.name, 3).tags["replaced_version"] == "1"


def test_the_challenger_that_wins_is_challenger_no_longer(trained: Path) -> None:
    assert promote(STUDY, "challenger").version == 5
    assert aliases() == {"champion": 5}


def test_promoting_the_champion_again_changes_nothing(trained: Path) -> None:
    promote(STUDY, 1)
    assert promote(STUDY, 1).previous is None
    assert aliases()["champion"] == 1


def test_who_loses_to_the_baseline_is_refused(trained: Path) -> None:
    before = registry.versions(STUDY.name)
    with pytest.raises(GateError, match=r"does not become champion: the model .*baseline"):
        promote(STUDY, 2)
    assert registry.versions(STUDY.name) == before


def test_unless_the_study_does_not_ask_for_it(trained: Path) -> None:
    promote(with_acceptance(beat_baseline=False), 2)
    assert aliases()["champion"] == 2


def test_who_is_worse_than_the_champion_is_refused(trained: Path) -> None:
    promote(STUDY, 1)
    with pytest.raises(GateError, match="worse than the present champion, version 1"):
        promote(STUDY, 4)
    assert aliases()["champion"] == 1


def test_all_reasons_are_given_at_once(trained: Path) -> None:
    promote(STUDY, 1)
    with pytest.raises(GateError, match=r"best baseline.*; it is worse than the present champion"):
        promote(STUDY, 2)


def test_on_other_data_only_the_baseline_counts(trained: Path) -> None:
    promote(STUDY, 1)
    promotion = promote(STUDY, 5)
    assert promotion.previous == 1
    (note,) = promotion.notes
    assert note == (
        "not compared with the champion, version 1: another data (eeeeeeeeee against dddddddddd)"
    )


def test_so_it_does_at_another_cutoff_and_for_another_question(trained: Path) -> None:
    promote(STUDY, 1)
    target = STUDY.target.model_copy(update={"horizon_days": 60})
    longer = train(0.4, study=STUDY.model_copy(update={"target": target}))
    assert "another question" in promote(STUDY, longer.version).notes[0]
    later = train(0.4, evaluation=make_evaluation(0.4, cutoff="2011-11-10"))
    assert (
        "another test cutoff (2011-11-10 against 2011-11-09)"
        in promote(STUDY, later.version).notes[0]
    )


def test_so_it_does_on_another_sample_of_customers(trained: Path) -> None:
    promote(STUDY, 1)
    rows = {"train": 900, "test": 400, "train_of": 8000, "test_of": 700}
    about = {"digest": "d" * 64, "parts": rows}
    sampled = [train(skill, dataset_info=about).version for skill in (0.4, 0.3)]
    assert (
        "another sample to test on (400 of 700 against all)" in promote(STUDY, sampled[0]).notes[0]
    )
    with pytest.raises(GateError, match="worse than the present champion"):
        promote(STUDY, sampled[1])


def test_a_metric_where_less_is_better(trained: Path) -> None:
    study = with_acceptance(metric="log_loss")
    good = train(0.5, evaluation=make_evaluation(0.5, metric="log_loss"))
    bad = train(0.3, evaluation=make_evaluation(0.3, metric="log_loss"))
    first, second = (one.metrics["test.log_loss"] for one in registry.versions(STUDY.name)[-2:])
    assert first < second
    promote(study, good.version)
    with pytest.raises(GateError, match="worse than the present champion"):
        promote(study, bad.version)


def test_a_verdict_about_another_metric_does_not_count(trained: Path) -> None:
    with pytest.raises(GateError, match=r"judged by average_precision, .* asks for auroc"):
        promote(with_acceptance(metric="auroc"), 1)


def test_overruling_is_recorded(trained: Path) -> None:
    promotion = promote(STUDY, 2, force=True, why=" the old one is broken ")
    assert promotion.why == "the old one is broken"
    assert len(promotion.overruled) == 1
    assert "Overruled (the old one is broken)" in promotion.text
    tags = registry.find(STUDY.name, "champion").tags
    assert tags["forced_why"] == "the old one is broken"
    assert "baseline" in tags["forced_against"]
    assert dt.datetime.fromisoformat(tags["forced_at"]).utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize(("force", "why"), [(True, None), (True, "  "), (False, "because")])
def test_force_and_why_belong_together(trained: Path, force: bool, why: str | None) -> None:
    with pytest.raises(InputError, match="needs both force and why"):
        promote(STUDY, 1, force=force, why=why)
    assert "champion" not in aliases()


def test_a_version_that_is_not_there(trained: Path) -> None:
    with pytest.raises(TrackingError, match="registered: 1, 2, 3, 4, 5"):
        promote(STUDY, 6)


def test_nobody_can_overrule_a_changed_artefact(trained: Path) -> None:
    MlflowClient().set_model_version_tag(STUDY.name, "1", "artefact_digest", "0" * 64)
    with pytest.raises(TrackingError, match="changed afterwards"):
        promote(STUDY, 1, force=True, why="I want it")
    assert "champion" not in aliases()


def test_nor_the_artefact_of_another_study(store: Path) -> None:
    other = STUDY.model_copy(update={"name": "churn_28d"})
    train(0.5, artefact=make_artefact(other))
    with pytest.raises(GateError, match="trained for the study churn_28d"):
        promote(STUDY, 1, force=True, why="I want it")
    assert "champion" not in aliases()


def test_a_broken_champion_can_be_replaced(trained: Path) -> None:
    promote(STUDY, 1)
    MlflowClient().set_model_version_tag(STUDY.name, "1", "artefact_digest", "0" * 64)
    assert promote(STUDY, 3).previous == 1


REQUIRED = with_acceptance(review="required")


def sign(version: int, decision: str = "approve", by: str = "Ada", more: str = "") -> Review:
    return review(STUDY, version, decision, by=by, note=f"{decision}: by age.{more}")


@pytest.mark.parametrize("force", [{}, {"force": True, "why": "I want it"}])
def test_a_demanded_review_cannot_be_forced(reported: Path, force: dict[str, Any]) -> None:
    with pytest.raises(GateError, match="nobody has reviewed it yet") as caught:
        promote(REQUIRED, 1, **force)
    assert "neigung review STUDY --version 1 --decision approve" in str(caught.value)
    assert "--force does not overrule this: it is the word of whoever promotes" in str(caught.value)
    sign(1, "reject")
    with pytest.raises(GateError, match=r"it was rejected by Ada on .*: reject: by age") as caught:
        promote(REQUIRED, 1, **force)
    assert "\n" not in str(caught.value)
    assert "champion" not in aliases()
    assert not {"forced_why", "promoted_at"} & set(registry.find(STUDY.name, 1).tags)


def test_all_that_speaks_against_it_is_said_at_once(reported: Path) -> None:
    with pytest.raises(GateError, match=r"nobody has reviewed it yet\. Also: the model .*baseline"):
        promote(REQUIRED, 2)


def test_with_an_approval_it_becomes_champion(reported: Path) -> None:
    sign(1, "reject")
    made = sign(1)
    promotion = promote(REQUIRED, 1)
    assert promotion.approval == made
    assert f"Review: {made.text}" in promotion.text
    assert promotion.notes == ()
    assert aliases()["champion"] == 1
    assert registry.find(STUDY.name, 1).tags["promoted_review"] == made.path


def test_an_approved_version_must_pass_the_other_checks_too(reported: Path) -> None:
    sign(2)
    with pytest.raises(GateError, match="best baseline"):
        promote(REQUIRED, 2)
    forced = promote(REQUIRED, 2, force=True, why="a trial")
    assert len(forced.overruled) == 1


def test_somebody_elses_rejection_is_told(reported: Path) -> None:
    rejected = sign(1, "reject", by="Grace")
    sign(1)
    (note,) = promote(REQUIRED, 1).notes
    assert note == f"it was {rejected.text.rstrip('.')}; Ada approved it later"
    assert note.count("Grace") == 1


def test_the_study_that_it_was_trained_with_can_demand_the_review(reported: Path) -> None:
    with pytest.raises(GateError, match="demands a review"):
        promote(STUDY, 6, force=True, why="the file says optional now")
    sign(6)
    assert promote(STUDY, 6).version == 6


def test_an_approval_of_another_report_does_not_count(reported: Path) -> None:
    sign(1)
    version = registry.find(STUDY.name, 1)
    (page,) = reported.rglob(f"{version.run_id}/artifacts/report_en.html")
    page.write_text(page.read_text() + "<!-- nicer -->")
    with pytest.raises(
        GateError, match=r"is no longer there: The training of version 1 .* changed"
    ):
        promote(REQUIRED, 1, force=True, why="I want it")

    # Whoever can write the store can write a new digest to it: the signature is about the old one.
    pages = {"en": page.read_bytes(), "de": page.with_name("report_de.html").read_bytes()}
    changed = registry.report_digest(pages)
    MlflowClient().set_model_version_tag(STUDY.name, "1", "report_digest", changed)
    with pytest.raises(GateError, match=f"and the version now has the report {changed[:12]}"):
        promote(REQUIRED, 1, force=True, why="I want it")
    assert "champion" not in aliases()
    promotion = promote(STUDY, 1)
    assert promotion.approval is None
    assert "was another report or artefact" in promotion.notes[0]


def test_an_approval_that_is_gone_does_not_count(reported: Path) -> None:
    (place,) = reported.rglob(Path(sign(1).path).name)
    place.unlink()
    with pytest.raises(GateError, match="no longer in its run"):
        promote(REQUIRED, 1, force=True, why="I want it")


def test_where_reviews_are_optional_a_rejection_is_an_objection(reported: Path) -> None:
    sign(1)
    rejected = sign(1, "reject", by="Grace")
    with pytest.raises(GateError, match=r"rejected by Grace .* overrule with --force"):
        promote(STUDY, 1)
    forced = promote(STUDY, 1, force=True, why="Grace meant version 2")
    assert forced.approval is None
    assert forced.overruled == (f"it was {rejected.text.rstrip('.')}",)
    tags = registry.find(STUDY.name, "champion").tags
    assert "rejected by Grace" in tags["forced_against"]
    assert "promoted_review" not in tags
    sign(1, "reject", by="Grace", more="x" * 4900)
    with pytest.raises(GateError, match=r"xxx….* overrule with --force") as caught:
        promote(STUDY, 1)
    assert len(str(caught.value)) < 1000
    sign(1, by="Grace")
    assert promote(STUDY, 1).overruled == ()


def test_a_leak_closes_the_gate_and_the_refusal_says_what_to_declare(trained: Path) -> None:
    tag = "A feature holds what came after the cutoff: last_order lies after it."
    client = MlflowClient()
    client.set_model_version_tag(STUDY.name, "1", registry.LEAK_TAG, tag)
    with pytest.raises(
        GateError, match=r"a feature holds what .* lies after it \(leave .* known_in_advance: "
    ):
        promote(STUDY, 1)
    assert promote(STUDY, 1, force=True, why="it is planned").overruled
