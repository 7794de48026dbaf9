"""Fit for use, use with care, or not fit: the verdict that a reviewer sees first.

Each light has limits, and a reason for them. What was not examined is unknown, and as good as
"with care": nobody may take silence for an all-clear.

| light | with care | bad | why |
|---|---|---|---|
| baseline | | not shown to beat the best simple model | What a simple rule does as well needs no
  model; what is not shown is not taken for granted. |
| calibration | mean prediction off by 10 %, or tenths by 25 % of the rate, beyond chance | both
  from 50 % on | Rates themselves move by a tenth from month to month; half off, no budget and no
  expected order can be counted on. Van Calster et al. (2019), "Calibration: the Achilles heel of
  predictive analytics", BMC Medicine 17. |
| time | not ahead of the best simple model at an earlier cutoff, or a worse order in the test than
  at each of them, beyond chance | | One good month is no proof. |
| segments | behind the best simple model in a segment, beyond chance | | There the simple model is
  the better choice. |
| fairness | groups differ beyond chance and beyond the limits of `Fairness` | | Whether a
  difference is justified is for people to judge, not for a number. |
| drift | the prediction has a PSI from 0.1 on, or columns with more than a tenth of the weight have
  one from 0.25 on, beyond chance | | The test tells of customers who are no longer the same;
  Siddiqi (2006). |
| leak | a column explains 40 %, or separates the outcomes alone with an AUROC of 0.95 | a column
  does both; columns that do separate them alone explain 80 %, or 5 % where they are attributes of
  customers; a value proven to be later than the cutoff. Closes the gate, unless the study says that
  it is `known_in_advance` | What explains nearly everything was often written after the outcome;
  Kaufman et al. (2012). |
| seed | rank correlation below 0.9, or the metric spreads by more than half the lead over the
  baseline | | Who is chosen must not hang on a random number. |
| effect | | the choice is not shown to beat every simple policy | As for the baseline. |
| arms | not enough data on an arm, or an effect of none | | What an arm does is then not known. |
| placebo | | something was found where nothing can be | Then nothing else that was found counts. |
| overlap | fewer than 95 % drawn by lot, an arm that cannot be compared, or features that differ
  after weighting by 0.1 standard deviations, beyond chance | no arm can be compared | What guided
  the choice may be what seems to be the effect; Austin (2009). |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Self

from neigung.evaluation.evaluate import Evaluation
from neigung.evaluation.light import Light
from neigung.evaluation.light import Status as Status
from neigung.evaluation.offer_lights import offer_lights
from neigung.evaluation.propensity_lights import propensity_lights
from neigung.evaluation.shared_lights import shared_lights

if TYPE_CHECKING:
    from neigung.evaluation.fairness import Fairness
    from neigung.evaluation.offer_evaluation import OfferEvaluation
    from neigung.evaluation.stability import Stability
    from neigung.models.leaks import Leak

Judgement = Literal["fit", "care", "not_fit", "open"]

_VERDICTS: dict[str, tuple[str, str]] = {
    "fit": ("Fit for use", "Einsetzbar"),
    "care": ("Use with care", "Mit Vorsicht einsetzbar"),
    "not_fit": ("Not fit for use", "Nicht einsetzbar"),
    "open": ("No verdict: too few outcomes", "Kein Urteil: zu wenige Ergebnisse"),
}
_SYMBOLS = {"good": "●", "care": "▲", "bad": "■", "unknown": "○"}


@dataclass(frozen=True, eq=False)
class Fitness:
    """The verdict and the lights it comes from; made by `judge_fitness`.

    `not_fit` when any light is bad, `open` when the test has too few outcomes to judge, `care` when
    any is with care or unknown, else `fit`. Keys of the lights: baseline, calibration, time,
    segments, or for offers effect, arms, placebo, overlap; then fairness, drift, leak, seed. Their
    limits are those of the table above.
    """

    verdict: Judgement
    lights: tuple[Light, ...]

    def text(self, language: str = "en") -> str:
        """The verdict in words: `Use with care`."""
        return _VERDICTS[self.verdict][language == "de"]

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
        return {"verdict": self.verdict, "lights": [asdict(light) for light in self.lights]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(data["verdict"], tuple(Light(**light) for light in data["lights"]))

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
    evaluation: Evaluation | OfferEvaluation,
    *,
    stability: Stability | None = None,
    fairness: Fairness | None = None,
    leaks: Sequence[Leak] = (),
    known_in_advance: Collection[str] = (),
) -> Fitness:
    """Judge from all that was examined whether a model may be used; see the table above.

    `leaks` are columns proven to hold the future; those of `known_in_advance` are no leaks, as the
    study says.

    >>> from types import SimpleNamespace
    >>> import numpy as np, pandas as pd
    >>> from neigung.evaluation.evaluate import evaluate
    >>> p = np.random.default_rng(0).random(600)
    >>> y = (np.random.default_rng(1).random(600) < p).astype(float)
    >>> frame = pd.DataFrame({"cutoff": [pd.Timestamp("2025-06-01")] * 600})
    >>> test = SimpleNamespace(frame=frame, y=y, groups=np.arange(600))
    >>> evaluation = evaluate(test, {"model": p, "bg_nbd": 0.3 + 0 * p}, repetitions=100)
    >>> fitness = judge_fitness(evaluation)
    >>> fitness.text(), fitness.light("baseline").status, fitness.light("drift").status
    ('Use with care', 'good', 'unknown')
    """
    lights = (
        propensity_lights(evaluation)
        if isinstance(evaluation, Evaluation)
        else offer_lights(evaluation)
    )
    lights = (*lights, *shared_lights(evaluation, stability, fairness, leaks, known_in_advance))
    found = {light.status for light in lights}
    verdict: Judgement = "fit"
    if "bad" in found:
        verdict = "not_fit"
    elif not evaluation.verdict.judged:
        verdict = "open"
    elif found != {"good"}:
        verdict = "care"
    return Fitness(verdict, lights)
