"""What customers are expected to order under every arm, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError, StudyError
from neigung.study.decision import ArmCost

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExpectedOrders:
    """What customers are expected to order under every arm, within the horizon.

    Parameters
    ----------
    probability : (n, control + arms) chance of an order, the control first, 0 to 1.
    basket : (n,) expected money before discounts of those who order, the same under every arm: an
        offer is taken to win orders, not to make them larger.
    rates : discount rate of each arm and of the control; 0 where an arm is no discount.
    amounts : money off each order of an arm; nothing where an arm is not named.
    ambient : share of the undiscounted money that orders without an offer give away already, in
        sales and the like; an offer's discount comes on top of it.

    Raises InputError when these do not fit together.

    >>> probability = pd.DataFrame({"none": [0.1], "10%": [0.2]})
    >>> expected = ExpectedOrders(probability, np.array([50.0]), {"none": 0.0, "10%": 0.1})
    >>> expected.value().round(2).to_dict("records"), expected.control, expected.arms
    ([{'none': 5.0, '10%': 9.0}], 'none', ('10%',))
    >>> expected.margin(margin_rate=0.4).round(2).to_dict("records")
    [{'none': 2.0, '10%': 3.0}]
    """

    probability: pd.DataFrame
    basket: Floats
    rates: Mapping[str, float]
    ambient: float = 0.0
    amounts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        arms = list(self.probability)
        missing = [str(arm) for arm in arms if arm not in self.rates]
        if missing or not arms or len(self.basket) != len(self.probability):
            raise InputError(
                "Expected orders need a probability for the control and each arm, a rate for each "
                f"of them and a basket for each row, but found {len(arms)} columns, "
                f"{len(self.probability)} rows, {len(self.basket)} baskets and no rate for "
                f"{', '.join(missing) or 'none of them'}."
            )
        chances = self.probability.to_numpy()
        if not ((chances >= 0) & (chances <= 1)).all():
            raise InputError("Expected orders need probabilities in 0..1, but found others.")
        if not ((self.basket >= 0) & np.isfinite(self.basket)).all():
            raise InputError("Expected orders need baskets of 0 or more, but found others.")

    @property
    def control(self) -> str:
        """The arm of those who get nothing."""
        return self.names[0]

    @property
    def arms(self) -> tuple[str, ...]:
        """The other arms."""
        return self.names[1:]

    @property
    def names(self) -> tuple[str, ...]:
        """The control and the other arms, in the order of the columns."""
        return tuple(str(name) for name in self.probability.columns)

    def value(self) -> pd.DataFrame:
        """Expected net revenue (n, control + arms): what is paid after all discounts."""
        return self._money(1.0)

    def margin(self, margin_rate: float) -> pd.DataFrame:
        """Expected margin (n, control + arms), contacts not paid.

        `margin_rate` is the margin as a share of the undiscounted price, 0 to 1.
        """
        return self._money(margin_rate)

    def at_cost(self, cost: Mapping[str, ArmCost]) -> ExpectedOrders:
        """The same orders, with what arms give away as a study says it.

        Raises StudyError when an arm does not exist, or the control is not free.

        >>> expected = ExpectedOrders(pd.DataFrame({"none": [0.1], "BOGO": [0.2]}),
        ...     np.array([50.0]), {"none": 0.0, "BOGO": 0.0})
        >>> expected.at_cost({"BOGO": ArmCost(rate=0.5)}).value().to_dict("records")
        [{'none': 5.0, 'BOGO': 5.0}]
        """
        if not cost:
            return self
        unknown = [repr(arm) for arm in cost if arm not in self.names]
        if unknown or cost.get(self.control, ArmCost()) != ArmCost():
            found = f"{', '.join(unknown)} is none" if unknown else f"{self.control} is the control"
            raise StudyError(
                f"decision.cost can name the arms {', '.join(self.arms)}, but {found}. Mend it; "
                "the control costs nothing."
            )
        rates = {**self.rates, **{arm: one.rate for arm, one in cost.items()}}
        amounts = {**self.amounts, **{arm: one.amount for arm, one in cost.items()}}
        return replace(self, rates=rates, amounts=amounts)

    def given(self) -> Floats:
        """What an order of each arm gives away (n, control + arms), as a share of its basket.

        Infinite where an amount is taken off an order that brings nothing.
        """
        rates = np.array([self.rates[arm] for arm in self.names])
        amounts = np.array([self.amounts.get(arm, 0.0) for arm in self.names])
        shares = np.zeros((len(self.basket), len(amounts)))
        money = np.asarray(self.basket, dtype=np.float64)[:, None]
        with np.errstate(divide="ignore", over="ignore"):
            np.divide(amounts, money, out=shares, where=amounts > 0)
        return np.asarray(rates + shares)

    def _money(self, share: float) -> pd.DataFrame:
        # In numpy, as pandas would take longer for one customer than the models do.
        kept = np.array([share - self.ambient - self.rates[arm] for arm in self.names])
        money = self.probability.to_numpy() * np.asarray(self.basket)[:, None] * kept
        if any(self.amounts.values()):
            off = np.array([self.amounts.get(arm, 0.0) for arm in self.names])
            money = money - self.probability.to_numpy() * off
        frame = self.probability
        return pd.DataFrame(money, index=frame.index, columns=frame.columns)
