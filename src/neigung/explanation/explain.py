"""An explanation to look at in a notebook: contributions, reasons and their pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.explanation.contributions import Contributions, contributions
from neigung.explanation.interactions import Interactions, interactions
from neigung.explanation.reasons import Reason, reasons
from neigung.explanation.themes import themes
from neigung.features.feature import Language
from neigung.language.units import arm_text, decimals, factor, unit_name
from neigung.models.dataset import Dataset
from neigung.pictures import of_features, of_interactions, of_themes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.models.version import Version


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model predicts what it predicts for some customers; made by `explain`.

    `contributions` in their unit, of an offer model those to the uplift of one arm; `X` (rows,
    columns) what they explain; `customers` (rows,) the ids that the methods take, strings;
    `artefact` the model, which `interactions` needs.
    """

    contributions: Contributions
    X: pd.DataFrame
    customers: pd.Index
    artefact: Version = field(repr=False)

    @property
    def arm(self) -> str | None:
        """The arm whose uplift is explained; None for a propensity."""
        return self.contributions.arm

    @cached_property
    def interactions(self) -> Interactions:
        """What pairs of features do together, of a sample of the rows; computed when first asked.

        Takes some seconds for a large model.
        """
        return interactions(self.artefact, self.contributions, self.X)

    def importance(self, language: Language = "en") -> pd.DataFrame:
        """Every column by falling mean absolute contribution: rank, text, theme, importance."""
        columns = self.contributions.columns
        table = pd.DataFrame(
            {
                "text": [column.text(language) for column in columns],
                "theme": [column.theme for column in columns],
                "importance": self.contributions.importance(),
            },
            index=pd.Index([column.name for column in columns], name="column"),
        )
        table = table.sort_values("importance", ascending=False, kind="stable")
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table

    def themes(self, language: Language = "en") -> pd.DataFrame:
        """Every theme by falling importance: rank, text, columns, used, importance, share.

        The importance is the mean over the customers of |sum of the theme's contributions|.
        """
        return themes(self.contributions, language)

    def numbers(self) -> dict[str, float]:
        """What an explanation says in numbers, by flat names; uplifts are kept as probabilities.

        `importance.COLUMN` and `theme.THEME` with their `.share` of all, `interaction.A.B` with
        its `.share`, and how many rows were explained (`explained.rows`).
        """
        sizes = self.importance()["importance"]
        total = float(sizes.sum())
        found = {"explained.rows": float(len(self.X))}
        for name, size in sizes.items():
            found[f"importance.{name}"] = float(size)
            found[f"importance.{name}.share"] = float(size) / total if total > 0 else 0.0
        for name, row in self.themes().iterrows():
            found[f"theme.{name}"] = float(row["importance"])
            found[f"theme.{name}.share"] = float(row["share"])
        return found | self.interactions.numbers()

    def reasons(self, customer_id: str, k: int = 3) -> list[Reason]:
        """The `k` strongest reasons of one customer, strongest first."""
        row = self._row(customer_id)
        return reasons(self.contributions.take([row]), self.X.iloc[[row]], k)[0]

    def plot_importance(self, language: Language = "en", most: int = 15) -> Figure:
        """The columns that move predictions most."""
        given = self.contributions
        return of_features.plot_importance(
            given.importance(), given.columns, given.unit, language, most
        )

    def plot_beeswarm(self, language: Language = "en", most: int = 15) -> Figure:
        """A dot per customer and column, coloured by the value."""
        given = self.contributions
        return of_features.plot_beeswarm(
            given.values, given.columns, self.X, given.unit, language, most
        )

    def plot_dependence(self, column: str, language: Language = "en") -> Figure:
        """How the contribution of a column depends on its value."""
        known = [one.name for one in self.contributions.columns]
        if column not in known:
            raise InputError(
                f"A column that the model reads is needed, but '{column}' is none. "
                f"importance() lists all {len(known)}."
            )
        given, j = self.contributions, known.index(column)
        return of_features.plot_dependence(
            given.values[:, j], self.X, given.columns[j], given.unit, language
        )

    def plot_waterfall(self, customer_id: str, language: Language = "en", most: int = 9) -> Figure:
        """How one customer comes from the average to the own prediction."""
        return self.plot_row(self._row(customer_id), language, most)

    def plot_row(self, row: int, language: Language = "en", most: int = 9) -> Figure:
        """The same of the customer at a position among the explained rows."""
        given = self.contributions
        ends = (given.start(row), float(given.margin[row]))
        return of_features.plot_waterfall(
            given.values[row], given.columns, self.X.iloc[row], ends, given.unit, language, most
        )

    def plot_themes(self, language: Language = "en") -> Figure:
        """How far each theme moves predictions."""
        return of_themes.plot_themes(self.themes(language), self.contributions.unit, language)

    def plot_interactions(self, language: Language = "en", most: int = 10) -> Figure:
        """The pairs of features that do most together."""
        given = self.interactions
        note = given.note.to(language) if given.note else ""
        return of_interactions.plot_interactions(
            given.table(language), given.unit, note, language, most
        )

    def plot_interaction(
        self, a: str | None = None, b: str | None = None, language: Language = "en"
    ) -> Figure:
        """What two columns do together, over the values of `a`; without names the strongest pair.

        Raises InputError when the two are not among the pairs of `interactions`.
        """
        if (a is None) != (b is None):
            raise InputError(
                f"Two columns are needed, or none for the strongest pair, but found '{a or b}' "
                "only. interactions.table() lists the pairs."
            )
        given = self.interactions
        if a is None or b is None:
            if not len(given):
                return self.plot_interactions(language)
            a, b = (given.columns[j].name for j in given.pairs[0])
        by_name = {column.name: column for column in given.columns}
        together, rows = given.of(a, b), self.X.iloc[given.rows]
        return of_interactions.plot_interaction(
            together, rows, by_name[a], by_name[b], given.unit, language
        )

    def _row(self, customer_id: str) -> int:
        """The first row of a customer."""
        found = np.flatnonzero(self.customers == str(customer_id))
        if not len(found):
            raise InputError(
                f"A customer among the {len(self.customers)} explained rows is needed, but "
                f"'{customer_id}' is none. Explain rows that hold this customer."
            )
        return int(found[0])

    def _repr_html_(self) -> str:
        given = self.contributions
        sizes = self.importance()["importance"] * factor(given.unit)
        places = decimals(given.unit, float(sizes.max()) / factor(given.unit), 3)
        lines = [
            f'<tr><td style="text-align:right">{rank}</td><td style="text-align:left">'
            f"{escape(text)}</td><td>{importance:.{places}f}</td></tr>"
            for rank, text, _, importance in self.importance()
            .assign(importance=sizes)
            .head(10)
            .to_numpy()
            .tolist()
        ]
        what = f" to what {escape(arm_text(given.arm))} changes" if given.arm else ""
        return (
            f"<p>{len(self.X):,} explained rows, {len(given.columns)} columns. Mean absolute "
            f"contribution{what} ({unit_name(given.unit)}), the strongest ten:</p><table><tr>"
            f"<th>rank</th><th>column</th><th>contribution</th></tr>{''.join(lines)}</table>"
        )


def explain(artefact: Version, data: Dataset | pd.DataFrame, arm: str | None = None) -> Explanation:
    """Explain the rows of a dataset, or of a frame with the artefact's columns.

    Of an offer model, the uplift of `arm` is explained, by default of the arm whose uplift differs
    most between these customers. Customers are named by the column `customer_id`, in a frame
    without it by the index. Raises InputError as the model does, when a column is missing or has
    the wrong kind, and when the model knows no such arm.
    """
    frame = data.frame if isinstance(data, Dataset) else data
    X = frame[[column.name for column in artefact.columns if column.name in frame]]
    ids = frame.get("customer_id", frame.index)
    return Explanation(contributions(artefact, X, arm), X, pd.Index(ids).astype(str), artefact)
