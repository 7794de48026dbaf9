"""What all benchmarks share: options, time and memory of processes, peers, tables and results.

A benchmark prints Markdown and, asked by `--json FILE`, writes what it found there:

    report = Report(given)
    report.table(["rows", "seconds"], [["1,000", "0.2"]])
    report.figure("features", 8.1, "s", peer="SQL", peer_value=6.9, ratio=1.17, at_most=1.3)
    report.close()
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from neigung.files import write_text
from processes import ask_each, family

HERE = Path(__file__).parent
KEPT = HERE.parent / ".bench"
"""Where stores and the environments of peers are kept between runs; git ignores it."""
PACKAGES = (
    "neigung", "duckdb", "ibis-framework", "lightgbm", "numba", "woodelf-explainer", "shap",
    "scikit-learn", "numpy", "pandas", "pyarrow", "mlflow", "bentoml", "pyspark",
)  # fmt: skip
EVERY = 0.05
"""Seconds between two looks at the memory of a process tree."""


def options(doc: str | None) -> argparse.ArgumentParser:
    """The options of every benchmark: `--size` and `--json`."""
    found = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--size", type=float, default=1.0, help="1 is what the README shows")
    found.add_argument("--json", type=Path, help="also write what was found to this file")
    return found


def scaled(count: int, size: float, least: int = 1) -> int:
    """So many at a size.

    >>> scaled(1_000_000, 0.01), scaled(5, 0.01)
    (10000, 1)
    """
    return max(least, round(count * size))


# Time and memory ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """What some work took: seconds on the wall and of processor time, memory at most (MB)."""

    seconds: float
    cpu_seconds: float
    peak_mb: float = 0.0
    answer: Any = None


def timed(work: Callable[[], Any]) -> Taken:
    """Work in this process, with its answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    return Taken(time.perf_counter() - wall, time.process_time() - cpu, answer=answer)


def in_process(command: Sequence[str | Path], show: bool = False) -> Taken:
    """A command in a process of its own; the answer is the JSON of its last line, if it is such.

    Processor time and memory are those of the process and all that it started; memory that they
    share counts for each. Raises RuntimeError with the last line of its errors when it fails.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = [0.0]
    used: dict[int, float] = {}
    lines: dict[str, list[str]] = {"out": [], "err": []}

    def read(name: str, stream: Any) -> None:
        for line in stream:
            lines[name] = [*lines[name][-20:], line.rstrip()]
            if show and name == "out":
                print(line, end="", flush=True)

    def watch() -> None:
        while process.returncode is None:
            peak[0] = max(peak[0], resident_mb(process.pid, used), highest_mb(process.pid))
            time.sleep(EVERY)

    threads = [
        threading.Thread(target=read, args=("out", process.stdout)),
        threading.Thread(target=read, args=("err", process.stderr)),
        threading.Thread(target=watch, daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.terminate()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    for thread in threads:
        thread.join()
    if process.returncode:
        # A query that is quoted, and what points into it, is indented.
        said = [line for line in lines["err"] if line[:1].isalnum() and "LINE " not in line]
        raise RuntimeError(said[-1] if said else f"ended with exit code {process.returncode}")
    # The system tells of no process that its parent did not wait for, such as Spark's Java.
    cpu_seconds = max(usage.ru_utime + usage.ru_stime, sum(used.values()))
    return Taken(seconds, cpu_seconds, peak[0], _json(lines["out"]))


def resident_mb(process: int, used: dict[int, float]) -> float:
    """Resident memory of a process and all that it started; `used` gets their processor time."""
    total = 0
    asked = ask_each(family(process), lambda one: (one.memory_info().rss, one.cpu_times()))
    for one, (memory, times) in asked:
        total += memory
        used[one.pid] = times.user + times.system
    return total / 1e6


def highest_mb(pid: int) -> float:
    """The most memory a process ever held, as Linux knows it: no peak is too short for that.

    What `wait4` says is no use here, as it counts what the parent held when it started the child.
    """
    with suppress(OSError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1e3
    return 0.0


def _json(lines: Sequence[str]) -> Any:
    with suppress(ValueError, IndexError):
        return json.loads(lines[-1])
    return None


def in_turns(works: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """Each of the works once a round, so that what disturbs the machine disturbs all of them."""
    found: dict[str, list[Taken]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return found


def median(taken: Sequence[Taken]) -> Taken:
    """The median of each figure; the last answer."""
    return Taken(
        statistics.median(one.seconds for one in taken),
        statistics.median(one.cpu_seconds for one in taken),
        statistics.median(one.peak_mb for one in taken),
        taken[-1].answer,
    )


def ratios(own: Sequence[Taken], peer: Sequence[Taken]) -> list[float]:
    """Own time over the peer's, round by round."""
    return [one.seconds / other.seconds for one, other in zip(own, peer, strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and range.

    >>> spread([1.0, 1.5, 1.2])
    '1.20 (1.00 to 1.50)'
    """
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


# Peers and stores --------------------------------------------------------------------------------


class NoPeerError(Exception):
    """A peer's environment could not be made."""


def peer_python(name: str) -> Path:
    """The Python of a peer's environment, made of `peers/NAME.txt` on first use.

    Raises NoPeerError, with the reason, when it cannot be made, as on a machine off the network.
    """
    wanted = HERE / "peers" / f"{name}.txt"
    folder = KEPT / "peers" / name
    ready = folder / "ready.txt"
    python = folder / "bin" / "python"
    if ready.exists() and ready.read_bytes() == wanted.read_bytes():
        return python
    print(f"Making the environment of {name} (once) …", file=sys.stderr, flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(folder)], check=False, capture_output=True
    )
    if made.returncode:
        raise NoPeerError(f"{name}: no environment could be made")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "-r", wanted]  # all are named there
    # The message of pip would name the index that this machine uses.
    if subprocess.run(pip, check=False, capture_output=True).returncode:
        raise NoPeerError(f"{name}: peers/{name}.txt could not be installed")
    ready.write_bytes(wanted.read_bytes())
    return python


def order_store(customers: int) -> Path:
    """The store of so many customers and 30 times as many order lines, written on first use."""
    from feature_store import write

    path = KEPT / "stores" / f"orders-{customers}"
    if not path.exists():
        print(f"Writing a store of {customers:,} customers (once) …", file=sys.stderr, flush=True)
        write(path, customers)
    return path


# Results -----------------------------------------------------------------------------------------


class Report:
    """Collects what a benchmark finds, and prints it as it comes."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.tables: list[dict[str, Any]] = []
        self.figures: list[dict[str, Any]] = []
        self.versions: dict[str, str] = {}

    def table(
        self, heads: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", note: str = ""
    ) -> None:
        """A table of texts; cells of numbers are set flush right."""
        table = {"title": title, "heads": list(heads), "rows": [list(row) for row in rows]}
        self.tables.append(table | {"note": note})
        print(f"\n{markdown(self.tables[-1])}", flush=True)

    def figure(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        peer: str = "",
        peer_value: float | None = None,
        ratio: float | None = None,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """A number worth following; a goal is one for the ratio where there is one, and for size 1.

        `ratio` is ours over the peer's, or as its name says.
        """
        judged = value if ratio is None else ratio
        goal = at_most if at_most is not None else at_least
        met: bool | None = None
        if goal is not None and self.given.size >= 1:
            met = judged <= goal if at_most is not None else judged >= goal
        words = "" if goal is None else f"at {'most' if at_most is not None else 'least'} {goal:g}"
        figure = Figure(name, value, unit, peer, peer_value, ratio, words, met)
        self.figures.append(asdict(figure))

    def close(self) -> None:
        """Print the figures with a goal, and write the file that was asked for."""
        goals = goal_table(self.figures)
        if goals["rows"]:
            print(f"\n{markdown(goals)}", flush=True)
        if self.given.json is not None:
            content = {"tables": self.tables, "figures": self.figures, "versions": self.versions}
            write_text(self.given.json, json.dumps(content, indent=1, ensure_ascii=False))


@dataclass(frozen=True)
class Figure:
    """A number that was measured: `met` is None where there is no goal, or the size is another."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float | None
    ratio: float | None
    goal: str
    met: bool | None


def goal_table(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures that have a goal, as a table."""
    said = {True: "yes", False: "**no**", None: "not judged at this size"}
    rows = [
        [
            one["name"],
            f"{one['value']:,.4g} {one['unit']}".strip(),
            f"{one['peer']}: {one['peer_value']:,.4g} {one['unit']}".strip()
            if one["peer_value"] is not None
            else one["peer"],
            "" if one["ratio"] is None else f"{one['ratio']:.2f}",
            one["goal"],
            said[one["met"]],
        ]
        for one in figures
        if one["goal"]
    ]
    heads = ["goal", "measured", "peer", "ratio", "to reach", "reached"]
    return {"title": "", "heads": heads, "rows": rows, "note": ""}


def markdown(table: Mapping[str, Any]) -> str:
    """A table as Markdown, under its title and over its note."""
    heads, rows = table["heads"], table["rows"]
    right = [bool(rows) and all(_number(row[place]) for row in rows) for place in range(len(heads))]
    marks = ["---:" if numbers else "---" for numbers in right]
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, marks, *rows)]
    parts = [f"**{table['title']}**" if table["title"] else "", "\n".join(lines), table["note"]]
    return "\n\n".join(part for part in parts if part)


def _number(cell: str) -> bool:
    return cell == "" or cell.lstrip("+-")[:1].isdigit()


def machine() -> dict[str, Any]:
    """What the figures were measured on; neither names nor paths."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "cpu": _cpu_model(),
        "os": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip


def _cpu_model() -> str:
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """Of Python and of the packages that matter here, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Environment variables for a while, the children's included."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
