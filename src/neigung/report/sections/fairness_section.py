"""Fairness and restraint: how groups fare, what stands in for them, what dropping them costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from neigung.evaluation.fairness.sensitive import level_text
from neigung.evaluation.metric import ALL_METRICS
from neigung.features.feature import Language
from neigung.language import stored_in
from neigung.report.page import capital, grid, picture
from neigung.report.traced import Measured, Numbers, said

if TYPE_CHECKING:
    from neigung.evaluation.fairness.fairness import Fairness

_MOST_STAND_INS = 15

_TABLES = {
    "scores": ("n", "score", "score_difference", "observed", "error", "auroc"),
    "chosen": (
        *("selected", "selected_difference", "selected_without", "found", "found_difference"),
    ),
}
_SHARES = ("score", "observed", "selected", "selected_without", "found")


class FairnessSection:
    """The section in one language; `t` are the words of the page, `metric` the deciding one."""

    def __init__(
        self, fairness: Fairness | None, numbers: Numbers, t: dict[str, Any], metric: str
    ) -> None:
        self.fairness, self.numbers, self.t, self.metric = fairness, numbers, t, metric
        self.language: Language = numbers.language

    def told(self) -> dict[str, Any]:
        """What the template `sections/fairness.html.j2` shows."""
        given = self.fairness
        if given is None or given.groups.empty:
            say = self.t["no_fairness"] if given is None else given.summary(self.language)
            return {"examined": False, "say": say}
        return {
            "examined": True,
            "summary": given.summary(self.language),
            "concerns": list(given.concerns(self.language)),
            "findings": list(given.findings(self.language)),
            "used": self._used(given),
            "groups_say": self.t["groups_say" if self._seen(given) else "groups_say_unseen"],
            "groups": self._groups(given),
            "stand_ins": self._stand_ins(given),
            "recovered": self._recovered(given),
            "dropped": self._dropped(given),
            "dropped_say": self.t["dropped_unknown" if len(given.used) else "dropped_nothing"],
        }

    def _used(self, given: Fairness) -> str:
        if given.used.empty:
            return str(self.t["sensitive_unused"])
        comma = said(", ")
        names = [
            said(
                "{} ({})",
                row[f"text_{stored_in(self.language)}"],
                self.numbers.share(f"used.{row['column']}"),
            )
            for row in given.used.to_dict("records")
        ]
        return said(self.t["sensitive_used"], names=comma.join(names))

    def _seen(self, given: Fairness) -> bool:
        """Whether outcomes were seen, so that errors can be told."""
        return bool(given.groups["observed"].notna().any())

    def _groups(self, given: Fairness) -> list[dict[str, Any]]:
        found = []
        for attribute, table in given.groups.groupby("attribute", sort=False):
            text = str(table[f"text_{stored_in(self.language)}"].iloc[0])
            figure = given.plot_groups(str(attribute), self.language)
            found.append(
                {
                    "figure": picture(figure, self.t["alt_groups"].format(text=text)),
                    "tables": self._group_tables(str(attribute), text, table),
                    "show": self.t["groups_show"].format(text=text),
                }
            )
        return found

    def _group_tables(self, attribute: str, text: str, table: pd.DataFrame) -> list[dict[str, Any]]:
        """Scores and errors, and who is chosen; without outcomes only what is known."""
        found = []
        for name, keys in _TABLES.items():
            known = [key for key in keys if table[key].notna().any()]
            rows: list[list[Any]] = [
                [
                    level_text(row["level"], self.language),
                    *(
                        self._measured(f"fairness.{attribute}.{row['level']}.{key}", key)
                        for key in known
                    ),
                ]
                for row in table.to_dict("records")
            ]
            head = [self.t["group_level"], *(self.t[f"group_{key}"] for key in known)]
            caption = self.t[f"groups_{name}_caption"].format(text=capital(text))
            if rows and known:
                found.append(grid(caption, head, rows))
        return found

    def _measured(self, name: str, key: str) -> Measured:
        if key == "n":
            return Measured(self.numbers.count(name))
        if key == "auroc":
            return self.numbers.measured(name, self.numbers.decimals(2))
        return self.numbers.measured_share(name) if key in _SHARES else self.numbers.points(name)

    def _recovered(self, given: Fairness) -> dict[str, Any] | None:
        rows: list[list[Any]] = [
            [
                capital(str(row[f"text_{stored_in(self.language)}"])),
                self.numbers.measured(f"recovered.{row['attribute']}", self.numbers.decimals(2)),
            ]
            for row in given.recovered.to_dict("records")
        ]
        head = [self.t["stand_in_attribute"], self.t["recovered_auroc"]]
        return grid(self.t["recovered_caption"], head, rows) if rows else None

    def _stand_ins(self, given: Fairness) -> dict[str, Any] | None:
        table = given.stand_ins
        if table.empty:
            return None
        names = dict(
            zip(
                given.groups["attribute"],
                given.groups[f"text_{stored_in(self.language)}"],
                strict=True,
            )
        )
        table = table.sort_values("strength", ascending=False, kind="stable")
        rows: list[list[Any]] = []
        for row in table.head(_MOST_STAND_INS).to_dict("records"):
            name = f"stand_in.{row['attribute']}.{row['column']}"
            rows.append(
                [
                    str(row[f"text_{stored_in(self.language)}"]),
                    str(names.get(row["attribute"], row["attribute"])),
                    self.numbers.figure(name, 2),
                    self.numbers.share(f"{name}.importance"),
                ]
            )
        keys = ("feature", "stand_in_attribute", "stand_in_strength", "stand_in_weight")
        head = [self.t[key] for key in keys]
        return {
            "figure": picture(
                given.plot_stand_ins(language=self.language), self.t["alt_stand_ins"]
            ),
            "table": grid(self.t["stand_ins_caption"], head, rows, right=(2, 3), plain={1: "name"}),
        }

    def _dropped(self, given: Fairness) -> dict[str, Any] | None:
        if given.dropped.empty:
            return None
        rows: list[list[Any]] = []
        for metric in map(str, given.dropped["metric"]):
            one, told = ALL_METRICS[metric], self._with_and_without(metric)
            sign = "↑" if one.higher_is_better else "↓"
            name = f"{capital(one.text(self.language))}\N{NO-BREAK SPACE}{sign}"
            rows.append([name, *told.values()])
        keys = ("metric", "dropped_with", "dropped_without", "dropped_difference")
        caption = self.t["dropped_caption"] + self.t["arrows"]
        told = self._with_and_without(self.metric)
        say = said(
            self.t["dropped_say"],
            metric=ALL_METRICS[self.metric].text(self.language),
            **told | {"difference": told["difference"].in_line()},
        )
        table = grid(caption, [self.t[key] for key in keys], rows, right=(1, 2))
        return {"say": say, "table": table}

    def _with_and_without(self, metric: str) -> dict[str, Any]:
        name = f"dropped.{metric}"
        return {
            "with_": self.numbers.figure(f"{name}.with"),
            "without": self.numbers.figure(f"{name}.without"),
            "difference": self.numbers.measured(name, self.numbers.decimals(3, "+")),
        }
