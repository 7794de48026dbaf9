"""How cost grows with the number of customers, and what 10^8 of them would take.

    .venv/bin/python benchmarks/scaling.py [--rounds 2] [--no-spark]

Commands as they are typed, each in a process of its own: `neigung train` (with `model.rows`, once),
`neigung features` and `neigung score` (with reasons) for stores of 10^4, 10^5 and 10^6 customers
with 30 order rows each; scoring alone, from a table of features, up to 10^7. Processor time counts,
as wall time depends on the cores. An exponent b means that ten times the customers cost 10^b as
much; it is fitted to the logarithms of all runs, with the 95 % interval of the fit.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from measuring import (
    KEPT,
    Report,
    Taken,
    in_process,
    in_turns,
    median,
    options,
    order_store,
    scaled,
)
from scipy.stats import t as student

import scoring

SIZES = (10_000, 100_000, 1_000_000)
TABLE_SIZES = (100_000, 1_000_000, 10_000_000)
CUTOFF = "2025-12-01"
MOST_EXPONENT = 1.05

NIGHT_HOURS = 4
EXECUTOR_CORES = 4
BUSY = 0.7
"""Share of an executor's processor time that goes into the work: assumed, not measured."""
MANY = 100_000_000

WHOLE = 0.5
"""Below this size nothing grows but what is done once: one training, and no Spark."""

Runs = dict[int, list[Taken]]
"""By number of customers."""


@dataclass(frozen=True)
class Exponent:
    """With its 95 % interval; NaN where there are too few runs for one."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def exponent(runs: Mapping[int, Sequence[Taken]], figure: Callable[[Taken], float]) -> Exponent:
    """The slope of the logarithms of cost over those of customers.

    >>> line = {n: [Taken(0, n / 10), Taken(0, n / 10)] for n in (10, 100)}
    >>> str(exponent(line, lambda one: one.cpu_seconds))
    '1.00 (1.00 to 1.00)'
    """
    x = np.log10([n for n, some in runs.items() for _ in some])
    y = np.log10([figure(one) for some in runs.values() for one in some])
    slope, start = np.polyfit(x, y, 1)
    free = len(x) - 2
    if free < 1:
        return Exponent(float(slope), math.nan, math.nan)
    rest = y - start - slope * x
    error = math.sqrt(float(rest @ rest) / free / float(((x - x.mean()) ** 2).sum()))
    reach = float(student.ppf(0.975, free)) * error
    return Exponent(float(slope), float(slope) - reach, float(slope) + reach)


def study(folder: Path, store: Path, rows: int, trials: int) -> Path:
    """A study of who will buy within 30 days."""
    content = {
        "name": "scaling",
        "profiles": str(store.resolve()),
        "target": {"kind": "purchase", "horizon_days": 30},
        "legal_basis": {"none_needed": "made-up customers"},
        "cutoffs": {"last": "latest", "every_days": 30, "count": 6},
        "model": {"trials": trials, "folds": 1, "rows": rows},
        "acceptance": {"beat_baseline": False},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def neigung(*arguments: str | Path) -> Taken:
    return in_process([sys.executable, "-m", "neigung", *arguments])


def measured(folder: Path, sizes: Sequence[int], rounds: int, size: float) -> dict[str, Runs]:
    """Every command at every number of customers, and the bytes that it wrote."""
    stores = {n: order_store(n) for n in sizes}
    asked = study(folder, stores[sizes[0]], scaled(100_000, size, 4_000), scaled(10, size, 2))
    found: dict[str, Runs] = {name: {} for name in ("train", "features", "score")}
    with contextlib.chdir(folder):
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        trained = sizes if size >= WHOLE else sizes[-1:]
        for n in trained:
            found["train"][n] = [neigung("train", asked, "--profiles", stores[n].resolve())]
        # All stores are scored by the model that was trained on the largest.
        version = str(len(trained))
        for n in sizes:
            works = {
                "features": lambda n=n: command("features", asked, stores[n]),
                "score": lambda n=n: command("score", asked, stores[n], "--version", version),
            }
            for name, runs in in_turns(works, rounds).items():
                found[name][n] = runs
    return found


def command(name: str, asked: Path, store: Path | str, *more: str) -> Taken:
    """`neigung features` or `score`; the answer is the size of what it wrote."""
    on_a_cluster = isinstance(store, str)
    out = Path("parts" if on_a_cluster else f"{name}.parquet").resolve()
    place = store if on_a_cluster else store.resolve()
    taken = neigung(name, asked, "--profiles", place, "--cutoff", CUTOFF, "--out", out, *more)
    written = out.stat().st_size if out.is_file() else 0
    return Taken(taken.seconds, taken.cpu_seconds, taken.peak_mb, written)


def from_table(folder: Path, sizes: Sequence[int], rounds: int, size: float) -> Runs:
    """Scoring alone; the largest number is the table several times over, and is scored once."""
    trees = scaled(scoring.TREES, size, 50)
    scoring.prepare(folder, sizes[-2], scoring.COLUMNS, trees)
    return {
        n: [scoring.child(scoring.EXPLAINED, folder, n) for _ in range(rounds)] for n in sizes[:-1]
    } | {sizes[-1]: [scoring.child(scoring.EXPLAINED, folder, sizes[-1])]}


def on_spark(folder: Path, sizes: Sequence[int], duckdb: Runs) -> float:
    """What Spark takes for the features of one customer more, over what DuckDB does."""
    asked = folder / "study.yaml"
    few, many = sizes[0], sizes[1]
    with contextlib.chdir(folder):
        spark = {
            n: command("features", asked, f"spark://local[2]/?folder={order_store(n).resolve()}")
            for n in (few, many)
        }
    own = median(duckdb[many]).cpu_seconds - median(duckdb[few]).cpu_seconds
    return (spark[many].cpu_seconds - spark[few].cpu_seconds) / own


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, help="default 2 times the size")
    parser.add_argument("--no-spark", action="store_true", help="without Spark")
    given = parser.parse_args()
    report = Report(given)
    rounds = given.rounds or scaled(2, given.size)
    sizes = [scaled(n, given.size, least=200 * 2**k) for k, n in enumerate(SIZES)]
    table_sizes = [scaled(n, given.size, least=500 * 2**k) for k, n in enumerate(TABLE_SIZES)]
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as name:
        folder = Path(name)
        found = measured(folder, sizes, rounds, given.size)
        factor, why = 1.0, "not measured, so a guess that is too low"
        if given.size >= WHOLE and not given.no_spark:
            try:
                factor = on_spark(folder, sizes, found["features"])
                why = f"measured, {sizes[0]:,} to {sizes[1]:,} customers, two threads"
            except RuntimeError as error:
                print(error, file=sys.stderr)
                why = "not measured, because the run on Spark failed; a guess that is too low"
        found["score, from a table"] = from_table(folder, table_sizes, rounds, given.size)
    tell(report, found)
    project(report, found, factor, why)
    report.close()


def tell(report: Report, found: dict[str, Runs]) -> None:
    """What was measured, and the exponents."""
    rows, fits = [], []
    for name, by_size in found.items():
        for n, runs in by_size.items():
            middle = median(runs)
            written = bytes_of(runs[-1])
            rows.append(
                [
                    name,
                    f"{n:,}",
                    str(len(runs)),
                    f"{middle.seconds:,.1f}",
                    f"{middle.cpu_seconds:,.1f}",
                    f"{1e6 * middle.cpu_seconds / n:,.0f}",
                    f"{middle.peak_mb:,.0f}",
                    f"{written / n:,.0f}" if written else "",
                ]
            )
        if len(by_size) < 2:
            continue
        *_, few, many = by_size
        last = {n: by_size[n] for n in (few, many)}
        cpu = exponent(last, lambda one: one.cpu_seconds)
        fits.append(
            [
                name,
                f"{few:,} to {many:,}",
                str(cpu),
                str(exponent(last, lambda one: one.seconds)),
                str(exponent(last, lambda one: one.peak_mb)),
                str(exponent(by_size, lambda one: one.cpu_seconds)),
            ]
        )
        goal = MOST_EXPONENT if name in ("features", "score") else None
        report.figure(f"exponent of {name}, {few:,} to {many:,}", cpu.value, "", at_most=goal)
        report.figure(
            f"{name}: CPU per million customers",
            1e6 * median(by_size[many]).cpu_seconds / many,
            "s",
        )
    report.table(
        ["command", "customers", "runs", "seconds", "CPU, s", "CPU, s, a million customers",
         "MB at most", "bytes written a customer"],
        rows,
        "Cost",
    )  # fmt: skip
    report.table(
        ["command", "customers", "of CPU", "of wall time", "of memory", "of CPU, all sizes"],
        fits,
        "Exponents (95 % interval)",
        "Below one where what does not grow, such as starting and compiling, still counts.",
    )


def bytes_of(taken: Taken) -> float:
    """What a run wrote."""
    if isinstance(taken.answer, dict):
        return float(taken.answer.get("bytes", 0))
    return float(taken.answer or 0)


def project(report: Report, found: dict[str, Runs], factor: float, why: str) -> None:
    """What 10^8 customers take every night on Spark, step by step."""
    parts = {name: found[name] for name in ("features", "score, from a table")}
    per_million = {
        name: 1e6 * median(runs[max(runs)]).cpu_seconds / max(runs) for name, runs in parts.items()
    }
    features, scores = per_million.values()
    total = MANY / 1e6 * (features * factor + scores)
    executors = math.ceil(total / (NIGHT_HOURS * 3600 * EXECUTOR_CORES * BUSY))
    batch = median(found["score, from a table"][max(found["score, from a table"])]).peak_mb
    alone = MANY / 1e6 * (features + scores) / 3600
    written = bytes_of(found["score, from a table"][max(found["score, from a table"])][-1])
    share = written / max(found["score, from a table"])
    rows = [
        ["features, a million customers, DuckDB", f"{features:,.0f} s of CPU", "measured"],
        ["Spark's CPU over DuckDB's, a customer more", f"{factor:.1f}", why],
        ["scores and reasons, a million customers", f"{scores:,.0f} s of CPU", "measured"],
        ["growth", "in proportion", "assumed; see the exponents"],
        [f"{MANY:,} customers", f"{total / 3600:,.0f} h of CPU", "follows"],
        ["the night", f"{NIGHT_HOURS} h", "assumed"],
        ["an executor", f"{EXECUTOR_CORES} cores, {BUSY:.0%} of the time at work", "assumed"],
        ["**executors**", f"**{executors}**", "follows"],
        ["memory of an executor for scoring",
         f"{EXECUTOR_CORES * batch / 1e3:,.0f} GB", f"{batch:,.0f} MB measured, times its cores"],
        ["the score file", f"{MANY * share / 1e9:,.0f} GB", f"{share:,.0f} bytes a customer"],
        ["the same on DuckDB alone", f"{alone:,.0f} h of CPU", "follows; its memory does not"],
    ]  # fmt: skip
    report.table(["step", "", "how known"], rows, f"{MANY:,} customers in a night, on Spark")
    report.figure(f"executors for {MANY:,} customers", executors, "")


if __name__ == "__main__":
    main()
