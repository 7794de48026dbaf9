"""What an offer study asks, of whom and at what price, as pairs of term and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from neigung.features.feature import Language
from neigung.language.numbers import count_text, number_text
from neigung.models.offers.dataset import OfferDataset
from neigung.report.parts import Parts, legal_basis, order, population
from neigung.report.sections.offers.offer_report_tables import OfferTables
from neigung.report.traced import said
from neigung.study import Study


class OfferFacts:
    """The facts of one study and its test in one language; `t` are the words of the page."""

    def __init__(
        self, study: Study, test: OfferDataset, tables: OfferTables, parts: Parts, t: dict[str, Any]
    ) -> None:
        self.study, self.test, self.tables, self.parts = study, test, tables, parts
        self.t, self.o = t, tables.o
        self.language: Language = tables.language

    def question(self) -> str:
        """The target in a sentence, with the arms that were really compared."""
        from neigung.targets.target import in_words

        target = self.study.target.model_copy(update={"arms": self.test.arms})
        return self.tables.told(in_words(target, self.language))

    def pairs(self, train: int | None) -> list[tuple[str, Any]]:
        """Terms and what stands for them; `train` is how many offers it learned from."""
        o, t, study = self.o, self.t, self.study
        target: Any = study.target
        days = self._count(target.horizon_days)
        control = self.tables.arm(self.test.control)
        arms = ", ".join(self.tables.arm(arm) for arm in self.test.arms)
        numbers = self.tables.numbers
        rows = said(
            o["rows_test_value"],
            rows=numbers.count("test.rows"),
            customers=numbers.count("test.customers"),
        )
        return [
            (o["question"], self.question()),
            (o["outcome"], o[f"outcome_{self.tables.evaluation.outcome}"].format(days=days)),
            (
                o["arms"],
                o["arms_value"].format(arms=arms, control=control),
            ),
            (o["campaigns"], ", ".join(target.campaigns or ()) or o["all_campaigns"]),
            (o["economics"], self._economics()),
            (t["population"], population(study, t)),
            (t["order"], order(study, t)),
            (t["legal_basis"], legal_basis(study, t)),
            (o["overlapping"], self._overlapping()),
            (t["features_used"], self.parts.themes()),
            (t["attributes_used"], self.parts.attributes()),
            (t["retention"], t["retention_days"].format(days=self._count(study.retention_days))),
            *([(o["rows_train"], self._count(train))] if train is not None else []),
            (o["rows_test"], rows),
        ]

    def _economics(self) -> str:
        o, decision = self.o, self.study.decision
        share = self.tables.share
        told = [o["no_margin_rate"]]
        if decision.margin_rate is not None:
            told = [o["margin_rate"].format(rate=share(decision.margin_rate))]
            if decision.minimum_margin:
                told.append(o["minimum_margin"].format(rate=share(decision.minimum_margin)))
        costs = decision.contact_cost
        if isinstance(costs, Mapping):
            cost = ", ".join(f"{self.tables.arm(a)}: {self._money(c)}" for a, c in costs.items())
        else:
            cost = self._money(costs)
        told.append(o["contact_cost"].format(cost=cost))
        for arm, given in decision.cost.items():
            name = self.tables.arm(arm)
            key = "arm_rate" if given.rate else "arm_free"
            if given.rate or not given.amount:
                told.append(o[key].format(arm=name, rate=share(given.rate)))
            if given.amount:
                told.append(o["arm_amount"].format(arm=name, amount=self._money(given.amount)))
        return "; ".join(told)

    def _overlapping(self) -> str:
        """How many offers were followed by another one while their outcome was watched."""
        days = self.study.target.horizon_days
        made = self.test.frame.sort_values(["customer_id", "cutoff"], kind="stable")
        gaps = made.groupby("customer_id", sort=False)["cutoff"].diff()
        count = int((gaps < pd.Timedelta(days=days)).sum())
        key = "overlapping_value" if count else "overlapping_none"
        return str(self.o[key]).format(
            count=self._count(count), rows=self._count(len(made)), days=self._count(days)
        )

    def _money(self, value: float) -> str:
        return number_text(value, 2, self.language)

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)
