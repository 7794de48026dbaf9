"""Starts and stops the servers of the service's benchmark, and asks them with wrk."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]

from processes import ask_each, family

HERE = Path(__file__).parent
SCRIPT = HERE / "service_wrk.lua"
START_SECONDS, STOP_SECONDS = 120, 20
TIMEOUT = "10s"
"""After which wrk counts a request as not answered."""
WARM_UP = 6.0
MEGABYTE = 1e6
STAGE = re.compile(r'^neigung_stage_seconds_sum\{.*?stage="(\w+)".*?\} (\S+)$', re.MULTILINE)

Result = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A server that is ready."""

    url: str
    path: str
    headers: Mapping[str, str]
    process: subprocess.Popen[bytes]
    seconds_to_ready: float

    def ask(self, body: str) -> Any:
        """The answer to one request, which must be a good one."""
        headers = {**self.headers, "Content-Type": "application/json"}
        answer = httpx.post(self.url + self.path, content=body, headers=headers, timeout=60)
        if answer.status_code != 200:
            raise SystemExit(f"{self.path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    def cpu_seconds(self) -> float:
        """Processor time of all its processes up to now: what it takes whoever else is at work."""
        told = ask_each(family(self.process.pid), psutil.Process.cpu_times)
        return float(sum(times.user + times.system for _, times in told))

    def stages(self) -> dict[str, float]:
        """Milliseconds spent on each stage up to now, as the service counts them itself."""
        if not self.headers:
            return {}
        answer = httpx.get(f"{self.url}/metrics", headers=dict(self.headers), timeout=10)
        return {name: 1e3 * float(seconds) for name, seconds in STAGE.findall(answer.text)}

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        told = ask_each(family(self.process.pid), psutil.Process.cmdline)
        return [one for one, words in told if "_bentoml_impl.worker.service" in " ".join(words)]


def needs_wrk() -> None:
    """Stop here without wrk."""
    if shutil.which("wrk") is None:
        raise SystemExit(
            "This benchmark needs wrk, which is not installed: apt install wrk (Debian, Ubuntu). "
            "Clients that send a request in two writes would measure delayed acknowledgements."
        )


@contextmanager
def neigung(folder: Path, key: str, snapshots: str, workers: int = 2) -> Iterator[Server]:
    """`neigung serve` with the snapshots of a folder."""
    command = ["neigung", "serve", "study.yaml"]
    command += ["--snapshots", f"snapshots/{snapshots}", "--workers", str(workers)]
    headers = {"Authorization": f"Bearer {key}"}
    with _server(command, folder, "/readyz", "/v1/predict", headers) as server:
        yield server


@contextmanager
def mlflow(folder: Path, model_uri: str, workers: int) -> Iterator[Server]:
    """`mlflow models serve` of the same version: the peer."""
    command = ["mlflow", "models", "serve", "--model-uri", model_uri]
    command += ["--env-manager", "local", "--workers", str(workers)]
    with _server(command, folder, "/ping", "/invocations", {}) as server:
        yield server


@contextmanager
def empty() -> Iterator[Server]:
    """The empty endpoint."""
    command = ["bentoml", "serve", "service_empty:Empty"]
    with _server(command, HERE, "/readyz", "/v1/predict", {}) as server:
        yield server


def load(
    server: Server,
    requests: Sequence[str],
    seconds: float,
    connections: int = 1,
    samples: list[Result] | None = None,
) -> Result:
    """What wrk says of some seconds: requests, `per_second`, errors, latencies in milliseconds.

    `cpu_ms` is the server's processor time per request, which other programs hardly change;
    `stages` are the service's own milliseconds per request and stage.
    `samples` gets the memory of the server's workers, about sixty times.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(f"{one}\n" for one in requests)
        file.flush()
        begun = time.monotonic()
        stop = threading.Event()
        watch = threading.Thread(target=_watch, args=(server, samples, seconds / 60, stop, begun))
        if samples is not None:
            watch.start()
        cpu, stages = server.cpu_seconds(), server.stages()
        try:
            result = _wrk(server, file.name, seconds, connections)
        finally:
            stop.set()
            if samples is not None:
                watch.join()
        number = max(1, result["requests"])
        result["cpu_ms"] = 1e3 * (server.cpu_seconds() - cpu) / number
        result["stages"] = {
            name: (spent - stages.get(name, 0.0)) / number
            for name, spent in server.stages().items()
        }
        return result


def warm_up(server: Server, requests: Sequence[str], connections: int = 4) -> None:
    """A short load, so that every worker has answered before anything is measured."""
    load(server, requests, WARM_UP, connections)


def _wrk(server: Server, file: str, seconds: float, connections: int) -> Result:
    command = ["wrk", "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", TIMEOUT]
    for name, value in {**server.headers, "Content-Type": "application/json"}.items():
        command += ["--header", f"{name}: {value}"]
    command += ["--script", str(SCRIPT), server.url + server.path, "--", file]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        out, _ = process.communicate()
    finally:
        process.kill()
        process.wait()
    found = [line for line in out.splitlines() if line.startswith("RESULT ")]
    if process.returncode or not found:
        raise SystemExit(f"wrk failed: {out.strip()[-500:]}")
    result: Result = json.loads(found[0].removeprefix("RESULT "))
    result["per_second"] = result["requests"] / result["seconds"]
    result["errors"] = result["not_answered"] + result["refused"]
    return result


def _watch(
    server: Server,
    samples: list[Result] | None,
    every: float,
    stop: threading.Event,
    begun: float,
) -> None:
    assert samples is not None
    workers = server.workers()
    while True:
        # A worker that died shows as errors of the load.
        for worker, memory in ask_each(workers, psutil.Process.memory_full_info):
            samples.append(
                {
                    "seconds": time.monotonic() - begun,
                    "worker": worker.pid,
                    "rss_mb": memory.rss / MEGABYTE,
                    "pss_mb": memory.pss / MEGABYTE,
                }
            )
        if stop.wait(max(0.5, every)):
            return


@contextmanager
def _server(
    command: list[str], folder: Path, ready: str, path: str, headers: Mapping[str, str]
) -> Iterator[Server]:
    port = _free_port()
    env = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env |= {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryFile() as log:
        begun = time.monotonic()
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            while not _is_ready(url + ready, headers):
                late = time.monotonic() - begun > START_SECONDS
                if process.poll() is not None or late:
                    log.seek(0)
                    said = log.read().decode(errors="replace")[-2000:]
                    raise SystemExit(f"{' '.join(command)} did not start:\n{said}")
                time.sleep(0.05)
            yield Server(url, path, headers, process, time.monotonic() - begun)
        finally:
            _stop(process)


def _is_ready(url: str, headers: Mapping[str, str]) -> bool:
    try:
        return httpx.get(url, headers=dict(headers), timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server with all that it started."""
    started = family(process.pid)[1:]
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    _, left = psutil.wait_procs(started, 5)
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
