"""From where on a difference between groups is a concern: the measures, their limits, chance.

Four measures are compared, because they are four ideas of fairness, of which not all can hold at
once where the outcome is not equally frequent in all groups (Kleinberg, Mullainathan and Raghavan
2016, "Inherent trade-offs in the fair determination of risk scores"; Chouldechova 2017, "Fair
prediction with disparate impact", Big Data 5(2)):

- `error`: mean score minus observed rate. Do the numbers hold for everybody alike?
- `selected`: share of the chosen. Does everybody get the same share? Not always wanted: where one
  group does buy less often, an honest model chooses fewer of it.
- `found`: share of the chosen among those with the outcome ("equal opportunity": Hardt, Price and
  Srebro 2016, "Equality of opportunity in supervised learning", NeurIPS).
- `auroc`: does the ranking within the group work as well?
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neigung.evaluation.many_tests import holm

MEASURES = ("error", "selected", "found", "auroc")

CHANCE = 0.05
"""Chance of a single false alarm in a whole report of a model that treats all groups alike."""

FOUR_FIFTHS = 0.8
"""Of two shares the smaller should be at least so much of the larger: the rule of thumb of the US
Uniform Guidelines on Employee Selection Procedures (1978), 29 CFR 1607.4 D. Read both ways: to be
chosen is no advantage for everybody."""

FIFTH = 0.2
"""An error may differ from the others' by so much of the base rate (of the mean score, if that is
larger): the same fifth."""

AUROC_STEP = 0.1
"""So far a group's AUROC may lie below the others': from one class of Hosmer and Lemeshow's
(*Applied Logistic Regression*: 0.7 acceptable, 0.8 excellent, 0.9 outstanding) to the next."""

COMPARISON_TYPES: dict[str, Any] = dict.fromkeys(("attribute", "level", "measure"), object) | {
    **dict.fromkeys(("value", "others", "difference", "low", "high", "p"), float),
    **dict.fromkeys(("beyond_chance", "large", "explained", "concern"), bool),
}


def is_too_unequal(share: float, others: float) -> bool:
    """Whether two shares break the four-fifths rule, either way round.

    >>> is_too_unequal(0.07, 0.1), is_too_unequal(0.12, 0.1), is_too_unequal(0.0, 0.0)
    (True, False, False)
    """
    return min(share, others) < FOUR_FIFTHS * max(share, others)


def judge_differences(table: pd.DataFrame, usual: float) -> pd.DataFrame:
    """The comparisons with Holm's p values, and which of them are a concern.

    `table` holds attribute, level, measure, value, others, difference, low, high and raw p values;
    `usual` is the base rate, or the mean score if that is larger. A concern is beyond chance and
    large. Unequal selection is none where the observed rates differ in the same direction, beyond
    their intervals, and the scores of the group hold: then one limit for all treats equal chances
    alike, and any other would not (Corbett-Davies, Gaebler, Nilforoshan, Shroff and Goel 2023, "The
    measure and mismeasure of fairness", JMLR 24). It is told nevertheless, for rates may themselves
    come from unequal treatment.
    """
    # How often the outcome came is the customers' doing, not the model's.
    family = table["measure"] != "observed"
    table.loc[~family, "p"] = np.nan
    table.loc[family, "p"] = holm(table.loc[family, "p"])
    table["beyond_chance"] = table["p"] < CHANCE
    table["large"] = [
        _is_large(str(row["measure"]), row["value"], row["others"], usual)
        for row in table.to_dict("records")
    ]
    alarming = table["beyond_chance"] & table["large"]
    keys = ["attribute", "level"]
    wrong = table[alarming & (table["measure"] == "error")].set_index(keys).index
    observed = table[table["measure"] == "observed"].set_index(keys)
    outcome = observed["difference"][(observed["low"] > 0) | (observed["high"] < 0)]
    told = pd.MultiIndex.from_frame(table[keys])
    same_way = outcome.reindex(told).to_numpy() * table["difference"] > 0
    table["explained"] = alarming & (table["measure"] == "selected") & same_way & ~told.isin(wrong)
    table["concern"] = alarming & ~table["explained"]
    return table.astype(COMPARISON_TYPES)


def _is_large(measure: str, value: float, others: float, usual: float) -> bool:
    if measure == "error":
        return abs(value - others) > FIFTH * usual
    if measure == "auroc":
        return value < others - AUROC_STEP
    return measure != "observed" and is_too_unequal(value, others)
