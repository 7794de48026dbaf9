"""How good predicted probabilities are, and how sure of that we may be.

All metrics accept weights per row, because the bootstrap draws whole customers: a draw is nothing
but an integer weight per customer. The scores are sorted once, then every draw costs two
cumulative sums.

Sources: Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 13 (percentile
interval); Field and Welsh (2007), "Bootstrapping clustered data", JRSS B 69(3) (drawing whole
clusters); Fawcett (2006), "An introduction to ROC analysis", Pattern Recognition Letters 27
(AUROC with ties); Nixon et al. (2019), "Measuring calibration in deep learning", CVPR workshops
(calibration error with bins of equal mass).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.few_outcomes import customers_with_rarer
from neigung.evaluation.metric import ALL_METRICS as ALL_METRICS
from neigung.evaluation.metric import METRICS as METRICS
from neigung.evaluation.metric import Metric as Metric

Floats = npt.NDArray[np.float64]

CALIBRATION_BINS = 10
GAINS_SHARES: Floats = np.linspace(0, 1, 51)
CONFIDENCE = 0.95

# Row weights at once (they stay in the cache), and in one whole bootstrap (about 10 seconds).
_BATCH = 25_000
_BUDGET = 200_000_000
_FEWEST_REPETITIONS = 100


class _Ranked:
    """Outcomes sorted by falling score, ready to be weighed again and again."""

    def __init__(self, y: Any, p: Any, bins: int = CALIBRATION_BINS) -> None:
        y, p = _checked(y, p)
        self.order = np.argsort(-p, kind="stable")
        self.y, self.p = y[self.order], p[self.order]
        n = len(y)
        # Equal scores form one step of every curve, so that the order of the rows cannot matter.
        self.ends = np.append(np.flatnonzero(np.diff(self.p)), n - 1)
        begins = np.append(0, self.ends[:-1] + 1)
        bin_of_step = ((begins + self.ends + 1) // 2 * bins) // n
        self.bin_starts = begins[np.append(True, np.diff(bin_of_step) > 0)]
        # As scikit-learn: a probability of 0 or 1 that fails costs much, but not infinitely much.
        q = np.clip(self.p, np.finfo(float).eps, 1 - np.finfo(float).eps)
        self.log_loss = -np.where(self.y == 1, np.log(q), np.log1p(-q))
        self.brier = (self.p - self.y) ** 2

    def weigh(self, weights: Floats) -> dict[str, Floats]:
        """Metrics (repetitions, metrics) and curves for weights (repetitions, rows)."""
        w = weights[:, self.order]
        wy = w * self.y
        total = np.cumsum(w, axis=1)
        hits = np.cumsum(wy, axis=1)
        n, positives = total[:, -1], hits[:, -1]
        total, hits = total[:, self.ends], hits[:, self.ends]
        rises = np.diff(hits, axis=1, prepend=0)
        misses = np.diff(total, axis=1, prepend=0) - rises
        counts, observed, predicted = (
            np.add.reduceat(values, self.bin_starts, axis=1) for values in (w, wy, w * self.p)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            area = (misses * (hits - rises / 2)).sum(axis=1)
            auroc = area / (positives * (n - positives))
            precision = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
            ap = np.where(n > positives, (rises * precision).sum(axis=1) / positives, np.nan)
            gains = np.stack(
                [
                    np.interp(GAINS_SHARES * n[i], np.append(0, total[i]), np.append(0, hits[i]))
                    for i in range(len(w))
                ]
            )
            gains /= positives[:, None]
            gains[n == positives] = np.nan
            metrics = [
                auroc,
                ap,
                # einsum, not @: a sum that does not depend on the number of threads.
                np.einsum("ij,j->i", w, self.log_loss) / n,
                np.einsum("ij,j->i", w, self.brier) / n,
                np.abs(observed - predicted).sum(axis=1) / n,
                *(gains[:, np.searchsorted(GAINS_SHARES, k - 1e-9)] / k for k in (0.1, 0.2, 0.3)),
            ]
            return {
                "metrics": np.stack(metrics, axis=1),
                "gains": gains,
                "observed": observed / counts,
                "predicted": predicted / counts,
                "counts": counts,
            }

    def once(self) -> dict[str, Floats]:
        """The point estimates: every row weighs one."""
        return {key: value[0] for key, value in self.weigh(np.ones((1, len(self.y)))).items()}


def measure(y: Any, p: Any) -> dict[str, float]:
    """All metrics of probabilities `p` (n,) for outcomes `y` (n,) of 0 and 1.

    Metrics that need both outcomes are NaN when `y` has only one.

    Raises InputError when the lengths differ, a value is missing or outside its range.

    >>> {k: round(v, 3) for k, v in measure([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).items()}["auroc"]
    0.75
    """
    values = _Ranked(y, p).once()["metrics"]
    return dict(zip(METRICS, values.tolist(), strict=True))


def auroc(y: Any, p: Any) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative; ties count half.

    >>> auroc([0, 1, 0, 1], [0.2, 0.9, 0.9, 0.9])
    0.75
    """
    return measure(y, p)["auroc"]


def average_precision(y: Any, p: Any) -> float:
    """Mean precision over the ranks of the positives, as `sklearn.metrics` defines it.

    >>> average_precision([0, 1], [0.2, 0.9])
    1.0
    """
    return measure(y, p)["average_precision"]


def log_loss(y: Any, p: Any) -> float:
    """Mean negative log likelihood, in nats.

    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    return measure(y, p)["log_loss"]


def brier(y: Any, p: Any) -> float:
    """Mean squared distance between probability and outcome.

    >>> brier([0, 1], [0.5, 0.5])
    0.25
    """
    return measure(y, p)["brier"]


def calibration_error(y: Any, p: Any, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: mean distance of predicted and observed rate.

    The rows are cut by rank into `bins` of equal mass (equal scores stay together), and each bin
    counts by its rows. It is never negative and grows with noise: a perfectly calibrated model
    has an expected value near sqrt(bins / n) / 3, not 0, and its bootstrap interval lies too high.

    >>> round(calibration_error([0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]), 3)
    0.0
    """
    now = _Ranked(y, p, bins).once()
    return float(np.average(np.abs(now["observed"] - now["predicted"]), weights=now["counts"]))


def lift(y: Any, p: Any, share: float = 0.1) -> float:
    """Rate of positives among the best `share` of the rows, over the rate among all.

    Where the limit falls among equal scores, they count in proportion.

    >>> lift([1, 0, 0, 0, 0], [0.9, 0.1, 0.1, 0.1, 0.1], share=0.2)
    5.0
    """
    if not 0 < share <= 1:
        raise InputError(f"lift needs a share above 0 and up to 1, but got {share}.")
    ranked = _Ranked(y, p)
    if len(set(ranked.y)) < 2:
        return float("nan")
    rows, hits = np.append(0, ranked.ends + 1), np.append(0, np.cumsum(ranked.y)[ranked.ends])
    return float(np.interp(share * len(ranked.y), rows, hits) / hits[-1] / share)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Point estimates and bootstrap draws of several models on the same rows.

    `values[model]` and `draws[model]` hold `metrics` (metrics,) and (repetitions, metrics) and the
    curves `gains`, `observed`, `predicted`; `reasons` says for a metric why it is NaN. Make it with
    `bootstrap`.
    """

    metrics: tuple[str, ...]
    values: dict[str, dict[str, Floats]]
    draws: dict[str, dict[str, Floats]]
    reasons: dict[str, str]
    repetitions: int

    def table(self) -> pd.DataFrame:
        """One row per model and metric: model, metric, value, low, high, reason."""
        rows = []
        for model, values in self.values.items():
            low, high = _interval(self.draws[model]["metrics"])
            for name in self.metrics:
                i = list(METRICS).index(name)
                numbers = (values["metrics"][i], low[i], high[i])
                rows.append((model, name, *numbers, self.reasons.get(name, "")))
        return pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high", "reason"])

    def differences(self, model: str = "model") -> pd.DataFrame:
        """`model` minus each other one, from the same draws.

        One row per baseline and metric: baseline, metric, value, low, high, best; `best` marks the
        baseline with the best point estimate of the metric (the first of equals).
        """
        baselines = [name for name in self.values if name != model]
        rows = []
        for name in self.metrics:
            i = list(METRICS).index(name)
            sign = 1 if METRICS[name].higher_is_better else -1
            scores = [sign * self.values[baseline]["metrics"][i] for baseline in baselines]
            best = baselines[int(np.argmax(scores))] if baselines else None
            for baseline in baselines:
                value = self.values[model]["metrics"][i] - self.values[baseline]["metrics"][i]
                draws = self.draws[model]["metrics"] - self.draws[baseline]["metrics"]
                low, high = _interval(draws[:, [i]])
                rows.append((baseline, name, value, low[0], high[0], baseline == best))
        return pd.DataFrame(rows, columns=["baseline", "metric", "value", "low", "high", "best"])

    def gains(self) -> pd.DataFrame:
        """Gains curves with bands: model, share, gain, low, high."""
        parts = []
        for model, values in self.values.items():
            low, high = _interval(self.draws[model]["gains"])
            columns = {"share": GAINS_SHARES, "gain": values["gains"], "low": low, "high": high}
            parts.append(pd.DataFrame({"model": model, **columns}))
        return pd.concat(parts, ignore_index=True)

    def calibration(self) -> pd.DataFrame:
        """Calibration curves with bands: model, predicted, observed, low, high, n."""
        parts = []
        for model, values in self.values.items():
            low, high = _interval(self.draws[model]["observed"])
            columns = {key: values[key] for key in ("predicted", "observed")}
            columns |= {"low": low, "high": high, "n": values["counts"].astype(int)}
            parts.append(pd.DataFrame({"model": model, **columns})[::-1])
        return pd.concat(parts, ignore_index=True)


def bootstrap(
    y: Any,
    scores: Mapping[str, Any],
    groups: Any,
    metrics: Sequence[str] = tuple(METRICS),
    repetitions: int = 500,
    seed: int = 0,
    fewest: int = 1,
) -> Bootstrap:
    """Metrics of several models with 95 % percentile intervals, and their paired differences.

    Customers are drawn with replacement, all their rows together; every model is weighed with the
    same draws. `y` (n,), each of `scores` (n,), `groups` (n,) customer ids. On large data (rows x
    models x repetitions above 2e8) there are fewer repetitions, at least 100. A single customer
    gives no interval (NaN), nor do fewer than `fewest` customers with the rarer outcome.

    Raises InputError for an unknown metric and for values that cannot be measured.

    >>> result = bootstrap([0, 1, 0, 1], {"model": [0.1, 0.9, 0.4, 0.6]}, list("abcd"))
    >>> [float(result.table().loc[0, column]) for column in ("value", "low", "high")]
    [1.0, 1.0, 1.0]
    """
    if unknown := [name for name in metrics if name not in METRICS]:
        raise InputError(
            f"Metrics must be among {', '.join(METRICS)}, but found {', '.join(unknown)}."
        )
    ranked = {name: _Ranked(y, p) for name, p in scores.items()}
    codes, customers = pd.factorize(np.asarray(groups))
    if len(codes) != len(np.asarray(y)):
        raise InputError(f"{len(np.asarray(y))} outcomes need as many groups, found {len(codes)}.")
    affordable = _BUDGET // max(1, len(codes) * len(ranked))
    repetitions = min(repetitions, max(_FEWEST_REPETITIONS, affordable))
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in ranked}
    judged = customers_with_rarer(y, groups) >= fewest if fewest > 1 else True
    for weights in _draws(codes, len(customers) if judged else 1, repetitions, seed):
        for name, one in ranked.items():
            parts[name].append(one.weigh(weights))
    return Bootstrap(
        metrics=tuple(metrics),
        values={name: one.once() for name, one in ranked.items()},
        draws={
            name: {key: np.concatenate([part[key] for part in some]) for key in some[0]}
            for name, some in parts.items()
        },
        reasons=_reasons(y, metrics),
        repetitions=repetitions,
    )


def _draws(codes: Any, customers: int, repetitions: int, seed: int) -> Iterator[Floats]:
    """Row weights, a batch of repetitions at a time; one customer alone is never redrawn."""
    if customers == 1:
        yield np.full((1, len(codes)), np.nan)
        return
    rng = np.random.default_rng(seed)
    batch = max(1, _BATCH // len(codes))
    for start in range(0, repetitions, batch):
        size = min(batch, repetitions - start)
        drawn = rng.integers(0, customers, size=(size, customers))
        drawn += np.arange(size)[:, None] * customers
        counts = np.bincount(drawn.ravel(), minlength=size * customers).reshape(size, customers)
        weights = counts[:, codes].astype(float)
        yield weights


def _interval(draws: Floats) -> tuple[Floats, Floats]:
    """Percentile interval of each column; NaN where most draws have no value."""
    low, high = np.full((2, draws.shape[1]), np.nan)
    # A draw may lack an outcome altogether; more than half of them is no distribution any more.
    usable = np.isfinite(draws).mean(axis=0) > 0.5
    tail = (1 - CONFIDENCE) / 2
    if usable.any():
        low[usable], high[usable] = np.nanquantile(draws[:, usable], [tail, 1 - tail], axis=0)
    return low, high


def _reasons(y: Any, metrics: Sequence[str]) -> dict[str, str]:
    found = sorted({int(value) for value in np.unique(np.asarray(y))})
    if len(found) > 1:
        return {}
    text = f"needs both outcomes, found only {found[0]}"
    return {name: text for name in metrics if METRICS[name].needs_both}


def _checked(y: Any, p: Any) -> tuple[Floats, Floats]:
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    if y.ndim != 1 or y.shape != p.shape or len(y) == 0:
        raise InputError(
            "Metrics need outcomes and probabilities of one length above zero, "
            f"but found shapes {y.shape} and {p.shape}."
        )
    if not np.isin(y, (0, 1)).all():
        raise InputError("Outcomes must be 0 or 1, but found others or missing ones.")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("Probabilities must lie in 0..1, but found others or missing ones.")
    return y, p
