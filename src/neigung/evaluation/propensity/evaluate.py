"""A model beside its baselines, on the customers of a cutoff that nobody has seen before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.bootstrap import bootstrap
from neigung.evaluation.few_outcomes import (
    FEWEST_OUTCOMES,
    Outlook,
    customers_with_rarer,
    outlook_from,
)
from neigung.evaluation.frames import table_from_dict, table_to_dict, typed
from neigung.evaluation.metric import METRICS
from neigung.evaluation.named_numbers import MODEL, headline_numbers, propensity_numbers
from neigung.evaluation.propensity.baselines import baseline_text
from neigung.evaluation.propensity.segments import levels, segment_text
from neigung.evaluation.propensity.top import SHARES, top_table
from neigung.evaluation.verdict import Verdict, judge, too_few
from neigung.language import Message
from neigung.language.intervals import format_interval
from neigung.pictures import of_propensity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.models.dataset import Dataset

FoldPredictions = tuple[Any, Any, Any, Mapping[str, Any]]

_MAIN_METRICS = ("auroc", "average_precision", "log_loss", "brier")
_TABLES = ("metrics", "differences", "folds", "segments", "gains", "calibration")
_SEGMENT_COLUMNS = [
    *("segment", "level", "n", "positives", "model", "metric", "value", "low", "high", "reason"),
]
_FOLD_COLUMNS = ["cutoff", "model", "metric", "value", "low", "high", "reason"]
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("value", "low", "high", "share", "gain", "predicted", "observed"), float),
    **{"n": int, "positives": int, "best": bool, "cutoff": "datetime64[us]"},
}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the test cutoff says of a model and its baselines; made by `evaluate`.

    `metric` is the acceptance metric, the tables are frames with 95 % intervals `low`, `high`:
    `metrics` (model, metric, value, low, high, reason), `differences` (baseline, metric, value,
    low, high, best; model minus baseline), `folds` (as `metrics`, with cutoff), `segments` (as
    `metrics`, with segment, level, n, positives; a level too small to be judged has one row with a
    reason), `gains` (model, share, gain, low, high), `calibration` (model, predicted, observed,
    low, high, n).

    `outcomes` are the customers with the rarer outcome; None in an evaluation from before they were
    counted. With fewer than `FEWEST_OUTCOMES` there are no intervals and no verdict, and `outlook`
    tells which other tests would have how many.
    """

    kind: ClassVar[str] = "propensity"

    cutoff: pd.Timestamp
    metric: str
    n_rows: int
    n_customers: int
    base_rate: float
    repetitions: int
    metrics: pd.DataFrame
    differences: pd.DataFrame
    folds: pd.DataFrame
    segments: pd.DataFrame
    gains: pd.DataFrame
    calibration: pd.DataFrame
    outcomes: int | None = None
    outlook: tuple[Outlook, ...] = ()

    @property
    def too_few(self) -> bool:
        """Whether fewer customers have the rarer outcome than an interval can bear."""
        return self.outcomes is not None and self.outcomes < FEWEST_OUTCOMES

    @property
    def models(self) -> list[str]:
        """`model` and the baselines, in order."""
        return list(dict.fromkeys(self.metrics["model"]))

    def value(self, metric: str, model: str = MODEL) -> float:
        """The point estimate of one metric of one model; NaN if it was not computed."""
        rows = self.metrics[(self.metrics["model"] == model) & (self.metrics["metric"] == metric)]
        return float(rows["value"].iloc[0]) if len(rows) else float("nan")

    def unit(self, metric: str) -> str:
        """What a metric counts; these count nothing."""
        return ""

    @property
    def verdict(self) -> Verdict:
        """The judgement in the acceptance metric."""
        rows = self.differences
        row = rows[rows["best"] & (rows["metric"] == self.metric)].iloc[0]
        difference, low, high = (float(row[key]) for key in ("value", "low", "high"))
        baseline = str(row["baseline"])
        if self.too_few:
            found = self.outcomes or 0
            return too_few(METRICS[self.metric], baseline, difference, found, self.outlook)
        return judge(
            METRICS[self.metric],
            baseline,
            lambda language: model_text(baseline, language),
            (self.value(self.metric), self.value(self.metric, baseline)),
            (difference, low, high),
        )

    def table(self, language: str = "en") -> pd.DataFrame:
        """Metrics (rows) of the models (columns) with intervals, as text, ready to be shown."""
        cells = {
            (name, model): format_interval(numbers, language)
            for model, name, *numbers, _ in self.metrics.itertuples(index=False)
        }
        names = list(dict.fromkeys(self.metrics["metric"]))
        table = pd.DataFrame(
            {
                model_text(model, language): [cells[name, model] for name in names]
                for model in self.models
            },
            index=[METRICS[name].text(language) for name in names],
        )
        best = self.differences[self.differences["best"]].set_index("metric")
        table[Message("minus best baseline").to(language)] = [
            format_interval(best.loc[name, ["value", "low", "high"]], language, "+")
            for name in names
        ]
        return table

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None. `from_dict` reads it back."""
        facts = {
            key: getattr(self, key)
            for key in ("metric", "n_rows", "n_customers", "base_rate", "repetitions")
        }
        tables = {name: table_to_dict(table) for name, table in self._tables().items()}
        verdict = self.verdict.to_dict()
        counted = {"outcomes": self.outcomes, "outlook": [asdict(one) for one in self.outlook]}
        return {"cutoff": self.cutoff.isoformat(), **facts, **counted, **tables, "verdict": verdict}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        fields = {key: value for key, value in data.items() if key not in ("cutoff", "verdict")}
        fields |= {name: table_from_dict(data[name], _TYPES) for name in _TABLES}
        fields["outlook"] = outlook_from(data.get("outlook", ()))
        return cls(cutoff=pd.Timestamp(data["cutoff"]), **fields)

    def headline_numbers(self) -> dict[str, float]:
        """The numbers of the test for a glance, those that are known.

        `test.rows`, `test.base_rate`, `test.METRIC`, `baseline.NAME.METRIC`,
        `difference.NAME.METRIC` (model minus baseline), the last three also with `.low`, `.high`.
        """
        return headline_numbers(self._tables(), self.n_rows, self.base_rate)

    def numbers(self) -> dict[str, float]:
        """Every number by name, those that are known: `headline_numbers` and further

        - `test.customers`
        - `fold.DATE.MODEL.METRIC`, DATE as 2025-06-01, with `.low`, `.high`
        - `segment.SEGMENT.LEVEL.n`, `.positives`, `.MODEL.METRIC` (with `.low`, `.high`)
        - `top.10.customers`, `.found`, `.rate`, `.baseline_found`, `.baseline_found_share`,
          `.found_share`, `.lift`, `.more` (the last three with `.low`, `.high`); also `top.20`,
          `top.30`: see `top`
        - `calibration.BIN.predicted`, `.n`, `.observed` (with `.low`, `.high`): the model's bins,
          from 1, the lowest
        """
        tables = {**self._tables(), "top": self.top()}
        customers = {"test.customers": float(self.n_customers)}
        return {**self.headline_numbers(), **customers, **propensity_numbers(tables)}

    def top(self, shares: Sequence[float] = SHARES) -> pd.DataFrame:
        """What acting on the best customers would bring, beside the best baseline; a row a share.

        Columns: share, customers (how many are addressed), found (how many of them have the
        outcome), found_share (of all outcomes) with found_share_low and _high, rate (found a
        customer addressed), lift (rate over the rate of all) with lift_low and _high, baseline
        (that which finds most in this share), baseline_found, baseline_found_share, more (found
        beyond the baseline's) with more_low and _high, known for 10, 20 and 30 %. Equal scores at
        the limit count in proportion. Raises InputError for a share outside 0..1.
        """
        return top_table(self.gains, self.differences, self.n_rows, self.base_rate, shares)

    def _repr_html_(self) -> str:
        from html import escape

        facts = (
            f"{self.n_rows:,} rows, {self.n_customers:,} customers, base rate "
            f"{self.base_rate:.1%}, cutoff {self.cutoff:%Y-%m-%d}, 95 % intervals"
        )
        table = self.table().to_html(border=0)
        return f"<p><b>{escape(self.verdict.text_en)}</b></p><p>{facts}</p>{table}"

    def figures(self, language: str = "en") -> dict[str, Figure]:
        """All pictures by name, as a training logs them."""
        return {
            "gains": self.plot_gains(language),
            "calibration": self.plot_calibration(language),
            "metrics": self.plot_metrics(language),
            "folds": self.plot_folds(language),
            "lift": self.plot_lift(language),
            "top": self.plot_top(language),
            "segments": self.plot_segments(language),
        }

    def plot_gains(self, language: str = "en") -> Figure:
        """Share of the positives found when the best are addressed first."""
        return of_propensity.plot_gains(self.gains, self._names(language), language)

    def plot_calibration(self, language: str = "en") -> Figure:
        """Predicted against observed rates, with bands."""
        return of_propensity.plot_calibration(self.calibration, self._names(language), language)

    def plot_metrics(self, language: str = "en") -> Figure:
        """The main metrics of the model and its baselines, with intervals."""
        shown = [METRICS[name] for name in _MAIN_METRICS]
        return of_propensity.plot_metrics(self.metrics, self._names(language), shown, language)

    def plot_folds(self, language: str = "en") -> Figure:
        """The acceptance metric over the cutoffs of the folds and the test."""
        table = pd.concat([self.folds, self.metrics.assign(cutoff=self.cutoff)])
        metric = METRICS[self.metric]
        return of_propensity.plot_folds(table, self._names(language), metric, language)

    def plot_lift(self, language: str = "en") -> Figure:
        """How many times the overall rate the best customers have, over the share addressed."""
        return of_propensity.plot_lift(self.gains, self._names(language), language)

    def plot_top(self, language: str = "en") -> Figure:
        """What acting on the top 10, 20 and 30 % finds, beside the best baseline."""
        return of_propensity.plot_top(self.top(), self._names(language), language)

    def plot_segments(self, language: str = "en") -> Figure:
        """The acceptance metric in each segment, beside the best baseline."""
        table = self.segments.assign(
            segment_text=[
                segment_text(name, language=language) for name in self.segments["segment"]
            ],
            level_text=[
                segment_text(name, level, language)
                for name, level in zip(
                    self.segments["segment"], self.segments["level"], strict=True
                )
            ],
        )
        metric = METRICS[self.metric]
        return of_propensity.plot_segments(table, self._names(language), metric, language)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {name: getattr(self, name) for name in _TABLES}

    def _names(self, language: str) -> dict[str, str]:
        return {model: model_text(model, language) for model in self.models}


def evaluate(
    test: Dataset,
    predictions: Mapping[str, Any],
    metric: str = "average_precision",
    folds: Sequence[FoldPredictions] = (),
    segments: pd.DataFrame | None = None,
    repetitions: int = 500,
    seed: int = 0,
    smallest_segment: int = 50,
    most_levels: int = 12,
    outlook: Sequence[Outlook] = (),
) -> Evaluation:
    """Compares the model with its baselines on the rows of `test`, with bootstrap intervals.

    `predictions` has the key `model` and one per baseline, each probabilities (n,) in the order of
    `test`. `folds` are tuples (cutoff, y, groups, predictions) of earlier cutoffs. `segments` (n
    rows in the order of `test`) holds categorical columns; of each, the `most_levels` largest
    levels are judged one by one and the rest as "(other)", a missing value is "(missing)"; levels
    with fewer than `smallest_segment` rows or only one outcome are listed with the reason. Where
    fewer than `FEWEST_OUTCOMES` customers have the rarer outcome there are no intervals. `outlook`
    says which other tests would have more of them.

    Raises InputError when the model, every baseline or rows are lacking, or the metric is unknown.
    """
    if MODEL not in predictions or len(predictions) < 2:
        raise InputError(
            f"An evaluation needs predictions of '{MODEL}' and of at least one baseline, "
            f"but found {', '.join(predictions) or 'none'}."
        )
    if metric not in METRICS:
        raise InputError(f"The acceptance metric must be among {', '.join(METRICS)}, not {metric}.")
    if segments is not None and len(segments) != len(test.frame):
        raise InputError(
            f"Segments need one row for each of the {len(test.frame)} test rows, "
            f"but found {len(segments)}."
        )
    y, groups = np.asarray(test.y, dtype=float), np.asarray(test.groups)
    result = bootstrap(
        y, predictions, groups, repetitions=repetitions, seed=seed, fewest=FEWEST_OUTCOMES
    )
    differences = result.differences(MODEL)
    best = differences[differences["best"] & (differences["metric"] == metric)]["baseline"].iloc[0]

    parts = [pd.DataFrame(columns=_FOLD_COLUMNS)]
    for cutoff, fold_y, fold_groups, fold_predictions in folds:
        one = bootstrap(
            *(fold_y, fold_predictions, fold_groups),
            repetitions=repetitions,
            seed=seed,
            fewest=FEWEST_OUTCOMES,
        ).table()
        parts.append(one.assign(cutoff=pd.Timestamp(cutoff))[_FOLD_COLUMNS])

    both = {name: np.asarray(predictions[name], dtype=float) for name in (MODEL, best)}
    rows = []
    columns = {} if segments is None else dict(segments.items())
    for name, column in columns.items():
        for level, inside in levels(column, most_levels):
            table = _segment_table(
                y[inside],
                {model: p[inside] for model, p in both.items()},
                groups[inside],
                metric,
                # Segments are many and read at a glance.
                min(repetitions, 200),
                seed,
                smallest_segment,
            )
            counts = {"n": int(inside.sum()), "positives": int(y[inside].sum())}
            rows.append(table.assign(segment=str(name), level=level, **counts)[_SEGMENT_COLUMNS])

    return Evaluation(
        cutoff=pd.Timestamp(test.frame["cutoff"].max()),
        metric=metric,
        n_rows=len(y),
        n_customers=len(pd.unique(groups)),
        base_rate=float(y.mean()),
        repetitions=result.repetitions,
        metrics=result.table(),
        differences=differences,
        folds=typed(pd.concat(parts[1:] or parts, ignore_index=True), _TYPES),
        segments=typed(pd.concat(rows, ignore_index=True), _TYPES)
        if rows
        else typed(pd.DataFrame(columns=_SEGMENT_COLUMNS), _TYPES),
        gains=result.gains(),
        calibration=result.calibration(),
        outcomes=customers_with_rarer(y, groups),
        outlook=tuple(outlook),
    )


def model_text(name: str, language: str = "en") -> str:
    """The name of the model or a baseline for readers.

    >>> model_text("model", "de"), model_text("bg_nbd")
    ('Modell', 'BG/NBD')
    """
    if name == MODEL:
        return Message("model").to(language)
    return baseline_text(name, language)


def _segment_table(
    y: Any, predictions: Any, groups: Any, metric: str, repetitions: int, seed: int, smallest: int
) -> pd.DataFrame:
    reason = ""
    if len(y) < smallest:
        reason = f"needs {smallest} rows, found {len(y)}"
    elif len(np.unique(y)) < 2:
        reason = f"needs both outcomes, found only {int(y[0])}"
    if not reason:
        return bootstrap(
            y, predictions, groups, repetitions=repetitions, seed=seed, fewest=FEWEST_OUTCOMES
        ).table()
    row = {"model": MODEL, "metric": metric, "value": np.nan, "low": np.nan, "high": np.nan}
    return pd.DataFrame([{**row, "reason": reason}])
