"""What changed since the champion: metrics, bands, and what the model relies on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neigung.evaluation.metric import ALL_METRICS
from neigung.language import stored_in
from neigung.language.numbers import count_text
from neigung.language.units import arm_text
from neigung.report.page import capital, grid, picture
from neigung.report.traced import Numbers, said

if TYPE_CHECKING:
    from neigung.evaluation.comparison import Comparison

_MOST_FEATURES = 8


class ComparisonSection:
    """The section in one language; `t` are the words of the page.

    `bands` names the bands, or arms, between which customers move.
    """

    def __init__(
        self,
        comparison: Comparison | None,
        numbers: Numbers,
        t: dict[str, Any],
        bands: Mapping[str, str],
    ) -> None:
        self.comparison, self.numbers, self.t, self.bands = comparison, numbers, t, bands
        self.language = numbers.language

    def told(self) -> dict[str, Any]:
        """What the template `sections/changed.html.j2` shows."""
        given = self.comparison
        if given is None:
            return {"compared": False, "say": self.t["changed_first"], "notes": []}
        say = said(
            self.t["changed_say"],
            champion=given.champion,
            correlation=self.numbers.figure("champion.correlation", 2),
        )
        return {
            "compared": True,
            "say": say,
            "notes": [note.to(self.language) for note in given.notes],
            "metrics": self._metrics(given),
            "moves": self._moves(given),
            "importance": self._importance(given),
        }

    def _metrics(self, given: Comparison) -> dict[str, Any] | None:
        if given.metrics.empty:
            return None
        rows: list[list[Any]] = []
        for name in map(str, given.metrics["metric"]):
            metric = ALL_METRICS[name]
            sign = "↑" if metric.higher_is_better else "↓"
            signed = self.numbers.decimals(3, "+")
            rows.append(
                [
                    f"{capital(metric.text(self.language))}\N{NO-BREAK SPACE}{sign}",
                    self.numbers.figure(f"test.{name}"),
                    self.numbers.figure(f"champion.{name}"),
                    self.numbers.measured(f"against_champion.{name}", signed),
                ]
            )
        head = [self.t["metric"], self.t["this_version"], self._champion("champion_version")]
        caption = self._champion("changed_metrics_caption") + self.t["arrows"]
        return {
            "figure": picture(given.plot_metrics(self.language), self.t["alt_changed_metrics"]),
            "table": grid(caption, [*head, self.t["minus_champion"]], rows, right=(1, 2)),
        }

    def _moves(self, given: Comparison) -> dict[str, Any] | None:
        table = given.moves
        if table.empty:
            return None
        order = list(dict.fromkeys([*self.bands, *table["before"], *table["now"]]))
        bands = [band for band in order if band in {*table["before"], *table["now"]}]
        moved = table[table["before"] != table["now"]]["n"].sum()
        say = said(self.t["moves_say"], moved=self._count(moved), all=self._count(table["n"].sum()))
        rows: list[list[Any]] = []
        for before in bands:
            counts: list[Any] = [self.numbers.count(f"moves.{before}.{now}") for now in bands]
            rows.append([self._band(before), *counts])
        head = [self._champion("moves_before")]
        head += [self.t["moves_now"].format(band=self._band(band)) for band in bands]
        right = tuple(range(1, len(head)))
        return {
            "say": say,
            "figure": picture(given.plot_moves(self.language), self.t["alt_moves"]),
            "table": grid(self.t["moves_caption"], head, rows, right=right),
        }

    def _importance(self, given: Comparison) -> dict[str, Any] | None:
        table = given.importance
        if table.empty:
            return None
        change = (table["this"].fillna(0) - table["champion"].fillna(0)).abs()
        order = change.sort_values(ascending=False, kind="stable").index[:_MOST_FEATURES]
        rows: list[list[Any]] = []
        for row in table.loc[order].to_dict("records"):
            at = f"importance_change.{row['column']}"
            weights = [self.numbers.share(f"{at}.{key}") for key in ("this", "champion")]
            ranks = [self.numbers.count(f"{at}.rank_{key}") for key in ("this", "champion")]
            rows.append([row[f"text_{stored_in(self.language)}"], *weights, *ranks])
        keys = ("feature", "weight_this", "weight_champion", "rank_this", "rank_champion")
        return grid(
            self.t["changed_importance_caption"],
            [self.t[key] for key in keys],
            rows,
            right=(1, 2, 3, 4),
        )

    def _band(self, name: Any) -> str:
        return self.bands.get(str(name), arm_text(str(name), self.language))

    def _champion(self, key: str) -> str:
        assert self.comparison is not None
        return str(self.t[key]).format(champion=self.comparison.champion)

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)
