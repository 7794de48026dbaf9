"""What README and docs tell a newcomer to type works as it stands, on a small shop."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
import yaml

from neigung.cli import app
from neigung.profiles.contract import TABLES
from neigung.study import Study
from neigung.training import examine
from tests.conftest import Shop, bare_evidence, draw_nothing, train_quickly

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
PAGES = {
    path: path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        *(
            DOCS / f"{name}.md"
            for name in re.findall(r"\((\w+)\.md\)", (DOCS / "README.md").read_text())
        ),
    )
}
TEXT = "\n".join(PAGES.values())
"""README and docs in the order in which they are read."""


def blocks(language: str, text: str = TEXT) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return list(dict.fromkeys(found))


def commands(program: str) -> list[list[str]]:
    """The arguments of all shell lines that call a program, in order, each once."""
    lines = [
        shlex.split(line, comments=True)
        for block in blocks("sh")
        for line in block.replace("\\\n", "").split("\n")
    ]
    return [
        list(line)
        for line in dict.fromkeys(tuple(line[1:]) for line in lines if line[:1] == [program])
    ]


def mentioned() -> list[list[str]]:
    """Commands of ours that are named in running text."""
    text = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(found) for found in re.findall(r"`neigung ([^`]+)`", text)]


def parsed(arguments: list[str]) -> Any:
    """The command that would run; raises what the command line would say."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("neigung", list(arguments), resilient_parsing=False)
    name, found, rest = command.resolve_command(context, list(arguments))
    return found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("arguments", commands("neigung"), ids=" ".join)
def test_every_command_parses(arguments: list[str]) -> None:
    parsed(arguments)


def test_a_wrong_option_would_be_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        parsed(["score", "study.yaml", "--outt", "scores.parquet"])


def test_options_named_in_the_text_exist() -> None:
    known = {
        option
        for command in typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
        for parameter in command.params
        for option in parameter.opts
    }
    text = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`(--[a-z-]+)", text))
    assert named
    assert named <= known
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {line[0] for line in mentioned()} <= names


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {line[0] for line in commands("make")} | set(re.findall(r"`make ([a-z]+)`", TEXT))
    assert {"demo", "test", "setup"} <= named <= targets


@pytest.mark.parametrize("page", [*PAGES, INDEX, ROOT / "CONTRIBUTING.md"], ids=str)
def test_linked_files_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_files_named_in_the_text_exist() -> None:
    named = set(re.findall(r"`(src/[^`]+|configs/[^`]+)`", TEXT)) - {"configs/purchase_30d.yaml"}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_files_of_a_contributors_tasks_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests)/[^`]+)`", text))
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_of_the_docs_is_listed() -> None:
    assert {page for page in PAGES if page.parent == DOCS} == set(DOCS.glob("*.md")) - {INDEX}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=str)
def test_what_is_generated_is_up_to_date(page: Path) -> None:
    path = DOCS / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    text = page.read_text(encoding="utf-8")
    assert generate.generated(text) == text, "run `make docs`"


def test_the_readme_is_short() -> None:
    assert len(PAGES[ROOT / "README.md"].splitlines()) < 150


def test_the_table_of_tables_is_the_contract() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", TEXT, flags=re.MULTILINE)
    told = {name: text for name, text in rows if name in TABLES}
    assert set(told) == set(TABLES)
    for name, table in TABLES.items():
        columns = {c.name: c for c in table.columns}
        for common in ("customer_id", "occurred_at", "known_at"):
            del columns[common]
        words = re.sub(r"\(.*?\)", "", told[name])
        assert set(re.findall(r"\*\*(\w+)\*\*", words)) == {
            column for column, what in columns.items() if what.required
        }
        assert set(columns) <= set(re.findall(r"\w+", words)), name


@pytest.fixture
def newcomer(shop: Shop, small_tables: dict[str, pd.DataFrame], empty_mlflow: Path) -> Shop:
    """The README's folder: its tables, its study (made quick), the own features."""
    (shop.folder / "data").mkdir()
    shop.write(small_tables)
    shutil.move(shop.folder / "profiles", shop.folder / "data/shop")
    shutil.copytree(ROOT / "configs", shop.folder / "configs")
    shutil.copyfile(empty_mlflow, shop.folder / "mlflow.db")
    content = yaml.safe_load(studies()[-1])
    content["model"] |= {"trials": 1, "folds": 1}
    content["cutoffs"]["count"] = 3
    content["features"] = ["days_since_last_order", "order_count", "large_order_share"]
    # Whether sixty made-up customers beat a baseline is chance, and tested elsewhere.
    content["acceptance"]["beat_baseline"] = False
    path = shop.folder / "configs/purchase_30d.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    offers = shop.folder / "configs/discount_14d.yaml"
    content = yaml.safe_load(offers.read_text(encoding="utf-8"))
    content["features"] = ["days_since_last_order", "order_count"]
    content["acceptance"]["beat_baseline"] = False
    offers.write_text(yaml.safe_dump(content), encoding="utf-8")
    return shop


def studies() -> list[str]:
    """The studies that are shown, that of the README first."""
    return [block for block in blocks("yaml") if block.startswith("name:")]


@pytest.mark.parametrize("text", studies(), ids=["README", "docs"])
def test_the_study_is_one(text: str) -> None:
    study = Study.from_dict(yaml.safe_load(text))
    assert study.name == "purchase_30d"
    assert (ROOT / str(study.my_features)).exists()
    # Explained line by line.
    assert all("#" in line for line in text.splitlines())


def test_every_command_runs_in_its_order(newcomer: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    gather = examine.gather

    def gathered(study: Study, *given: Any) -> Any:
        # A model of offers is examined whole in its own tests, and that takes long.
        if study.target.kind == "offer":
            return bare_evidence(study, *given), ()
        return gather(study, *given)

    monkeypatch.setattr(examine, "gather", gathered)
    draw_nothing(monkeypatch)
    for arguments in commands("neigung"):
        if of_the_service(arguments):
            continue
        # The whole shop would take minutes.
        small = ["1500" if one == "50000" else one for one in arguments]
        ended = newcomer.run(*small)
        assert ended.code == 0, (arguments, ended.err)
    for made in ("quality.json", "reports/purchase_30d.html", "reports/purchase_30d_de.html",
                 "reports/discount_14d.html"):  # fmt: skip
        assert (newcomer.folder / made).stat().st_size > 1000
    check_offers(pd.read_parquet("scores/discount_14d_offers.parquet"))

    [read] = [block for block in blocks("python") if "read_parquet" in block]
    names: dict[str, Any] = {}
    exec(read, names)
    scores = names["scores"]
    told = re.search(r"\| column \| \|\n\|---\|---\|\n(.*?)\n\n", TEXT, flags=re.DOTALL)
    assert told
    firsts = " ".join(line.split("|")[1] for line in told[1].splitlines())
    assert list(scores.columns) == re.findall(r"`(\w+)`", firsts)
    assert set(scores["band"]) <= {"high", "medium", "low"}
    assert len(names["audience"])
    assert names["why"].str.len().gt(5).all()

    [notebook] = [block for block in blocks("python") if "ng.Study" in block]
    monkeypatch.setattr("neigung.report.driver.build_report", lambda *_, **__: "<html>")
    exec(notebook, names)
    assert names["run"].version == 2
    assert set(names["scores"]["model_version"]) == {2}


def of_the_service(arguments: list[str]) -> bool:
    """Whether a command belongs to the path of the campaign system that calls the service."""
    services = ("serve", "keys", "why", "forget", "bundle")
    return arguments[0] in services or "--snapshot" in arguments or "--force" in arguments


def test_every_command_of_the_service_runs_in_its_order(
    newcomer: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neigung.serving import serve

    train_quickly(monkeypatch)
    served: list[tuple[str, ...]] = []

    def serving(settings: Any, host: str, port: int) -> None:
        served.append(tuple(Path(study).name for study in settings.studies))

    monkeypatch.setattr(serve, "serve", serving)
    # What `make demo` leaves behind, on a smaller shop.
    study = yaml.safe_load(Path("configs/purchase_30d.yaml").read_text(encoding="utf-8"))
    study |= {"name": "purchase_7d", "features": ["order_count", "days_since_last_order"]}
    Path("configs/purchase_7d.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    before = [
        ["train", "configs/purchase_7d.yaml"],
        ["promote", "configs/purchase_7d.yaml", "--version", "1", "--force", "--why", "test"],
        ["simulate", "data/simulated", "--customers", "1500", "--seed", "1"],
        ["train", "configs/discount_14d.yaml"],
    ]
    shown = ""
    for arguments in [*before, *filter(of_the_service, commands("neigung"))]:
        ended = newcomer.run(*arguments)
        assert ended.code == 0, (arguments, ended.err)
        shown += ended.out
    assert served == [("purchase_7d.yaml",), ("purchase_7d.yaml", "discount_14d.yaml")]
    assert "neigung_" in shown
    assert "keine Vorhersage" in shown
    assert (newcomer.folder / "bundle" / "bentofile.yaml").exists()


def test_every_call_of_the_service_is_one_it_takes() -> None:
    from neigung.serving.middleware import ROUTES
    from neigung.serving.schemas import OffersRequest, PredictRequest

    calls = [one for one in commands("curl") if any("/v1/" in part for part in one)]
    takes = {"/v1/predict": PredictRequest, "/v1/offers": OffersRequest}
    paths = set()
    for call in calls:
        [url] = [part for part in call if part.startswith("http://127.0.0.1:3000")]
        path = url.removeprefix("http://127.0.0.1:3000")
        paths.add(path)
        assert "Authorization: Bearer $NEIGUNG_API_KEY" in call
        if path in takes:
            takes[path].model_validate_json(call[call.index("-d") + 1])
    assert paths == {route.path for route in ROUTES if route.path.startswith("/v1/")}
    [client] = [block for block in blocks("python") if "ng.Client" in block]
    compile(client, "docs", "exec")


def check_offers(offers: pd.DataFrame) -> None:
    """The columns are those that the README tells."""
    [told] = re.findall(r"^An offer file has, (.*?)\. ", TEXT, flags=re.MULTILINE)
    arms = ["none", "5%", "10%", "15%", "20%"]
    columns = [
        column
        for name in re.findall(r"`(\w+)`", told)
        for column in (
            [name.replace("ARM", arm) for arm in arms] if name.endswith("_ARM") else [name]
        )
    ]
    assert set(offers) == {"customer_id", "cutoff", "model_version", *columns}
    assert offers["necessary_discount"].isin([0, 0.05, 0.1, 0.15, 0.2]).all()
    assert set(offers["recommended_arm"]) <= set(arms)


def test_the_uplift_model_works_on_any_table() -> None:
    [block] = [block for block in blocks("python") if "UpliftModel" in block]
    names: dict[str, Any] = {}
    exec(block, names)
    model, X = names["model"], names["X"]
    effects = model.predict(X)
    assert list(effects) == ["10%", "20%"]
    between = model.predict_rate(X, 0.15)
    assert (effects["10%"] - 1e-9 <= between).all()
    assert (between <= effects["20%"] + 1e-9).all()
    assert (names["low"] <= names["high"]).all(axis=None)
    movable = X["orders"] > 3
    # In truth 0.2 and 0.
    assert effects.loc[movable, "20%"].mean() > effects.loc[~movable, "20%"].mean() + 0.1


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_studies_are_valid_and_named_like_their_file(path: Path) -> None:
    assert Study.load(path).name == path.stem


def test_the_keys_of_an_offer_study_exist() -> None:
    rows = dict(re.findall(r"^\| `(target|decision|cutoffs)` \| (.+) \|$", TEXT, re.MULTILINE))
    content = Study.load(ROOT / "configs/discount_14d.yaml").to_dict()
    assert set(rows) == {"target", "decision", "cutoffs"}
    for key, words in rows.items():
        assert set(re.findall(r"`(\w+)`", words)) <= {*content[key], "campaign_id"}
