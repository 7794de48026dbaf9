"""The tables of an evaluation of offers: rankings and policies beside simple ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.evaluation.clusters import Clusters, Estimate
from neigung.evaluation.named_numbers import MODEL
from neigung.evaluation.offers.offers_tested import OfferTest
from neigung.evaluation.offers.overlap import MOST_WITHOUT_CHANCE, without_chance
from neigung.evaluation.offers.policy import policy_matrix, policy_scores, simple_policies
from neigung.evaluation.offers.uplift import SHARES, Ranked, uplift_bands
from neigung.language.intervals import SAME

Floats = npt.NDArray[np.float64]

_COLUMNS = ["model", "metric", "value", "low", "high", "reason"]
_NOTHING = Estimate(float("nan"), float("nan"), float("nan"), float("nan"))
_TOPS = (0.1, 0.2, 0.3)
_NUMBERS = (
    *("value", "low", "high", "mean", "naive", "naive_low", "naive_high", "effect", "p", "needed"),
    *("predicted", "share", "gain", "before", "after", "randomised", "smallest", "q05", "median"),
    *("q95", "without_chance", "effective"),
)
TYPES: dict[str, Any] = {
    **dict.fromkeys(_NUMBERS, float),
    **{"n": int, "band": int, "best": bool, "found": bool, "usable": bool},
    "cutoff": "datetime64[us]",
}
"""The types of the columns of all tables."""


class TableMaker:
    """Makes the tables from the scores of a test.

    `effects` (n, arms) and `worth` (n, control and arms) are doubly robust scores, `overlap` is
    the table of that name, `chances` (n, control and arms) the chances before they are floored.
    """

    def __init__(
        self,
        test: OfferTest,
        clusters: Clusters,
        effects: pd.DataFrame,
        worth: pd.DataFrame,
        overlap: pd.DataFrame,
        chances: Any,
    ) -> None:
        self.test, self.clusters, self.effects, self.worth = test, clusters, effects, worth
        usable = overlap.set_index("arm")["usable"]
        self.usable = [name for name in test.arms if usable[name]]
        self._unsupported = unsupported(test, overlap, chances)
        self.ranked = {
            (MODEL, name): Ranked(test.uplift[name], effects[name]) for name in test.arms
        } | {
            ("likely_buyers", name): Ranked(test.purchase_score, effects[name])
            for name in test.arms
        }

    def metrics(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """The tables `metrics`, `differences` and `rankings`."""
        values, reasons = self._policies()
        rows = [
            (name, "policy_value", *self._mean(values[name], reasons[name]), reasons[name])
            for name in values
        ]
        differences = self._differences("policy_value", values, reasons, self._opponents(values))
        rankings = []
        of_arms = {name: self._influences(name) for name in self.test.arms}
        for metric in ("qini", "auuc", *(f"uplift_{share:.0%}"[:-1] for share in _TOPS)):
            for arm in self.test.arms:
                reason = "" if arm in self.usable else "arms"
                for model, found in of_arms[arm][metric].items():
                    rankings.append((arm, model, metric, *self._mean(found, reason), reason))
            reason = "" if self.usable else "arms"
            names = self.usable or self.test.arms
            means = {
                model: np.mean([of_arms[arm][metric][model] for arm in names], axis=0)
                for model in (MODEL, "likely_buyers", "random")
            }
            rows += [
                (model, metric, *self._mean(found, reason), reason)
                for model, found in means.items()
            ]
            differences += self._differences(
                metric, means, dict.fromkeys(means, reason), ["likely_buyers", "random"]
            )
        return (
            pd.DataFrame(rows, columns=_COLUMNS),
            pd.DataFrame(
                differences, columns=["baseline", "metric", "value", "low", "high", "best"]
            ),
            pd.DataFrame(rankings, columns=["arm", *_COLUMNS]),
        )

    def bands(self) -> pd.DataFrame:
        """Fifths by predicted uplift, of the arms that can be judged."""
        parts = [
            uplift_bands(self.test.uplift[name], self.effects[name], self.clusters).assign(arm=name)
            for name in self.usable
        ]
        columns = ["arm", "band", "n", "predicted", "effect", "low", "high"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else _empty(columns)

    def curves(self) -> pd.DataFrame:
        """The uplift curves of the arms that can be judged; only the model's has a band."""
        columns = ["arm", "model", "share", "gain", "low", "high"]
        parts = []
        for arm in self.usable:
            for model in (MODEL, "likely_buyers"):
                ranked = self.ranked[model, arm]
                table = pd.DataFrame({"share": SHARES, "gain": ranked.curve(SHARES)})
                limits = np.full((len(SHARES), 2), np.nan)
                if model == MODEL:
                    found = [self.clusters.mean(ranked.gain(share)) for share in SHARES]
                    limits = np.array([(one.low, one.high) for one in found])
                table = table.assign(arm=arm, model=model, low=limits[:, 0], high=limits[:, 1])
                parts.append(table[columns])
            line = SHARES * float(self.effects[arm].mean())
            table = pd.DataFrame({"share": SHARES, "gain": line}).assign(
                arm=arm, model="random", low=np.nan, high=np.nan
            )
            parts.append(table[columns])
        return pd.concat(parts, ignore_index=True) if parts else _empty(columns)

    def _influences(self, arm: str) -> dict[str, dict[str, Floats]]:
        """Influence values by metric and ranking."""
        effects = self.effects[arm].to_numpy(dtype=float)
        ranked = {model: self.ranked[model, arm] for model in (MODEL, "likely_buyers")}
        found = {
            "qini": {model: one.qini() for model, one in ranked.items()}
            | {"random": np.zeros(len(effects))},
            "auuc": {model: one.auuc() for model, one in ranked.items()} | {"random": effects / 2},
        }
        for share in _TOPS:
            found[f"uplift_{share:.0%}"[:-1]] = {
                model: one.uplift(share) for model, one in ranked.items()
            } | {"random": effects}
        return found

    def _policies(self) -> tuple[dict[str, Floats], dict[str, str]]:
        """What every policy earns by row, and why that cannot be judged."""
        test, arms = self.test, self.test.all_arms
        simple = simple_policies(test.chosen, arms, test.control, test.purchase_score)
        policies = {MODEL: policy_matrix(test.chosen, arms)}
        policies |= {name: simple.pop(name) for name in ("likely_buyers", "random")} | simple
        values = {name: policy_scores(policy, self.worth) for name, policy in policies.items()}
        reasons = {
            name: "support" if not is_supported(policy, self._unsupported) else ""
            for name, policy in policies.items()
        }
        values["as_given"], reasons["as_given"] = np.asarray(test.worth, dtype=float), ""
        return values, reasons

    def _opponents(self, values: dict[str, Floats]) -> list[str]:
        same = f"{SAME}{self.test.same_for_all}"
        return [name for name in values if name == same or not name.startswith((SAME, MODEL))]

    def _differences(
        self,
        metric: str,
        values: dict[str, Floats],
        reasons: dict[str, str],
        opponents: list[str],
    ) -> list[tuple[Any, ...]]:
        best = max(opponents, key=lambda name: float(values[name].mean()))
        rows = []
        for name, found in values.items():
            if name != MODEL:
                own = values[MODEL]
                difference = own - found
                # Policies that agree differ by rounding, which would pass for certainty.
                same = np.abs(difference) <= 1e-12 * (np.abs(own) + np.abs(found))
                numbers = self._mean(np.where(same, 0, difference), reasons[MODEL] or reasons[name])
                rows.append((name, metric, *numbers, name == best))
        return rows

    def _mean(self, influence: Floats, reason: str) -> tuple[float, float, float]:
        found = _NOTHING if reason else self.clusters.mean(influence)
        return found.value, found.low, found.high


def unsupported(test: OfferTest, overlap: pd.DataFrame, chances: Any) -> npt.NDArray[np.bool_]:
    """Which arm (n, control and arms) hardly anybody like a customer got."""
    # An arm that was hardly given at all has no support anywhere.
    enough = overlap.set_index("arm").loc[test.all_arms]
    rare = (enough[["n", "effective"]].min(axis=1) < 50 - 1e-9).to_numpy()
    return np.asarray(without_chance(chances, test.randomised) | rare)


def is_supported(policy: Any, unsupported: npt.NDArray[np.bool_]) -> bool:
    """Whether a policy (n, control and arms) gives such arms to no more than a few."""
    return float((policy * unsupported).sum(axis=1).mean()) <= MOST_WITHOUT_CHANCE


def _empty(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=columns)
