"""What an offer changes: one booster per arm that predicts the uplift itself."""

import warnings
from collections.abc import Mapping
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from neigung.errors import InputError
from neigung.models.encoding import Floats, FrameEncoder
from neigung.models.offers.assignment import trial_probabilities
from neigung.models.offers.dose import between_rates, rising_blocks
from neigung.models.offers.uplift_calibration import (
    UpliftCalibration,
    along_one_curve,
    mixed,
    robust_scores,
)
from neigung.models.offers.uplift_folds import customer_folds, group_codes
from neigung.models.offers.uplift_response import FOLDS, out_of_fold_guesses
from neigung.models.offers.uplift_student import student
from neigung.models.offers.uplift_trial import (
    checked_arms,
    checked_outcome,
    checked_rates,
    frame_of,
    known_probabilities,
)
from neigung.models.rows import Features, Rows, Table
from neigung.models.unseen import require_known


class UpliftModel(BaseEstimator):  # type: ignore[misc]
    """The effect of each arm against the control on each customer's outcome, with reasons.

    Three steps. (1) Several models guess every customer's uplift without having seen the
    customer: boosted response models over features and arm (where rates are known, half of them
    monotone in the rate), and a linear uplift on residuals whose ridge the data choose; the
    guesses are averaged, leaning to the better one (`mixed`). (2) One booster per arm, the
    student, learns the guesses, so that what is kept predicts the uplift itself and its TreeSHAP
    values explain the uplift exactly. (3) Doubly robust scores say how much of the guesses is
    real: the mean effect and the slope of each arm are measured and then believed only as far as
    they exceed their own error, all arms together (`UpliftCalibration`). This corrects for
    targeting where staff chose the arms, and where the data hold no effect it brings the
    predictions to nothing.

    Effects are those of customers like these, under one assumption that no data can prove: that
    the features, or the given assignment probabilities, hold whatever decided who got which arm.

    Args:
        control: The arm of the customers who got nothing.
        random_state: Seed; the same data and seed give the same model, byte for byte.
        rates: Discount rate (0 to 1] of every arm; arms are then points on one dose. "auto" reads
            them from the names if each is nothing but a percentage; None: arms are no discounts.
        monotone: Whether more discount can only help a customer: for an outcome of 0 and 1 with
            rates if "auto". Money may fall with the discount.
        num_threads: Threads of LightGBM; changes speed only.
        handle_unknown: What to do when the model knows none of a column's categories: "error", or
            "ignore", which takes them as missing. A few are always taken so; many are warned of.

    Attributes:
        arms_: Arms beside the control, by rate, then name.
        rates_: Their rates, or None.
        effects_: DataFrame, one row per arm: `rows`, `measured` (doubly robust mean effect),
            `error` (its standard error), `believed` (after shrinking), `slope`, `slope_error`,
            `slope_believed`.
        overlap_: How far every customer could have got every arm: `smallest` (probability),
            `trimmed` (share of rows with one below 0.01), `rounds` (of the assignment model; 0 if
            arms look drawn at random, None if all probabilities were given).
        calibration_: What `effects_` shows, with covariances.
        encoder_: The `FrameEncoder` of the features.
        model_texts_: LightGBM text of every arm's booster.

    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"orders": rng.integers(0, 10, 4000), "age": rng.normal(50, 9, 4000)})
    >>> arm = rng.choice(["none", "mail"], 4000)
    >>> y = X["orders"] + 5.0 * ((arm == "mail") & (X["orders"] > 4)) + rng.normal(0, 1, 4000)
    >>> model = UpliftModel().fit(X, y, arm, np.full(4000, 0.5))
    >>> effects = model.predict(pd.DataFrame({"orders": [1, 8], "age": [50, 50]}))
    >>> effects["mail"].round().abs().tolist()
    [0.0, 5.0]
    >>> total = model.contributions(X, "mail").sum(axis=1)
    >>> bool(np.allclose(total, model.predict(X)["mail"], atol=1e-9))
    True
    """

    def __init__(
        self,
        control: str = "none",
        random_state: int = 0,
        *,
        rates: Mapping[str, float] | Literal["auto"] | None = "auto",
        monotone: bool | Literal["auto"] = "auto",
        num_threads: int = 1,
        handle_unknown: Literal["error", "ignore"] = "error",
    ) -> None:
        self.control = control
        self.random_state = random_state
        self.rates = rates
        self.monotone = monotone
        self.num_threads = num_threads
        self.handle_unknown = handle_unknown

    def fit(
        self,
        X: pd.DataFrame,
        y: npt.ArrayLike,
        arm: npt.ArrayLike,
        assignment_probability: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn the effects from offers and what followed.

        Args:
            X: Numbers and categories, with missing values, one row per offer.
            y: Shape (n,), outcomes: 0 and 1, or any numbers such as money.
            arm: Shape (n,), the arm that each row got, the control among them.
            assignment_probability: Shape (n,), the chance in (0, 1] of the arm that the row got;
                NaN, or None for all, where unknown: then estimated from the features.
            groups: Shape (n,), the customer of each row, if some have several.

        Raises:
            InputError: No or empty features, missing outcomes or arms, no control, an arm without
                enough rows, rates or probabilities that do not fit; nothing is fitted then.
        """
        X = frame_of(X)
        n, control = len(X), str(self.control)
        outcome = checked_outcome(y, n)
        found = np.asarray(arm, dtype=object).ravel()
        rates = checked_rates(self.rates, sorted({str(a) for a in found[~pd.isna(found)]}), control)
        arms, codes = checked_arms(arm, n, control, rates)
        known = known_probabilities(assignment_probability, codes, [control, *arms])
        customers = group_codes(n, groups)
        binary = bool(np.isin(outcome, (0.0, 1.0)).all())
        rising = rates is not None and (binary if self.monotone == "auto" else bool(self.monotone))
        encoder = FrameEncoder.fit(X)
        customer_folds(n, FOLDS, self.random_state, customers)

        probabilities, self.overlap_ = trial_probabilities(
            X, codes, known, [control, *arms], customers, self.random_state, self.num_threads
        )
        array = encoder.transform(X)
        several, response = out_of_fold_guesses(
            array,
            encoder.categorical_indices,
            codes,
            outcome,
            probabilities,
            customers,
            rates=None if rates is None else [rates[a] for a in arms],
            rising=rising,
            seed=self.random_state,
            num_threads=self.num_threads,
        )
        scores = robust_scores(outcome, codes, probabilities, response)
        guesses = mixed(several, scores, probabilities, customers)
        doses = None if rates is None else np.array([rates[a] for a in arms])
        if doses is not None:
            guesses = along_one_curve(guesses, doses, scores, probabilities, customers)
        calibration = UpliftCalibration.fit(
            guesses, scores, probabilities, customers, rates=doses, rising=rising
        )
        students = [
            student(
                array,
                encoder.categorical_indices,
                guesses[:, j],
                seed=self.random_state,
                num_threads=self.num_threads,
            )
            for j in range(len(arms))
        ]
        texts = {f"arm_{j}": text for j, (text, _, _) in enumerate(students)}
        reading = np.array([[scale, shift] for _, scale, shift in students])
        self._set_fitted(encoder, texts, arms, rates, rising, reading, calibration)
        self.rows_ = np.bincount(codes, minlength=len(arms) + 1)[1:].tolist()
        return self

    def predict(self, X: Table) -> Table:
        """Uplift of each arm in the outcome's units, one column per arm, with X's index.

        Raises:
            InputError: A column is missing, or all its categories are unknown to the model.
        """
        self._known(X)
        values = self._raw(X)
        if self.rising_:
            values = np.einsum("nab,nb->na", rising_blocks(values), values)
        return self._answer(X, values)

    def predict_rate(self, X: pd.DataFrame, rate: float) -> Floats:
        """Uplift (n,) of a discount of any rate up to the highest arm's; see `between_rates`.

        Raises:
            InputError: The arms have no rates, or a rate outside (0, highest].
        """
        check_is_fitted(self, "boosters_")
        if self.rates_ is None:
            raise InputError(
                "A rate can be asked only if the arms are discounts with rates, but "
                f"{', '.join(self.arms_)} have none. Give `rates` to UpliftModel."
            )
        effects = self.predict(X).to_numpy()
        rates = [self.rates_[arm] for arm in self.arms_]
        return between_rates(effects, rates, float(rate), rising=self.rising_)

    def interval(self, X: Table, level: float = 0.95) -> tuple[Table, Table]:
        """Low and high ends of the mean effect of customers with this prediction.

        Not of one customer: no trial shows a single customer's effect. From the error of level
        and slope (normal approximation, clustered by customer), from how much of them is not
        believed, and from how far groups of like customers were found off the straight line.

        Raises:
            InputError: A level outside (0, 1).
        """
        from scipy.special import ndtri

        if not 0 < level < 1:
            raise InputError(f"The level must lie between 0 and 1, but found {level:g}.")
        self._known(X)
        guesses = self._guess(X)
        values = self.calibration_.apply(guesses)
        wide = ndtri((1 + level) / 2) * self.calibration_.errors(guesses)
        low, high = values - wide, values + wide
        if self.rising_:
            weights = rising_blocks(values)
            low, high = (np.einsum("nab,nb->na", weights, end) for end in (low, high))
        return self._answer(X, low), self._answer(X, high)

    def contributions(self, X: Features, arm: str) -> Floats:
        """What each feature adds to the uplift of `arm`, shape (n, features + 1).

        TreeSHAP values in the outcome's units; the last column is the base, the mean uplift, and
        every row sums to `predict(X)[arm]`. Where the predictions of neighbouring rates had to be
        averaged to rise with the rate, so are their contributions.

        Raises:
            InputError: An arm that is not among `arms_`.
        """
        check_is_fitted(self, "boosters_")
        if arm not in self.arms_:
            raise InputError(
                f"Contributions are known for the arms {', '.join(self.arms_)}, but {arm!r} "
                "was asked."
            )
        j = self.arms_.index(arm)
        array = self.encoder_.transform(X)
        if not self.rising_:
            return self._raw_contributions(array, j)
        weights = rising_blocks(self._raw(X))[:, j]
        out = np.zeros((len(array), array.shape[1] + 1))
        for other in range(len(self.arms_)):
            rows = np.flatnonzero(weights[:, other])
            if len(rows):
                part = self._raw_contributions(array[rows], other)
                out[rows] += weights[rows, other, None] * part
        return out

    @property
    def effects_(self) -> pd.DataFrame:
        """See the class."""
        check_is_fitted(self, "boosters_")
        calibration = self.calibration_
        return pd.DataFrame(
            {
                "rows": self.rows_,
                "measured": calibration.measured[:, 0],
                "error": np.sqrt(calibration.covariance[:, 0, 0]),
                "believed": calibration.level,
                "slope": calibration.measured[:, 1],
                "slope_error": np.sqrt(calibration.covariance[:, 1, 1]),
                "slope_believed": calibration.slope,
            },
            index=pd.Index(self.arms_, name="arm"),
        )

    def to_dict(self) -> dict[str, Any]:
        """All but the trees (`model_texts_`) and the threads, ready for JSON."""
        check_is_fitted(self, "boosters_")
        return {
            "control": self.control,
            "random_state": self.random_state,
            "rates": self.rates_,
            "monotone": self.rising_,
            "arms": list(self.arms_),
            "rows": list(self.rows_),
            "reading": self.reading_.tolist(),
            "calibration": self.calibration_.to_dict(),
            "overlap": dict(self.overlap_),
            "features": list(self.encoder_.feature_names),
            "categories": {name: list(v) for name, v in self.encoder_.categories.items()},
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """The model of which `to_dict` and `model_texts_` were kept."""
        model = cls(
            state["control"],
            state["random_state"],
            rates=state["rates"],
            monotone=state["monotone"],
        )
        categories = {name: tuple(values) for name, values in state["categories"].items()}
        model.rows_ = list(state["rows"])
        model.overlap_ = dict(state["overlap"])
        model._set_fitted(
            FrameEncoder(tuple(state["features"]), categories),
            dict(texts),
            list(state["arms"]),
            state["rates"],
            state["monotone"],
            np.array(state["reading"]),
            UpliftCalibration.from_dict(state["calibration"]),
        )
        return model

    def _set_fitted(
        self,
        encoder: FrameEncoder,
        texts: dict[str, str],
        arms: list[str],
        rates: Mapping[str, float] | None,
        rising: bool,
        reading: Floats,
        calibration: UpliftCalibration,
    ) -> None:
        import lightgbm as lgb

        self.encoder_ = encoder
        self.n_features_in_ = len(encoder.feature_names)
        self.arms_ = list(arms)
        self.rates_ = None if rates is None else {arm: float(rates[arm]) for arm in arms}
        self.rising_ = bool(rising)
        self.reading_ = reading
        self.calibration_ = calibration
        self.model_texts_ = texts
        # Read back from their texts, so that what is evaluated is what is stored.
        self.boosters_ = [lgb.Booster(model_str=texts[f"arm_{j}"]) for j in range(len(arms))]

    def _known(self, X: Features) -> None:
        """Refuse columns whose categories are all unknown, and warn of those where many are."""
        check_is_fitted(self, "boosters_")
        if self.handle_unknown == "ignore":
            return
        unknown = self.encoder_.unknown(X)
        require_known(unknown, self.encoder_.categories)
        for one in unknown.values():
            if one.many:
                warnings.warn(f"{one.text}; they count as missing.", stacklevel=3)

    def _guess(self, X: Features) -> Floats:
        """What the students say, before level and slope, shape (n, arms)."""
        check_is_fitted(self, "boosters_")
        array = self.encoder_.transform(X)
        return X.once(self, lambda: self._read(array)) if isinstance(X, Rows) else self._read(array)

    def _raw(self, X: Features) -> Floats:
        guesses = self._guess(X)
        return self.calibration_.apply(guesses)

    def _read(self, array: Floats) -> Floats:
        if not len(array):  # LightGBM refuses empty input.
            return np.empty((0, len(self.arms_)))
        said = [booster.predict(array, num_threads=self.num_threads) for booster in self.boosters_]
        return np.asarray(np.column_stack(said) * self.reading_[:, 0] + self.reading_[:, 1])

    def _answer(self, X: Table, values: Floats) -> Table:
        """One column per arm, in the form in which `X` came."""
        if isinstance(X, Rows):
            return cast(Table, Rows(dict(zip(self.arms_, values.T, strict=True))))
        return cast(Table, pd.DataFrame(values, columns=self.arms_, index=X.index))

    def _raw_contributions(self, array: Floats, arm: int) -> Floats:
        if not len(array):
            return np.empty((0, self.n_features_in_ + 1))
        values = np.asarray(
            self.boosters_[arm].predict(array, pred_contrib=True, num_threads=self.num_threads)
        )
        calibration = self.calibration_
        (scale, shift), slope = self.reading_[arm], calibration.slope[arm]
        values = values * (scale * slope)
        values[:, -1] += calibration.level[arm] + slope * (shift - calibration.centre[arm])
        return np.asarray(values, dtype=np.float64)
