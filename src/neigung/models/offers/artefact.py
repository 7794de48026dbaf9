"""A trained offer model as data: what an offer changes, for whom, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.models import sealed
from neigung.models.encoding import FrameEncoder
from neigung.models.learned import Learned
from neigung.models.offers.model import OfferModel
from neigung.models.rows import Features, Table, answer, index_of, matrix, some
from neigung.models.version import Cutoffs, Objects, Unit, Version

if TYPE_CHECKING:
    import numpy.typing as npt

    from neigung.features.feature import Column
    from neigung.models.encoding import Floats
    from neigung.study import Decision


@dataclass(frozen=True)
class OfferArtefact(Learned):
    """Everything that scoring, explaining and reviewing an offer model needs.

    Args:
        model: Fitted.
        columns: What the features mean, in the model's order.
        study: The resolved study, JSON-ready.
        meta: What else is worth keeping, as in `Artefact`.
    """

    model: OfferModel
    columns: tuple[Column, ...]
    study: Mapping[str, Any]
    meta: Mapping[str, Any]

    @property
    def arms(self) -> list[str]:
        """The arms that are compared with the control."""
        return list(self.model.uplift.arms_)

    @property
    def control(self) -> str:
        """The arm of those who got nothing."""
        return str(self.model.uplift.control)

    @property
    def outcome(self) -> str:
        """What an offer changes: `purchase`, `value` or `margin`."""
        return str(self.study["target"]["outcome"])

    @property
    def kind(self) -> str:
        """Its name in the registry of kinds."""
        return "offer"

    @property
    def cutoffs(self) -> Cutoffs:
        """When it learned and when it was tested."""
        return Cutoffs.read(self.meta.get("splits"), self.study["target"]["horizon_days"])

    @property
    def parts(self) -> list[str]:
        """The arms: what each of them changes is explained apart."""
        return self.arms

    @property
    def unit(self) -> Unit:
        """In which unit uplifts and contributions count."""
        return "points" if self.outcome == "purchase" else "money"

    @property
    def predicted(self) -> tuple[str, ...]:
        """The columns of `predict`, in order."""
        uplifts = (f"uplift_{arm}{end}" for arm in self.arms for end in ("", "_low", "_high"))
        return (*uplifts, self.group_column)

    @property
    def group_column(self) -> str:
        """The column of `predict` that sorts customers into groups."""
        return "recommended_arm"

    @property
    def groups(self) -> tuple[str, ...]:
        """The arms from the control."""
        return (self.control, *self.arms)

    def score(self, X: Features, part: str | None = None) -> Floats:
        """What the arm `part` changes for each row (n,)."""
        return np.asarray(self.model.uplift.predict(X)[str(part)], dtype=np.float64)

    def promised(self, X: Features) -> Floats:
        """The uplift of the recommended arm of each row (n,), 0 for the control."""
        uplift = self.model.uplift.predict(X)
        chosen = pd.Index(self.arms).get_indexer(pd.Index(self.recommended(X, uplift)))
        nothing = np.zeros((len(X), 1))  # for the control, whose position is -1
        return np.asarray(
            np.hstack([matrix(uplift, self.arms), nothing])[np.arange(len(X)), chosen]
        )

    def selected(self, X: Features) -> npt.NDArray[np.bool_]:
        """Who is recommended another arm than the control (n,)."""
        return np.asarray(self.recommended(X).to_numpy(dtype=object) != self.control)

    def outputs(self, predicted: Features, row: int) -> dict[str, Any]:
        """One row of what `predict` gave, as it is answered and logged."""
        return {
            "outcome": self.outcome,
            "arms": {
                arm: {
                    "uplift": float(predicted[f"uplift_{arm}"][row]),
                    "low": float(predicted[f"uplift_{arm}_low"][row]),
                    "high": float(predicted[f"uplift_{arm}_high"][row]),
                }
                for arm in self.arms
            },
            "recommended_arm": str(predicted["recommended_arm"][row]),
        }

    def explained(self, X: Features, predicted: Features | None = None) -> Objects:
        """The arm to explain of each row (n,), see `explained_arms`."""
        return self.explained_arms(self.predict(X) if predicted is None else predicted)

    def predict(self, X: Table) -> Table:
        """Per arm `uplift_ARM` with its 95 % interval `uplift_ARM_low` and `uplift_ARM_high`.

        Last comes `recommended_arm`: with a margin rate in the study, the necessary discount (the
        smallest after which more no longer pays); without one the arm of the largest effect, or
        the control where none has an effect above zero.

        Args:
            X: The model's feature columns, in any order; others are ignored. A frame is answered
                with a frame, `Rows` with `Rows`.
        """
        uplift = self.model.uplift.predict(X)
        low, high = self.model.uplift.interval(X)
        columns: dict[str, Any] = {}
        for arm in self.arms:
            columns[f"uplift_{arm}"] = uplift[arm]
            columns[f"uplift_{arm}_low"] = low[arm]
            columns[f"uplift_{arm}_high"] = high[arm]
        columns["recommended_arm"] = self.recommended(X, uplift)
        return answer(X, columns)

    def recommended(self, X: Features, uplift: Features | None = None) -> pd.Series[str]:
        """The arm that each customer should get; see `predict`."""
        from neigung.decisions.discount import recommended_arms

        if self._decision.margin_rate is not None:
            return recommended_arms(self.model.expected(X), self._decision)
        effects = matrix(self.model.uplift.predict(X) if uplift is None else uplift, self.arms)
        pays = effects.max(axis=1, initial=0.0) > 0
        chosen = np.where(pays, self._best(effects), self.control)
        return pd.Series(chosen, index=index_of(X), dtype=object)

    @cached_property
    def _decision(self) -> Decision:
        from neigung.study import Decision

        return Decision(**self.study.get("decision", {}))

    def explained_arms(self, predicted: Features) -> npt.NDArray[np.object_]:
        """Whose effect is to be explained (n,), given what `predict` gave.

        The recommended arm; where that is the control, the arm of the largest uplift.
        """
        effects = matrix(predicted, [f"uplift_{arm}" for arm in self.arms])
        arms: npt.NDArray[np.object_] = np.array(predicted["recommended_arm"], dtype=object)
        unmoved = arms == self.control
        arms[unmoved] = self._best(effects[unmoved])
        return arms

    def _best(self, effects: Floats) -> npt.NDArray[np.object_]:
        """The arm of the largest effect in each row (n, arms), the first among equals."""
        best = effects.argmax(axis=1) if len(effects) else np.empty(0, dtype=int)
        names: npt.NDArray[np.object_] = np.array(self.arms, dtype=object)
        return np.asarray(names[best])

    @property
    def params(self) -> Mapping[str, Any]:
        """What the training log shows of how the model was fitted."""
        return dict(self.model.uplift.get_params(deep=False))

    def contributions(
        self, X: Features, part: str | Sequence[str] | Objects | None = None
    ) -> Floats:
        """Exact contributions to an arm's uplift, shape (n, features + 1), the base last.

        `part` is an arm for all rows, or one for each row (n,); by default that of `explained`.

        Raises:
            InputError: The model knows no such arm, or there is not one for each row.
        """
        if not isinstance(part, str):
            arms = self.explained(X) if part is None else np.array(part, dtype=object)
            return self._contributions_by_row(X, arms)
        if part not in self.arms:
            raise InputError(
                f"An arm among {', '.join(self.arms)} is needed, found '{part}'. The control has "
                "no effect of its own."
            )
        return self.model.uplift.contributions(X, part)

    def _contributions_by_row(self, X: Features, arms: npt.NDArray[np.object_]) -> Floats:
        if arms.shape != (len(X),):
            raise InputError(
                f"One arm for each of the {len(X)} rows is needed, found {arms.shape}. Give one "
                "arm for all, or those of these very rows."
            )
        out = np.empty((len(X), len(self.columns) + 1))
        for arm in dict.fromkeys(arms.tolist()):
            rows = np.flatnonzero(arms == arm)
            part = X if len(rows) == len(X) else some(X, rows)
            out[rows] = self.contributions(part, str(arm))
        return out

    @property
    def encoder(self) -> FrameEncoder:
        """Which values the model knows."""
        return self.model.uplift.encoder_

    @cached_property
    def files(self) -> dict[str, bytes]:
        """All of it as the files that `save` writes, by name: to be sent, see `load_artefact`."""
        content = {
            "format_version": sealed.FORMAT_VERSION,
            "offer_model": self.model.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "study": self.study,
            "meta": self.meta,
        }
        return sealed.seal(content, self.model.model_texts_)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a folder that `save` wrote, and verify its digests.

        Raises:
            InputError: A file is missing, was changed, or is of another format version or kind.
        """
        content, texts = sealed.read_version(path)
        if "offer_model" not in content:
            raise InputError(f"{path} must hold the artefact of an offer study, but does not.")
        return cls.from_files(content, texts)

    @classmethod
    def from_files(cls, content: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """The artefact of a sealed folder's content and texts."""
        from neigung.features.feature import Column

        try:
            model = OfferModel.from_dict(content["offer_model"], texts)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"The artefact of an offer study must be as this version of neigung writes it, but "
                f"it lacks or has other parts ({error}). Train again."
            ) from error
        return cls(
            model=model,
            columns=tuple(Column.from_dict(column) for column in content["columns"]),
            study=content["study"],
            meta=content["meta"],
        )


def as_offers(version: Version) -> OfferArtefact:
    """A version as one of offers, for what only these can; raises InputError for any other."""
    if version.kind != "offer":
        raise InputError(
            f"A version of an offer study is needed, found a {version.kind}. Name an offer study."
        )
    return cast("OfferArtefact", version)
