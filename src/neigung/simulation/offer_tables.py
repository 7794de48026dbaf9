"""The table offers, and beside it the truth of the same rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import Floats
from neigung.simulation.columns import ids, pick, times
from neigung.simulation.offers import CHANNEL, STAFF, Offers
from neigung.simulation.response import SEGMENTS

Columns = dict[str, pa.Array]


def offers_tables(waves: list[Offers], names: pa.Array, first: int) -> tuple[Columns, Columns]:
    """The table offers, sorted by customer and time, and the truth of the same rows."""
    sizes = [len(offers.owner) for offers in waves]
    owner = np.concatenate([offers.owner for offers in waves])
    order = np.argsort(owner, kind="stable")
    owner = owner[order]
    index = np.repeat(np.arange(len(waves)), sizes)[order]
    number = np.array([offers.wave.number for offers in waves])[index]
    cutoff = np.array([offers.wave.cutoff for offers in waves])[index]
    kind = np.array([offers.wave.kind for offers in waves])[index]
    arms = list(dict.fromkeys(arm.name for offers in waves for arm in offers.wave.arms))
    rates = {arm.name: arm.rate for offers in waves for arm in offers.wave.arms}
    codes = [np.array([arms.index(arm.name) for arm in offers.wave.arms]) for offers in waves]
    code = np.concatenate([codes[i][offers.arm] for i, offers in enumerate(waves)])[order]
    assignment = np.concatenate([offers.assignment for offers in waves])[order]
    rate = np.array([rates[name] or 0.0 for name in arms])[code]

    shared: Columns = {
        "customer_id": pick(names, owner),
        "offer_id": ids("f", (owner + first, 8), (number, 4)),
        "arm": pick(arms, code),
        "campaign_id": pick([offers.wave.campaign for offers in waves], index),
    }
    table = {
        "occurred_at": times(cutoff),
        "discount_rate": pa.array(rate, mask=kind == CHANNEL),
        "assignment_probability": pa.array(assignment, mask=kind == STAFF),
    }
    segment = np.concatenate([offers.segment for offers in waves])[order]
    truth = {
        "cutoff": times(cutoff),
        "assignment_probability": pa.array(assignment),
        **{f"p_{name}": pa.array(_chance(waves, name)[order], from_pandas=True) for name in arms},
        "basket": pa.array(np.concatenate([offers.basket for offers in waves])[order]),
        "segment": pick(SEGMENTS, segment),
        "traceable": pa.array(np.concatenate([offers.traceable for offers in waves])[order]),
    }
    return shared | table, shared | truth


def _chance(waves: list[Offers], name: str) -> Floats:
    """The order probability under an arm; NaN in waves without it."""
    parts = []
    for offers in waves:
        names = [arm.name for arm in offers.wave.arms]
        column = offers.chances[:, names.index(name)] if name in names else None
        parts.append(np.full(len(offers.owner), np.nan) if column is None else column)
    return np.concatenate(parts)
