"""Is the model better than the best simple one?"""

from __future__ import annotations

from neigung.judgement.check import Check, Examined, Said
from neigung.judgement.light import Status
from neigung.language import Message


def look(examined: Examined) -> Said:
    """As the verdict on the acceptance metric says."""
    verdict = examined.evaluation.verdict
    status: Status = "good" if verdict.beats_baseline else "bad"
    return Said(status if verdict.judged else "unknown", verdict.text)


CHECK = Check(
    code="baseline",
    title=Message("Against simple models"),
    care="",
    bad="not shown to beat the best simple model in the acceptance metric (95 % interval)",
    why="What a simple rule does as well needs no model; what is not shown is not taken for "
    "granted.",
    look=look,
)
