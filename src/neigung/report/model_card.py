"""The model card, in the order of Mitchell et al. (2019), "Model Cards for Model Reporting".

Its parts point to the sections that hold the numbers, so nothing is told twice. What a study says
under `report` (owner, intended_use, not_for) stands first; the rest are defaults by target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neigung.study import Study

_PARTS = (
    *("details", "use", "factors", "metrics", "evaluation", "training", "analyses"),
    *("ethics", "caveats"),
)
_LINKS = {
    "use": ("not-for",),
    "factors": ("segments", "folds", "fairness"),
    "evaluation": ("timeline",),
    "training": ("timeline", "sources"),
    "analyses": ("how-well", "why", "fairness", "stability"),
    "ethics": ("fairness",),
    "caveats": ("drift",),
    "details": ("provenance",),
}


@dataclass(frozen=True, eq=False)
class CardTexts:
    """What one report knows beyond the study: how it was measured, on whom, from what it learned.

    Each is a finished text of one language; `ethics` starts with the legal basis.
    """

    factors: Any
    metrics: Any
    evaluation: Any
    training: Any
    ethics: Any


class ModelCard:
    """The card of one study in one language.

    `t` are the words of the page, `headings` what its sections are called by anchor.
    """

    def __init__(
        self, study: Study, own: CardTexts, t: Mapping[str, Any], headings: Mapping[str, str]
    ) -> None:
        self.study, self.own, self.t, self.headings = study, own, t, headings

    def told(self) -> dict[str, Any]:
        """What the template `sections/card.html.j2` shows."""
        parts = [
            {
                "title": self.t["card_parts"][key],
                "text": self._text(key),
                "links": [
                    (anchor, self.headings[anchor])
                    for anchor in _LINKS.get(key, ())
                    if anchor in self.headings
                ],
            }
            for key in _PARTS
        ]
        return {"not_for": self._not_for(), "parts": parts}

    def _text(self, key: str) -> Any:
        kind = self.study.target.kind
        if key == "details":
            return self._details()
        if key == "use":
            return self.study.report.intended_use or self.t["card_use"][kind]
        if key == "analyses":
            return self.t["card_analyses"]
        if key == "caveats":
            return self.t["card_caveats"][kind]
        return getattr(self.own, key)

    def _details(self) -> str:
        kind = "offer" if self.study.target.kind == "offer" else "propensity"
        told = str(self.t["card_details"][kind]).format(
            study=self.study.name, seed=self.study.model.seed
        )
        owner = self.study.report.owner
        who = self.t["card_owner"].format(owner=owner) if owner else self.t["card_no_owner"]
        return f"{told} {who}"

    def _not_for(self) -> list[str]:
        """What the study rules out, then what nobody may do with such a model."""
        must_not = self.t["card_must_not"]
        return [
            *self.study.report.not_for,
            *must_not[self.study.target.kind],
            *must_not["everyone"],
        ]
