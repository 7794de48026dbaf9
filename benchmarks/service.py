"""How fast and how steady the service answers, beside MLflow's own server of the same model.

    .venv/bin/python benchmarks/service.py [--customers 20000] [--seconds 30] [--minutes 10]
        [--only one many soak start] [--json FILE]

One study of 400 trees of 31 leaves on a simulated shop, served by `neigung serve`:

* one: one explained prediction at a time over one connection; the peer, `mlflow models serve` with
  one worker, predicts without explaining, and is sent the features that the service looks up or
  computes itself; an empty BentoML endpoint is what any answer costs;
* many: 100 customers a call, explained on the spot, in turns with LightGBM's own `pred_contrib` of
  the same rows in this process, both with one thread;
* soak: minutes at 32 connections and 2 workers, with the memory of the workers; then the peer with
  as many workers and connections;
* start: from the command to the first good answer of the readiness endpoint.

The load comes from wrk, which writes a request at once: clients that write head and body apart wait
for delayed acknowledgements. Everything lies in a temporary folder (TMPDIR says where; the decision
log is written to it, so a disk like production's counts) and is gone afterwards. For a quick
look: --customers 2000 --seconds 3 --minutes 0.2
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import service_processes as servers
from service_house import HELD, MOST_IDS, SPOT, House, build, by_id, by_profile, for_peer
from service_processes import Result, Server, load, warm_up

MANY = 100
CONNECTIONS, WORKERS = 32, 2
ROUNDS = 5
STARTS = 3
FIGURES = ("p50, ms", "p99, ms", "CPU, ms", "a second", "errors")
BUSY = 0.5
"""A load average above which other programs share the cores."""


@dataclass
class Run:
    """What is measured, with what, and what came of it."""

    house: House
    seconds: float
    minutes: float
    kind: str
    results: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        every = self.house.ids()
        self.profiles, self.sizes = by_profile(self.house, every)
        self.ids = every[:MOST_IDS]
        self.single = by_id(self.ids)
        self.peers = for_peer(self.house, self.ids)

    def service(self, snapshots: str) -> Any:
        return servers.neigung(self.house.folder, self.house.key, snapshots, WORKERS)

    def peer(self, workers: int) -> Any:
        return servers.mlflow(self.house.folder, self.house.model_uri, workers)

    def measured(
        self, server: Server, requests: Sequence[str], connections: int = 1, **more: Any
    ) -> Result:
        warm_up(server, requests, max(4, connections))
        return load(server, requests, self.seconds, connections, **more)


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")


def heads(title: str, *names: str) -> None:
    print(f"\n{title}\n")
    row(*names)
    row("---", *["---:"] * (len(names) - 1))


def figures(result: Result) -> list[str]:
    """The cells under `FIGURES`."""
    cells = [f"{result[name]:.2f}" for name in ("p50", "p99", "cpu_ms")]
    return [*cells, f"{result['per_second']:,.0f}", f"{result['errors']:,}"]


def check(server: Server, requests: Sequence[str], source: str, customers: int = 1) -> None:
    """Stop when the first answers are no explained predictions of everybody asked about."""
    for request in requests[:20]:
        said = server.ask(request)["customers"]
        told = [one["predictions"] for one in said]
        good = all(
            len(one) == 1 and len(one[0]["reasons"]) == 3 and one[0]["source"] == source
            for one in told
        )
        if not good or len(said) != customers:
            raise SystemExit(f"The service answers otherwise than expected: {str(said)[:500]}")


def one(run: Run) -> None:
    """One explained prediction at a time."""
    found: dict[str, Result] = {}
    with servers.empty() as server:
        found["an empty BentoML endpoint"] = run.measured(server, run.single)
    with run.service(HELD) as server:
        check(server, run.single, "snapshot")
        check(server, run.profiles, "profile")
        found["by id, contributions in the snapshot"] = run.measured(server, run.single)
        found["by profile"] = run.measured(server, run.profiles)
    with run.service(SPOT) as server:
        check(server, run.single, "snapshot")
        found["by id, explained on the spot"] = run.measured(server, run.single)
    with run.peer(1) as server:
        same_prediction(run, server)
        found["MLflow, features sent, not explained"] = run.measured(server, run.peers)
    goals = {
        "by id, contributions in the snapshot": "p50 < 5, p99 < 12",
        "by id, explained on the spot": "p50 < 8",
        "by profile": "p99 < 80",
    }
    heads("One prediction at a time", "", *FIGURES, "goal")
    for name, result in found.items():
        row(name, *figures(result), goals.get(name, ""))
    told = {name: result["stages"] for name, result in found.items() if result["stages"]}
    names = list(dict.fromkeys(stage for stages in told.values() for stage in stages))
    heads("Of which, by the service's own count, ms, mean", "", *names)
    for name, stages in told.items():
        row(name, *[f"{stages.get(stage, 0.0):.2f}" for stage in names])
    run.results["one"] = found


def same_prediction(run: Run, peer: Server) -> None:
    """Stop when the peer does not predict what the model does."""
    said = peer.ask(run.peers[0])["predictions"][0]["probability"]
    own = run.house.artefact.predict(run.house.rows(run.ids[:1]))["probability"][0]
    if abs(said - own) > 1e-12:
        raise SystemExit(f"The peer serves another model: {said} instead of {own}.")


def many(run: Run) -> None:
    """100 customers a call, explained on the spot, in turns with LightGBM."""
    size = min(MANY, len(run.ids))
    requests = by_id(run.ids, size)
    booster = run.house.artefact.classifier.booster_
    rows = [
        run.house.encoded(run.ids[start : start + size])
        for start in range(0, size * len(requests), size)
    ]
    rounds: list[dict[str, float]] = []
    errors = 0
    with run.service(SPOT) as server:
        check(server, requests, "snapshot", size)
        warm_up(server, requests)
        for _ in range(ROUNDS):
            asked = load(server, requests, run.seconds / ROUNDS)
            errors += asked["errors"]
            alone = seconds_of(
                lambda X: booster.predict(X, pred_contrib=True, num_threads=1),
                rows,
                run.seconds / ROUNDS,
            )
            rounds.append({"service": asked["p50"], "LightGBM": alone * 1e3})
    ratios = [one["service"] / one["LightGBM"] for one in rounds]
    heads(f"{size} customers a call", "", f"p50, ms, median of {ROUNDS} rounds", "errors", "goal")
    for name in ("service", "LightGBM"):
        middle = statistics.median(one[name] for one in rounds)
        row(name, f"{middle:.1f}", str(errors) if name == "service" else "", "")
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    row("ratio (range)", spread, "", "at most 1.3")
    run.results["many"] = {"customers": size, "rounds": rounds, "ratios": ratios, "errors": errors}


def seconds_of(work: Callable[[Any], object], inputs: Sequence[Any], seconds: float) -> float:
    """The median time of one call, over as many as take some seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begun = time.perf_counter()
        work(inputs[len(times) % len(inputs)])
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def soak(run: Run) -> None:
    """Minutes under load, then the peer under the same."""
    kinds = {
        "held": (HELD, run.single),
        "spot": (SPOT, run.single),
        "profile": (HELD, run.profiles),
        "mixed": (HELD, mixed(run.single, run.profiles)),
    }
    snapshots, requests = kinds[run.kind]
    samples: list[Result] = []
    with run.service(snapshots) as server:
        before = {worker.pid for worker in server.workers()}
        warm_up(server, requests, CONNECTIONS)
        own = load(server, requests, run.minutes * 60, CONNECTIONS, samples)
        died = before - {worker.pid for worker in server.workers()}
    with run.peer(WORKERS) as server:
        same_prediction(run, server)
        peer = run.measured(server, run.peers, CONNECTIONS)
    ratio = own["per_second"] / peer["per_second"]
    title = f"{run.minutes:g} minutes at {CONNECTIONS} connections and {WORKERS} workers"
    heads(title, run.kind, *FIGURES, "goal")
    row("the service", *figures(own), "no errors")
    row("MLflow, features sent, not explained", *figures(peer), "")
    row("ratio", "", "", "", f"{ratio:.1f}", "", "at least 6")
    memory = growth(samples, min(60.0, run.minutes * 6))
    names = ("after the first minute", "at the end", "at most")
    heads("Memory of a worker, MB (shared pages counted in part: PSS)", "", *names, "goal")
    for number, (pid, parts) in enumerate(memory.items(), 1):
        for kind, values in parts.items():
            cells = [f"{value:,.0f}" for value in values]
            row(f"worker {number}{' (died)' if pid in died else ''}, {kind}", *cells, "no growth")
    run.results["soak"] = {
        "service": own,
        "peer": peer,
        "ratio": ratio,
        "workers_died": len(died),
        "memory": samples,
    }


def fsync_ms(folder: Path) -> float:
    """The median time of making 4 kB safe on disk: every answer waits for the log's."""
    with (folder / "probe").open("wb", buffering=0) as file:

        def write(page: bytes) -> None:
            file.write(page)
            os.fsync(file.fileno())

        return 1e3 * seconds_of(write, [bytes(4096)], 1.0)


def mixed(single: Sequence[str], profiles: Sequence[str]) -> list[str]:
    """Nine requests by id, then one by profile, and so on."""
    return [
        profiles[place // 10 % len(profiles)] if place % 10 == 9 else request
        for place, request in enumerate(single)
    ]


def growth(samples: Sequence[Result], first: float) -> dict[int, dict[str, list[float]]]:
    """Per worker, resident and proportional memory after `first` seconds, at the end, at most."""
    found: dict[int, dict[str, list[float]]] = {}
    for worker in dict.fromkeys(sample["worker"] for sample in samples):
        own = [sample for sample in samples if sample["worker"] == worker]
        later = [sample for sample in own if sample["seconds"] >= first] or own[-1:]
        found[worker] = {
            name: [later[0][key], later[-1][key], max(sample[key] for sample in later)]
            for name, key in (("resident", "rss_mb"), ("PSS", "pss_mb"))
        }
    return found


def start(run: Run) -> None:
    """From the command to readiness, several times."""
    kinds: dict[str, tuple[Callable[[], Any], str]] = {
        "neigung serve": (lambda: run.service(HELD), "under 10"),
        "mlflow models serve": (lambda: run.peer(WORKERS), ""),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(STARTS):
        for name, (server_of, _) in kinds.items():
            with server_of() as server:
                cpu = server.cpu_seconds()
                found[name].append({"seconds": server.seconds_to_ready, "cpu_seconds": cpu})
    heads(f"Start to ready, {WORKERS} workers", "", f"s, {STARTS} times", "CPU, s", "goal")
    for name, times in found.items():
        cells = [
            ", ".join(f"{one[key]:.1f}" for one in times) for key in ("seconds", "cpu_seconds")
        ]
        row(name, *cells, kinds[name][1])
    run.results["start"] = found


PARTS: dict[str, Callable[[Run], None]] = {"one": one, "many": many, "soak": soak, "start": start}


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--customers", type=int, default=20_000, help="of the simulated shop")
    options.add_argument("--seconds", type=float, default=30, help="of each measured load")
    options.add_argument("--minutes", type=float, default=10, help="of the soak")
    options.add_argument("--load", default="held", choices=("held", "spot", "profile", "mixed"),
                         help="what the soak asks for")  # fmt: skip
    options.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options.add_argument("--json", type=Path, help="write everything measured to this file")
    given = options.parse_args()
    servers.needs_wrk()
    # Ended from outside, the servers are stopped and the folder is removed all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run = Run(build(Path(folder), given.customers), given.seconds, given.minutes, given.load)
        about = run.house.facts | {
            "load average before": round(busy, 2),
            "an fsync of 4 kB, ms": round(fsync_ms(Path(folder)), 2),
        }
        print("\n" + ", ".join(f"{name} {value:,}" for name, value in about.items()))
        print("rows of a profile: " + ", ".join(f"{name} {n:g}" for name, n in run.sizes.items()))
        if busy > BUSY:
            print("Other programs share the cores: these figures are no measurement.")
        for name in given.only:
            PARTS[name](run)
    if given.json is not None:
        content = {"about": about, "profile_rows": run.sizes, **run.results}
        given.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
