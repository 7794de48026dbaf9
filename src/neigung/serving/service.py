"""The BentoML service: what each worker runs.

`NeigungService` is made when it is first asked for, from the settings that the environment names:
`bentoml serve neigung.serving.service:NeigungService`, which `neigung serve` calls.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neigung.serving.access import ApiKey
from neigung.serving.clock import Clock
from neigung.serving.decision_log import (
    DecisionLog,
    IdempotencyConflict,
    LogUnavailable,
    RequestKey,
)
from neigung.serving.gate import STATE_KEY, Gate
from neigung.serving.inventory import inventory
from neigung.serving.openapi import openapi
from neigung.serving.pinned import Pinned
from neigung.serving.predictor import Predictor
from neigung.serving.problems import Problem, failure, invalid, standard
from neigung.serving.schemas import OffersAnswer, OffersRequest, PredictAnswer, PredictRequest
from neigung.serving.secret import load_secret
from neigung.serving.settings import Settings, load_studies
from neigung.serving.studies import ServedStudy, Watcher

logger = logging.getLogger("neigung.serving")

LONGEST_KEY = 128
"""Characters of an Idempotency-Key."""


def __getattr__(name: str) -> Any:
    if name != "NeigungService":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # BentoML looks the service up among the module's own names later on.
    globals()[name] = made = make_service(Settings.read())
    return made


class _Service(bentoml.Service[Any]):  # type: ignore[misc]
    """A service with the gate before everything, BentoML's own middlewares included.

    Behind them, strangers' paths would become labels of its metrics and lines of its log.
    """

    __slots__ = ()

    @property
    def openapi_spec(self) -> Any:
        """What BentoML answers at /docs.json and writes into a bento; its own has no examples."""
        return _Document(openapi())

    def to_asgi(self, is_main: bool = True) -> Any:
        """The application of a worker."""
        app = super().to_asgi(is_main)
        settings: Settings = self.inner.settings
        app.add_middleware(Gate, keys=settings.keys, limits=settings.limits)
        return app


class _Document(dict[str, Any]):
    def asdict(self) -> dict[str, Any]:
        return self


class Worker:
    """What answers in one process: the studies, followed as they change, and the decision log."""

    def __init__(self, settings: Settings) -> None:
        _log_to_standard_error()
        clock = Clock()
        pinned = Pinned(Path(settings.artefacts))
        studies = load_studies(settings)
        self.studies = {
            study.name: ServedStudy(
                study,
                Path(settings.snapshots) / study.name,
                pinned,
                follow=settings.follow_registry,
                clock=clock,
            )
            for study in studies
        }
        self.log = DecisionLog.open(settings.log, load_secret("NEIGUNG_LOG_KEY", settings.log_key))
        self.predictor = Predictor(
            self.studies,
            self.log,
            clock,
            consent_max_age=settings.consent_max_age_seconds,
            max_seconds=settings.limits.seconds,
        )
        self.watcher = Watcher(list(self.studies.values()), settings.poll_seconds)
        self.watcher.start()
        # The objects of a start live as long as the process: looking through them again and again
        # for garbage would stop every request for a tenth of a second.
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """Stop following, finish writing."""
        self.watcher.stop()
        self.log.close()


def _log_to_standard_error() -> None:
    """Show our own lines, and none of BentoML's about requests: they quote what was sent."""
    own = logging.getLogger("neigung")
    if not own.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        own.addHandler(handler)
    own.setLevel(logging.INFO)
    own.propagate = False
    for name in ("bentoml._internal.server.http_app", "bentoml.access", "uvicorn.access"):
        logging.getLogger(name).disabled = True


def make_service(settings: Settings) -> Any:
    """The BentoML service of some settings."""
    place: dict[str, Worker] = {}

    class NeigungService:
        """Who will buy, what discount it takes, who is leaving, and why."""

        def __init__(self) -> None:
            place["worker"] = Worker(settings)

        @bentoml.api(route="/v1/predict")  # type: ignore[untyped-decorator]
        def predict(self, request: PredictRequest, /) -> PredictAnswer:
            """Predictions for up to 1,000 customers."""
            said: PredictAnswer = _answered(place["worker"].predictor.predict, request)
            return said

        @bentoml.api(route="/v1/offers")  # type: ignore[untyped-decorator]
        def offers(self, request: OffersRequest, /) -> OffersAnswer:
            """The necessary discount of up to 1,000 customers."""
            said: OffersAnswer = _answered(place["worker"].predictor.offers, request)
            return said

        def __is_ready__(self) -> bool:
            return "worker" in place

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            place["worker"].close()

    NeigungService.settings = settings  # type: ignore[attr-defined]
    made: Any = bentoml.service(
        name="NeigungService",
        service_class=_Service,
        workers=settings.workers,
        threads=settings.threads,
        # The gate limits what comes in; this is only the net beneath it.
        traffic={"timeout": settings.limits.seconds + 10},
        logging={"access": {"enabled": False}},
    )(NeigungService)
    for api in made.apis.values():
        api.input_spec = _checked(api.input_spec)

    async def models(request: Request) -> Response:
        key: ApiKey = request.scope["state"][STATE_KEY]
        return _json(inventory(place["worker"].studies, key))

    made.mount_asgi_app(Starlette(routes=[Route("/v1/models", models)]), "/")
    return made


class _Asked:
    """A request that was read: checked, with who sent it; or the problem with it."""

    def __init__(self, body: BaseModel | Problem, key: ApiKey, request: RequestKey | None) -> None:
        self.body = body
        self.key = key
        self.request = request


def _checked(spec: Any) -> Any:
    """An input of BentoML's that answers bad requests with problems.

    BentoML would log the exception with its stack, and with it the customer's data.
    """

    async def from_http_request(request: Request, serde: Any) -> _Asked:
        body = await request.body()
        key: ApiKey = request.scope["state"][STATE_KEY]
        try:
            named = _request_key(request, body, key)
            return _Asked(spec.model_validate_json(body), key, named)
        except ValidationError as error:
            return _Asked(invalid(error), key, None)
        except Problem as problem:
            return _Asked(problem, key, None)
        except Exception as error:
            return _Asked(_broken(error), key, None)

    spec.from_http_request = from_http_request
    return spec


def _request_key(request: Request, body: bytes, key: ApiKey) -> RequestKey | None:
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not given.isprintable() or not 1 <= len(given) <= LONGEST_KEY:
        raise standard(
            400,
            f"An Idempotency-Key of 1 to {LONGEST_KEY} printable characters is needed. Mend it.",
        )
    digest = hashlib.sha256(request.url.path.encode() + b"\0" + body).hexdigest()
    return RequestKey(given, key.name, digest)


def _answered(
    answer: Callable[[Any, ApiKey, RequestKey | None], dict[str, Any]], asked: Any
) -> Any:
    """A response with the answer, or with the problem."""
    assert isinstance(asked, _Asked)
    try:
        if isinstance(asked.body, Problem):
            raise asked.body
        return _json(answer(asked.body, asked.key, asked.request))
    except LogUnavailable:
        problem = standard(
            503,
            "The decision log cannot be written, so nothing may be answered. Try again later.",
            {"Retry-After": "5"},
        )
    except IdempotencyConflict:
        problem = Problem(
            422,
            "idempotency-key-reused",
            "The Idempotency-Key was used for another request",
            "The same key is needed for the same request only. Send this one with a new key.",
        )
    except Problem as found:
        problem = found
    except Exception as error:
        problem = _broken(error)
    return problem.response()


def _broken(error: Exception) -> Problem:
    logger.error("a request failed: %s", failure(error))
    return standard(500)


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content, inf_nan_mode="null"), media_type="application/json")
