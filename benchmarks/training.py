"""What `neigung train` takes on a million customers, phase by phase.

    .venv/bin/python benchmarks/training.py [STORE] [--rows 200000] [--cutoffs 12] [--trials 30]

A purchase study with every feature that order lines give, as the command line runs it: opening and
validating the store, features, the look for leaks, tuning, fitting, testing, explaining, examining,
both reports and MLflow, in a folder of its own that is deleted afterwards. To reach on 2 cores with
30 M order rows: 25 minutes, 12 GB. Without STORE, one of made-up orders is used.
"""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from measuring import Report, options, order_store, scaled

from neigung.progress import Reporter, Tick
from neigung.study import Study
from neigung.training.train import train

CUSTOMERS, ROWS, TRIALS = 1_000_000, 200_000, 30


@dataclass(frozen=True)
class Phase:
    """What one phase took."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_gb: float


@dataclass(frozen=True)
class Trained:
    """The phases and their sum, and what came of it."""

    phases: list[Phase]
    rows: Mapping[str, int]
    columns: int
    digest: str
    test: Mapping[str, float]


class Measuring(Reporter):
    """A reporter that notes what each task takes."""

    def __init__(self) -> None:
        super().__init__()
        self.phases: list[Phase] = []

    def say(self, text: str) -> None:
        """Notes are shown, too."""
        print(text, flush=True)

    @contextlib.contextmanager
    def task(self, text: str) -> Iterator[Tick]:
        """Measure a task; what lies between two tasks counts as nothing, and takes nothing."""
        # The kernel forgets the peak so far.
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        begun, cpu = time.perf_counter(), time.process_time()
        with super().task(text) as tick:
            yield tick
        took = time.perf_counter() - begun, time.process_time() - cpu
        self.phases.append(Phase(text, *took, peak_gb()))
        print(f"  {text}: {took[0]:.1f} s", flush=True)


def peak_gb() -> float:
    """The most memory held since the kernel last forgot it, or ever where it never does, in GB."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def study(store: Path, rows: int, cutoffs: int, trials: int) -> Study:
    """Who will buy within 30 days?"""
    return Study.from_dict(
        {
            "name": "training_benchmark",
            "profiles": str(store.resolve()),
            "target": {"kind": "purchase", "horizon_days": 30},
            "population": {"active_within_days": 365},
            "legal_basis": {"none_needed": "made-up customers"},
            "cutoffs": {"last": "latest", "every_days": 30, "count": cutoffs},
            "model": {"trials": trials, "rows": rows or None, "seed": 7},
        }
    )


def measure(store: Path, rows: int, cutoffs: int, trials: int) -> Trained:
    """Train once."""
    asked = study(store, rows, cutoffs, trials)
    reporter = Measuring()
    begun, cpu = time.perf_counter(), time.process_time()
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        try:
            run = train(asked, reporter=reporter)
        finally:
            os.chdir(before)
    whole = Phase(
        "in all",
        time.perf_counter() - begun,
        time.process_time() - cpu,
        max(phase.peak_gb for phase in reporter.phases),
    )
    return Trained(
        [*reporter.phases, whole],
        run.artefact.meta["rows"],
        len(run.artefact.columns),
        run.artefact.digest,
        {name: run.evaluation.value(name) for name in ("auroc", "average_precision")},
    )


def main() -> None:
    """Parse the options and measure."""
    parser = options(__doc__)
    parser.add_argument("store", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, help=f"default {ROWS:,} times the size; 0: all")
    parser.add_argument("--cutoffs", type=int, default=12)
    parser.add_argument("--trials", type=int, help=f"default {TRIALS} times the size")
    given = parser.parse_args()
    report = Report(given)
    store = given.store or order_store(scaled(CUSTOMERS, given.size, least=500))
    rows = scaled(ROWS, given.size, least=4_000) if given.rows is None else given.rows
    trials = given.trials or scaled(TRIALS, given.size, least=2)
    found = measure(store, rows, given.cutoffs, trials)
    report.table(
        ["phase", "seconds", "CPU, s", "GB at most"],
        [
            [one.name, f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}", f"{one.peak_gb:.2f}"]
            for one in found.phases
        ],
        note=f"Rows: {', '.join(f'{name} {n:,}' for name, n in found.rows.items())}; "
        f"{found.columns} columns, {given.cutoffs} cutoffs, {trials} trials; "
        f"{', '.join(f'{name} {value:.4f}' for name, value in found.test.items())} on the test; "
        f"digest of the artefact {found.digest[:12]}.",
    )
    whole = found.phases[-1]
    report.figure("training in all", whole.seconds / 60, "minutes", at_most=25)
    report.figure("training, processor time", whole.cpu_seconds / 60, "minutes")
    report.figure("training, memory", whole.peak_gb, "GB", at_most=12)
    report.close()


if __name__ == "__main__":
    main()
