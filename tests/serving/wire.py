"""Requests to a service byte by byte, as no well-behaved client would send them."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, Self
from urllib.parse import urlsplit

import jsonschema_rs

from tests.serving.running import Running

CONNECTIONS = 6
ANSWERS = {
    "/v1/predict": "PredictAnswer",
    "/v1/offers": "OffersAnswer",
    "/v1/models": "ModelsAnswer",
}


@dataclass(frozen=True)
class Asked:
    """A request; what `headers` names is sent instead of the usual, None leaves it out."""

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def json(cls, path: str, content: Any, **headers: str | None) -> Self:
        """A body that Python can write as JSON, lone surrogates and NaN as they are."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(path, json.dumps(content).encode(), headers=named)

    def __repr__(self) -> str:
        return f"{self.method} {self.path} {self.headers} {self.body[:2000]!r}"


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def paths(self) -> list[str]:
        """The fields that a problem names."""
        return [error["path"] for error in self.content.get("errors", [])]


class Wire:
    """Sends requests over a few connections, each in one write, and judges every answer."""

    def __init__(self, service: Running) -> None:
        parts = urlsplit(service.url)
        self.address = (str(parts.hostname), int(parts.port or 80))
        self.key = service.key
        self.sent = 0
        self.statuses: dict[int, int] = {}
        self.document = service.get("/docs.json").json()
        self._validators = {
            name: jsonschema_rs.Draft202012Validator(
                {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]}
            )
            for name in (*ANSWERS.values(), "Problem")
        }
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(CONNECTIONS)

    def ask(self, asked: Asked) -> Answered:
        """One request and its answer, judged."""
        return self.ask_all([asked])[0]

    def ask_all(self, asked: Iterable[Asked]) -> list[Answered]:
        """Many requests side by side; the answers, judged, in their order."""
        each = list(asked)
        answers = list(self._pool.map(self._exchange, each))
        for one, answer in zip(each, answers, strict=True):
            self.judge(one, answer)
        return answers

    def judge(self, asked: Asked, answer: Answered) -> None:
        """What holds for each answer, whatever was asked."""
        self.sent += 1
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        told = f"{asked!r}\nwas answered {answer.status} {answer.headers} {answer.body[:2000]!r}"
        assert answer.status < 500 or answer.status == 503, told
        assert (answer.status in (429, 503)) <= ("retry-after" in answer.headers), told
        assert "x-request-id" in answer.headers, told
        assert b"Traceback" not in answer.body, told
        if asked.method == "HEAD":
            return
        if answer.status >= 400:
            self._judge_problem(answer, told)
        elif asked.path in ANSWERS:
            assert answer.headers["content-type"] == "application/json", told
            errors = list(self._validators[ANSWERS[asked.path]].iter_errors(answer.content))
            assert not errors, f"{errors[0]}\n{told}"

    def _judge_problem(self, answer: Answered, told: str) -> None:
        assert answer.headers["content-type"] == "application/problem+json", told
        problem = answer.content
        assert self._validators["Problem"].is_valid(problem), told
        assert problem["status"] == answer.status, told
        assert problem["instance"].endswith(answer.headers["x-request-id"]), told
        if problem["type"].endswith("invalid-request"):
            assert 1 <= len(problem.get("errors", [])) <= min(problem["error_count"], 20), told
        for error in problem.get("errors", []):
            assert error["path"], told
            assert error["message"].endswith((".", "…", "!", "?")), told
        assert len(answer.body) < 20_000, told

    def raw(self, *pieces: bytes, pause: float = 0.0, until: float = 30.0) -> bytes:
        """What comes back for these bytes on a connection of its own, until it is closed."""
        with self._connected(timeout=until) as one:
            for piece in pieces:
                one.sendall(piece)
                # Who goes on sending after the answer may lose it with the connection.
                if select.select([one], [], [], pause)[0]:
                    break
            found = b""
            try:
                while chunk := one.recv(65536):
                    found += chunk
            except OSError:
                pass  # closed with bytes unread, or silent for too long
        return found

    def send_and_leave(self, sent: bytes) -> None:
        """Send this and go away."""
        with self._connected() as one:
            one.sendall(sent)

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.shutdown()

    def _connected(self, timeout: float = 60.0) -> socket.socket:
        made = socket.create_connection(self.address, timeout=timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def head(self, asked: Asked) -> bytes:
        """The bytes of a request up to its body."""
        usual: dict[str, str | None] = {
            "Host": "service",
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Content-Length": str(len(asked.body)),
        }
        lines = [f"{asked.method} {asked.path} HTTP/1.1"]
        lines += [f"{k}: {v}" for k, v in (usual | asked.headers).items() if v is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _exchange(self, asked: Asked) -> Answered:
        for attempt in (1, 2):
            fresh = getattr(self._own, "socket", None) is None
            if fresh:
                self._own.socket = self._connected()
            try:
                self._own.socket.sendall(self.head(asked) + asked.body)
                response = HTTPResponse(self._own.socket, method=asked.method)
                response.begin()
                body = response.read()
                if response.will_close:
                    self._drop()
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Answered(response.status, headers, body)
            except (OSError, HTTPException) as error:
                self._drop()
                # A connection that was kept may have been closed meanwhile; a fresh one not.
                if fresh or attempt == 2:
                    raise AssertionError(f"{error!r} for {asked!r}") from None
        raise AssertionError("not reached")

    def _drop(self) -> None:
        self._own.socket.close()
        self._own.socket = None


def rows_of(document: dict[str, Any], at: str) -> dict[str, list[dict[str, Any]]]:
    """A profile with one row in each table and every column filled, read off the document."""
    schemas = document["components"]["schemas"]
    tables = schemas["ProfileRows"]["properties"]
    return {
        name: [
            {
                column: _example(column, kind, at)
                for column, kind in schemas[_referred(table)]["properties"].items()
                if column not in ("customer_id", "known_at")
            }
        ]
        for name, table in tables.items()
        if name != "customer_id"
    }


def places(content: Any, at: Sequence[str | int] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all values in some JSON, inner and outer."""
    inner = content.items() if isinstance(content, dict) else ()
    inner = enumerate(content) if isinstance(content, list) else inner
    below = [place for name, value in inner for place in places(value, (*at, name))]
    return [tuple(at), *below]


def replaced(content: Any, place: Sequence[str | int], token: bytes) -> bytes:
    """The JSON text of `content` with other bytes at a place."""
    hole = "\x00hole\x00"
    text = json.dumps(_put(content, list(place), hole)).encode()
    return text.replace(json.dumps(hole).encode(), token)


def _put(content: Any, place: list[str | int], value: Any) -> Any:
    if not place:
        return value
    copy: Any = content.copy()
    copy[place[0]] = _put(content[place[0]], place[1:], value)
    return copy


def _example(column: str, kind: dict[str, Any], at: str) -> Any:
    kinds = [one for one in kind.get("anyOf", [kind]) if one.get("type") != "null"]
    kinds = kinds[0].get("anyOf", kinds)
    first = kinds[0]
    if "enum" in first:
        return first["enum"][0]
    if first.get("format") == "date-time":
        return at
    return {"string": f"{column}-1", "number": 0.5, "boolean": True}[first["type"]]


def _referred(table: dict[str, Any]) -> str:
    reference: str = table["items"]["$ref"]
    return reference.rsplit("/", 1)[1]
