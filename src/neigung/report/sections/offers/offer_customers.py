"""Single customers of an offer report: who reacts most, least and as most do, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neigung.explanation.explain import Explanation
from neigung.explanation.reaction import reaction_head
from neigung.explanation.reasons import reasons
from neigung.features.feature import Language
from neigung.language.grammar import within_sentence
from neigung.language.units import amount, decimals
from neigung.report.lookup import Person, sampled
from neigung.report.page import capital, picture
from neigung.report.sections.offers.offer_report_tables import OfferTables

_REASONS = 5


class OfferCustomers:
    """Some of the explained customers in one language.

    `predicted` is what the model says of them, `margin` whether recommendations count it.
    """

    def __init__(
        self,
        explanation: Explanation,
        predicted: pd.DataFrame,
        tables: OfferTables,
        t: dict[str, Any],
        margin: bool,
    ) -> None:
        self.explanation, self.predicted, self.tables = explanation, predicted, tables
        self.t, self.o, self.margin = t, tables.o, margin
        self.language: Language = tables.language
        self.arm = tables.arm(explanation.arm)

    def say(self) -> str:
        """How the pictures are to be read."""
        text = str(self.o["customers_say"]).format(arm=self.arm)
        text += self.o["counts_cost"] if self.margin else ""
        many = isinstance(self.explanation.contributions.base, np.ndarray)
        return text + (self.o["starts_differ"] if many else "")

    def told(self) -> list[dict[str, Any]]:
        """The strongest, the middle and the weakest reaction, under assumed names."""
        given, X = self.explanation.contributions, self.explanation.X
        if not len(X):
            return []
        order = np.argsort(-given.margin, kind="stable")
        # Put off is only who is so beyond the interval.
        high = self.predicted[f"uplift_{self.explanation.arm}_high"].iloc[order[-1]]
        last = "put_off" if high < 0 else "weakest"
        chosen = {"strongest": order[0], "middle": order[len(order) // 2], last: order[-1]}
        told: list[dict[str, Any]] = []
        seen: set[int] = set()
        for key, row in ((key, int(row)) for key, row in chosen.items()):
            if row in seen:
                continue
            seen.add(row)
            letter, one = "ABC"[len(told)], self.predicted.iloc[row]
            column = f"uplift_{self.explanation.arm}"
            numbers = (float(one[f"{column}{end}"]) for end in ("", "_low", "_high"))
            told.append(
                {
                    "name": self.t["customer"].format(letter=letter),
                    "chosen": self.o[key].format(arm=self.arm),
                    "changes": capital(self.o["changes"].format(arm=self.arm)),
                    "uplift": self.tables.amount(*numbers),
                    "recommended": self._recommended(row),
                    "reasons": self._reasons(row),
                    "waterfall": picture(
                        self.explanation.plot_row(row, self.language),
                        self.o["alt_waterfall"].format(letter=letter),
                    ),
                }
            )
        return told

    def sample(self, count: int) -> list[Person]:
        """Some customers to look up, evenly from the strongest to the weakest reaction."""
        margin = self.explanation.contributions.margin
        order = np.argsort(-margin, kind="stable")
        rows = [int(order[place]) for place in sampled(len(order), count)]
        # All bars start at no effect, on one scale.
        least, most = min(0.0, *margin[rows], 0.0), max(0.0, *margin[rows], 0.0)
        span = (most - least) or 1.0
        changes = capital(self.o["changes"].format(arm=self.arm))
        return [
            Person(
                says=f"{changes} {self.tables.amount(float(margin[row]))}; "
                f"{self.o['recommended']}: {self._recommended(row)}",
                bar=(-least / span, (float(margin[row]) - least) / span),
                reasons=self._reasons(row),
            )
            for row in rows
        ]

    def _recommended(self, row: int) -> str:
        arm = self.predicted["recommended_arm"].iloc[row]
        if arm == self.tables.evaluation.control:
            return str(self.o["nothing_recommended"])
        return self.tables.arm(arm)

    def _reasons(self, row: int) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
        """The strongest reasons to react more, then those to react less, each under its head."""
        given = self.explanation.contributions
        # Without the arm the sentences are bare; what they say of it is told once above them.
        only = replace(given.take([row]), arm=None)
        found = reasons(only, self.explanation.X.iloc[[row]], _REASONS)[0]
        largest = max((abs(reason.contribution) for reason in found), default=0.0)
        places = decimals(given.unit, largest)
        # What rounds to nothing is told as no reason.
        found = [one for one in found if abs(one.contribution) >= 0.01 * largest]
        parts = []
        for more, direction in ((True, "raises"), (False, "lowers")):
            told = [
                (
                    amount(reason.contribution, given.unit, places, self.language),
                    direction,
                    "",
                    within_sentence(reason.text(self.language), self.language),
                )
                for reason in found
                if (reason.contribution > 0) == more
            ]
            if told:
                head = reaction_head(str(self.explanation.arm), more, self.language) + ":"
                parts.append((head, told))
        return parts
