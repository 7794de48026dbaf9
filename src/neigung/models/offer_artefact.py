"""A trained offer model as data: what an offer changes, for whom, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.models import sealed
from neigung.models.artefact import FORMAT_VERSION, read_version
from neigung.models.offer_model import OfferModel

if TYPE_CHECKING:
    from neigung.features.feature import Column
    from neigung.models.encoding import Floats


@dataclass(frozen=True)
class OfferArtefact:
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

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Per arm `uplift_ARM` with its 95 % interval `uplift_ARM_low` and `uplift_ARM_high`.

        Last comes `recommended_arm`: with a margin rate in the study, the necessary discount (the
        smallest after which more no longer pays); without one the arm of the largest effect, or
        the control where none has an effect above zero.

        Args:
            X: The model's feature columns, in any order; others are ignored.
        """
        uplift = self.model.uplift.predict(X)
        low, high = self.model.uplift.interval(X)
        columns: dict[str, Any] = {}
        for arm in self.arms:
            columns[f"uplift_{arm}"] = uplift[arm]
            columns[f"uplift_{arm}_low"] = low[arm]
            columns[f"uplift_{arm}_high"] = high[arm]
        table = pd.DataFrame(columns, index=X.index)
        table["recommended_arm"] = self.recommended(X, uplift)
        return table

    def recommended(self, X: pd.DataFrame, uplift: pd.DataFrame | None = None) -> pd.Series[str]:
        """The arm that each customer should get; see `predict`."""
        from neigung.decisions.discount import recommended_arms
        from neigung.study import Decision

        decision = Decision(**self.study.get("decision", {}))
        if decision.margin_rate is not None:
            return recommended_arms(self.model.expected(X), decision)
        uplift = self.model.uplift.predict(X) if uplift is None else uplift
        best = uplift.to_numpy().argmax(axis=1) if len(uplift) else np.empty(0, dtype=int)
        names = np.array(self.arms, dtype=object)[best]
        pays = uplift.to_numpy().max(axis=1, initial=0.0) > 0
        return pd.Series(np.where(pays, names, self.control), index=X.index, dtype=object)

    def unseen(self, X: pd.DataFrame) -> dict[str, int]:
        """Per column, how many categories were not known at training and count as missing."""
        return dict(self.model.uplift.encoder_.unseen(X))

    @property
    def params(self) -> Mapping[str, Any]:
        """What the training log shows of how the model was fitted."""
        return dict(self.model.uplift.get_params(deep=False))

    def contributions(self, X: pd.DataFrame, arm: str) -> Floats:
        """Exact contributions to an arm's uplift, shape (n, features + 1), the base last.

        Raises:
            InputError: The model knows no such arm.
        """
        if arm not in self.arms:
            raise InputError(
                f"An arm among {', '.join(self.arms)} is needed, found '{arm}'. The control has "
                "no effect of its own."
            )
        return self.model.uplift.contributions(X, arm)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the bytes of all files: the identity of the artefact."""
        return sealed.digest(self._files)

    @cached_property
    def _files(self) -> dict[str, bytes]:
        content = {
            "format_version": FORMAT_VERSION,
            "offer_model": self.model.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "study": self.study,
            "meta": self.meta,
        }
        return sealed.seal(content, self.model.model_texts_)

    def save(self, path: str | Path) -> None:
        """Write the folder, whole or not at all; an older artefact there is replaced.

        Raises:
            InputError: The path is taken by something other than an artefact.
        """
        sealed.write(self._files, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a folder that `save` wrote, and verify its digests.

        Raises:
            InputError: A file is missing, was changed, or is of another format version or kind.
        """
        content, texts = read_version(path)
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
