"""Single customers of a propensity's report: high, middle, low, both sides of the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neigung.explanation.explain import Explanation
from neigung.explanation.reasons import reasons
from neigung.features.feature import Language
from neigung.language.units import amount
from neigung.language.values import value_text
from neigung.report.lookup import Person, sampled
from neigung.report.page import picture

if TYPE_CHECKING:
    from neigung.models.propensity.artefact import Artefact

_REASONS, _BARS = 5, 6
_LEAST = 0.005
"""What is smaller in log-odds rounds to nothing, and is told as no reason."""

Lines = list[tuple[str, str, str, str]]
"""Reasons: size, direction, its word, sentence."""


class People:
    """Some of the explained customers in one language; `t` are the words of the page."""

    def __init__(
        self, artefact: Artefact, explanation: Explanation, t: dict[str, Any], language: Language
    ) -> None:
        self.artefact, self.explanation, self.t = artefact, explanation, t
        self.language: Language = language
        predicted = artefact.predict(explanation.X)
        self.probability = predicted["probability"].to_numpy(dtype=np.float64)
        self.bands = predicted["band"].to_numpy()
        self.order = np.argsort(-self.probability, kind="stable")

    def told(self) -> list[dict[str, Any]]:
        """The highest, both sides of the top band's threshold, the middle and the lowest."""
        told: list[dict[str, Any]] = []
        seen: set[int] = set()
        top = self.bands[self.order[0]] if len(self.order) else ""
        for key, row in self._chosen().items():
            if row in seen:
                continue
            seen.add(row)
            letter = "ABCDE"[len(told)]
            figure = self.explanation.plot_row(row, self.language, _BARS)
            [one] = self._reasons([row])
            told.append(
                {
                    "name": self.t["customer"].format(letter=letter),
                    "chosen": self.t[key].format(band=self.band(top)),
                    "probability": self._probability(row),
                    "band": self._quoted(row),
                    "reasons": one,
                    "waterfall": picture(figure, self.t["alt_waterfall"].format(letter=letter)),
                }
            )
        return told

    def _chosen(self) -> dict[str, int]:
        order = self.order
        if not len(order):
            return {}
        # Bands follow the probability: the top one is a first part of the order.
        inside = int((self.bands == self.bands[order[0]]).sum())
        chosen = {"highest": order[0], "inside": order[inside - 1]}
        if inside < len(order):
            chosen["outside"] = order[inside]
        chosen |= {"median": order[len(order) // 2], "lowest": order[-1]}
        return {key: int(row) for key, row in chosen.items()}

    def sample(self, count: int) -> list[Person]:
        """Some customers to look up, evenly from the highest to the lowest prediction."""
        rows = [int(self.order[place]) for place in sampled(len(self.order), count)]
        people = []
        for row, told in zip(rows, self._reasons(rows), strict=True):
            says = f"{self.t['probability']} {self._probability(row)}, {self.t['band']} "
            people.append(
                Person(
                    says=says + self._quoted(row),
                    bar=(0.0, float(self.probability[row])),
                    reasons=(("", told),) if told else (),
                )
            )
        return people

    def bands_say(self) -> str:
        """Which share of the customers each band holds, from the top."""
        shares, top = [], 100.0
        for name, start in sorted(self.artefact.bands, key=lambda band: -band[1]):
            share = value_text((top - start) / 100, "share", self.language)
            shares.append(f"{self.band(name)} {share}")
            top = start
        return str(self.t["bands_say"]).format(bands=", ".join(shares))

    def band(self, name: Any) -> str:
        """A band as the page names it."""
        return band_text(name, self.t)

    def _reasons(self, rows: Sequence[int]) -> list[Lines]:
        if not len(rows):
            return []
        given = self.explanation.contributions.take(rows)
        return [
            [
                (
                    amount(reason.contribution, "log_odds", 2, self.language),
                    "raises" if reason.contribution > 0 else "lowers",
                    str(self.t["raises" if reason.contribution > 0 else "lowers"]),
                    reason.text(self.language),
                )
                for reason in found
                if abs(reason.contribution) >= _LEAST
            ]
            for found in reasons(given, self.explanation.X.iloc[list(rows)], _REASONS)
        ]

    def _probability(self, row: int) -> str:
        return value_text(self.probability[row], "share", self.language)

    def _quoted(self, row: int) -> str:
        return value_text(self.band(self.bands[row]), "category", self.language)


def band_text(name: Any, t: Mapping[str, Any]) -> str:
    """A band's name for readers; the user's own names stay."""
    return str(t["bands"].get(name, name))
