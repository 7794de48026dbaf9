"""Training on shops of every kind: a right result or one clear error; the same again each time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.errors import FeatureError, InputError, LeakageError, TrackingError
from neigung.models import leakage
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.scoring.score import score
from neigung.study import Study
from neigung.tracking.gate import promote
from neigung.tracking.registry import find, read_report, run_artifact
from neigung.training import examine
from neigung.training.propensity import fit_propensity
from neigung.training.train import git_commit, train
from tests.conftest import Shop, train_quickly

Frames = dict[str, pd.DataFrame]
ALONE = {
    "legal_basis": {"none_needed": "a test"},
    "features": ["order_count", "days_since_last_order"],
}


def odd_id(number: str) -> str:
    return f'Jörg "Ünlü" 🛒\'; DROP TABLE spine; -- {{x}} % {number}'


def renamed(tables: Frames, new_id: Any) -> Frames:
    return {
        name: frame.assign(customer_id=frame["customer_id"].str[1:].map(new_id))
        for name, frame in tables.items()
    }


def plain_lines(customers: int, orders: int, seed: int = 3) -> pd.DataFrame:
    """Order lines with nothing but what is required."""
    rng = np.random.default_rng(seed)
    n = customers * orders
    days = rng.uniform(0, 300, n)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:02d}" for number in range(customers)] * orders,
            "order_id": [f"o{number}" for number in range(n)],
            "occurred_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"),
            "net_value": rng.integers(1, 90, n) + 0.5,
        }
    )


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory, small_tables: Frames, trained_folder: Path
) -> str:
    """The artefact digest of the study of `quick` on its store."""
    from neigung.tracking.registry import load

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained_folder)
        return load("buy", 1)[0].digest


CHECK = leakage.check_leakage


@pytest.fixture
def checked(quick: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose quick trainings look for leaks, which no unusual data may be taken for."""
    monkeypatch.setattr(leakage, "check_leakage", CHECK)
    return quick


@pytest.mark.parametrize("variant", ["shuffled csv", "zones"])
def test_the_same_data_give_the_same_artefact(
    filled: Shop, small_tables: Frames, reference: str, variant: str
) -> None:
    tables, csv = small_tables, variant == "shuffled csv"
    if csv:
        tables = {name: frame.sample(frac=1, random_state=9) for name, frame in tables.items()}
    if variant == "zones":
        tables = {
            name: frame.assign(
                occurred_at=frame["occurred_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
            )
            if "occurred_at" in frame
            else frame
            for name, frame in tables.items()
        }
    filled.write(tables, ".csv" if csv else ".parquet")
    fitted = fit_propensity(Study.load("study.yaml"), Profiles.open("profiles"), Reporter())
    assert fitted.artefact.digest == reference


def test_ids_of_every_kind(checked: Shop, small_tables: Frames) -> None:
    """Umlauts, quotes and SQL to learn from, then integers to score."""
    for new_id in (odd_id, int):
        checked.write(renamed(small_tables, new_id))
        version = train("study.yaml").version if new_id is odd_id else 1
        scores = score("study.yaml", version=version)
        expected = {str(new_id(f"{number:03d}")) for number in range(60)}
        assert set(scores["customer_id"]) <= expected
        assert len(scores) > 30


def test_order_lines_alone_with_every_feature(checked: Shop) -> None:
    checked.write({"order_lines": plain_lines(40, 8)})
    run = train(checked.study(**ALONE | {"features": "all"}))
    assert any("no table visits" in note for note in run.notes)
    scores = score("study.yaml", version=run.version)
    assert scores["probability"].between(0, 1).all()


def test_twenty_customers(checked: Shop) -> None:
    checked.write({"order_lines": plain_lines(20, 6)})
    run = train(checked.study(**ALONE))
    assert run.evaluation.n_rows <= 20
    assert len(score("study.yaml", version=1)) <= 20


def test_one_order_each_is_one_clear_error(quick: Shop) -> None:
    quick.write({"order_lines": plain_lines(60, 1)})
    with pytest.raises(InputError, match=r"Both outcomes, 0 and 1, are needed .*have 0"):
        train(quick.study(**ALONE))
    assert not (quick.folder / "mlruns").exists()


def test_a_column_of_nothing(checked: Shop, small_tables: Frames) -> None:
    """Both as a feature without values and as an optional column of the contract."""
    lines = small_tables["order_lines"].assign(channel=None)
    customers = small_tables["customers"].assign(income=None)
    checked.write({**small_tables, "order_lines": lines, "customers": customers})
    assert train("study.yaml").version == 1


def test_the_users_own_outcome(checked: Shop, small_tables: Frames) -> None:
    run = train(checked.study(target={"kind": "custom", "horizon_days": 30}))
    labels = small_tables["labels"]
    newest = labels[labels["cutoff"] == labels["cutoff"].max()]
    assert run.evaluation.cutoff == labels["cutoff"].max()
    assert run.evaluation.n_rows <= len(newest)
    assert run.evaluation.base_rate == pytest.approx(newest["value"].mean(), abs=0.1)

    checked.write({**small_tables, "labels": labels.assign(value=labels["value"] + 1)})
    with pytest.raises(InputError, match="must be 0 or 1"):
        train("study.yaml")
    checked.write({name: frame for name, frame in small_tables.items() if name != "labels"})
    with pytest.raises(InputError, match="needs the table labels"):
        train("study.yaml")


def test_churn(checked: Shop) -> None:
    target = {"kind": "churn", "horizon_days": 14, "spend_below": 0.5}
    run = train(checked.study(target=target, population={"active_within_days": 60}))
    assert 0 < run.evaluation.base_rate < 1


def test_a_sample_is_told_wherever_somebody_looks(checked: Shop) -> None:
    run = train(checked.study(model={"rows": 130}))
    rows = run.artefact.meta["rows"]
    assert rows["train"] < rows["train_of"]
    assert "test_of" not in rows  # the test has fewer rows than that
    [note] = [one for one in run.notes if "model.rows" in one]
    assert f"About 130 of {rows['train_of']} training rows" in note
    version = find("buy", run.version)
    assert version.tags["test_sample"] == "all"
    logged = json.loads(run_artifact(version, "dataset.json"))
    assert logged["parts"] == rows
    assert note in logged["notes"]

    ended = checked.run("train", checked.study(model={"rows": 30}))
    assert ended.code == 2
    assert "Raise model.rows, or leave it out" in ended.message


OWN = '''
from neigung import ORDER_LINES, feature

@feature(ORDER_LINES, windows=(90,), empty=0)
def tea_count(lines, within):
    """Number of lines with tea.

    de: Anzahl der Zeilen mit Tee.
    """
    return {body}
'''


def test_the_users_own_features(checked: Shop) -> None:
    own = checked.folder / "own.py"
    own.write_text(OWN.format(body='(lines.category == "tea").sum(where=within)'), "utf-8")
    run = train(checked.study(my_features="own.py", features=["order_count", "tea_count"]))
    assert "tea_count_90d" in [column.name for column in run.artefact.columns]
    assert len(score("study.yaml", version=run.version))

    checked.study(features=["order_count"])
    with pytest.raises(InputError, match="the model needs tea_count_90d"):
        score("study.yaml", version=run.version)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file"),
        (OWN.format(body="1 / 0"), "tea_count: its function failed .* ZeroDivisionError"),
        (OWN.format(body="lines.nothing.sum(where=within)"), "tea_count: .*nothing"),
        (OWN.format(body='lines.category.cast("int64").sum(where=within)'), "Could not convert"),
        (OWN.replace("de:", "").format(body="0"), "tea_count: its docstring needs"),
        ("x = 1 +", "SyntaxError"),
    ],
    ids=["missing", "raises", "no column", "fails in the engine", "no German", "no Python"],
)
def test_own_features_that_cannot_be_used(checked: Shop, content: str | None, told: str) -> None:
    if content is not None:
        (checked.folder / "own.py").write_text(content, "utf-8")
    with pytest.raises(FeatureError, match=told):
        train(checked.study(my_features="own.py", features=["order_count", "tea_count"]))


def test_nothing_is_trained_on_a_leak(checked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from neigung.models import dataset

    build = dataset.build_dataset

    def leaky(*given: Any, **options: Any) -> dataset.Dataset:
        found = build(*given, **options)
        found.frame["order_count_30d"] = found.frame["label"]
        return found

    monkeypatch.setattr(dataset, "build_dataset", leaky)
    with pytest.raises(LeakageError, match="order_count_30d leaks"):
        train("study.yaml")
    assert not (checked.folder / "mlruns").exists()


def test_a_stop_while_tracking_registers_nothing(
    quick: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends as KILLED, and the same command goes on with the trials that were finished."""
    from mlflow import MlflowClient

    from neigung.tracking import runs

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "log_model", stop)
        ended = quick.run("train", "study.yaml")
    assert ended.code == 2
    assert "Interrupted" in ended.message
    client = MlflowClient("sqlite:///mlflow.db")
    assert client.search_registered_models() == []
    [experiment] = [e for e in client.search_experiments() if e.name == "buy"]
    states = {
        run.info.status
        for run in client.search_runs([experiment.experiment_id])
        if "mlflow.parentRunId" not in run.data.tags
    }
    assert states == {"KILLED"}

    def no_trial(*_: object) -> None:
        raise AssertionError("a finished trial was made again")

    monkeypatch.setattr("neigung.models.propensity.tuning._Lane.run", no_trial)
    assert train("study.yaml").version == 1


def test_what_a_reviewer_signs_is_kept_with_the_version(trained: Shop) -> None:
    """The one training of these tests that leaves nothing out."""
    version = find("buy", 1)
    evidence = json.loads(run_artifact(version, "evidence.json"))
    assert evidence.keys() == {"fitness", "stability", "fairness", "tables"}
    assert version.tags["fitness"] == evidence["fitness"]["verdict"]
    assert version.tags["report_digest"] == read_report(version).digest
    assert evidence["fairness"]["attributes"] == ["attribute_income"]
    numbers = json.loads(run_artifact(version, "numbers.json"))
    assert {f"test.{key}": numbers[f"test.{key}"] for key in ("auroc", "brier")} == {
        name: version.metrics[name] for name in ("test.auroc", "test.brier")
    }
    lines = pd.read_parquet("profiles/order_lines.parquet")
    assert numbers["table.order_lines.rows"] == len(lines)
    for path in ("evidence.json", "numbers.json", "report_en.html", "report_de.html"):
        told = run_artifact(version, path).decode()
        told = re.sub(r"base64,[\w+/=]+", "", told)  # in which anything may turn up
        assert not [one for one in lines["customer_id"].unique() if one in told]


def test_a_second_version_is_compared_with_the_champion(
    trained: Shop, small_tables: Frames, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    trained.write(small_tables)
    gathering = examine.gather
    train_quickly(monkeypatch)
    monkeypatch.setattr(examine, "gather", gathering)
    promote(Study.load("study.yaml"), 1, force=True, why="a trial")
    run = train("study.yaml")
    # Neither the champion nor what else was fitted has a part in the version.
    assert run.artefact.digest == reference
    assert run.comparison is not None
    assert (run.comparison.champion, run.comparison.stayed) == (1, 1)
    evidence = json.loads(run_artifact(find("buy", 2), "evidence.json"))
    before = json.loads(run_artifact(find("buy", 1), "evidence.json"))
    assert evidence.pop("comparison")["champion"] == 1
    assert evidence == before


def test_a_stop_while_examining_registers_nothing(
    quick: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(examine, "gather", stop)
    with pytest.raises(KeyboardInterrupt):
        train("study.yaml")
    assert not (quick.folder / "mlruns").exists()
    with pytest.raises(TrackingError, match="no registered version"):
        find("buy", "latest")


def test_a_run_shows_itself(quick: Shop) -> None:
    ended = quick.run("train", "study.yaml")
    assert "buy: version 1, artefact " in ended.out
    assert ended.out.count("The model does not beat") == 1
    # Nobody examined it, so it is not to be trusted blindly.
    assert re.search(r"^(Use with care|Not fit for use)$", ended.out, re.MULTILINE)
    assert "  Drift: Drift was not examined." in ended.out
    assert "Tuning: done in" in ended.err


def test_the_commit_is_none_outside_of_a_repository(quick: Shop) -> None:
    assert git_commit() is None


def test_a_third_language_is_one_file(quick: Shop, pseudo: Path) -> None:
    """Its pages are made, kept and told of; what is stored in two languages stays so."""
    assert quick.run("train", "study.yaml").code == 0
    out = quick.folder / "report.html"
    told = quick.run(
        "report", "study.yaml", "--version", "latest", "--out", out, "--language", "eo"
    )
    assert told.code == 0, told.err
    assert out.exists()
    scored = quick.run("score", "study.yaml", "--version", "latest", "--out", "scores.parquet")
    assert scored.code == 0, scored.err
    reasons = pd.read_parquet(quick.folder / "scores.parquet")["reasons"].iloc[0]
    assert {"text_en", "text_de"} <= set(reasons[0])
    assert "text_eo" not in reasons[0]
