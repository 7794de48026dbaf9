"""What the service is asked and what it answers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from neigung.language import languages
from neigung.profiles.rows import ProfileRows, instant

if TYPE_CHECKING:
    from neigung.language import Language
else:
    Language = Literal[languages()]

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"\S")]
StudyName = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Instant = Annotated[
    dt.datetime,
    BeforeValidator(instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time as the rows of a profile have theirs: ISO, kept as UTC without a zone."""

MOST_CUSTOMERS = 1000
MOST_STUDIES = 100

Code = Literal["no_consent", "unknown_customer", "not_in_population"]
"""Why a customer is not predicted."""


class _Asked(BaseModel):
    # Strict, so that "3" and true are no numbers: what is answered is what was meant.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_BY_ID: JsonDict = {
    "customer_id": {"type": "string"},
    "profile": {"type": "null"},
    "cutoff": {"type": "null"},
}
_BY_PROFILE: JsonDict = {"customer_id": {"type": "null"}, "profile": {"type": "object"}}


class Customer(_Asked):
    """Who is asked about: a customer of the snapshot by `customer_id`, or the rows of a `profile`.

    A profile is judged at `cutoff` (UTC where it has no zone), by default at the moment of the
    request; only its rows from before that count.
    """

    customer_id: CustomerId | None = None
    profile: ProfileRows | None = None
    cutoff: Instant | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["customer_id"], "properties": _BY_ID},
                {"required": ["profile"], "properties": _BY_PROFILE},
            ]
        }
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.customer_id is None) == (self.profile is None):
            raise ValueError("either customer_id or profile is needed")
        if self.cutoff is not None and self.profile is None:
            raise ValueError(
                "cutoff goes with a profile; customers of the snapshot have the snapshot's"
            )
        return self


class _Question(_Asked):
    customers: Annotated[list[Customer], Field(min_length=1, max_length=MOST_CUSTOMERS)]
    reasons: Annotated[int, Field(ge=0, le=20, description="Reasons for each prediction.")] = 3
    language: Annotated[Language, Field(description="Of reasons and explanations.")] = "en"


class PredictRequest(_Question):
    """Predictions for up to 1,000 customers by the named studies, or by all that are served."""

    studies: Annotated[list[StudyName] | None, Field(min_length=1, max_length=MOST_STUDIES)] = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customers": [{"customer_id": "1001"}, {"customer_id": "1002"}],
                    "studies": ["purchase_7d"],
                    "reasons": 2,
                    "language": "en",
                },
                {
                    "customers": [
                        {
                            "cutoff": "2017-12-01T00:00:00Z",
                            "profile": {
                                "order_lines": [
                                    {
                                        "order_id": "A1",
                                        "occurred_at": "2017-11-20T18:04:00Z",
                                        "net_value": 12.5,
                                        "quantity": 2,
                                        "category": "GROCERY",
                                    }
                                ]
                            },
                        }
                    ]
                },
            ]
        }
    )


class OffersRequest(_Question):
    """The necessary discount of up to 1,000 customers.

    What is left out is the study's own: `margin_rate` (margin as a share of the price without
    discount), `contact_cost` (for all arms, or one for each) and `minimum_margin`. With `budget`
    the offers that earn most within it, with `revenue_target` the cheapest that reach it, both
    over the customers of the request.
    """

    study: Annotated[
        StudyName | None, Field(description="Needed when several offer studies are served.")
    ] = None
    margin_rate: Annotated[float | None, Field(gt=0, le=1, allow_inf_nan=False)] = None
    contact_cost: Money | Annotated[dict[StudyName, Money], Field(max_length=50)] | None = None
    minimum_margin: Rate | None = None
    budget: Money | None = None
    revenue_target: Money | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customers": [{"customer_id": "c00000007"}],
                    "study": "discount_14d",
                    "margin_rate": 0.35,
                    "minimum_margin": 0.1,
                }
            ]
        }
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.budget is not None and self.revenue_target is not None:
            raise ValueError("a budget or a revenue_target can be given, not both")
        return self


class ReasonAnswer(BaseModel):
    """A fact about the customer as a sentence, with what is typical, and how far it moves.

    `contribution` is that of all features that tell this fact, in log-odds or in the uplift's
    units; `feature` and `value` are the one of them that moves most.
    """

    feature: str
    value: float | str | None
    contribution: float
    text: str


class _Answered(BaseModel):
    """Where an answer comes from, and why it is what it is.

    `unknown_categories` are features whose value the model does not know; it counts as missing.
    """

    model_version: int
    cutoff: dt.datetime
    source: Literal["snapshot", "profile"]
    reasons: list[ReasonAnswer]
    unknown_categories: list[str] = []


class Prediction(_Answered):
    """What a propensity study says of a customer; percentile among the customers of the test."""

    study: str
    kind: Literal["propensity"] = "propensity"
    probability: float
    percentile: float
    band: str


class Effect(BaseModel):
    """What an arm changes for a customer, against the control, with its 95 % interval."""

    uplift: float
    low: float
    high: float


class UpliftPrediction(_Answered):
    """What the arms of an offer study change for a customer; `reasons` are of `explained_arm`."""

    study: str
    kind: Literal["offer"] = "offer"
    outcome: str
    arms: dict[str, Effect]
    recommended_arm: str
    explained_arm: str


class Refusal(BaseModel):
    """Why a study says nothing of a customer."""

    study: str
    code: Code
    detail: str


class CustomerAnswer(BaseModel):
    """What is said of one customer, in the order of the request."""

    customer_id: str | None
    predictions: list[Prediction | UpliftPrediction]
    refusals: list[Refusal]


class PredictAnswer(BaseModel):
    """The answer of `POST /v1/predict`."""

    customers: list[CustomerAnswer]


class ExpectedOutcome(BaseModel):
    """What to expect of a customer under an arm, within the horizon; value and margin in money."""

    probability: float
    value: float
    margin: float


class Offer(_Answered):
    """The necessary discount of a customer; `recommended_arm` is the choice under the limits."""

    arms: dict[str, ExpectedOutcome]
    necessary_discount: float
    recommended_arm: str
    explained_arm: str


class OfferAnswer(BaseModel):
    """What is said of one customer: an offer, or why there is none."""

    customer_id: str | None
    offer: Offer | None
    refusal: Refusal | None


class OffersAnswer(BaseModel):
    """The answer of `POST /v1/offers`; `expected` sums up the customers who were not refused."""

    study: str
    customers: list[OfferAnswer]
    expected: dict[str, Any] | None


class ModelAnswer(BaseModel):
    """A version that is served: trained when on what, how good, from which features.

    Of an offer study, where each offer has a cutoff of its own, `training_cutoffs` holds the newest
    that was learned from, and `test_cutoff` is when the test began. `troubles` are what could not
    be followed lately, so that it may be out of date.
    """

    study: str
    target: dict[str, Any]
    model_version: int
    registered: dt.datetime | None
    artefact_digest: str
    training_cutoffs: list[dt.datetime]
    test_cutoff: dt.datetime | None
    data_digest: str | None
    metrics: dict[str, float]
    verdict: str | None
    features: list[str]
    snapshot_cutoff: dt.datetime
    snapshot_customers: int
    snapshot_digest: str
    troubles: list[Literal["champion", "snapshot", "consents"]]


class ModelsAnswer(BaseModel):
    """The answer of `GET /v1/models`."""

    models: list[ModelAnswer]
