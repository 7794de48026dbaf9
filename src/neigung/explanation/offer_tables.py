"""What the tests say of offers, as tables and sentences for the page."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.evaluate import MODEL
from neigung.evaluation.metrics import ALL_METRICS
from neigung.evaluation.offer_evaluation import OfferEvaluation
from neigung.evaluation.offer_texts import (
    amount_text,
    count_text,
    interval_text,
    policy_text,
    whole_text,
)
from neigung.explanation.page import capital, grid
from neigung.explanation.units import arm_text
from neigung.explanation.values import value_text
from neigung.features.feature import Language
from neigung.models.offer_dataset import OfferDataset

IMBALANCE = 0.1
"""Up to so many standard deviations a feature counts as alike (Austin 2009)."""

LARGE_SPREAD = 0.5
"""From here on the predictions of a placebo differ too much to call them almost the same."""


class OfferTables:
    """The tables of one evaluation of offers in one language.

    `o` are the words of offer reports; `observed` whether no offer was drawn by lot, so that no
    difference may be called an effect.
    """

    def __init__(
        self, evaluation: OfferEvaluation, o: dict[str, Any], language: Language, observed: bool
    ) -> None:
        self.evaluation, self.o, self.observed = evaluation, o, observed
        self.language: Language = language

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
        return re.sub(r"(?<=\d)%", " %", text) if self.language == "de" else text

    def amount(self, value: float, low: float = np.nan, high: float = np.nan) -> str:
        """A difference in the outcome's units, with its interval where there is one."""
        return interval_text((value, low, high), self.evaluation.outcome, self.language, "+")

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
                f"{whole_text(int(given.sum()), self.language)} ({self.share(given.mean())})",
                self.share(would.mean()),
            ]
            rows.append(cells)
        keys = ("arm", *(["rate"] if test.rates else []), "given", "advised")
        right = tuple(range(1, len(keys)))
        return grid(self.o["recommended_caption"], [self.o[key] for key in keys], rows, right=right)

    def overlap(self) -> dict[str, Any]:
        """Which arms can be compared."""
        rows = []
        for row in self.evaluation.overlap.to_dict("records"):
            chances = [self.share(row[key]) for key in ("q05", "median", "q95")]
            rows.append(
                [
                    self.arm(row["arm"]),
                    whole_text(int(row["n"]), self.language),
                    self.share(row["randomised"]),
                    " / ".join(chances),
                    self.share(row["without_chance"]),
                    whole_text(int(row["effective"]), self.language),
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
        rows = [
            [
                self.arm(row["arm"]) if row["check"] == "effect" else "Qini",
                self.amount(row["value"], row["low"], row["high"]),
                self.o["is_found" if row["found"] else "is_none"],
            ]
            for row in self.evaluation.placebo.to_dict("records")
            if row["check"] in ("effect", "qini")
        ]
        head = [self.o["arm"], self.o["difference"], self.o["judged"]]
        return grid(self.o["placebo_caption"], head, rows, intervals=True)

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
        rows = []
        for row in self.evaluation.arm_effects.to_dict("records"):
            needed = count_text(row["needed"], self.language)
            seen = amount_text(row["mean"], self.evaluation.outcome, self.language)
            if self.evaluation.outcome == "purchase":
                seen = "–" if np.isnan(row["mean"]) else self.share(row["mean"])
            rows.append(
                [
                    self.arm(row["arm"]),
                    capital(verdicts[row["verdict"]]),
                    self.amount(row["effect"], row["low"], row["high"]),
                    self.amount(row["naive"], row["naive_low"], row["naive_high"]),
                    seen,
                    whole_text(int(row["n"]), self.language),
                    # What was found, or ruled out, needs no more offers.
                    *([needed if row["verdict"] == "unknown" else "–"] if open_ones else []),
                ]
            )
        keys = ["arm", "judged", "adjusted", "plain", "seen", "offers"]
        keys += ["needed"] if open_ones else []
        caption = self.say("effects_caption").format(control=self.arm(self.evaluation.control))
        head = [self.o[key] for key in keys]
        return grid(caption, head, rows, right=(5, 6), ours=2, intervals=True)

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
        evaluation = self.evaluation
        if not self.observed:
            return [self.told(text) for text in evaluation.arm_sentences(self.language)]
        smallest = amount_text(evaluation.smallest_effect, evaluation.outcome, self.language)
        return [
            str(self.o[f"arm_{row['reason'] or row['verdict']}_observed"]).format(
                arm=self.arm(row["arm"]),
                control=self.arm(evaluation.control),
                effect=self.amount(row["effect"], row["low"], row["high"]),
                smallest=smallest,
                needed=count_text(row["needed"], self.language),
                n=whole_text(int(row["n"]), self.language),
            )
            for row in evaluation.arm_effects.to_dict("records")
        ]

    def ranking_sentence(self) -> str:
        """Whether the model knows for whom the differences are large."""
        evaluation = self.evaluation
        if not self.observed:
            return self.told(evaluation.ranking_sentence(self.language))
        table = evaluation.metrics
        table = table[(table["model"] == MODEL) & (table["metric"] == "qini")]
        value, low, high = (float(table[key].iloc[0]) for key in ("value", "low", "high"))
        key = "unknown" if np.isnan(low) else "found" if low > 0 else "none"
        told = self.o[f"ranking_{key}_observed"]
        return str(told).format(qini=self.amount(value, low, high))

    def bands(self) -> dict[str, Any]:
        """Predicted and observed by group."""
        rows = [
            [
                self.arm(row["arm"]),
                whole_text(int(row["band"]), self.language),
                whole_text(int(row["n"]), self.language),
                self.amount(row["predicted"]),
                self.amount(row["effect"], row["low"], row["high"]),
            ]
            for row in self.evaluation.bands.to_dict("records")
        ]
        head = [self.o[key] for key in ("arm", "group", "offers", "predicted", "observed")]
        return grid(self.o["bands_caption"], head, rows, right=(1, 2), intervals=True)

    def rankings(self) -> dict[str, Any]:
        """Qini, AUUC and uplift at the top by the model, by likely buyers and drawn by lot."""
        table = self.evaluation.metrics
        table = table[table["metric"].isin(set(self.evaluation.rankings["metric"]))]
        names = {model: policy_text(str(model), self.language) for model in table["model"]}
        names[MODEL] = self.o["of_the_model"]
        return self._ranked(table.replace({"model": names}), "model", "ranking", "rankings_caption")

    def rankings_by_arm(self) -> dict[str, Any]:
        """The same of the model's ranking, per arm."""
        table = self.evaluation.rankings
        table = table[table["model"] == MODEL].assign(arm=table["arm"].map(self.arm))
        return self._ranked(table, "arm", "arm", "rankings_arm_caption")

    def _ranked(self, table: pd.DataFrame, by: str, first: str, caption: str) -> dict[str, Any]:
        metrics = list(dict.fromkeys(table["metric"]))
        rows = []
        for name, some in table.groupby(by, sort=False):
            told: dict[Any, Any] = some.set_index("metric")[["value", "low", "high"]].T.to_dict()
            rows.append([str(name), *(self.amount(**told[metric]) for metric in metrics)])
        head = [self.o[first], *(ALL_METRICS[metric].text(self.language) for metric in metrics)]
        return grid(self.o[caption], head, rows, intervals=True)

    def policies(self) -> dict[str, Any]:
        """What each policy earns, and how far the model is ahead of it."""
        evaluation, unit = self.evaluation, self.evaluation.worth_outcome
        columns = ["value", "low", "high"]
        earned, ahead = (
            table[table["metric"] == "policy_value"].set_index(key)[columns]
            for table, key in ((evaluation.metrics, "model"), (evaluation.differences, "baseline"))
        )
        rows = []
        for name in earned.index:
            cells = [capital(self.told(policy_text(str(name), self.language)))]
            cells.append(interval_text(tuple(earned.loc[name]), unit, self.language))
            cells.append(
                interval_text(tuple(ahead.loc[name]), unit, self.language, "+")
                if name in ahead.index
                else "–"
            )
            rows.append(cells)
        head = [self.o[key] for key in ("policy", "earns", "ahead")]
        return grid(self.o["policies_caption"], head, rows, intervals=True)

    def imbalanced(self) -> int:
        """How many features still differ after weighting, for an arm that can be compared."""
        table = self.evaluation.balance
        overlap = self.evaluation.overlap
        usable = set(overlap.loc[overlap["usable"], "arm"])
        table = table[table["arm"].isin(usable) & (table["after"].abs() > IMBALANCE)]
        return int(table["column"].nunique())

    def share(self, value: float) -> str:
        """A share in percent."""
        return value_text(float(value), "share", self.language)
