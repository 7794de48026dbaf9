"""The champion on the same rows: compared where it can be, and a reason given where it cannot."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.errors import TrackingError
from neigung.explanation.explain import explain
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.study import Study
from neigung.tracking.registry import VersionInfo
from neigung.training import against_champion
from neigung.training.against_champion import compare_with_champion
from neigung.training.fitted import Fitted
from neigung.training.propensity import fit_propensity
from tests.conftest import STUDY, Shop

WIDE = ["order_count", "days_since_last_order", "attribute_income", "visit_count", "return_count"]
NARROW = ["order_count_30d", "days_since_last_order"]


def study_of(**changes: Any) -> Study:
    return Study.from_dict(STUDY | {"features": WIDE} | changes)


@pytest.fixture(scope="module")
def versions(
    small_tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Fitted]:
    """Two models of the same study: one reads more than the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("versions"))
        profiles = Profiles.from_tables(small_tables)
        return {
            "wide": fit_propensity(study_of(), profiles, Reporter()),
            "narrow": fit_propensity(study_of(features=NARROW), profiles, Reporter()),
        }


def compared(
    patch: pytest.MonkeyPatch, fitted: Fitted, champion: Any, study: Study | None = None
) -> Any:
    """What is found when `champion` is version 4; an error is raised where it is loaded."""
    version = VersionInfo("buy", 4, "run", "digest", dt.datetime(2025, 1, 1), ("champion",))

    def loaded(_: VersionInfo) -> Any:
        if isinstance(champion, Exception):
            raise champion
        return champion

    patch.setattr(against_champion, "_champion", lambda _: version)
    patch.setattr(against_champion, "_loaded", loaded)
    explanation = explain(fitted.artefact, fitted.test)
    return compare_with_champion(study or study_of(), fitted, explanation)


def test_both_stand_on_the_same_test(
    versions: dict[str, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    this, champion = versions["wide"], versions["narrow"]
    found, notes = compared(monkeypatch, this, champion.artefact)
    assert notes == ()
    assert (found.champion, found.notes) == (4, ())
    told = found.metrics.set_index("metric")
    for metric in ("average_precision", "auroc", "log_loss"):
        assert told["this"][metric] == pytest.approx(this.evaluation.value(metric))
        # Its own test were the same rows, so it scores as it did then.
        assert told["champion"][metric] == pytest.approx(champion.evaluation.value(metric))
    bands = [one.artefact.predict(one.test.X)["band"].to_numpy() for one in (champion, this)]
    moves = found.moves.set_index(["before", "now"])["n"]
    for before in ("high", "medium", "low"):
        for now in ("high", "medium", "low"):
            assert moves[before, now] == np.sum((bands[0] == before) & (bands[1] == now))
    importance = found.importance.set_index("column")
    assert np.isnan(importance["champion"]["attribute_income"])
    assert importance["champion"][NARROW].sum() == pytest.approx(1)
    assert importance["this"].sum() == pytest.approx(1)


def test_against_itself_nothing_changed(
    versions: dict[str, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    this = versions["narrow"]
    found, _ = compared(monkeypatch, this, this.artefact)
    assert (found.stayed, found.correlation) == (1, 1)
    assert not found.metrics[["difference", "low", "high"]].any(axis=None)


def test_a_champion_that_learned_from_this_test_is_told(
    versions: dict[str, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    this, champion = versions["wide"], versions["narrow"].artefact
    splits = this.artefact.meta["splits"]
    horizon = dt.timedelta(days=this.artefact.study["target"]["horizon_days"])
    touching = dt.datetime.fromisoformat(splits["test"]) - horizon
    for newest, told in ((touching, 0), (touching + dt.timedelta(days=1), 1)):
        train = [*champion.meta["splits"]["train"], newest.isoformat()]
        meta = {**champion.meta, "splits": {**champion.meta["splits"], "train": train}}
        found, _ = compared(monkeypatch, this, replace(champion, meta=meta))
        assert len(found.notes) == told
    english, german = found.notes[0].stored()
    start = dt.datetime.fromisoformat(splits["test"])
    assert f"this test begins on {start:%Y-%m-%d}" in english
    assert f"dieser Test beginnt am {start:%d.%m.%Y}" in german


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": {"kind": "purchase", "horizon_days": 21}}, "another question (another target)"),
        ({"population": {"active_within_days": 9}}, "another question (another population)"),
        ({"legal_basis": {"none_needed": "x"}}, "another question (another legal_basis)"),
    ],
)
def test_another_question_is_not_compared(
    versions: dict[str, Fitted],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    told: str,
) -> None:
    champion = versions["narrow"].artefact
    asked = replace(champion, study=study_of(**change).to_dict())
    found, notes = compared(monkeypatch, versions["wide"], asked)
    assert found is None
    assert notes == (f"Not compared with the champion, version 4: it answers {told}.",)


def test_what_does_not_change_the_question_is_compared(
    versions: dict[str, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = versions["narrow"].artefact
    older = {
        key: champion.study[key] for key in champion.study if key not in ("report", "sensitive")
    }
    found, _ = compared(monkeypatch, versions["wide"], replace(champion, study=older))
    assert found is not None


def test_columns_that_are_not_there_and_files_that_were_changed_are_told(
    versions: dict[str, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    this = versions["narrow"]
    found, notes = compared(monkeypatch, this, versions["wide"].artefact)
    assert found is None
    told = [name for name in notes[0].replace("(", " ").replace(",", " ").split() if "_" in name]
    lacking = {one.name for one in versions["wide"].artefact.columns} - {*this.test.frame}
    assert set(told) < lacking
    assert notes[0].endswith(f" and {len(lacking) - 3} more).")
    _, notes = compared(monkeypatch, this, TrackingError("Its files were changed. Train again."))
    assert notes == (
        "Not compared with the champion, version 4: Its files were changed. Train again.",
    )


def test_a_feature_of_another_kind_is_told(
    versions: dict[str, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    this = versions["narrow"]
    absent = ("visit_count_7d", "visit_count_30d", "visit_count_90d", "return_count_365d")
    frame = this.test.frame.assign(**dict.fromkeys(absent, 0.0))
    frame["visit_count_7d"] = pd.Categorical(["many"] * len(frame))
    now = replace(this, test=replace(this.test, frame=frame))
    found, notes = compared(monkeypatch, now, versions["wide"].artefact)
    assert found is None
    assert notes[0].startswith("Not compared with the champion, version 4: ")
    assert "visit_count_7d" in notes[0]


def test_neither_a_store_nor_a_champion_is_needed(
    versions: dict[str, Fitted], shop: Shop, empty_mlflow: Path
) -> None:
    this = versions["narrow"]
    explanation = explain(this.artefact, this.test)
    assert compare_with_champion(study_of(), this, explanation) == (None, ())
    assert not (shop.folder / "mlflow.db").exists()
    (shop.folder / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    assert compare_with_champion(study_of(), this, explanation) == (None, ())
