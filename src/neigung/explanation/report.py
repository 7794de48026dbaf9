"""The report that reviewers read: one HTML file that loads nothing from anywhere.

The same model, evaluation, test rows and provenance give the same bytes: there is no time of day
in it, and SVG ids are salted with a constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neigung.evaluation.evaluate import MODEL, Evaluation, model_text
from neigung.evaluation.metrics import METRICS
from neigung.evaluation.verdict import format_interval, format_number
from neigung.explanation.explain import Explanation, explain
from neigung.explanation.page import capital, grid, picture, render, texts
from neigung.explanation.parts import Parts, legal_basis, population
from neigung.explanation.plots import plot_waterfall
from neigung.explanation.reasons import reasons
from neigung.explanation.tables import Tables
from neigung.explanation.timeline import plot_timeline
from neigung.explanation.values import count_text, date_text, value_text
from neigung.features.feature import Language
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.models.artefact import Artefact
    from neigung.models.dataset import Dataset

_REASONS = 5
_SECTIONS = (
    *("what", "data", "how_well", "why", "customers", "features", "left_out", "provenance"),
)
_TILES = ("average_precision", "auroc", "log_loss", "lift_10")


def build_report(
    artefact: Artefact,
    evaluation: Evaluation,
    test: Dataset,
    *,
    language: Language = "en",
    provenance: Mapping[str, Any] | None = None,
    notes: Sequence[str] | None = None,
    explanation: Explanation | None = None,
) -> str:
    """The report on a model as one self-contained HTML page.

    Args:
        artefact: The model; `meta["splits"]`, if given, is what `Splits.to_dict` gives.
        evaluation: What the test cutoff says of it.
        test: The rows at the test cutoff. No customer id of it reaches the page.
        language: `en` or `de`.
        provenance: What is shown as name and value under Provenance: digests, versions, commit.
        notes: What was left out and why; those of `test` when None.
        explanation: That of `test`, where it is at hand; else it is made.

    Raises InputError as `explain` does, when the test rows lack columns of the model.
    """
    return _Report(artefact, evaluation, test, language, explanation).render(
        provenance or {}, test.notes if notes is None else notes
    )


class _Report:
    """One model's report in one language."""

    def __init__(
        self,
        artefact: Artefact,
        evaluation: Evaluation,
        test: Dataset,
        language: Language,
        explanation: Explanation | None,
    ) -> None:
        self.artefact, self.evaluation, self.test = artefact, evaluation, test
        self.language: Language = language
        self.t: dict[str, Any] = texts(language)
        # An artefact does not keep where its profiles lay.
        self.study = Study.from_dict({**artefact.study, "profiles": "-"})
        self.explanation = explanation or explain(artefact, test)
        self.parts = Parts(self.explanation, self.t, language)
        self.metric = METRICS[evaluation.metric]
        self.tables = Tables(evaluation, artefact.columns, self.t, language)

    def render(self, provenance: Mapping[str, Any], notes: Sequence[str]) -> str:
        from neigung.targets.target import in_words

        target = in_words(self.study.target, self.language)
        return render(
            "report.html.j2",
            language=self.language,
            t=self.t,
            title=self.t["title"].format(name=self.study.name),
            target=target,
            verdict=self._verdict(),
            at_test=self.t["at_test"].format(
                rows=self._count(self.evaluation.n_rows),
                cutoff=self._date(self.evaluation.cutoff),
                rate=value_text(self.evaluation.base_rate, "share", self.language),
                mean=value_text(self._mean_prediction(), "share", self.language),
            ),
            tiles=self._tiles(),
            sections=[(key.replace("_", "-"), self.t[key]) for key in _SECTIONS],
            facts=self._facts(target),
            timeline=self._timeline(),
            spans=self._spans(),
            metrics=self.tables.metrics(),
            meanings=self.tables.meanings(),
            folds=self.tables.folds(),
            segments=self.tables.segments(),
            figures=self._figures(),
            dependence=self.parts.dependence(),
            why_say=self.t["why_say"].format(rows=self._count(len(self.test))),
            beeswarm_say=self.parts.beeswarm_say(self.t["beeswarm_say"]),
            customers=self._customers(),
            bands_say=self._bands_say(),
            features=self.parts.features(),
            features_show=self.parts.features_show(),
            notes=list(notes),
            provenance=self.parts.provenance(self.study, self.artefact.digest, provenance),
        )

    def _verdict(self) -> dict[str, str]:
        verdict = self.evaluation.verdict
        text = verdict.text_de if self.language == "de" else verdict.text_en
        kind, sign = ("good", "✓") if verdict.beats_baseline else ("bad", "✗")
        if np.isnan([verdict.difference, verdict.low, verdict.high]).any():
            kind, sign = "open", "?"
        hints = [self.t["verdict_bad_hint"]] if kind == "bad" else []
        hints += self._worse()
        title = self.t[f"verdict_{kind}"].format(metric=self.metric.text(self.language))
        return {
            **{"kind": kind, "sign": sign, "title": title},
            **{"text": text, "hints": hints},
        }

    def _worse(self) -> list[str]:
        """In which metrics a baseline wins by more than chance, the deciding one apart."""
        names = []
        for row in self.evaluation.differences.query("best").itertuples():
            metric = METRICS[str(row.metric)]
            lost: Any = row.high if metric.higher_is_better else row.low
            if metric != self.metric and (lost < 0 if metric.higher_is_better else lost > 0):
                names.append(metric.text(self.language))
        return [self.t["verdict_worse"].format(metrics=", ".join(names))] if names else []

    def _mean_prediction(self) -> float:
        bins = self.evaluation.calibration.query("model == @MODEL")
        return float(np.average(bins["predicted"], weights=bins["n"]))

    def _tiles(self) -> list[dict[str, Any]]:
        """The numbers that matter: the acceptance metric first."""
        table = self.evaluation.metrics
        best = self.evaluation.differences.query("best").set_index("metric")["baseline"]
        tiles = []
        for name in dict.fromkeys((self.evaluation.metric, *_TILES)):
            if name not in best:
                continue
            told = table[table["metric"] == name].set_index("model")
            value, _, interval = self.tables.cell(told, MODEL).partition(" ")
            baseline = str(best[name])
            theirs = self.tables.cell(told, baseline).partition(" ")[0]
            direction = "higher" if METRICS[name].higher_is_better else "lower"
            tiles.append(
                {
                    "name": capital(METRICS[name].text(self.language)),
                    "value": value,
                    "lines": [
                        interval.strip("()") or self.t["no_interval"],
                        f"{self.t['best_baseline']}: {theirs} "
                        f"({model_text(baseline, self.language)})",
                        self.t[direction],
                    ],
                    "meaning": self.t["meanings"].get(name, ""),
                    "decides": name == self.evaluation.metric,
                }
            )
        return tiles

    def _facts(self, target: str) -> list[tuple[str, str]]:
        t, study = self.t, self.study
        rows = self.artefact.meta.get("rows", {})
        test = t["rows_test_value"].format(
            rows=self._count(len(self.test)),
            customers=self._count(self.evaluation.n_customers),
        )
        return [
            (t["target"], target),
            (t["population"], population(study, t)),
            (t["legal_basis"], legal_basis(study, t)),
            (t["features_used"], self.parts.themes()),
            (t["attributes_used"], self.parts.attributes()),
            (
                t["retention"],
                t["retention_days"].format(days=self._count(study.retention_days)),
            ),
            *([(t["rows_train"], self._count(rows["train"]))] if "train" in rows else []),
            (t["rows_test"], test),
        ]

    def _timeline(self) -> dict[str, Any] | None:
        splits = self.artefact.meta.get("splits")
        if not splits:
            return None
        figure = plot_timeline(splits, self.study.target.horizon_days, self.language)
        return picture(figure, self.t["alt_timeline"])

    def _spans(self) -> dict[str, Any] | None:
        splits = self.artefact.meta.get("splits")
        if not splits:
            return None
        validations = [fold["validation"] for fold in splits["folds"]]
        roles = {"train": splits["train"], "fold": validations, "test": [splits["test"]]}
        rows = []
        for role, cutoffs in roles.items():
            dates = [self._date(cutoff) for cutoff in sorted(cutoffs)] or ["–"]
            horizon = pd.Timedelta(days=self.study.target.horizon_days)
            until = self._date(pd.Timestamp(max(cutoffs)) + horizon) if cutoffs else "–"
            rows.append([self.t[role], self._count(len(cutoffs)), dates[0], dates[-1], until])
        head = [self.t[key] for key in ("role", "cutoffs", "first", "last", "watched")]
        return grid(self.t["timeline_caption"], head, rows, right=(1,))

    def _figures(self) -> dict[str, Any]:
        evaluation, t, language = self.evaluation, self.t, self.language
        shares = {
            f"g{share}": value_text(
                evaluation.value(f"lift_{share}") * share / 100, "share", language
            )
            for share in (10, 20, 30)
        }
        error = format_interval((evaluation.value("calibration_error"), np.nan, np.nan), language)
        figures = {
            "metrics": picture(evaluation.plot_metrics(language), t["alt_metrics"]),
            "gains": picture(evaluation.plot_gains(language), t["alt_gains"].format(**shares)),
            "calibration": picture(
                evaluation.plot_calibration(language), t["alt_calibration"].format(ece=error)
            ),
            **self.parts.figures(),
        }
        if len(evaluation.folds):
            alt = self._of_metric("alt_folds")
            figures["folds"] = picture(evaluation.plot_folds(language), alt)
        return figures

    def _customers(self) -> list[dict[str, Any]]:
        """Highest, middle, threshold and lowest, under assumed names."""
        X = self.explanation.X
        predicted = self.artefact.predict(X).reset_index(drop=True)
        order = np.argsort(-predicted["probability"].to_numpy(), kind="stable")
        chosen = {"highest": order[0], "median": order[len(order) // 2], "lowest": order[-1]}
        top = predicted["band"].iloc[order[0]]
        inside = [row for row in order if predicted["band"].iloc[row] == top]
        chosen["threshold"] = inside[-1]
        told: list[dict[str, Any]] = []
        seen: set[int] = set()
        for key in ("highest", "threshold", "median", "lowest"):
            row = int(chosen[key])
            if row in seen:
                continue
            seen.add(row)
            letter = "ABCD"[len(told)]
            one = predicted.iloc[row]
            told.append(
                {
                    "name": self.t["customer"].format(letter=letter),
                    "chosen": self.t[key].format(band=self._band(top)),
                    "probability": value_text(one["probability"], "share", self.language),
                    "band": f"“{self._band(one['band'])}”"
                    if self.language == "en"
                    else f"„{self._band(one['band'])}“",
                    "reasons": self._reasons(row),
                    "waterfall": picture(
                        plot_waterfall(self.explanation.contributions, X, row, self.language),
                        self.t["alt_waterfall"].format(letter=letter),
                    ),
                }
            )
        return told

    def _bands_say(self) -> str:
        """Which share of the customers each band holds, from the top."""
        shares, top = [], 100.0
        for name, start in sorted(self.artefact.bands, key=lambda band: -band[1]):
            share = value_text((top - start) / 100, "share", self.language)
            shares.append(f"{self._band(name)} {share}")
            top = start
        return str(self.t["bands_say"]).format(bands=", ".join(shares))

    def _reasons(self, row: int) -> list[tuple[str, str, str, str]]:
        only = self.explanation.contributions.take([row])
        found = []
        for reason in reasons(only, self.explanation.X.iloc[[row]], _REASONS)[0]:
            direction = "raises" if reason.contribution > 0 else "lowers"
            size = format_number(reason.contribution, self.language, "+")
            found.append((size, direction, self.t[direction], reason.text(self.language)))
        return found

    def _of_metric(self, key: str) -> str:
        return capital(str(self.t[key]).format(metric=self.metric.text(self.language)))

    def _band(self, name: Any) -> str:
        return str(self.t["bands"].get(name, name))

    def _count(self, number: Any) -> str:
        return count_text(number, self.language)

    def _date(self, stamp: Any) -> str:
        return date_text(stamp, self.language)
