"""A trained propensity as data: LightGBM text and JSON, sealed; nothing is unpickled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from neigung.errors import InputError
from neigung.models import sealed
from neigung.models.encoding import Floats, FrameEncoder
from neigung.models.learned import Learned
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.rows import Features, Table, answer
from neigung.models.version import Cutoffs, Objects, Unit

if TYPE_CHECKING:
    from neigung.features.feature import Column

BANDS: tuple[tuple[str, float], ...] = (("high", 90.0), ("medium", 60.0), ("low", 0.0))
"""Name of a band and the percentile at which it begins, from the highest to the lowest."""

_MODEL = "model.txt"
_TABLE_SIZE = 1001


@dataclass(frozen=True)
class Artefact(Learned):
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

    >>> import pandas as pd, tempfile
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

    def predict(self, X: Table) -> Table:
        """`probability`, `percentile` (0..100 among the test cutoff's customers) and `band`.

        Args:
            X: The model's feature columns, in any order; others are ignored. A frame is answered
                with a frame, `Rows` with `Rows`.
        """
        probability = self.classifier.predict_proba(X)[:, 1]
        percentile = self._percentile(probability)
        columns = {
            "probability": probability,
            "percentile": percentile,
            "band": self._band(percentile),
        }
        return answer(X, columns)

    def contributions(
        self, X: Features, part: str | Sequence[str] | Objects | None = None
    ) -> Floats:
        """Exact contributions in calibrated log-odds, shape (n, features + 1), the base last.

        Raises:
            InputError: A part is named, and there is none.
        """
        if isinstance(part, str):
            raise InputError(
                f"An arm can be explained for an offer model only, but found the arm '{part}' and "
                "a propensity. Leave the arm out."
            )
        return self.classifier.contributions(X)

    @property
    def kind(self) -> str:
        """Its name in the registry of kinds."""
        return "propensity"

    @property
    def cutoffs(self) -> Cutoffs:
        """When it learned and when it was tested."""
        return Cutoffs.read(self.meta.get("splits"), self.study["target"]["horizon_days"])

    @property
    def parts(self) -> tuple[str, ...]:
        """None has a name: a probability is explained as a whole."""
        return ()

    @property
    def unit(self) -> Unit:
        """In which unit contributions count."""
        return "log_odds"

    @property
    def predicted(self) -> tuple[str, ...]:
        """The columns of `predict`, in order."""
        return ("probability", "percentile", self.group_column)

    @property
    def group_column(self) -> str:
        """The column of `predict` that sorts customers into groups."""
        return "band"

    @property
    def groups(self) -> tuple[str, ...]:
        """The bands from the highest."""
        return tuple(name for name, _ in sorted(self.bands, key=lambda band: -band[1]))

    def score(self, X: Features, part: str | None = None) -> Floats:
        """The probability of each row (n,)."""
        return np.asarray(self.classifier.predict_proba(X)[:, 1])

    def promised(self, X: Features) -> Floats:
        """The probability of each row (n,)."""
        return self.score(X)

    def selected(self, X: Features) -> npt.NDArray[np.bool_]:
        """Who is in the top band (n,)."""
        return np.asarray(self._band(self._percentile(self.score(X))) == self.groups[0])

    def outputs(self, predicted: Features, row: int) -> dict[str, Any]:
        """One row of what `predict` gave, as it is answered and logged."""
        return {
            "probability": float(predicted["probability"][row]),
            "percentile": float(predicted["percentile"][row]),
            "band": str(predicted["band"][row]),
        }

    def explained(self, X: Features, predicted: Features | None = None) -> Objects:
        """None for each row (n,): the whole is explained."""
        return np.full(len(X), None, dtype=object)

    @property
    def params(self) -> Mapping[str, Any]:
        """What the training log shows of how the model was fitted: LightGBM's parameters."""
        return dict(self.classifier.params or {})

    def _percentile(self, probability: Floats) -> Floats:
        """Share of the reference below, ties counted half: rising, 50 where all are equal."""
        table = self._reference
        below = np.searchsorted(table, probability, side="left")
        not_above = np.searchsorted(table, probability, side="right")
        return np.asarray((below + not_above) * (50.0 / len(table)), dtype=np.float64)

    @cached_property
    def _reference(self) -> Floats:
        return np.asarray(self.reference, dtype=np.float64)

    def _band(self, percentile: Floats) -> npt.NDArray[np.object_]:
        names, starts = zip(*sorted(self.bands, key=lambda band: band[1]), strict=True)
        position = np.searchsorted(starts, percentile, side="right") - 1
        return np.array(names, dtype=object)[np.maximum(position, 0)]

    @property
    def encoder(self) -> FrameEncoder:
        """Which values the model knows."""
        return self.classifier.encoder_

    @cached_property
    def files(self) -> dict[str, bytes]:
        """All of it as the files that `save` writes, by name: to be sent, see `load_artefact`."""
        content = {
            "format_version": sealed.FORMAT_VERSION,
            "classifier": self.classifier.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "study": self.study,
            "meta": self.meta,
            "reference": self.reference,
            "bands": self.bands,
        }
        return sealed.seal(content, {_MODEL: self.classifier.model_text_})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a folder that `save` wrote, and verify its digests.

        Raises:
            InputError: A file is missing, was changed, or is of another format version.
        """
        return cls.from_files(*sealed.read_version(path))

    @classmethod
    def from_files(cls, content: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """The artefact of a sealed folder's content and texts."""
        from neigung.features.feature import Column

        return cls(
            classifier=PropensityClassifier.from_dict(content["classifier"], texts[_MODEL]),
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
