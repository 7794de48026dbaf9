"""A real service in processes of its own, for tests over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from neigung.serving.access import add_key
from neigung.serving.serve import command, environment, prepare
from neigung.serving.settings import Settings

START_SECONDS = 60


@dataclass
class Running:
    """A service that is ready."""

    folder: Path
    url: str
    key: str
    process: subprocess.Popen[bytes]
    settings: Settings
    seconds_to_ready: float

    def client(self, key: str | None = None) -> httpx.Client:
        """A client with the key of everything, or another one."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        # To read the certificates of the world takes longer than most answers, and none is used.
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=False)

    def post(self, path: str, content: Any, **headers: str) -> httpx.Response:
        """One request."""
        with self.client() as client:
            return client.post(path, json=content, headers=headers)

    def get(self, path: str) -> httpx.Response:
        """One request."""
        with self.client() as client:
            return client.get(path)

    def log(self) -> str:
        """What the service has written to its output."""
        return (self.folder / "service.log").read_text(errors="replace")

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        import psutil

        children = psutil.Process(self.process.pid).children(recursive=True)
        return [one.pid for one in children if "_bentoml_impl.worker.service" in _command(one)]


@contextmanager
def running(folder: Path, **changes: Any) -> Iterator[Running]:
    """Serve what lies in a folder (studies, snapshots, MLflow store), on a free port."""
    keys = folder / ".neigung" / "keys.json"
    scopes = ["predict:*", "offers:*", "models", "metrics", "docs"]
    name = f"all-{time.time_ns()}"
    key = add_key(keys, name, scopes)
    own = folder / ".neigung" / "serving"
    given = {"poll_seconds": 1.0, "artefacts": str(own / "artefacts"), **changes}
    settings = Settings(**given).resolved(folder, folder)
    settings.write(own / "settings.json")
    before = Path.cwd()
    os.chdir(folder)
    try:
        prepare(settings)
    finally:
        os.chdir(before)
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    env |= environment(own)
    started = time.monotonic()
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            command("127.0.0.1", port),
            cwd=folder,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    service = Running(folder, f"http://127.0.0.1:{port}", key, process, settings, 0.0)
    try:
        _wait_until_ready(service)
        service.seconds_to_ready = time.monotonic() - started
        yield service
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(found: Any, seconds: float = 30.0) -> Any:
    """What `found()` gives as soon as it is true; an AssertionError when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.05)


def _wait_until_ready(service: Running) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert service.process.poll() is None, service.log()
        try:
            if service.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready within {START_SECONDS} seconds:\n{service.log()}")


def _command(process: Any) -> str:
    import psutil

    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
