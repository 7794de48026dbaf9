from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from neigung.errors import InputError
from neigung.serving.access import add_key
from neigung.serving.exchange import Exchange
from neigung.serving.middleware import Limits
from neigung.serving.problems import standard
from tests.processes import PATIENCE
from tests.serving.house import JSON, SCOPES, House, Inner, ask


@pytest.fixture
def house(tmp_path: Path) -> House:
    keys = tmp_path / "keys.json"
    return House(keys, add_key(keys, "shop", SCOPES), Inner())


# Bodies


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": 'Application/JSON;charset="UTF-8"'}, 200),
        ({"content-type": "application/json", "content-encoding": "identity"}, 200),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-type": "application/vnd.bentoml+pickle"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": "application/json, text/html"}, 415),
        ({"content-type": "application/jsonp"}, 415),
        ({"content-type": ""}, 415),
        ({}, 415),
    ],
)
def test_only_json_comes_in(house: House, headers: dict[str, str], status: int) -> None:
    answer = house.ask(headers=headers | {"x-api-key": house.key})
    assert answer.status == status
    assert len(house.inner.seen) == (status == 200)
    if status == 415:
        assert answer.problem["title"] == "The body must be JSON"
        assert answer.headers["accept-post"] == "application/json"


@pytest.mark.parametrize("declared", ["11", "1" + "0" * 5000])
def test_a_body_declared_too_large_is_not_read(house: House, declared: str) -> None:
    async def receive() -> Message:
        pytest.fail("read")

    gate = house.gate(body_bytes=10)
    answer = asyncio.run(ask(gate, headers=house.headers | {"content-length": declared}, chunks=()))
    assert answer.status == 413
    assert "at most 10 bytes" in answer.problem["detail"]
    assert ("connection" in answer.headers) == (len(declared) > 5)


def test_a_body_that_becomes_too_large_is_cut_off(house: House) -> None:
    gate = house.gate(body_bytes=10, in_flight_bytes=10)
    chunked = house.headers | {"transfer-encoding": "chunked"}
    answer = asyncio.run(ask(gate, headers=chunked, chunks=[b"x" * 6, b"x" * 5, b"x" * 99]))
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert house.inner.seen == []
    answer = asyncio.run(ask(gate, headers=chunked, chunks=[b"x" * 6, b"x" * 4]))
    assert answer.status == 200, "and its bytes are free again"


def test_a_connection_stays_open_once_the_body_is_here(house: House) -> None:
    async def predict(request: Request) -> Response:
        return PlainTextResponse("", 500)

    chunked = house.headers | {"transfer-encoding": "chunked"}
    answer = asyncio.run(ask(house.gate(Inner(predict)), headers=chunked))
    assert (answer.status, "connection" in answer.headers) == (500, False)
    answer = asyncio.run(ask(house.gate(), "/nothing", headers=chunked))
    assert (answer.status, answer.headers["connection"]) == (404, "close")


def test_a_length_that_is_no_number(house: House) -> None:
    answer = house.ask(headers=house.headers | {"content-length": "-1"})
    assert (answer.status, house.inner.seen) == (400, [])


def test_a_slow_body_is_not_waited_for(house: House) -> None:
    gate = house.gate(body_seconds=0.1)
    began = time.perf_counter()
    for chunks in ([100.0, b"{}"], [b"{", 100.0, b"}"], [b"x", 0.03] * 100 + [b"x"]):
        answer = asyncio.run(ask(gate, headers=house.headers, chunks=chunks))
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert "within 0.1 s" in answer.problem["detail"]
    assert time.perf_counter() - began < 50
    assert house.inner.seen == []
    assert asyncio.run(ask(gate, headers=house.headers)).status == 200


def test_a_client_that_goes_away_is_not_answered(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "neigung.access")
    gate = house.gate(in_flight=1)
    for chunks in ([None], [b"{", None]):
        answer = asyncio.run(ask(gate, headers=house.headers, chunks=chunks))
        assert answer.messages == []
    assert caplog.text.count(" 499 ") == 2
    assert house.inner.seen == []
    assert asyncio.run(ask(gate, headers=house.headers)).status == 200, "its place is free"


def test_the_application_learns_that_the_client_went_away(house: House) -> None:
    async def predict(request: Request) -> Response:
        await request.body()
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)
        return PlainTextResponse("nobody reads this")

    inner = Inner(predict)
    asked = ask(house.gate(inner), headers=house.headers, chunks=[b"{}", 0.05, None])
    assert asyncio.run(asyncio.wait_for(asked, PATIENCE)).body == b"nobody reads this"


def test_an_answer_that_nobody_waits_for_is_no_failure(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    asked = ask(house.gate(endless), headers=house.headers, chunks=[b"{}", 0.05, None])
    assert asyncio.run(asyncio.wait_for(asked, PATIENCE)).messages == []
    (line,) = (record.getMessage() for record in caplog.records if record.name != "asyncio")
    assert line.startswith("POST /v1/predict 499 ")


def test_a_body_of_a_get_is_not_handed_on(house: House) -> None:
    async def models(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse((await Request(scope, receive).body()).decode())(scope, receive, send)

    answer = asyncio.run(ask(house.gate(models), "/v1/models", "GET", headers=house.headers))
    assert json.loads(answer.body) == ""


def test_too_many_headers(house: House) -> None:
    flood = [(f"x-{i}", "x") for i in range(100)]
    answer = house.ask(headers=[*house.headers.items(), *flood])
    assert answer.status == 431
    assert house.inner.seen == []
    assert house.ask(headers=[*house.headers.items(), *flood[:98]]).status == 200


# How much at once


def test_overload_is_answered_at_once_and_passes(house: House) -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def predict(request: Request) -> Response:
            await release.wait()
            return PlainTextResponse("done")

        gate = house.gate(Inner(predict), in_flight=3)
        working = [asyncio.create_task(ask(gate, headers=house.headers)) for _ in range(3)]
        await asyncio.sleep(0.05)
        for _ in range(20):
            answer = await asyncio.wait_for(ask(gate, headers=house.headers), PATIENCE)
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert answer.problem["title"] == "Not available now"
        assert (await ask(gate, "/readyz", "GET", headers=house.headers)).status == 200
        assert (await ask(gate, "/metrics", "GET", headers=house.headers)).status == 200
        release.set()
        assert [answer.status for answer in await asyncio.gather(*working)] == [200] * 3
        assert (await ask(gate, headers=house.headers)).status == 200
        assert (gate._requests, gate._bytes) == (0, 0)

    asyncio.run(main())


def test_the_bytes_in_flight_are_limited_too(house: House) -> None:
    async def main() -> None:
        gate = house.gate(body_bytes=10, in_flight_bytes=20)
        large = house.headers | {"content-length": "9"}
        slow = [1.0, b"123456789"]
        working = [asyncio.create_task(ask(gate, headers=large, chunks=slow)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert (await ask(gate, headers=large, chunks=[b"123456789"])).status == 503
        assert (await ask(gate, headers=house.headers, chunks=[b"1", b"23"])).status == 503
        assert (await ask(gate, headers=house.headers, chunks=[b"12"])).status == 200
        assert [answer.status for answer in await asyncio.gather(*working)] == [200, 200]
        assert (gate._requests, gate._bytes) == (0, 0)
        assert (await ask(gate, headers=large, chunks=[b"123456789"])).status == 200

    asyncio.run(main())


def test_the_rate_of_a_key_is_limited_and_others_are_not_held_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 50.0
    monkeypatch.setattr("neigung.serving.middleware.time.monotonic", lambda: now)
    gate = house.gate(rate=0.5, burst=3)
    other = JSON | {"x-api-key": add_key(house.keys, "crm", ["predict:*"])}

    def statuses(headers: dict[str, str], count: int) -> list[int]:
        return [asyncio.run(ask(gate, headers=headers)).status for _ in range(count)]

    assert statuses(house.headers, 5) == [200, 200, 200, 429, 429]
    answer = asyncio.run(ask(gate, headers=house.headers))
    assert answer.headers["retry-after"] == "2"
    assert answer.problem["title"] == "Too many requests"
    assert statuses(other, 1) == [200]
    now += 2.0
    assert statuses(house.headers, 2) == [200, 429]
    now += 1000.0
    assert statuses(house.headers, 4) == [200, 200, 200, 429], "no more than a burst is saved"


def test_without_a_rate_any_number_comes_in(house: House) -> None:
    gate = house.gate()
    assert {asyncio.run(ask(gate, headers=house.headers)).status for _ in range(200)} == {200}


@pytest.mark.parametrize("name", ["body_bytes", "body_seconds", "in_flight", "rate"])
def test_limits_that_let_nothing_in_are_refused(name: str) -> None:
    for value in (0, -1, float("nan")):
        with pytest.raises(InputError, match=f"{name} above 0 is needed"):
            Limits(**{name: value})


def test_work_that_takes_too_long_is_answered_and_keeps_its_place(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "neigung.access")

    async def main() -> None:
        release = asyncio.Event()

        async def predict(request: Request) -> Response:
            await release.wait()
            return PlainTextResponse("too late")

        gate = house.gate(Inner(predict), seconds=0.3, in_flight=1)
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}"}

        headers = [(name.encode(), text.encode()) for name, text in house.headers.items()]
        scope = {"type": "http", "path": "/v1/predict", "method": "POST", "headers": headers}
        work = asyncio.create_task(gate(scope, receive, send))
        await asyncio.sleep(0.7)
        assert [message["type"] for message in sent] == [
            "http.response.start",
            "http.response.body",
        ]
        assert (sent[0]["status"], (b"retry-after", b"1") in sent[0]["headers"]) == (503, True)
        assert "longer than 0.3 s" in json.loads(sent[1]["body"])["detail"]
        assert caplog.text.count(" 503 ") == 1, "logged when it was answered"
        assert not work.done()
        assert (await ask(gate, headers=house.headers)).status == 503
        release.set()
        await work
        assert len(sent) == 2, "what came later is not sent"
        assert (await ask(gate, headers=house.headers)).status == 200

    asyncio.run(main())
    assert len(caplog.records) == 3


def test_an_answer_that_has_begun_may_take_its_time(house: House) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(1.5)
        yield b"b"

    async def predict(request: Request) -> Response:
        return StreamingResponse(slow())

    answer = asyncio.run(ask(house.gate(Inner(predict), seconds=1.0), headers=house.headers))
    assert (answer.status, answer.body) == (200, b"ab")


def test_no_timer_is_left_behind(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exchange, "expire", lambda *_: pytest.fail("expired"))
    fired: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: fired.append(what))
        assert (await ask(house.gate(seconds=0.2), headers=house.headers)).status == 200
        await asyncio.sleep(0.3)

    asyncio.run(main())
    assert fired == []


def test_a_late_answer_is_the_only_one() -> None:
    async def main() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        exchange = Exchange({"type": "http", "method": "POST", "headers": []}, send)
        exchange.expire(1.0)
        exchange.expire(1.0)
        await exchange.refuse(standard(500))
        await exchange.settled()
        await exchange.refuse(standard(500))
        return sent

    sent = asyncio.run(main())
    assert [message.get("status") for message in sent] == [503, None]


def test_work_in_threads_is_told_off_in_time_as_well(house: House) -> None:
    async def predict(request: Request) -> Response:
        await asyncio.to_thread(time.sleep, 3.0)
        return PlainTextResponse("late")

    began = time.perf_counter()

    async def main() -> float:
        answered = 0.0

        async def send(message: Message) -> None:
            nonlocal answered
            answered = answered or time.perf_counter() - began
            assert message.get("status", 503) == 503

        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}"}

        headers = [(name.encode(), text.encode()) for name, text in house.headers.items()]
        scope = {"type": "http", "path": "/v1/predict", "method": "POST", "headers": headers}
        await house.gate(Inner(predict), seconds=0.05)(scope, receive, send)
        return answered

    assert 0.05 <= asyncio.run(main()) < 2.9
