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

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import service_processes as servers
from measuring import Report, options, scaled
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
    report: Report

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
    rows = [[name, *figures(result), goals.get(name, "")] for name, result in found.items()]
    run.report.table(["", *FIGURES, "goal"], rows, "One prediction at a time")
    for name, goal in (("by id, contributions in the snapshot", 5), ("by profile", None),
                       ("by id, explained on the spot", 8)):  # fmt: skip
        run.report.figure(f"{name}: p50", found[name]["p50"], "ms", at_most=goal)
    told = {name: result["stages"] for name, result in found.items() if result["stages"]}
    names = list(dict.fromkeys(stage for stages in told.values() for stage in stages))
    rows = [
        [name, *[f"{stages.get(stage, 0.0):.2f}" for stage in names]]
        for name, stages in told.items()
    ]
    run.report.table(["", *names], rows, "Of which, by the service's own count, ms, mean")


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
    rows = []
    for name in ("service", "LightGBM"):
        middle = statistics.median(one[name] for one in rounds)
        rows.append([name, f"{middle:.1f}", str(errors) if name == "service" else "", ""])
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    rows.append(["ratio (range)", spread, "", "at most 1.3"])
    heads = ["", f"p50, ms, median of {ROUNDS} rounds", "errors", "goal"]
    run.report.table(heads, rows, f"{size} customers a call")
    run.report.figure(
        f"{size} customers a call", statistics.median(one["service"] for one in rounds), "ms",
        peer="LightGBM", peer_value=statistics.median(one["LightGBM"] for one in rounds),
        ratio=statistics.median(ratios), at_most=1.3,
    )  # fmt: skip


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
    rows = [
        ["the service", *figures(own), "no errors"],
        ["MLflow, features sent, not explained", *figures(peer), ""],
        ["ratio", "", "", "", f"{ratio:.1f}", "", "at least 6"],
    ]
    run.report.table([run.kind, *FIGURES, "goal"], rows, title)
    run.report.figure(
        "requests a second", own["per_second"], "1/s", peer="MLflow",
        peer_value=peer["per_second"], ratio=ratio, at_least=6,
    )  # fmt: skip
    run.report.figure("errors", own["errors"], "", at_most=0)
    run.report.figure("workers that died", len(died), "", at_most=0)
    memory = growth(samples, min(60.0, run.minutes * 6))
    names = ("after the first minute", "at the end", "at most")
    rows = []
    for number, (pid, parts) in enumerate(memory.items(), 1):
        for kind, values in parts.items():
            cells = [f"{value:,.0f}" for value in values]
            name = f"worker {number}{' (died)' if pid in died else ''}, {kind}"
            rows.append([name, *cells, "no growth"])
    title = "Memory of a worker, MB (shared pages counted in part: PSS)"
    run.report.table(["", *names, "goal"], rows, title)


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
    rows = []
    for name, times in found.items():
        cells = [
            ", ".join(f"{one[key]:.1f}" for one in times) for key in ("seconds", "cpu_seconds")
        ]
        rows.append([name, *cells, kinds[name][1]])
    heads = ["", f"s, {STARTS} times", "CPU, s", "goal"]
    run.report.table(heads, rows, f"Start to ready, {WORKERS} workers")
    times = [one["seconds"] for one in found["neigung serve"]]
    run.report.figure("start to ready", statistics.median(times), "s", at_most=10)


PARTS: dict[str, Callable[[Run], None]] = {"one": one, "many": many, "soak": soak, "start": start}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, help="of the shop; default 20,000 times the size")
    parser.add_argument("--seconds", type=float, help="of each load; default 30 times the size")
    parser.add_argument("--minutes", type=float, help="of the soak; default 10 times the size")
    parser.add_argument("--load", default="held", choices=("held", "spot", "profile", "mixed"),
                        help="what the soak asks for")  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    given = parser.parse_args()
    customers = given.customers or scaled(20_000, given.size, least=1_000)
    seconds = given.seconds or max(1.0, 30 * given.size)
    minutes = given.minutes or max(0.1, 10 * given.size)
    report = Report(given)
    servers.needs_wrk()
    # Ended from outside, the servers are stopped and the folder is removed all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run = Run(build(Path(folder), customers), seconds, minutes, given.load, report)
        about = run.house.facts | {
            "load average before": round(busy, 2),
            "an fsync of 4 kB, ms": round(fsync_ms(Path(folder)), 2),
        }
        about |= {f"rows of a profile in {name}": n for name, n in run.sizes.items()}
        warning = "Other programs share the cores: these figures are no measurement."
        rows = [[name, f"{value:,}"] for name, value in about.items()]
        report.table(["about", ""], rows, note=warning if busy > BUSY else "")
        for name in given.only:
            PARTS[name](run)
    report.close()


if __name__ == "__main__":
    main()
