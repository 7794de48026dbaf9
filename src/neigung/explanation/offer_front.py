"""The first screen of an offer report: the verdict, its reservations and the main numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from neigung.evaluation.evaluate import MODEL
from neigung.evaluation.metrics import ALL_METRICS
from neigung.evaluation.offer_evaluation import OfferEvaluation
from neigung.evaluation.offer_texts import interval_text, policy_text
from neigung.explanation.offer_tables import OfferTables
from neigung.explanation.page import capital
from neigung.explanation.values import count_text

_MOST_TILES = 6


class OfferFront:
    """The first screen in one language; `drawn` is the share of the offers drawn by lot."""

    def __init__(self, tables: OfferTables, t: dict[str, Any], drawn: float) -> None:
        self.tables, self.t, self.o, self.drawn = tables, t, tables.o, drawn
        self.evaluation: OfferEvaluation = tables.evaluation
        self.language, self.say = tables.language, tables.say

    def verdict(self) -> dict[str, Any]:
        """The traffic light: its words say the same as its colour."""
        verdict = self.evaluation.verdict
        hints = self._reservations()
        key, kind, sign = "good", "good", "✓"
        if self.evaluation.placebo_found:
            key, kind, sign = "placebo", "bad", "✗"
        elif np.isnan([verdict.difference, verdict.low, verdict.high]).any():
            key, kind, sign = "unknown", "open", "?"
        elif not verdict.beats_baseline:
            key, kind, sign = ("bad" if verdict.high < 0 else "open"), "bad", "✗"
        elif hints or not (self.evaluation.arm_effects["verdict"] == "found").any():
            key, kind, sign = "care", "open", "!"
        if key == "open":
            hints = [self.o["hint_open"], *hints]
        title = self.o[f"verdict_{key}"]
        return {
            "kind": kind,
            "sign": sign,
            "title": title if isinstance(title, str) else title[verdict.metric],
            "text": self.tables.told(verdict.text_de if self.language == "de" else verdict.text_en),
            "hints": [self._arms_in_short(), *hints],
        }

    def _arms_in_short(self) -> str:
        """Which arms have an effect, in one line."""
        table, told = self.evaluation.arm_effects, []
        for verdict, text in self.say("in_short").items():
            arms = ", ".join(map(self.tables.arm, table["arm"][table["verdict"] == verdict]))
            told += [str(text).format(arms=arms)] if arms else []
        return " ".join(told)

    def _reservations(self) -> list[str]:
        """What a reviewer must bear in mind even if the numbers are good."""
        hints = [self.o["hint_observed"]] if self.tables.observed else []
        overlap = self.evaluation.overlap
        lacking = ", ".join(self.tables.arm(arm) for arm in overlap["arm"][~overlap["usable"]])
        hints += [self.o["hint_overlap"].format(arms=lacking)] if lacking else []
        differing = self.tables.imbalanced()
        # By lot, features differ by chance; what was drawn needs no balance to be believed.
        if differing and self.drawn < 1:
            key = "hint_balance_one" if differing == 1 else "hint_balance"
            hints.append(self.o[key].format(count=count_text(differing, self.language)))
        return hints

    def tiles(self) -> list[dict[str, Any]]:
        """What the choice earns, how good the ranking is, and each arm's average."""
        tiles = [self._metric_tile("policy_value"), self._metric_tile("qini")]
        if self.evaluation.metric == "qini":
            tiles.reverse()
        verdicts = self.say("verdicts")
        for row in self.evaluation.arm_effects.head(_MOST_TILES).to_dict("records"):
            told = self.tables.amount(row["effect"], row["low"], row["high"])
            value, _, interval = told.partition(" (")
            number, _, unit = value.partition(" ")
            tiles.append(
                {
                    "name": self.say("of_arm").format(arm=self.tables.arm(row["arm"])),
                    "value": number,
                    "unit": unit,
                    "lines": [
                        interval.rstrip(")") or self.t["no_interval"],
                        verdicts[row["verdict"]],
                    ],
                    "meaning": self.o["of_arm_meaning"],
                    "decides": False,
                }
            )
        return tiles

    def _metric_tile(self, name: str) -> dict[str, Any]:
        """A metric of the model beside the best simple policy."""
        evaluation, unit = self.evaluation, self.evaluation.unit(name)
        table = evaluation.metrics[evaluation.metrics["metric"] == name].set_index("model")
        rows = evaluation.differences
        row = rows[rows["best"] & (rows["metric"] == name)].iloc[0]

        def told(numbers: Any, sign: str = "") -> str:
            value, low, high = (float(number) for number in numbers)
            return interval_text((value, low, high), unit, self.language, sign)

        columns = ["value", "low", "high"]
        value, _, interval = told(table.loc[MODEL, columns]).partition(" (")
        number, _, points = value.partition(" ")
        theirs = told(table.loc[row["baseline"], columns]).partition(" (")[0]
        key = self.o["more_than"][name]
        if np.isnan(row["value"]):
            key = self.o["not_comparable_with"]
        elif row["value"] == row["low"] == row["high"] == 0:
            key = self.o["same_as"]
        against = str(key).format(
            difference=told(row[columns], "+"),
            baseline=self.tables.told(policy_text(str(row["baseline"]), self.language)),
            theirs=theirs,
        )
        money = [self.o["money_note"]] if unit != "purchase" else []
        return {
            "name": capital(ALL_METRICS[name].text(self.language)),
            "value": number,
            "unit": points,
            "lines": [interval.rstrip(")") or self.t["no_interval"], against, *money],
            "meaning": self.o["meanings"][name],
            "decides": name == evaluation.metric,
        }
