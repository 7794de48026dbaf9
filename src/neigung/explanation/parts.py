"""The parts that every report has: what the model relies on, its features, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neigung.explanation.explain import Explanation
from neigung.explanation.page import grid, picture
from neigung.explanation.plots import BEESWARM_DOTS
from neigung.explanation.units import decimals, factor
from neigung.explanation.values import count_text, number_text
from neigung.features.feature import Language
from neigung.study import Study

_DEPENDENCE = 6


class Parts:
    """The parts of one explanation in one language; `t` are the words of the page."""

    def __init__(self, explanation: Explanation, t: dict[str, Any], language: Language) -> None:
        self.explanation, self.t = explanation, t
        self.language: Language = language
        self.importance = explanation.importance(language)
        self.used = self.importance[self.importance["importance"] > 0]

    def figures(self) -> dict[str, Any]:
        """Importance and beeswarm; both None for a model that uses no feature."""
        if not len(self.used):
            return {"importance": None, "beeswarm": None}
        names = "; ".join(self.used["text"].head(5))
        return {
            "importance": picture(
                self.explanation.plot_importance(self.language),
                self.t["alt_importance"].format(names=names),
            ),
            "beeswarm": picture(
                self.explanation.plot_beeswarm(self.language), self.t["alt_beeswarm"], dots=True
            ),
        }

    def dependence(self) -> list[dict[str, Any]]:
        """How the contributions of the strongest features depend on their values."""
        return [
            picture(
                self.explanation.plot_dependence(str(name), self.language),
                self.t["alt_dependence"].format(name=text),
                dots=True,
            )
            for name, text in self.used["text"].head(_DEPENDENCE).items()
        ]

    def beeswarm_say(self, say: str) -> str:
        """What the dots mean, and how many of the rows are drawn."""
        rows = len(self.explanation.X)
        if rows > BEESWARM_DOTS:
            shown = len(range(0, rows, -(-rows // BEESWARM_DOTS)))
            part = self.t["beeswarm_part"]
            say += part.format(shown=self._count(shown), rows=self._count(rows))
        return say

    def themes(self) -> str:
        """How many features are used, and their themes by weight."""
        sizes = self.used.groupby("theme")["importance"].sum().sort_values(ascending=False)
        themes = ", ".join(self.t["themes"].get(theme, theme) for theme in sizes.index) or "–"
        counts = {"used": self._count(len(self.used)), "all": self._count(len(self.importance))}
        return str(self.t["features_used_value"]).format(**counts, themes=themes)

    def attributes(self) -> str:
        """Which of the store's own attributes of persons move predictions, by weight."""
        names = [str(name) for name in self.used.index if str(name).startswith("attribute_")]
        return (
            ", ".join(name.removeprefix("attribute_") for name in names) or self.t["no_attributes"]
        )

    def features(self) -> dict[str, Any]:
        """All features by falling mean absolute contribution."""
        given = self.explanation.contributions
        units = {column.name: column.unit for column in given.columns}
        places = decimals(given.unit, float(given.importance().max(initial=0.0)), 3)
        rows = [
            [
                self._count(rank),
                text,
                self.t["units"].get(units[name], units[name]),
                self.t["themes"].get(theme, theme),
                number_text(importance * factor(given.unit), places, self.language),
            ]
            for name, rank, text, theme, importance in self.importance.itertuples()
        ]
        head = [self.t[k] for k in ("rank", "feature", "unit", "theme", "mean_contribution")]
        return grid(self.t["features"], head, rows, key=1, right=(0, 4))

    def features_show(self) -> str:
        """The line that opens the table of features."""
        return str(self.t["features_show"]).format(count=len(self.importance))

    def provenance(self, study: Study, digest: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Digests, seed and whatever else is given."""
        own = {
            self.t["study"]: study.name,
            self.t["artefact_digest"]: digest,
            self.t["seed"]: study.model.seed,
        }
        given = {self.t["items"].get(key, key): value for key, value in given.items()}
        rows = [[str(key), str(value)] for key, value in (own | given).items()]
        return grid(self.t["provenance_caption"], [self.t["item"], self.t["value"]], rows)

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)


def legal_basis(study: Study, t: Mapping[str, Any]) -> str:
    """Why these customers may be profiled."""
    basis, purpose = next((k, v) for k, v in study.legal_basis if v is not None)
    return str(t[basis]).format(purpose=t.get(purpose, purpose))


def population(study: Study, t: Mapping[str, Any]) -> str:
    """Which customers are meant."""
    days = study.population.active_within_days
    return str(t["population_active" if days else "population_all"]).format(days=days)
