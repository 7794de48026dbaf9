"""From a booster's margin to a probability, by a straight line in log-odds."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from neigung.errors import InputError

Floats = npt.NDArray[np.float64]

MIN_SLOPE = 1e-3
"""The flattest line allowed: a margin of 5 then moves the log-odds by 0.005."""

_EDGE = 1e-3
"""A probability that effects carry beyond 0 or 1 stays this far inside."""


@dataclass(frozen=True)
class SigmoidCalibration:
    """Calibrated log-odds = `slope` * margin + `intercept`, with `slope` > 0.

    A positive slope keeps every rank, and a straight line keeps SHAP contributions exact: they are
    multiplied by the slope, and the intercept joins the base value.

    >>> SigmoidCalibration(slope=0.5, intercept=-1.0).apply(np.array([0.0, 2.0])).tolist()
    [-1.0, 0.0]
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, margin: Floats) -> Floats:
        """Calibrated log-odds, same shape as `margin` (log-odds of the booster)."""
        return self.slope * margin + self.intercept

    @classmethod
    def fit(
        cls, margin: npt.ArrayLike, y: npt.ArrayLike, effect: npt.ArrayLike | None = None
    ) -> Self:
        """Fit on rows that are later than those the margin's model was trained on.

        Platt, "Probabilistic outputs for support vector machines" (1999): maximum likelihood with
        targets drawn in from 0 and 1, so that perfectly separated rows give a finite slope. The
        slope has a floor, `MIN_SLOPE`. Rows in which a higher margin goes with fewer positives
        show no signal; the best line allowed is then the flattest one, through the base rate:
        every probability is about the base rate, and ranks stay as they were.

        Args:
            margin: Shape (n,), log-odds.
            y: Shape (n,), outcomes 0 or 1, both present.
            effect: Shape (n,), what is added to the probability of a row by other means, such as
                an offer; the line then stands for the probability without it.

        Raises:
            InputError: Only one outcome occurs.

        >>> fitted = SigmoidCalibration.fit([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])
        >>> fitted.slope > 0, round(abs(fitted.intercept), 6)
        (True, 0.0)
        >>> SigmoidCalibration.fit([0.1, 0.2], [1, 0]).slope
        0.001
        >>> ordered, moved = [1, 0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25]
        >>> without = SigmoidCalibration.fit([0.0] * 8, ordered, moved)
        >>> round(float(1 / (1 + np.exp(-without.intercept))), 2)  # 0.25, drawn in
        0.27
        """
        from scipy.optimize import minimize
        from scipy.special import expit

        m, labels = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64)
        positives = float(labels.sum())
        negatives = len(labels) - positives
        if not positives or not negatives:
            raise InputError(
                f"Calibration needs rows with and without the outcome, but of {len(labels)} rows "
                f"{positives:.0f} have it. Move the calibration cutoff or widen the population."
            )
        target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
        # Standardised, the optimiser meets the same problem whatever the scale of the margin.
        centre, scale = float(m.mean()), float(m.std()) or 1.0
        z = (m - centre) / scale

        added = None if effect is None else np.asarray(effect, dtype=np.float64)

        def loss(theta: Floats) -> tuple[float, Floats]:
            log_odds = theta[0] * z + theta[1]
            if added is None:
                error = expit(log_odds) - target
                likelihood = np.logaddexp(0, log_odds) - target * log_odds
            else:
                own = expit(log_odds)
                chance = np.clip(own + added, _EDGE, 1 - _EDGE)
                likelihood = -target * np.log(chance) - (1 - target) * np.log1p(-chance)
                error = (chance - target) / (chance * (1 - chance)) * own * (1 - own)
                error = np.where(chance == own + added, error, 0.0)
            return float(likelihood.mean()), np.array([(error * z).mean(), error.mean()])

        start = [max(1.0, MIN_SLOPE * scale), float(np.log(target.mean() / (1 - target.mean())))]
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(MIN_SLOPE * scale, None), (None, None)],
            options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000},
        )
        slope = max(float(found.x[0]) / scale, MIN_SLOPE)
        return cls(slope=slope, intercept=float(found.x[1]) - slope * centre)
