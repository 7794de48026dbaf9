"""What a section is, what all of them read, and what a kind of model brings to its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from neigung.features.feature import Language
from neigung.report.evidence import Evidence
from neigung.report.model_card import CardTexts
from neigung.report.parts import Parts
from neigung.report.traced import Numbers
from neigung.study import Study


@dataclass(frozen=True, eq=False)
class Section:
    """One section: its anchor, its heading, its template, and what that shows, there `one`."""

    anchor: str
    heading: str
    template: str
    told: Mapping[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Basis:
    """What every section reads: the model, the evidence, the test rows, the words `t` of the page.

    `notes` say what was left out, and why: their `text`, and the `strange` language it stands in.
    """

    artefact: Any
    evidence: Evidence
    test: Any
    language: Language
    t: dict[str, Any]
    study: Study
    numbers: Numbers
    parts: Parts
    notes: Sequence[Mapping[str, str]]

    @property
    def evaluation(self) -> Any:
        """The evaluation, of the kind whose sections ask."""
        return self.evidence.evaluation


class ReportKind(Protocol):
    """What a kind of model says of itself; made of a `Basis`."""

    anchors: Mapping[str, str]
    """Where in the page the details of a check stand, beyond those that every report has."""

    headings: Mapping[str, str]
    """Headings within sections to which the model card points, beyond those of every report."""

    def title(self) -> str:
        """What stands above the page."""

    def question(self) -> str:
        """What is predicted."""

    def first(self) -> dict[str, Any]:
        """The first screen beside the verdict: `tiles`, `at_test`, `in_short` (or nothing)."""

    def sections(self) -> list[Section]:
        """The sections before those that all reports have."""

    def groups(self) -> Mapping[str, str]:
        """What customers are sorted into, bands or arms, with their names."""

    def card(self) -> CardTexts:
        """What the model card says of this kind."""
