from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from mlflow import MlflowClient

from neigung.errors import GateError, InputError, TrackingError
from neigung.tracking import registry
from neigung.tracking.gate import promote
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
