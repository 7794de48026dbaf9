"""Trials drawn from formulas, whose effects are known; see uplift_models.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

RATES = {"5%": 0.05, "10%": 0.1, "15%": 0.15, "20%": 0.2}


@dataclass
class Trial:
    """Rows of a trial and the true effects (n, arms) given the features."""

    X: pd.DataFrame
    y: np.ndarray
    arm: np.ndarray
    chance: np.ndarray | None
    effects: pd.DataFrame
    costs: np.ndarray
    rates: dict[str, float] | None = None


def features(rng: np.random.Generator, rows: int, columns: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Correlated columns: skewed, counts, with gaps, two categories; and their normal scores."""
    factors = max(2, columns // 6)
    loads = rng.normal(size=(factors, columns)) * (rng.random((factors, columns)) < 0.4)
    z = 0.6 * rng.normal(size=(rows, factors)) @ loads + rng.normal(size=(rows, columns))
    z /= z.std(axis=0)
    x = z.copy()
    x[:, ::3] = np.exp(0.8 * x[:, ::3])
    x[:, 1::5] = np.floor(np.exp(np.clip(x[:, 1::5], -4, 2.5)))
    X = pd.DataFrame(x, columns=[f"x{j}" for j in range(columns)])
    for j in range(2, columns, 4):
        X.loc[rng.random(rows) < 0.15, f"x{j}"] = np.nan
    steps = np.digitize(z[:, -1], [-1, 0, 0.5, 1.2])
    X[f"x{columns - 1}"] = pd.Categorical(np.array(list("abcde"))[steps])
    steps = np.digitize(z[:, -2], np.linspace(-1.5, 1.5, 7))
    X[f"x{columns - 2}"] = pd.Categorical(np.array(list("abcdefgh"))[steps])
    return X, z


def expit(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def offers(rng: np.random.Generator, rows: int, *, targeted: bool, effect: float) -> Trial:
    """Discounts: about 6 % buy, 10 % discount adds about 1.5 points if `effect` is 1; a third do
    not move, one in twenty is put off, half of the response leaves no trace in the features."""
    X, z = features(rng, rows, 40)
    s = rng.permutation(40)[:8]
    base = 0.9 * z[:, s[0]] + 0.5 * np.abs(z[:, s[1]]) + 0.4 * z[:, s[4]]
    base = base + 0.5 * z[:, s[2]] * (z[:, s[3]] > 0)
    base = -3.25 + 0.75 * base / base.std()
    seen = 0.8 * z[:, s[5]] + 0.7 * (z[:, s[2]] > 0.3) - 0.6 * z[:, s[0]]
    seen = seen + 0.5 * np.maximum(z[:, s[6]], 0)
    seen = (seen - seen.mean()) / seen.std()
    off = 0.5 * z[:, s[4]] - z[:, s[7]]
    off = off / off.std() > 1.64
    rates = np.array([0.0, *RATES.values()])

    def chance_to_buy(unseen: np.ndarray | float) -> np.ndarray:
        moved = np.maximum(np.sqrt(0.5) * (seen + unseen) + 0.43, 0)
        shift = 0.72 * moved[:, None] * (1 - np.exp(-rates / 0.1))
        shift = shift - 0.8 * off[:, None] * (rates > 0)
        return expit(base[:, None] + effect * shift)

    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    mean = sum(w * chance_to_buy(u) for u, w in zip(nodes, weights / weights.sum(), strict=True))
    if targeted:
        likely = expit(1.3 * (base + 3.2) + 0.5 * z[:, s[5]])[:, None]
        given = np.array([[1.6, 0.5, 0.3, 0.2, 0.1]]) + likely * [[-1.2, 0.3, 0.8, 0.9, 1.0]]
        given = given / given.sum(axis=1, keepdims=True)
    else:
        given = np.tile([0.3, 0.175, 0.175, 0.175, 0.175], (rows, 1))
    arm = (rng.random(rows)[:, None] > given.cumsum(axis=1)).sum(axis=1).clip(0, 4)
    p = chance_to_buy(rng.normal(size=rows))[np.arange(rows), arm]
    return Trial(
        X,
        (rng.random(rows) < p).astype(float),
        np.array(["none", *RATES], dtype=object)[arm],
        None if targeted else given[np.arange(rows), arm],
        pd.DataFrame(mean[:, 1:] - mean[:, :1], columns=list(RATES)),
        np.array([0.002, 0.0045, 0.009, 0.016]),
        RATES,
    )


def money(rng: np.random.Generator, rows: int, *, effect: float) -> Trial:
    """A mailing, spend in money: most spend nothing, baskets are log-normal; large effects."""
    X, z = features(rng, rows, 20)
    s = rng.permutation(20)[:6]
    base = -1.5 + 0.6 * z[:, s[0]] + 0.5 * z[:, s[1]] * (z[:, s[2]] > 0)
    shift = effect * (0.5 + 0.5 * z[:, s[3]] - 0.4 * (z[:, s[4]] > 0.5))
    basket = np.exp(3.3 + 0.3 * z[:, s[5]] + 0.25 * z[:, s[0]])
    mailed = rng.random(rows) < 0.5
    buys = rng.random(rows) < expit(base + shift * mailed)
    tau = (expit(base + shift) - expit(base)) * basket * np.exp(0.32)
    return Trial(
        X,
        buys * basket * np.exp(0.8 * rng.normal(size=rows)),
        np.where(mailed, "mail", "none"),
        np.full(rows, 0.5),
        pd.DataFrame({"mail": tau}),
        np.array([1.0]),
    )


def mailings(rng: np.random.Generator, rows: int, *, spend: bool) -> Trial:
    """Two e-mails against none, eight features, visits or the spend of the few who buy."""
    months, history = rng.integers(1, 13, rows), np.round(np.exp(rng.normal(5, 1, rows)), 2)
    men = rng.random(rows) < 0.55
    women = ~men | (rng.random(rows) < 0.2)
    new = rng.random(rows) < 0.5
    where = rng.choice(["urban", "suburban", "rural"], rows, p=[0.4, 0.45, 0.15])
    channel = rng.choice(["phone", "web", "both"], rows, p=[0.44, 0.44, 0.12])
    X = pd.DataFrame(
        {
            "months": months,
            "history": history,
            "men": men.astype(float),
            "women": women.astype(float),
            "new": new.astype(float),
            "where": pd.Categorical(where),
            "channel": pd.Categorical(channel),
        }
    )
    base = -2.1 - 0.07 * (months - 6) + 0.15 * (np.log(history) - 5) - 0.3 * new
    base = base + 0.25 * (channel == "both") + 0.15 * (where == "rural")
    first, second = 0.55 + 0.1 * men - 0.02 * (months - 6), 0.1 + 0.65 * women - 0.1 * men
    p = expit(np.column_stack([base, base + first, base + second]))
    arm = rng.integers(0, 3, rows)
    y = (rng.random(rows) < p[np.arange(rows), arm]).astype(float)
    effects = p[:, 1:] - p[:, :1]
    costs = np.array([0.03, 0.03])
    if spend:
        buys = 0.08 * (1 + 0.4 * new)
        y *= (rng.random(rows) < buys) * np.exp(rng.normal(np.log(115) - 0.32, 0.8, rows))
        effects, costs = effects * 115 * buys[:, None], np.array([0.35, 0.35])
    return Trial(
        X,
        y,
        np.array(["none", "men's", "women's"], dtype=object)[arm],
        np.full(rows, 1 / 3),
        pd.DataFrame(effects, columns=["men's", "women's"]),
        costs,
    )


def advert(rng: np.random.Generator, rows: int) -> Trial:
    """A large advertising trial: 85 % see it, 5 % act, small effects where interest is high."""
    X, z = features(rng, rows, 12)
    base = -4.2 + 1.3 * z[:, 0] + 0.8 * np.maximum(z[:, 1], 0) - 0.5 * z[:, 2]
    shift = 0.15 + 0.25 * np.maximum(z[:, 3], 0)
    shown = rng.random(rows) < 0.85
    return Trial(
        X,
        (rng.random(rows) < expit(base + shift * shown)).astype(float),
        np.where(shown, "advert", "none"),
        np.where(shown, 0.85, 0.15),
        pd.DataFrame({"advert": expit(base + shift) - expit(base)}),
        np.array([0.008]),
    )


SHAPES: dict[str, tuple[int, Callable[..., Trial], dict[str, Any]]] = {
    "discounts, randomised": (40_000, offers, {"targeted": False, "effect": 1.0}),
    "discounts, targeted": (40_000, offers, {"targeted": True, "effect": 1.0}),
    "large discounts effect, randomised": (20_000, offers, {"targeted": False, "effect": 2.0}),
    "large discounts effect, targeted": (20_000, offers, {"targeted": True, "effect": 2.0}),
    "few offers": (3_000, offers, {"targeted": False, "effect": 2.0}),
    "spend, large effect": (20_000, money, {"effect": 1.0}),
    "e-mails, visits": (20_000, mailings, {"spend": False}),
    "e-mails, spend": (40_000, mailings, {"spend": True}),
    "advert": (60_000, advert, {}),
    "no effect on purchase": (10_000, offers, {"targeted": False, "effect": 0.0}),
    "no effect on spend": (10_000, money, {"effect": 0.0}),
}


def drawn(shape: str, seed: int, share: float) -> tuple[Trial, Trial]:
    """The trial and as many other customers of it (at most 20,000) to judge by."""
    rows, make, options = SHAPES[shape]
    rows = int(rows * share)
    judged = min(rows, 20_000)
    whole = make(np.random.default_rng(1_000 + seed), rows + judged, **options)
    return _part(whole, slice(0, rows)), _part(whole, slice(rows, None))


def _part(trial: Trial, rows: slice) -> Trial:
    return Trial(
        trial.X.iloc[rows].reset_index(drop=True),
        trial.y[rows],
        trial.arm[rows],
        None if trial.chance is None else trial.chance[rows],
        trial.effects.iloc[rows].reset_index(drop=True),
        trial.costs,
        trial.rates,
    )
