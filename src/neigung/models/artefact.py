"""A trained model as data: LightGBM text and JSON, sealed by digests; nothing is unpickled."""

import hashlib
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.models.classifier import PropensityClassifier
from neigung.models.encoding import Floats

if TYPE_CHECKING:
    from neigung.features.feature import Column

FORMAT_VERSION = 1

BANDS: tuple[tuple[str, float], ...] = (("high", 90.0), ("medium", 60.0), ("low", 0.0))
"""Name of a band and the percentile at which it begins, from the highest to the lowest."""

_MODEL, _ARTEFACT, _CHECKSUMS = "model.txt", "artefact.json", "checksums.json"
_TABLE_SIZE = 1001


@dataclass(frozen=True)
class Artefact:
    """Everything that scoring, explaining and reviewing a model needs, equal in memory and on disk.

    Args:
        classifier: Fitted and calibrated.
        columns: What the features mean, in the classifier's order.
        study: The resolved study, JSON-ready.
        meta: What else is worth keeping (cutoffs, data digest, metrics), JSON-ready but for dates,
            numpy scalars and NaN, which are made text, numbers and null. No times of day, no paths:
            the same data, study and seed must give the same digest.
        reference: Sorted probabilities of the customers at the test cutoff, see `reference_table`.
        bands: See `BANDS`.

    >>> X = pd.DataFrame({"orders": np.arange(200) % 20})
    >>> model = PropensityClassifier({"n_estimators": 30}).fit(X, X["orders"] > 9)
    >>> table = reference_table(model.predict_proba(X)[:, 1])
    >>> artefact = Artefact(model, columns=(), study={}, meta={}, reference=table)
    >>> artefact.predict(X.iloc[[0, 19]])["band"].tolist()
    ['low', 'medium']
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     artefact.save(Path(folder) / "artefact")
    ...     Artefact.load(Path(folder) / "artefact").digest == artefact.digest
    True
    """

    classifier: PropensityClassifier
    columns: "tuple[Column, ...]"
    study: Mapping[str, Any]
    meta: Mapping[str, Any]
    reference: tuple[float, ...]
    bands: tuple[tuple[str, float], ...] = field(default=BANDS)

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """`probability`, `percentile` (0..100 among the test cutoff's customers) and `band`.

        Args:
            X: The model's feature columns, in any order; others are ignored.
        """
        probability = self.classifier.predict_proba(X)[:, 1]
        percentile = self._percentile(probability)
        return pd.DataFrame(
            {
                "probability": probability,
                "percentile": percentile,
                "band": self._band(percentile),
            },
            index=X.index,
        )

    def contributions(self, X: pd.DataFrame) -> Floats:
        """Exact contributions in calibrated log-odds, shape (n, features + 1), the base last."""
        return self.classifier.contributions(X)

    def _percentile(self, probability: Floats) -> Floats:
        """Share of the reference below, ties counted half: rising, 50 where all are equal."""
        table = np.asarray(self.reference)
        below = np.searchsorted(table, probability, side="left")
        not_above = np.searchsorted(table, probability, side="right")
        return np.asarray((below + not_above) * (50.0 / len(table)), dtype=np.float64)

    def _band(self, percentile: Floats) -> npt.NDArray[np.object_]:
        names, starts = zip(*sorted(self.bands, key=lambda band: band[1]), strict=True)
        position = np.searchsorted(starts, percentile, side="right") - 1
        return np.array(names, dtype=object)[np.maximum(position, 0)]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the bytes of all files: the identity of the artefact."""
        return _sha256(self._files[_CHECKSUMS])

    @cached_property
    def _files(self) -> dict[str, bytes]:
        content = {
            "format_version": FORMAT_VERSION,
            "classifier": self.classifier.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "study": self.study,
            "meta": self.meta,
            "reference": self.reference,
            "bands": self.bands,
        }
        files = {_ARTEFACT: _json(content), _MODEL: self.classifier.model_text_.encode()}
        sums = {name: _sha256(data) for name, data in files.items()}
        return {**files, _CHECKSUMS: _json(sums)}

    def save(self, path: str | Path) -> None:
        """Write the folder, whole or not at all; an older artefact there is replaced.

        Raises:
            InputError: The path is taken by something other than an artefact.
        """
        target = Path(path)
        replaceable = (target / _CHECKSUMS).is_file() or (
            target.is_dir() and not any(target.iterdir())
        )
        if target.exists() and not replaceable:
            raise InputError(
                f"An artefact needs a new folder, but {target} holds something else. "
                "Name another folder."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            new.mkdir()
            for name, data in self._files.items():
                (new / name).write_bytes(data)
            if target.exists():
                target.rename(old)
            new.rename(target)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a folder that `save` wrote, and verify its digests.

        Raises:
            InputError: A file is missing, was changed, or is of another format version.
        """
        from neigung.features.feature import Column

        folder = Path(path)
        sealed = _read(folder / _CHECKSUMS)
        try:
            sums = dict(json.loads(sealed))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{folder / _CHECKSUMS} must be the JSON that was saved, but it is damaged. "
                "Restore it, or train again."
            ) from error
        files = {name: _read(folder / name) for name in (_ARTEFACT, _MODEL)}
        for name, data in files.items():
            if sums.get(name) != _sha256(data):
                raise InputError(
                    f"{folder / name} must be as it was saved (its digest is in {_CHECKSUMS}), but "
                    "it was changed. Restore it, or train again."
                )
        content = json.loads(files[_ARTEFACT])
        version = content["format_version"]
        if version != FORMAT_VERSION:
            raise InputError(
                f"{folder / _ARTEFACT} needs format version {FORMAT_VERSION}, but has {version}. "
                "Use the version of neigung that wrote it, or train again."
            )
        return cls(
            classifier=PropensityClassifier.from_dict(
                content["classifier"], files[_MODEL].decode()
            ),
            columns=tuple(Column.from_dict(column) for column in content["columns"]),
            study=content["study"],
            meta=content["meta"],
            reference=tuple(content["reference"]),
            bands=tuple((name, start) for name, start in content["bands"]),
        )


def reference_table(probabilities: npt.ArrayLike) -> tuple[float, ...]:
    """At most 1,001 evenly ranked ones of the probabilities, sorted: what percentiles refer to.

    Raises:
        InputError: There are none, or some are not between 0 and 1.

    >>> reference_table([0.5, 0.1, 0.2])
    (0.1, 0.2, 0.5)
    """
    ranked = np.sort(np.asarray(probabilities, dtype=np.float64))
    if not len(ranked) or not ((ranked >= 0) & (ranked <= 1)).all():
        raise InputError(
            f"Percentiles need reference probabilities between 0 and 1, but found {len(ranked)} "
            "numbers, not all of them probabilities. Score the test cutoff first."
        )
    if len(ranked) > _TABLE_SIZE:
        ranked = ranked[np.linspace(0, len(ranked) - 1, _TABLE_SIZE).round().astype(int)]
    return tuple(ranked.tolist())


class _PyfuncModel:
    """What `mlflow.pyfunc` calls; see `Artefact.predict`."""

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact

    def predict(
        self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        return self.artefact.predict(model_input)


def _load_pyfunc(path: str) -> _PyfuncModel:
    """Entry point of `mlflow.pyfunc`, which names this module as its `loader_module`."""
    return _PyfuncModel(Artefact.load(path))


def _json(content: object) -> bytes:
    text = json.dumps(_plain(content), sort_keys=True, indent=1, ensure_ascii=False)
    return (text + "\n").encode()


def _plain(value: object) -> object:
    """The value in JSON's own types; what is not a number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"An artefact needs {path}, but it cannot be read ({error.strerror}). "
            "Name the folder of an artefact, or train again."
        ) from error
