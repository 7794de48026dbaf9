"""Requests that schemathesis and hypothesis make up."""

from __future__ import annotations

import copy
import re
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode

from tests.serving.odd_requests import OFFERS, PREDICT
from tests.serving.wire import Asked


def quickly(examples: int) -> Any:
    """Examples for a service that answers in its own time; none is tried anew in another form."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def without_keys(document: dict[str, Any]) -> dict[str, Any]:
    """The document without keys: else most that is generated would be refused for those."""
    changed = copy.deepcopy(document)
    for path in (PREDICT, OFFERS):
        del changed["paths"][path]["post"]["parameters"]
    del changed["security"], changed["components"]["securitySchemes"]
    return changed


def as_asked(case: schemathesis.Case) -> Asked | None:
    """A case of schemathesis'; None where its headers could not be sent at all."""
    try:
        made = requests.Request(**case.as_transport_kwargs(base_url="http://service")).prepare()
    except ValueError:
        return None
    body = made.body.encode() if isinstance(made.body, str) else made.body or b""
    headers = {name: str(value) for name, value in made.headers.items()}
    if not all(re.fullmatch(r"[\t -~\x80-\xff]*", text) for text in headers.values()):
        return None
    return Asked(str(made.path_url), body, str(made.method), dict(headers))


def is_right(case: schemathesis.Case) -> bool:
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
