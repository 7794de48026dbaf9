"""BG/NBD: who is still a customer, and how soon the next order comes.

While alive, a customer orders at random with a rate of his own; after each order he leaves for
good with a probability of his own. Rates differ between customers as a gamma(r, alpha)
distribution, the probabilities of leaving as a beta(a, b).

Source: Fader, Hardie and Lee (2005), "Counting your customers the easy way: an alternative to the
Pareto/NBD model", Marketing Science 24(2), 275-284.

Of a customer three numbers are needed: `x` repeat orders (the first one does not count), `t_x` age
at the last order and `T` age now, both counted from the first order, in any unit of time.
"""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError

Floats = npt.NDArray[np.float64]

# In units of the mean age. Identical customers drive the parameters to infinity, and customers
# who never leave drive a to 0: the forecast no longer changes there, so the search stops here.
_LOWEST, _HIGHEST = np.log(1e-5), np.log(1e4)
_STARTS = ((0.25, 0.15, 0.8, 2.5), (1.0, 1.0, 1.0, 1.0), (3.0, 0.5, 0.1, 3.0))


class BGNBD:
    """The BG/NBD model, fitted by maximum likelihood in the manner of scikit-learn.

    After `fit`: `r_`, `alpha_` (in the unit of time of the data), `a_`, `b_`, `log_likelihood_`,
    and `identified_`: False when nobody ever ordered again, so that nothing can be estimated. Then
    the rate is half an order in all the observed time (r = 0.5, alpha = sum of T; the Jeffreys
    prior after seeing none), and a = b = 1.

    >>> model = BGNBD().fit(x=[2, 0, 5], t_x=[20, 0, 30], T=[40, 30, 35])
    >>> bool(model.probability_alive([2], [20], [40])[0] < model.probability_alive([2], [39], [40]))
    True
    """

    r_: float
    alpha_: float
    a_: float
    b_: float
    log_likelihood_: float
    identified_: bool

    def fit(self, x: Any, t_x: Any, T: Any) -> Self:
        """Estimates the four parameters from `x`, `t_x`, `T`, each (n,).

        Raises InputError when there is no customer, or numbers are missing, negative, or t_x > T.
        """
        from scipy.optimize import minimize

        x, t_x, T = _checked(x, t_x, T)
        if not x.any() or not t_x.any():
            self.r_, self.alpha_, self.a_, self.b_ = 0.5, float(max(T.sum(), 1.0)), 1.0, 1.0
            self.identified_ = False
        else:
            # Time in units of the mean age keeps the search well conditioned, days or weeks.
            scale = float(T.mean())
            # Customers with the same history share a row: a large shop has many of them.
            history = pd.DataFrame({"x": x, "t_x": t_x / scale, "T": T / scale})
            rows = history.groupby(["x", "t_x", "T"], sort=True).size().reset_index(name="n")
            data = tuple(rows[name].to_numpy(dtype=float) for name in ("x", "t_x", "T", "n"))

            fits = [
                minimize(
                    _negative_mean_log_likelihood,
                    np.log(start),
                    args=data,
                    jac=True,
                    method="L-BFGS-B",
                    bounds=[(_LOWEST, _HIGHEST)] * 4,
                    options={"ftol": 1e-12, "gtol": 1e-7, "maxiter": 300},
                )
                for start in _STARTS
            ]
            best = min(fits, key=lambda fit: float(fit.fun))
            self.r_, self.alpha_, self.a_, self.b_ = (float(v) for v in np.exp(best.x))
            self.alpha_ *= scale
            self.identified_ = True
        self.log_likelihood_ = self.log_likelihood(x, t_x, T)
        return self

    def log_likelihood(self, x: Any, t_x: Any, T: Any) -> float:
        """Log likelihood of the data at the fitted parameters (paper, equation 6)."""
        x, t_x, T = _checked(x, t_x, T)
        theta = np.log([self.r_, self.alpha_, self.a_, self.b_])
        mean, _ = _negative_mean_log_likelihood(theta, x, t_x, T, np.ones_like(x))
        return -mean * len(x)

    def probability_alive(self, x: Any, t_x: Any, T: Any) -> Floats:
        """Probability (n,) that the customer has not left by `T`; 1 without a repeat order.

        >>> model = BGNBD().fit(x=[2, 0, 5], t_x=[20, 0, 30], T=[40, 30, 35])
        >>> float(model.probability_alive([0], [0], [40])[0])
        1.0
        """
        x, t_x, T = _checked(x, t_x, T)
        return 1 - _left(x, t_x, T, self.r_, self.alpha_, self.a_, self.b_)

    def probability_of_order(self, x: Any, t_x: Any, T: Any, horizon: float) -> Floats:
        """Probability (n,) of at least one order in (T, T + horizon].

        P(alive) x (1 - ((alpha + T) / (alpha + T + horizon)) ** (r + x)). Why: given the history
        and that the customer is alive at T, his rate is gamma(r + x, alpha + T); he can leave only
        just after an order, so the wait for the next one is exponential with that rate, and the
        mean of exp(-rate x horizon) over the gamma is the power.

        >>> model = BGNBD().fit(x=[2, 0, 5], t_x=[20, 0, 30], T=[40, 30, 35])
        >>> p = model.probability_of_order([2, 2], [35, 35], [40, 40], horizon=30)
        >>> bool(0 < p[0] < 1)
        True
        """
        x, t_x, T = _checked(x, t_x, T)
        wait = -(self.r_ + x) * np.log1p(_checked_horizon(horizon) / (self.alpha_ + T))
        order: Floats = -np.expm1(wait)
        return self.probability_alive(x, t_x, T) * order

    def expected_orders(self, x: Any, t_x: Any, T: Any, horizon: float) -> Floats:
        """Expected number (n,) of orders in (T, T + horizon] (paper, equation 10).

        The hypergeometric function is taken after Euler's transformation, where its first two
        parameters no longer grow with x: with z = horizon / (alpha + T + horizon),
        (a + b + x - 1) / (a - 1) x (1 - (1 - z)**(a - 1) 2F1(a + b - 1 - r, a - 1; a + b + x - 1;
        z)) x P(alive).
        """
        from scipy.special import hyp2f1

        x, t_x, T = _checked(x, t_x, T)
        r, a, b = self.r_, self.a_, self.b_
        # The formula has removable poles at a = 1 and a + b + x = 1; a step aside changes nothing.
        if abs(a - 1) < 1e-6 or abs(a + b - 1) < 1e-6:
            a += 2e-6
        z = _checked_horizon(horizon) / (self.alpha_ + T + horizon)
        c = a + b + x - 1
        series = hyp2f1(a + b - 1 - r, a - 1, c, z)
        orders = c / (a - 1) * (1 - (1 - z) ** (a - 1) * series)
        # Beyond what the series can tell, those of somebody who never leaves: at most so many.
        orders = np.where(np.isfinite(orders), orders, (r + x) * horizon / (self.alpha_ + T))
        orders = self.probability_alive(x, t_x, T) * np.maximum(orders, 0)
        return np.asarray(orders, dtype=float)


def _left(x: Floats, t_x: Floats, T: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
    """Probability of having left: 1 / (1 + A3 / A4) in the paper's terms, 0 if x = 0."""
    from scipy.special import expit

    odds = np.log(a) - np.log(np.maximum(b + x - 1, 1e-300))
    odds += (r + x) * (np.log(alpha + T) - np.log(alpha + t_x))
    left: Floats = np.where(x > 0, expit(odds), 0.0)
    return left


def _negative_mean_log_likelihood(
    theta: Floats, x: Floats, t_x: Floats, T: Floats, n: Floats
) -> tuple[float, Floats]:
    """Value and gradient in the logs of (r, alpha, a, b), for histories that occur n times."""
    from scipy.special import betaln, digamma, gammaln

    r, alpha, a, b = np.exp(theta)
    left = _left(x, t_x, T, r, alpha, a, b)
    log_now, log_then = np.log(alpha + T), np.log(alpha + t_x)
    # The paper's A3 and A4, in logs; betaln gives A2, digamma differences are its slopes.
    alive_part = -(r + x) * log_now
    left_part = np.where(
        x > 0, np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)) - (r + x) * log_then, -np.inf
    )
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    value += np.logaddexp(alive_part, left_part)
    leave = digamma(a + b) - digamma(a + b + x)
    gradient = np.stack(
        [
            digamma(r + x) - digamma(r) + np.log(alpha) - (1 - left) * log_now - left * log_then,
            r / alpha - (r + x) * ((1 - left) / (alpha + T) + left / (alpha + t_x)),
            leave + left / a,
            leave + digamma(b + x) - digamma(b) - left / np.where(x > 0, b + x - 1, 1.0),
        ]
    )
    total = n.sum()
    return -float(n @ value / total), -(gradient @ n) / total * np.exp(theta)


def _checked(x: Any, t_x: Any, T: Any) -> tuple[Floats, Floats, Floats]:
    x, t_x, T = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, t_x, T))
    if not (x.shape == t_x.shape == T.shape and x.ndim == 1 and len(x)):
        raise InputError(
            "BG/NBD needs x, t_x and T of one length above zero, "
            f"but found shapes {x.shape}, {t_x.shape}, {T.shape}."
        )
    good = np.isfinite(x) & np.isfinite(T) & (x >= 0) & (t_x >= 0) & (t_x <= T)
    if not good.all():
        i = int(np.argmin(good))
        raise InputError(
            "BG/NBD needs x >= 0 and 0 <= t_x <= T, but "
            f"{np.count_nonzero(~good)} customers break this, for example "
            f"x={x[i]}, t_x={t_x[i]}, T={T[i]}."
        )
    return x, t_x, T


def _checked_horizon(horizon: float) -> float:
    if not (np.isfinite(horizon) and horizon > 0):
        raise InputError(f"BG/NBD needs a horizon above zero, but got {horizon}.")
    return float(horizon)
