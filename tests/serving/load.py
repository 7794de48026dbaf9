"""Clients that ask a running service without a pause, and remember what became of each request."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from tests.processes import wait_for
from tests.serving.running import Running

PAUSE = 0.05
"""Seconds between two requests of a client: a starting worker needs the machine too."""

CUTOFF = "2025-05-01T00:00:00"


def profile(customer_id: str) -> dict[str, Any]:
    """A customer whom no store knows, for the study discount."""
    line = {
        "occurred_at": "2025-04-20T10:00:00",
        "order_id": "o1",
        "net_value": 20.0,
        "discount_value": 2.0,
        "channel": "web",
    }
    return {"profile": {"customer_id": customer_id, "order_lines": [line]}, "cutoff": CUTOFF}


@dataclass
class Answer:
    """What came back: the status, or the error of the connection."""

    customer_id: str
    status: int | None
    body: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def predicted(self) -> dict[str, Any] | None:
        """The prediction of the answer, if there is one."""
        predictions = self.body["customers"][0]["predictions"] if self.status == 200 else []
        return predictions[0] if predictions else None


class Load:
    """Asks from several threads while the block lasts, each request on a connection of its own.

    In turn for a known customer of the study buy, and with the profile of one who was never asked
    for before: so each of these answers has an entry of its own in the decision log.
    """

    def __init__(self, service: Running, known: str, threads: int = 4) -> None:
        self.answers: list[Answer] = []
        self._service = service
        self._known = known
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._tag = f"new-{time.time_ns()}"
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> list[Answer]:
        """So many further answers."""
        start = len(self.answers)
        wait_for(lambda: len(self.answers) >= start + count)
        return self.answers[start:]

    @property
    def bad(self) -> list[Answer]:
        """Those that are no answers."""
        return [one for one in self.answers if one.status != 200]

    def _ask(self) -> None:
        headers = {"Authorization": f"Bearer {self._service.key}", "Connection": "close"}
        with httpx.Client(base_url=self._service.url, headers=headers, timeout=60) as client:
            while not self._over.is_set():
                number = next(self._numbers)
                time.sleep(PAUSE)
                if number % 2:
                    self.answers.append(_asked(client, self._known, "buy"))
                else:
                    name = f"{self._tag}-{number}"
                    self.answers.append(_asked(client, name, "discount", profile(name)))


def _asked(
    client: httpx.Client, name: str, study: str, customer: dict[str, Any] | None = None
) -> Answer:
    content = {"customers": [customer or {"customer_id": name}], "studies": [study]}
    try:
        answer = client.post("/v1/predict", json=content)
    except httpx.TransportError as error:
        return Answer(name, None, error=type(error).__name__)
    return Answer(name, answer.status_code, answer.json())
