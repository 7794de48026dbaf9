"""What the report on an offer model says: what offers change, for whom, what choosing them earns.

Where no offer was drawn by lot it speaks of adjusted differences, not of effects.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from neigung.evaluation.metric import ALL_METRICS
from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.language import stored_in
from neigung.language.intervals import policy_text
from neigung.language.numbers import count_text, date_text
from neigung.pictures.drawing import plot_label
from neigung.pictures.of_spans import plot_offer_timeline
from neigung.report.lookup import lookup
from neigung.report.model_card import CardTexts
from neigung.report.page import capital, grid, picture
from neigung.report.parts import legal_basis
from neigung.report.sections.offers.offer_customers import OfferCustomers
from neigung.report.sections.offers.offer_facts import OfferFacts
from neigung.report.sections.offers.offer_front import ANCHORS, OfferFront
from neigung.report.sections.offers.offer_report_tables import OfferTables
from neigung.report.sections.propensity.data_section import sources
from neigung.report.sections.section import Basis, Section
from neigung.report.traced import said

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BALANCE = 15


class OfferSections:
    """One offer model's own sections in one language."""

    def __init__(self, basis: Basis) -> None:
        self.basis, self.t, self.language = basis, basis.t, basis.language
        self.artefact, self.evidence, self.test = basis.artefact, basis.evidence, basis.test
        self.study, self.numbers, self.parts = basis.study, basis.numbers, basis.parts
        self.o: dict[str, Any] = self.t["offer"]
        self.explanation = self.evidence.explanation
        known = self.test.frame["assignment_probability"].notna()
        self.drawn = float(known.mean()) if len(known) else 0.0
        names = {column.name: column.text(self.language) for column in self.artefact.columns}
        given: OfferEvaluation = basis.evaluation
        told = given.balance["column"].map(lambda name: names.get(name, name))
        self.evaluation = replace(given, balance=given.balance.assign(column=told))
        self.tables = OfferTables(self.evaluation, self.numbers, self.o)
        self.say = self.tables.say
        self.arm = self.tables.arm(self.explanation.arm)
        self.facts = OfferFacts(self.study, self.test, self.tables, self.parts, self.t)
        self.predicted = self.artefact.predict(self.explanation.X).reset_index(drop=True)
        self.anchors: Mapping[str, str] = ANCHORS
        self.headings: Mapping[str, str] = {}

    def title(self) -> str:
        """What stands above the page."""
        return str(self.o["title"]).format(name=self.study.name)

    def question(self) -> str:
        """What is predicted."""
        return self.facts.question() + (self.o["lead_observed"] if self.tables.observed else "")

    def first(self) -> dict[str, Any]:
        """In short, tiles, and on which offers the model was tested."""
        front = OfferFront(self.tables, self.t)
        told = {"in_short": front.in_short(), "tiles": front.tiles()}
        return {**told, "at_test": self._at_test()}

    def sections(self) -> list[Section]:
        """What was offered, what can be said of it, effects, for whom, policies, why, of whom."""
        folder = "sections/offers"
        told = {
            "what": self._what,
            "can": self._comparable,
            "effects": self._effects,
            "who": self._who,
            "policies": self._policies,
            "why": self._why,
            "customers": self._customers,
        }
        templates = {"why": "sections/why.html.j2"}
        return [
            Section(
                name, self._heading(name), templates.get(name, f"{folder}/{name}.html.j2"), tell()
            )
            for name, tell in told.items()
        ]

    def groups(self) -> Mapping[str, str]:
        """The arms."""
        return {arm: self.tables.arm(arm) for arm in (self.test.control, *self.artefact.arms)}

    def _what(self) -> dict[str, Any]:
        return {
            "facts": self.facts.pairs(self.artefact.meta.get("rows", {}).get("train")),
            "mix": self.tables.mix(self.test, self.predicted["recommended_arm"]),
            "timeline": self._timeline(),
            "spans": self._spans(),
            "sources": sources(self.evidence.tables, self.numbers, self.t),
            "notes": self.basis.notes,
        }

    def _comparable(self) -> dict[str, Any]:
        tables, o = self.tables, self.o
        balance = None
        if len(self.evaluation.balance):
            balance = picture(self._balance(), o["alt_balance"])
        return {
            "can": self._can(),
            "doubtful": self.drawn < 1,
            "overlap": tables.overlap(),
            "balance_sentences": [
                tables.told(self.evaluation.overlap_sentences(self.language)[-1])
            ],
            "figures": {"balance": balance},
            "placebo": tables.placebo(),
            "placebo_say": tables.placebo_say(),
        }

    def _effects(self) -> dict[str, Any]:
        figure = self.evaluation.plot_effects(self.language)
        figure.axes[0].set_title(self._heading("effects"))
        return {
            "effects_say": self.say("effects_say"),
            "arm_sentences": self.tables.arm_sentences(),
            "figures": {"effects": picture(figure, self.o["alt_effects"])},
            "effects": self.tables.effects(),
            "needed_say": self.tables.needed_say(),
        }

    def _who(self) -> dict[str, Any]:
        evaluation, o, tables = self.evaluation, self.o, self.tables
        figures: dict[str, Any] = {"bands": None, "qini": None}
        if len(evaluation.bands):
            figures["bands"] = picture(evaluation.plot_bands(self.language), o["alt_bands"])
        if len(evaluation.curves):
            figures["qini"] = picture(evaluation.plot_qini(self.language), o["alt_qini"])
        return {
            "who_sentences": [tables.ranking_sentence()],
            "figures": figures,
            "bands": tables.bands(),
            "rankings": tables.rankings(),
            "rankings_by_arm": tables.rankings_by_arm(),
        }

    def _policies(self) -> dict[str, Any]:
        figure = self.evaluation.plot_policies(self.language)
        return {
            "figures": {"policies": picture(figure, self.o["alt_policies"])},
            "policies": self.tables.policies(),
        }

    def _customers(self) -> dict[str, Any]:
        margin = self.study.decision.margin_rate is not None
        people = OfferCustomers(
            self.explanation, self.predicted, self.tables, self.t, margin=margin
        )
        return {
            "customers": people.told(),
            "say": people.say(),
            "nothing_used": self.o["nothing_used"].format(arm=self.arm),
            "used": len(self.parts.used) > 0,
            "lookup": self._lookup(people),
        }

    def _heading(self, key: str) -> str:
        return str(self.say(key)).format(arm=self.arm)

    def _at_test(self) -> Any:
        evaluation, days = self.evaluation, self.study.target.horizon_days
        purchase = evaluation.outcome == "purchase"
        name = "test.base_rate"
        base = self.numbers.share(name) if purchase else self.numbers.figure(name, 2)
        made = self.test.frame["cutoff"]
        return said(
            self.o["at_test"],
            rows=self.numbers.count("test.rows"),
            customers=self.numbers.count("test.customers"),
            start=self._date(made.min()),
            end=self._date(made.max()),
            base=said(self.o[f"base_{evaluation.outcome}"], value=base, days=days),
            points=self.o["points_say"] if purchase else "",
        )

    def _can(self) -> list[str]:
        if self.drawn == 1:
            return [self.o["can_drawn"]]
        if self.drawn == 0:
            return [self.o["can_chosen"]]
        return [self.o["can_partly"].format(share=self.tables.share(self.drawn))]

    def _balance(self) -> Figure:
        """The features that differ most, by names that fit beside the picture."""
        table = self.evaluation.balance
        size = table[["before", "after"]].abs().max(axis=1).groupby(table["column"], sort=False)
        names = size.max().nlargest(_BALANCE).index
        table = table[table["column"].isin(names)]
        labels = table["column"].map(lambda text: plot_label(str(text)))
        shown = replace(self.evaluation, balance=table.assign(column=labels))
        figure = shown.plot_balance(self.language)
        # Names may take two lines.
        figure.set_size_inches(8.4, 1.3 + 0.42 * len(names))
        return figure

    def _why(self) -> dict[str, Any]:
        o = self.o
        return self.parts.why(
            self.numbers,
            say=self._why_say(),
            beeswarm_say=o["beeswarm_say"].format(arm=self.arm),
            dependence_heading=o["dependence"].format(arm=self.arm),
            dependence_say=o["dependence_say"],
            nothing_used=o["nothing_used"].format(arm=self.arm),
        )

    def _lookup(self, people: OfferCustomers) -> dict[str, Any]:
        sample = people.sample(self.study.report.sample)
        return lookup(sample, self.t, self.o["no_reasons"], self.language)

    def card(self) -> CardTexts:
        """How it was measured, on whom, and from what it learned."""
        t, o, evaluation, numbers = self.t, self.o, self.evaluation, self.numbers
        policies = [policy_text(name, self.language) for name in evaluation.opponents]
        fairness = self.evidence.fairness
        texts = () if fairness is None else fairness.groups[f"text_{stored_in(self.language)}"]
        spans = self._dates()
        trained = self.artefact.meta.get("rows", {}).get("train")
        training = t["card_training_unknown"]
        if spans is not None and trained is not None:
            first, last = (self._date(end) for end in spans["train"])
            training = o["card_training"].format(rows=self._count(trained), first=first, last=last)
        return CardTexts(
            factors=o["card_factors"].format(
                arms=", ".join(map(self.tables.arm, self.artefact.arms)),
                sensitive=", ".join(dict.fromkeys(texts)) or t["nothing"],
            ),
            metrics=o["card_metrics"].format(
                metric=capital(ALL_METRICS[evaluation.metric].text(self.language)),
                policies=self.tables.told(", ".join(policies)),
            ),
            evaluation=said(
                o["card_evaluation"],
                rows=numbers.count("test.rows"),
                customers=numbers.count("test.customers"),
            ),
            training=training,
            ethics=t["card_ethics"].format(basis=legal_basis(self.study, t)),
        )

    def _why_say(self) -> str:
        o = self.o
        told = [
            o["why_say"].format(
                arm=self.arm,
                unit=o["unit"][self.explanation.contributions.unit],
                rows=self._count(len(self.explanation.X)),
            )
        ]
        count = len(self.artefact.arms)
        if count > 1 and len(self.parts.used):
            told.insert(0, o["why_arm"].format(count=self._count(count), arm=self.arm))
        return " ".join([*told, *([o["why_chosen"]] if self.drawn < 1 else [])])

    def _timeline(self) -> dict[str, Any] | None:
        spans = self._dates()
        if spans is None:
            return None
        figure = plot_offer_timeline(spans, self.study.target.horizon_days, self.language)
        return picture(figure, self.o["alt_timeline"])

    def _dates(self) -> dict[str, tuple[dt.datetime, dt.datetime]] | None:
        """From when to when the offers of training and test were made."""
        splits = self.artefact.meta.get("splits")
        if not splits or not len(self.test):
            return None
        cutoffs = self.study.cutoffs
        start = pd.Timestamp(splits["test_start"]).to_pydatetime()
        oldest = start - dt.timedelta(days=cutoffs.every_days * (cutoffs.count - 1))
        until = pd.Timestamp(splits["train_until"]).to_pydatetime()
        made = self.test.frame["cutoff"]
        return {
            "train": (oldest, until),
            "test": (made.min().to_pydatetime(), made.max().to_pydatetime()),
        }

    def _spans(self) -> dict[str, Any] | None:
        spans = self._dates()
        if spans is None:
            return None
        horizon = dt.timedelta(days=self.study.target.horizon_days)
        counts = {"test": len(self.test), **self.artefact.meta.get("rows", {})}
        rows = [
            [
                self.t[role],
                self._count(counts[role]) if role in counts else "–",
                self._date(start),
                self._date(end),
                self._date(end + horizon),
            ]
            for role, (start, end) in spans.items()
        ]
        head = [self.t["role"], *(self.o[key] for key in ("offers", "from", "until"))]
        return grid(
            self.o["timeline_caption"], [*head, self.t["watched"]], rows, right=(1,), plain="date"
        )

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)

    def _date(self, stamp: Any) -> str:
        return date_text(stamp, self.language)
