"""Can the arms be compared at all?"""

from __future__ import annotations

import math

import numpy as np

from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
from neigung.evaluation.offers.overlap import IMBALANCE
from neigung.evaluation.psi import FALSE_ALARM
from neigung.judgement.check import Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language import Message
from neigung.language.numbers import number_text, share_text

KNOWN_CHANCES = 0.95
"""The share of offers that must have been drawn by lot."""

_TEXTS = {
    "good": Message(
        "The arms can be compared: {known} of the offers were drawn by lot with known chances, and "
        "no feature differs by more than {limit} standard deviations after weighting."
    ),
    "estimated": Message(
        "Only {known} of the offers were drawn by lot; what else guided the choice can distort the "
        "comparison."
    ),
    "arms": Message(
        "{k} of {n} arms cannot be compared, because too few customers got them or could have: "
        "{names}."
    ),
    "balance": Message(
        "Even after weighting, {k} of {n} features differ between the arms, most of all {names} "
        "({size} standard deviations)."
    ),
    "bad": Message(
        "No arm can be compared with the control: too few customers got one or could have."
    ),
}


def look(examined: Examined) -> Said:
    """How much was drawn by lot, which arms have no like, which features differ."""
    evaluation: OfferEvaluation = examined.evaluation
    table = evaluation.overlap
    others = table[table["arm"] != evaluation.control]
    lost = list(others[~others["usable"]]["arm"])
    rows = float(table["n"].sum())
    known = float((table["n"] * table["randomised"]).sum() / rows) if rows else 0.0
    apart, columns = _unbalanced(evaluation)
    worst = max(apart, key=lambda name: apart[name]) if apart else ""
    key, k, n, names = "good", 0, 0, ""
    if len(lost) == len(others):
        key = "bad"
    elif lost:
        key, k, n, names = "arms", len(lost), len(others), ", ".join(lost)
    elif known < KNOWN_CHANCES:
        key = "estimated"
    elif apart:
        key, k, n, names = "balance", len(apart), columns, worst
    status: Status = "good" if key == "good" else "bad" if key == "bad" else "care"
    # Rounding must not turn almost all into all.
    share = math.floor(100 * known) / 100
    return Said(
        status,
        _TEXTS[key].worded(
            lambda language: {
                **{"k": k, "n": n, "names": names, "known": share_text(share, language)},
                "limit": number_text(IMBALANCE, 1, language),
                "size": number_text(apart.get(worst, 0), 2, language),
            },
        ),
    )


def _unbalanced(evaluation: OfferEvaluation) -> tuple[dict[str, float], int]:
    """Features that differ after weighting by more than the limit and more than by chance.

    By chance a standardised difference between groups of n and m rows has the standard error
    sqrt(1 / n + 1 / m); the limit is Bonferroni's for all features and arms.
    """
    table = evaluation.balance
    if table.empty:
        return {}, 0
    from scipy.stats import norm

    rows = evaluation.overlap.set_index("arm")["effective"]
    one, other = table["arm"].map(rows).to_numpy(dtype=float), float(rows[evaluation.control])
    error = np.sqrt(1 / np.maximum(one, 1) + 1 / max(other, 1))
    limit = np.maximum(IMBALANCE, norm.isf(FALSE_ALARM / len(table) / 2) * error)
    size = table["after"].abs()
    apart = size[size.to_numpy() > limit].groupby(table["column"]).max()
    return {str(name): float(value) for name, value in apart.items()}, table["column"].nunique()


CHECK = Check(
    code="overlap",
    title=Message("Comparability"),
    care=f"fewer than {KNOWN_CHANCES:.0%} drawn by lot, an arm that cannot be compared, or "
    f"features that differ after weighting by {IMBALANCE:g} standard deviations, beyond chance",
    bad="no arm can be compared",
    why="What guided the choice may be what seems to be the effect.",
    source="Austin (2009), Balance diagnostics for comparing the distribution of baseline "
    "covariates, Statistics in Medicine 28",
    look=look,
)
