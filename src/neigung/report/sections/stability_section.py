"""Whether a model stays as it was tested: drift, leak suspicion, seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from neigung.evaluation.metric import ALL_METRICS
from neigung.language import stored_in
from neigung.language.numbers import count_text
from neigung.report.page import capital, grid, picture
from neigung.report.traced import NOTHING, Numbers, said

if TYPE_CHECKING:
    from neigung.evaluation.stability import Stability

_MOST_DRIFT, _MOST_LEAKS = 30, 10
_SCORE = "score"
_LEVELS = ("strong", "some", "none", "unknown")


class StabilitySection:
    """The section in one language; `t` are the words of the page."""

    def __init__(self, stability: Stability | None, numbers: Numbers, t: dict[str, Any]) -> None:
        self.stability, self.numbers, self.t = stability, numbers, t
        self.language = numbers.language

    def told(self) -> dict[str, Any]:
        """What the template `sections/stability.html.j2` shows."""
        if self.stability is None:
            return {"examined": False}
        return {
            "examined": True,
            "drift": self._drift(self.stability),
            "leaks": self._leaks(self.stability.leaks),
            "seeds": self._seeds(self.stability),
        }

    def _drift(self, stability: Stability) -> dict[str, Any]:
        table, sentences = stability.drift, []
        for against, some in table.groupby("against", sort=False):
            score = some[some["column"] == _SCORE]["level"]
            counts = some[some["column"] != _SCORE]["level"].value_counts()
            told = {level: self._count(counts.get(level, 0)) for level in _LEVELS}
            unknown = self.t["drift_unknown"].format(count=told.pop("unknown"))
            sentences.append(
                said(
                    self.t["drift_found"][against],
                    level=self.t["drift_levels"][score.iloc[0] if len(score) else "unknown"],
                    psi=self.numbers.figure(f"drift.{_SCORE}.{against}", 2),
                    count=self._count(counts.sum()),
                    unknown=unknown if counts.get("unknown", 0) else "",
                    **told,
                )
            )
        if table.empty:
            return {"sentences": sentences, "table": None}
        return {
            "sentences": sentences,
            "figure": picture(stability.plot_drift(self.language), self.t["alt_drift"]),
            "table": self._drift_table(table),
        }

    def _drift_table(self, table: pd.DataFrame) -> dict[str, Any]:
        """The score, then the features that moved most, each against all it was compared with."""
        largest = table.groupby("column", sort=False)["psi"].max().fillna(0.0)
        order = largest.sort_values(ascending=False, kind="stable").index
        shown = [_SCORE] * (_SCORE in order) + [name for name in order if name != _SCORE]
        shown = shown[: _MOST_DRIFT + 1]
        againsts = list(dict.fromkeys(table["against"]))
        levels = {(row.column, row.against): row.level for row in table.itertuples()}
        texts = dict(zip(table["column"], table[f"text_{stored_in(self.language)}"], strict=True))
        rows: list[list[Any]] = []
        for name in shown:
            cells: list[Any] = [capital(str(texts[name]))]
            for against in againsts:
                level = levels.get((name, against))
                cells.append(self.numbers.figure(f"drift.{name}.{against}", 2))
                cells.append(self.t["drift_words"].get(level, NOTHING))
            rows.append(cells)
        head = [self.t["feature"]]
        for against in againsts:
            head += [f"PSI {self.t['drift_against'][against]}", self.t["drift_in_words"]]
        caption = self.t["drift_caption"].format(
            shown=self._count(len(rows)), count=self._count(len(order))
        )
        right = tuple(range(1, len(head), 2))
        return grid(caption, head, rows, right=right)

    def _leaks(self, table: pd.DataFrame) -> dict[str, Any]:
        if table.empty:
            return {"sentences": [], "table": None}
        table = table.sort_values("share", ascending=False, kind="stable")
        suspicious = table[table["suspicious"].astype(bool)]
        key = "leaks_some" if len(suspicious) else "leaks_none"
        shown = suspicious if len(suspicious) else table.head(1)
        sentences = []
        for row in shown.to_dict("records"):
            name = f"leak.{row['column']}"
            auroc: Any = ""
            if f"{name}.auroc" in self.numbers:
                auroc = said(self.t["leaks_auroc"], auroc=self.numbers.figure(f"{name}.auroc", 2))
            sentences.append(
                said(
                    self.t[key],
                    text=row[f"text_{stored_in(self.language)}"],
                    share=self.numbers.share(f"{name}.share"),
                    auroc=auroc,
                )
            )
        rows: list[list[Any]] = [
            [
                row[f"text_{stored_in(self.language)}"],
                self.numbers.share(f"leak.{row['column']}.share"),
                self.numbers.figure(f"leak.{row['column']}.auroc", 2),
                self.t["leaks_suspicious" if row["suspicious"] else "leaks_fine"],
            ]
            for row in table.head(_MOST_LEAKS).to_dict("records")
        ]
        head = [self.t[k] for k in ("feature", "leaks_share", "leaks_alone", "leaks_judged")]
        return {
            "sentences": sentences,
            "table": grid(self.t["leaks_caption"], head, rows, right=(1, 2)),
        }

    def _seeds(self, stability: Stability) -> dict[str, Any] | None:
        table = stability.seeds
        if len(table) < 2:
            return None
        metric = next((str(name) for name in table["metric"] if pd.notna(name)), "")
        rows: list[list[Any]] = []
        for row in table.to_dict("records"):
            name = f"seed.{row['seed']}"
            key = "seeds_registered" if row["registered"] else "{seed}"
            cells: list[Any] = [self.t.get(key, key).format(seed=row["seed"])]
            cells += [self.numbers.figure(f"{name}.value")] if metric else []
            cells.append(self.numbers.figure(f"{name}.correlation"))
            cells.append(self.numbers.share(f"{name}.same_top"))
            rows.append(cells)
        head = [self.t["seed"]]
        head += [ALL_METRICS[metric].text(self.language)] if metric else []
        head += [self.t["seeds_correlation"], self.t["seeds_same_top"]]
        right = tuple(range(1, len(head)))
        return {
            "figure": picture(stability.plot_seeds(self.language), self.t["alt_seeds"]),
            "table": grid(self.t["seeds_caption"], head, rows, right=right),
        }

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)
