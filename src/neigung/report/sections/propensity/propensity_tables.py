"""What the tests say of a model, as tables, tiles and sentences for the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.metric import METRICS
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.propensity.evaluate import Evaluation, model_text
from neigung.evaluation.propensity.segments import segment_text
from neigung.features.feature import Language
from neigung.language.numbers import date_text
from neigung.language.values import value_text
from neigung.report.front import scale, tile
from neigung.report.page import capital, grid
from neigung.report.traced import Numbers, said

_TILES = ("average_precision", "auroc", "lift_10", "calibration_error")
_MOST_TILES = 4


class Tables:
    """The tables of one evaluation in one language; `t` are the words of the page."""

    def __init__(
        self,
        evaluation: Evaluation,
        numbers: Numbers,
        t: dict[str, Any],
    ) -> None:
        self.evaluation, self.numbers, self.t = evaluation, numbers, t
        self.language: Language = numbers.language
        best = evaluation.differences[evaluation.differences["best"]]
        self.best = {str(row.metric): str(row.baseline) for row in best.itertuples()}

    def tiles(self) -> list[dict[str, Any]]:
        """The numbers that matter beside the best baseline: the acceptance metric first."""
        names = dict.fromkeys((self.evaluation.metric, *_TILES))
        return [self._tile(name) for name in names if name in self.best][:_MOST_TILES]

    def _tile(self, name: str) -> dict[str, Any]:
        metric, baseline = METRICS[name], self.best[name]
        ours, theirs = f"test.{name}", f"baseline.{baseline}.{name}"
        lead = f"difference.{baseline}.{name}"
        told = self.numbers.measured(theirs).in_line()
        alt = self.t["tile_scale"].format(ours=self.numbers.figure(ours), theirs=told.striptags())
        who = model_text(baseline, self.language)
        return tile(
            metric.text(self.language),
            self.numbers.measured(ours),
            no_interval=self.t["no_interval"],
            lines=[
                said(self.t["tile_baseline"], name=who, value=told),
                said(
                    self.t[self._standing(lead, metric.higher_is_better)],
                    value=self.numbers.measured(lead, self.numbers.decimals(3, "+")).in_line(),
                ),
            ],
            meaning=self.t["meanings"].get(name, ""),
            decides=name == self.evaluation.metric,
            scale=scale(self.numbers, ours, theirs, alt),
        )

    def _standing(self, lead: str, higher_is_better: bool) -> str:
        """Whether a difference to a baseline is one, beyond chance."""
        ends = [self.numbers.values.get(f"{lead}.{end}", np.nan) for end in ("low", "high")]
        low, high = ends if higher_is_better else (-ends[1], -ends[0])
        return "tile_ahead" if low > 0 else "tile_behind" if high < 0 else "tile_open"

    def metrics(self) -> dict[str, Any]:
        """All metrics of all models, and by how much the model is ahead of the best baseline."""
        names = list(dict.fromkeys(map(str, self.evaluation.metrics["metric"])))
        rows: list[list[Any]] = []
        for name in names:
            metric = METRICS[name]
            sign = "↑" if metric.higher_is_better else "↓"
            cells: list[Any] = [f"{metric.text(self.language)}\N{NO-BREAK SPACE}{sign}"]
            cells += [self.numbers.measured(f"{_owner(m)}.{name}") for m in self.evaluation.models]
            lead = f"difference.{self.best.get(name)}.{name}"
            cells.append(self.numbers.measured(lead, self.numbers.decimals(3, "+")))
            rows.append(cells)
        head = [self.t["metric"], *self._names(), self.t["minus_best"]]
        return grid(self.t["metrics_caption"] + self.t["arrows"], head, rows, ours=1)

    def meanings(self) -> list[tuple[str, str]]:
        """What each metric says, in words."""
        names = dict.fromkeys(self.evaluation.metrics["metric"])
        told = [(METRICS[str(name)], self.t["meanings"].get(name)) for name in names]
        return [(capital(metric.text(self.language)), text) for metric, text in told if text]

    def top(self) -> dict[str, Any]:
        """What acting on the highest scores brings, in a sentence and as a table."""
        table, numbers = self.evaluation.top(), self.numbers
        more = numbers.decimals(0, "+")
        rows: list[list[Any]] = []
        for share in table["share"]:
            name = _top(share)
            rows.append(
                [
                    value_text(share, "share", self.language),
                    numbers.count(f"{name}.customers"),
                    numbers.count(f"{name}.found"),
                    numbers.share(f"{name}.rate"),
                    numbers.measured_share(f"{name}.found_share"),
                    numbers.measured(f"{name}.lift", numbers.decimals(2)),
                    numbers.measured(f"{name}.more", more),
                ]
            )
        keys = ("share", "customers", "found", "rate", "found_share", "lift", "more")
        head = [self.t[f"top_{key}"] for key in keys]
        first = table.iloc[0]
        name = _top(first["share"])
        told = {
            key: numbers.count(f"{name}.{key}") for key in ("customers", "found", "baseline_found")
        }
        say = said(
            self.t["top_say"],
            share=value_text(first["share"], "share", self.language),
            found_share=numbers.share(f"{name}.found_share"),
            baseline=model_text(str(first["baseline"]), self.language),
            **told,
        )
        return {"say": say, "table": grid(self.t["top_caption"], head, rows, right=(1, 2, 3))}

    def calibration(self) -> dict[str, Any]:
        """Predicted and observed by group, and on average."""
        numbers, bins = self.numbers, self._bins()
        rows: list[list[Any]] = [
            [
                str(i),
                numbers.count(f"calibration.{i}.n"),
                numbers.share(f"calibration.{i}.predicted"),
                numbers.measured_share(f"calibration.{i}.observed"),
            ]
            for i in range(1, len(bins) + 1)
        ]
        head = [self.t[key] for key in ("group", "rows", "predicted", "observed")]
        table = grid(self.t["calibration_caption"], head, rows, right=(1, 2))
        means = said(self.t["calibration_mean"], mean=self.mean(), rate=self.rate())
        return {"say": said("{} {}", self.t["calibration_say"], means), "table": table}

    def mean(self) -> str:
        """What was predicted on average."""
        bins = self._bins()
        known = len(bins) and bins["n"].sum() > 0
        mean = float(np.average(bins["predicted"], weights=bins["n"])) if known else np.nan
        return value_text(mean, "share", self.language)

    def rate(self) -> str:
        """How often the outcome came."""
        return self.numbers.share("test.base_rate")

    def _bins(self) -> pd.DataFrame:
        table = self.evaluation.calibration
        return table[table["model"] == MODEL]

    def folds(self) -> dict[str, Any] | None:
        """The acceptance metric at the earlier cutoffs and the test."""
        folds = self.evaluation.folds
        folds = folds[folds["metric"] == self.evaluation.metric]
        if folds.empty:
            return None
        metric, rows = self.evaluation.metric, []
        for cutoff in sorted(set(folds["cutoff"])):
            cells: list[Any] = [date_text(cutoff, self.language)]
            for model in self.evaluation.models:
                cells.append(self.numbers.measured(f"fold.{cutoff:%Y-%m-%d}.{model}.{metric}"))
            rows.append(cells)
        last = f"{date_text(self.evaluation.cutoff, self.language)} ({self.t['test']})"
        ours = [self.numbers.measured(f"{_owner(m)}.{metric}") for m in self.evaluation.models]
        head = [self.t["cutoff"], *self._names()]
        return grid(self.caption("folds_caption"), head, [*rows, [last, *ours]], ours=1)

    def segments(self) -> dict[str, Any] | None:
        """The acceptance metric per level, beside the best baseline."""
        table, metric = self.evaluation.segments, self.evaluation.metric
        table = table[table["metric"] == metric]
        if table.empty:
            return None
        best = next((str(model) for model in table["model"] if model != MODEL), None)
        rows = []
        for (segment, level), some in table.groupby(["segment", "level"], sort=False):
            at = f"segment.{segment}.{level}"
            cells: list[Any] = [
                capital(segment_text(str(segment), None, self.language)),
                segment_text(str(segment), str(level), self.language),
                *(self.numbers.count(f"{at}.{key}") for key in ("n", "positives")),
            ]
            models = [MODEL, *([] if best is None else [best])]
            measured: list[Any] = [self.numbers.measured(f"{at}.{m}.{metric}") for m in models]
            if some["reason"].astype(bool).any():
                same = some["positives"].iloc[0] in (0, some["n"].iloc[0])
                measured[0] = self.t["one_outcome" if same else "too_small"]
            rows.append(cells + measured)
        keys = ("segment", "level", "rows", "positives")
        head = [*(self.t[key] for key in keys), model_text(MODEL, self.language)]
        head += [] if best is None else [model_text(best, self.language)]
        caption = self.caption("segments_caption")
        told = grid(caption, head, rows, key=1, right=(2, 3), ours=4, plain={0: "name"})
        show = self.t["segments_show"].format(count=len(rows))
        return {"table": told, "show": show}

    def caption(self, key: str) -> str:
        """A text about the acceptance metric."""
        metric = METRICS[self.evaluation.metric].text(self.language)
        return capital(str(self.t[key]).format(metric=metric))

    def _names(self) -> list[str]:
        return [model_text(model, self.language) for model in self.evaluation.models]


def _owner(model: str) -> str:
    """How the numbers of a model begin."""
    return "test" if model == MODEL else f"baseline.{model}"


def _top(share: float) -> str:
    return f"top.{100 * share:g}"
