"""What the decision log holds of an answered prediction, and how it is packed into bytes."""

from __future__ import annotations

import datetime as dt
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from neigung.explanation.reasons import Reason
from neigung.language.units import Unit

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_LENGTH = struct.Struct("<I")
_REASON = tuple(one.name for one in fields(Reason))

DEFINITION = ("target", "legal_basis", "retention_days")
"""What is kept of a study: what it predicts and why it may. Not where its data are."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One answered prediction.

    Parameters
    ----------
    customer_id : empty for a profile that belongs to nobody; nobody can ask for it later.
    kind : `prediction`, or `offer` where a discount was asked for.
    cutoff : up to which the data were known (UTC where it has no zone).
    source : `snapshot`, or `profile` where the data came with the request.
    features_digest : hexadecimal, of what the model read.
    outputs : what was answered, JSON-ready but for numpy scalars and times.
    contributions : (p + 1,), base last, in `unit`; None where nothing was explained.
    columns : names of the p columns.
    arm : whose uplift is explained; None for a propensity.
    client : name of the API key that asked.
    definition : the study; of it `DEFINITION` is kept, once for all entries of a version.
    """

    customer_id: str
    study: str
    version: int
    artefact_digest: str
    kind: str
    cutoff: dt.datetime
    source: str
    features_digest: str
    outputs: Mapping[str, Any]
    contributions: npt.NDArray[np.float64] | None
    columns: tuple[str, ...]
    unit: Unit
    arm: str | None
    reasons: tuple[Reason, ...]
    client: str
    definition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Told:
    """An entry as it was found in the log, and when it was written (UTC)."""

    at: dt.datetime
    entry: Entry


def microseconds(instant: dt.datetime) -> int:
    """Since 1970, UTC.

    >>> microseconds(dt.datetime(1970, 1, 2, 0, 0, 0, 5))
    86400000005
    """
    if instant.tzinfo is not None:
        instant = instant.astimezone(dt.UTC).replace(tzinfo=None)
    return (instant - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> dt.datetime:
    """The inverse of `microseconds`, without a zone."""
    return _EPOCH + microseconds * _MICROSECOND


def pack(entry: Entry) -> bytes:
    """What an entry says of the customer: JSON and exact float64 bytes."""
    said = {
        "cutoff": microseconds(entry.cutoff),
        "source": entry.source,
        "features_digest": entry.features_digest,
        "outputs": entry.outputs,
        "unit": entry.unit,
        "arm": entry.arm,
        "reasons": [[getattr(reason, name) for name in _REASON] for reason in entry.reasons],
        "client": entry.client,
    }
    text = json.dumps(said, default=_plain).encode()
    values = entry.contributions
    floats = b"" if values is None else np.asarray(values, dtype="<f8").tobytes()
    return _LENGTH.pack(len(text)) + text + floats


def squeeze(packed: bytes) -> bytes:
    """Smaller, by the quickest level: a better one gains 2 % and costs as much again."""
    return zlib.compress(packed, 1)


def unpack(squeezed: bytes, **known: Any) -> Entry:
    """The entry of what `pack` and `squeeze` made; `known` is what stands elsewhere."""
    packed = zlib.decompress(squeezed)
    end = _LENGTH.size + _LENGTH.unpack_from(packed)[0]
    said = json.loads(packed[_LENGTH.size : end])
    said["cutoff"] = instant(said["cutoff"])
    said["reasons"] = tuple(Reason(*reason) for reason in said["reasons"])
    floats = np.frombuffer(packed, "<f8", offset=end) if len(packed) > end else None
    return Entry(**said, **known, contributions=floats)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"An entry's outputs need JSON's types, found {type(value).__name__}.")
