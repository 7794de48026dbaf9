"""What an uplift model is fitted to, checked: outcomes, arms, rates, assignment probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.models.encoding import Floats
from neigung.targets.discount_rate import percentage, plain_rate, same_rate

LEAST_ROWS = 30
"""Rows that the control and every arm need at least; below, not even a mean is worth telling."""


def checked_outcome(y: npt.ArrayLike, rows: int) -> Floats:
    """Outcomes as float64 of shape (rows,).

    Raises:
        InputError: A wrong number, a missing or infinite outcome, text, or one value only.
    """
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "Outcomes must be numbers (0 and 1, or money), but found something else."
        ) from None
    if values.shape != (rows,):
        raise InputError(f"{rows} outcomes are needed, but found shape {values.shape}.")
    odd = int((~np.isfinite(values)).sum())
    if odd:
        raise InputError(
            f"Every row needs an outcome, but {odd} of {rows} are missing or infinite. "
            "Leave out the offers whose horizon is not over."
        )
    if (values == values[0]).all():
        raise InputError(
            f"Outcomes must differ, but all {rows} are {values[0]:g}. "
            "Choose a longer horizon or more offers."
        )
    return values


def checked_arms(
    arm: npt.ArrayLike, rows: int, control: str, rates: Mapping[str, float] | None
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The arms beside the control by rate, then name, and each row's code (0 the control).

    Raises:
        InputError: A missing arm, no control, one arm only, or an arm with too few rows.
    """
    unused: list[str] = []
    if isinstance(dtype := getattr(arm, "dtype", None), pd.CategoricalDtype):
        unused = [str(level) for level in dtype.categories]
    values = np.asarray(arm, dtype=object)
    if values.shape != (rows,):
        raise InputError(f"{rows} arms are needed, one per row, but found shape {values.shape}.")
    missing = int(pd.isna(values).sum())
    if missing:
        raise InputError(
            f"Every row needs an arm, but {missing} of {rows} have none. "
            f"Rows without treatment belong to the control, {control!r}."
        )
    names = values.astype(str)
    seen = {str(name): int(count) for name, count in pd.Series(names).value_counts().items()}
    counts = {name: seen.get(name, 0) for name in sorted({*seen, *unused, *(rates or {})})}
    if not counts.get(control) and control not in unused:
        raise InputError(
            f"The control {control!r} is needed among the arms, but found only "
            f"{', '.join(repr(name) for name in counts)}. Name the control of this trial."
        )
    if len(counts) < 2:
        raise InputError(
            f"An effect needs two arms, but all {rows} rows have {control!r}. "
            "Add the rows of the customers who got something."
        )
    for name, count in counts.items():
        if name in (rates or {}) and name == control:
            continue
        if count < LEAST_ROWS:
            raise InputError(
                f"Every arm needs at least {LEAST_ROWS} rows, but {name!r} has {count or 'none'}. "
                "Leave the arm out, or collect more offers."
            )
    arms = sorted(
        (name for name in counts if name != control),
        key=lambda name: ((rates or {}).get(name, 0.0), name),
    )
    code = {name: i for i, name in enumerate([control, *arms])}
    return arms, np.array([code[name] for name in names], dtype=np.int64)


def checked_rates(
    rates: Mapping[str, float] | Literal["auto"] | None, names: Sequence[str], control: str
) -> dict[str, float] | None:
    """The discount rate of every arm beside the control, or None if the arms are no discounts.

    With "auto" the names say it, if each of them is nothing but a percentage such as `10%`.

    Raises:
        InputError: A rate outside (0, 1], two arms of one rate, an arm without one, or a rate
            that contradicts the arm's name.

    >>> checked_rates("auto", ["none", "5%", "10%"], "none")
    {'5%': 0.05, '10%': 0.1}
    >>> checked_rates("auto", ["none", "push"], "none") is None
    True
    """
    arms = [name for name in names if name != control]
    if rates is None:
        return None
    if isinstance(rates, str):
        if rates != "auto":
            raise InputError(f"Rates must be a mapping, 'auto' or None, but found {rates!r}.")
        named = {name: percentage(name) for name in arms}
        told = {name: rate for name, rate in named.items() if rate is not None and 0 < rate <= 1}
        usable = len(told) == len(arms) and len(set(told.values())) == len(arms)
        return told if usable else None
    found = {str(name): plain_rate(float(rate)) for name, rate in rates.items()}
    if found.pop(control, 0.0) != 0:
        raise InputError(f"The control {control!r} must have rate 0. Leave it out of the rates.")
    lacking = [name for name in arms if name not in found]
    if lacking:
        raise InputError(
            f"Every arm needs a discount rate, but {lacking[0]!r} has none. "
            "Add it, or give no rates at all if the arms are not discounts."
        )
    for name, rate in found.items():
        if not 0 < rate <= 1:
            raise InputError(f"Discount rates must lie in (0, 1], but {name!r} has {rate:g}.")
        told_rate = percentage(name)
        if told_rate is not None and not same_rate(told_rate, rate):
            raise InputError(
                f"The rate of an arm must agree with its name, but {name!r} has {rate:g}. "
                "Rename the arm or correct its rate."
            )
    doubled = [name for name in found if list(found.values()).count(found[name]) > 1]
    if doubled:
        raise InputError(
            f"Arms must differ in their rate, but {doubled[0]!r} and {doubled[1]!r} both have "
            f"{found[doubled[0]]:g}. Give no rates if the arms differ in something else."
        )
    return found


def known_probabilities(
    given: npt.ArrayLike | None, codes: npt.NDArray[np.int64], names: Sequence[str]
) -> Floats:
    """The chance of the arm each row got, NaN where unknown, shape (n,).

    Beside the range it is checked that the chances fit the arms: every customer could have got
    the control, so 1/chance summed over the control's rows counts all rows, up to chance; for the
    other arms it cannot count more (Horvitz and Thompson 1952).

    Args:
        given: Shape (n,) or None, as the user gave it.
        codes: Shape (n,), the arm of each row, 0 the control.
        names: Control and arms in the order of the codes.

    Raises:
        InputError: A wrong length, a chance outside (0, 1], or chances that do not fit the arms.
    """
    rows = len(codes)
    if given is None:
        return np.full(rows, np.nan)
    try:
        p = np.array(pd.to_numeric(pd.Series(np.asarray(given).ravel())), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("Assignment probabilities must be numbers, but found text.") from None
    if np.shape(given) != (rows,):
        raise InputError(
            f"{rows} assignment probabilities are needed, one per row and for the arm it got, "
            f"but found shape {np.shape(given)}."
        )
    known = ~np.isnan(p)
    if (odd := known & ~((p > 0) & (p <= 1))).any():
        raise InputError(
            f"Assignment probabilities must lie in (0, 1], but found {p[odd][0]:g}. "
            "Leave unknown ones empty."
        )
    total = int(known.sum())
    for code, name in enumerate(names):
        mine = p[known & (codes == code)]
        count, slack = (1 / mine).sum(), 5 * np.sqrt(((1 - mine) / mine**2).sum())
        slack += 0.1 * total + 5
        if count > total + slack or (code == 0 and count < total - slack):
            raise InputError(
                f"The assignment probabilities do not match the arms: {len(mine)} of the {total} "
                f"rows with a known one got {name!r}, but a mean probability of "
                f"{mine.mean() if len(mine) else 0:.3g} for them would mean "
                f"{'fewer' if count > total else 'more'}. Give each row the chance of the arm "
                "it got; if arms were left out, divide by the chance of those that remain."
            )
    return p


def assignment_design(
    known: Floats, codes: npt.NDArray[np.int64], arms: int
) -> tuple[Floats | None, npt.NDArray[np.bool_]]:
    """Probabilities of all arms where one design explains the known ones, and for which rows.

    Args:
        known: Shape (n,), from `known_probabilities`.
        codes: Shape (n,), 0 the control.
        arms: How many arms, the control included.

    Returns:
        Shape (arms,) or None if the chances differ between customers; and shape (n,), which rows
        have a known chance.
    """
    has = ~np.isnan(known)
    design = np.zeros(arms)
    for code in range(arms):
        mine = known[has & (codes == code)]
        if not len(mine) or np.ptp(mine) > 1e-6:
            return None, has
        design[code] = mine[0]
    return (design / design.sum() if abs(design.sum() - 1) < 0.1 else None), has


def frame_of(X: Any) -> pd.DataFrame:
    """The features, if they are a frame with at least one column and row.

    Raises:
        InputError: No frame, no columns or no rows.
    """
    if not isinstance(X, pd.DataFrame):
        raise InputError(
            f"A pandas DataFrame with named features is needed, but found {type(X).__name__}."
        )
    if not X.shape[1] or not len(X):
        raise InputError(
            f"At least one feature and one row are needed, but found {X.shape[1]} columns and "
            f"{len(X)} rows."
        )
    return X
