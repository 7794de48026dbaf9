"""The first screen of an offer report, beside the verdict: the arms in short, and the tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from neigung.evaluation.metric import ALL_METRICS
from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.language.intervals import policy_text
from neigung.report.front import tile
from neigung.report.sections.offers.offer_report_tables import OfferTables
from neigung.report.traced import said

_MOST_ARMS = 6

ANCHORS = {"effect": "policies", "arms": "effects", "placebo": "placebo", "overlap": "overlap"}
"""Where in the page the details of an offer model's lights stand."""


class OfferFront:
    """The first screen in one language; `t` are the words of the page."""

    def __init__(self, tables: OfferTables, t: dict[str, Any]) -> None:
        self.tables, self.t, self.o = tables, t, tables.o
        self.evaluation: OfferEvaluation = tables.evaluation
        self.language, self.say = tables.language, tables.say

    def in_short(self) -> str:
        """Which arms have an effect, in one line; without a draw, what must be borne in mind."""
        table = self.evaluation.arm_effects
        told = [self.o["hint_observed"]] if self.tables.observed else []
        for verdict, text in self.say("in_short").items():
            arms = ", ".join(map(self.tables.arm, table["arm"][table["verdict"] == verdict]))
            told += [str(text).format(arms=arms)] if arms else []
        return " ".join(told)

    def tiles(self) -> list[dict[str, Any]]:
        """What the choice earns, how good the ranking is, and each arm's average."""
        tiles = [self._metric_tile("policy_value"), self._metric_tile("qini")]
        if self.evaluation.metric == "qini":
            tiles.reverse()
        verdicts = self.say("verdicts")
        for row in self.evaluation.arm_effects.head(_MOST_ARMS).to_dict("records"):
            number = self.tables.measured(f"effect.{row['arm']}")
            tiles.append(
                tile(
                    self.say("of_arm").format(arm=self.tables.arm(row["arm"])),
                    number,
                    unit=number.unit,
                    no_interval=self.t["no_interval"],
                    lines=[verdicts[row["verdict"]]],
                    meaning=self.o["of_arm_meaning"],
                )
            )
        return tiles

    def _metric_tile(self, name: str) -> dict[str, Any]:
        """A metric of the model beside the best simple policy."""
        evaluation, unit = self.evaluation, self.evaluation.unit(name)
        rows = evaluation.differences
        row = rows[rows["best"] & (rows["metric"] == name)].iloc[0]
        baseline = str(row["baseline"])
        key = self.o["more_than"][name]
        if np.isnan(row["value"]):
            key = self.o["not_comparable_with"]
        elif row["value"] == row["low"] == row["high"] == 0:
            key = self.o["same_as"]
        against = said(
            key,
            difference=self.tables.measured(f"difference.{baseline}.{name}", unit).in_line(),
            baseline=self.tables.told(policy_text(baseline, self.language)),
            theirs=self.tables.measured(f"baseline.{baseline}.{name}", unit, sign="").number(),
        )
        number = self.tables.measured(f"test.{name}", unit, sign="")
        return tile(
            ALL_METRICS[name].text(self.language),
            number,
            unit=number.unit,
            no_interval=self.t["no_interval"],
            lines=[against, *([self.o["money_note"]] if unit != "purchase" else [])],
            meaning=self.o["meanings"][name],
            decides=name == evaluation.metric,
        )
