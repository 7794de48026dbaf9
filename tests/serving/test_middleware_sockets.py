from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from neigung.serving.access import add_key
from tests.processes import wait_for
from tests.serving.house import SCOPES, House, Inner, conversation, head, served


@pytest.fixture
def house(tmp_path: Path) -> House:
    keys = tmp_path / "keys.json"
    return House(keys, add_key(keys, "shop", SCOPES), Inner())


def test_slow_bodies_over_a_socket(house: House) -> None:
    gate = house.gate(body_seconds=0.4, in_flight=8)
    with served(gate) as port:
        slow = (head(house, "Content-Length: 100"), *(b"x", 0.1) * 12)
        chunked = (head(house, "Transfer-Encoding: chunked"), *(b"1\r\nx\r\n", 0.1) * 12)
        stopped = (head(house, "Content-Length: 100"), b"{")
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda p=parts: answers.append(conversation(port, *p)))
            for parts in (slow, chunked, stopped) * 2
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        assert httpx.post(
            f"http://127.0.0.1:{port}/v1/predict", headers=house.headers, json={}
        ).is_success
        for thread in threads:
            thread.join()
        assert len(answers) == 6
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"connection: close" in answer
        assert (gate._requests, gate._bytes) == (0, 0)
    assert len(house.inner.seen) == 1


def test_an_endless_chunked_body_over_a_socket(house: House) -> None:
    with served(house.gate(body_bytes=100_000)) as port:
        chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
        answer = conversation(port, head(house, "Transfer-Encoding: chunked"), *[chunk] * 11)
        assert answer.startswith(b"HTTP/1.1 413 ")
    assert house.inner.seen == []


def test_a_client_that_sends_too_much_still_sees_why(house: House) -> None:
    with (
        served(house.gate(body_bytes=1000)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=house.headers) as client,
    ):
        for _ in range(5):
            answer = client.post("/v1/predict", content=b"x" * 5_000_000)
            assert answer.status_code == 413
            answer = client.post(
                "/v1/predict", content=b"x" * 5_000_000, headers={"x-api-key": "no"}
            )
            assert answer.status_code == 401
            assert client.post("/v1/predict", content=b"{}").status_code == 200


def test_clients_that_vanish_over_a_socket(house: House) -> None:
    gate = house.gate(in_flight=2)
    with served(gate) as port:
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(head(house, "Content-Length: 100") + b"{")
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(head(house, "Content-Length: 2") + b"{}")
        wait_for(lambda: (gate._requests, gate._bytes) == (0, 0))
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/predict", headers=house.headers, json={})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/predict", 200), ("//v1/predict", 404), ("/v1/predict/", 404), ("/v1/%70redict", 200),
        ("/v1/x/%2e%2e/predict", 404), ("/static_content/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/static_content/..%2fmetrics", 404), ("/v1%2fpredict", 200), ("/v1/predict%00", 404),
        ("/livez%3f", 404), ("http://other/v1/predict", 404), ("/v1/predict;x=1", 404),
    ],
)  # fmt: skip
def test_path_tricks_over_a_socket(house: House, target: str, status: int) -> None:
    with served(house.gate()) as port:
        for key, expected in ((house.key, status), ("wrong", 401)):
            request = (
                f"POST {target} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nConnection: close\r\n"
                "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            )
            answer = conversation(port, request.encode())
            assert answer.startswith(f"HTTP/1.1 {expected} ".encode()), answer


def test_header_floods_over_a_socket(house: House) -> None:
    many = [f"X-{i}: {'x' * 20}" for i in range(200)]
    with served(house.gate()) as port:
        answer = conversation(
            port, head(house, "Content-Length: 2", "Connection: close", *many), b"{}"
        )
        assert answer.startswith(b"HTTP/1.1 431 ")
        answer = conversation(port, head(house, "Content-Length: 2", "X: " + "x" * 200_000), b"{}")
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")) or answer == b""
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/predict", headers=house.headers, json={})
        assert answer.status_code == 200
    assert len(house.inner.seen) == 1


def test_a_late_answer_leaves_the_connection_of_use(house: House) -> None:
    times = iter([2.5, 0.0, 0.0])

    async def predict(request: Request) -> Response:
        await asyncio.sleep(next(times))
        return PlainTextResponse("fine")

    with (
        served(house.gate(Inner(predict), seconds=1.5)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=house.headers) as client,
    ):
        statuses = [client.post("/v1/predict", json={}).status_code for _ in range(3)]
        time.sleep(1.2)
    assert statuses == [503, 200, 200]
