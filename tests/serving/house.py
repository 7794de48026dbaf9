"""A gate before a small application, and what asks it: as a server would, and over a socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as Path_
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neigung.serving.middleware import Gate, Limits
from neigung.serving.problems import MEDIA_TYPE

JSON = {"content-type": "application/json"}
SCOPES = ("predict:churn", "offers:*", "models", "metrics", "docs")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    messages: list[Message]

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == MEDIA_TYPE
        content: dict[str, Any] = json.loads(self.body)
        assert content["status"] == self.status
        assert content["instance"] == f"urn:neigung:request:{self.headers['x-request-id']}"
        assert int(self.headers["content-length"]) == len(self.body)
        return content


async def ask(
    app: ASGIApp,
    path: str = "/v1/predict",
    method: str = "POST",
    headers: dict[str, str] | Sequence[tuple[str, str]] = (),
    chunks: Sequence[bytes | float | None] = (b"{}",),
    **scope: Any,
) -> Answer:
    """One request, as a server would hand it on; a float waits, None goes away."""
    pairs = headers.items() if isinstance(headers, dict) else headers
    waiting, sent = list(chunks), []

    async def receive() -> Message:
        while waiting and isinstance(waiting[0], float):
            await asyncio.sleep(waiting.pop(0))  # type: ignore[arg-type]
        if not waiting:
            await asyncio.Event().wait()
        if waiting[0] is None:
            return {"type": "http.disconnect"}
        body = waiting.pop(0)
        more = any(isinstance(chunk, bytes) for chunk in waiting) or waiting[:1] == [None]
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(
        {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.lower().encode(), text.encode()) for name, text in pairs],
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "server": ("testserver", 80),
            **scope,
        },
        receive,
        send,
    )
    if not sent:
        return Answer(0, {}, b"", sent)
    start = sent[0]
    names = [name.decode() for name, _ in start["headers"]]
    assert len(names) == len(set(names)), "no header is sent twice"
    return Answer(
        start["status"],
        {name.decode(): text.decode() for name, text in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
        sent,
    )


class Inner:
    """An application like BentoML's, whose predict does what a test wants."""

    def __init__(self, predict: Callable[[Request], Awaitable[Response]] | None = None) -> None:
        self.predict, self.seen = predict, []
        self.app = Starlette(
            routes=[
                Path_("/v1/predict", self._predict, methods=["POST"]),
                Path_("/v1/offers", self._fine, methods=["POST"]),
                Path_("/v1/models", self._fine),
                Path_("/readyz", self._fine),
                Path_("/livez", self._fine),
                Path_("/healthz", self._fine),
                Path_("/metrics", self._fine),
                Path_("/admin", self._fine),
                Mount("/static_content", routes=[Path_("/{rest:path}", self._fine)]),
            ]
        )

    async def _predict(self, request: Request) -> Response:
        self.seen.append(request.scope)
        if self.predict is not None:
            return await self.predict(request)
        return JSONResponse({"got": (await request.body()).decode()})

    async def _fine(self, request: Request) -> Response:
        self.seen.append(request.scope)
        return PlainTextResponse("fine")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass
class House:
    keys: Path
    key: str
    inner: Inner

    def gate(self, inner: ASGIApp | None = None, **limits: Any) -> Gate:
        return Gate(inner or self.inner, self.keys, limits=Limits(**limits))

    @property
    def headers(self) -> dict[str, str]:
        return JSON | {"authorization": f"Bearer {self.key}"}

    def ask(self, path: str = "/v1/predict", method: str = "POST", **more: Any) -> Answer:
        more.setdefault("headers", self.headers)
        return asyncio.run(ask(self.gate(), path, method, **more))


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


def conversation(port: int, *parts: bytes | float) -> bytes:
    """All that comes back until the connection is closed, or nothing has come for 10 s."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        for part in parts:
            if isinstance(part, float):
                time.sleep(part)
                continue
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        connection.settimeout(10)
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def head(house: House, *more: str) -> bytes:
    lines = ("POST /v1/predict HTTP/1.1", "Host: x", f"X-API-Key: {house.key}",
             "Content-Type: application/json", *more)  # fmt: skip
    return "\r\n".join((*lines, "", "")).encode()
