from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from neigung.errors import InputError
from neigung.serving.access import add_key, revoke_key
from neigung.serving.middleware import ANY_KEY, ROUTES, STATE_KEY, STATE_REQUEST_ID, Gate, Route
from neigung.serving.problems import Problem
from tests.serving.house import JSON, SCOPES, House, Inner, ask


@pytest.fixture
def house(tmp_path: Path) -> House:
    keys = tmp_path / "keys.json"
    return House(keys, add_key(keys, "shop", SCOPES), Inner())


# Who comes in


def test_a_valid_key_comes_in_with_its_body_and_its_name(house: House) -> None:
    answer = house.ask(chunks=[b'{"a"', b": 1", b"}"])
    assert (answer.status, json.loads(answer.body)) == (200, {"got": '{"a": 1}'})
    (scope,) = house.inner.seen
    key = scope["state"][STATE_KEY]
    assert key.name == "shop"
    assert key.allows("predict", "churn")
    assert not key.allows("predict", "purchase_30d")
    assert scope["state"][STATE_REQUEST_ID] == answer.headers["x-request-id"]


def test_what_the_server_keeps_in_the_state_stays(house: House) -> None:
    state = {"pool": 7}
    house.ask(state=state)
    assert house.inner.seen[0]["state"]["pool"] == 7
    assert state == {"pool": 7}, "and nobody's key gets into what others share"


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_liveness_needs_no_key(house: House, path: str, method: str) -> None:
    assert house.ask(path, method, headers={}, chunks=[b""]).status == 200


PROTECTED = [
    ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/"), ("GET", "/docs.json"),
    ("GET", "/schema.json"), ("GET", "/static_content/a.js"), ("POST", "/v1/predict"),
    ("POST", "/v1/offers"), ("GET", "/v1/models"), ("GET", "/nothing"), ("GET", "/admin"),
    ("POST", "/livez"), ("OPTIONS", "/v1/predict"), ("PUT", "/healthz"),
    ("GET", "/livez/"), ("GET", "//livez"), ("GET", "/livez/../metrics"), ("GET", "/LIVEZ"),
    ("GET", "/livez\x00"), ("GET", ""), ("GET", "*"), ("GET", "/livez;a"),
    ("GET", "/static_content"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_everything_else_does(house: House, method: str, path: str) -> None:
    answer = house.ask(path, method, headers=JSON)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="neigung"'
    assert answer.problem["type"] == "urn:neigung:problem:unauthorized"
    assert house.inner.seen == []


def test_wrong_keys_stay_out(house: House) -> None:
    key = house.key
    for headers in (
        {"authorization": f"Bearer {key}x"},
        {"authorization": f"Bearer {key[:-1]}"},
        {"authorization": f"Bearer {key.swapcase()}"},
        {"authorization": key},
        {"authorization": f"Basic {key}"},
        {"authorization": "Bearer"},
        {"authorization": ""},
        {"x-api-key": ""},
        {"x-api-key": f"Bearer {key}"},
        {"x-api-key": "x" * 10_000},
        {"cookie": f"key={key}"},
        [("authorization", f"Bearer {key}"), ("authorization", f"Bearer {key}")],
        [("x-api-key", key), ("x-api-key", "other")],
    ):
        answer = house.ask(headers=headers)
        assert answer.status == 401, headers
        assert key not in answer.body.decode()
    assert house.ask(query_string=f"key={key}".encode(), headers=JSON).status == 401
    assert house.inner.seen == []


@pytest.mark.parametrize("form", ["Bearer KEY", "bearer KEY", "BEARER  KEY "])
def test_both_ways_to_send_a_key(house: House, form: str) -> None:
    assert house.ask(headers=JSON | {"authorization": form.replace("KEY", house.key)}).status == 200
    assert house.ask(headers=JSON | {"x-api-key": house.key}).status == 200


def test_an_invalid_key_is_told_from_none(house: House) -> None:
    answer = house.ask(headers=JSON | {"x-api-key": "wrong"})
    assert answer.headers["www-authenticate"] == 'Bearer realm="neigung", error="invalid_token"'


def test_a_key_revoked_while_the_service_runs_stays_out(house: House) -> None:
    gate, second = house.gate(), add_key(house.keys, "crm", ["predict:*"])
    asked = [house.headers, JSON | {"x-api-key": second}]
    statuses = [asyncio.run(ask(gate, headers=headers)).status for headers in asked]
    assert statuses == [200, 200]
    revoke_key(house.keys, "shop")
    statuses = [asyncio.run(ask(gate, headers=headers)).status for headers in asked]
    assert statuses == [401, 200]


def test_without_readable_keys_nobody_comes_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house.gate()
    monkeypatch.setattr(gate._keys, "_clock", lambda: time.monotonic() + 61)
    house.keys.unlink()
    answer = asyncio.run(ask(gate, headers=house.headers))
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert str(house.keys) not in answer.problem["detail"]
    assert asyncio.run(ask(gate, "/livez", "GET")).status == 200


def test_the_gate_does_not_open_without_keys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found none at"):
        Gate(Inner(), tmp_path / "none.json")


@pytest.mark.parametrize("route", [route for route in ROUTES if " " not in route.needs])
def test_each_path_needs_its_scope(house: House, route: Route) -> None:
    if route.needs == "anybody":
        return
    path = route.path.replace("*", "a.js")
    scope = f"{route.needs}:*" if route.needs in ("predict", "offers") else route.needs
    others = [s for s in ("predict:*", "offers:*", "models", "metrics", "docs") if s != scope]
    asked = {
        name: JSON | {"x-api-key": add_key(house.keys, name, scopes)}
        for name, scopes in (("one", [scope]), ("others", others))
    }
    refused = house.ask(path, route.method, headers=asked["others"])
    assert refused.status == 403
    assert f"'{route.needs}'" in refused.problem["detail"]
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert house.inner.seen == []
    assert house.ask(path, route.method, headers=asked["one"]).status in (200, 404)


def test_readiness_needs_any_key(house: House) -> None:
    assert Route("/readyz", "GET", ANY_KEY) in ROUTES
    key = add_key(house.keys, "probe", ["docs"])
    assert house.ask("/readyz", "GET", headers={"x-api-key": key}).status == 200


# Paths and methods


@pytest.mark.parametrize(
    "path",
    [
        "//v1/predict", "/v1/predict/", "/v1//predict", "/v1/./predict", "/v1/x/../predict",
        "/V1/predict", "/v1/predict?", "/v1/predict#", "/v1/predict\n", "/admin", "/nothing",
        "/static_content/../metrics", "/static_content//etc", "/static_content/..\\x", "", "*",
    ],
)  # fmt: skip
def test_only_listed_paths_are_let_through(house: House, path: str) -> None:
    answer = house.ask(path)
    assert answer.status == 404
    assert answer.problem["title"] == "Not found"
    assert house.inner.seen == []


def test_a_mounted_service_is_guarded_the_same_way(house: House) -> None:
    for path, status in (
        ("/shop/livez", 200),
        ("/shop/readyz", 401),
        ("/shop/shop/livez", 401),
        ("/abcd/livez", 401),
        ("/shop", 401),
    ):
        answer = house.ask(path, "GET", headers={}, root_path="/shop")
        assert (path, answer.status) == (path, status)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/v1/predict", "GET", "POST"),
        ("/v1/predict", "DELETE", "POST"),
        ("/v1/predict", "OPTIONS", "POST"),
        ("/v1/predict", "TRACE", "POST"),
        ("/v1/models", "POST", "GET, HEAD"),
        ("/livez", "POST", "GET, HEAD"),
    ],
)
def test_other_methods(house: House, path: str, method: str, allowed: str) -> None:
    answer = house.ask(path, method)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert answer.problem["type"] == "urn:neigung:problem:method-not-allowed"
    assert house.inner.seen == []


def test_only_http(house: House) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    asyncio.run(house.gate()({"type": "websocket", "path": "/v1/predict"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert house.inner.seen == []


# Errors


def test_an_exception_inside_tells_the_client_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("Max Geheim")

    answer = asyncio.run(ask(house.gate(inner), headers=house.headers))
    assert answer.status == 500
    assert "Geheim" not in answer.body.decode() + caplog.text
    assert answer.problem["type"] == "urn:neigung:problem:internal-error"
    (record,) = (record for record in caplog.records if record.name == "neigung.gate")
    assert record.exc_info is None
    message = record.getMessage()
    assert message.startswith(f"request {answer.headers['x-request-id']} failed: KeyError at ")
    assert re.search(r"test_middleware\.py:\d+$", message)


def test_no_answer_is_an_error_too(house: House) -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        return

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    for inner in (silent, half):
        answer = asyncio.run(ask(house.gate(inner), headers=house.headers))
        assert (answer.status, answer.problem["title"]) == (500, "Internal error")


def test_an_answer_that_breaks_off_is_not_finished_by_the_gate(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError

    answer = asyncio.run(ask(house.gate(broken), headers=house.headers))
    assert (answer.status, answer.body) == (200, b"half")
    assert answer.messages[-1]["more_body"], "the server has to cut the connection"
    assert "ValueError" in caplog.text


def test_a_problem_raised_inside_is_answered(house: House) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise Problem(
            503, "log-full", "The log is full", "Make room.", headers={"Retry-After": "9"}
        )

    answer = asyncio.run(ask(house.gate(inner), headers=house.headers))
    assert answer.problem["detail"] == "Make room."
    assert answer.headers["retry-after"] == "9"


def test_errors_of_the_application_become_problems(house: House) -> None:
    async def predict(request: Request) -> Response:
        return JSONResponse({"error": "Geheim"}, 501, {"retry-after": "5", "set-cookie": "a=b"})

    answer = asyncio.run(ask(house.gate(Inner(predict)), headers=house.headers))
    assert answer.status == 501
    assert answer.problem["title"] == "Internal error"
    assert b"Geheim" not in answer.body
    assert answer.headers["retry-after"] == "5"


def test_an_error_is_told_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"a"})
        await send({"type": "http.response.body", "body": b"b"})
        raise ValueError

    answer = asyncio.run(ask(house.gate(inner), headers=house.headers))
    assert (answer.status, len(answer.messages)) == (500, 2)
    assert answer.problem["title"] == "Internal error"
    assert "ValueError" in caplog.text


def test_streamed_errors_become_problems_as_well(house: House) -> None:
    async def predict(request: Request) -> Response:
        return StreamingResponse(iter([b"Geheim" * 50_000] * 10), 400)

    answer = asyncio.run(ask(house.gate(Inner(predict)), headers=house.headers))
    assert answer.problem["status"] == 400
    assert b"Geheim" not in answer.body


def test_a_problem_of_the_application_goes_out_with_its_instance(house: House) -> None:
    async def predict(request: Request) -> Response:
        return Problem(422, "no", "No", "Not so.", [{"path": "a", "message": "b"}]).response()

    answer = asyncio.run(ask(house.gate(Inner(predict)), headers=house.headers))
    assert answer.problem["errors"] == [{"path": "a", "message": "b"}]
    assert answer.status == 422


# Answers, ids, logs


def test_an_answer_is_two_messages_with_a_length(house: House) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"12345"})

    answer = asyncio.run(ask(house.gate(inner), headers=house.headers))
    assert [message["type"] for message in answer.messages] == [
        "http.response.start",
        "http.response.body",
    ]
    assert answer.headers["content-length"] == "5"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_streams_go_through(house: House) -> None:
    async def predict(request: Request) -> Response:
        return StreamingResponse(iter([b"a", b"b"]), headers={"cache-control": "private"})

    answer = asyncio.run(ask(house.gate(Inner(predict)), headers=house.headers))
    assert (answer.status, answer.body) == (200, b"ab")
    assert "content-length" not in answer.headers
    assert answer.headers["cache-control"] == "private"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("a", True),
        ("A-Za.z_0" * 8, True),
        ("a" * 65, False),
        ("", False),
        ("a b", False),
        ("a\nb", False),
        ("a\n", False),
        ("ä", False),
        ('"><script>', False),
    ],
)
def test_only_tame_request_ids_are_taken_over(house: House, given: str, taken: bool) -> None:
    answer = house.ask(headers=house.headers | {"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) == taken
    if not taken:
        assert re.fullmatch(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["x-request-id"]
        )


def test_the_application_cannot_put_another_request_id(house: House) -> None:
    async def predict(request: Request) -> Response:
        return PlainTextResponse("", headers={"X-Request-ID": "other"})

    answer = asyncio.run(
        ask(house.gate(Inner(predict)), headers=house.headers | {"x-request-id": "mine"})
    )
    assert answer.headers["x-request-id"] == "mine"


def test_one_line_a_request_and_nothing_of_the_customer(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with_id = house.headers | {"x-request-id": "r-1"}
    house.ask(headers=with_id, chunks=[b'"Max Geheim"'], query_string=b"name=Max")
    house.ask("/v1/predict/Max", headers=with_id)
    house.ask("/static_content/Max.js", "GET", headers=with_id)
    house.ask("/v1/predict", "Max", headers=with_id)
    house.ask("/livez", "GET", headers={"x-request-id": "r-1", "user-agent": "Max"})
    lines = [
        re.sub(r"\d+\.\d ms", "N ms", record.getMessage())
        for record in caplog.records
        if record.name != "asyncio"
    ]
    assert lines == [
        "POST /v1/predict 200 N ms key=shop request=r-1",
        "POST - 404 N ms key=shop request=r-1",
        "GET /static_content/* 200 N ms key=shop request=r-1",
        "- /v1/predict 405 N ms key=shop request=r-1",
        "GET /livez 200 N ms key=- request=r-1",
    ]
    assert house.key not in caplog.text
