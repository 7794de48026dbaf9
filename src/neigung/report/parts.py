"""The parts that every report has: what the model relies on, its features, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neigung.explanation.explain import Explanation
from neigung.features.feature import Language
from neigung.language.numbers import count_text, number_text
from neigung.language.units import decimals, factor, unit_name
from neigung.pictures.of_features import BEESWARM_DOTS
from neigung.report.glossary import TYPICAL, glossary
from neigung.report.page import capital, grid, picture
from neigung.report.traced import Numbers, said
from neigung.study import Study

_DEPENDENCE, _PAIRS, _PAIRS_DRAWN = 6, 10, 2

_ATTRIBUTE = "attribute_"


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

    def why(
        self,
        numbers: Numbers,
        *,
        say: str,
        beeswarm_say: str,
        dependence_heading: str,
        dependence_say: str,
        nothing_used: str,
    ) -> dict[str, Any]:
        """What the template `sections/why.html.j2` shows; the texts are the report's own."""
        told = {"say": say, "used": len(self.used) > 0, "nothing_used": nothing_used}
        if not len(self.used):
            return told
        return told | {
            "themes": self._themes(numbers),
            **self.figures(),
            "beeswarm_say": self.beeswarm_say(beeswarm_say),
            "dependence_heading": dependence_heading,
            "dependence_say": dependence_say,
            "dependence": self.dependence(),
            "interactions": self._interactions(numbers),
        }

    def _themes(self, numbers: Numbers) -> dict[str, Any]:
        """How far each theme moves predictions, its features taken together."""
        table = self.explanation.themes(self.language)
        table = table[table["importance"] > 0]
        given = self.explanation.contributions
        write = numbers.decimals(decimals(given.unit, float(table["importance"].max()), 3))
        rows: list[list[Any]] = [
            [
                capital(str(row["text"])),
                numbers.share(f"theme.{name}.share"),
                numbers.one(f"theme.{name}", write, factor(given.unit)),
            ]
            for name, row in table.iterrows()
        ]
        head = [self.t[key] for key in ("theme", "theme_share", "mean_contribution")]
        caption = self.t["themes_caption"].format(unit=unit_name(given.unit, self.language))
        names = ", ".join(table["text"].head(3))
        return {
            "say": said(
                self.t["by_theme_say"],
                share=numbers.share(f"theme.{table.index[0]}.share"),
                theme=table["text"].iloc[0],
            ),
            "figure": picture(
                self.explanation.plot_themes(self.language),
                self.t["alt_themes"].format(names=names),
            ),
            "table": grid(caption, head, rows, right=(1, 2)),
        }

    def _interactions(self, numbers: Numbers) -> dict[str, Any]:
        """Which features act together, how, and how that was checked."""
        found, language = self.explanation.interactions, self.language
        if not len(found):
            return {"say": found.note.to(language) if found.note else "", "table": None}
        table = found.table(language).head(_PAIRS)
        say = said(
            self.t["interactions_say"],
            rows=numbers.count("interaction.rows"),
            all=numbers.count("explained.rows"),
        )
        rows: list[list[Any]] = [
            [
                row["text_a"],
                row["text_b"],
                numbers.share(f"interaction.{row['a']}.{row['b']}.share"),
            ]
            for row in table.to_dict("records")
        ]
        head = [self.t[f"interaction_{key}"] for key in ("first", "second", "share")]
        figures = [
            picture(
                self.explanation.plot_interaction(row["a"], row["b"], language),
                self.t["alt_interaction"].format(a=row["text_a"], b=row["text_b"]),
                dots=True,
            )
            for row in table.head(_PAIRS_DRAWN).to_dict("records")
        ]
        bars = self.explanation.plot_interactions(language)
        return {
            "say": say,
            "figure": picture(bars, self.t["alt_interactions"]),
            "figures": figures,
            "table": grid(
                self.t["interactions_caption"], head, rows, right=(2,), plain={1: "name"}
            ),
        }

    def glossary(self, numbers: Numbers) -> dict[str, Any]:
        """Every feature by falling weight, with an example of its sentence."""
        given = self.explanation.contributions
        told = glossary(given.columns, given.usual).set_index("column")
        write = numbers.decimals(
            decimals(given.unit, float(given.importance().max(initial=0.0)), 3)
        )
        rows: list[list[Any]] = [
            [
                text,
                self.t["themes"].get(theme, theme),
                told[f"example_{self.language}"][name],
                numbers.one(f"importance.{name}", write, factor(given.unit)),
            ]
            for name, _, text, theme, _ in self.importance.itertuples()
        ]
        head = [self.t[key] for key in ("feature", "theme", "sentence", "mean_contribution")]
        caption = self.t["glossary_caption"].format(unit=unit_name(given.unit, self.language))
        return {
            "say": TYPICAL.to(self.language) if given.usual else "",
            "table": grid(caption, head, rows, right=(3,), plain={1: "name", 2: "name"}),
            "show": self.features_show(),
        }

    def themes(self) -> str:
        """How many features are used, and their themes by weight."""
        sizes = self.used.groupby("theme")["importance"].sum().sort_values(ascending=False)
        themes = ", ".join(self.t["themes"].get(theme, theme) for theme in sizes.index) or "–"
        counts = {"used": self._count(len(self.used)), "all": self._count(len(self.importance))}
        return str(self.t["features_used_value"]).format(**counts, themes=themes)

    def attributes(self) -> str:
        """Which of the store's own attributes of persons move predictions, by weight."""
        names = [str(name) for name in self.used.index if str(name).startswith(_ATTRIBUTE)]
        return ", ".join(map(attribute_name, names)) or self.t["no_attributes"]

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
        known = {key: value for key, value in given.items() if value is not None}
        given = {self.t["items"].get(key, key): value for key, value in known.items()}
        rows = [[str(key), str(value)] for key, value in (own | given).items()]
        head = [self.t["item"], self.t["value"]]
        return grid(self.t["provenance_caption"], head, rows, plain="digest")

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)


def attribute_name(column: str) -> str:
    """A personal attribute as the store names it.

    >>> attribute_name("attribute_age")
    'age'
    """
    return column.removeprefix(_ATTRIBUTE)


def legal_basis(study: Study, t: Mapping[str, Any]) -> str:
    """Why these customers may be profiled."""
    basis, purpose = next((k, v) for k, v in study.legal_basis if v is not None)
    return str(t[basis]).format(purpose=t.get(purpose, purpose))


def population(study: Study, t: Mapping[str, Any]) -> str:
    """Which customers are meant."""
    days = study.population.active_within_days
    return str(t["population_active" if days else "population_all"]).format(days=days)


def order(study: Study, t: Mapping[str, Any]) -> str:
    """What counts as an order."""
    return str(t["order_zero" if study.orders.count_zero else "order_positive"])
