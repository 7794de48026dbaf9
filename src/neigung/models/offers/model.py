"""All that an offer study learns: who orders, what an offer changes, and what an order is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.decisions.expected_orders import ExpectedOrders
from neigung.errors import InputError
from neigung.models.encoding import Floats
from neigung.models.offers.basket import BasketModel
from neigung.models.offers.uplift import UpliftModel
from neigung.models.offers.uplift_folds import customer_folds
from neigung.models.propensity.calibration import SigmoidCalibration
from neigung.models.propensity.classifier import PropensityClassifier, binary_labels
from neigung.models.rows import Features, in_parts, index_of, matrix

if TYPE_CHECKING:
    from neigung.models.offers.dataset import OfferDataset

__all__ = ["ExpectedOrders", "OfferModel", "fit_base", "fit_effects"]

ROWS_AT_ONCE = 100_000
"""Rows predicted at once, so that a million customers need no copy of all their features."""

_FOLDS = 4


@dataclass(frozen=True, eq=False)
class OfferModel:
    """The models of an offer study, fitted on its training offers. Make it with `fit`.

    Parameters
    ----------
    uplift : the effect of each arm on the study's outcome.
    purchase : the effect on the chance of an order; `uplift` itself when that is the outcome.
    base : chance of an order without an offer.
    basket : expected undiscounted money, given an order.
    outcome : `purchase`, `value` or `margin`.
    control, arms, rates : as in `OfferDataset`.
    ambient : see `ExpectedOrders`.
    margin_rate : of the training's margins; None unless margin is the outcome.
    """

    uplift: UpliftModel
    purchase: UpliftModel
    base: PropensityClassifier
    basket: BasketModel
    outcome: str
    control: str
    arms: tuple[str, ...]
    rates: Mapping[str, float] | None
    ambient: float
    margin_rate: float | None

    @classmethod
    def fit(cls, dataset: OfferDataset, seed: int, num_threads: int = 1) -> Self:
        """Learn from training offers; the same offers and seed give the same model.

        Raises InputError when an arm lacks rows, or nobody or everybody ordered.
        """
        X, arm, groups = dataset.X, dataset.arm, dataset.groups
        outcome = dataset.outcome
        outcomes = [dataset.y] if outcome == "purchase" else [dataset.y, dataset.purchase]
        effects = fit_effects(dataset, outcomes, seed, num_threads)
        uplift, purchase = effects[0], effects[-1]
        gross, without = dataset.gross, arm == dataset.control
        return cls(
            uplift=uplift,
            purchase=purchase,
            base=fit_base(
                X,
                dataset.purchase,
                without,
                values_given(purchase.predict(X), arm),
                groups,
                seed,
                num_threads,
            ),
            basket=BasketModel.fit(
                X, np.where(dataset.purchase > 0, gross, 0.0), groups, seed, num_threads
            ),
            outcome=outcome,
            control=dataset.control,
            arms=tuple(dataset.arms),
            rates=None if dataset.rates is None else dict(dataset.rates),
            ambient=_share(gross[without] - dataset.value[without], gross[without]),
            margin_rate=dataset.margin_rate if outcome == "margin" else None,
        )

    def expected(self, X: Features) -> ExpectedOrders:
        """Chance of an order under every arm, and the basket, for each row of X (n, p).

        The chance with an arm is that without an offer plus the effect on purchases, kept within
        0 and 1.
        """
        parts = [self._expected(part) for part in in_parts(X, ROWS_AT_ONCE)]
        chances = np.concatenate([chance for chance, _ in parts])
        names = [self.control, *self.arms]
        probability = pd.DataFrame(chances, index=index_of(X), columns=names)
        basket = np.concatenate([money for _, money in parts])
        rates = {self.control: 0.0, **dict.fromkeys(self.arms, 0.0), **(self.rates or {})}
        return ExpectedOrders(probability, basket, rates, self.ambient)

    def _expected(self, X: Features) -> tuple[Floats, Floats]:
        if not len(X):
            return np.empty((0, len(self.arms) + 1)), np.empty(0)
        without = self.base.predict_proba(X)[:, [1]]
        effect = matrix(self.purchase.predict(X), self.arms)
        return np.clip(np.hstack([without, without + effect]), 0.0, 1.0), self.basket.predict(X)

    def expected_outcomes(self, X: pd.DataFrame) -> pd.DataFrame:
        """The study's outcome to expect under every arm (n, control + arms).

        For purchase the chance of an order; for value and margin that chance times what an order
        brings under the arm. The latter is steadier than a model of money, of which most rows have
        none; a doubly robust estimate that starts from it corrects what it misses.
        """
        expected = self.expected(X)
        if self.outcome == "purchase":
            return expected.probability
        if self.margin_rate is None:
            return expected.value()
        return expected.margin(self.margin_rate)

    @property
    def model_texts_(self) -> dict[str, str]:
        """LightGBM texts by file name."""
        texts = {"base.txt": self.base.model_text_}
        if self.basket.model_text_:
            texts["basket.txt"] = self.basket.model_text_
        for part, model in self._effects().items():
            texts |= {f"{part}_{name}.txt": text for name, text in model.model_texts_.items()}
        return texts

    def to_dict(self) -> dict[str, Any]:
        """All but the trees (`model_texts_`), ready for JSON."""
        return {
            "outcome": self.outcome,
            "control": self.control,
            "arms": list(self.arms),
            "rates": None if self.rates is None else dict(self.rates),
            "ambient": self.ambient,
            "margin_rate": self.margin_rate,
            "base": self.base.to_dict(),
            "basket": self.basket.to_dict(),
            **{part: model.to_dict() for part, model in self._effects().items()},
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """The model of which `to_dict` and `model_texts_` were kept."""

        def effect(part: str) -> UpliftModel:
            own = {
                name.removeprefix(f"{part}_").removesuffix(".txt"): text
                for name, text in texts.items()
                if name.startswith(f"{part}_")
            }
            model = UpliftModel.from_dict(state[part], own)
            model.handle_unknown = "ignore"
            return model

        uplift = effect("uplift")
        return cls(
            uplift=uplift,
            purchase=effect("purchase") if "purchase" in state else uplift,
            base=PropensityClassifier.from_dict(state["base"], texts["base.txt"]),
            basket=BasketModel.from_dict(state["basket"], texts.get("basket.txt", "")),
            outcome=state["outcome"],
            control=state["control"],
            arms=tuple(state["arms"]),
            rates=state["rates"],
            ambient=state["ambient"],
            margin_rate=state["margin_rate"],
        )

    def _effects(self) -> dict[str, UpliftModel]:
        effects = {"uplift": self.uplift}
        if self.purchase is not self.uplift:
            effects["purchase"] = self.purchase
        return effects


def fit_effects(
    dataset: OfferDataset, outcomes: Sequence[Floats], seed: int, num_threads: int = 1
) -> list[UpliftModel]:
    """The effect of each arm on each of the outcomes (n,) of the same offers.

    Raises InputError when an arm lacks rows.
    """
    known = dataset.assignment_probability
    if np.isnan(known).any() and dataset.frame["campaign_id"].nunique() > 1:
        # The uplift model estimates unknown chances itself, but does not know of campaigns.
        known = values_given(dataset.chances(seed), dataset.arm)
    X, arm, groups = dataset.X, dataset.arm, dataset.groups
    return [
        UpliftModel(
            dataset.control,
            seed,
            rates=dataset.dose,
            num_threads=num_threads,
            handle_unknown="ignore",  # whoever asks the artefact looks at all rows at once
        ).fit(X, y, arm, known, groups)
        for y in outcomes
    ]


def values_given(table: pd.DataFrame, arm: npt.NDArray[Any]) -> Floats:
    """Of each row the value (n,) of the arm it got; 0 where the arm has no column.

    >>> values_given(pd.DataFrame({"5%": [0.1, 0.2], "10%": [0.3, 0.4]}), ["10%", "none"]).tolist()
    [0.3, 0.0]
    """
    position = table.columns.get_indexer(pd.Index(arm))
    padded = np.column_stack([table.to_numpy(), np.zeros(len(table))])
    return np.asarray(padded[np.arange(len(table)), position])


def fit_base(
    X: pd.DataFrame,
    purchase: Floats,
    without: npt.NDArray[np.bool_],
    effect: Floats,
    groups: npt.NDArray[Any],
    seed: int,
    num_threads: int = 1,
) -> PropensityClassifier:
    """Chance of an order without an offer, calibrated on rows its trees have not seen.

    Rows without an offer are few, and where offers change little, those who got one tell as well
    who is likely to order. So trees are grown on both, all rows and rows without an offer alone,
    each cross-fitted over customers, and those with the lower log loss on rows without an offer
    are kept. The calibration
    line (Platt 1999) is fitted to all rows, to each with the effect of the arm it got added, so
    that base and effects together give the orders that came. A line through the control's rows
    alone would have their luck in it twice: a control that happened to order little makes the base
    look low and every effect high, and discounts seem to pay that do not.

    Args:
        X: (n, p) features of the training offers.
        purchase: (n,) 1 for an order, else 0.
        without: (n,) True for the control's rows.
        effect: (n,) effect on the chance of an order of the arm that each row got.
        groups: (n,) the customer of each row.

    Raises:
        InputError: Nobody or everybody ordered among all rows, or without an offer.
    """
    binary_labels(purchase[without], int(without.sum()), "the offers of the control")
    fold = customer_folds(len(X), _FOLDS, seed, groups)
    candidates = []
    for rows in (np.ones(len(X), dtype=bool), without):
        margin = np.full(len(X), np.nan)
        for number in range(_FOLDS):
            train, held = rows & (fold != number), fold == number
            if held.any() and len(np.unique(purchase[train])) == 2:
                model = PropensityClassifier(random_state=seed, num_threads=num_threads)
                margin[held] = model.fit(X[train], purchase[train]).margin(X[held])
        seen = ~np.isnan(margin)
        raw, ordered, added = margin[seen], purchase[seen], effect[seen]
        if len(np.unique(ordered)) < 2:
            continue
        line = SigmoidCalibration.fit(raw, ordered, added)
        # What offers do must not choose the trees: those of all rows may have learned it.
        log_odds, ordered = line.apply(raw[without[seen]]), ordered[without[seen]]
        loss = np.logaddexp(0, log_odds) - ordered * log_odds
        candidates.append((float(loss.mean()), rows, line))
    if not candidates:
        raise InputError(
            "The chance of an order without an offer needs several customers of the control who "
            "ordered and several who did not, but found too few. Give more offers of the control."
        )
    _, rows, line = min(candidates, key=lambda candidate: candidate[0])
    model = PropensityClassifier(random_state=seed, num_threads=num_threads)
    model.fit(X[rows], purchase[rows]).calibration_ = line
    return model


def _share(part: Floats, whole: Floats) -> float:
    """Sum over sum, 0 of nothing."""
    total = float(np.nansum(whole))
    return float(np.nansum(part)) / total if total > 0 else 0.0
