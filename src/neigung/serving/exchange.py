"""One request and its answer, as the gate sees them: id, headers, status, the line in the log."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from neigung.serving.problems import MEDIA_TYPE, Problem, retold, standard

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

    from neigung.serving.access import ApiKey

Headers = list[tuple[bytes, bytes]]

_READ = {
    b"authorization",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"transfer-encoding",
    b"x-api-key",
    b"x-request-id",
}
_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_MOST_KEPT = 1_000_000
"""So many bytes of an error of the application are looked at; the rest would not be told."""

_MOST_DISCARDED = 64_000_000
"""A longer unread body is cut off with its connection; a shorter one is left to run out, since a
client that is still sending when the connection breaks would not see the answer."""

_log = logging.getLogger("neigung.access")


class Exchange:
    """One request on its way through the gate.

    Attributes
    ----------
    id : the client's X-Request-ID where it is a tame one, else a new UUID.
    headers : those the gate reads; what comes twice is joined by a comma, as HTTP has it.
    pattern : the path in the log, which is a route's, never the client's.
    key : who asks, once known.
    status : of the answer, once it has begun.
    body_read : whether the request's body is here whole.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self._send = scope, send
        self.began = time.perf_counter()
        self.method: str = scope["method"]
        self.headers = _read(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.id = given.decode() if _ID.fullmatch(given) else str(uuid.uuid4())
        self.pattern = "-"
        self.key: ApiKey | None = None
        self.status: int | None = None
        self.body_read = False
        self._milliseconds = 0.0
        self._start: Message | None = None
        self._kept = bytearray()
        self._closed = self._logged = False
        self._late: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Takes the application's answer: held until its body begins, told anew if an error."""
        if self._closed:
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, whole = self._start, not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        if start is None:
            await self._send(message)
        elif start["status"] < 400:
            self._start = None
            await self._begin(start["status"], list(start["headers"]), len(body) if whole else None)
            await self._send(message)
        else:
            self._kept += body[: _MOST_KEPT - len(self._kept)]
            if whole:
                self._closed = True
                await self._retell(start["status"], list(start["headers"]))

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, unless an answer has begun."""
        if not self._closed and self.status is None:
            self._closed = True
            await self._tell(problem)

    def expire(self, seconds: float) -> None:
        """Answer 503 now, unless an answer has begun; what the application says later is lost."""
        if self._closed or self.status is not None:
            return
        self._closed = True
        problem = standard(
            503,
            f"The answer took longer than {seconds:g} s. Ask for fewer customers in a call, or "
            "try again.",
            {"Retry-After": "1"},
        )
        self._late = asyncio.get_running_loop().create_task(self._tell(problem))

    async def settled(self) -> None:
        """Wait until a late answer is out."""
        if self._late is not None:
            await self._late

    def log(self) -> None:
        """The one line about this request; time until the answer began."""
        if self._logged or not _log.isEnabledFor(logging.INFO):
            return
        self._logged = True
        _log.info(
            "%s %s %s %.1f ms key=%s request=%s",
            self.method if self.method in _METHODS else "-",
            self.pattern,
            self.status or "-",
            self._milliseconds or self._elapsed(),
            self.key.name if self.key else "-",
            self.id,
        )

    def _elapsed(self) -> float:
        return (time.perf_counter() - self.began) * 1000

    async def _tell(self, problem: Problem) -> None:
        headers = [(name.lower().encode(), text.encode()) for name, text in problem.headers.items()]
        await self._answer(problem.status, headers, problem.body(self.id))

    async def _retell(self, status: int, headers: Headers) -> None:
        status, more, body = retold(status, headers, bytes(self._kept), self.id)
        kept = [(name, text) for name, text in headers if not name.lower().startswith(b"content-")]
        kept += [(name.lower().encode(), text.encode()) for name, text in more.items()]
        await self._answer(status, kept, body)

    async def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        headers.append((b"content-type", MEDIA_TYPE.encode()))
        if self._must_close(status):
            headers.append((b"connection", b"close"))
        await self._begin(status, headers, len(body))
        await self._send({"type": "http.response.body", "body": body})
        if self._late is not None:
            self.log()

    def _must_close(self, status: int) -> bool:
        """Whether too much of the body is still to come for the connection to be of use."""
        if self.body_read or not self.scope.get("http_version", "1.1").startswith("1"):
            return False
        declared = self.headers.get(b"content-length", b"0")
        return (
            status == 408
            or b"transfer-encoding" in self.headers
            or not (declared.isdigit() and len(declared) < 19 and int(declared) <= _MOST_DISCARDED)
        )

    async def _begin(self, status: int, headers: Headers, length: int | None) -> None:
        """Status and headers, directly before the body, so that they can leave together."""
        self.status, self._milliseconds = status, self._elapsed()
        present = {name.lower() for name, _ in headers}
        if b"x-request-id" in present:
            headers = [pair for pair in headers if pair[0].lower() != b"x-request-id"]
        headers.append((b"x-request-id", self.id.encode()))
        if b"cache-control" not in present:
            headers.append((b"cache-control", b"no-store"))
        if b"x-content-type-options" not in present:
            headers.append((b"x-content-type-options", b"nosniff"))
        if length is not None and b"content-length" not in present and status not in (204, 304):
            # Without it the body would go out in chunks, each with a write of its own.
            headers.append((b"content-length", b"%d" % length))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _read(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ:
            found[name] = found[name] + b"," + value if name in found else value
    return found
