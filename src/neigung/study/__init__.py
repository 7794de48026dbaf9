"""A study: one YAML file that says what is predicted, for whom, when, from what, and what is good.

Worked example, the study that the other modules' docstrings use:

>>> study = Study.from_dict({
...     "name": "purchase_30d",
...     "profiles": "data/profiles",
...     "target": {"kind": "purchase", "horizon_days": 30},
...     "legal_basis": {"consent": "profiling"},
...     "cutoffs": {"last": "2011-11-09", "every_days": 30, "count": 12},
... })
>>> study.target.kind, study.target.horizon_days, study.retention_days
('purchase', 30, 1095)
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from neigung.errors import StudyError
from neigung.locations import is_url, shown
from neigung.study.complaints import explained, trouble
from neigung.study.decision import Decision as Decision
from neigung.study.part import LATER, Days, Names, StudyPart, Words, one_or_many


def _instant(value: Any) -> Any:
    """Read a date, a date with time, or a date with time and zone; without a zone it is UTC."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


Instant = Annotated[dt.datetime, BeforeValidator(_instant)]


class Where(StudyPart):
    """Which order lines count as a purchase: any of the categories, on any of the channels."""

    category: Names | None = None
    channel: Names | None = None


class PurchaseTarget(StudyPart):
    """1 when the customer orders within the horizon (where: in these categories or channels).

    An order counts at its first line, with a positive total: see `Orders`.
    """

    kind: Literal["purchase"]
    horizon_days: Days
    where: Where = Where()


class ChurnTarget(StudyPart):
    """1 when an active customer does not order within the horizon.

    With `spend_below`, 1 when the customer's net spend within the horizon falls below that share
    of the spend in the same number of days before the cutoff.
    """

    kind: Literal["churn"]
    horizon_days: Days
    spend_below: Annotated[float, Field(gt=0, le=1)] | None = None


class CustomTarget(StudyPart):
    """The user's own outcome: `value` 0 or 1 of the table `labels` at the cutoff."""

    kind: Literal["custom"]
    horizon_days: Days


class OfferTarget(StudyPart):
    """What an offer changes in a customer's outcome, against the control arm.

    The outcome within the horizon is `purchase` (an order or none), `value` (net spend) or
    `margin` (what is left of it after the cost of goods, see `Decision`). `arms` limits the
    arms compared with `control`, `campaigns` the offers, by patterns of their `campaign_id` in
    which `*` stands for anything.
    """

    kind: Literal["offer"]
    horizon_days: Days
    outcome: Literal["purchase", "value", "margin"] = "purchase"
    control: Annotated[str, Field(min_length=1)] = "none"
    arms: Names | None = None
    campaigns: Names | None = None

    @model_validator(mode="after")
    def _control_apart(self) -> OfferTarget:
        if self.arms is not None and self.control in self.arms:
            raise ValueError(
                f"arms are compared with the control, so '{self.control}' cannot be one of them"
            )
        return self


Target = Annotated[
    PurchaseTarget | ChurnTarget | OfferTarget | CustomTarget, Field(discriminator="kind")
]


class Population(StudyPart):
    """For whom is predicted: customers with an order in the last `active_within_days` days.

    Without the number: every customer with an order within the retention.
    """

    active_within_days: Days | None = None


class Orders(StudyPart):
    """What an order is: lines of one customer with one order_id, counted once, at the first line.

    It counts with a positive total; with `zero_total: count` also with one of 0.00, for shops
    whose free samples or reservations are orders.
    """

    zero_total: Literal["ignore", "count"] = "ignore"

    @property
    def count_zero(self) -> bool:
        """Whether an order of 0.00 counts."""
        return self.zero_total == "count"


Purpose = Literal["profiling", "marketing"]


class LegalBasis(StudyPart):
    """Why these customers may be profiled: exactly one of the three bases."""

    consent: Purpose | None = None
    legitimate_interest: Purpose | None = None
    none_needed: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> LegalBasis:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            raise ValueError(
                "exactly one of consent, legitimate_interest, none_needed is needed, "
                f"found {', '.join(given) or 'none'}"
            )
        return self


class Cutoffs(StudyPart):
    """When is predicted: `count` cutoffs, `every_days` apart, the newest is the final test.

    `latest` is the newest midnight (UTC) whose horizon the data still cover. Data end where nearly
    all orders do, and orders far behind are refused; with `trust_dates` the last order of all is
    their end. Data older than `max_age_days` are refused where `latest` is asked for.
    """

    last: Literal["latest"] | Instant = "latest"
    every_days: Days = 30
    count: Annotated[int, Field(ge=1, le=1000)] = 12
    trust_dates: Annotated[bool, LATER] = False
    max_age_days: Annotated[Annotated[int, Field(ge=0, le=36500)] | None, LATER] = None


class Model(StudyPart):
    """How is learned: Optuna trials, folds in time, the seed, and a limit on the tuning time.

    `rows` bounds what is learned from: about so many rows (customer and cutoff) over all training
    cutoffs, and as many again to test on. A hash of their ids chooses the customers.
    `time_leaking_features` are columns by which old cutoffs can be told from new ones: with
    `features: all` they are dropped, unless this says `keep`, or names those to be kept.
    """

    trials: Annotated[int, Field(ge=1, le=10_000)] = 30
    folds: Annotated[int, Field(ge=1, le=50)] = 3
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    time_limit_seconds: Annotated[float, Field(gt=0)] | None = None
    rows: Annotated[int, Field(ge=1)] | None = None
    time_leaking_features: Annotated[Literal["drop", "keep"] | Names, LATER] = "drop"


Metric = Literal["average_precision", "auroc", "log_loss", "brier"]
OfferMetric = Literal["policy_value", "qini"]


class Acceptance(StudyPart):
    """What is good enough to become champion.

    Without a metric, offers are judged by `policy_value` (what the chosen offers earn), all other
    targets by `average_precision`. With `review: required`, somebody has to approve the version's
    report first (`neigung review`).
    """

    metric: Metric | OfferMetric = "average_precision"
    beat_baseline: bool = True
    review: Literal["optional", "required"] = "optional"


class Report(StudyPart):
    """What the report says that no data can tell.

    `owner` answers for the model; `intended_use` and `not_for` (uses it must not be put to) go
    into the model card. `sample` customers of the test can be looked up by pseudonym.
    """

    sample: Annotated[int, Field(ge=0, le=200)] = 40
    owner: Words | None = None
    intended_use: Words | None = None
    not_for: Annotated[tuple[Words, ...], BeforeValidator(one_or_many)] = ()


def _identifier(name: str) -> str:
    if not name.replace("_", "").isascii() or not name.isidentifier() or name != name.lower():
        raise ValueError(
            f"a name of lower-case letters, digits and underscores is needed, found '{name}'"
        )
    return name


class Study(StudyPart):
    """What is predicted, for whom, when, from which features, and what is good enough.

    `sensitive` names the attributes of customers whose groups the report compares, `[]` that none
    is; without it, their names decide. `known_in_advance` names attributes and features that are
    known before the cutoff although they lie after it or tell the outcome, such as the end of a
    subscription, each with the reason: they close no gate. Frozen; unknown keys are refused. Load
    one with `Study.load(path)`.
    """

    name: Annotated[str, Field(min_length=1, max_length=63), AfterValidator(_identifier)]
    profiles: Annotated[str, Field(min_length=1)]
    target: Target
    population: Population = Population()
    orders: Annotated[Orders, LATER] = Orders()
    legal_basis: LegalBasis
    retention_days: Days = 1095
    cutoffs: Cutoffs = Cutoffs()
    features: Literal["all"] | tuple[str, ...] = "all"
    my_features: str | None = None
    model: Model = Model()
    known_in_advance: Annotated[Mapping[str, Words], LATER] = Field(default_factory=dict)
    sensitive: Annotated[tuple[Words, ...], BeforeValidator(one_or_many)] | None = None
    decision: Decision = Decision()
    acceptance: Acceptance = Acceptance()
    report: Report = Report()

    @model_validator(mode="before")
    @classmethod
    def _metric_of_offers(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        target, acceptance = content.get("target"), content.get("acceptance", {})
        if not isinstance(target, dict) or not isinstance(acceptance, dict):
            return content
        if target.get("kind") == "offer" and "metric" not in acceptance:
            return content | {"acceptance": acceptance | {"metric": "policy_value"}}
        return content

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        if self.features == ():
            raise ValueError("features: 'all' or at least one feature is needed, found none")
        if self.target.kind == "churn" and self.population.active_within_days is None:
            raise ValueError(
                "churn needs population.active_within_days: only who was active can leave"
            )
        metrics = get_args(OfferMetric if self.target.kind == "offer" else Metric)
        if self.acceptance.metric not in metrics:
            raise ValueError(
                f"acceptance.metric: for target {self.target.kind} one of {', '.join(metrics)} is "
                f"needed, found '{self.acceptance.metric}'"
            )
        if self.target.kind == "offer":
            if self.target.outcome == "margin" and self.decision.margin_rate is None:
                raise ValueError("outcome margin needs decision.margin_rate")
            if self.model.rows is not None:
                raise ValueError(
                    "model.rows belongs to the other targets: effects of offers are small and need "
                    "every offer. Choose fewer with cutoffs.count or target.campaigns"
                )
        elif self.decision != Decision():
            raise ValueError("decision belongs to studies with target offer")
        return self

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study from a YAML file.

        Raises StudyError, with one line a problem, when the file is missing, is not YAML, or has
        unknown, missing or impossible values. Relative paths in the file are taken from the
        current folder, or, where they do not exist there, from the file's own folder.
        """
        path = Path(path)
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StudyError(f"Study {path}: no such file. Give the path of a YAML file.") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise StudyError(f"Study {path}: not readable as YAML: {trouble(error)}") from None
        study = cls.from_dict(content, origin=str(path))
        return study._resolved(path.parent)

    @classmethod
    def from_dict(cls, content: Any, origin: str = "given") -> Study:
        """Validate a study given as a dictionary; raises StudyError."""
        if not isinstance(content, dict):
            raise StudyError(
                f"Study {origin}: keys and values are needed (name, profiles, target, …), "
                f"found {type(content).__name__}."
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            problems = [explained(one, _models) for one in error.errors(include_url=False)]
            raise StudyError(f"Study {origin}: " + "\n  ".join(problems)) from None

    def _resolved(self, folder: Path) -> Study:
        """Take relative paths from the study's own folder when they are not in the current one."""
        changes = {}
        for key in ("profiles", "my_features"):
            value = getattr(self, key)
            if value and not is_url(value) and not Path(value).exists():
                beside = folder / value
                if beside.exists():
                    changes[key] = str(beside)
        return self.model_copy(update=changes) if changes else self

    def to_dict(self) -> dict[str, Any]:
        """The study with all defaults filled in, ready for JSON or YAML, without a password."""
        return self.model_dump(mode="json") | {"profiles": shown(self.profiles)}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What pydantic shows: see `to_dict`."""
        for name, value in super().__repr_args__():
            yield name, shown(value) if name == "profiles" else value

    def digest(self) -> str:
        """SHA-256 of what is learned: of the study without the place of its profiles."""
        return hashlib.sha256(json.dumps(self.stored(), sort_keys=True).encode()).hexdigest()

    def stored(self) -> dict[str, Any]:
        """As artefacts keep it, see `StudyPart.stored`; where profiles lay was not learned."""
        return super().stored() | {"profiles": None, "my_features": None}


def _models(key: str) -> tuple[type[BaseModel], ...]:
    """What may stand under a key; the study itself under none."""
    if key == "target":
        return (PurchaseTarget, ChurnTarget, OfferTarget, CustomTarget)
    if key == "target.where":
        return (Where,)
    part = Study.model_fields.get(key)
    kind = None if part is None else part.annotation
    return (kind,) if isinstance(kind, type) and issubclass(kind, BaseModel) else (Study,)
