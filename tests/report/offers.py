"""Made-up offer studies: offers, a model of them, and what the test says of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.comparison import compare
from neigung.evaluation.fairness.fairness import assess_fairness
from neigung.evaluation.offers.offer_evaluation import OfferEvaluation, evaluate_offers
from neigung.evaluation.offers.offers_tested import OfferTest, Placebo
from neigung.evaluation.stability import assess_stability, seed_table
from neigung.explanation.explain import explain
from neigung.judgement.fitness import judge_fitness
from neigung.models.offers.artefact import OfferArtefact
from neigung.models.offers.dataset import OfferDataset
from neigung.models.offers.model import ExpectedOrders, OfferModel
from neigung.report.evidence import Evidence
from neigung.study import Study
from tests.report.conftest import COLUMNS, HOSTILE, REGION, rows

RATES = {"5%": 0.05, "10%": 0.1}
SPLITS = {
    "train_until": "2017-09-17T00:00:00",
    "test_start": "2017-10-01T00:00:00",
    "test_end": "2017-11-30T00:00:00",
    "horizon_days": 14,
}


@dataclass(frozen=True)
class Case:
    """An offer model, its evaluation and its test rows."""

    artefact: OfferArtefact
    evaluation: OfferEvaluation
    test: OfferDataset


class LinearUplift:
    """Stands for `UpliftModel` where only what is made of it counts; linear, so exact."""

    def __init__(self, control: str, arms: tuple[str, ...], size: float) -> None:
        self.control, self.arms_ = control, list(arms)
        self.size = dict(zip(arms, np.linspace(0.5, 1, len(arms)) * size, strict=True))
        self.asked: list[tuple[str, int]] = []

    def contributions(self, X: pd.DataFrame, arm: str) -> Any:
        self.asked.append((arm, len(X)))
        table = np.zeros((len(X), len(COLUMNS) + 1))
        for name, weight in (("discount_share", 0.3), ("days_since_last_order", -0.002)):
            j = [column.name for column in COLUMNS].index(name)
            middle = 0.5 if name == "discount_share" else 24
            table[:, j] = self.size[arm] * weight * (X[name].to_numpy() - middle)
        table[:, -1] = self.size[arm] * 0.04
        return table

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        asked = list(self.asked)
        found = {arm: self.contributions(X, arm).sum(axis=1) for arm in self.arms_}
        self.asked = asked
        return pd.DataFrame(found, index=X.index)

    def interval(self, X: pd.DataFrame, level: float = 0.95) -> Any:
        uplift = self.predict(X)
        half = 0.02 * max(self.size.values())
        return uplift - half, uplift + half


class LinearOffers:
    """Stands for `OfferModel`."""

    def __init__(self, control: str, arms: tuple[str, ...], rates: Any, size: float) -> None:
        self.uplift = LinearUplift(control, arms, size)
        self.rates, self.scale = rates, 1 if size <= 1 else size
        self.model_texts_: dict[str, str] = {}

    def expected(self, X: pd.DataFrame) -> ExpectedOrders:
        base = 0.06 + 0.08 / (1 + np.exp((X["days_since_last_order"] - 15) / 6))
        effects = self.uplift.predict(X) / self.scale
        table = pd.concat([base.rename(self.uplift.control), effects.add(base, axis=0)], axis=1)
        rates = {name: (self.rates or {}).get(name, 0.0) for name in table}
        return ExpectedOrders(table.clip(0, 1), np.full(len(X), 60.0), rates)

    def to_dict(self) -> dict[str, Any]:
        return {"arms": self.uplift.arms_}


def offer_study(outcome: str = "purchase", metric: str = "policy_value", **decision: Any) -> Study:
    """The study of all cases."""
    return Study.from_dict(
        {
            "name": "discounts_14d",
            "profiles": "profiles",
            "target": {"kind": "offer", "outcome": outcome, "horizon_days": 14},
            "legal_basis": {"none_needed": "<i>test</i> data"},
            "cutoffs": {"last": "2017-10-01", "every_days": 60, "count": 3},
            "decision": decision,
            "acceptance": {"metric": metric},
        }
    )


def offers(
    count: int,
    start: str,
    seed: int,
    *,
    arms: tuple[str, ...] = ("5%", "10%"),
    rates: Any = RATES,
    outcome: str = "purchase",
    effect: float = 1.0,
    drawn: float = 1.0,
    chosen: bool = False,
) -> OfferDataset:
    """Offers whose effect grows with the share of discounts so far.

    `drawn` is the share whose chance is recorded; `chosen`: who ordered lately gets the offers, and
    hardly anybody else.
    """
    rng = np.random.default_rng(seed)
    frame = rows(count, start, seed).drop(columns="label")
    spread = pd.to_timedelta(np.sort(rng.integers(0, 60, count)), unit="D")
    frame["cutoff"] = (pd.Timestamp(start) + spread).as_unit("us")
    everything = ["none", *arms]
    chances = np.ones((count, len(everything)))
    if chosen:
        lately = np.exp((18 - frame["days_since_last_order"].to_numpy()) / 2.5)
        chances[:, 1:] = lately[:, None]
    chances /= chances.sum(axis=1, keepdims=True)
    given = (rng.random(count)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    given = given.clip(0, len(arms))
    truth = LinearOffers("none", arms, rates, 1.0).expected(frame).probability.to_numpy()
    chance = truth[:, 0] + 1.5 * effect * (truth[np.arange(count), given] - truth[:, 0])
    order = (rng.random(count) < chance).astype(float)
    rate = np.array([0.0, *((rates or {}).get(arm, 0.0) for arm in arms)])[given]
    frame["offer_id"] = [f"Angebot-{seed}-{i}" for i in range(count)]
    frame["arm"] = np.array(everything, dtype=object)[given]
    frame["discount_rate"] = rate
    known = chances[np.arange(count), given]
    frame["assignment_probability"] = np.where(rng.random(count) < drawn, known, np.nan)
    frame["campaign_id"] = "<b>autumn</b>"
    frame["purchase"] = order
    frame["gross"] = order * rng.gamma(4, 15, count)
    frame["value"] = frame["gross"] * (1 - rate)
    frame["margin"] = frame["value"] - 0.65 * frame["gross"]
    frame["label"] = frame[outcome]
    notes = ("2 features left out: no <returns>",)
    return OfferDataset(frame, COLUMNS, notes, control="none", arms=arms, rates=rates)


def offer_case(
    *,
    count: int = 2900,
    metric: str = "policy_value",
    real: bool = False,
    seed: int = 3,
    **kind: Any,
) -> Case:
    """A case with a made-up linear model, or with one really fitted."""
    outcome = kind.get("outcome", "purchase")
    margin = {} if outcome == "value" else {"margin_rate": 0.35}
    study = offer_study(outcome, metric, contact_cost=0.05, **margin)
    test = offers(count, "2017-10-01", 3, **kind)
    model: Any = LinearOffers(
        "none",
        test.arms,
        test.rates,
        kind.get("effect", 1.0) * (1 if outcome == "purchase" else 20),
    )
    if real:
        model = OfferModel.fit(offers(count, "2017-06-01", 4, **kind), 7)
    artefact = OfferArtefact(
        model,
        COLUMNS,
        study.to_dict() | {"profiles": None},
        {"splits": SPLITS, "rows": {"train": count, "test": count}},
    )
    return Case(artefact, offer_evaluation(artefact, test), test)


def offer_evaluation(
    artefact: OfferArtefact, test: OfferDataset, chosen: str | None = None
) -> OfferEvaluation:
    """The evaluation; `chosen` lets the policy give one arm to everybody."""
    everything = [test.control, *test.arms]
    study = Study.from_dict({**artefact.study, "profiles": "-"})
    model, n = artefact.model, len(test)
    expected = model.expected(test.X)
    money = study.decision.margin_rate
    worth = test.value if money is None else test.margin
    earned = expected.value() if money is None else expected.margin(money)
    contact = np.array([0.0] + [0.05] * len(test.arms))
    outcomes = {"purchase": expected.probability, "value": expected.value(), "margin": earned}
    known = test.assignment_probability
    if np.isfinite(known).all() and known.std() < 0.01:
        chances = np.full((n, len(everything)), 1 / len(everything))
    else:
        from neigung.models.offers.assignment import AssignmentModel

        found = AssignmentModel(everything).fit(test.X, test.arm, 0).predict(test.X)
        chances = found[everything].to_numpy()
    rng = np.random.default_rng(11)
    uplift = model.uplift.predict(test.X)
    policy = artefact.recommended(test.X).to_numpy(dtype=object)
    return evaluate_offers(
        OfferTest(
            cutoff=pd.Timestamp(SPLITS["test_start"]),
            outcome=artefact.outcome,
            control=test.control,
            arms=list(test.arms),
            y=test.y,
            arm=test.arm,
            groups=test.groups,
            probabilities=pd.DataFrame(chances, columns=everything),
            randomised=np.isfinite(known),
            expected=outcomes[artefact.outcome],
            uplift=uplift,
            purchase_score=expected.probability[test.control].to_numpy(),
            worth=worth - contact[pd.Index(everything).get_indexer(pd.Index(test.arm))],
            expected_worth=earned - contact,
            chosen=policy if chosen is None else np.full(n, chosen, dtype=object),
            same_for_all=test.arms[0],
            X=test.X,
            worth_outcome="value" if money is None else "margin",
        ),
        study.acceptance.metric,
        placebo=Placebo(
            rng.permutation(test.arm), 0.02 * uplift + 0.002 * rng.normal(size=uplift.shape)
        ),
    )


def offer_evidence(case: Case, whole: bool = False, arm: str | None = None) -> Evidence:
    """What speaks for a case: with only what every report has, or with all parts."""
    parts: dict[str, Any] = _examined(case) if whole else {}
    examined = {key: parts[key] for key in ("stability", "fairness") if key in parts}
    return Evidence(
        evaluation=case.evaluation,
        explanation=explain(case.artefact, case.test, arm),
        fitness=judge_fitness(case.evaluation, **examined),
        **parts,
    )


def _examined(case: Case) -> dict[str, Any]:
    X = case.test.X
    score = explain(case.artefact, case.test).contributions.margin
    advised = case.artefact.recommended(X).to_numpy(dtype=object)
    other = score + np.random.default_rng(5).normal(0, 0.01, len(score))
    importance = {column.name: 1.0 for column in COLUMNS}
    before = rows(500, "2017-08-01", 2)
    region = pd.DataFrame({REGION.name: np.where(X["order_count_30d"] > 2, HOSTILE, "north")})
    return {
        "stability": assess_stability(
            before,
            {"test": X},
            COLUMNS,
            scores={"before": score[:500], "test": score},
            importance=importance,
            seeds=seed_table(None, score, {8: other}, registered_seed=7),
        ),
        "fairness": assess_fairness(
            region,
            (*COLUMNS, REGION),
            X,
            score,
            advised != case.test.control,
            case.test.groups,
            importance=importance,
            repetitions=20,
        ),
        "comparison": compare(
            2,
            y=None,
            groups=case.test.groups,
            scores={"this": score, "champion": other},
            bands={"this": advised, "champion": np.roll(advised, 7)},
            importance={"this": importance, "champion": {"order_count_30d": 0.3}},
            columns=COLUMNS,
            band_order=[case.test.control, *case.test.arms],
            repetitions=20,
        ),
    }
