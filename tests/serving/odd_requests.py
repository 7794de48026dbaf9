"""Requests that are odd in their bytes, path, method or headers, and the statuses they get."""

from __future__ import annotations

import json

from tests.serving.hostile import DEEPLY, MARK
from tests.serving.wire import Asked

PREDICT, OFFERS, MODELS = "/v1/predict", "/v1/offers", "/v1/models"

BODY = json.dumps({"customers": [{"customer_id": "k001"}]}).encode()

ODD: list[tuple[Asked, set[int]]] = [
    *[(Asked(path, body), {400}) for path in (PREDICT, OFFERS) for body in DEEPLY],
    (Asked(PREDICT, b"[" * 5_000_000), {400}),
    (Asked(PREDICT, b" " * 16_000_000), {400}),
    (Asked(PREDICT, b" " * 16_000_001), {413}),
    (Asked(PREDICT, BODY, headers={"Content-Length": "9" * 18}), {413}),
    (Asked(PREDICT, b"", headers={"Content-Length": None}), {400}),
    (Asked(PREDICT, b"\xef\xbb\xbf" + BODY), {400}),
    (Asked(PREDICT, BODY.decode().encode("utf-16")), {400}),
    (Asked(PREDICT, BODY.decode().encode("utf-32")), {400}),
    (Asked(PREDICT, BODY + b"\x00"), {400}),
    (Asked(PREDICT, BODY * 2), {400}),
    *[(Asked(PREDICT, body), {422}) for body in (b"null", b"[]", b"1", b'""', b"true", b"{}")],
    *[
        (Asked(PREDICT, BODY, headers={"Content-Type": kind}), {415})
        for kind in (
            None, "", "text/plain", "application/xml", "application/vnd.bentoml+pickle",
            "application/octet-stream", "multipart/form-data; boundary=a", "application/jsonp",
            "application/x-www-form-urlencoded", "application/json; charset=utf-7",
        )
    ],
    (Asked(PREDICT, BODY, headers={"Content-Encoding": "gzip"}), {415}),
    (Asked(PREDICT, BODY, headers={"Content-Type": "APPLICATION/JSON ; charset=UTF-8"}), {200}),
    *[
        (Asked(PREDICT, b"", method), {405})
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    ],
    *[
        (Asked(path, BODY), {404})
        for path in (
            "/v1/predict/", "//v1/predict", "/v1//predict", "/V1/PREDICT", "/v1/predict%00",
            "/v1/./predict", "/v1/x/../predict", "/predict", "/v1", "/docs", "/v1/predict;a=b",
            "/static_content/../v1/predict", "/static_content/%2e%2e/%2e%2e/etc/passwd",
            f"/{MARK}", f"/v1/customers/{MARK}", "/" + "a" * 5000,
        )
    ],
    (Asked(f"{PREDICT}?customer_id={MARK}&studies=buy", BODY), {200}),
    (Asked("/v1/pr%65dict", BODY), {200, 404}),
    (Asked(MODELS, b"", "POST"), {405}),
    *[(Asked(PREDICT, BODY, headers={"Idempotency-Key": key}), {400}) for key in (
        "", "a" * 129, "a\tb", "\x80",
    )],
    *[(Asked(PREDICT, BODY, headers={"Idempotency-Key": key}), {200}) for key in (
        "a" * 128, f"{MARK}' OR 1=1; --", "é", "a, b",
    )],
    (Asked(PREDICT, BODY, headers={"X-Request-ID": f"{MARK} <script>"}), {200}),
    (Asked(PREDICT, BODY, headers={"X-Request-ID": "x" * 65}), {200}),
    (Asked(PREDICT, BODY, headers={"Authorization": None}), {401}),
    (Asked(PREDICT, BODY, headers={"Authorization": f"Bearer {MARK}\xff"}), {401}),
    (Asked(PREDICT, BODY, headers={"Authorization": f"Basic {MARK}"}), {401}),
    (Asked(PREDICT, BODY, headers={"X-API-Key": MARK}), {401}),
    (Asked(PREDICT, BODY, headers={f"X-{number}": "a" for number in range(120)}), {431}),
]  # fmt: skip
