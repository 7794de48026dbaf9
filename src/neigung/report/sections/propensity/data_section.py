"""What a propensity predicts, for whom, and when and from which tables it learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from neigung.features.feature import Language
from neigung.language.numbers import count_text, date_text
from neigung.pictures.of_spans import plot_timeline
from neigung.report.page import capital, grid, picture
from neigung.report.parts import Parts, legal_basis, order, population
from neigung.report.traced import NOTHING, Numbers, said
from neigung.study import Study


class DataSection:
    """The section in one language; `meta` is the artefact's, `t` are the words of the page."""

    def __init__(
        self,
        study: Study,
        meta: Mapping[str, Any],
        parts: Parts,
        numbers: Numbers,
        t: dict[str, Any],
    ) -> None:
        self.study, self.parts, self.numbers, self.t = study, parts, numbers, t
        self.splits: Mapping[str, Any] | None = meta.get("splits")
        self.rows: Mapping[str, int] = meta.get("rows", {})
        self.language: Language = numbers.language

    def facts(self) -> list[tuple[str, Any]]:
        """Terms and what stands for them."""
        t, study = self.t, self.study
        tested = said(
            t["rows_test_sampled" if "test_of" in self.rows else "rows_test_value"],
            rows=self.numbers.count("test.rows"),
            customers=self.numbers.count("test.customers"),
            all=self._all("test"),
        )
        trained = []
        if "train" in self.rows:
            told = t["rows_train_sampled"] if "train_of" in self.rows else "{rows}"
            rows = self._count(self.rows["train"])
            trained.append((t["rows_train"], told.format(rows=rows, all=self._all("train"))))
        days = t["retention_days"].format(days=self._count(study.retention_days))
        return [
            (t["population"], capital(population(study, t))),
            (t["order"], capital(order(study, t))),
            (t["legal_basis"], capital(legal_basis(study, t))),
            (t["features_used"], self.parts.themes()),
            (t["attributes_used"], self.parts.attributes()),
            (t["retention"], capital(days)),
            *trained,
            (t["rows_test"], tested),
        ]

    def timeline(self) -> dict[str, Any] | None:
        """The picture of cutoffs and horizons."""
        if not self.splits:
            return None
        figure = plot_timeline(self.splits, self.study.target.horizon_days, self.language)
        return picture(figure, self.t["alt_timeline"])

    def spans(self) -> dict[str, Any] | None:
        """The same as a table of dates."""
        if not self.splits:
            return None
        validations = [fold["validation"] for fold in self.splits["folds"]]
        test = [self.splits["test"]]
        roles = {"train": self.splits["train"], "fold": validations, "test": test}
        rows = []
        for role, cutoffs in roles.items():
            dates = [self._date(cutoff) for cutoff in sorted(cutoffs)] or [NOTHING]
            horizon = pd.Timedelta(days=self.study.target.horizon_days)
            until = self._date(pd.Timestamp(max(cutoffs)) + horizon) if cutoffs else NOTHING
            rows.append([self.t[role], self._count(len(cutoffs)), dates[0], dates[-1], until])
        head = [self.t[key] for key in ("role", "cutoffs", "first", "last", "watched")]
        return grid(self.t["timeline_caption"], head, rows, right=(1,), plain="date")

    def learned(self) -> str:
        """What it learned from, in a sentence."""
        if not self.splits or "train" not in self.rows:
            return str(self.t["card_training_unknown"])
        train = sorted(self.splits["train"])
        told = "card_training_sampled" if "train_of" in self.rows else "card_training"
        return str(self.t[told]).format(
            rows=self._count(self.rows["train"]),
            all=self._all("train"),
            cutoffs=self._count(len(train)),
            first=self._date(train[0]),
            last=self._date(train[-1]),
            days=self._count(self.study.retention_days),
        )

    def tested(self, cutoff: str) -> Any:
        """What it was tested on, in a sentence."""
        return said(
            self.t["card_evaluation_sampled" if "test_of" in self.rows else "card_evaluation"],
            rows=self.numbers.count("test.rows"),
            all=self._all("test"),
            cutoff=cutoff,
        )

    def _all(self, part: str) -> str:
        """Of how many rows those of a part are a sample; nothing where they are all."""
        of = self.rows.get(f"{part}_of")
        return "" if of is None else self._count(of)

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)

    def _date(self, stamp: Any) -> str:
        return date_text(stamp, self.language)


def sources(
    tables: pd.DataFrame | None, numbers: Numbers, t: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What was read of each table of the profile store; None where it was not recorded."""
    if tables is None or tables.empty:
        return None
    rows: list[list[Any]] = []
    for row in tables.to_dict("records"):
        name = str(row["table"])
        dates = [
            NOTHING if pd.isna(row[key]) else date_text(row[key], numbers.language)
            for key in ("first", "last")
        ]
        counts = {
            key: numbers.count(f"table.{name}.{key}") for key in ("rows", "customers", "features")
        }
        told = t["sources_names"].get(name, name)
        rows.append([told, counts["rows"], counts["customers"], *dates, counts["features"]])
    keys = ("source", "source_rows", "rows", "source_first", "source_last", "source_features")
    return grid(
        t["sources_caption"],
        [t[key] for key in keys],
        rows,
        right=(1, 2, 5),
        plain={3: "date", 4: "date"},
    )
