"""An offer study from the store to the offers: train, report, score, promote, offers."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from neigung.evaluation.fairness.fairness import Fairness
from neigung.evaluation.stability import Stability
from neigung.explanation.explain import explain
from neigung.explanation.reasons import facts
from neigung.models.artefact import load_artefact
from neigung.models.offers.artefact import OfferArtefact
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring.offers import offers
from neigung.scoring.score import score
from neigung.simulation.simulate import simulate
from neigung.snapshots.write import write_snapshot
from neigung.study import Study
from neigung.tracking.gate import promote
from neigung.tracking.registry import evaluation_of, find, load, report_of, run_artifact
from neigung.training.against_champion import compare_with_champion
from neigung.training.fitted import Fitted
from neigung.training.offers import fit_offers
from tests.conftest import Shop

STUDY: dict[str, Any] = {
    "name": "discount",
    "profiles": "profiles",
    "target": {"kind": "offer", "horizon_days": 14, "campaigns": ["discount-test-*"]},
    "legal_basis": {"consent": "marketing"},
    "cutoffs": {"last": "latest", "every_days": 84, "count": 4},
    "features": ["order_count", "days_since_last_order", "discount_share", "last_order_channel"],
    "decision": {"margin_rate": 0.45, "contact_cost": 0.05},
}


@pytest.fixture(scope="module")
def offer_folder(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    """A folder with a simulated shop and one trained version of an offer study."""
    from neigung.training.train import train

    folder = tmp_path_factory.mktemp("offers")
    shutil.copyfile(empty_mlflow, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        simulate("profiles", 2000, 1)
        (folder / "study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
        train("study.yaml")
    return folder


@pytest.fixture
def discount(shop: Shop, offer_folder: Path) -> Shop:
    """A shop with one version of an offer study, not yet champion."""
    for name in ("profiles", "mlflow.db", "study.yaml"):
        source, target = offer_folder / name, shop.folder / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    return shop


def test_the_version_holds_model_evaluation_and_both_reports(discount: Shop) -> None:
    artefact, info = load("discount", 1)
    assert isinstance(artefact, OfferArtefact)
    assert artefact.arms == ["5%", "10%", "15%", "20%"]
    assert info.tags["target"] == "offer"
    assert np.isfinite(info.metrics["test.policy_value"])
    evaluation = evaluation_of(find("discount", 1))
    assert json.loads(json.dumps(evaluation.to_dict()))["kind"] == "offer"
    assert evaluation.value("policy_value") == pytest.approx(info.metrics["test.policy_value"])
    for language in ("en", "de"):
        page = report_of("discount", 1, language)
        assert f'lang="{language}"' in page
        assert all(arm in re.sub(r"\s|&nbsp;", "", page) for arm in artefact.arms)


def test_the_artefact_survives_its_folder(discount: Shop) -> None:
    artefact, _ = load("discount", 1)
    artefact.save("copy")
    again = load_artefact("copy")
    assert again.digest == artefact.digest
    X = _features()
    pd.testing.assert_frame_equal(again.predict(X), artefact.predict(X))


@pytest.fixture(scope="module")
def fitted(offer_folder: Path) -> Fitted:
    """The same study fitted once more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(offer_folder)
        return fit_offers(Study.load("study.yaml"), Profiles.open("profiles"), Reporter())


def test_two_trainings_give_the_same_artefact(discount: Shop, fitted: Fitted) -> None:
    assert fitted.artefact.digest == load("discount", 1)[0].digest
    assert fitted.evaluation.to_dict() == evaluation_of(find("discount", 1)).to_dict()


def test_what_was_examined_is_kept_with_the_version(discount: Shop, fitted: Fitted) -> None:
    version = find("discount", 1)
    evidence = json.loads(run_artifact(version, "evidence.json"))
    assert version.tags["fitness"] == evidence["fitness"]["verdict"]
    assert {light["key"] for light in evidence["fitness"]["lights"]} == {
        *("effect", "arms", "placebo", "overlap", "fairness", "drift", "leak", "seed"),
    }
    assert evidence.keys() == {"fitness", "stability", "fairness", "tables"}

    stability = Stability.from_dict(evidence["stability"])
    assert stability.seeds["seed"].tolist() == [7, 8]
    assert stability.seeds["value"].isna().all()
    assert set(stability.drift["against"]) == {"test", "now"}
    fairness = Fairness.from_dict(evidence["fairness"])
    # The simulated shop knows these of its customers; the study's model does not read them.
    assert {"attribute_age_group", "attribute_sex"} <= set(fairness.attributes)
    assert not {column.name for column in fitted.artefact.columns} & set(fairness.attributes)
    chosen = fitted.artefact.recommended(fitted.test.X) != "none"
    assert fairness.selected_share == chosen.mean()

    numbers = json.loads(run_artifact(version, "numbers.json"))
    assert numbers["test.policy_value"] == version.metrics["test.policy_value"]
    assert numbers["table.offers.rows"] == len(pd.read_parquet("profiles/offers"))


def test_a_choice_earns_what_the_evaluation_says(fitted: Fitted) -> None:
    assert fitted.earned is not None
    chosen = fitted.artefact.recommended(fitted.test.X).to_numpy(dtype=object)
    earned = fitted.earned(chosen)
    assert earned is not None
    assert earned.mean() == pytest.approx(fitted.evaluation.value("policy_value"))
    assert fitted.earned(np.array(["99%", *chosen[1:]], dtype=object)) is None


def test_a_champion_of_offers_is_compared_by_what_its_choice_earns(
    discount: Shop, fitted: Fitted
) -> None:
    study = Study.load("study.yaml")
    promote(study, 1, force=True, why="a trial")
    explanation = explain(fitted.artefact, fitted.test)
    found, notes = compare_with_champion(study, fitted, explanation)
    assert notes == ()
    assert found is not None
    assert (found.champion, found.notes, found.stayed) == (1, (), 1)
    [row] = found.metrics.to_dict("records")
    assert row["metric"] == "policy_value"
    assert row["this"] == pytest.approx(fitted.evaluation.value("policy_value"))
    assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)
    assert set(found.moves["before"]) == {"none", "5%", "10%", "15%", "20%"}

    cheaper = {**fitted.artefact.study, "decision": {"margin_rate": 0.4}}
    changed = replace(fitted, artefact=replace(fitted.artefact, study=cheaper))
    found, _ = compare_with_champion(study, changed, explanation)
    assert found is not None
    assert "by other costs and margins" in found.notes[0]


def test_mlflow_predicts_what_is_scored(discount: Shop) -> None:
    import mlflow.pyfunc

    scores = score("study.yaml", version=1, reasons=0)
    model = mlflow.pyfunc.load_model("models:/discount/1")
    predicted = model.predict(_features().astype({"last_order_channel": object}))
    columns = [name for name in scores if name.startswith("uplift_")]
    np.testing.assert_array_equal(predicted[columns], scores[columns])
    assert predicted["recommended_arm"].tolist() == scores["recommended_arm"].tolist()
    assert set(scores) == {"customer_id", "cutoff", "model_version", "recommended_arm", *columns}


@pytest.fixture(scope="module")
def reasoned(offer_folder: Path) -> pd.DataFrame:
    """The scores of everybody with all reasons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(offer_folder)
        return score("study.yaml", version=1, reasons=50)


def test_scores_hold_uplift_interval_and_reasons_that_explain_it(
    discount: Shop, reasoned: pd.DataFrame
) -> None:
    scores = reasoned
    artefact, _ = load("discount", 1)
    X = _features()
    for arm in artefact.arms:
        uplift = scores[f"uplift_{arm}"]
        assert (scores[f"uplift_{arm}_low"] <= uplift).all()
        assert (uplift <= scores[f"uplift_{arm}_high"]).all()
        exact = artefact.contributions(X, arm)
        np.testing.assert_allclose(exact.sum(axis=1), uplift, atol=1e-9)
    told = [one for row in scores["reasons"] for one in row]
    assert all(one["text_en"] and one["text_de"] for one in told)


def test_a_snapshot_keeps_what_the_reasons_are_made_of(
    discount: Shop, reasoned: pd.DataFrame
) -> None:
    snapshot = write_snapshot("study.yaml", "snap", version=1)
    scores = reasoned
    artefact, _ = load("discount", 1)
    rows = range(len(snapshot))
    assert [snapshot.find(one) for one in scores["customer_id"]] == list(rows)
    found, arms = snapshot.contributions(rows), snapshot.arms(rows)
    assert found is not None
    assert arms is not None
    assert set(arms) <= set(artefact.arms)
    names = [column.name for column in artefact.columns]
    fact = dict(zip(names, facts(artefact.columns), strict=True))
    for row, (arm, told) in enumerate(zip(arms, scores["reasons"], strict=True)):
        recommended = scores["recommended_arm"][row]
        uplift = {one: scores[f"uplift_{one}"][row] for one in artefact.arms}
        assert arm == (
            max(uplift, key=uplift.__getitem__) if recommended == "none" else recommended
        )
        assert found[row].sum() == pytest.approx(uplift[arm], abs=1e-9)
        assert told
        sums = pd.Series(found[row, :-1]).groupby([fact[name] for name in names]).sum()
        for one in told:
            assert one["contribution"] == pytest.approx(sums[fact[one["feature"]]], abs=1e-9)


def test_offers_are_the_best_for_every_customer(discount: Shop) -> None:
    plan = offers("study.yaml", version=1)
    arms = ["none", "5%", "10%", "15%", "20%"]
    margins = plan.frame[[f"margin_{arm}" for arm in arms]].to_numpy()
    chosen = plan.frame["recommended_arm"].map(arms.index).to_numpy()
    np.testing.assert_array_equal(chosen, margins.argmax(axis=1))
    assert plan.summary.margin == pytest.approx(margins.max(axis=1).sum())


def test_the_commands_write_what_the_functions_give(discount: Shop) -> None:
    ended = discount.run(
        "offers", "study.yaml", "--version", 1, "--out", "o.parquet", "--budget", 20
    )
    assert ended.code == 0, ended.err
    assert "Budget 20.00" in ended.out
    table = pd.read_parquet("o.parquet")
    assert table.equals(offers("study.yaml", version=1, budget=20).frame.astype(table.dtypes))
    ended = discount.run("score", "study.yaml", "--version", 1, "--out", "s.parquet")
    assert ended.code == 0, ended.err
    assert "recommended_arm" in pd.read_parquet("s.parquet")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--budget", -1), "budget"),
        (("--revenue-target", 1e12), "highest reachable"),
        (("--budget", "nan"), "0 or more is needed, but found nan"),
        (("--budget", 1, "--revenue-target", 1), "Leave one out"),
    ],
)
def test_impossible_offers_are_one_message_and_no_file(
    discount: Shop, option: tuple[object, ...], message: str
) -> None:
    ended = discount.run("offers", "study.yaml", "--version", 1, "--out", "o.parquet", *option)
    assert ended.code == 2
    assert message in ended.message
    assert not Path("o.parquet").exists()


def test_what_may_surprise_is_said(discount: Shop) -> None:
    changed = {**STUDY, "decision": {"margin_rate": 0.45, "minimum_margin": 0.32}}
    Path("other.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    ended = discount.run("offers", "other.yaml", "--version", 1, "--out", "o.parquet")
    assert ended.code == 0, ended.err
    assert "less than the minimum margin: 15%, 20%" in ended.out
    assert "another one than at the training" in ended.err
    assert "version 1 was not proven" in ended.err
    assert not pd.read_parquet("o.parquet")["recommended_arm"].isin(["15%", "20%"]).any()


def test_offers_need_a_margin_rate_and_an_offer_study(discount: Shop) -> None:
    def run(**changes: Any) -> str:
        content = {**STUDY, **changes}
        Path("other.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        ended = discount.run("offers", "other.yaml", "--version", 1, "--out", "o.parquet")
        assert ended.code == 2
        return ended.message

    assert "decision.margin_rate" in run(decision={"contact_cost": 0.1})
    purchase = {"kind": "purchase", "horizon_days": 14}
    assert "target offer, found purchase" in run(target=purchase, decision={})


def test_the_gate_refuses_a_version_that_earns_no_more_than_a_simple_policy(
    discount: Shop,
) -> None:
    # These offers are too few to tell; if they were enough one day, the test would have to change.
    assert not evaluation_of(find("discount", 1)).verdict.beats_baseline
    ended = discount.run("promote", "study.yaml", "--version", 1)
    assert ended.code != 0
    assert "does not become champion" in ended.message
    forced = discount.run("promote", "study.yaml", "--version", 1, "--force", "--why", "a trial")
    assert forced.code == 0, forced.err
    assert find("discount", "champion").version == 1


def test_simulate_says_what_it_wrote_and_refuses_other_folders(shop: Shop) -> None:
    ended = shop.run("simulate", "made", "--customers", 50, "--seed", 3, "--no-effect")
    assert ended.code == 0, ended.err
    assert "Next: neigung check made" in ended.out
    assert shop.run("check", "made").code == 0
    (shop.folder / "mine").mkdir()
    (shop.folder / "mine" / "diary.txt").write_text("dear", encoding="utf-8")
    ended = shop.run("simulate", "mine", "--customers", 50)
    assert ended.code == 2
    assert "not overwritten" in ended.message
    assert shop.run("simulate", "none", "--customers", 0).code == 2
    assert not (shop.folder / "none").exists()


def _features() -> pd.DataFrame:
    """The features of everybody at the newest midnight."""
    from neigung.models.dataset import build_features
    from neigung.scoring.cutoffs import instant

    profiles = Profiles.open("profiles")
    names = [column.name for column in load("discount", 1)[0].columns]
    return build_features(
        Study.load("study.yaml"), profiles, instant("latest", profiles), names=names
    ).X
