"""Does a column explain so much that it may have been written after the outcome?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neigung.evaluation.stability import TOO_CLEAR, TOO_MUCH
from neigung.judgement.check import Check, Examined, Said
from neigung.judgement.light import Status
from neigung.judgement.quotes import inner
from neigung.language import Message, stored_in
from neigung.language.intervals import format_number
from neigung.language.numbers import share_text

if TYPE_CHECKING:
    from neigung.models.leaks import Leak

LEAK_BAD = 0.8
"""The share of the contributions of columns that separate the outcomes alone."""

LEAK_ATTRIBUTE = 0.05
"""The same of customers' attributes, which no rule of time has kept apart from the outcome."""

_TEXTS = {
    "good": Message(
        "No feature explains too much; the weightiest, “{text}”, has {share} of the contributions."
    ),
    "share": Message(
        "“{text}” alone has {share} of the contributions; make sure that it was known before the "
        "cutoff."
    ),
    "auroc": Message(
        "“{text}” alone separates the outcomes almost completely (AUROC {auroc}); make sure that "
        "it was known before the cutoff."
    ),
    "bad": Message(
        "“{text}” nearly decides alone: AUROC {auroc} by itself, and features like it have {share} "
        "of the contributions. It was probably written after the outcome."
    ),
    "proven": Message("A feature holds what came after the cutoff: {text}.{more}"),
    "more": Message(" {n} more do."),
    "constant": Message("The model makes nothing of any feature."),
    "declared": Message("The study says of every feature that it is known in advance."),
    "unknown": Message("Signs of a leak were not looked for."),
}


def look(examined: Examined) -> Said:
    """What is proven; else the heaviest column, and those that separate the outcomes alone."""
    if examined.leaks:
        return _proven(examined.leaks)
    stability = examined.stability
    if stability is None or stability.leaks.empty:
        return Said("unknown", _TEXTS["unknown"])
    table = stability.leaks[~stability.leaks["column"].isin([*examined.known_in_advance])]
    rows = table.to_dict("records")
    if not rows:
        return Said("good", _TEXTS["declared"])
    heaviest = max(rows, key=lambda row: row["share"])
    if not heaviest["share"] > 0:
        return Said("unknown", _TEXTS["constant"])
    clear = [row for row in rows if row["auroc"] >= TOO_CLEAR]
    share = sum(row["share"] for row in clear)
    # What was not gated in time, a customer's attribute, needs to explain less to be suspected.
    attributes = [row for row in clear if row["column"].startswith("attribute_")]
    certain = max((row["share"] for row in clear), default=0.0) >= TOO_MUCH
    if share >= LEAK_BAD or certain or sum(row["share"] for row in attributes) >= LEAK_ATTRIBUTE:
        return _said("bad", "bad", max(clear, key=lambda row: row["share"]), share)
    if heaviest["share"] >= TOO_MUCH:
        return _said("share", "care", heaviest, heaviest["share"])
    if clear:
        return _said("auroc", "care", max(clear, key=lambda row: row["auroc"]), share)
    return _said("good", "good", heaviest, heaviest["share"])


def _proven(leaks: Sequence[Leak]) -> Said:
    more = _TEXTS["more"].having(n=len(leaks) - 1) if leaks[1:] else ""
    return Said("bad", _TEXTS["proven"].having(text=leaks[0].text, more=more))


def _said(key: str, status: Status, row: Mapping[Any, Any], share: float) -> Said:
    return Said(
        status,
        _TEXTS[key].worded(
            lambda language: {
                "text": inner(row[f"text_{stored_in(language)}"]),
                "share": share_text(share, language),
                "auroc": format_number(float(row["auroc"]), language),
            },
        ),
    )


CHECK = Check(
    code="leak",
    title=Message("Leaks"),
    care=f"a column explains {TOO_MUCH:.0%}, or separates the outcomes alone with an AUROC of "
    f"{TOO_CLEAR:g}",
    bad=f"a column does both; columns that do separate them alone explain {LEAK_BAD:.0%}, or "
    f"{LEAK_ATTRIBUTE:.0%} where they are attributes of customers; a value proven to be later than "
    "the cutoff. Closes the gate, unless the study says that it is `known_in_advance`",
    why="What explains nearly everything was often written after the outcome.",
    source="Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4)",
    look=look,
)
