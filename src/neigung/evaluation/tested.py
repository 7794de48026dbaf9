"""The face of an evaluation: what all kinds of model say of their test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from neigung.evaluation.verdict import Verdict


class Tested(Protocol):
    """What a test says of a model beside its baselines; `kind` is that of the model.

    `metric` is the acceptance metric; `metrics` (model, metric, value, low, high, …) and
    `differences` (baseline, metric, value, low, high, best) are frames with 95 % intervals.
    """

    kind: ClassVar[str]

    @property
    def cutoff(self) -> pd.Timestamp:
        """When the test begins."""

    @property
    def metric(self) -> str:
        """The acceptance metric."""

    @property
    def n_rows(self) -> int:
        """Rows of the test."""

    @property
    def metrics(self) -> pd.DataFrame:
        """Every metric of every model."""

    @property
    def differences(self) -> pd.DataFrame:
        """The model minus each baseline."""

    @property
    def folds(self) -> pd.DataFrame:
        """Metrics at earlier cutoffs; empty where there are none."""

    @property
    def verdict(self) -> Verdict:
        """The judgement in the acceptance metric."""

    def value(self, metric: str, model: str = ...) -> float:
        """The point estimate of one metric of one model."""

    def unit(self, metric: str) -> str:
        """What a metric counts."""

    def table(self, language: str = ...) -> pd.DataFrame:
        """Metrics of the models with intervals, as text."""

    def figures(self, language: str = ...) -> dict[str, Figure]:
        """All pictures by name."""

    def headline_numbers(self) -> dict[str, float]:
        """The numbers of the test for a glance."""

    def numbers(self) -> dict[str, float]:
        """Every number by name."""

    def _repr_html_(self) -> str: ...

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
