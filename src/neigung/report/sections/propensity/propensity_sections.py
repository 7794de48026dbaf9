"""What the report on a model of probabilities says: how well it predicts, why, of whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neigung.evaluation.metric import METRICS
from neigung.evaluation.propensity.evaluate import Evaluation, model_text
from neigung.evaluation.propensity.segments import segment_text
from neigung.language.numbers import count_text, date_text
from neigung.report.lookup import lookup
from neigung.report.model_card import CardTexts
from neigung.report.page import HALF, capital, picture
from neigung.report.parts import attribute_name, legal_basis
from neigung.report.sections.propensity.data_section import DataSection, sources
from neigung.report.sections.propensity.people import People
from neigung.report.sections.propensity.propensity_tables import Tables
from neigung.report.sections.section import Basis, Section
from neigung.report.traced import said


class PropensitySections:
    """One model's own sections in one language."""

    def __init__(self, basis: Basis) -> None:
        self.basis, self.t, self.language = basis, basis.t, basis.language
        self.evidence, self.numbers, self.parts = basis.evidence, basis.numbers, basis.parts
        self.evaluation: Evaluation = basis.evaluation
        self.study = basis.study
        self.tables = Tables(self.evaluation, self.numbers, self.t)
        meta = basis.artefact.meta
        self.data = DataSection(self.study, meta, self.parts, self.numbers, self.t)
        explanation = self.evidence.explanation
        self.people = People(basis.artefact, explanation, self.t, self.language)
        self.anchors: Mapping[str, str] = {}
        self.headings: Mapping[str, str] = {name: self.t[name] for name in ("segments", "folds")}

    def title(self) -> str:
        """What stands above the page."""
        return str(self.t["title"]).format(name=self.study.name)

    def question(self) -> str:
        """What is predicted."""
        from neigung.targets.target import in_words

        return in_words(self.study.target, self.language)

    def first(self) -> dict[str, Any]:
        """Tiles, and on whom the model was tested."""
        return {"tiles": self.tables.tiles(), "at_test": self._at_test(), "in_short": ""}

    def sections(self) -> list[Section]:
        """What is predicted from what, how well, why, and of whom."""
        t, folder = self.t, "sections/propensity"
        return [
            Section("what", t["what"], f"{folder}/what.html.j2", self._what()),
            Section("how-well", t["how_well"], f"{folder}/how_well.html.j2", self._how_well()),
            Section("why", t["why"], "sections/why.html.j2", self._why()),
            Section("customers", t["customers"], f"{folder}/customers.html.j2", self._customers()),
        ]

    def groups(self) -> Mapping[str, str]:
        """The bands."""
        return {name: self.people.band(name) for name, _ in self.basis.artefact.bands}

    def _what(self) -> dict[str, Any]:
        data = self.data
        return {
            "facts": data.facts(),
            "timeline": data.timeline(),
            "spans": data.spans(),
            "sources": sources(self.evidence.tables, self.numbers, self.t),
            "notes": self.basis.notes,
        }

    def _how_well(self) -> dict[str, Any]:
        tables = self.tables
        return {
            "figures": self._figures(),
            "top": tables.top(),
            "calibration": tables.calibration(),
            "folds": tables.folds(),
            "segments": tables.segments(),
            "metrics": tables.metrics(),
            "meanings": tables.meanings(),
        }

    def _customers(self) -> dict[str, Any]:
        return {
            "customers": self.people.told(),
            "bands_say": self.people.bands_say(),
            "lookup": self._lookup(),
        }

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

    def card(self) -> CardTexts:
        """How it was measured, on whom, and from what it learned."""
        t, evaluation = self.t, self.evaluation
        baselines = [model_text(m, self.language) for m in evaluation.models[1:]]
        names = [str(name) for name in dict.fromkeys(evaluation.segments["segment"])]
        segments = [segment_text(name, None, self.language) for name in names]
        fairness = self.evidence.fairness
        sensitive = () if fairness is None else map(attribute_name, fairness.attributes)
        return CardTexts(
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

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)

    def _date(self, stamp: Any) -> str:
        return date_text(stamp, self.language)
