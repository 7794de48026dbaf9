"""The first screen of every report: the verdict, the checks it comes from, and tiles of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neigung.features.feature import Language
from neigung.report.page import capital
from neigung.report.traced import Measured, Numbers

if TYPE_CHECKING:
    from neigung.judgement.fitness import Fitness
    from neigung.judgement.light import Light

_VERDICTS = {"fit": "good", "care": "care", "not_fit": "bad", "open": "unknown"}
_ANCHORS = {
    **{"baseline": "metrics", "calibration": "calibration", "time": "folds"},
    **{"segments": "segments", "fairness": "fairness", "drift": "drift"},
    **{"leak": "leaks", "seed": "seeds"},
}
_WIDTH, _EDGE, _ROWS = 200.0, 6.0, (9, 21)


class Front:
    """The verdict in one language; `t` are the words of the page.

    `anchors` says where in the page a light's details stand, beyond those of every report.
    """

    def __init__(
        self,
        fitness: Fitness,
        t: Mapping[str, Any],
        language: Language,
        anchors: Mapping[str, str] | None = None,
    ) -> None:
        self.fitness, self.t = fitness, t
        self.language: Language = language
        self.anchors = _ANCHORS | dict(anchors or {})

    def verdict(self) -> dict[str, Any]:
        """What the colour says in words, the checks it comes from, and those that went well."""
        passed = [light for light in self.fitness.lights if light.status == "good"]
        return {
            "status": _VERDICTS[self.fitness.verdict],
            "title": self.fitness.text(self.language),
            "say": self.t["fitness_say"][self.fitness.verdict],
            "reasons": [self._light(light) for light in self.fitness.reasons],
            "passed": [self._light(light) for light in passed],
        }

    def _light(self, light: Light) -> dict[str, Any]:
        """A check; its word says the same as its colour and shape."""
        return {
            "status": light.status,
            "word": light.word(self.language),
            "title": light.title(self.language),
            "text": light.text(self.language),
            "anchor": self.anchors.get(light.key),
        }


def tile(
    name: str,
    number: Measured,
    *,
    no_interval: str,
    lines: Sequence[Any] = (),
    meaning: str = "",
    decides: bool = False,
    unit: str = "",
    scale: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A number that matters, with its interval and what it is to be compared with."""
    return {
        **{"name": capital(name), "value": number.value, "unit": unit},
        "interval": number.interval() or no_interval,
        **{"lines": list(lines), "meaning": meaning, "decides": decides, "scale": scale},
    }


def scale(numbers: Numbers, ours: str, theirs: str, alt: str) -> dict[str, Any] | None:
    """Two numbers with their intervals on one line, as a tile draws them; None where one lacks.

    `ours` and `theirs` are names of numbers.

    >>> values = {"a": 0.8, "a.low": 0.7, "a.high": 0.9, "b": 0.6, "b.low": 0.5, "b.high": 0.7}
    >>> drawn = scale(Numbers(values, "en"), "a", "b", "0.8 beside 0.6")
    >>> [(bar["kind"], bar["low"], bar["at"], bar["high"]) for bar in drawn["bars"]]
    [('ours', 100.0, 147.0, 194.0), ('theirs', 6.0, 53.0, 100.0)]
    """
    names = [f"{name}{end}" for name in (ours, theirs) for end in (".low", "", ".high")]
    if any(name not in numbers for name in names):
        return None
    found = [numbers.values[name] for name in names]
    least, span = min(found), (max(found) - min(found)) or 1.0
    places = [round(_EDGE + (value - least) / span * (_WIDTH - 2 * _EDGE), 1) for value in found]
    bars = [
        {"kind": kind, "low": low, "at": at, "high": high, "y": y}
        for kind, y, (low, at, high) in zip(
            ("ours", "theirs"), _ROWS, (places[:3], places[3:]), strict=True
        )
    ]
    return {"bars": bars, "alt": alt}
