"""The evaluation of offers: what each arm changes, whom it changes, and what the choice earns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters
from neigung.evaluation.frames import finite, plain, table_from_dict, table_to_dict, typed
from neigung.evaluation.metric import OFFER_METRICS
from neigung.evaluation.named_numbers import MODEL, headline_numbers, offer_numbers
from neigung.evaluation.offers.arm_verdict import SMALLEST_SHARE, arm_effects, arm_sentences
from neigung.evaluation.offers.effect_tables import TYPES, TableMaker
from neigung.evaluation.offers.offer_verdict import judge_offers, policy_sentences, ranking_sentence
from neigung.evaluation.offers.offers_tested import OfferTest, Placebo
from neigung.evaluation.offers.overlap import (
    IMBALANCE,
    balance_sentence,
    balance_table,
    floored,
    overlap_sentences,
    overlap_table,
)
from neigung.evaluation.offers.placebo import COLUMNS as PLACEBO_COLUMNS
from neigung.evaluation.offers.placebo import placebo_sentence, placebo_table
from neigung.evaluation.offers.uplift import dr_scores, effect_scores
from neigung.evaluation.verdict import Verdict
from neigung.language.intervals import SAME, interval_text, policy_text
from neigung.language.numbers import count_text
from neigung.pictures import of_offers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND = "offer"
_TABLES = (
    *("metrics", "differences", "folds", "arm_effects", "rankings", "bands", "curves"),
    *("balance", "overlap", "placebo"),
)
_PLAIN = (
    *("metric", "outcome", "worth_outcome", "control", "same_for_all"),
    *("n_rows", "n_customers", "base_rate", "smallest_effect"),
)


@dataclass(frozen=True, eq=False)
class OfferEvaluation:
    """What the offers of the test span say of a model of offers; made by `evaluate_offers`.

    `cutoff` is the start of the test span, `metric` the acceptance metric, `base_rate` the mean
    outcome of the control rows, `smallest_effect` the smallest effect worth finding. The models
    are `model` and the simple policies `likely_buyers`, `random`, `no_offer`, `same_ARM` and
    `as_given` (what was really done). The tables, with 95 % intervals `low`, `high`:

    - `metrics` (model, metric, value, low, high, reason): `policy_value` of all models; `qini`,
      `auuc`, `uplift_10`, `_20`, `_30` (formulas in `uplift` beside this file), the mean over
      the arms that can be judged, of the rankings `model`, `likely_buyers` and `random`
    - `differences` (baseline, metric, value, low, high, best): model minus baseline, row by row
    - `arm_effects` (see `arm_effects`): effect and verdict of each arm
    - `rankings`: as `metrics`, for each arm
    - `bands` (arm, band, n, predicted, effect, low, high): fifths by predicted uplift
    - `curves` (arm, model, share, gain, low, high): the uplift curves V(share)
    - `overlap`, `balance` (see `overlap_table`, `balance_table`), `placebo` (see `placebo_table`;
      may be empty)
    - `folds`: empty, there is one test
    """

    kind: ClassVar[str] = KIND

    cutoff: pd.Timestamp
    metric: str
    outcome: str
    worth_outcome: str
    control: str
    same_for_all: str
    arms: tuple[str, ...]
    n_rows: int
    n_customers: int
    base_rate: float
    smallest_effect: float
    metrics: pd.DataFrame
    differences: pd.DataFrame
    folds: pd.DataFrame
    arm_effects: pd.DataFrame
    rankings: pd.DataFrame
    bands: pd.DataFrame
    curves: pd.DataFrame
    balance: pd.DataFrame
    overlap: pd.DataFrame
    placebo: pd.DataFrame

    @property
    def models(self) -> list[str]:
        """`model` and the simple policies, in order."""
        return list(dict.fromkeys(self.metrics["model"]))

    @property
    def opponents(self) -> list[str]:
        """The simple policies that the model must beat."""
        same = f"{SAME}{self.same_for_all}"
        return [
            name
            for name in self.models
            if name != MODEL and (name == same or not name.startswith(SAME))
        ]

    @property
    def placebo_found(self) -> bool:
        """Whether the placebo found something where nothing can be."""
        return bool(self.placebo["found"].any())

    @property
    def observational(self) -> bool:
        """Whether no offer was drawn by lot with a known chance: then nothing is proven.

        All that is told of such a study speaks of differences, not of effects.
        """
        return bool((self.overlap["randomised"] == 0).all())

    @property
    def verdict(self) -> Verdict:
        """The judgement in the acceptance metric."""
        return judge_offers(
            self.metrics,
            self.differences,
            metric=self.metric,
            unit=self.unit(self.metric),
            opponents=self.opponents,
            arms=set(self.arm_effects["verdict"]),
            observational=self.observational,
            placebo_found=self.placebo_found,
        )

    def value(self, metric: str, model: str = MODEL) -> float:
        """The point estimate of one metric of one model; NaN if it was not computed."""
        rows = self.metrics[(self.metrics["model"] == model) & (self.metrics["metric"] == metric)]
        return float(rows["value"].iloc[0]) if len(rows) else float("nan")

    def unit(self, metric: str) -> str:
        """What a metric counts: `purchase`, `value` or `margin`."""
        return self.worth_outcome if metric == "policy_value" else self.outcome

    def arm_sentences(self, language: str = "en") -> list[str]:
        """The verdict on each arm in words."""
        return arm_sentences(
            self.arm_effects,
            self.outcome,
            self.control,
            self.smallest_effect,
            self.n_rows,
            language,
            observational=self.observational,
        )

    def ranking_sentence(self, language: str = "en") -> str:
        """Whether the model knows whom an offer moves more than others, in words."""
        return ranking_sentence(
            self.metrics, self.outcome, language, observational=self.observational
        )

    def policy_sentences(self, language: str = "en") -> list[str]:
        """The model's choice beside each simple policy in words."""
        return policy_sentences(self.differences, self.worth_outcome, language)

    def overlap_sentences(self, language: str = "en") -> list[str]:
        """Whether the arms can be compared, in words: overlap, then balance."""
        balance = balance_sentence(self.balance, language)
        return [*overlap_sentences(self.overlap, language), *([balance] if balance else [])]

    def placebo_sentence(self, language: str = "en") -> str:
        """What the placebo found, in words."""
        return placebo_sentence(self.placebo, self.outcome, language)

    def table(self, language: str = "en") -> pd.DataFrame:
        """Models and simple policies (rows) with their metrics (columns), as text."""
        cells = {
            (model, name): interval_text((value, low, high), self.unit(name), language)
            for model, name, value, low, high, _ in self.metrics.itertuples(index=False)
        }
        names = [name for name in OFFER_METRICS if name in set(self.metrics["metric"])]
        return pd.DataFrame(
            {
                OFFER_METRICS[name].text(language): [
                    cells.get((model, name), "–") for model in self.models
                ]
                for name in names
            },
            index=[policy_text(model, language) for model in self.models],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None. `from_dict` reads it back."""
        facts = {key: plain(getattr(self, key)) for key in _PLAIN}
        tables = {name: table_to_dict(table) for name, table in self._tables().items()}
        verdict = self.verdict.to_dict()
        return {
            "kind": KIND,
            "cutoff": self.cutoff.isoformat(),
            "arms": list(self.arms),
            **facts,
            **tables,
            "verdict": verdict,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        fields: dict[str, Any] = {name: data[name] for name in _PLAIN}
        for name in ("base_rate", "smallest_effect"):
            fields[name] = float("nan") if fields[name] is None else fields[name]
        for name in _TABLES:
            fields[name] = table_from_dict(data[name], TYPES)
        return cls(cutoff=pd.Timestamp(data["cutoff"]), arms=tuple(data["arms"]), **fields)

    def headline_numbers(self) -> dict[str, float]:
        """The numbers of the test for a glance, those that are known.

        `test.rows`, `test.base_rate`, `test.METRIC`, `baseline.NAME.METRIC`,
        `difference.NAME.METRIC` (model minus policy), the last three also with `.low`, `.high`.
        """
        return headline_numbers(self._tables(), self.n_rows, self.base_rate)

    def numbers(self) -> dict[str, float]:
        """Every number by name, those that are known: `headline_numbers` and further

        - `test.customers`, `test.smallest_effect`
        - `policy.NAME`: what the model's choice (`policy.model`) and each simple policy earn per
          customer; `policy_lead.NAME`: how much more the model earns than that policy
        - `effect.ARM`: average effect; `effect.ARM.naive`: plain difference of the means;
          `effect.ARM.n`, `.mean`, `.p`, `.needed` as in `arm_effects`
        - `ranking.ARM.MODEL.METRIC`
        - `band.ARM.BAND.effect`, and without interval `.n`, `.predicted`; BAND as in `bands`
        - `overlap.ARM.n`, `.randomised`, `.smallest`, `.q05`, `.median`, `.q95`,
          `.without_chance`, `.effective`
        - `balance.COLUMN.ARM.before`, `.after`
        - `placebo.effect.ARM`, `placebo.qini`, `placebo.spread`

        Policies, effects, rankings, effects of bands and the placebo also with `.low`, `.high`. An
        ARM is written as the data have it: `effect.10%`.
        """
        facts = {"test.customers": self.n_customers, "test.smallest_effect": self.smallest_effect}
        return {**self.headline_numbers(), **finite(facts), **offer_numbers(self._tables())}

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {name: getattr(self, name) for name in _TABLES}

    def _repr_html_(self) -> str:
        from html import escape

        base = interval_text((self.base_rate, float("nan"), float("nan")), self.outcome)
        facts = (
            f"{count_text(self.n_rows)} offers, {count_text(self.n_customers)} customers, "
            f"{base} under {self.control}, from {self.cutoff:%Y-%m-%d} on, 95 % intervals"
        )
        arms = "".join(f"<li>{escape(text)}</li>" for text in self.arm_sentences())
        return (
            f"<p><b>{escape(self.verdict.text_en)}</b></p><p>{escape(facts)}</p><ul>{arms}</ul>"
            f"<p>{escape(self.ranking_sentence())} {escape(self.placebo_sentence())}</p>"
            f"{self.table().to_html(border=0)}"
        )

    def figures(self, language: str = "en") -> dict[str, Figure]:
        """All pictures by name, as a training logs them."""
        return {
            "effects": self.plot_effects(language),
            "policies": self.plot_policies(language),
            "qini": self.plot_qini(language),
            "bands": self.plot_bands(language),
            "balance": self.plot_balance(language),
        }

    def plot_qini(self, language: str = "en") -> Figure:
        """Uplift curves: what is gained when the best are offered first."""
        rankings = ("model", "likely_buyers", "random")
        names = {name: policy_text(name, language) for name in rankings}
        return of_offers.plot_qini(self.curves, self.arms, names, self.outcome, language)

    def plot_effects(self, language: str = "en") -> Figure:
        """Average effect of each arm, plain and corrected, with intervals."""
        return of_offers.plot_effects(
            self.arm_effects, self.control, self.outcome, language, self.observational
        )

    def plot_bands(self, language: str = "en") -> Figure:
        """Predicted against estimated uplift in fifths of the customers."""
        return of_offers.plot_bands(
            self.bands, self.arms, self.outcome, language, self.observational
        )

    def plot_policies(self, language: str = "en") -> Figure:
        """What the model's choice and the simple policies earn."""
        table = self.metrics[self.metrics["metric"] == "policy_value"]
        names = {name: policy_text(name, language) for name in self.models}
        return of_offers.plot_policies(table, names, self.worth_outcome, language)

    def plot_balance(self, language: str = "en") -> Figure:
        """The features that differ most between the arms, before and after weighting."""
        return of_offers.plot_balance(self.balance, IMBALANCE, language)


def evaluate_offers(
    test: OfferTest,
    metric: str = "policy_value",
    *,
    placebo: Placebo | None = None,
    smallest_effect: float | None = None,
) -> OfferEvaluation:
    """Says of the offers of a test span what each arm changed, whom, and what the choice earns.

    `metric` (`policy_value` or `qini`) decides the verdict. `smallest_effect` is the smallest
    effect worth finding, in the outcome's units (default: a tenth of the control's mean outcome).
    No draws are involved: the same rows in any order give the same numbers.

    Raises InputError when the parts of `test` do not fit together.

    >>> rng = np.random.default_rng(0)
    >>> n, arms = 4000, ["none", "10%"]
    >>> x, arm = rng.random(n), np.where(rng.random(n) < 0.5, "10%", "none")
    >>> y = (rng.random(n) < 0.05 + 0.3 * x * (arm == "10%")).astype(float)
    >>> half = pd.DataFrame(0.5, index=range(n), columns=arms)
    >>> expected = pd.DataFrame({"none": 0.05, "10%": 0.05 + 0.3 * x})
    >>> evaluation = evaluate_offers(OfferTest(
    ...     cutoff=pd.Timestamp("2025-06-01"), outcome="purchase", control="none", arms=["10%"],
    ...     y=y, arm=arm, groups=np.arange(n), probabilities=half, randomised=np.full(n, True),
    ...     expected=expected, uplift=expected[["10%"]] - 0.05, purchase_score=1 - x,
    ...     worth=10 * y - (arm == "10%"), expected_worth=10 * expected - [0, 1],
    ...     chosen=np.where(x > 1 / 3, "10%", "none"), same_for_all="10%"))
    >>> evaluation.verdict.beats_baseline, evaluation.arm_effects["verdict"].tolist()
    (True, ['found'])
    """
    test.check()
    if metric not in ("policy_value", "qini"):
        raise InputError(f"Offers are judged by policy_value or qini, not by {metric}.")
    arms, control = test.all_arms, test.control
    y, arm = np.asarray(test.y, dtype=float), np.asarray(test.arm, dtype=object)
    clusters = Clusters(test.groups)
    known = test.probabilities[arms].to_numpy(dtype=float)
    chances = floored(known, test.randomised)
    overlap = overlap_table(arm, arms, known, test.randomised, control)
    scores = dr_scores(y, arm, arms, chances, test.expected)
    effects = effect_scores(scores, control)
    worth = dr_scores(test.worth, arm, arms, chances, test.expected_worth)
    base = float(y[arm == control].mean()) if (arm == control).any() else float("nan")
    if smallest_effect is None:
        smallest_effect = abs(SMALLEST_SHARE * float(scores[control].mean()))
    maker = TableMaker(test, clusters, effects, worth, overlap, known)
    found = arm_effects(y, arm, effects, overlap, control, clusters, smallest_effect)
    metrics, differences, rankings = maker.metrics()
    tables = {
        "metrics": metrics,
        "differences": differences,
        "folds": pd.DataFrame(columns=["cutoff", *metrics.columns]),
        "arm_effects": found,
        "rankings": rankings,
        "bands": maker.bands(),
        "curves": maker.curves(),
        "balance": pd.DataFrame(columns=["column", "arm", "level", "before", "after"])
        if test.X is None
        else balance_table(test.X, arm, arms, chances, control),
        "overlap": overlap,
        "placebo": pd.DataFrame(columns=PLACEBO_COLUMNS)
        if placebo is None
        else placebo_table(test, placebo, clusters),
    }
    return OfferEvaluation(
        cutoff=pd.Timestamp(test.cutoff),
        metric=metric,
        outcome=test.outcome,
        worth_outcome=test.worth_outcome,
        control=control,
        same_for_all=test.same_for_all,
        arms=tuple(test.arms),
        n_rows=len(y),
        n_customers=clusters.count,
        base_rate=base,
        smallest_effect=float(smallest_effect),
        **{name: typed(table.reset_index(drop=True), TYPES) for name, table in tables.items()},
    )
