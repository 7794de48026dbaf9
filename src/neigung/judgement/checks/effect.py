"""Does the choice of offers earn more than every simple policy?"""

from __future__ import annotations

from neigung.judgement.check import Check
from neigung.judgement.checks import baseline
from neigung.language import Message

CHECK = Check(
    code="effect",
    title=Message("Choice of offers"),
    care="",
    bad="the choice is not shown to beat every simple policy (95 % intervals)",
    why="What a simple rule earns as well needs no model; what is not shown is not taken for "
    "granted.",
    look=baseline.look,
)
