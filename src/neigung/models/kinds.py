"""The registry of kinds: what is learned for which target, and where each kind's own parts live.

A new kind of prediction is a folder in this room and in those above, and an entry here. The parts
are named as texts, and imported when they are asked for: some belong to rooms above this one.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neigung.errors import InputError


@dataclass(frozen=True)
class Kind:
    """One kind of prediction.

    Parameters
    ----------
    name : as versions, evaluations and answers say it.
    targets : the targets of a study that it learns.
    content : what only its artefacts hold, by which they are told from others.
    parts : where its parts live, as `module:name`.

    >>> of_target("churn").name, of_target("offer").name
    ('propensity', 'offer')
    """

    name: str
    targets: tuple[str, ...]
    content: str
    parts: Mapping[str, str]

    @property
    def artefact(self) -> Any:
        """The class of its artefacts, a `Version` with `from_files`."""
        return self._part("artefact")

    @property
    def fit(self) -> Any:
        """Learns and tests: `fit(study, profiles, reporter)` gives a `Fitted`."""
        return self._part("fit")

    @property
    def evaluation(self) -> Any:
        """The class of its evaluations, with `from_dict`."""
        return self._part("evaluation")

    @property
    def explained(self) -> Any:
        """`explained(artefact, X, arm)` gives `Contributions`."""
        return self._part("explained")

    @property
    def boosters(self) -> Any:
        """`boosters(artefact, X, arm)`: what its trees read, and their parts in the prediction."""
        return self._part("boosters")

    @property
    def report(self) -> Any:
        """What its report says, a `ReportKind` made of a `Basis`; the report's driver asks it."""
        return self._part("report")

    def _part(self, name: str) -> Any:
        module, _, found = self.parts[name].partition(":")
        return getattr(importlib.import_module(module), found)


PROPENSITY = Kind(
    "propensity",
    targets=("purchase", "churn", "custom"),
    content="classifier",
    parts={
        "artefact": "neigung.models.propensity.artefact:Artefact",
        "fit": "neigung.training.propensity:fit_propensity",
        "evaluation": "neigung.evaluation.propensity.evaluate:Evaluation",
        "report": "neigung.report.sections.propensity.propensity_sections:PropensitySections",
        "explained": "neigung.explanation.contributions:of_propensity",
        "boosters": "neigung.explanation.boosters:of_propensity",
    },
)
OFFERS = Kind(
    "offer",
    targets=("offer",),
    content="offer_model",
    parts={
        "artefact": "neigung.models.offers.artefact:OfferArtefact",
        "fit": "neigung.training.offers:fit_offers",
        "evaluation": "neigung.evaluation.offers.offer_evaluation:OfferEvaluation",
        "report": "neigung.report.sections.offers.offer_sections:OfferSections",
        "explained": "neigung.explanation.contributions:of_offers",
        "boosters": "neigung.explanation.boosters:of_offers",
    },
)
KINDS = (PROPENSITY, OFFERS)


def of_target(target: str) -> Kind:
    """The kind that learns a target."""
    return next(kind for kind in KINDS if target in kind.targets)


def named(name: str) -> Kind:
    """The kind of a name; KeyError where there is none."""
    return {kind.name: kind for kind in KINDS}[name]


def of_content(content: Mapping[str, Any]) -> Kind:
    """The kind of an artefact by what its folder holds; raises InputError for none of ours."""
    for kind in KINDS:
        if kind.content in content:
            return kind
    known = ", ".join(kind.content for kind in KINDS)
    raise InputError(
        f"An artefact needs one of {known}, but has none of them. Use the version of neigung that "
        "wrote it, or train again."
    )
