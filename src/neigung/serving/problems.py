"""Errors as a client gets them: problem details of RFC 9457, `application/problem+json`.

A problem says what was needed and what to do, and names the path of every wrong field. It never
repeats what was sent: values may be a customer's, and problems end up in other systems' logs.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError
    from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

_MOST_ERRORS = 20
_LONGEST_PART, _LONGEST_MESSAGE = 64, 300

_STANDARD: dict[int, tuple[str, str, str]] = {
    400: ("bad-request", "Bad request", "The request cannot be read. Mend it and send it again."),
    401: (
        "unauthorized",
        "No valid API key",
        "An API key is needed and none that is valid was found. Send one as "
        "'Authorization: Bearer KEY' or 'X-API-Key: KEY'.",
    ),
    403: (
        "forbidden",
        "Not allowed for this API key",
        "This API key lacks the scope for what was asked. Use another key, or have its scopes "
        "widened.",
    ),
    404: ("not-found", "Not found", "There is nothing at this path. See /docs.json for what is."),
    405: (
        "method-not-allowed",
        "Method not allowed",
        "This path does not take this method. The header Allow names those it takes.",
    ),
    408: (
        "request-timeout",
        "The body came too slowly",
        "The whole body is needed sooner. Send it at once.",
    ),
    409: ("conflict", "Conflict", "The request is at odds with an earlier one. Look at both."),
    413: ("content-too-large", "The body is too large", "Send fewer customers in a call."),
    415: (
        "unsupported-media-type",
        "The body must be JSON",
        "A body of Content-Type application/json is needed, in UTF-8 and without a "
        "Content-Encoding. Send it so.",
    ),
    422: (
        "invalid-request",
        "The request is not valid",
        "The request is understood but not valid. Mend it and send it again.",
    ),
    429: (
        "too-many-requests",
        "Too many requests",
        "This API key asks more often than it may. Wait as long as Retry-After says.",
    ),
    431: (
        "too-many-headers",
        "Too many headers",
        "Fewer header fields are needed. Leave out what the service does not read.",
    ),
    500: (
        "internal-error",
        "Internal error",
        "The service failed. Its log has more under this instance; tell whoever runs it.",
    ),
    503: (
        "unavailable",
        "Not available now",
        "The service cannot answer now. Try again as Retry-After says, or a little later.",
    ),
}

_MESSAGES = {
    "missing": "This field is needed and is not there. Add it.",
    "extra_forbidden": "This field is not known here. Leave it out, or mend its name.",
    "finite_number": "This must be a finite number. Leave the field out if there is none.",
}
"""By pydantic's type of error, where its own words do not say what to do."""

_ECHOING = {"union_tag_invalid", "unexpected_keyword_argument"}
"""Types of error whose text in pydantic repeats what was sent."""

_MACHINERY = re.compile(
    r"^(function-(after|before|wrap|plain)|tagged-union|nullable|is-instance)\["
)
"""Parts of a location that name pydantic's inner workings, not a field."""


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 (RFC 9457 calls it so)
    """One refusal or failure, as RFC 9457 writes it; raised where it is found.

    Parameters
    ----------
    status : HTTP status code.
    slug : names the kind of problem for programs: `type` is `urn:neigung:problem:SLUG`.
    title : the kind of problem in a few words, always the same for a slug.
    detail : what was needed, what was found, what to do, this time.
    errors : `path` and `message` of each wrong field; only the first 20 are sent.
    count : how many errors there are, where `errors` does not hold all; None: as many as `errors`.
    headers : of the response, for example Retry-After.

    >>> print(Problem(409, "conflict", "Conflict", "Look at both.").body("r1").decode())
    {"type":"urn:neigung:problem:conflict","title":"Conflict","status":409,"detail":"Look at \
both.","instance":"urn:neigung:request:r1"}
    """

    status: int
    slug: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    count: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.title}: {self.detail}"

    def body(self, request_id: str | None = None) -> bytes:
        """The JSON text; the id of the request is its `instance`."""
        content: dict[str, Any] = {
            "type": f"urn:neigung:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if request_id is not None:
            content["instance"] = _instance(request_id)
        if self.errors:
            content["errors"] = [dict(error) for error in self.errors[:_MOST_ERRORS]]
            content["error_count"] = len(self.errors) if self.count is None else self.count
        return _json(content)

    def response(self, request_id: str | None = None) -> Response:
        """A response for Starlette and BentoML; behind the gate, the gate adds the instance."""
        from starlette.responses import Response

        return Response(
            self.body(request_id), self.status, dict(self.headers), media_type=MEDIA_TYPE
        )


def standard(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Problem:
    """The usual problem of a status code; an unknown one is told as 400 or 500 are.

    >>> standard(404).title
    'Not found'
    >>> standard(418).slug, standard(502).slug
    ('bad-request', 'internal-error')
    """
    slug, title, usual = _STANDARD.get(status) or _STANDARD[400 if status < 500 else 500]
    return Problem(status, slug, title, detail or usual, headers=headers or {})


def invalid(errors: ValidationError | Sequence[Mapping[str, Any]]) -> Problem:
    """What pydantic found wrong: 422 with a path for each error, or 400 where it is no JSON.

    Parameters
    ----------
    errors : the exception, or what its `errors()` gave.

    >>> from pydantic import BaseModel, ValidationError
    >>> class Row(BaseModel):
    ...     net_value: float
    >>> class Request(BaseModel):
    ...     rows: list[Row]
    >>> try:
    ...     Request.model_validate_json('{"rows": [{"net_value": "cheap"}]}')
    ... except ValidationError as error:
    ...     problem = invalid(error)
    >>> problem.status, problem.errors[0]["path"]
    (422, 'rows.0.net_value')
    >>> problem.errors[0]["message"]
    'This must be a valid number, found text.'
    """
    found = errors if isinstance(errors, Sequence) else errors.errors(include_url=False)
    for error in found:
        if error.get("type") == "json_invalid":
            reason = _shortened(str(error.get("msg", "")).removeprefix("Invalid JSON: "), 150)
            return Problem(
                400,
                "invalid-json",
                "The body is not JSON",
                f"A body of valid JSON is needed, found: {reason}. Mend it and send it again.",
            )
    fields = "1 field is" if len(found) == 1 else f"{len(found)} fields are"
    return Problem(
        422,
        *_STANDARD[422][:2],
        f"{fields} wrong, and nothing was done. Mend what `errors` names and send it again.",
        errors=[
            {"path": _path(error.get("loc", ())), "message": _message(error)}
            for error in found[:_MOST_ERRORS]
        ],
        count=len(found),
    )


def wrong_field(path: str, message: str) -> Problem:
    """One field that turns out wrong only while it is worked on, told as `invalid` tells it.

    >>> wrong_field("study", "Name one of the studies.").errors
    [{'path': 'study', 'message': 'Name one of the studies.'}]
    """
    return invalid([{"loc": (path,), "msg": message}])


def failure(error: Exception) -> str:
    """An unforeseen exception for the log: its type and place, never its text.

    The text may hold a customer's data.

    >>> try:
    ...     {}["Erika Mustermann"]
    ... except KeyError as error:
    ...     "Erika" in failure(error), failure(error).split(" at ")[0]
    (False, 'KeyError')
    """
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    place = " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames)
    return f"{type(error).__name__} at {place}"


def retold(
    status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, request_id: str
) -> tuple[int, Mapping[str, str], bytes]:
    """An error response of the application inside as a problem: status, headers to add, body.

    A problem keeps what it says and gets the instance. Of others only the status is kept, and
    pydantic's list of errors, which BentoML sends with 400: any other text may hold what no
    client should see.

    >>> status, _, body = retold(404, [], b'{"error": "no table customers at db.py:7"}', "r1")
    >>> json.loads(body)["detail"]
    'There is nothing at this path. See /docs.json for what is.'
    """
    content = _object(body)
    if content.get("status") == status and _media_type(headers) == MEDIA_TYPE:
        return status, {}, _json(content | {"instance": _instance(request_id)})
    problem = _foreign(status, content)
    return problem.status, problem.headers, problem.body(request_id)


def _foreign(status: int, content: Mapping[str, Any]) -> Problem:
    detail = content.get("detail")
    if status in (400, 422) and isinstance(detail, list) and detail:
        return invalid([error for error in detail if isinstance(error, Mapping)])
    return standard(status)


def _path(location: Iterable[object]) -> str:
    parts = (_shortened(str(part), _LONGEST_PART) for part in location)
    return ".".join(part for part in parts if not _MACHINERY.match(part)) or "body"


def _message(error: Mapping[str, Any]) -> str:
    kind, text = str(error.get("type", "")), str(error.get("msg", ""))
    if kind in _MESSAGES:
        return _MESSAGES[kind]
    if kind in _ECHOING:
        expected = error.get("ctx", {}).get("expected_tags")
        return f"This must be one of {expected}." if expected else "This must be one of the known."
    text = text.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if text.startswith("Input should be "):
        text = "This must be " + text.removeprefix("Input should be ")
        if kind.endswith(("_parsing", "_type")):
            # The rest says what the parser stumbled over: beside the kind that needs no telling.
            text = text.split(",")[0]
            if "input" in error:
                text += f", found {_kind(error['input'])}"
    text = _shortened(text, _LONGEST_MESSAGE)
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _kind(value: object) -> str:
    """What JSON calls it, never what it says.

    >>> [_kind(value) for value in (None, True, 1.5, "Max", [1], {})]
    ['null', 'true or false', 'a number', 'text', 'a list', 'an object']
    """
    if value is None:
        return "null"
    for kinds, name in (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "text"),
        (list | tuple, "a list"),
    ):
        if isinstance(value, kinds):
            return name
    return "an object"


def _instance(request_id: str) -> str:
    return f"urn:neigung:request:{request_id}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    # BentoML wraps some of its errors in a list of one.
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return content if isinstance(content, dict) else {}


def _media_type(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name.lower() == b"content-type":
            return value.split(b";")[0].strip().lower().decode("latin-1")
    return ""


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _shortened(text: str, most: int) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"
