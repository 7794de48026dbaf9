"""Who of a request may be predicted, and from which rows; and why the others may not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neigung.features.live_tables import UnfitValueError
from neigung.models.rows import Rows
from neigung.serving.problems import wrong_field
from neigung.serving.schemas import Customer
from neigung.serving.studies import Loaded, ServedStudy

if TYPE_CHECKING:
    from neigung.models.encoding import Floats

LATER = "later"
"""Covered now, but not when the snapshot was written; answered as `not_in_population`."""


@dataclass
class Candidates:
    """Customers of a request who are predicted alike: from the snapshot, or from profiles.

    `positions` (n,) in the request, `cutoffs` (n,), `rows` their features (n, p). `stored` are the
    contributions (n, p + 1) that the snapshot holds of this version, `stored_parts` (n,) the parts
    that they explain, see `Version`. `unknown` (n,) are the features whose category the model
    does not know.
    """

    source: str
    positions: list[int]
    cutoffs: list[dt.datetime]
    rows: Rows
    stored: Floats | None = None
    stored_parts: npt.NDArray[np.object_] | None = None
    unknown: list[list[str]] = field(default_factory=list)


def candidates(
    served: ServedStudy, loaded: Loaded, customers: Sequence[Customer], now: dt.datetime
) -> tuple[list[Candidates], dict[int, str]]:
    """The customers who may be predicted, and by position the codes of those who may not.

    Raises Problem for a profile whose values do not fit the store's.
    """
    refused: dict[int, str] = {}
    held: list[tuple[int, int]] = []
    sent: list[int] = []
    for position, customer in enumerate(customers):
        if customer.customer_id is None:
            sent.append(position)
            continue
        row, code = _status(served, loaded, customer.customer_id)
        if row is not None:
            held.append((position, row))
        else:
            refused[position] = code
    found = [_from_snapshot(loaded, held)] if held else []
    if sent:
        profiles = _from_profiles(served, loaded, customers, sent, refused, now)
        found += [profiles] if profiles.positions else []
    return found, refused


def name_of(customer: Customer) -> str | None:
    """The customer's id, where one was given."""
    profile = customer.profile
    return customer.customer_id if profile is None else profile.customer_id


def _status(served: ServedStudy, loaded: Loaded, customer_id: str) -> tuple[int | None, str]:
    """The row of a customer in the snapshot, or why there is none to be used."""
    row = loaded.snapshot.find(customer_id)
    covered = served.standing.covers(customer_id)
    if row is not None:
        return (row, "") if covered else (None, "no_consent")
    code = loaded.snapshot.refused(customer_id)
    if code is None:
        return None, "unknown_customer"
    if not covered:
        return None, "no_consent"
    return None, LATER if code == "no_consent" else code


def _from_snapshot(loaded: Loaded, held: Sequence[tuple[int, int]]) -> Candidates:
    found = [row for _, row in held]
    snapshot = loaded.snapshot
    parts: Sequence[str | None] = snapshot.arms(found) or [None] * len(found)
    return Candidates(
        source="snapshot",
        positions=[position for position, _ in held],
        cutoffs=[snapshot.cutoff] * len(held),
        rows=Rows(snapshot.values(found, loaded.names)),
        stored=snapshot.contributions(found) if loaded.explained else None,
        stored_parts=np.array(parts, dtype=object) if loaded.explained else None,
    )


def _from_profiles(
    served: ServedStudy,
    loaded: Loaded,
    customers: Sequence[Customer],
    sent: Sequence[int],
    refused: dict[int, str],
    now: dt.datetime,
) -> Candidates:
    """The features of those who may be predicted; the codes of the others go into `refused`."""
    kept, covered = [], []
    for position in sent:
        name = name_of(customers[position])
        said = None if name is None else served.standing.said(name)
        # A withdrawal that the store knows of counts, whatever the request says.
        if said is False:
            refused[position] = "no_consent"
        else:
            kept.append(position)
            covered.append(said)
    cutoffs = [customers[position].cutoff or now for position in kept]
    profiles = [customers[position].profile for position in kept]
    if not kept:
        return Candidates("profile", [], [], Rows({}))
    try:
        live = loaded.live.result().compute(
            [one for one in profiles if one is not None], cutoffs, covered, now
        )
    except UnfitValueError as error:
        path = f"customers.{kept[error.profile]}.profile"
        path += f".{error.path}" if error.path else ""
        raise wrong_field(path, f"This {error.problem}") from None
    for position, code in zip(kept, live.refused, strict=True):
        if code is not None:
            refused[position] = code
    allowed = [row for row, code in enumerate(live.refused) if code is None]
    return Candidates(
        source="profile",
        positions=[kept[row] for row in allowed],
        cutoffs=[cutoffs[row] for row in allowed],
        rows=Rows(live.values).take(allowed),
    )
