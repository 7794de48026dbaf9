"""From a checked request to the answer: candidates, model, reasons, decision log."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neigung.decisions.offers import OfferPlan, plan_offers
from neigung.errors import InputError, StudyError
from neigung.models import kinds
from neigung.models.offers.artefact import OfferArtefact, as_offers
from neigung.models.rows import Rows
from neigung.serving import answers, metrics
from neigung.serving.access import ApiKey
from neigung.serving.answers import LOGGED_REASONS, Told
from neigung.serving.candidates import Candidates, candidates
from neigung.serving.clock import Clock
from neigung.serving.decision_log import DecisionLog, Entry, RequestKey
from neigung.serving.problems import Problem, wrong_field
from neigung.serving.schemas import Customer, OffersRequest, PredictRequest
from neigung.serving.studies import Loaded, ServedStudy
from neigung.study import Decision

ROWS_AT_ONCE = 100
"""Rows explained between two looks at the clock."""


FEWEST_PROFILES = 10
"""With so many profiles, values that are all unknown to the model are no news but an error."""


class Predictor:
    """Answers checked requests; safe to be used by several threads.

    Parameters
    ----------
    studies : what is served, by name.
    log : where every answered prediction is written before it is answered.
    clock : the moment of a request.
    consent_max_age : seconds after which unread consents stop the predictions of a study.
    max_seconds : how long a request may take.
    """

    def __init__(
        self,
        studies: Mapping[str, ServedStudy],
        log: DecisionLog,
        clock: Clock,
        *,
        consent_max_age: float = 3600.0,
        max_seconds: float = 30.0,
    ) -> None:
        self.studies = studies
        self.log = log
        self.clock = clock
        self.consent_max_age = consent_max_age
        self.max_seconds = max_seconds

    def predict(
        self, asked: PredictRequest, key: ApiKey, request: RequestKey | None = None
    ) -> dict[str, Any]:
        """The content of a `PredictAnswer`; raises Problem."""
        deadline = time.monotonic() + self.max_seconds
        now = self.clock.now()
        said = [answers.customer(one) for one in asked.customers]
        entries: list[Entry] = []
        for served in self._asked_studies(asked, key):
            loaded = served.loaded
            found, refused = self._candidates(served, loaded, asked.customers, now)
            for position, code in refused.items():
                said[position]["refusals"].append(answers.refusal(loaded, code))
            for group in found:
                with metrics.stage("model"):
                    out = loaded.artefact.predict(group.rows)
                told = _tell(loaded, group, out, asked.reasons, deadline)
                for row, position in enumerate(group.positions):
                    outputs = loaded.artefact.outputs(out, row)
                    reasons = answers.reasons(told, row, asked.reasons, asked.language)
                    said[position]["predictions"].append(
                        answers.prediction(loaded, group, told, row, outputs) | reasons
                    )
                    who = said[position]["customer_id"]
                    entries.append(
                        answers.entry("prediction", loaded, group, told, row, who, outputs, key)
                    )
        self._write(entries, now, request, deadline)
        return {"customers": said}

    def offers(
        self, asked: OffersRequest, key: ApiKey, request: RequestKey | None = None
    ) -> dict[str, Any]:
        """The content of an `OffersAnswer`; raises Problem."""
        deadline = time.monotonic() + self.max_seconds
        now = self.clock.now()
        served = self._offer_study(asked, key)
        loaded = served.loaded
        artefact = as_offers(loaded.artefact)
        decision = _decision(served.study.decision, asked)
        found, refused = self._candidates(served, loaded, asked.customers, now)
        said = [answers.offered_customer(one) for one in asked.customers]
        for position, code in refused.items():
            said[position]["refusal"] = answers.refusal(loaded, code)
        entries: list[Entry] = []
        plan = _plan(artefact, found, decision, asked) if found else None
        start = 0
        for group in found:
            assert plan is not None
            frame = plan.frame.iloc[start : start + len(group.positions)]
            start += len(group.positions)
            # The reasons are of the arm that is offered here, which the request may have changed.
            out = Rows(
                {
                    **artefact.predict(group.rows).values,
                    "recommended_arm": frame["recommended_arm"].to_numpy(dtype=object),
                }
            )
            told = _tell(loaded, group, out, asked.reasons, deadline)
            for row, record in enumerate(frame.to_dict("records")):
                outputs = answers.offer_outputs(artefact, record)
                reasons = answers.reasons(told, row, asked.reasons, asked.language)
                position = group.positions[row]
                offer = answers.offer(loaded, group, told, row, outputs) | reasons
                said[position]["offer"] = offer
                who = said[position]["customer_id"]
                entries.append(answers.entry("offer", loaded, group, told, row, who, outputs, key))
        self._write(entries, now, request, deadline)
        expected = None if plan is None else answers.expected(plan.summary)
        return {"study": served.study.name, "customers": said, "expected": expected}

    def _asked_studies(self, asked: PredictRequest, key: ApiKey) -> list[ServedStudy]:
        if asked.studies is None:
            yours = [one for name, one in self.studies.items() if key.allows("predict", name)]
            if not yours:
                raise _forbidden("The API key may predict with none of the studies served.")
            return yours
        names = list(dict.fromkeys(asked.studies))
        for number, name in enumerate(names):
            if name not in self.studies or not key.allows("predict", name):
                raise _not_yours(f"studies.{number}")
        return [self.studies[name] for name in names]

    def _offer_study(self, asked: OffersRequest, key: ApiKey) -> ServedStudy:
        yours = {
            name: served
            for name, served in self.studies.items()
            if served.loaded.artefact.kind == kinds.OFFERS.name and key.allows("offers", name)
        }
        if asked.study is not None:
            if asked.study not in yours:
                raise _not_yours("study")
            return yours[asked.study]
        if not yours:
            raise _forbidden("The API key may plan offers with none of the studies served.")
        if len(yours) > 1:
            raise wrong_field("study", f"Name one of the offer studies {', '.join(yours)}.")
        return next(iter(yours.values()))

    def _candidates(
        self,
        served: ServedStudy,
        loaded: Loaded,
        customers: Sequence[Customer],
        now: dt.datetime,
    ) -> tuple[list[Candidates], dict[int, str]]:
        age = served.consents_age()
        if age > self.consent_max_age:
            raise Problem(
                503,
                "consents-unknown",
                "Consents cannot be read",
                f"The consents of study {served.study.name} were last read {age:.0f} seconds ago, "
                "so nobody knows who has withdrawn. Try again later.",
                headers={"Retry-After": "30"},
            )
        with metrics.stage("features"):
            found, refused = candidates(served, loaded, customers, now)
        for group in found:
            group.unknown = loaded.artefact.unknown_of_each(group.rows)
            if group.source == "profile":
                _require_known(loaded, group)
        for code in refused.values():
            shown = answers.refusal(loaded, code)
            metrics.REFUSALS.labels(study=shown["study"], code=shown["code"]).inc()
        return found, refused

    def _write(
        self,
        entries: Sequence[Entry],
        now: dt.datetime,
        request: RequestKey | None,
        deadline: float,
    ) -> None:
        _in_time(deadline)
        if entries or request is not None:
            with metrics.stage("log"):
                self.log.write(entries, now, request)
        for entry in entries:
            metrics.PREDICTIONS.labels(
                study=entry.study, model_version=str(entry.version), source=entry.source
            ).inc()


def _require_known(loaded: Loaded, group: Candidates) -> None:
    """Refuse profiles of which the model knows none of the values of a column of categories."""
    for name, one in loaded.artefact.unknown(group.rows).items():
        if one.all and one.of >= FEWEST_PROFILES:
            raise wrong_field(
                "customers",
                f"At least one value that the model knows is needed for {name}, but none of the "
                f"{one.of} profiles sent gives one. Send it as the profile store has it.",
            )


def _tell(loaded: Loaded, group: Candidates, out: Rows, k: int, deadline: float) -> Told:
    """Contributions and reasons: those of the snapshot where they fit, else made here."""
    artefact = loaded.artefact
    parts = artefact.explained(group.rows, out)
    given = np.empty((len(group.rows), len(loaded.names) + 1))
    fresh = np.arange(len(group.rows))
    if group.stored is not None:
        same = group.stored_parts == parts
        given[same] = group.stored[same]
        fresh = fresh[~same]
    with metrics.stage("explain"):
        for start in range(0, len(fresh), ROWS_AT_ONCE):
            _in_time(deadline)
            some = fresh[start : start + ROWS_AT_ONCE]
            given[some] = artefact.contributions(group.rows.take(some), parts[some])
    _in_time(deadline)
    with metrics.stage("reasons"):
        told = loaded.writer.write(given[:, :-1], group.rows, k=max(k, LOGGED_REASONS), arms=parts)
    return Told(given, parts, told)


def _plan(
    artefact: OfferArtefact,
    found: Sequence[Candidates],
    decision: Decision,
    asked: OffersRequest,
) -> OfferPlan:
    """The offers of all candidates together, as limits hold for all of them."""
    parts = [group.rows for group in found]
    rows = Rows({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    try:
        with metrics.stage("model"):
            return plan_offers(
                rows,
                artefact.model,
                decision,
                budget=asked.budget,
                revenue_target=asked.revenue_target,
            )
    except StudyError:
        # Its own text names the arms of the request, which may be anything.
        raise wrong_field(
            "contact_cost",
            f"One amount, or one for each arm ({', '.join(artefact.arms)}), is needed; the control "
            "costs nothing.",
        ) from None
    except InputError as error:
        limit = "budget" if asked.revenue_target is None else "revenue_target"
        raise wrong_field(limit, str(error)) from None


def _decision(own: Decision, asked: OffersRequest) -> Decision:
    changes = {
        name: getattr(asked, name)
        for name in ("margin_rate", "contact_cost", "minimum_margin")
        if getattr(asked, name) is not None
    }
    decision = own.model_copy(update=changes)
    if decision.margin_rate is None:
        raise wrong_field("margin_rate", "A margin rate is needed, as the study itself has none.")
    return decision


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Problem(
            503,
            "out-of-time",
            "The request takes too long",
            "The answer would take longer than is allowed. Ask about fewer customers at once.",
            headers={"Retry-After": "5"},
        )


def _forbidden(detail: str, *errors: Mapping[str, str]) -> Problem:
    return Problem(403, "forbidden", "Not allowed for this API key", detail, errors=errors)


def _not_yours(path: str) -> Problem:
    # The same words whether it exists: another tenant's studies are nobody's business.
    message = "There is no such study, or the API key may not use it."
    return _forbidden(
        "The API key cannot use a study that is named.", {"path": path, "message": message}
    )
