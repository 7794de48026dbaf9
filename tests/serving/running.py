"""A real service in processes of its own, for tests over HTTP."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from neigung.serving.access import add_key
from neigung.serving.serve import command, environment, prepare
from neigung.serving.settings import Settings
from tests.processes import ask_each, end, free_port, started_by, wait_for

WORKER = "_bentoml_impl.worker.service"


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
        commands = ask_each(started_by(self.process.pid), psutil.Process.cmdline)
        return [one for one, words in commands.items() if WORKER in " ".join(words)]

    def wait_until_ready(self) -> None:
        """An AssertionError with its log when it ends or is not ready in time."""

        def ready() -> bool:
            assert self.process.poll() is None, self.log()
            try:
                return self.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        try:
            wait_for(ready)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None


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
        service.wait_until_ready()
        service.seconds_to_ready = time.monotonic() - started
        yield service
    finally:
        end(process)
