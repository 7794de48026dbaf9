"""The commands as a user types them; what is wrong is said once, and nothing is left behind."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from neigung.cli import command_line as cli
from neigung.profiles.writer import ImportResult
from tests.conftest import Shop

Frames = dict[str, pd.DataFrame]


def with_lines(tables: Frames, change: Callable[[pd.DataFrame], object]) -> Frames:
    """The tables with changed order lines."""
    lines = tables["order_lines"].copy()
    changed = change(lines)
    return {**tables, "order_lines": lines if changed is None else changed}


def first_row(column: str, value: object) -> Callable[[pd.DataFrame], object]:
    def change(lines: pd.DataFrame) -> None:
        lines[column] = lines[column].astype(object)
        lines.loc[0, column] = value

    return change


def known_too_early(lines: pd.DataFrame) -> None:
    lines.loc[0, "known_at"] = lines.loc[0, "occurred_at"] - pd.Timedelta(days=1)


STUDIES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown key": ({"cutofs": {}}, ("unknown key 'cutofs'", "Did you mean 'cutoffs'")),
    "cutoff after the data": ({"cutoffs": {"last": "2031-01-01"}}, ("needs data until", "latest")),
    "cutoff before the data": (
        {"cutoffs": {"last": "2021-01-01"}},
        ("2021-01-01", "first order", "2024-01-0"),
    ),
    "no label": (
        {"target": {"kind": "purchase", "horizon_days": 600}},
        ("Lower target.horizon_days", "data span"),
    ),
    "folds do not fit": (
        {"model": {"folds": 3}, "cutoffs": {"count": 3}},
        ("3 folds", "14-day horizon", "lower model.folds"),
    ),
    "no such feature": ({"features": ["order_cont"]}, ("order_cont", "Did you mean order_count")),
    "no such store": ({"profiles": "nowhere"}, ("nowhere", "there is nothing")),
    "one outcome": (
        {"target": {"kind": "purchase", "horizon_days": 14, "where": {"category": "Yacht"}}},
        ("Both outcomes", "have 0"),
    ),
}


@pytest.mark.parametrize("case", STUDIES)
def test_a_study_that_does_not_fit_is_refused(filled: Shop, case: str) -> None:
    changes, told = STUDIES[case]
    ended = filled.run("train", filled.study(**changes))
    assert ended.code == 2
    assert not [words for words in told if words not in ended.message], ended.message
    assert not filled.files()
    assert not (filled.folder / "mlflow.db").exists()


LINES: dict[str, tuple[Callable[[pd.DataFrame], object], tuple[str, ...]]] = {
    "missing column": (lambda lines: lines.drop(columns="net_value"), ("net_value",)),
    "wrong type": (first_row("net_value", "free"), ("net_value", "'free'")),
    "null id": (first_row("customer_id", None), ("customer_id", "filled")),
    "blank id": (first_row("customer_id", "  "), ("customer_id", "filled")),
    "negative discount": (first_row("discount_value", -3.0), ("discount_value", "at least 0")),
    "known too early": (known_too_early, ("known_at", "not before occurred_at")),
    "empty table": (lambda lines: lines.head(0), ("is empty",)),
    "only row broken": (
        lambda lines: lines.head(1).assign(net_value="?"),
        ("1 of 1 row breaks", "'?'"),
    ),
}


@pytest.mark.parametrize(
    ("case", "suffix"),
    [*((case, ".parquet") for case in LINES), ("wrong type", ".csv"), ("null id", ".csv")],
)
def test_broken_order_lines_are_refused(
    shop: Shop, small_tables: Frames, case: str, suffix: str
) -> None:
    change, told = LINES[case]
    tables = with_lines(small_tables, change)
    if suffix == ".parquet":
        lines = tables["order_lines"]
        for name in lines.select_dtypes("object").columns:  # Parquet holds no mixed columns
            lines[name] = lines[name].astype("str")
    shop.write(tables, suffix)
    shop.study()
    ended = shop.run("train", "study.yaml")
    assert ended.code == 2
    for words in ("order_lines", *told):
        assert words in ended.message
    assert not shop.files()


@pytest.mark.parametrize("case", LINES)
def test_check_names_what_is_refused(shop: Shop, small_tables: Frames, case: str) -> None:
    change, told = LINES[case]
    tables = with_lines(small_tables, change)
    lines = tables["order_lines"]
    for name in lines.select_dtypes("object").columns:  # Parquet holds no mixed columns
        lines[name] = lines[name].astype("str")
    shop.write(tables)
    ended = shop.run("check", "profiles")
    assert ended.code == 2
    assert ended.message
    for words in ("order_lines", *told):
        assert words in ended.out + ended.err
    assert not shop.files()


def test_check_names_the_faults_of_all_tables_at_once(shop: Shop, small_tables: Frames) -> None:
    tables = with_lines(small_tables, first_row("net_value", "free"))
    tables["order_lines"]["net_value"] = tables["order_lines"]["net_value"].astype("str")
    tables["loyalty"] = small_tables["loyalty"].head(1).assign(kind="hello")
    shop.write(tables)
    ended = shop.run("check", "profiles", "--json", "quality.json")
    assert ended.code == 2
    assert "2 faults" in ended.message
    found = json.loads((shop.folder / "quality.json").read_text())["findings"]
    refused = [one["table"] for one in found if one["severity"] == "refused"]
    assert refused == ["order_lines", "loyalty"]


def test_other_broken_tables_are_refused(shop: Shop, small_tables: Frames) -> None:
    loyalty = small_tables["loyalty"].head(1).assign(kind="hello")
    shop.write({**small_tables, "loyalty": loyalty})
    ended = shop.run("train", shop.study())
    assert ended.code == 2
    assert "loyalty: kind must be one of" in ended.message


@pytest.mark.parametrize("name", ["order_lines.parquet", "visits.csv", "study.yaml"])
def test_unreadable_files_are_named(filled: Shop, name: str) -> None:
    inside = filled.folder / "profiles"
    if name.endswith("csv"):
        (inside / "visits.parquet").unlink()
    place = filled.folder / name if name == "study.yaml" else inside / name
    place.write_bytes(b"\x00\xff: [\x80broken" * 9)
    ended = filled.run("train", "study.yaml")
    assert ended.code == 2
    assert name.split(".")[0] in ended.message
    assert not filled.files()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--cutoff", "2031-01-01"], "lies after the data"),
        (["--cutoff", "2020-01-01"], "lies before the data"),
        (["--cutoff", "soon"], "found 'soon'"),
        (["--version", "7"], "version 7"),
        (["--profiles", "nowhere"], "nowhere"),
        (["--out", "."], "the folder ."),
    ],
)
def test_what_cannot_be_scored_leaves_no_file(
    trained: Shop, arguments: list[str], told: str
) -> None:
    before = trained.files()
    ended = trained.run(
        "score", "study.yaml", "--version", "1", "--out", "scores.parquet", *arguments
    )
    assert ended.code == 2
    assert told.lower() in ended.message.lower()
    assert trained.files() == before


@pytest.mark.parametrize("command", ["score", "report", "review", "promote"])
def test_nothing_is_made_up_without_a_training(filled: Shop, command: str) -> None:
    options = ["--version", "1"] if command in ("review", "promote") else ["--out", "out"]
    if command == "review":
        options += ["--decision", "approve", "--by", "Ada", "--note", "Fair."]
    ended = filled.run(command, "study.yaml", *options)
    assert ended.code == 2
    assert "neigung train" in ended.message
    assert not filled.files()
    assert not (filled.folder / "mlflow.db").exists()


def test_a_command_that_is_used_wrongly_says_so(filled: Shop) -> None:
    assert "No such command" in filled.run("trian").message
    assert "Missing argument" in filled.run("train").message
    assert filled.run("trian").code == 2
    assert "STUDY and --out" in filled.run("features").message


def test_messages_keep_brackets_and_length(shop: Shop) -> None:
    name = "[bold]" + "x" * 150 + ":smile:.yaml"
    assert f"Study {name}: no such file" in shop.run("train", name).message


def test_an_error_of_ours_shows_its_traceback(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "app", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_full_disk_is_no_bug(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "app", full)
    ended = shop.run()
    assert ended.code == 1
    assert "No space left" in ended.message


def test_version_and_help(shop: Shop) -> None:
    assert shop.run("--version").out.startswith("neigung 0.")
    assert "train" in shop.run("--help").out


def test_import_ends_with_what_was_made_and_what_comes_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ImportResult("shop", {"order_lines": 2000}, {"lines without a customer": 31})
    monkeypatch.setattr(
        "neigung.profiles.online_retail.import_online_retail", lambda file, out: result
    )
    out = shop.run("import", "online-retail", "file.csv", "shop").out
    assert out.splitlines() == [
        "shop: 2,000 order_lines",
        "lines without a customer: 31",
        "Next: neigung check shop",
    ]


def test_check_shows_and_writes_the_quality(filled: Shop) -> None:
    ended = filled.run("check", "profiles", "--json", "report.json")
    assert ended.code == 0
    assert "order_lines" in ended.out
    written = json.loads((filled.folder / "report.json").read_text(encoding="utf-8"))
    assert {table["name"] for table in written["tables"]} >= {"order_lines", "labels"}


def test_features_are_listed_and_written(filled: Shop) -> None:
    listed = filled.run("features", "--list").out
    assert "days_since_last_order" in listed
    assert "Tage seit der letzten Bestellung" in listed
    ended = filled.run("features", "study.yaml", "--out", "features.parquet")
    assert ended.code == 0
    table = pq.read_table(filled.folder / "features.parquet")
    assert table.column_names[:3] == ["customer_id", "cutoff", "days_since_last_order"]
    assert {"order_count_30d", "last_order_channel", "attribute_income"} < set(table.column_names)
    income = table["attribute_income"].to_pylist()
    assert None in income
    assert set(income) <= {None, "low", "mid", "high"}
    assert f"{table.num_rows} customers" in ended.out


def test_the_gate_on_the_command_line(trained: Shop) -> None:
    refused = trained.run("promote", "study.yaml", "--version", "challenger")
    assert refused.code == 1
    assert "does not become champion" in refused.message
    assert trained.run("promote", "study.yaml", "--version", "1", "--force").code == 2
    forced = trained.run("promote", "study.yaml", "--version", "1", "--force", "--why", "a trial")
    assert forced.code == 0
    assert "version 1 is champion" in forced.out
    assert "Overruled (a trial)" in forced.out
    scored = trained.run("score", "study.yaml", "--out", "scores.parquet")
    assert scored.code == 0
    assert "customers scored" in scored.out


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_report_is_the_page_of_the_training(trained: Shop, language: str) -> None:
    ended = trained.run(
        "report", "study.yaml", "--version", "1", "--out", "r/page.html", "--language", language
    )
    assert ended.code == 0
    page = (trained.folder / "r" / "page.html").read_text(encoding="utf-8")
    assert f'lang="{language}"' in page
    assert trained.run("report", "study.yaml", "--out", "x", "--language", "fr").code == 2


@pytest.fixture
def reviewed(trained: Shop, trained_folder: Path) -> Iterator[Shop]:
    """A shop whose version can be reviewed: the artifacts are those of all, so they are tidied."""
    yield trained
    for folder in trained_folder.rglob("reviews"):
        shutil.rmtree(folder)


def test_a_review_on_the_command_line(reviewed: Shop) -> None:
    reviewed.study(acceptance={"review": "required"})
    forced = ("promote", "study.yaml", "--version", "1", "--force", "--why", "a trial")
    assert "nobody has reviewed it yet" in reviewed.run(*forced).message

    review = ("review", "study.yaml", "--version", "1", "--by", "Ada", "--note", "Fair.")
    assert reviewed.run(*review, "--decision", "maybe").code == 2
    assert reviewed.run(*review[:-1], " ", "--decision", "approve").code == 2
    ended = reviewed.run(*review, "--decision", "approve")
    assert ended.code == 0
    assert "buy: version 1 is approved by Ada." in ended.out

    shown = reviewed.run("report", "study.yaml", "--version", "1", "--out", "page.html")
    assert shown.code == 0
    digest = re.search(r"Report: +([0-9a-f]{64})", ended.out)
    assert digest is not None
    assert f"Report digest {digest[1]} (as the training wrote it)" in shown.out
    assert re.search(r"Verdict: (fit for use|use with care|not fit for use)\n", shown.out)
    assert "Review: approved by Ada on" in shown.out

    ended = reviewed.run(*forced)
    assert ended.code == 0
    assert "Review: approved by Ada" in ended.out


def test_the_overview_on_the_command_line(trained: Shop) -> None:
    ended = trained.run("report", "--all", "--out", "overview", "--language", "de")
    assert ended.code == 0
    assert "overview/index.html (1 study, 1 version)" in ended.out
    page = (trained.folder / "overview" / "index.html").read_text(encoding="utf-8")
    assert 'href="buy/1_de.html"' in page
    assert 'lang="de"' in (trained.folder / "overview/buy/1_de.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "x"], "report needs STUDY"),
        (["study.yaml", "--all", "--out", "x"], "Leave out STUDY"),
        (["--all", "--version", "2", "--out", "x"], "Leave out STUDY and --version"),
        (["--all", "--out", "study.yaml"], "found the file study.yaml"),
        (["--all", "--out", "x", "--language", "fr"], "found 'fr'"),
        (["--all", "--out", "x"], "neigung train"),
    ],
)
def test_an_overview_that_cannot_be_made_leaves_no_file(
    filled: Shop, arguments: list[str], told: str
) -> None:
    ended = filled.run("report", *arguments)
    assert ended.code == 2
    assert told in ended.message
    assert not filled.files()
    assert not (filled.folder / "mlflow.db").exists()


def test_scores_are_the_same_bytes_twice(trained: Shop) -> None:
    for name in ("a.parquet", "b.parquet"):
        ended = trained.run("score", "study.yaml", "--version", "1", "--out", name)
        assert ended.code == 0
    a, b = ((trained.folder / name).read_bytes() for name in ("a.parquet", "b.parquet"))
    assert a == b
