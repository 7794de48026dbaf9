"""Runs the benchmarks, each in a process of its own, and rewrites what is said of them.

    make bench [SIZE=0.01] [ALL=1] [ONLY="features scoring"]
    .venv/bin/python benchmarks/bench.py [--size 0.01] [--all] [--only features scoring]

`results.json` keeps the newest run of every benchmark and size; the tables of README.md and
SCALING.md are made of it, each of the largest size there is, so that a quick look at a small size
takes nothing away. A benchmark that fails is named there too, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import HERE, in_process, machine, versions
from pages import rewrite

from neigung.files import write_text


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder; those that take hours, or programs of their own, wait for --all."""

    name: str
    what: str
    by_default: bool = True


REGISTRY = (
    Benchmark("start", "import and `neigung --help`"),
    Benchmark("features", "building features, beside SQL, pandas and featuretools"),
    Benchmark("scoring", "scoring and explaining, beside LightGBM and shap"),
    Benchmark("bulk_explanation", "from how many rows on explaining in bulk is faster"),
    Benchmark("training", "`neigung train` on a million customers"),
    Benchmark("sample_size", "what fewer training rows cost in quality"),
    Benchmark("scaling", "how cost grows with the number of customers"),
    Benchmark("simulation", "simulating a shop"),
    Benchmark("report", "the report on a large study"),
    Benchmark("allocation", "allocating a budget, beside HiGHS"),
    Benchmark("uplift_models", "uplift models, beside EconML and causalml", by_default=False),
    Benchmark("discount_policies", "what the chosen discounts earn", by_default=False),
    Benchmark("effect_verdicts", "how often verdicts on effects are wrong", by_default=False),
    Benchmark("service", "the prediction service, beside MLflow (needs wrk)", by_default=False),
)


def main() -> None:
    names = [one.name for one in REGISTRY]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--size", type=float, default=1.0, help="of all data; 1 is the README's")
    parser.add_argument("--all", action="store_true", help="those that take hours, too")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--folder", type=Path, default=HERE, help="where the results are kept")
    given = parser.parse_args()
    if given.size <= 0:
        parser.error("--size must be above 0")
    chosen = [
        one
        for one in REGISTRY
        if (one.name in given.only if given.only else one.by_default or given.all)
    ]
    failed = []
    for one in chosen:
        print(f"\n## {one.name}: {one.what}", flush=True)
        entry = run(one, given.size)
        keep(given.folder, one.name, entry)
        if entry["failed"]:
            failed.append(one.name)
            print(f"FAILED: {entry['failed']}", file=sys.stderr, flush=True)
        else:
            print(f"\n{entry['seconds']:,.0f} s, {entry['cpu_seconds']:,.0f} s of processor time")
    if failed:
        print(f"\nFailed: {', '.join(failed)}.", file=sys.stderr)
        sys.exit(1)


def run(one: Benchmark, size: float) -> dict[str, Any]:
    """The entry of a benchmark in the results."""
    entry: dict[str, Any] = {
        "size": size,
        "command": f".venv/bin/python benchmarks/{one.name}.py --size {size:g}",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "failed": "",
        "seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_mb": 0.0,
        "tables": [],
        "figures": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, HERE / f"{one.name}.py", "--size", str(size), "--json", out]
        try:
            taken = in_process(command, show=True)
            found = json.loads(out.read_text(encoding="utf-8"))
        except (RuntimeError, OSError, ValueError) as error:
            said = str(error).splitlines()
            return entry | {"failed": said[0][:300] if said else type(error).__name__}
    entry["versions"] |= found.pop("versions")
    for name in ("seconds", "cpu_seconds", "peak_mb"):
        entry[name] = round(getattr(taken, name), 2)
    return entry | found


def keep(folder: Path, name: str, entry: dict[str, Any]) -> None:
    """Put an entry among the results, and rewrite the pages that are made of them."""
    path = folder / "results.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results.setdefault(name, {})[f"{entry['size']:g}"] = entry
    ordered = {one.name: results[one.name] for one in REGISTRY if one.name in results}
    write_text(path, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    rewrite(folder, ordered)


if __name__ == "__main__":
    main()
