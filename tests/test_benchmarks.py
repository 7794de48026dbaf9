"""The benchmarks are all registered, and their pages say what their results do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
HEAVY = {"pandas", "lightgbm", "mlflow", "bentoml", "duckdb", "ibis", "pyspark", "sklearn", "shap"}
TOOLS = {"bench", "feature_store"}
"""Scripts that are run by hand and measure nothing themselves."""

ENTRY = {
    "size": float, "command": str, "date": str, "machine": dict, "versions": dict, "failed": str,
    "seconds": float, "cpu_seconds": float, "peak_mb": float, "tables": list, "figures": list,
}  # fmt: skip
FIGURE = {"name", "value", "unit", "peer", "peer_value", "ratio", "goal", "met"}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import bench

    return bench


@pytest.fixture
def pages(bench: Any) -> Any:
    return sys.modules["pages"]


def results(folder: Path = FOLDER) -> dict[str, dict[str, dict[str, Any]]]:
    path = folder / "results.json"
    found: dict[str, dict[str, dict[str, Any]]] = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    )
    return found


def check_schema(found: dict[str, dict[str, dict[str, Any]]]) -> None:
    for name, sizes in found.items():
        for size, entry in sizes.items():
            assert set(entry) == set(ENTRY), (name, size)
            assert {key: type(value) for key, value in entry.items()} == ENTRY, (name, size)
            assert f"{entry['size']:g}" == size
            for table in entry["tables"]:
                assert all(len(row) == len(table["heads"]) for row in table["rows"]), name
            for figure in entry["figures"]:
                assert set(figure) == FIGURE, name


def test_every_script_is_registered(bench: Any) -> None:
    scripts = {
        path.stem
        for path in FOLDER.glob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert scripts - TOOLS == {one.name for one in bench.REGISTRY}


def test_every_benchmark_has_its_place_on_a_page(bench: Any, pages: Any) -> None:
    marked = [
        found[1]
        for name in pages.PAGES
        for found in pages.BLOCK.finditer((FOLDER / name).read_text(encoding="utf-8"))
        for found in [(None, found[2])]
    ]
    assert sorted(marked) == sorted(["all", *(one.name for one in bench.REGISTRY)])


def test_the_results_have_their_form(bench: Any) -> None:
    found = results()
    assert set(found) <= {one.name for one in bench.REGISTRY}
    check_schema(found)


def test_no_result_tells_of_the_machine_it_was_made_on() -> None:
    path = FOLDER / "results.json"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert not re.search(r"/(home|root|tmp|work|Users)/|https?://", text)


@pytest.mark.parametrize("name", ["README.md", "SCALING.md"])
def test_the_pages_are_what_the_results_make_them(pages: Any, name: str) -> None:
    page = (FOLDER / name).read_text(encoding="utf-8")
    assert pages.filled(page, results()) == page, "run benchmarks/bench.py, or restore the page"


def test_a_page_shows_the_largest_size_and_what_failed(pages: Any) -> None:
    entry = {
        "command": "run", "date": "2026-01-01", "machine": {"cores": 2, "cpu": "x", "memory_gb": 4,
        "os": "Linux"}, "versions": {"python": "3.11"}, "failed": "", "seconds": 3.0,
        "cpu_seconds": 4.0, "peak_mb": 100.0, "figures": [],
    }  # fmt: skip
    table = {"title": "", "heads": ["a"], "note": ""}
    small = entry | {"size": 0.01, "tables": [table | {"rows": [["small"]]}]}
    large = entry | {"size": 1.0, "tables": [table | {"rows": [["large"]]}]}
    broken = large | {"failed": "no disk", "tables": []}
    page = "".join(f"<!-- bench:{one} -->\nold\n<!-- /bench:{one} -->\n" for one in "abc")
    page = pages.filled(page, {"a": {"1": large, "0.01": small}, "b": {"1": broken}})
    assert "large" in page
    assert "small" not in page
    assert "**Failed** on 2026-01-01: no disk" in page
    assert "<!-- bench:c -->\nold\n" in page
    assert "**failed**" in pages.overview({"b": {"1": broken}})


def test_a_benchmark_runs_by_itself(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("<!-- bench:start -->\n<!-- /bench:start -->\n")
    command = [sys.executable, str(FOLDER / "bench.py"), "--only", "start", "--size", "0.001"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = results(tmp_path)
    check_schema(found)
    assert [one["met"] for one in found["start"]["0.001"]["figures"]] == [None, None]
    assert "| import neigung |" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_failing_benchmark_is_told_and_ends_with_1(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object, **more: object) -> None:
        raise RuntimeError("OSError: no space left")

    monkeypatch.setattr(bench, "in_process", broken)
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "start", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 1
    check_schema(results(tmp_path))
    assert results(tmp_path)["start"]["1"]["failed"] == "OSError: no space left"
    assert "Failed: start." in capsys.readouterr().err


def test_processes_that_nobody_waits_for_count(bench: Any) -> None:
    """Spark's Java ends after the command that started it."""
    burn = "import time\nwhile time.process_time() < 1: pass\nprint(flush=True); time.sleep(60)"
    command = (
        "import os, subprocess, sys, time\n"
        f"one = subprocess.Popen([sys.executable, '-c', {burn!r}], stdout=subprocess.PIPE)\n"
        "one.stdout.readline(); time.sleep(3); one.kill(); os._exit(0)"
    )
    taken = sys.modules["measuring"].in_process([sys.executable, "-c", command])
    assert taken.cpu_seconds > 0.95


def test_an_error_of_a_process_is_its_last_plain_line(bench: Any) -> None:
    with pytest.raises(RuntimeError, match=r"^ValueError: what$"):
        sys.modules["measuring"].in_process([sys.executable, "-c", "raise ValueError('what')"])


def test_a_peer_that_cannot_be_installed_is_told_and_is_no_failure(
    bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import features  # type: ignore[import-not-found]

    measuring = sys.modules["measuring"]

    def absent(name: str) -> Path:
        raise measuring.NoPeerError(f"{name}: peers/{name}.txt could not be installed")

    monkeypatch.setattr(features, "peer_python", absent)
    monkeypatch.setattr(features, "order_store", lambda customers: Path("unused"))
    report = measuring.Report(measuring.options("").parse_args([]))
    features.beside_featuretools(report, 100, 3)
    assert report.tables[0]["rows"] == [
        ["featuretools: peers/featuretools.txt could not be installed"]
    ]
    assert "could not be installed" in capsys.readouterr().out


def test_the_made_up_store_is_a_store_and_follows_from_its_seed(bench: Any, tmp_path: Path) -> None:
    from feature_store import write  # type: ignore[import-not-found]

    from neigung.profiles.store import Profiles

    rows = [write(tmp_path / name, 100, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    stores = [Profiles.open(tmp_path / name) for name in "abc"]
    digests = [store.digest() for store in stores]
    assert digests[0] == digests[1] != digests[2]
    assert [store.customers() for store in stores] == [100, 100, 100]
    assert all(1_000 < number < 6_000 for number in rows)


@pytest.mark.parametrize("statement", ["import neigung", "import sys; sys.argv[1:] = ['--help']"])
def test_nothing_heavy_loads_before_it_is_used(statement: str) -> None:
    code = (
        f"{statement}\n"
        "import contextlib, io, sys\n"
        "if '--help' in sys.argv:\n"
        "    from neigung.cli import main\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "        main()\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())
