"""The gate before the service: who comes in, with what, how many at once, and how errors leave.

ASGI middleware without a framework. Only what `routes` lists is let through, so nothing that a
framework adds is reachable by accident; whoever has no valid key learns nothing but that. Limits
count in each worker by itself. The gate answers at once when it refuses, and work inside that
takes too long keeps its place until it has ended, since a thread cannot be stopped: so the worker
never does more at once than it may, and it recovers as soon as the work is done.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neigung.errors import InputError
from neigung.serving.access import ApiKey, KeyRing, KeysError
from neigung.serving.exchange import Exchange
from neigung.serving.problems import Problem, failure, standard

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANYBODY, ANY_KEY = "anybody", "any key"

STATE_KEY, STATE_REQUEST_ID = "neigung.key", "neigung.request_id"
"""Where the application inside finds the `ApiKey` and the request's id: in `scope["state"]`."""

_GONE = 499
"""What the log says of a request whose client went away; nobody is there to be answered."""

_log = logging.getLogger("neigung.gate")


@dataclass(frozen=True)
class Route:
    """One path that is let through.

    Parameters
    ----------
    path : exact, or with `*` at its end for all below.
    method : GET (then HEAD too) or POST.
    needs : ANYBODY, ANY_KEY, or the action that the key must allow (for some study, where the
        scope names studies: which one is asked for stands in the body, so the service looks).
    """

    path: str
    method: str
    needs: str

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it takes.

        >>> Route("/v1/models", "GET", "models").methods
        ('GET', 'HEAD')
        """
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


ROUTES = (
    Route("/livez", "GET", ANYBODY),
    Route("/healthz", "GET", ANYBODY),
    Route("/readyz", "GET", ANY_KEY),
    Route("/metrics", "GET", "metrics"),
    Route("/", "GET", "docs"),
    Route("/docs.json", "GET", "docs"),
    Route("/schema.json", "GET", "docs"),
    Route("/static_content/*", "GET", "docs"),
    Route("/v1/predict", "POST", "predict"),
    Route("/v1/offers", "POST", "offers"),
    Route("/v1/models", "GET", "models"),
)


@dataclass(frozen=True)
class Limits:
    """How much is too much, in each worker by itself.

    Parameters
    ----------
    body_bytes : of one request; more is 413.
    body_seconds : from the request's headers to the end of its body; longer is 408.
    seconds : until the answer begins; longer is 503. Keep it below the server's own timeout.
    headers : number of header fields; more is 431.
    in_flight : POST requests at once; one more is 503.
    in_flight_bytes : of their bodies together; more is 503.
    rate : requests per second of one key in the long run, more is 429; None: any number.
    burst : requests of one key at once within the rate; None: those of one second.

    >>> Limits(body_bytes=10, in_flight_bytes=5)
    Traceback (most recent call last):
    neigung.errors.InputError: in_flight_bytes of at least body_bytes (10) is needed, found 5, \
and no body of the allowed size could ever come in. Raise it.
    """

    body_bytes: int = 16_000_000
    body_seconds: float = 10.0
    seconds: float = 30.0
    headers: int = 100
    in_flight: int = 64
    in_flight_bytes: int = 64_000_000
    rate: float | None = None
    burst: int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise InputError(f"{name} above 0 is needed, found {value}. Raise it.")
        if self.in_flight_bytes < self.body_bytes:
            raise InputError(
                f"in_flight_bytes of at least body_bytes ({self.body_bytes}) is needed, found "
                f"{self.in_flight_bytes}, and no body of the allowed size could ever come in. "
                "Raise it."
            )


class Gate:
    """ASGI middleware, for `add_asgi_middleware(Gate, keys=..., limits=...)`.

    Parameters
    ----------
    app : the application inside.
    keys : file of the API keys; a missing or damaged one raises InputError.
    routes : what is let through.
    limits : see `Limits`.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Path | str,
        routes: Sequence[Route] = ROUTES,
        limits: Limits | None = None,
    ) -> None:
        self.app = app
        self.limits = limits or Limits()
        self._keys = KeyRing(Path(keys))
        self._exact = {route.path: route for route in routes if not route.path.endswith("*")}
        self._below = tuple(route for route in routes if route.path.endswith("*"))
        self._requests = self._bytes = 0
        self._buckets: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        exchange = Exchange(scope, send)
        try:
            await self._handle(exchange, receive)
        except Problem as problem:
            await exchange.refuse(problem)
        except _ClientGoneError:
            exchange.status = exchange.status or _GONE
        except Exception as error:
            _log.error("request %s failed: %s", exchange.id, failure(error))
            await exchange.refuse(standard(500))
        finally:
            exchange.log()

    async def _handle(self, exchange: Exchange, receive: Receive) -> None:
        headers, method = exchange.headers, exchange.method
        if len(exchange.scope["headers"]) > self.limits.headers:
            raise standard(431, f"At most {self.limits.headers} header fields are let in.")
        route = self._route(_path(exchange.scope))
        if route is not None:
            exchange.pattern = route.path
        if route is None or route.needs != ANYBODY or method not in route.methods:
            exchange.key = self._identify(headers)
            route = _admitted(route, method, exchange.key)
            self._pace(exchange.key.name)
        if route.method != "POST":
            await self._run(exchange, b"", receive)
            return
        _require_json(headers)
        declared = self._declared(headers)
        with self._place(declared) as place:
            body = await self._body(receive, declared, place)
            exchange.body_read = True
            await self._run(exchange, body, receive)

    def _route(self, path: str) -> Route | None:
        found = self._exact.get(path)
        if found is None and ".." not in path and "//" not in path and "\\" not in path:
            below = (route for route in self._below if path.startswith(route.path[:-1]))
            found = next(below, None)
        return found

    def _identify(self, headers: dict[bytes, bytes]) -> ApiKey:
        presented = headers.get(b"x-api-key")
        if presented is None:
            scheme, _, presented = headers.get(b"authorization", b"").partition(b" ")
            presented = presented.strip() if scheme.lower() == b"bearer" else b""
        challenge = 'Bearer realm="neigung"'
        if not presented:
            raise standard(401, headers={"WWW-Authenticate": challenge})
        try:
            key = self._keys.find(presented)
        except KeysError as error:
            _log.error("%s", error)
            raise standard(503, "No API key can be checked now.", _retry(10)) from None
        if key is None:
            challenge += ', error="invalid_token"'
            raise standard(401, headers={"WWW-Authenticate": challenge})
        return key

    def _pace(self, name: str) -> None:
        """One token for each request, out of a bucket that fills at the rate."""
        rate = self.limits.rate
        if rate is None:
            return
        most = float(self.limits.burst or max(1, math.ceil(rate)))
        now = time.monotonic()
        tokens, last = self._buckets.get(name, (most, now))
        tokens = min(most, tokens + (now - last) * rate)
        if tokens < 1:
            self._buckets[name] = tokens, now
            raise standard(429, headers=_retry((1 - tokens) / rate))
        self._buckets[name] = tokens - 1, now

    def _declared(self, headers: dict[bytes, bytes]) -> int:
        text = headers.get(b"content-length", b"0")
        if not text.isdigit():
            raise standard(400, "A Content-Length in digits is needed. Mend it.")
        declared = int(text) if len(text) < 20 else self.limits.body_bytes + 1
        if declared > self.limits.body_bytes:
            raise self._too_large()
        return declared

    def _too_large(self) -> Problem:
        return standard(
            413,
            f"A body of at most {self.limits.body_bytes} bytes is let in. Send fewer customers "
            "in a call.",
        )

    @contextmanager
    def _place(self, declared: int) -> Iterator[_Place]:
        if self._requests >= self.limits.in_flight:
            raise _overloaded()
        place = _Place(self)
        self._requests += 1
        try:
            place.hold(declared)
            yield place
        finally:
            self._requests -= 1
            self._bytes -= place.held

    async def _body(self, receive: Receive, declared: int, place: _Place) -> bytes:
        chunks: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGoneError
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    size += len(chunk)
                    if size > self.limits.body_bytes:
                        raise self._too_large()
                    place.hold(size)
                    chunks.append(chunk)
        except TimeoutError:
            raise standard(
                408,
                f"The whole body is needed within {self.limits.body_seconds:g} s. Send it at once.",
            ) from None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _run(self, exchange: Exchange, body: bytes, receive: Receive) -> None:
        left = self.limits.seconds - (time.perf_counter() - exchange.began)
        timer = asyncio.get_running_loop().call_later(left, exchange.expire, self.limits.seconds)
        state = exchange.scope.get("state", {})
        exchange.scope["state"] = {
            **state,
            STATE_KEY: exchange.key,
            STATE_REQUEST_ID: exchange.id,
        }
        handed = gone = False

        async def buffered() -> Message:
            nonlocal handed, gone
            if handed:
                message = await receive()
                gone = gone or message["type"] == "http.disconnect"
                return message
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            await self.app(exchange.scope, buffered, exchange.send)
        finally:
            timer.cancel()
            await exchange.settled()
        if exchange.status is None:
            raise _ClientGoneError if gone else RuntimeError("no answer")


class _Place:
    """The share of a request in what is in flight."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self.held = gate, 0

    def hold(self, size: int) -> None:
        """Hold so many bytes in all; less than before changes nothing."""
        more = size - self.held
        if more > 0:
            if self._gate._bytes + more > self._gate.limits.in_flight_bytes:
                raise _overloaded()
            self._gate._bytes += more
            self.held = size


class _ClientGoneError(Exception):
    """The client went away before it could be answered."""


def _path(scope: Scope) -> str:
    """The path below where the server has mounted the application, as Starlette's router sees it.

    >>> _path({"path": "/shop/livez", "root_path": "/shop"}), _path({"path": "/livez"})
    ('/livez', '/livez')
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _admitted(route: Route | None, method: str, key: ApiKey) -> Route:
    if route is None:
        raise standard(404)
    if method not in route.methods:
        raise standard(405, headers={"Allow": ", ".join(route.methods)})
    if route.needs not in (ANYBODY, ANY_KEY) and not key.allows_any(route.needs):
        raise standard(
            403,
            f"A key with the scope '{route.needs}' is needed here. Use another key, or have the "
            "scopes of this one widened.",
            {"WWW-Authenticate": 'Bearer realm="neigung", error="insufficient_scope"'},
        )
    return route


def _require_json(headers: dict[bytes, bytes]) -> None:
    """Only JSON: BentoML would choose its decoder by the client's word."""
    kind, _, parameters = headers.get(b"content-type", b"").lower().partition(b";")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if (
        kind.strip() != b"application/json"
        or charset not in (b"", b"charset=utf-8")
        or encoding != b"identity"
    ):
        raise standard(415, headers={"Accept-Post": "application/json"})


def _overloaded() -> Problem:
    return standard(
        503,
        "More requests are being worked on than this worker takes at once. Try again as "
        "Retry-After says.",
        _retry(1),
    )


def _retry(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
