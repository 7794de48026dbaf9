"""Fit for use, use with care, or not fit: the verdict that a reviewer sees first.

Each check has limits, and a reason for them: see `neigung.judgement.checks`. What was not examined
is unknown, and as good as "with care": nobody may take silence for an all-clear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Self

from neigung.judgement.check import Examined
from neigung.judgement.checks import CHECKS
from neigung.judgement.light import Light
from neigung.language import ENGLISH, Language, Message

if TYPE_CHECKING:
    from neigung.evaluation.fairness.fairness import Fairness
    from neigung.evaluation.stability import Stability
    from neigung.evaluation.tested import Tested
    from neigung.models.leaks import Leak

Judgement = Literal["fit", "care", "not_fit", "open"]

_VERDICTS: dict[str, Message] = {
    "fit": Message("Fit for use"),
    "care": Message("Use with care"),
    "not_fit": Message("Not fit for use"),
    "open": Message("No verdict: too few outcomes"),
}
_SYMBOLS = {"good": "●", "care": "▲", "bad": "■", "unknown": "○"}


@dataclass(frozen=True, eq=False)
class Fitness:
    """The verdict and the lights it comes from; made by `judge_fitness`.

    `not_fit` when any light is bad, `open` when the test has too few outcomes to judge, `care` when
    any is with care or unknown, else `fit`. Keys of the lights: baseline, calibration, time,
    segments, or for offers effect, arms, placebo, overlap; then fairness, drift, leak, seed. Their
    limits stand in `neigung.judgement.checks`.
    """

    verdict: Judgement
    lights: tuple[Light, ...]

    def text(self, language: Language = ENGLISH) -> str:
        """The verdict in words: `Use with care`."""
        return _VERDICTS[self.verdict].to(language)

    def light(self, key: str) -> Light:
        """The light of one key; raises KeyError when there is none."""
        return {light.key: light for light in self.lights}[key]

    @property
    def reasons(self) -> tuple[Light, ...]:
        """The lights that are not good, the worst first: why the verdict is what it is."""
        order = ("bad", "care", "unknown")
        return tuple(light for status in order for light in self.lights if light.status == status)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values. `from_dict` reads it back."""
        return {"verdict": self.verdict, "lights": [light.to_dict() for light in self.lights]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(data["verdict"], tuple(Light.from_dict(light) for light in data["lights"]))

    def numbers(self) -> dict[str, float]:
        """How many lights have which status: `fitness.good`, `.care`, `.bad`, `.unknown`."""
        found: list[str] = [light.status for light in self.lights]
        return {f"fitness.{status}": float(found.count(status)) for status in _SYMBOLS}

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left">{_SYMBOLS[light.status]} {escape(light.word())}</td>'
            f'<td style="text-align:left">{escape(light.title())}</td>'
            f'<td style="text-align:left">{escape(light.text())}</td></tr>'
            for light in self.lights
        )
        return f"<p><b>{escape(self.text())}</b></p><table>{rows}</table>"


def judge_fitness(
    evaluation: Tested,
    *,
    stability: Stability | None = None,
    fairness: Fairness | None = None,
    leaks: Sequence[Leak] = (),
    known_in_advance: Collection[str] = (),
) -> Fitness:
    """Judge from all that was examined whether a model may be used.

    `leaks` are columns proven to hold the future; those of `known_in_advance` are no leaks, as the
    study says.

    >>> from types import SimpleNamespace
    >>> import numpy as np, pandas as pd
    >>> from neigung.evaluation.propensity.evaluate import evaluate
    >>> p = np.random.default_rng(0).random(600)
    >>> y = (np.random.default_rng(1).random(600) < p).astype(float)
    >>> frame = pd.DataFrame({"cutoff": [pd.Timestamp("2025-06-01")] * 600})
    >>> test = SimpleNamespace(frame=frame, y=y, groups=np.arange(600))
    >>> evaluation = evaluate(test, {"model": p, "bg_nbd": 0.3 + 0 * p}, repetitions=100)
    >>> fitness = judge_fitness(evaluation)
    >>> fitness.text(), fitness.light("baseline").status, fitness.light("drift").status
    ('Use with care', 'good', 'unknown')
    """
    examined = Examined(evaluation, stability, fairness, leaks, known_in_advance)
    lights = tuple(check.light(examined) for check in CHECKS[evaluation.kind])
    found = {light.status for light in lights}
    verdict: Judgement = "fit"
    if "bad" in found:
        verdict = "not_fit"
    elif not evaluation.verdict.judged:
        verdict = "open"
    elif found != {"good"}:
        verdict = "care"
    return Fitness(verdict, lights)
