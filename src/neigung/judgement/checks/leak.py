"""Does a column explain so much that it may have been written after the outcome?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neigung.evaluation.stability import TOO_CLEAR, TOO_MUCH
from neigung.judgement.check import Check, Examined, Said, told
from neigung.judgement.light import Status
from neigung.judgement.quotes import inner
from neigung.language.intervals import format_number, share_text

LEAK_BAD = 0.8
"""The share of the contributions of columns that separate the outcomes alone."""

_TEXTS = {
    "good": (
        "No feature explains too much; the weightiest, “{text}”, has {share} of the contributions.",
        "Kein Merkmal erklärt zu viel; das gewichtigste, „{text}“, hat {share} der Beiträge.",
    ),
    "share": (
        "“{text}” alone has {share} of the contributions; make sure that it was known before the "
        "cutoff.",
        "„{text}“ allein hat {share} der Beiträge; es muss sicher sein, dass das Merkmal schon vor "
        "dem Stichtag bekannt war.",
    ),
    "auroc": (
        "“{text}” alone separates the outcomes almost completely (AUROC {auroc}); make sure that "
        "it was known before the cutoff.",
        "„{text}“ allein trennt die Ergebnisse fast vollständig (AUROC {auroc}); es muss sicher "
        "sein, dass das Merkmal schon vor dem Stichtag bekannt war.",
    ),
    "bad": (
        "“{text}” nearly decides alone: AUROC {auroc} by itself, and features like it have {share} "
        "of the contributions. It was probably written after the outcome.",
        "„{text}“ entscheidet fast allein: AUROC {auroc} für sich, und solche Merkmale haben "
        "{share} der Beiträge. Vermutlich wurde es erst nach dem Ergebnis geschrieben.",
    ),
    "constant": (
        "The model makes nothing of any feature.",
        "Das Modell nutzt kein einziges Merkmal.",
    ),
    "unknown": (
        "Signs of a leak were not looked for.",
        "Nach einem Datenleck wurde nicht gesucht.",
    ),
}


def look(examined: Examined) -> Said:
    """The heaviest column, and those that separate the outcomes alone."""
    stability = examined.stability
    if stability is None or stability.leaks.empty:
        return Said("unknown", _TEXTS["unknown"])
    rows = stability.leaks.to_dict("records")
    heaviest = max(rows, key=lambda row: row["share"])
    if not heaviest["share"] > 0:
        return Said("unknown", _TEXTS["constant"])
    clear = [row for row in rows if row["auroc"] >= TOO_CLEAR]
    share = sum(row["share"] for row in clear)
    if share >= LEAK_BAD:
        return _said("bad", "bad", max(clear, key=lambda row: row["share"]), share)
    if heaviest["share"] >= TOO_MUCH:
        return _said("share", "care", heaviest, heaviest["share"])
    if clear:
        return _said("auroc", "care", max(clear, key=lambda row: row["auroc"]), share)
    return _said("good", "good", heaviest, heaviest["share"])


def _said(key: str, status: Status, row: Mapping[Any, Any], share: float) -> Said:
    return Said(
        status,
        told(
            _TEXTS[key],
            lambda language: {
                "text": inner(row[f"text_{language}"]),
                "share": share_text(share, language),
                "auroc": format_number(float(row["auroc"]), language),
            },
        ),
    )


CHECK = Check(
    code="leak",
    title=("Leaks", "Datenlecks"),
    care=f"a column explains {TOO_MUCH:.0%}, or separates the outcomes alone with an AUROC of "
    f"{TOO_CLEAR:g}",
    bad=f"columns that do separate them alone explain {LEAK_BAD:.0%}",
    why="What explains nearly everything was often written after the outcome.",
    source="Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4)",
    look=look,
)
