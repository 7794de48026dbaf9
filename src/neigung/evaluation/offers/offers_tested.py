"""What the evaluation of offers is made from: the offers of the test and what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.offers.uplift import matrix


@dataclass(frozen=True, eq=False)
class OfferTest:
    """n offers of the test span, in one order; nothing here may have been fitted to their outcomes.

    - `cutoff`: start of the test span
    - `outcome`: `purchase`, `value` or `margin`, the unit of `y`, `expected`, `uplift`
    - `control`, `arms`: the control, and the other arms by rate
    - `y` (n,) outcomes, `arm` (n,) arms given, `groups` (n,) customers
    - `probabilities`: chance of every arm (n, control and arms), rows that sum to 1; that of the
      arm given above 0
    - `randomised` (n,): whether the chance of the arm given is known, not estimated
    - `expected`: expected outcome under every arm (n, control and arms), from a model fitted on
      training offers
    - `uplift`: the model's prediction (n, arms)
    - `purchase_score` (n,): how likely the customer buys without an offer, on any scale
    - `worth` (n,): what the row earned under its arm, costs of contact included;
      `expected_worth` (n, control and arms): the same, expected; `worth_outcome` their unit
    - `chosen` (n,): the arm that the model would give
    - `same_for_all`: the single arm for everybody that was best on the *training* offers
    - `X`: features, for the balance of the arms
    """

    cutoff: pd.Timestamp
    outcome: str
    control: str
    arms: Sequence[str]
    y: Any
    arm: Any
    groups: Any
    probabilities: pd.DataFrame
    randomised: Any
    expected: pd.DataFrame
    uplift: pd.DataFrame
    purchase_score: Any
    worth: Any
    expected_worth: pd.DataFrame
    chosen: Any
    same_for_all: str
    X: pd.DataFrame | None = None
    worth_outcome: str = "margin"

    @property
    def all_arms(self) -> list[str]:
        """The control and the other arms."""
        return [self.control, *self.arms]

    def check(self) -> None:
        """Raises InputError for the first thing that does not fit together."""
        n = len(np.asarray(self.y))
        if n == 0:
            raise InputError(
                "An evaluation of offers needs offers in the test span, but found none. Move "
                "cutoffs.last, or make cutoffs.every_days longer."
            )
        if not self.arms or self.control in self.arms or len(set(self.arms)) < len(self.arms):
            raise InputError(
                "An evaluation of offers needs a control and at least one other arm, each once, "
                f"but found the control {self.control} and {', '.join(self.arms) or 'no arm'}."
            )
        for name in ("arm", "groups", "randomised", "purchase_score", "worth", "chosen"):
            values = np.asarray(getattr(self, name))
            if values.shape != (n,):
                raise InputError(
                    f"{n} offers need as many values of {name}, but found shape {values.shape}."
                )
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                missing = int((~np.isfinite(values)).sum())
                raise InputError(
                    f"Values of {name} must be known numbers, but {missing} of {n} are not."
                )
        if self.same_for_all not in self.all_arms:
            raise InputError(
                f"The arm for everybody must be among {', '.join(self.all_arms)}, "
                f"but found {self.same_for_all}."
            )
        if self.X is not None and len(self.X) != n:
            raise InputError(f"{n} offers need as many rows of features, found {len(self.X)}.")
        chances = matrix(self.probabilities, self.all_arms, n, "probabilities")
        off = np.abs(chances.sum(axis=1) - 1) > 0.01
        if off.any():
            row = int(np.flatnonzero(off)[0])
            raise InputError(
                "The chances of all arms must sum to 1 for each customer, but in "
                f"{int(off.sum())} of {n} rows they do not; the first is row {row} with "
                f"{chances[row].sum():.3f}."
            )
        matrix(self.uplift, list(self.arms), n, "predictions")


@dataclass(frozen=True, eq=False)
class Placebo:
    """A study with its arms dealt out anew by lot, where no effect can be.

    `arm` (n,) the arms of the test, permuted; `uplift` (n, arms) what a model predicts that was
    fitted on the training offers with permuted arms.
    """

    arm: Any
    uplift: pd.DataFrame
