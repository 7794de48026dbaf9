"""Requests as they are read: checked, with who sent them; or the problem with them."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from neigung.serving.access import ApiKey
from neigung.serving.middleware import STATE_KEY
from neigung.serving.problems import Problem, failure, invalid, standard

LONGEST_KEY = 128
"""Characters of an Idempotency-Key."""

logger = logging.getLogger("neigung.serving")


@dataclass(frozen=True)
class RequestKey:
    """What tells a repeated request: the client's idempotency key and a digest of the body."""

    key: str
    client: str
    body_digest: str


@dataclass(frozen=True)
class Asked:
    """A request that was read. `repeat` is set where the client sent an idempotency key."""

    body: BaseModel | Problem
    key: ApiKey
    repeat: RequestKey | None = None


def checked(spec: Any) -> Any:
    """An input of BentoML's that makes `Asked` of a request, and a problem of a bad one.

    BentoML would log the exception with its stack, and with it the customer's data.
    """

    async def from_http_request(request: Request, serde: Any) -> Asked:
        body = await request.body()
        key: ApiKey = request.scope["state"][STATE_KEY]
        try:
            repeat = _repeat(request, body, key)
            return Asked(spec.model_validate_json(body), key, repeat)
        except ValidationError as error:
            return Asked(invalid(error), key)
        except Problem as problem:
            return Asked(problem.with_traceback(None), key)
        except Exception as error:
            return Asked(broken(error), key)

    spec.from_http_request = from_http_request
    return spec


def broken(error: Exception) -> Problem:
    """The problem that a client gets of an unforeseen exception, which is logged."""
    logger.error("a request failed: %s", failure(error))
    return standard(500)


def _repeat(request: Request, body: bytes, key: ApiKey) -> RequestKey | None:
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not given.isprintable() or not 1 <= len(given) <= LONGEST_KEY:
        raise standard(
            400,
            f"An Idempotency-Key of 1 to {LONGEST_KEY} printable characters is needed. Mend it.",
        )
    digest = hashlib.sha256(request.url.path.encode() + b"\0" + body).hexdigest()
    return RequestKey(given, key.name, digest)
