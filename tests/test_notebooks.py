"""The notebooks run from start to end, and their stored output is what a reader should see.

They run on a part of the real data or a smaller simulated shop, without writing reports, and the
studies they load from files are made quick; otherwise as they stand.
`make notebooks` runs them as they are and stores their output.
"""

from __future__ import annotations

import copy
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from tests.processes import free_port

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXPLAINED = "1"
"""The household whose prediction the notebook takes apart."""
LESS = """
def prepare():
    from neigung.evaluation.propensity.evaluate import Evaluation
    from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
    from neigung.profiles import complete_journey
    from neigung.report import driver

    whole = complete_journey._load

    def fifth():
        return {
            name: rows[rows["household_id"] % 5 == 1] if "household_id" in rows else rows
            for name, rows in whole().items()
        }

    complete_journey._load = fifth
    # The plots beside the model in MLflow: a notebook draws those that it shows itself.
    Evaluation.figures = OfferEvaluation.figures = lambda _: {}
    # What a review looks for in a page.
    def page(artefact, *_, **__):
        return f'<meta name="neigung-artefact" content="{artefact.digest}">'

    driver.build_report = page

prepare()
del prepare
"""
"""Run before a notebook: a fifth of the households, and no reports, which notebooks do not show."""
UNEXAMINED = """
def prepare():
    from neigung.training import examine
    from neigung.judgement.fitness import judge_fitness
    from neigung.report.evidence import Evidence
    from neigung.explanation.explain import explain

    def gather(study, profiles, fitted, reporter):
        evaluation, explanation = fitted.evaluation, explain(fitted.artefact, fitted.test)
        fitness = judge_fitness(evaluation)
        return Evidence(evaluation=evaluation, explanation=explanation, fitness=fitness), ()

    examine.gather = gather

prepare()
del prepare
"""
"""Run as well before one that shows nothing of what a model is examined for: most of the work."""
EXAMINED = (".fitness", ".fairness", ".stability", ".comparison")
SMALLER = ("8_000", "2_000")
"""How many customers are simulated: as it stands, and for the test."""
PORT = "3017"
"""Where the notebook's service listens; in the test elsewhere, lest another one's answers."""


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> set[str]:
    """The kinds of what a cell shows: text/html, image/png, …"""
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def quick(study: dict[str, Any]) -> dict[str, Any]:
    """The study with few cutoffs and trials; the gate lets any model pass. Offers stay as are."""
    if study["target"]["kind"] == "offer":
        return study
    study["model"] |= {"trials": 2, "folds": 1}
    study["cutoffs"] |= {"count": 3, "every_days": study["target"]["horizon_days"]}
    study["acceptance"]["beat_baseline"] = False
    study["features"] = [
        *("days_since_last_order", "days_since_first_order", "order_count", "order_value"),
        *("order_gap_median", "discounted_order_share"),
    ]
    return study


def smaller(notebook: Any) -> Any:
    """A copy that does the same with less, and on a port of its own."""
    copied = copy.deepcopy(notebook)
    port = str(free_port())
    examined = any(one in cell.source for cell in code(copied) for one in EXAMINED)
    for cell in code(copied):
        cell.source = cell.source.replace(*SMALLER).replace(PORT, port)
    before = LESS if examined else LESS + UNEXAMINED
    copied.cells.insert(0, nbformat.v4.new_code_cell(before))
    return copied


def execute(notebook: Any, folder: Path) -> None:
    """Run all cells in a folder, as Jupyter does, without times in the metadata."""
    from nbclient import NotebookClient

    for cell in code(notebook):
        cell.outputs = []
    NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=240,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata["language_info"] = {"name": "python"}


def check_outputs(notebook: Any) -> None:
    """Plots where something is plotted, tables where tables are, nothing else on the way."""
    for cell in code(notebook):
        last = cell.source.splitlines()[-1]
        errors = [o.ename for o in cell.outputs if o.output_type == "error"]
        assert not errors, (errors, cell.source)
        noise = [o.text for o in cell.outputs if o.output_type == "stream"]
        assert not noise, (noise, cell.source)
        if ".plot_" in last:
            assert "image/png" in shown(cell), cell.source
        if (".evaluation" in last and ".plot_" not in last) or "ng.score(" in last:
            [table] = [o.data["text/html"] for o in cell.outputs]
            assert "<table" in table, cell.source
    plots = [c for c in code(notebook) if "image/png" in shown(c)]
    tables = [c for c in code(notebook) if "text/html" in shown(c)]
    if any(".plot_" in cell.source for cell in code(notebook)):
        assert len(plots) >= 8
    assert len(tables) >= 3


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(
    path: Path, tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copyfile(empty_mlflow, tmp_path / "mlflow.db")
    for folder in ("notebooks", "configs"):
        (tmp_path / folder).mkdir()
    for study in (ROOT / "configs").glob("*.yaml"):
        content = quick(yaml.safe_load(study.read_text(encoding="utf-8")))
        (tmp_path / "configs" / study.name).write_text(yaml.safe_dump(content), encoding="utf-8")
    notebook = smaller(read(path))
    execute(notebook, tmp_path / "notebooks")
    check_outputs(notebook)
    # The notebook works in the project's folder, not beside itself.
    assert (tmp_path / "mlflow.db").read_bytes() != empty_mlflow.read_bytes()
    assert not list((tmp_path / "notebooks").iterdir())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_stored_output_is_complete_and_clean(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    check_outputs(notebook)
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    # Small differences from one run to the next: no times, no places of a machine.
    assert all(not cell.metadata for cell in notebook.cells)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    told = [value for cell in code(notebook) for o in cell.outputs
            for kind, value in o.get("data", {}).items() if kind != "image/png"]  # fmt: skip
    assert not re.search(r"/(home|root|Users|tmp|work|opt|usr)/", " ".join(told))
    assert path.stat().st_size < 3_000_000


def test_the_first_flow_takes_less_than_fifteen_lines() -> None:
    notebook = read(ROOT / "notebooks/01_purchase_and_churn.ipynb")
    sources = [cell.source for cell in notebook.cells]
    begin = next(i for i, source in enumerate(sources) if source.startswith("import neigung"))
    end = next(i for i, source in enumerate(sources) if source.startswith("## Churn"))
    flow = [c.source for c in notebook.cells[begin:end] if c.cell_type == "code"]
    lines = [line for source in flow for line in source.splitlines() if line.strip()]
    assert len(lines) < 15, lines
    told = " ".join(lines)
    for part in ("ng.train", "evaluation", "plot_gains", "plot_calibration", "plot_importance",
                 "plot_beeswarm", "plot_dependence", f'plot_waterfall("{EXPLAINED}")',
                 "ng.promote", "ng.score"):  # fmt: skip
        assert part in told


def test_the_truth_is_read_only_beside_predictions() -> None:
    """No model may see the truth of a simulated shop."""
    notebook = read(ROOT / "notebooks/02_discount_sensitivity.ipynb")
    for cell in code(notebook):
        for line in cell.source.splitlines():
            if ".fit(" in line or "ng.train(" in line or "build_offer_dataset(" in line:
                assert "truth" not in line


def test_the_discount_notebook_shows_the_whole_flow() -> None:
    told = " ".join(
        cell.source for cell in code(read(ROOT / "notebooks/02_discount_sensitivity.ipynb"))
    )
    for part in ("ng.simulate", "read_truth", "ng.train", "plot_effects", "plot_qini",
                 "plot_bands", "plot_policies", "ng.offers", "ng.allocate", "ng.UpliftModel",
                 "predict_rate", ".interval", "plot_waterfall", "reasons", "effect=False",
                 "channel-test-*"):  # fmt: skip
        assert part in told


def test_the_service_notebook_calls_a_real_service() -> None:
    notebook = read(ROOT / "notebooks/03_calling_the_service.ipynb")
    told = " ".join(cell.source for cell in code(notebook))
    for part in ('"serve"', '"keys", "add"', "ng.write_snapshot", "ng.Client", "client.predict",
                 "client.models", '"profile"', '"refusals"', "problem", '"why"', "ng.score",
                 'language="de"'):  # fmt: skip
        assert part in told
    [same] = [cell for cell in code(notebook) if cell.source.startswith("nightly = ng.score")]
    assert same.outputs[0].data["text/plain"].startswith("(True,")


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for place in NOTEBOOKS:
        if wanted and place.stem not in wanted:
            continue
        anew = read(place)
        execute(anew, place.parent)
        nbformat.write(anew, place)
