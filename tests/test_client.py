"""The client, against a service that a handler plays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import neigung
from neigung.client import Client
from neigung.errors import InputError, ServiceError

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, slept: list[float] | None = None, **options: Any) -> Client:
    waits = [] if slept is None else slept
    return Client(
        "http://service",
        "secret",
        transport=httpx.MockTransport(handler),
        sleep=waits.append,
        **options,
    )


def echo(request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.content)
    return httpx.Response(200, json={"customers": asked["customers"], "asked": asked})


def test_it_is_a_public_name() -> None:
    assert neigung.Client is Client


def test_ids_and_profiles_are_sent_as_the_service_takes_them() -> None:
    profile = {"profile": {"order_lines": []}, "cutoff": "2024-05-01"}
    with client(echo) as service:
        assert service.predict(["7", profile]) == [{"customer_id": "7"}, profile]


def test_many_customers_are_asked_about_in_several_calls_and_stay_in_order() -> None:
    sizes = []

    def handler(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)["customers"]))
        return echo(request)

    ids = [str(number) for number in range(2500)]
    with client(handler) as service:
        assert [one["customer_id"] for one in service.predict(iter(ids))] == ids
    assert sizes == [1000, 1000, 500]


def test_the_key_is_sent_and_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEIGUNG_API_KEY", "from the environment")
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={"models": []})

    Client("http://service", transport=httpx.MockTransport(handler)).models()
    assert seen == ["Bearer from the environment"]


def test_without_a_key_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEIGUNG_API_KEY", raising=False)
    with pytest.raises(InputError, match="neigung keys add"):
        Client("http://service")


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_service_is_asked_again_with_the_same_idempotency_key(status: int) -> None:
    keys, slept = [], []

    def handler(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) < 3:
            return httpx.Response(status, headers={"Retry-After": "2"}, json={"status": status})
        return echo(request)

    with client(handler, slept) as service:
        assert service.predict(["7"]) == [{"customer_id": "7"}]
        assert len(keys) == 3
        assert len(set(keys)) == 1
        assert len(slept) == 2
        assert all(2 <= one <= 2.5 for one in slept)
        service.predict(["7"])
    assert keys[3] != keys[0]


def test_a_connection_that_breaks_is_tried_again_with_the_same_idempotency_key() -> None:
    keys = []

    def handler(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.RemoteProtocolError("gone", request=request)
        return echo(request)

    with client(handler) as service:
        assert service.predict(["7"]) == [{"customer_id": "7"}]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_it_gives_up_after_the_retries() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    slept: list[float] = []
    with client(handler, slept, retries=2) as service, pytest.raises(ServiceError) as caught:
        service.predict(["7"])
    assert "after 3 attempts" in str(caught.value)
    assert caught.value.status is None
    assert slept[0] < slept[1]


def test_a_refused_call_is_not_repeated_and_tells_the_paths() -> None:
    calls = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        problem = {
            "title": "The request is not valid",
            "detail": "1 field is wrong.",
            "status": 422,
            "errors": [{"path": "customers.0.customer_id", "message": "This field is needed."}],
        }
        return httpx.Response(422, json=problem)

    with client(handler) as service, pytest.raises(ServiceError) as caught:
        service.predict([{}])
    assert len(calls) == 1
    assert caught.value.status == 422
    assert "customers.0.customer_id: This field is needed." in str(caught.value)
    assert caught.value.problem["title"] == "The request is not valid"


def test_an_answer_that_is_no_json_is_an_error() -> None:
    service = client(lambda _: httpx.Response(502, text="<html>"))
    with service, pytest.raises(ServiceError, match="answered 502: Bad Gateway"):
        service.models()


def test_the_limits_of_offers_are_sent() -> None:
    with client(echo) as service:
        told = service.offers(["7"], "discount", margin_rate=0.35, budget=100.0, reasons=1)
    assert told["asked"] == {
        "customers": [{"customer_id": "7"}],
        "study": "discount",
        "margin_rate": 0.35,
        "budget": 100.0,
        "reasons": 1,
    }
