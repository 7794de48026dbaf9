"""The BentoML service.

`NeigungService` is made when it is first asked for, from the settings that the environment names:
`bentoml serve neigung.serving.service:NeigungService`, which `neigung serve` calls. What answers is
imported by the workers alone: the process that minds them starts sooner and stays small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bentoml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neigung.serving.middleware import STATE_KEY, Gate
from neigung.serving.openapi import openapi
from neigung.serving.requests import checked
from neigung.serving.schemas import OffersAnswer, OffersRequest, PredictAnswer, PredictRequest
from neigung.serving.settings import Settings

if TYPE_CHECKING:
    from neigung.serving.worker import Worker


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


def make_service(settings: Settings) -> Any:
    """The BentoML service of some settings."""
    place: dict[str, Worker] = {}

    class NeigungService:
        """Who will buy, what discount it takes, who is leaving, and why."""

        def __init__(self) -> None:
            from neigung.serving.worker import Worker

            place["worker"] = Worker(settings)

        @bentoml.api(route="/v1/predict")  # type: ignore[untyped-decorator]
        def predict(self, request: PredictRequest, /) -> PredictAnswer:
            """Predictions for up to 1,000 customers."""
            asked: Any = request
            answer: Any = place["worker"].predict(asked)
            return answer  # type: ignore[no-any-return]

        @bentoml.api(route="/v1/offers")  # type: ignore[untyped-decorator]
        def offers(self, request: OffersRequest, /) -> OffersAnswer:
            """The necessary discount of up to 1,000 customers."""
            asked: Any = request
            answer: Any = place["worker"].offers(asked)
            return answer  # type: ignore[no-any-return]

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
        api.input_spec = checked(api.input_spec)

    async def models(request: Request) -> Response:
        return place["worker"].models(request.scope["state"][STATE_KEY])

    made.mount_asgi_app(Starlette(routes=[Route("/v1/models", models)]), "/")
    return made
