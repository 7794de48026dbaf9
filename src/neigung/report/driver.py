"""The report that reviewers read: one HTML file that loads nothing from anywhere.

The same model, evidence, test rows and provenance give the same bytes: there is no time of day in
it, and SVG ids are salted with a constant. Every number that comes from the evidence carries its
name in `Evidence.numbers()`, see `neigung.report.traced`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neigung.features.feature import Language
from neigung.language import ENGLISH, Message, told
from neigung.language.numbers import date_text
from neigung.models import kinds
from neigung.report.evidence import Evidence
from neigung.report.front import Front
from neigung.report.model_card import ModelCard
from neigung.report.page import render, texts
from neigung.report.parts import Parts
from neigung.report.sections.comparison_section import ComparisonSection
from neigung.report.sections.fairness_section import FairnessSection
from neigung.report.sections.section import Basis, ReportKind, Section
from neigung.report.sections.stability_section import StabilitySection
from neigung.report.traced import Numbers
from neigung.study import Study

SHARED = ("fairness", "stability", "changed", "card")
"""The sections of every report after those of its kind: anchor, word that names it, template."""

APPENDIX = ("glossary", "provenance")

_CARD_HEADINGS = {
    **{"not-for": "card_not_for", "drift": "drift", "timeline": "timeline", "sources": "sources"},
}


def build_report(
    artefact: Any,
    evidence: Evidence,
    test: Any,
    *,
    language: Language = "en",
    provenance: Mapping[str, Any] | None = None,
    notes: Sequence[str] | None = None,
) -> str:
    """The report on a model of any kind as one self-contained HTML page.

    Args:
        artefact: The model; `meta["splits"]`, if given, is what its splits' `to_dict` gives.
        evidence: What speaks for and against it, at the test; of offers it explains one arm.
        test: The rows of the test. No customer id of it reaches the page.
        language: One that there is a catalogue of.
        provenance: What is shown as name and value under Provenance: digests, versions, commit.
        notes: What was left out and why; those of `test` when None.
    """
    t = texts(language)
    basis = Basis(
        artefact=artefact,
        evidence=evidence,
        test=test,
        language=language,
        t=t,
        # An artefact does not keep where its profiles lay.
        study=Study.from_dict({**artefact.study, "profiles": "-"}),
        numbers=Numbers(evidence.numbers(), language),
        parts=Parts(evidence.explanation, t, language),
        notes=[_note(note, language) for note in (test.notes if notes is None else notes)],
    )
    kind: ReportKind = kinds.named(evidence.evaluation.kind).report(basis)
    own = kind.sections()
    shared = _shared(basis, kind, own, provenance or {})
    sections = [*own, *(shared[name] for name in SHARED)]
    appendix = [shared[name] for name in APPENDIX]
    front = Front(evidence.fitness, t, language, kind.anchors)
    return render(
        "report.html.j2",
        language=language,
        t=t,
        title=kind.title(),
        digest=artefact.digest,
        tested=date_text(evidence.evaluation.cutoff, language),
        target=kind.question(),
        first={"verdict": front.verdict(), **kind.first()},
        contents=[(section.anchor, section.heading) for section in (*sections, *appendix)],
        sections=sections,
        appendix=appendix,
    )


def _shared(
    basis: Basis, kind: ReportKind, own: Sequence[Section], provenance: Mapping[str, Any]
) -> dict[str, Section]:
    """The sections that every report has, by anchor."""
    t, numbers, evidence, parts = basis.t, basis.numbers, basis.evidence, basis.parts
    metric = evidence.evaluation.metric
    headings = {section.anchor: section.heading for section in own}
    headings |= {name: t[name] for name in (*SHARED, *APPENDIX)}
    headings |= {anchor: t[key] for anchor, key in _CARD_HEADINGS.items()} | dict(kind.headings)
    told = {
        "fairness": FairnessSection(evidence.fairness, numbers, t, metric).told(),
        "stability": StabilitySection(evidence.stability, numbers, t).told(),
        "changed": ComparisonSection(evidence.comparison, numbers, t, kind.groups()).told(),
        "card": ModelCard(basis.study, kind.card(), t, headings).told(),
        "glossary": parts.glossary(numbers),
        "provenance": parts.provenance(basis.study, basis.artefact.digest, provenance),
    }
    return {
        name: Section(name, t[name], f"sections/{name}.html.j2", one) for name, one in told.items()
    }


def _note(note: str, language: Language) -> dict[str, str]:
    """A note, and in which other language than the page's it stands: an older release had but
    English ones."""
    strange = "" if isinstance(note, Message) or language == ENGLISH else ENGLISH
    return {"text": told(note, language), "strange": strange}
