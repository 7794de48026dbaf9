"""What a model gives to groups of customers, beside all others, with intervals and p values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import erfc, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.evaluation.bootstrap import _draws, _interval
from neigung.evaluation.fairness.fairness_limits import (
    COMPARISON_TYPES,
    MEASURES,
    judge_differences,
)
from neigung.evaluation.fairness.sensitive import IMPLAUSIBLE, MISSING

Floats = npt.NDArray[np.float64]

FEWEST_ROWS = 50
"""So many rows are needed in a group, and outside of it, as in the segments of an evaluation."""

FEWEST_OUTCOMES = 10
"""So many rows of either outcome are needed for a group's AUROC: with fewer, its interval is too
narrow (in a simulation 88 % instead of 95 % held the truth)."""

GROUP_TYPES: dict[str, Any] = {"attribute": object, "level": object, "n": int} | dict.fromkeys(
    (
        *("positives", "score", "observed", "error", "error_low", "error_high"),
        *("score_difference", "score_difference_low", "score_difference_high"),
        *("selected", "selected_difference", "selected_difference_low", "selected_difference_high"),
        *("found", "found_difference", "found_difference_low", "found_difference_high"),
        *("auroc", "auroc_low", "auroc_high", "selected_without"),
    ),
    float,
)


def compare_groups(
    labels: Mapping[str, pd.Series[Any]],
    scores: Floats,
    selected: npt.NDArray[np.bool_],
    customers: Any,
    y: Floats | None = None,
    selected_without: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
    repetitions: int = 200,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The groups of each attribute, and every group in every measure against all others.

    `labels` holds for each attribute the group of each row (n), with dtype `category`; the other
    arrays have the shape (n,). Without `y` nothing is said of errors, of the found and of AUROC.
    For the two tables see `Fairness.groups` and `Fairness.comparisons`. "All others" are those of
    whom the attribute is known: customers without any profile differ in much else. They have a row
    in the first table, but are not compared: nobody is protected for giving no answer.

    Intervals: customers are drawn with replacement, all their rows together, and percentiles taken.
    To each share of a draw half a success and half a failure are added, drawn as well (Jeffreys'
    prior: Brown, Cai and DasGupta 2001, "Interval estimation for a binomial proportion",
    Statistical Science 16(2)), or a group of which nobody was chosen would have an interval of no
    width. Where customers have several rows, these count as one in all that is not drawn.

    Chance: the difference over its standard error (the larger of that of the draws and of that
    under equality) is taken for normal. Dozens of comparisons would raise some alarm in any report,
    so the p values are those of Holm (1979), "A simple sequentially rejective multiple test
    procedure", Scandinavian Journal of Statistics 6(2), over all of them.
    """
    grouped = {
        name: _Grouped(label, scores, selected.astype(float), y) for name, label in labels.items()
    }
    sums: dict[str, list[dict[str, Floats]]] = {name: [] for name in grouped}
    codes, known = pd.factorize(np.asarray(customers))
    sizes = np.bincount(codes)
    # Kish's design effect, were all rows of a customer alike.
    alike = float((sizes**2).sum() / sizes.sum())
    for weights in _draws(codes, len(known), repetitions, seed) if grouped else ():
        for w, (name, one) in product(weights, grouped.items()):
            sums[name].append(one.sums(w))
    lot = np.random.default_rng([seed, 1])
    groups, compared = [], []
    for name, one in grouped.items():
        own = one.sums(np.ones(len(scores)))
        point = {key: value[0] for key, value in _statistics(one, _stacked([own])).items()}
        drawn = _statistics(one, _stacked(sums[name]), lot, alike)
        equal = {key: sqrt(alike) * e for key, e in one.errors_if_equal(point, own).items()}
        inside, outside = (n.astype(int).tolist() for n in (own["n"], one.others(own["n"])))
        result = _Result(name, one, inside, outside, point, drawn, equal)
        groups += result.groups(None if selected_without is None else one.mean(selected_without))
        compared += result.comparisons()
    # Without a single positive, a fifth of the base rate would be nothing.
    usual = float("nan") if y is None else max(float(y.mean()), float(scores.mean()))
    return (
        pd.DataFrame(groups, columns=[*GROUP_TYPES, "reason"]).astype(GROUP_TYPES),
        judge_differences(pd.DataFrame(compared, columns=list(COMPARISON_TYPES)[:9]), usual),
    )


class _Grouped:
    """The rows of each group of one attribute, ready to be weighed again and again."""

    def __init__(
        self, labels: pd.Series[Any], scores: Floats, selected: Floats, y: Floats | None
    ) -> None:
        self.names = [str(name) for name in labels.cat.categories]
        self.known = ~np.isin(self.names, [MISSING, IMPLAUSIBLE])
        self.codes = labels.cat.codes.to_numpy().astype(np.intp)
        self.scores, self.told = scores, y is not None
        self.rows = {"selected": np.flatnonzero(selected)}
        if y is None:
            return
        self.rows |= {"observed": np.flatnonzero(y), "found": np.flatnonzero(y * selected)}
        self.doubt = np.clip(scores * (1 - scores), 0, None)
        # For AUROC: the negatives by group and score, and where each positive stands among them.
        order = np.lexsort((scores, self.codes))
        kept = y[order] == 0
        # Equal scores of a group are one step, so that the order of the rows cannot matter.
        changes = (np.diff(self.codes[order]) != 0) | (np.diff(scores[order]) != 0)
        step = np.append(0, np.cumsum(changes))
        self.negatives, self.positives = order[kept], order[~kept]
        self.below = np.searchsorted(step[kept], step[~kept], side="left")
        self.up_to = np.searchsorted(step[kept], step[~kept], side="right")
        self.ends = np.cumsum(self._sum(1 - y))

    def sums(self, weights: Floats) -> dict[str, Floats]:
        """Sums per group (groups,), and AUROC within it, under weights (n,)."""
        found = {"n": self._sum(weights), "score": self._sum(weights * self.scores)}
        for key, rows in self.rows.items():
            found[key] = self._sum(weights[rows], rows)
        if self.told:
            passed = np.append(0, np.cumsum(weights[self.negatives]))
            before = passed[np.append(0, self.ends[:-1]).astype(int)]
            beaten = (passed[self.below] + passed[self.up_to]) / 2 - before[
                self.codes[self.positives]
            ]
            wins = self._sum(weights[self.positives] * beaten, self.positives)
            with np.errstate(divide="ignore", invalid="ignore"):
                found["auroc"] = wins / (found["observed"] * (found["n"] - found["observed"]))
        return found

    def mean(self, values: Any) -> Floats:
        """Means per group of values (n,)."""
        return self._sum(np.asarray(values, dtype=float)) / self._sum(np.ones(len(self.codes)))

    def errors_if_equal(
        self, point: Mapping[str, Floats], sums: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """Standard errors of the differences (groups,), as they were if there were none."""
        n, others = sums["n"], self.others(sums["n"])
        with np.errstate(divide="ignore", invalid="ignore"):
            found: dict[str, Floats] = {"selected": self._error_if_equal(sums["selected"], n)}
            if self.told:
                doubt = self._sum(self.doubt)
                found["error"] = np.sqrt(doubt / n**2 + self.others(doubt) / others**2)
                found["observed"] = self._error_if_equal(sums["observed"], n)
                found["found"] = self._error_if_equal(sums["found"], sums["observed"])
                # Hanley and McNeil (1982), "The meaning and use of the area under a ROC curve".
                area, hits = point["auroc"] - point["auroc_difference"], sums["observed"]
                spread = area * (1 - area)
                spread += (hits - 1) * (area / (2 - area) - area**2)
                spread += (n - hits - 1) * (2 * area**2 / (1 + area) - area**2)
                found["auroc"] = np.sqrt(spread / (hits * (n - hits)))
        return found

    def others(self, sums: Floats) -> Floats:
        """What sums (…, groups) are of all other rows of which the attribute is known."""
        own = sums * self.known
        return np.asarray(own.sum(axis=-1, keepdims=True) - own)

    def _error_if_equal(self, part: Floats, whole: Floats) -> Floats:
        """Standard error of a share (groups,) minus that of the others, if all are equal."""
        others = self.others(whole)
        rate = (part + self.others(part)) / (whole + others)
        error: Floats = np.sqrt(rate * (1 - rate) * (1 / whole + 1 / others))
        return error

    def _sum(self, values: Floats, rows: Any = slice(None)) -> Floats:
        return np.asarray(np.bincount(self.codes[rows], values, len(self.names)), dtype=float)


def _stacked(sums: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {key: np.stack([one[key] for one in sums]) for key in sums[0]}


def _statistics(
    grouped: _Grouped,
    sums: dict[str, Floats],
    lot: np.random.Generator | None = None,
    alike: float = 1,
) -> dict[str, Floats]:
    """All statistics (repetitions, groups), and each minus that of all others.

    With `lot`, shares get Jeffreys' half a success and half a failure, of `alike` rows each.
    """

    def share(part: Floats, whole: Floats) -> Floats:
        if lot is None:
            return part / whole
        more, less = alike * lot.gamma(0.5, size=(2, *part.shape))
        return np.where(whole > 0, (part + more) / (whole + more + less), np.nan)

    n = sums["n"]
    rest = {key: grouped.others(value) for key, value in sums.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "score": sums["score"] / n,
            "selected": share(sums["selected"], n),
        }
        others = {
            "score": rest["score"] / rest["n"],
            "selected": share(rest["selected"], rest["n"]),
        }
        if "observed" in sums:
            found["observed"] = share(sums["observed"], n)
            others["observed"] = share(rest["observed"], rest["n"])
            for one in (found, others):
                one["error"] = one["score"] - one["observed"]
            found["found"] = share(sums["found"], sums["observed"])
            others["found"] = share(rest["found"], rest["observed"])
            found["auroc"] = sums["auroc"]
            # Within groups, too: between them, a ranking is easier or harder for other reasons.
            weight = np.where(np.isfinite(sums["auroc"]), n, 0)
            total = weight * np.nan_to_num(sums["auroc"])
            others["auroc"] = grouped.others(total) / grouped.others(weight)
        return found | {f"{key}_difference": found[key] - others[key] for key in found}


@dataclass(frozen=True, eq=False)
class _Result:
    """Of one attribute: estimates, draws and standard errors under equality, by group."""

    name: str
    grouped: _Grouped
    sizes: list[int]
    others: list[int]
    point: dict[str, Floats]
    draws: dict[str, Floats]
    equal: dict[str, Floats]

    def reason(self, i: int) -> str:
        """Why a group has not all numbers; empty if it has."""
        inside, outside = self.sizes[i], self.others[i]
        if inside < FEWEST_ROWS:
            return f"needs {FEWEST_ROWS} rows, found {inside}"
        if outside < FEWEST_ROWS:
            return f"needs {FEWEST_ROWS} rows of other groups, found {outside}"
        if not self.has_outcomes(i):
            fewer = min(self.positives(i), inside - self.positives(i))
            return f"needs {FEWEST_OUTCOMES} rows of each outcome, found {fewer}"
        return ""

    def is_judged(self, i: int) -> bool:
        """Whether the group, and the other groups together, have enough rows."""
        return min(self.sizes[i], self.others[i]) >= FEWEST_ROWS

    def has_outcomes(self, i: int) -> bool:
        """Whether the group has enough of both outcomes, or nobody asks for them."""
        hits = self.positives(i)
        return not self.grouped.told or FEWEST_OUTCOMES <= hits <= self.sizes[i] - FEWEST_OUTCOMES

    def positives(self, i: int) -> int:
        """Rows of the group with the outcome."""
        return round(self.point["observed"][i] * self.sizes[i]) if self.grouped.told else 0

    def groups(self, without: Floats | None) -> list[dict[str, Any]]:
        """The rows of the table of groups."""
        limits = {key: _interval(values) for key, values in self.draws.items()}
        rows = []
        for i, level in enumerate(self.grouped.names):
            row = {key: values[i] for key, values in self.point.items()}
            for key, (low, high) in limits.items():
                row |= {f"{key}_low": low[i], f"{key}_high": high[i]}
            row["selected_without"] = np.nan if without is None else without[i]
            lost = [] if self.has_outcomes(i) else ["auroc"]
            lost += [] if self.is_judged(i) else ["difference"]
            lost += [""] if self.sizes[i] < FEWEST_ROWS else []
            row = {
                key: np.nan if any(one in key for one in lost) else row.get(key, np.nan)
                for key in GROUP_TYPES
            }
            row |= {"attribute": self.name, "level": level, "n": self.sizes[i]}
            row["positives"] = self.positives(i) if self.grouped.told else np.nan
            rows.append(row | {"reason": self.reason(i)})
        return rows

    def comparisons(self) -> list[tuple[Any, ...]]:
        """The rows of the table of comparisons, with p values that know nothing of each other."""
        known = np.flatnonzero(self.grouped.known).tolist()
        judged = [i for i in known if self.is_judged(i)]
        if len(known) == 2:  # the one against the other says it all
            judged = sorted(judged, key=lambda i: self.sizes[i])[:1]
        rows = []
        for i, measure in product(judged, ("observed", *MEASURES)):
            key = f"{measure}_difference"
            if key not in self.point or (measure == "auroc" and not self.has_outcomes(i)):
                continue
            value, difference = float(self.point[measure][i]), float(self.point[key][i])
            draws = self.draws[key][:, [i]]
            low, high = (float(end[0]) for end in _interval(draws))
            if not np.isfinite([difference, low]).all():
                continue
            error = max(float(np.nanstd(draws)), float(self.equal[measure][i]))
            p = erfc(abs(difference) / error / sqrt(2)) if error > 0 else 1.0
            level = self.grouped.names[i]
            numbers = (value, value - difference, difference, low, high, p)
            rows.append((self.name, level, measure, *numbers))
        return rows
