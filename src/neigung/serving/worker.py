"""What answers in one process of the service."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from neigung.serving import metrics
from neigung.serving.access import ApiKey, list_keys
from neigung.serving.clock import Clock
from neigung.serving.decision_log import DecisionLog, IdempotencyConflict, LogUnavailable
from neigung.serving.inventory import inventory
from neigung.serving.pinned import Pinned
from neigung.serving.places import LOG_KEY_VARIABLE
from neigung.serving.predictor import Predictor
from neigung.serving.problems import Problem, standard
from neigung.serving.requests import Asked, RequestKey, broken
from neigung.serving.secret import load_secret
from neigung.serving.settings import Settings, load_studies
from neigung.serving.studies import ServedStudy, Watcher, when_compiled


class Worker:
    """The studies, followed as they change, and the decision log."""

    def __init__(self, settings: Settings) -> None:
        _log_to_standard_error()
        # Without keys the gate would fail at each request; better not to start at all.
        list_keys(Path(settings.keys))
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
        self.log = DecisionLog.open(settings.log, load_secret(LOG_KEY_VARIABLE, settings.log_key))
        self.predictor = Predictor(
            self.studies,
            self.log,
            clock,
            consent_max_age=settings.consent_max_age_seconds,
            max_seconds=settings.limits.seconds,
        )
        metrics.forget_the_dead()
        self.watcher = Watcher(list(self.studies.values()), settings.poll_seconds)
        self.watcher.start()
        when_compiled(_settle)

    def predict(self, asked: Asked) -> Response:
        """The answer of `POST /v1/predict`."""
        return _answered(self.predictor.predict, asked)

    def offers(self, asked: Asked) -> Response:
        """The answer of `POST /v1/offers`."""
        return _answered(self.predictor.offers, asked)

    def models(self, key: ApiKey) -> Response:
        """The answer of `GET /v1/models`."""
        return _json(inventory(self.studies, key))

    def close(self) -> None:
        """Stop following, finish writing."""
        self.watcher.stop()
        self.log.close()


def _settle() -> None:
    """Set aside the objects of the start, which live as long as the process.

    Looking through them again and again for garbage would stop every request for a tenth of a
    second.
    """
    gc.collect()
    gc.freeze()


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


def _answered(
    answer: Callable[[Any, ApiKey, RequestKey | None], dict[str, Any]], asked: Asked
) -> Response:
    """A response with the answer, or with the problem.

    No exception outlives its handler here: with its traceback it would keep the request, and up to
    16 MB of body, until the garbage of cycles is collected.
    """
    if isinstance(asked.body, Problem):
        return asked.body.response()
    try:
        return _json(answer(asked.body, asked.key, asked.repeat))
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
        return found.response()
    except Exception as error:
        problem = broken(error)
    return problem.response()


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content, inf_nan_mode="null"), media_type="application/json")
