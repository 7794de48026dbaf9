"""The report that reviewers read: one HTML file that loads nothing from anywhere.

The same model, evidence, test rows and provenance give the same bytes: there is no time of day in
it, and SVG ids are salted with a constant. Every number that comes from the evidence carries its
name in `Evidence.numbers()`, see `neigung.report.traced`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neigung.evaluation.evaluate import Evaluation, model_text
from neigung.evaluation.metrics import METRICS
from neigung.evaluation.segments import segment_text
from neigung.report.sections.comparison_section import ComparisonSection
from neigung.report.sections.propensity.data_section import DataSection, sources
from neigung.report.evidence import Evidence
from neigung.report.sections.fairness_section import FairnessSection
from neigung.report.front import Front
from neigung.report.lookup import lookup
from neigung.report.model_card import CardTexts, ModelCard
from neigung.report.page import HALF, capital, picture, render, texts
from neigung.report.parts import Parts, attribute_name, legal_basis
from neigung.report.sections.propensity.people import People
from neigung.report.sections.stability_section import StabilitySection
from neigung.report.sections.propensity.propensity_tables import Tables
from neigung.report.traced import Numbers, said
from neigung.features.feature import Language
from neigung.language.values import count_text, date_text
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.models.artefact import Artefact
    from neigung.models.dataset import Dataset

SECTIONS = {
    **{"what": "what", "how-well": "how_well", "why": "why", "customers": "customers"},
    **{"fairness": "fairness", "stability": "stability", "changed": "changed", "card": "card"},
    **{"glossary": "glossary", "provenance": "provenance"},
}
"""The sections in their order: anchor, and the word that names it."""

_HEADINGS = SECTIONS | {
    **{"not-for": "card_not_for", "segments": "segments", "folds": "folds", "drift": "drift"},
    **{"timeline": "timeline", "sources": "sources"},
}


def build_report(
    artefact: Artefact,
    evidence: Evidence,
    test: Dataset,
    *,
    language: Language = "en",
    provenance: Mapping[str, Any] | None = None,
    notes: Sequence[str] | None = None,
) -> str:
    """The report on a model as one self-contained HTML page.

    Args:
        artefact: The model; `meta["splits"]`, if given, is what `Splits.to_dict` gives.
        evidence: What speaks for and against it, at the test cutoff.
        test: The rows at the test cutoff. No customer id of it reaches the page.
        language: `en` or `de`.
        provenance: What is shown as name and value under Provenance: digests, versions, commit.
        notes: What was left out and why; those of `test` when None.
    """
    return _Report(artefact, evidence, language).render(
        provenance or {}, test.notes if notes is None else notes
    )


class _Report:
    """One model's report in one language."""

    def __init__(self, artefact: Artefact, evidence: Evidence, language: Language) -> None:
        assert isinstance(evidence.evaluation, Evaluation)
        self.artefact, self.evidence = artefact, evidence
        self.evaluation: Evaluation = evidence.evaluation
        self.language: Language = language
        self.t: dict[str, Any] = texts(language)
        # An artefact does not keep where its profiles lay.
        self.study = Study.from_dict({**artefact.study, "profiles": "-"})
        self.numbers = Numbers(evidence.numbers(), language)
        self.parts = Parts(evidence.explanation, self.t, language)
        self.tables = Tables(self.evaluation, self.numbers, self.t)
        self.data = DataSection(self.study, artefact.meta, self.parts, self.numbers, self.t)
        self.people = People(artefact, evidence.explanation, self.t, language)

    def render(self, provenance: Mapping[str, Any], notes: Sequence[str]) -> str:
        from neigung.targets.target import in_words

        t, evidence, tables, data = self.t, self.evidence, self.tables, self.data
        front = Front(evidence.fitness, t, self.language)
        bands = {name: self.people.band(name) for name, _ in self.artefact.bands}
        return render(
            "report.html.j2",
            language=self.language,
            t=t,
            title=t["title"].format(name=self.study.name),
            digest=self.artefact.digest,
            tested=self._date(self.evaluation.cutoff),
            target=in_words(self.study.target, self.language),
            verdict=front.verdict(),
            tiles=tables.tiles(),
            at_test=self._at_test(),
            sections=[(anchor, t[key]) for anchor, key in SECTIONS.items()],
            facts=data.facts(),
            timeline=data.timeline(),
            spans=data.spans(),
            sources=sources(evidence.tables, self.numbers, t),
            notes=list(notes),
            figures=self._figures(),
            top=tables.top(),
            calibration=tables.calibration(),
            folds=tables.folds(),
            segments=tables.segments(),
            metrics=tables.metrics(),
            meanings=tables.meanings(),
            why=self._why(),
            customers=self.people.told(),
            bands_say=self.people.bands_say(),
            lookup=self._lookup(),
            fairness=FairnessSection(
                evidence.fairness, self.numbers, t, self.evaluation.metric
            ).told(),
            stability=StabilitySection(evidence.stability, self.numbers, t).told(),
            changed=ComparisonSection(evidence.comparison, self.numbers, t, bands).told(),
            card=self._card(),
            glossary=self.parts.glossary(self.numbers),
            provenance=self.parts.provenance(self.study, self.artefact.digest, provenance),
        )

    def _at_test(self) -> Any:
        return said(
            self.t["at_test"],
            rows=self.numbers.count("test.rows"),
            cutoff=self._date(self.evaluation.cutoff),
            rate=self.tables.rate(),
            mean=self.tables.mean(),
        )

    def _figures(self) -> dict[str, Any]:
        evaluation, t, language = self.evaluation, self.t, self.language
        shares = {f"g{n}": self.numbers.share(f"top.{n}.found_share") for n in (10, 20, 30)}
        error = self.numbers.figure("test.calibration_error")
        gains = t["alt_gains"].format(**shares)
        lift = t["alt_lift"].format(l10=self.numbers.figure("top.10.lift", 1))
        calibration = t["alt_calibration"].format(ece=error)
        figures = {
            "top": picture(evaluation.plot_top(language), t["alt_top"]),
            "gains": picture(evaluation.plot_gains(language), gains, inches=HALF),
            "lift": picture(evaluation.plot_lift(language), lift, inches=HALF),
            "calibration": picture(evaluation.plot_calibration(language), calibration),
            "metrics": picture(evaluation.plot_metrics(language), t["alt_metrics"]),
        }
        if len(evaluation.folds):
            alt = self.tables.caption("alt_folds")
            figures["folds"] = picture(evaluation.plot_folds(language), alt)
        if len(evaluation.segments):
            alt = self.tables.caption("alt_segments")
            figures["segments"] = picture(evaluation.plot_segments(language), alt)
        return figures

    def _why(self) -> dict[str, Any]:
        t = self.t
        return self.parts.why(
            self.numbers,
            say=t["why_say"].format(rows=self._count(len(self.evidence.explanation.X))),
            beeswarm_say=t["beeswarm_say"],
            dependence_heading=t["dependence"],
            dependence_say=t["dependence_say"],
            nothing_used=t["nothing_used"],
        )

    def _lookup(self) -> dict[str, Any]:
        people = self.people.sample(self.study.report.sample)
        return lookup(people, self.t, self.t["no_reasons"], self.language)

    def _card(self) -> dict[str, Any]:
        t, evaluation = self.t, self.evaluation
        baselines = [model_text(m, self.language) for m in evaluation.models[1:]]
        names = [str(name) for name in dict.fromkeys(evaluation.segments["segment"])]
        segments = [segment_text(name, None, self.language) for name in names]
        fairness = self.evidence.fairness
        sensitive = () if fairness is None else map(attribute_name, fairness.attributes)
        own = CardTexts(
            factors=t["card_factors"].format(
                segments=", ".join(segments) or t["nothing"],
                sensitive=", ".join(sensitive) or t["nothing"],
            ),
            metrics=t["card_metrics"].format(
                metric=capital(METRICS[evaluation.metric].text(self.language)),
                baselines=", ".join(baselines),
                repetitions=self._count(evaluation.repetitions),
            ),
            evaluation=self.data.tested(self._date(evaluation.cutoff)),
            training=self.data.learned(),
            ethics=t["card_ethics"].format(basis=legal_basis(self.study, t)),
        )
        headings = {anchor: t[key] for anchor, key in _HEADINGS.items()}
        return ModelCard(self.study, own, t, headings).told()

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)

    def _date(self, stamp: Any) -> str:
        return date_text(stamp, self.language)
