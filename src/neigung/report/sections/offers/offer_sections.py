"""The report on an offer model: what offers change, for whom, and what choosing them earns.

Like the report on a propensity it is one file that loads nothing, and the same input gives the
same bytes. Where no offer was drawn by lot it speaks of adjusted differences, not of effects.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from neigung.evaluation.metrics import ALL_METRICS
from neigung.evaluation.offer_evaluation import OfferEvaluation
from neigung.report.sections.comparison_section import ComparisonSection
from neigung.report.sections.propensity.data_section import sources
from neigung.report.evidence import Evidence
from neigung.report.sections.fairness_section import FairnessSection
from neigung.report.front import Front
from neigung.report.lookup import lookup
from neigung.report.model_card import CardTexts, ModelCard
from neigung.report.sections.offers.offer_customers import OfferCustomers
from neigung.report.sections.offers.offer_facts import OfferFacts
from neigung.report.sections.offers.offer_front import ANCHORS, OfferFront
from neigung.report.sections.offers.offer_report_tables import OfferTables
from neigung.report.page import capital, grid, picture, render, texts
from neigung.report.parts import Parts, legal_basis
from neigung.report.sections.stability_section import StabilitySection
from neigung.report.traced import Numbers, said
from neigung.features.feature import Language
from neigung.language.intervals import policy_text
from neigung.language.values import count_text, date_text
from neigung.models.offer_dataset import OfferDataset
from neigung.pictures.drawing import plot_label
from neigung.pictures.of_spans import plot_offer_timeline
from neigung.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.models.offer_artefact import OfferArtefact

_BALANCE = 15
_OWN = {
    **{"what": "what", "can": "can", "effects": "effects", "who": "who", "policies": "policies"},
    **{"why": "why", "customers": "customers"},
}
_SHARED = {
    **{"fairness": "fairness", "stability": "stability", "changed": "changed", "card": "card"},
    **{"glossary": "glossary", "provenance": "provenance"},
}
"""The sections in their order: anchor, and the word that names it."""

_CARD_HEADINGS = {
    **{"not-for": "card_not_for", "drift": "drift", "timeline": "timeline", "sources": "sources"},
    **{"fairness": "fairness", "stability": "stability", "provenance": "provenance"},
}


def build_offer_report(
    artefact: OfferArtefact,
    evidence: Evidence,
    test: OfferDataset,
    *,
    language: Language = "en",
    provenance: Mapping[str, Any] | None = None,
    notes: Sequence[str] | None = None,
) -> str:
    """The report on an offer model as one self-contained HTML page.

    Args:
        artefact: The model; `meta["splits"]`, if given, is what `OfferSplits.to_dict` gives.
        evidence: What speaks for and against it; its explanation is of one arm.
        test: The offers of the test. No customer id of them reaches the page.
        language: `en` or `de`.
        provenance: What is shown as name and value under Provenance: digests, versions, commit.
        notes: What was left out and why; those of `test` when None.
    """
    return _OfferReport(artefact, evidence, test, language).render(
        provenance or {}, test.notes if notes is None else notes
    )


class _OfferReport:
    """One offer model's report in one language."""

    def __init__(
        self, artefact: OfferArtefact, evidence: Evidence, test: OfferDataset, language: Language
    ) -> None:
        assert isinstance(evidence.evaluation, OfferEvaluation)
        self.artefact, self.evidence, self.test = artefact, evidence, test
        self.language: Language = language
        self.t: dict[str, Any] = texts(language)
        self.o: dict[str, Any] = self.t["offer"]
        # An artefact does not keep where its profiles lay.
        self.study = Study.from_dict({**artefact.study, "profiles": "-"})
        self.numbers = Numbers(evidence.numbers(), language)
        self.explanation = evidence.explanation
        self.parts = Parts(self.explanation, self.t, language)
        known = test.frame["assignment_probability"].notna()
        self.drawn = float(known.mean()) if len(known) else 0.0
        names = {column.name: column.text(language) for column in artefact.columns}
        balance = evidence.evaluation.balance
        balance = balance.assign(column=balance["column"].map(lambda name: names.get(name, name)))
        self.evaluation = replace(evidence.evaluation, balance=balance)
        self.tables = OfferTables(self.evaluation, self.numbers, self.o, self.drawn == 0)
        self.say = self.tables.say
        self.arm = self.tables.arm(self.explanation.arm)
        self.facts = OfferFacts(self.study, test, self.tables, self.parts, self.t)
        self.predicted = artefact.predict(self.explanation.X).reset_index(drop=True)

    def render(self, provenance: Mapping[str, Any], notes: Sequence[str]) -> str:
        t, o, evidence, tables = self.t, self.o, self.evidence, self.tables
        front = Front(evidence.fitness, t, self.language, ANCHORS)
        first = OfferFront(tables, t)
        people = OfferCustomers(
            self.explanation,
            self.predicted,
            tables,
            t,
            margin=self.study.decision.margin_rate is not None,
        )
        arms = {arm: tables.arm(arm) for arm in (self.test.control, *self.artefact.arms)}
        return render(
            "offer_report.html.j2",
            language=self.language,
            t=t,
            o=o,
            title=o["title"].format(name=self.study.name),
            digest=self.artefact.digest,
            tested=self._date(self.evaluation.cutoff),
            target=self.facts.question() + (o["lead_observed"] if tables.observed else ""),
            verdict=front.verdict(),
            in_short=first.in_short(),
            tiles=first.tiles(),
            at_test=self._at_test(),
            sections=[
                *((anchor, self._heading(key)) for anchor, key in _OWN.items()),
                *((anchor, t[key]) for anchor, key in _SHARED.items()),
            ],
            facts=self.facts.pairs(self.artefact.meta.get("rows", {}).get("train")),
            mix=tables.mix(self.test, self.predicted["recommended_arm"]),
            timeline=self._timeline(),
            spans=self._spans(),
            sources=sources(evidence.tables, self.numbers, t),
            notes=list(notes),
            can=self._can(),
            doubtful=self.drawn < 1,
            overlap=tables.overlap(),
            balance_sentences=[tables.told(self.evaluation.overlap_sentences(self.language)[-1])],
            placebo=tables.placebo(),
            placebo_say=tables.placebo_say(),
            effects_heading=self._heading("effects"),
            effects_say=self.say("effects_say"),
            arm_sentences=tables.arm_sentences(),
            effects=tables.effects(),
            needed_say=tables.needed_say(),
            who_heading=self._heading("who"),
            who_sentences=[tables.ranking_sentence()],
            bands=tables.bands(),
            rankings=tables.rankings(),
            rankings_by_arm=tables.rankings_by_arm(),
            policies=tables.policies(),
            figures=self._figures(),
            why_heading=self._heading("why"),
            why=self._why(),
            customers=people.told(),
            customers_say=people.say(),
            nothing_used=o["nothing_used"].format(arm=self.arm),
            used=len(self.parts.used) > 0,
            lookup=self._lookup(people),
            fairness=FairnessSection(
                evidence.fairness, self.numbers, t, self.evaluation.metric
            ).told(),
            stability=StabilitySection(evidence.stability, self.numbers, t).told(),
            changed=ComparisonSection(evidence.comparison, self.numbers, t, arms).told(),
            card=self._card(),
            glossary=self.parts.glossary(self.numbers),
            provenance=self.parts.provenance(self.study, self.artefact.digest, provenance),
        )

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

    def _figures(self) -> dict[str, Any]:
        evaluation, o, language = self.evaluation, self.o, self.language
        effects = evaluation.plot_effects(language)
        effects.axes[0].set_title(self._heading("effects"))
        figures: dict[str, Any] = {
            "effects": picture(effects, o["alt_effects"]),
            "policies": picture(evaluation.plot_policies(language), o["alt_policies"]),
            **{"balance": None, "bands": None, "qini": None},
        }
        if len(evaluation.balance):
            figures["balance"] = picture(self._balance(), o["alt_balance"])
        if len(evaluation.bands):
            figures["bands"] = picture(evaluation.plot_bands(language), o["alt_bands"])
        if len(evaluation.curves):
            figures["qini"] = picture(evaluation.plot_qini(language), o["alt_qini"])
        return figures

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

    def _card(self) -> dict[str, Any]:
        t, o, evaluation, numbers = self.t, self.o, self.evaluation, self.numbers
        policies = [policy_text(name, self.language) for name in evaluation.opponents]
        fairness = self.evidence.fairness
        texts = () if fairness is None else fairness.groups[f"text_{self.language}"]
        spans = self._dates()
        trained = self.artefact.meta.get("rows", {}).get("train")
        training = t["card_training_unknown"]
        if spans is not None and trained is not None:
            first, last = (self._date(end) for end in spans["train"])
            training = o["card_training"].format(rows=self._count(trained), first=first, last=last)
        own = CardTexts(
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
        headings = {anchor: t[key] for anchor, key in _CARD_HEADINGS.items()}
        headings |= {"why": self._heading("why"), "effects": self._heading("effects")}
        return ModelCard(self.study, own, t, headings).told()

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
