"""What the tests say of a model, as tables for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from neigung.evaluation.evaluate import MODEL, Evaluation, model_text
from neigung.evaluation.metrics import METRICS
from neigung.evaluation.verdict import format_interval
from neigung.explanation.page import capital, grid
from neigung.explanation.values import count_text, date_text
from neigung.features.feature import Column, Language


class Tables:
    """The tables of one evaluation in one language; `t` are the words of the page."""

    def __init__(
        self,
        evaluation: Evaluation,
        columns: Sequence[Column],
        t: dict[str, Any],
        language: Language,
    ) -> None:
        self.evaluation, self.columns, self.t = evaluation, columns, t
        self.language: Language = language

    def metrics(self) -> dict[str, Any]:
        """All metrics of all models."""
        table = self.evaluation.table(self.language)
        signs = {
            m.text(self.language): "↑" if m.higher_is_better else "↓" for m in METRICS.values()
        }
        rows = [
            [f"{name}\N{NO-BREAK SPACE}{signs[str(name)]}", *cells]
            for name, *cells in table.itertuples()
        ]
        head = [self.t["metric"], *map(str, table.columns)]
        caption = self.t["metrics_caption"] + self.t["arrows"]
        return grid(caption, head, rows, ours=1, intervals=True)

    def meanings(self) -> list[tuple[str, str]]:
        """What each metric says, in words."""
        names = dict.fromkeys(self.evaluation.metrics["metric"])
        told = [(METRICS[str(name)], self.t["meanings"].get(name)) for name in names]
        return [(capital(metric.text(self.language)), text) for metric, text in told if text]

    def folds(self) -> dict[str, Any] | None:
        """The acceptance metric at the earlier cutoffs and the test."""
        folds = self.evaluation.folds
        folds = folds[folds["metric"] == self.evaluation.metric]
        if folds.empty:
            return None
        last = self.evaluation.metrics.assign(cutoff=self.evaluation.cutoff)
        table = pd.concat([folds, last[last["metric"] == self.evaluation.metric]])
        rows = []
        for cutoff, some in table.groupby("cutoff", sort=True):
            told = some.set_index("model")
            date = date_text(cutoff, self.language)
            name = f"{date} ({self.t['test']})" if cutoff == self.evaluation.cutoff else date
            rows.append([name, *(self.cell(told, model) for model in self.evaluation.models)])
        names = [model_text(model, self.language) for model in self.evaluation.models]
        return grid(
            self._caption("folds_caption"),
            [self.t["cutoff"], *names],
            rows,
            ours=1,
            intervals=True,
        )

    def segments(self) -> dict[str, Any] | None:
        """A table by activity, and one by attribute, which may be long."""
        table = self.evaluation.segments
        table = table[table["metric"] == self.evaluation.metric]
        if table.empty:
            return None
        best = next((model for model in table["model"] if model != MODEL), None)
        names = {column.name: column.text(self.language) for column in self.columns}
        rows: dict[bool, list[list[str]]] = {True: [], False: []}
        for (name, level), some in table.groupby(["segment", "level"], sort=False):
            told = some.set_index("model")
            ours = told.loc[MODEL]
            cells = [names.get(str(name)) or self._level(name), self._level(level)]
            cells += [
                count_text(ours["n"], self.language),
                count_text(ours["positives"], self.language),
            ]
            cells.append(self.t["too_small"] if ours["reason"] else self.cell(told, MODEL))
            cells += [] if best is None else [self.cell(told, best)]
            rows[str(name) == "activity"].append(cells)
        keys = ("segment", "level", "rows", "positives")
        head = [*(self.t[key] for key in keys), model_text(MODEL, self.language)]
        head += [] if best is None else [model_text(best, self.language)]
        caption = self._caption("segments_caption")
        places: dict[str, Any] = {"key": 1, "right": (2, 3), "ours": 4, "intervals": True}
        first, more = (grid(caption, head, rows[key], **places) for key in (True, False))
        show = self.t["segments_show"].format(count=count_text(len(rows[False]), self.language))
        return {"first": first, "more": more, "show": show}

    def cell(self, told: pd.DataFrame, model: str) -> str:
        """A model's value with its interval, from rows by model."""
        if model not in told.index:
            return "–"
        row: Any = told.loc[model]
        return format_interval((row["value"], row["low"], row["high"]), self.language)

    def _caption(self, key: str) -> str:
        metric = METRICS[self.evaluation.metric].text(self.language)
        return capital(str(self.t[key]).format(metric=metric))

    def _level(self, name: Any) -> str:
        return str(self.t["levels"].get(str(name), name))
