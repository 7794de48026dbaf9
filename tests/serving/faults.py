"""How tests harm a running service, and see what becomes of it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil

from neigung.files import replacing, replacing_folder
from tests.processes import ask_each, wait_for
from tests.serving.running import Running
from tests.serving.versions import damage


def ask(service: Running, study: str, *customers: Any) -> httpx.Response:
    sent = [{"customer_id": one} if isinstance(one, str) else one for one in customers]
    return service.post("/v1/predict", {"customers": sent, "studies": [study]})


def codes(service: Running, study: str, customer: Any) -> list[str]:
    [one] = ask(service, study, customer).json()["customers"]
    return [refusal["code"] for refusal in one["refusals"]]


def settled(check: Callable[[], bool]) -> None:
    """Wait until it is so again and again, whichever worker answers."""
    wait_for(lambda: all(check() for _ in range(10)))


def gauge(service: Running, name: str, study: str) -> float:
    """A metric of all workers together."""
    text = service.get("/metrics").text
    [line] = [one for one in text.splitlines() if one.startswith(f'{name}{{study="{study}"}}')]
    return float(line.split()[-1])


def troubles(service: Running, study: str = "buy") -> list[str]:
    models = service.get("/v1/models").json()["models"]
    [found] = [one["troubles"] for one in models if one["study"] == study]
    return list(found)


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Something that is gone for the time of the block."""
    hidden = path.with_name(f"{path.name}.hidden")
    path.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(path)


def assert_unavailable(answer: httpx.Response, kind: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["type"].endswith(kind)
    assert "customers" not in answer.json()


def serves(process: int) -> bool:
    """Whether a process has a connection, be it of a request, and has not ended."""
    told = ask_each([process], lambda one: one.net_connections("tcp"))
    return any(one.status == psutil.CONN_ESTABLISHED for one in told.get(process, ()))


def fill(file: Path) -> None:
    """Take all the room of a disk."""
    with file.open("wb", 0) as out, suppress(OSError):
        while True:
            out.write(bytes(4096))


def put(place: Path, source: Path, damaged: str | None = None) -> None:
    with replacing_folder(place) as fresh:
        shutil.copytree(source, fresh, dirs_exist_ok=True)
        if damaged:
            damage(fresh / damaged)


def save(frame: pd.DataFrame, place: Path) -> None:
    with replacing(place) as temporary:
        frame.to_parquet(temporary, index=False)


@contextmanager
def slow(service: Running, body: bytes) -> Iterator[socket.socket]:
    """A request of which the body is still missing."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as one:
        one.sendall(
            f"POST /v1/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        yield one


def received(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def unless_ok(answer: httpx.Response) -> httpx.Response | None:
    return None if answer.status_code == 200 else answer
