"""How predictions are answered, and how they stand in the decision log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neigung.decisions.offers import OfferSummary
from neigung.explanation.reasons import Reason
from neigung.models.offers.artefact import OfferArtefact
from neigung.models.rows import Rows
from neigung.serving.access import ApiKey
from neigung.serving.candidates import LATER, Candidates, name_of
from neigung.serving.decision_log import Entry
from neigung.serving.schemas import Customer
from neigung.serving.studies import Loaded

if TYPE_CHECKING:
    from neigung.models.encoding import Floats

LOGGED_REASONS = 5
"""Reasons kept for each prediction, whatever the request asks for."""

_REFUSALS = {
    "unknown_customer": (
        "unknown_customer",
        "The store of the snapshot knows no such customer. Send the profile.",
    ),
    "no_consent": ("no_consent", "The study's legal basis does not cover this customer."),
    "not_in_population": (
        "not_in_population",
        "The study does not predict for this customer: no order lately enough before the cutoff.",
    ),
    LATER: (
        "not_in_population",
        "The consent is newer than the snapshot. Send the profile, or wait for the next snapshot.",
    ),
}


@dataclass(frozen=True)
class Told:
    """Why: contributions (n, p + 1), base last, the parts explained (n,), and the reasons."""

    contributions: Floats
    parts: npt.NDArray[np.object_]
    reasons: Sequence[Sequence[Reason]]


def customer(asked: Customer) -> dict[str, Any]:
    """The beginnings of a `CustomerAnswer`."""
    return {"customer_id": name_of(asked), "predictions": [], "refusals": []}


def offered_customer(asked: Customer) -> dict[str, Any]:
    """The beginnings of an `OfferAnswer`."""
    return {"customer_id": name_of(asked), "offer": None, "refusal": None}


def refusal(loaded: Loaded, code: str) -> dict[str, str]:
    """A `Refusal`."""
    shown, detail = _REFUSALS[code]
    return {"study": loaded.info.study, "code": shown, "detail": detail}


def offer_outputs(artefact: OfferArtefact, record: Mapping[Any, Any]) -> dict[str, Any]:
    """What to expect of a customer under each arm, and the arm to offer."""
    return {
        "arms": {
            arm: {what: record[f"{what}_{arm}"] for what in ("probability", "value", "margin")}
            for arm in (artefact.control, *artefact.arms)
        },
        "necessary_discount": record["necessary_discount"],
        "recommended_arm": record["recommended_arm"],
    }


def prediction(
    loaded: Loaded, group: Candidates, told: Told, row: int, numbers: Mapping[str, Any]
) -> dict[str, Any]:
    """A `Prediction` or an `UpliftPrediction`, but for the reasons."""
    kind = {"study": loaded.info.study, "kind": loaded.artefact.kind}
    return {**kind, **_origin(loaded, group, row), **numbers, **_explained(told, row)}


def offer(
    loaded: Loaded, group: Candidates, told: Told, row: int, numbers: Mapping[str, Any]
) -> dict[str, Any]:
    """An `Offer`, but for the reasons."""
    return {**_origin(loaded, group, row), **numbers, **_explained(told, row)}


def _explained(told: Told, row: int) -> dict[str, str]:
    """Which part is explained, where there are several."""
    return {} if told.parts[row] is None else {"explained_arm": str(told.parts[row])}


def _origin(loaded: Loaded, group: Candidates, row: int) -> dict[str, Any]:
    return {
        "model_version": loaded.info.version,
        "cutoff": group.cutoffs[row],
        "source": group.source,
        "unknown_categories": group.unknown[row],
    }


def reasons(told: Told, row: int, k: int, language: str) -> dict[str, Any]:
    """The `k` strongest reasons, in one language."""
    return {
        "reasons": [
            {
                "feature": one.feature,
                "value": one.value,
                "contribution": one.contribution,
                "text": one.text(language),
            }
            for one in told.reasons[row][:k]
        ]
    }


def entry(
    kind: str,
    loaded: Loaded,
    group: Candidates,
    told: Told,
    row: int,
    customer_id: str | None,
    numbers: Mapping[str, Any],
    key: ApiKey,
) -> Entry:
    """A prediction as it is logged; a profile without an id belongs to nobody."""
    artefact = loaded.artefact
    return Entry(
        customer_id=customer_id or "",
        study=loaded.info.study,
        version=loaded.info.version,
        artefact_digest=artefact.digest,
        kind=kind,
        cutoff=group.cutoffs[row],
        source=group.source,
        features_digest=features_digest(group.rows, loaded.names, row),
        outputs=numbers,
        contributions=told.contributions[row],
        columns=loaded.names,
        unit=artefact.unit,
        arm=told.parts[row],
        reasons=tuple(told.reasons[row][:LOGGED_REASONS]),
        client=key.name,
        definition=artefact.study,
    )


def expected(summary: OfferSummary) -> dict[str, Any]:
    """What the offers of a request come to together."""
    return {
        "offers": dict(summary.offers),
        "cost": summary.cost,
        "value": summary.value,
        "margin": summary.margin,
        "value_without": summary.value_without,
        "margin_without": summary.margin_without,
        "gain": summary.gain,
        "never_offered": list(summary.closed),
    }


def features_digest(rows: Rows, names: Sequence[str], row: int) -> str:
    """What a prediction was made from, as 32 hexadecimal digits: equal features, equal digest.

    >>> rows = Rows({"orders": np.array([3.0, 3.0]), "channel": np.array(["web", None], object)})
    >>> digests = [features_digest(rows, ["orders", "channel"], row) for row in (0, 0, 1)]
    >>> digests[0] == digests[1], digests[0] == digests[2], len(digests[0])
    (True, False, 32)
    """
    numbers, texts = [], []
    for name in names:
        value = rows[name][row]
        if isinstance(value, float):
            numbers.append(value)
        else:
            texts.append("" if value is None else f"={value}")
    digest = hashlib.blake2b(np.array(numbers, dtype="<f8").tobytes(), digest_size=16)
    digest.update("\x1f".join(texts).encode())
    return digest.hexdigest()
