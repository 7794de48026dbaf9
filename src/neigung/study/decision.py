"""What offers cost and earn, as a study says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from neigung.study.part import LATER, Money, Rate, StudyPart


class ArmCost(StudyPart):
    """What an arm gives away with each order: a share of its price, money, or nothing.

    `rate` is the share of the undiscounted price, `amount` the money off each order that the offer
    is redeemed with. In a study 0 alone says that the arm costs nothing on purpose.
    """

    rate: Rate = 0.0
    amount: Money = 0.0

    @model_validator(mode="before")
    @classmethod
    def _zero(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
            return {}
        if not isinstance(value, dict | ArmCost):
            raise ValueError(
                "a rate or an amount is needed, such as {rate: 0.5} or {amount: 5}, or 0 for an "
                f"arm that costs nothing; found {value!r}"
            )
        return value


class Decision(StudyPart):
    """What an offer costs and earns, for the choice of a discount.

    `margin_rate` is the margin as a share of the price without discount, so an order at price G
    with the discount rate d earns G * (margin_rate - d). `cost` says of arms what they give away
    with each order, where neither `offers.discount_rate` nor a name like "10%" does; it counts
    before both. `contact_cost` is what contacting a customer costs, one amount for all arms or one
    for each; the control costs nothing. Arms that leave less than `minimum_margin` of the
    undiscounted price are never offered.
    """

    margin_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    cost: Annotated[Mapping[str, ArmCost], LATER] = Field(default_factory=dict)
    contact_cost: Money | dict[str, Money] = 0.0
    minimum_margin: Rate = 0.0
