"""The three opponents that a model must beat: what a shop could do without it.

All read the same five columns, are fitted on the training rows and give probabilities, so that
they compete in log loss as fairly as in ranks. None fails on missing values or on a single
outcome; where nothing can be learned they answer the event rate. Of more than 100,000 rows they
learn their few numbers from a random 100,000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.evaluation.propensity.bgnbd import BGNBD
from neigung.language import Message

if TYPE_CHECKING:
    from neigung.models.dataset import Dataset

Floats = npt.NDArray[np.float64]

REQUIRED_COLUMNS = (
    "days_since_last_order",
    "days_since_first_order",
    "order_days",
    "order_count",
    "order_value",
)

# Rules of a few dozen numbers: more rows than this change them less than their third digit.
_MOST_ROWS = 100_000


class Baseline(Protocol):
    """`fit(frame, y)` and `predict_proba(frame)` (n,); `frame` holds REQUIRED_COLUMNS."""

    @property
    def name(self) -> str:
        """Key in tables."""

    @property
    def text(self) -> Message:
        """Name for readers."""

    def fit(self, frame: pd.DataFrame, y: Any) -> Self:
        """Learns from frame (n rows) and outcomes y (n,) of 0 and 1."""

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Probability (n,) of outcome 1."""


class RecencyRule:
    """The rule of thumb: who ordered lately orders again, tuned as well as it can be.

    Event rates in bins of one column. The column is the days since the last order, or these
    relative to the customer's usual gap, (first .. last order) / (order days - 1). Which of them,
    and how many bins a regression tree may cut, is chosen by cross-validated log loss, customers
    kept together. Missing values (no order, no gap yet) fall to a side of the tree as well. Rates
    are drawn towards the overall one by the weight of one row.

    After `fit`: `column_`, `bins_`, `cuts_` (the limits between the bins).

    >>> frame = pd.DataFrame({name: [1.0, 40.0] * 50 for name in REQUIRED_COLUMNS})
    >>> rule = RecencyRule().fit(frame, [1, 0] * 50)
    >>> rule.column_, rule.cuts_, rule.predict_proba(frame[:2]).round(2).tolist()
    ('days_since_last_order', [20.5], [0.99, 0.01])
    """

    name = "recency_rule"
    text = Message("recency rule")

    def fit(self, frame: pd.DataFrame, y: Any) -> Self:
        """Chooses column and bins and learns the event rates."""
        y = np.asarray(y, dtype=float)
        self.rate_ = float(y.mean())
        rows = _sample(len(y))
        sample, outcomes = frame.iloc[rows], y[rows]
        customers = sample["customer_id"] if "customer_id" in sample else np.arange(len(sample))
        fold = pd.factorize(np.asarray(customers))[0] % 5
        choices = [
            (column, bins)
            for column in ("days_since_last_order", "relative_recency")
            for bins in (2, 4, 8, 16, 32)
        ]
        losses = [
            self._cross_validated_loss(_rfm(sample)[[column]], outcomes, fold, bins)
            for column, bins in choices
        ]
        self.column_, self.bins_ = choices[int(np.argmin(losses))]
        self.tree_ = self._tree(_rfm(frame)[[self.column_]], y, self.bins_)
        tree = self.tree_.tree_
        self.cuts_ = sorted(tree.threshold[tree.feature >= 0].tolist())
        return self

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Event rate (n,) of each row's bin."""
        return self._rates(self.tree_, _rfm(frame)[[self.column_]], self.rate_)

    def _tree(self, X: pd.DataFrame, y: Floats, bins: int) -> Any:
        from sklearn.tree import DecisionTreeRegressor

        tree = DecisionTreeRegressor(max_leaf_nodes=bins, min_samples_leaf=5, random_state=0)
        return tree.fit(X.to_numpy(), y)

    def _rates(self, tree: Any, X: pd.DataFrame, rate: float) -> Floats:
        leaf = tree.apply(X.to_numpy())
        rows, mean = tree.tree_.n_node_samples[leaf], tree.tree_.value[leaf, 0, 0]
        rates: Floats = (rows * mean + rate) / (rows + 1)
        return rates

    def _cross_validated_loss(self, X: pd.DataFrame, y: Floats, fold: Any, bins: int) -> float:
        p = np.full(len(y), y.mean())
        for k in np.unique(fold):
            train, test = fold != k, fold == k
            if train.any():
                tree = self._tree(X[train], y[train], bins)
                p[test] = self._rates(tree, X[test], float(y[train].mean()))
        p = np.clip(p, 1e-6, 1 - 1e-6)
        return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


class RFMLogistic:
    """Logistic regression on recency, frequency and monetary value.

    Logs of recency, age, order days, orders, value and relative recency, scaled, with their squares
    and products; missing values become the median, with a column that says so.

    >>> frame = pd.DataFrame({name: [1.0, 40.0] * 50 for name in REQUIRED_COLUMNS})
    >>> p = RFMLogistic().fit(frame, [1, 0] * 50).predict_proba(frame[:2])
    >>> bool(p[0] > 0.9 and p[1] < 0.1)
    True
    """

    name = "rfm_logistic"
    text = Message("RFM logistic regression")

    def fit(self, frame: pd.DataFrame, y: Any) -> Self:
        """Learns the coefficients."""
        from sklearn.impute import MissingIndicator, SimpleImputer
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler

        filled = SimpleImputer(strategy="median", keep_empty_features=True)
        curves = make_pipeline(filled, StandardScaler(), PolynomialFeatures(2, include_bias=False))
        columns = make_union(curves, MissingIndicator(features="all"))
        rows = _sample(len(frame))
        outcomes = np.asarray(y, dtype=float)[rows].astype(int)
        self.model_ = _logistic(outcomes, columns).fit(self._inputs(frame.iloc[rows]), outcomes)
        return self

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Probability (n,) of outcome 1."""
        return _probability(self.model_, self._inputs(frame))

    def _inputs(self, frame: pd.DataFrame) -> Floats:
        rfm = _rfm(frame)
        logs: Floats = np.sign(rfm.to_numpy()) * np.log1p(np.abs(rfm.to_numpy()))
        return logs


class BGNBDBaseline:
    """BG/NBD, recalibrated to the outcome.

    Its four parameters are fitted on the customers of the newest training cutoff; the log-odds of
    an order within `horizon_days` then enter a logistic regression on all training rows, whose
    slope may be negative (churn: probability of no order). Customers without an order answer the
    event rate.

    BG/NBD describes all customers that a shop ever won; a study's population (active lately) is a
    selection of them. The recalibration mends the level, not the order of the customers.

    >>> frame = pd.DataFrame({name: [1.0, 40.0] * 50 for name in REQUIRED_COLUMNS})
    >>> frame["days_since_first_order"] = 60.0
    >>> p = BGNBDBaseline(horizon_days=30).fit(frame, [1, 0] * 50).predict_proba(frame[:2])
    >>> bool(p[0] > p[1])
    True
    """

    name = "bg_nbd"
    text = Message("BG/NBD")

    def __init__(self, horizon_days: float = 30) -> None:
        self.horizon_days = horizon_days

    def fit(self, frame: pd.DataFrame, y: Any) -> Self:
        """Fits BG/NBD and the recalibration."""
        from sklearn.preprocessing import StandardScaler

        newest = frame[frame["cutoff"] == frame["cutoff"].max()] if "cutoff" in frame else frame
        x, t_x, T, known = _history(newest.iloc[_sample(len(newest))])
        # Nobody ever ordered: one customer of no age stands in, nothing is identified.
        empty = np.zeros(1)
        history = (x[known], t_x[known], T[known]) if known.any() else (empty, empty, empty)
        self.bgnbd_ = BGNBD().fit(*history)

        y = np.asarray(y, dtype=float)
        self.rate_ = float(y.mean())
        *_, known = _history(frame)
        rows = known if known.any() else np.full(len(y), True)
        outcomes = y[rows].astype(int)
        self.model_ = _logistic(outcomes, StandardScaler())
        self.model_.fit(self._log_odds(frame)[rows], outcomes)
        return self

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Probability (n,) of outcome 1."""
        *_, known = _history(frame)
        return np.where(known, _probability(self.model_, self._log_odds(frame)), self.rate_)

    def _log_odds(self, frame: pd.DataFrame) -> Floats:
        x, t_x, T, known = _history(frame)
        p = self.bgnbd_.probability_of_order(x, t_x, T, self.horizon_days)
        p = np.clip(p, 1e-9, 1 - 1e-9)
        log_odds: Floats = np.where(known, np.log(p) - np.log1p(-p), 0.0)
        return log_odds[:, None]


def fit_baselines(train: Dataset, horizon_days: float = 30) -> list[Baseline]:
    """The three baselines, fitted on the training rows `train`.

    `horizon_days` is the study's; only BG/NBD looks at it.
    """
    baselines: list[Baseline] = [RecencyRule(), RFMLogistic(), BGNBDBaseline(horizon_days)]
    return [baseline.fit(train.frame, train.y) for baseline in baselines]


def baseline_text(name: str, language: str = "en") -> str:
    """The name of a baseline for readers; an unknown one, such as a user's own, stays as it is.

    >>> baseline_text("recency_rule", "de")
    'Recency-Regel'
    """
    for baseline in (RecencyRule, RFMLogistic, BGNBDBaseline):
        if baseline.name == name:
            return baseline.text.to(language)
    return name


def _rfm(frame: pd.DataFrame) -> pd.DataFrame:
    """REQUIRED_COLUMNS and what they imply; infinities count as missing."""
    rfm = frame[list(REQUIRED_COLUMNS)].astype(float).replace([np.inf, -np.inf], np.nan)
    gaps = (rfm["order_days"] - 1).where(rfm["order_days"] > 1)
    gap = ((rfm["days_since_first_order"] - rfm["days_since_last_order"]) / gaps).clip(lower=0.5)
    return rfm.assign(relative_recency=rfm["days_since_last_order"] / gap)


def _history(frame: pd.DataFrame) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """x, t_x, T in days and whether the customer has an order; zeros where not."""
    rfm = frame[list(REQUIRED_COLUMNS)].astype(float)
    order_days, T, since = (
        rfm[name].to_numpy()
        for name in ("order_days", "days_since_first_order", "days_since_last_order")
    )
    known = np.isfinite(order_days) & np.isfinite(T) & np.isfinite(since) & (order_days >= 1)
    order_days, T, since = (np.where(known, v, 0) for v in (order_days, T, since))
    T = np.maximum(T, 0)
    return np.maximum(order_days - 1, 0), np.clip(T - since, 0, T), T, known


def _logistic(y: Any, columns: Any) -> Any:
    """Logistic regression after the transformer `columns`; the event rate for one outcome."""
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(np.unique(np.asarray(y))) < 2:
        return DummyClassifier(strategy="prior")
    # Few columns and many rows: Newton's method with a Cholesky step is the quickest and exact.
    return make_pipeline(columns, LogisticRegression(solver="newton-cholesky", max_iter=200))


def _sample(n: int) -> npt.NDArray[np.int64]:
    """Row numbers, all or a random few, in their order."""
    if n <= _MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, _MOST_ROWS, replace=False))


def _probability(model: Any, X: Floats) -> Floats:
    classes = model.classes_.tolist()
    p: Floats = model.predict_proba(X)
    return p[:, classes.index(1)] if 1 in classes else np.zeros(len(X))
