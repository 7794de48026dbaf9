"""A client of the prediction service.

with neigung.Client("https://predictions.example.org") as client:
    for customer in client.predict(["1001", "1002"], studies=["purchase_7d"]):
        print(customer["customer_id"], customer["predictions"])
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import httpx

from neigung.errors import InputError, ServiceError

KEY = "NEIGUNG_API_KEY"
"""The environment variable that holds the API key."""

AT_ONCE = 1000
"""Customers in one call."""

_AGAIN = (429, 503)
_LONGEST_WAIT = 30.0

CustomerLike = str | Mapping[str, Any]
"""A customer's id, or what the service takes: `{"profile": {…}, "cutoff": …}`."""


class Client:
    """Asks a service; answers are plain lists and dictionaries as its OpenAPI describes them.

    Parameters
    ----------
    url : of the service, such as `http://127.0.0.1:3000`.
    key : the API key; by default from the environment variable NEIGUNG_API_KEY.
    timeout : seconds that one attempt may take.
    retries : further attempts when the service is overloaded, not there, or breaks off. All
        attempts of a call carry the same idempotency key, so that it is logged once.
    transport : how requests are sent, for tests.

    Raises InputError without a key.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 4,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        key = key or os.environ.get(KEY)
        if not key:
            raise InputError(
                f"An API key is needed, but none was given and {KEY} is not set. Add one with "
                "`neigung keys add`, and give it or set the variable."
            )
        self._retries = retries
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
            transport=transport,
        )

    def predict(
        self,
        customers: Iterable[CustomerLike],
        studies: Sequence[str] | None = None,
        *,
        reasons: int = 3,
        language: str = "en",
    ) -> list[dict[str, Any]]:
        """Predictions and refusals of each customer, in the order given; any number of customers.

        Raises ServiceError when the service refuses the call or cannot answer it.
        """
        common = {"studies": studies, "reasons": reasons, "language": language}
        content = {name: value for name, value in common.items() if value is not None}
        asked = [_customer(one) for one in customers]
        said: list[dict[str, Any]] = []
        for start in range(0, len(asked), AT_ONCE):
            part = {"customers": asked[start : start + AT_ONCE], **content}
            said += self._send("POST", "/v1/predict", part)["customers"]
        return said

    def offers(
        self, customers: Iterable[CustomerLike], study: str | None = None, **limits: Any
    ) -> dict[str, Any]:
        """The necessary discount of up to 1,000 customers, and what the offers come to together.

        `limits` are `margin_rate`, `contact_cost`, `minimum_margin`, `budget`, `revenue_target`,
        and how to explain: `reasons`, `language`. Raises ServiceError.
        """
        content = {"customers": [_customer(one) for one in customers], **limits}
        return self._send("POST", "/v1/offers", content | ({"study": study} if study else {}))

    def models(self) -> list[dict[str, Any]]:
        """The versions that are served; raises ServiceError."""
        found: list[dict[str, Any]] = self._send("GET", "/v1/models", None)["models"]
        return found

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, method: str, path: str, content: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                answer = self._http.request(method, path, json=content, headers=headers)
            except httpx.TransportError as error:
                if last:
                    raise ServiceError(
                        f"The service at {self._http.base_url} cannot be reached "
                        f"({type(error).__name__}), after {attempt + 1} attempts. Is it running?"
                    ) from error
                self._sleep(_pause(attempt, None))
                continue
            if answer.status_code not in _AGAIN or last:
                return _read(answer)
            self._sleep(_pause(attempt, answer.headers.get("Retry-After")))
        raise AssertionError("the last attempt returns or raises")


def _customer(given: CustomerLike) -> dict[str, Any]:
    return {"customer_id": given} if isinstance(given, str) else dict(given)


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait: what the service asks for, else longer each time, never all at once."""
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.2 * 2**attempt
    return float(min(asked, _LONGEST_WAIT) * random.uniform(1.0, 1.2))


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        content = {}
    if answer.status_code == 200 and isinstance(content, dict):
        return content
    problem = content if isinstance(content, dict) else {}
    told = [str(problem.get("title") or answer.reason_phrase or "no answer")]
    if problem.get("detail"):
        told.append(str(problem["detail"]))
    told += [f"{one.get('path')}: {one.get('message')}" for one in problem.get("errors", [])]
    raise ServiceError(
        f"The service answered {answer.status_code}: " + " ".join(told),
        status=answer.status_code,
        problem=problem,
    )
