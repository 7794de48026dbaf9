"""The OpenAPI description of the service, with examples."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from neigung.serving.problems import MEDIA_TYPE
from neigung.serving.schemas import (
    ModelsAnswer,
    OffersAnswer,
    OffersRequest,
    PredictAnswer,
    PredictRequest,
)

_REFUSED = {
    "400": "The body is not JSON.",
    "401": "No valid API key.",
    "403": "The API key lacks the scope.",
    "408": "The body came too slowly.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "422": "A field is wrong; `errors` names each by its path.",
    "429": "The API key asks too often; see Retry-After.",
    "503": "Overloaded, out of time, or the decision log cannot be written; see Retry-After.",
}
_PROBLEM = {
    "title": "Problem",
    "description": "Problem details of RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "error_count": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_ABOUT = (
    "Purchase propensity, discount sensitivity and churn, each number with its reasons. Errors are "
    "problem details of RFC 9457. A request with an Idempotency-Key may be sent again without "
    "being logged twice."
)


def openapi() -> dict[str, Any]:
    """The document, OpenAPI 3.1.

    >>> sorted(openapi()["paths"])
    ['/livez', '/metrics', '/readyz', '/v1/models', '/v1/offers', '/v1/predict']
    """
    models: list[type[BaseModel]] = [PredictRequest, OffersRequest]
    told: list[type[BaseModel]] = [PredictAnswer, OffersAnswer, ModelsAnswer]
    place = "#/components/schemas/{model}"
    _, asked = models_json_schema([(one, "validation") for one in models], ref_template=place)
    _, answered = models_json_schema([(one, "serialization") for one in told], ref_template=place)
    schemas = {**asked["$defs"], **answered["$defs"], "Problem": _PROBLEM}
    open_to_all: dict[str, Any] = {"security": []}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Neigung", "version": version("neigung"), "description": _ABOUT},
        "security": [{"bearer": []}, {"key": []}],
        "paths": {
            "/v1/predict": {
                "post": _post(
                    "predict", "Predict for up to 1,000 customers.", PredictRequest, PredictAnswer
                )
            },
            "/v1/offers": {
                "post": _post(
                    "offers", "The necessary discount per customer.", OffersRequest, OffersAnswer
                )
            },
            "/v1/models": {
                "get": {
                    "operationId": "models",
                    "summary": "The versions that are served.",
                    "responses": {"200": _answer(ModelsAnswer), **_problems("401", "403")},
                }
            },
            "/livez": {
                "get": {
                    "operationId": "livez",
                    "summary": "Whether the process is alive; needs no key.",
                    **open_to_all,
                    "responses": {"200": {"description": "Alive."}},
                }
            },
            "/readyz": {
                "get": {
                    "operationId": "readyz",
                    "summary": "Whether predictions can be answered.",
                    "responses": {"200": {"description": "Ready."}, **_problems("401", "503")},
                }
            },
            "/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": "Numbers for Prometheus.",
                    "responses": {
                        "200": {"description": "Text."},
                        **_problems("401", "403"),
                    },
                }
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _post(name: str, summary: str, asked: type[BaseModel], told: type[BaseModel]) -> dict[str, Any]:
    again = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same for each attempt to send a request.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    }
    return {
        "operationId": name,
        "summary": summary,
        "description": " ".join((asked.__doc__ or "").split()),
        "parameters": [again],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference(asked),
                    "examples": _examples(asked),
                }
            },
        },
        "responses": {"200": _answer(told), **_problems(*_REFUSED)},
    }


def _examples(asked: type[BaseModel]) -> dict[str, Any]:
    given = asked.model_json_schema().get("examples", [])
    return {f"example{number}": {"value": one} for number, one in enumerate(given, start=1)}


def _answer(told: type[BaseModel]) -> dict[str, Any]:
    return {
        "description": " ".join((told.__doc__ or "").split()),
        "content": {"application/json": {"schema": _reference(told)}},
    }


def _problems(*statuses: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _REFUSED[status], "content": content} for status in statuses}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
