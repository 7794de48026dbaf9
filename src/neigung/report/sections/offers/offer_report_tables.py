"""What the tests say of offers, as tables and sentences for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.metric import ALL_METRICS
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.features.feature import Language
from neigung.language.intervals import (
    amount_text,
    exactness,
    interval_text,
    policy_text,
    rounded_up_text,
)
from neigung.language.numbers import count_text, with_percents
from neigung.language.units import arm_text
from neigung.language.values import value_text
from neigung.models.offers.dataset import OfferDataset
from neigung.report.page import capital, grid
from neigung.report.traced import Measured, Numbers, said

LARGE_SPREAD = 0.5
"""From here on the predictions of a placebo differ too much to call them almost the same."""


class OfferTables:
    """The tables of one evaluation of offers in one language.

    `o` are the words of offer reports. Where no offer was drawn by lot (`observed`), no difference
    may be called an effect.
    """

    def __init__(self, evaluation: OfferEvaluation, numbers: Numbers, o: dict[str, Any]) -> None:
        self.evaluation, self.numbers, self.o = evaluation, numbers, o
        self.observed = evaluation.observational
        self.language: Language = numbers.language

    def say(self, key: str) -> Any:
        """The words of a key; where no offer was drawn by lot, those meant for that."""
        if self.observed and f"{key}_observed" in self.o:
            return self.o[f"{key}_observed"]
        return self.o[key]

    def arm(self, name: Any) -> str:
        """An arm as the page names it."""
        return arm_text(str(name), self.language)

    def told(self, text: str) -> str:
        """A sentence with percent signs as the language sets them."""
        return with_percents(text, self.language)

    def amount(self, value: float, low: float = np.nan, high: float = np.nan) -> str:
        """A difference in the outcome's units, with its interval where there is one."""
        return interval_text((value, low, high), self.evaluation.outcome, self.language, "+")

    def measured(self, name: str, outcome: str | None = None, sign: str = "+") -> Measured:
        """A number of the evidence in an outcome's units, as exact as its interval allows."""
        outcome = outcome or self.evaluation.outcome
        ends = (f"{name}{end}" for end in ("", ".low", ".high"))
        value, low, high = (self.numbers.values.get(end, np.nan) for end in ends)
        width = (high - low) / 2 if high > low else abs(value)
        points = outcome == "purchase"
        write = self.numbers.decimals(2 if np.isnan(width) else exactness(width, outcome), sign)
        told = self.numbers.measured(name, write, 100 if points else 1)
        return replace(told, unit=self.o["points"]) if points else told

    def mix(self, test: OfferDataset, advised: pd.Series[Any]) -> dict[str, Any]:
        """How often each arm was given, and how often the model would give it."""
        rows = []
        for arm in (test.control, *test.arms):
            given, would = test.arm == arm, (advised == arm).to_numpy()
            mark = self.o["control_mark"] if arm == test.control else "{arm}"
            rate = (test.rates or {}).get(arm, 0.0)
            cells = [mark.format(arm=self.arm(arm))]
            cells += [self.share(rate) if rate else "–"] if test.rates else []
            cells += [
                f"{count_text(int(given.sum()), self.language)} ({self.share(given.mean())})",
                self.share(would.mean()),
            ]
            rows.append(cells)
        keys = ("arm", *(["rate"] if test.rates else []), "given", "advised")
        right = tuple(range(1, len(keys)))
        head = [self.o[key] for key in keys]
        # Counts of the page's own, beside the evidence.
        return grid(self.o["recommended_caption"], head, rows, right=right, plain="count")

    def overlap(self) -> dict[str, Any]:
        """Which arms can be compared."""
        rows: list[list[Any]] = []
        for row in self.evaluation.overlap.to_dict("records"):
            name = f"overlap.{row['arm']}"
            chances = [self.numbers.share(f"{name}.{key}") for key in ("q05", "median", "q95")]
            rows.append(
                [
                    self.arm(row["arm"]),
                    self.numbers.count(f"{name}.n"),
                    self.numbers.share(f"{name}.randomised"),
                    said("{} / {} / {}", *chances),
                    self.numbers.share(f"{name}.without_chance"),
                    self.numbers.count(f"{name}.effective"),
                    self.o["comparable" if row["usable"] else "not_comparable"],
                ]
            )
        keys = ("arm", "offers", "drawn", "chances", "without_chance", "effective", "usable")
        head = [self.o[key] for key in keys]
        return grid(self.o["overlap_caption"], head, rows, right=(1, 2, 4, 5))

    def placebo(self) -> dict[str, Any] | None:
        """What the placebo found."""
        if self.evaluation.placebo.empty:
            return None
        rows: list[list[Any]] = []
        for row in self.evaluation.placebo.to_dict("records"):
            if row["check"] not in ("effect", "qini"):
                continue
            of_arm = row["check"] == "effect"
            name = f"placebo.effect.{row['arm']}" if of_arm else "placebo.qini"
            judged = self.o["is_found" if row["found"] else "is_none"]
            rows.append([self.arm(row["arm"]) if of_arm else "Qini", self.measured(name), judged])
        head = [self.o["arm"], self.o["difference"], self.o["judged"]]
        return grid(self.o["placebo_caption"], head, rows)

    def placebo_say(self) -> str:
        """What the placebo found, in words, and how much its predictions differ."""
        table = self.evaluation.placebo
        if table.empty:
            return str(self.o["no_placebo"])
        told = [self.o["placebo_say"]]
        told.append(self.told(self.evaluation.placebo_sentence(self.language)))
        spread = float(table.loc[table["check"] == "spread", "value"].sum())
        if 0 < spread < np.inf:
            key = "placebo_spread" if spread < LARGE_SPREAD else "placebo_spread_large"
            told.append(self.o[key].format(share=self.share(spread)))
        return " ".join(told)

    def effects(self) -> dict[str, Any]:
        """Plain and adjusted difference of each arm, the verdict, and the offers needed."""
        verdicts, open_ones = self.say("verdicts"), self.needs_more()
        rows: list[list[Any]] = []
        for row in self.evaluation.arm_effects.to_dict("records"):
            name, purchase = f"effect.{row['arm']}", self.evaluation.outcome == "purchase"
            needed = rounded_up_text(row["needed"], self.language)
            rows.append(
                [
                    self.arm(row["arm"]),
                    capital(verdicts[row["verdict"]]),
                    self.measured(name),
                    self.measured(f"{name}.naive"),
                    self.numbers.share(f"{name}.mean")
                    if purchase
                    else self.measured(f"{name}.mean", sign=""),
                    self.numbers.count(f"{name}.n"),
                    # What was found, or ruled out, needs no more offers.
                    *([needed if row["verdict"] == "unknown" else "–"] if open_ones else []),
                ]
            )
        keys = ["arm", "judged", "adjusted", "plain", "seen", "offers"]
        keys += ["needed"] if open_ones else []
        caption = self.say("effects_caption").format(control=self.arm(self.evaluation.control))
        head = [self.o[key] for key in keys]
        return grid(caption, head, rows, right=(5, 6), ours=2, plain={6: "count"})

    def needs_more(self) -> bool:
        """Whether some arm was not given often enough to judge it."""
        return bool((self.evaluation.arm_effects["verdict"] == "unknown").any())

    def needed_say(self) -> str:
        """What `offers needed` means; empty where no more are needed."""
        if not self.needs_more():
            return ""
        smallest = amount_text(
            self.evaluation.smallest_effect, self.evaluation.outcome, self.language
        )
        return str(self.say("needed_say")).format(smallest=smallest)

    def arm_sentences(self) -> list[str]:
        """One verdict per arm; without a draw, of differences and not of effects."""
        return [self.told(text) for text in self.evaluation.arm_sentences(self.language)]

    def ranking_sentence(self) -> str:
        """Whether the model knows for whom the differences are large."""
        return self.told(self.evaluation.ranking_sentence(self.language))

    def bands(self) -> dict[str, Any]:
        """Predicted and observed by group."""
        rows: list[list[Any]] = []
        for row in self.evaluation.bands.to_dict("records"):
            name = f"band.{row['arm']}.{row['band']}"
            rows.append(
                [
                    self.arm(row["arm"]),
                    count_text(int(row["band"]), self.language),
                    self.numbers.count(f"{name}.n"),
                    self.measured(f"{name}.predicted"),
                    self.measured(f"{name}.effect"),
                ]
            )
        head = [self.o[key] for key in ("arm", "group", "offers", "predicted", "observed")]
        return grid(self.o["bands_caption"], head, rows, right=(1, 2), plain={1: "rank"})

    def rankings(self) -> dict[str, Any]:
        """Qini, AUUC and uplift at the top by the model, by likely buyers and drawn by lot."""
        metrics = list(dict.fromkeys(map(str, self.evaluation.rankings["metric"])))
        table = self.evaluation.metrics
        table = table[table["metric"].isin(metrics)]
        rows: list[list[Any]] = []
        for model in dict.fromkeys(map(str, table["model"])):
            own = model == MODEL
            owner = "test" if own else f"baseline.{model}"
            name = self.o["of_the_model"] if own else policy_text(model, self.language)
            rows.append([name, *(self.measured(f"{owner}.{metric}") for metric in metrics)])
        return self._ranked("ranking", metrics, rows, "rankings_caption")

    def rankings_by_arm(self) -> dict[str, Any]:
        """The same of the model's ranking, per arm."""
        table = self.evaluation.rankings
        table = table[table["model"] == MODEL]
        metrics = list(dict.fromkeys(map(str, table["metric"])))
        rows: list[list[Any]] = []
        for arm in dict.fromkeys(map(str, table["arm"])):
            names = (f"ranking.{arm}.{MODEL}.{metric}" for metric in metrics)
            rows.append([self.arm(arm), *map(self.measured, names)])
        return self._ranked("arm", metrics, rows, "rankings_arm_caption")

    def _ranked(
        self, first: str, metrics: Sequence[str], rows: Sequence[Sequence[Any]], caption: str
    ) -> dict[str, Any]:
        head = [self.o[first], *(ALL_METRICS[metric].text(self.language) for metric in metrics)]
        return grid(self.o[caption], head, rows)

    def policies(self) -> dict[str, Any]:
        """What each policy earns, and how far the model is ahead of it."""
        unit = self.evaluation.worth_outcome
        table = self.evaluation.metrics
        rows: list[list[Any]] = []
        for name in map(str, table[table["metric"] == "policy_value"]["model"]):
            rows.append(
                [
                    capital(self.told(policy_text(name, self.language))),
                    self.measured(f"policy.{name}", unit, sign=""),
                    self.measured(f"policy_lead.{name}", unit),
                ]
            )
        head = [self.o[key] for key in ("policy", "earns", "ahead")]
        return grid(self.o["policies_caption"], head, rows)

    def share(self, value: float) -> str:
        """A share in percent."""
        return value_text(float(value), "share", self.language)
